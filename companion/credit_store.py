"""Owns the tables of the credit file, the lists, the number pools and the receivable ledger, and their queries.

Never decides: `companion.creditfile`, `companion.pool` and `companion.ledger` do, in one transaction with the journal entry.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, cast

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from companion.credit import CreditEvent
from companion.lists import Entry
from core.db import Base, Json, UtcDateTime
from core.errors import NotFound


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
    return Entry(
        row.ref, row.subject, cast("Literal['red', 'black']", row.list), row.domain, row.criterion, row.state,
        row.proposed_on, row.effective_on, row.ended_on, row.end_reason,
    )  # fmt: skip


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
