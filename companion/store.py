"""Owns the tables of case files, their events, obligations, effects, pushes and answered requests, and their queries.

Never decides anything: `companion.engine` does, and `companion.service` writes the result in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, cast, delete, func, insert, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from companion.evolve import day, fold
from companion.model import CaseFile, Event
from core.db import Base, Json, UtcDateTime, text_of_time
from core.errors import NotFound, Refused

_CASE = "companion_case.id"
EventText = tuple[Any, ...]  # seq, type, at, actor, role, payload as JSON text


class CaseRow(Base):
    """One case file as it is now; the truth is its events. `waits_known`: its rows of `companion_waiting` are of this state."""

    __tablename__ = "companion_case"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(index=True)
    version: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    outcome: Mapped[str | None]
    klass: Mapped[str | None]
    seq: Mapped[int]
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    waits_known: Mapped[bool] = mapped_column(index=True)


class EventRow(Base):
    """One event; never changed."""

    __tablename__ = "companion_event"
    __table_args__ = (Index("ix_companion_event_type_at", "type", "at"),)
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]
    role: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(Json)


class ObligationRow(Base):
    """A term that runs. The sweep reads `wakes_at` and nothing else."""

    __tablename__ = "companion_obligation"
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    deadline: Mapped[str]
    owed_by: Mapped[str]
    start: Mapped[date]
    due: Mapped[date | None]
    provisional: Mapped[bool] = mapped_column(index=True)
    state: Mapped[str]
    overdue: Mapped[bool]
    wakes_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


class WaitingRow(Base):
    """Something a role may do on a case file now: what its desk shows. Written with the case file, folded from nothing when read."""

    __tablename__ = "companion_waiting"
    __table_args__ = (Index("ix_companion_waiting_role_case_id", "role", "case_id"),)
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)


class EffectRow(Base):
    """An ordered effect on a subject, with the days on which it holds."""

    __tablename__ = "companion_effect"
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    key: Mapped[str]
    domain: Mapped[str]
    effect: Mapped[str]
    level: Mapped[int]
    list: Mapped[str | None]
    bars: Mapped[str | None]
    published: Mapped[bool]
    state: Mapped[str]
    from_day: Mapped[date | None]
    until: Mapped[date | None]
    ended_on: Mapped[date | None]


class PushRow(Base):
    """One message of the double push. `key` is what the receiver recognises it by."""

    __tablename__ = "companion_push"
    key: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), index=True)
    receiver: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(index=True)
    attempts: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None]


class RequestRow(Base):
    """An answered request: the same key again is the same answer."""

    __tablename__ = "companion_request"
    user_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    case_id: Mapped[str]
    first_seq: Mapped[int]
    last_seq: Mapped[int]


_EVENT_COLUMNS = (EventRow.seq, EventRow.type, EventRow.at, EventRow.actor, EventRow.role, EventRow.payload)


def case_row(session: Session, case_id: str, *, for_change: bool = False) -> CaseRow:
    """Raises NotFound. `for_change` locks the row where the database locks rows."""
    row = session.get(CaseRow, case_id, with_for_update=for_change or None)
    if row is None:
        raise NotFound("companion.case_unknown", id=case_id)
    return row


def events_of(session: Session, case_id: str, before: datetime | None = None) -> list[Event]:
    """The events of a case file in order, or those before an instant."""
    query = select(*_EVENT_COLUMNS).where(EventRow.case_id == case_id).order_by(EventRow.seq)
    if before is not None:
        query = query.where(EventRow.at < before)
    return [Event(*row) for row in session.execute(query)]


def events_of_many(session: Session, case_ids: Sequence[str]) -> dict[str, list[Event]]:
    """The events of several case files in one query."""
    query = (
        select(EventRow.case_id, *_EVENT_COLUMNS).where(EventRow.case_id.in_(case_ids)).order_by(EventRow.case_id, EventRow.seq)
    )
    found: dict[str, list[Event]] = {case_id: [] for case_id in case_ids}
    for case_id, *values in session.execute(query):
        found[case_id].append(Event(*values))
    return found


def texts_of_many(session: Session, case_ids: Sequence[str], only: int | None = None) -> dict[str, list[EventText]]:
    """As `events_of_many`, with each payload as the text that is stored. Raises ValueError for a time whose text is not as we write it."""
    row, as_text = EventRow, session.get_bind().dialect.name == "sqlite"
    written, text = cast(row.at, Text).label("written"), cast(row.payload, Text).label("text")
    columns = (row.case_id, written, row.seq, row.type, row.at, row.actor, row.role, text)
    query = select(*columns).where(row.case_id.in_(case_ids)).order_by(row.case_id, row.seq)
    found: dict[str, list[EventText]] = {case_id: [] for case_id in case_ids}
    for case_id, at_text, seq, kind, at, *rest in session.execute(query if only is None else query.where(row.seq == only)):
        if as_text and at_text != text_of_time(at):
            raise ValueError(at_text)
        found[case_id].append((seq, kind, at, *rest))
    return found


def case_file(session: Session, case_id: str) -> CaseFile:
    """The state of a case file. Raises NotFound."""
    case_row(session, case_id)
    return fold(events_of(session, case_id), CaseFile(id=case_id))


def cases(
    session: Session, *, subject: str | None = None, key: str | None = None, after: str = "", limit: int = 100
) -> list[CaseRow]:
    """Case files in the order of their ids (which sort by time)."""
    query = select(CaseRow).where(CaseRow.id > after).order_by(CaseRow.id).limit(limit)
    if subject is not None:
        query = query.where(CaseRow.subject == subject)
    if key is not None:
        query = query.where(CaseRow.key == key)
    return list(session.scalars(query))


def newest_cases(session: Session, limit: int, subject: str | None = None) -> list[CaseRow]:
    """The newest case files first."""
    query = select(CaseRow).order_by(CaseRow.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(CaseRow.subject == subject)
    return list(session.scalars(query))


def obligations_of_case(session: Session, case_id: str) -> list[ObligationRow]:
    return list(session.scalars(select(ObligationRow).where(ObligationRow.case_id == case_id)))


def request(session: Session, user_id: str, key: str, fingerprint: str) -> RequestRow | None:
    """The answered request of this key. Raises Refused where the key was used for something else."""
    row = session.get(RequestRow, (user_id, key))
    if row is not None and row.fingerprint != fingerprint:
        raise Refused("companion.key_taken", key=key)
    return row


def due_obligations(session: Session, at: datetime, limit: int) -> list[tuple[str, str]]:
    """(case, obligation) whose time has come, oldest first."""
    query = (
        select(ObligationRow.case_id, ObligationRow.id)
        .where(ObligationRow.wakes_at <= at)
        .order_by(ObligationRow.wakes_at, ObligationRow.case_id)
        .limit(limit)
    )
    return [(case_id, name) for case_id, name in session.execute(query)]


def provisional_years(session: Session) -> list[int]:
    """Years of open provisional due days."""
    query = select(ObligationRow.due).where(ObligationRow.provisional, ObligationRow.state == "open").distinct()
    return sorted({due.year for due in session.scalars(query) if due is not None})


def provisional_cases(session: Session, known_years: Iterable[int]) -> list[str]:
    """Cases with an open provisional due day that lies in a year that is known by now."""
    query = select(ObligationRow.case_id, ObligationRow.due).where(ObligationRow.provisional, ObligationRow.state == "open")
    years = set(known_years)
    return sorted({case_id for case_id, due in session.execute(query) if due is not None and due.year in years})


def obligations(
    session: Session, *, subject: str | None = None, only_open: bool = True, limit: int = 500
) -> list[ObligationRow]:
    query = select(ObligationRow).order_by(ObligationRow.due, ObligationRow.case_id).limit(limit)
    if subject is not None:
        query = query.where(ObligationRow.subject == subject)
    if only_open:
        query = query.where(ObligationRow.state == "open")
    return list(session.scalars(query))


def effects_on(session: Session, subject: str, on: date) -> list[EffectRow]:
    """Effects that hold for a subject on a day."""
    rows = session.scalars(select(EffectRow).where(EffectRow.subject == subject).order_by(EffectRow.case_id, EffectRow.ref))
    return [row for row in rows if _holds(row, on)]


def published_on(session: Session, on: date) -> list[EffectRow]:
    """Published effects that hold on a day: the public lists as of that day."""
    rows = session.scalars(select(EffectRow).where(EffectRow.published).order_by(EffectRow.from_day, EffectRow.case_id))
    return [row for row in rows if _holds(row, on)]


def _holds(row: EffectRow, on: date) -> bool:
    started = row.from_day is not None and row.from_day <= on
    return started and (row.until is None or on <= row.until) and (row.ended_on is None or on < row.ended_on)


def pushes(session: Session, *, case_id: str | None = None, receiver: str | None = None, limit: int = 500) -> list[PushRow]:
    query = select(PushRow).order_by(PushRow.queued_at, PushRow.key).limit(limit)
    if case_id is not None:
        query = query.where(PushRow.case_id == case_id)
    if receiver is not None:
        query = query.where(PushRow.receiver == receiver)
    return list(session.scalars(query))


def claim_pushes(session: Session, at: datetime, lease_until: datetime, limit: int) -> list[PushRow]:
    """Queued pushes whose time has come, taken by this process until `lease_until`."""
    query = (
        select(PushRow).where(PushRow.state == "queued", PushRow.due_at <= at).order_by(PushRow.due_at, PushRow.key)
        .limit(limit).with_for_update(skip_locked=True)
    )  # fmt: skip
    rows = list(session.scalars(query))
    for row in rows:
        row.due_at = lease_until
    return rows


def transitions(session: Session, before: datetime, keys: Iterable[str]) -> list[tuple[str, str, str, datetime]]:
    """(case, key, state, since) of every case file of these procedures at an instant."""
    last = (
        select(EventRow.case_id, func.max(EventRow.seq).label("seq"))
        .where(EventRow.type == "moved", EventRow.at < before).group_by(EventRow.case_id).subquery()
    )  # fmt: skip
    query = (
        select(EventRow.case_id, CaseRow.key, EventRow.payload, EventRow.at)
        .join(last, (EventRow.case_id == last.c.case_id) & (EventRow.seq == last.c.seq))
        .join(CaseRow, CaseRow.id == EventRow.case_id).where(CaseRow.key.in_(list(keys))).order_by(EventRow.case_id)
    )  # fmt: skip
    return [(case_id, key, payload["to"], at) for case_id, key, payload, at in session.execute(query)]


def lock_cases(session: Session, case_ids: Iterable[str]) -> dict[str, CaseRow]:
    """Several case files for change, locked in the order of their ids, so that two batches never wait for each other."""
    query = select(CaseRow).where(CaseRow.id.in_(case_ids)).order_by(CaseRow.id).with_for_update()
    return {row.id: row for row in session.scalars(query)}


def obligation_rows(session: Session, case_ids: Iterable[str]) -> dict[tuple[str, str], ObligationRow]:
    rows = session.scalars(select(ObligationRow).where(ObligationRow.case_id.in_(case_ids)))
    return {(row.case_id, row.id): row for row in rows}


def add_events(session: Session, events: Iterable[tuple[str, Event]]) -> None:
    """(case file, event) in one statement."""
    rows = [{"case_id": case_id, "seq": event.seq, "type": event.type, "at": event.at, "actor": event.actor, "role": event.role,
             "payload": dict(event.payload)} for case_id, event in events]  # fmt: skip
    session.execute(insert(EventRow), rows)


def write_waiting(session: Session, waits: Mapping[str, AbstractSet[tuple[str, str, str]]]) -> None:
    """Bring what waits on these case files to (role, kind, part)."""
    table = WaitingRow
    query = select(table.case_id, table.role, table.kind, table.part).where(table.case_id.in_(waits))
    known = {tuple(row) for row in session.execute(query)}
    wanted = {(case_id, *one) for case_id, found in waits.items() for one in found}
    names = ("case_id", "role", "kind", "part")
    if gone := sorted(known - wanted):
        session.execute(delete(table).where(tuple_(table.case_id, table.role, table.kind, table.part).in_(gone)))
    if new := sorted(wanted - known):
        session.execute(insert(table), [dict(zip(names, row, strict=True)) for row in new])


def waiting(session: Session, role: str, limit: int) -> list[tuple[str, str, str, str, str]]:
    """(case, procedure, subject, kind, part) that waits for a role, the newest case files first."""
    query = (
        select(CaseRow.id, CaseRow.key, CaseRow.subject, WaitingRow.kind, WaitingRow.part)
        .join(CaseRow, CaseRow.id == WaitingRow.case_id).where(WaitingRow.role == role)
        .order_by(WaitingRow.case_id.desc(), WaitingRow.kind, WaitingRow.part).limit(limit)
    )  # fmt: skip
    return [(case_id, key, subject, kind, part) for case_id, key, subject, kind, part in session.execute(query)]


def waiting_unknown(session: Session, limit: int) -> list[str]:
    """Case files written before what waits was kept."""
    return list(session.scalars(select(CaseRow.id).where(CaseRow.waits_known.is_(False)).limit(limit)))


def write_effect(session: Session, case: CaseFile, event: Event, domain: str) -> None:
    """Bring the row of one effect to the case file's state."""
    active = case.effects[event.payload["ref"]]
    row = session.get(EffectRow, (case.id, active.ref))
    if row is None:
        data = event.payload
        row = EffectRow(case_id=case.id, ref=active.ref, subject=case.subject, key=case.key, domain=domain, effect=active.effect,
                        level=data["level"], list=data["list"], bars=data["bars"], published=data["published"],
                        until=day(data["until"]), ended_on=None)  # fmt: skip
        session.add(row)
    row.state, row.from_day = active.state, active.from_day


def effect_row(session: Session, case_id: str, ref: str) -> EffectRow:
    return session.get_one(EffectRow, (case_id, ref))
