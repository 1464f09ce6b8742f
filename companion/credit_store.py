"""Owns the tables of the credit file, the lists, the number pools and the receivable ledger, and their queries.

Never decides: `companion.creditfile`, `companion.pool` and `companion.ledger` do, in one transaction with the journal entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, Literal, cast

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from companion.credit import CreditEvent
from companion.lists import Entry, expires_on, is_sector, list_rules
from core.db import Base, Json, UtcDateTime
from core.errors import NotFound

_AT_ONCE = 500  # subjects in one query


class CreditEventRow(Base):
    """A fact in a credit file; only `repaired_on` is ever added."""

    __tablename__ = "companion_credit_event"
    ref: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    day: Mapped[date]
    domain: Mapped[str]
    source: Mapped[str]
    repaired_on: Mapped[date | None]


class ListEntryRow(Base):
    """An entry of a red or black list, from proposal to end."""

    __tablename__ = "companion_list_entry"
    __table_args__ = (UniqueConstraint("subject", "list", "domain", "criterion", "proposed_on"),)
    ref: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    list: Mapped[str]
    domain: Mapped[str]
    criterion: Mapped[str]
    state: Mapped[str]
    proposed_on: Mapped[date]
    effective_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    end_reason: Mapped[str | None]
    repair: Mapped[dict[str, Any] | None] = mapped_column(Json)


class ListNoteRow(Base):
    """A step, notice, objection or answer of a list entry with who took it and why; append only. `day` is the local day."""

    __tablename__ = "companion_list_note"
    id: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(ForeignKey("companion_list_entry.ref"), index=True)
    kind: Mapped[str]
    reason: Mapped[str]
    day: Mapped[date]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str]
    role: Mapped[str]


class PoolNumberRow(Base):
    """A number made beforehand. It goes to one subject, once."""

    __tablename__ = "companion_pool_number"
    __table_args__ = (UniqueConstraint("pool", "subject"),)
    pool: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str | None] = mapped_column(index=True)
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    verified_on: Mapped[date | None]
    used_on: Mapped[date | None]


class PoolWaitRow(Base):
    """A subject that asked an empty pool; served in this order."""

    __tablename__ = "companion_pool_wait"
    __table_args__ = (UniqueConstraint("pool", "subject"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    pool: Mapped[str]
    subject: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeclarationRow(Base):
    """A customs declaration; amounts in fen. `open_fen` never passes `amount_fen` by a new loan."""

    __tablename__ = "companion_declaration"
    __table_args__ = (CheckConstraint("open_fen >= 0", name="open_not_negative"),)
    number: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    open_fen: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    call_ref: Mapped[str | None]


class FinancingRow(Base):
    """A loan on a declaration; the row stays after repayment."""

    __tablename__ = "companion_financing"
    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(ForeignKey("companion_declaration.number"), index=True)
    bank: Mapped[str] = mapped_column(index=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    flag: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class QueryGrantRow(Base):
    """A firm's permission for a bank to read its credit fields."""

    __tablename__ = "companion_query_grant"
    subject: Mapped[str] = mapped_column(primary_key=True)
    bank: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[date]


def events_of(session: Session, subject: str) -> list[CreditEvent]:
    rows = session.scalars(
        select(CreditEventRow).where(CreditEventRow.subject == subject).order_by(CreditEventRow.day, CreditEventRow.ref)
    )
    return [CreditEvent(row.ref, row.kind, row.day, row.domain, row.source, row.repaired_on) for row in rows]


def credit_subjects(session: Session) -> list[str]:
    return list(session.scalars(select(CreditEventRow.subject).distinct().order_by(CreditEventRow.subject)))


def entries_of(session: Session, subject: str | None = None) -> list[Entry]:
    """Entries of one subject or of all, oldest first."""
    query = select(ListEntryRow).order_by(ListEntryRow.proposed_on, ListEntryRow.ref)
    if subject is not None:
        query = query.where(ListEntryRow.subject == subject)
    return [as_entry(row) for row in session.scalars(query)]


def entry_for_change(session: Session, ref: str) -> ListEntryRow:
    row = session.scalar(select(ListEntryRow).where(ListEntryRow.ref == ref).with_for_update())
    if row is None:
        raise NotFound("lists.unknown_entry", ref=ref)
    return row


def as_entry(row: ListEntryRow) -> Entry:
    runs_out = expires_on(list_rules(row.domain), row.list, row.effective_on) if is_sector(row.domain) else None
    return Entry(
        row.ref, row.subject, cast("Literal['red', 'black']", row.list), row.domain, row.criterion, row.state,
        row.proposed_on, row.effective_on, row.ended_on, row.end_reason, runs_out,
    )  # fmt: skip


def entry_notes(session: Session, refs: Iterable[str]) -> dict[str, list[ListNoteRow]]:
    """Steps of these entries in their order."""
    found: dict[str, list[ListNoteRow]] = {}
    query = select(ListNoteRow).where(ListNoteRow.ref.in_(list(refs))).order_by(ListNoteRow.id)
    for row in session.scalars(query):
        found.setdefault(row.ref, []).append(row)
    return found


def _batches(subjects: Iterable[str]) -> Iterator[list[str]]:
    wanted = list(dict.fromkeys(subjects))
    for start in range(0, len(wanted), _AT_ONCE):
        yield wanted[start : start + _AT_ONCE]


def events_by_subject(session: Session, subjects: Iterable[str]) -> dict[str, list[CreditEvent]]:
    """The credit events of many subjects in a few queries."""
    found: dict[str, list[CreditEvent]] = {}
    for part in _batches(subjects):
        query = select(CreditEventRow).where(CreditEventRow.subject.in_(part)).order_by(CreditEventRow.day, CreditEventRow.ref)
        for row in session.scalars(query):
            event = CreditEvent(row.ref, row.kind, row.day, row.domain, row.source, row.repaired_on)
            found.setdefault(row.subject, []).append(event)
    return found


def entries_by_subject(session: Session, subjects: Iterable[str]) -> dict[str, list[Entry]]:
    """The list entries of many subjects in a few queries."""
    found: dict[str, list[Entry]] = {}
    for part in _batches(subjects):
        for row in session.scalars(select(ListEntryRow).where(ListEntryRow.subject.in_(part)).order_by(ListEntryRow.ref)):
            found.setdefault(row.subject, []).append(as_entry(row))
    return found


def number_of(session: Session, pool: str, subject: str) -> PoolNumberRow | None:
    return session.scalar(select(PoolNumberRow).where(PoolNumberRow.pool == pool, PoolNumberRow.subject == subject))


def free_number(session: Session, pool: str) -> PoolNumberRow | None:
    """The lowest free number, locked; on PostgreSQL one that another transaction holds is passed over."""
    query = (
        select(PoolNumberRow).where(PoolNumberRow.pool == pool, PoolNumberRow.subject.is_(None)).order_by(PoolNumberRow.number)
    )
    return session.scalar(query.limit(1).with_for_update(skip_locked=True))


def free_numbers(session: Session, pool: str) -> int:
    query = select(func.count()).where(PoolNumberRow.pool == pool, PoolNumberRow.subject.is_(None))
    return session.scalar(query) or 0


def pool_size(session: Session, pool: str) -> int:
    """How many numbers a pool was ever given, issued ones too."""
    return session.scalar(select(func.count()).where(PoolNumberRow.pool == pool)) or 0


def pools(session: Session) -> list[str]:
    return list(session.scalars(select(PoolNumberRow.pool).distinct().order_by(PoolNumberRow.pool)))


def issued_numbers(session: Session, pool: str, limit: int = 200) -> list[PoolNumberRow]:
    """Numbers that were issued, the newest first."""
    query = select(PoolNumberRow).where(PoolNumberRow.pool == pool, PoolNumberRow.subject.is_not(None))
    return list(session.scalars(query.order_by(PoolNumberRow.issued_at.desc(), PoolNumberRow.number).limit(limit)))


def pool_numbers(session: Session, pool: str) -> set[str]:
    """Every number of a pool, given out or not."""
    return set(session.scalars(select(PoolNumberRow.number).where(PoolNumberRow.pool == pool)))


def is_waiting(session: Session, pool: str, subject: str) -> bool:
    return session.scalar(select(PoolWaitRow.id).where(PoolWaitRow.pool == pool, PoolWaitRow.subject == subject)) is not None


def waiting(session: Session, pool: str) -> list[PoolWaitRow]:
    return list(session.scalars(select(PoolWaitRow).where(PoolWaitRow.pool == pool).order_by(PoolWaitRow.id)))


def declaration(session: Session, number: str) -> DeclarationRow:
    row = session.scalar(select(DeclarationRow).where(DeclarationRow.number == number).with_for_update())
    if row is None:
        raise NotFound("ledger.unknown_declaration", number=number)
    return row


def take_open(session: Session, number: str, amount_fen: int) -> bool:
    """Reserve part of a declaration, if it still has that much: one statement, so two banks cannot both pass."""
    room = DeclarationRow.open_fen + amount_fen <= DeclarationRow.amount_fen
    statement = update(DeclarationRow).where(DeclarationRow.number == number, DeclarationRow.state == "valid", room)
    done = session.execute(statement.values(open_fen=DeclarationRow.open_fen + amount_fen).returning(DeclarationRow.number))
    return done.first() is not None


def financing(session: Session, loan_id: str) -> FinancingRow:
    row = session.scalar(select(FinancingRow).where(FinancingRow.id == loan_id).with_for_update())
    if row is None:
        raise NotFound("ledger.unknown_loan", loan=loan_id)
    return row


def open_loans(session: Session, number: str) -> list[FinancingRow]:
    query = select(FinancingRow).where(FinancingRow.number == number, FinancingRow.state == "open").order_by(FinancingRow.at)
    return list(session.scalars(query))


def may_query(session: Session, subject: str, bank: str, on: date) -> bool:
    row = session.get(QueryGrantRow, (subject, bank))
    return row is not None and on <= row.until


def grants(session: Session, subject: str) -> list[QueryGrantRow]:
    return list(session.scalars(select(QueryGrantRow).where(QueryGrantRow.subject == subject).order_by(QueryGrantRow.bank)))


def declarations(session: Session, subject: str | None = None, limit: int = 200) -> list[DeclarationRow]:
    query = select(DeclarationRow).order_by(DeclarationRow.number).limit(limit)
    return list(session.scalars(query if subject is None else query.where(DeclarationRow.subject == subject)))


def declarations_of_call(session: Session, call_ref: str) -> list[str]:
    """Numbers of the declarations that name a ship call."""
    query = select(DeclarationRow.number).where(DeclarationRow.call_ref == call_ref)
    return list(session.scalars(query.order_by(DeclarationRow.number)))


def loans(session: Session, *, bank: str | None = None, subject: str | None = None, limit: int = 200) -> list[FinancingRow]:
    """Loans, the newest first: of one bank, on the declarations of one firm, or all."""
    query = select(FinancingRow).order_by(FinancingRow.at.desc()).limit(limit)
    if bank is not None:
        query = query.where(FinancingRow.bank == bank)
    if subject is not None:
        query = query.join(DeclarationRow, DeclarationRow.number == FinancingRow.number).where(
            DeclarationRow.subject == subject
        )
    return list(session.scalars(query))
