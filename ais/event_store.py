"""Owns the tables and queries of conclusions in ``ais.db``: events, signals, identities and port calls.

Never decides anything: it reads and writes what it is given. All can be made again from the logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from ais.signals import EVENT_KINDS, SIGNAL_KINDS, Event, EventKind, Signal, SignalKind
from ais.store import upsert
from core.db import AisBase, Json, UtcDateTime

_EVENT_KINDS: dict[str, EventKind] = {kind: kind for kind in EVENT_KINDS}
_SIGNAL_KINDS: dict[str, SignalKind] = {kind: kind for kind in SIGNAL_KINDS}


class EventRow(AisBase):
    __tablename__ = "ais_event"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    mmsi: Mapped[int] = mapped_column(index=True)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    place: Mapped[str | None]
    confidence: Mapped[float]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(Json)


class SignalRow(AisBase):
    __tablename__ = "ais_signal"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    mmsi: Mapped[int] = mapped_column(index=True)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    confidence: Mapped[float]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    subject: Mapped[str]


class IdentityRow(AisBase):
    """One value that a station used, from when to when; `count` sightings, `confirmed` once seen often enough."""

    __tablename__ = "ais_identity"
    mmsi: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    count: Mapped[int]
    confirmed: Mapped[bool]


class PortCallRow(AisBase):
    """One visit: `id` = port + MMSI + first entry."""

    __tablename__ = "ais_port_call"
    id: Mapped[str] = mapped_column(primary_key=True)
    port_id: Mapped[str]
    mmsi: Mapped[int] = mapped_column(index=True)
    arrived_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    departed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    berths: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    draught_in_m: Mapped[float | None]
    draught_out_m: Mapped[float | None]


@dataclass(frozen=True, slots=True)
class Identity:
    mmsi: int
    field: str
    value: str
    first_at: datetime
    last_at: datetime
    count: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class BerthStay:
    berth_id: str
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True, slots=True)
class PortCall:
    """A visit of one ship; `departed_at` None while it is here."""

    port_id: str
    mmsi: int
    arrived_at: datetime
    departed_at: datetime | None = None
    berths: tuple[BerthStay, ...] = ()
    draught_in_m: float | None = None
    draught_out_m: float | None = None

    @property
    def id(self) -> str:
        return f"{self.port_id}:{self.mmsi}:{round(self.arrived_at.timestamp() * 1000)}"


def save_events(session: Session, found: Iterable[Event]) -> None:
    """Add events, or bring those with the same id up to date."""
    _save(session, EventRow, [
        {
            "id": one.id, "kind": one.kind, "mmsi": one.mmsi, "began_at": one.began_at, "ended_at": one.ended_at,
            "place": one.place, "confidence": one.confidence, "evidence": list(one.evidence),
        }
        for one in found
    ])  # fmt: skip


def save_signals(session: Session, found: Iterable[Signal]) -> None:
    _save(session, SignalRow, [
        {
            "id": one.id, "kind": one.kind, "mmsi": one.mmsi, "opened_at": one.opened_at, "expires_at": one.expires_at,
            "confidence": one.confidence, "evidence": list(one.evidence), "facts": one.facts, "subject": one.subject,
        }
        for one in found
    ])  # fmt: skip


def save_identities(session: Session, found: Iterable[Identity]) -> None:
    _save(session, IdentityRow, [
        {
            "mmsi": one.mmsi, "field": one.field, "value": one.value, "first_at": one.first_at, "last_at": one.last_at,
            "count": one.count, "confirmed": one.confirmed,
        }
        for one in found
    ])  # fmt: skip


def save_port_calls(session: Session, found: Iterable[PortCall]) -> None:
    _save(session, PortCallRow, [
        {
            "id": one.id, "port_id": one.port_id, "mmsi": one.mmsi, "arrived_at": one.arrived_at,
            "departed_at": one.departed_at, "draught_in_m": one.draught_in_m, "draught_out_m": one.draught_out_m,
            "berths": [
                {
                    "berth_id": stay.berth_id, "from_at": stay.from_at.isoformat(),
                    "to_at": None if stay.to_at is None else stay.to_at.isoformat(),
                }
                for stay in one.berths
            ],
        }
        for one in found
    ])  # fmt: skip


def _save(session: Session, table: type[DeclarativeBase], rows: Sequence[dict[str, Any]]) -> None:
    upsert(session, table, list(rows))


def events(
    session: Session, *, mmsi: int | None = None, since: datetime | None = None, before: str | None = None, limit: int = 500
) -> list[Event]:
    """Newest first; `since` keeps what began then or later, `before` the id of the last one already seen."""
    query = select(EventRow).order_by(EventRow.began_at.desc(), EventRow.id.desc()).limit(limit)
    if mmsi is not None:
        query = query.where(EventRow.mmsi == mmsi)
    if since is not None:
        query = query.where(EventRow.began_at >= since)
    last = session.get(EventRow, before) if before is not None else None
    if last is not None:
        query = query.where(
            or_(EventRow.began_at < last.began_at, (EventRow.began_at == last.began_at) & (EventRow.id < last.id))
        )
    return [_event(row) for row in session.scalars(query)]


def open_events(session: Session, mmsi: int | None = None) -> list[Event]:
    """States that have not ended, oldest first."""
    query = select(EventRow).where(EventRow.ended_at.is_(None)).order_by(EventRow.began_at)
    return [_event(row) for row in session.scalars(query if mmsi is None else query.where(EventRow.mmsi == mmsi))]


def signals(session: Session, at: datetime, mmsi: int | None = None) -> list[Signal]:
    """Those open at `at`, the surest first."""
    query = select(SignalRow).where(SignalRow.opened_at <= at, SignalRow.expires_at > at)
    if mmsi is not None:
        query = query.where(SignalRow.mmsi == mmsi)
    rows = session.scalars(query.order_by(SignalRow.confidence.desc(), SignalRow.opened_at.desc(), SignalRow.id))
    return [
        Signal(
            _SIGNAL_KINDS[row.kind], row.mmsi, row.opened_at, row.expires_at, row.confidence, tuple(row.evidence), row.facts,
            row.subject,
        )
        for row in rows
    ]  # fmt: skip


def identities(session: Session, mmsi: int) -> list[Identity]:
    """Every value one station used, oldest first."""
    query = select(IdentityRow).where(IdentityRow.mmsi == mmsi).order_by(IdentityRow.first_at, IdentityRow.field)
    return [_identity(row) for row in session.scalars(query)]


def all_identities(session: Session, mmsi: int | None = None) -> list[Identity]:
    """Every value of one station or of all, oldest first."""
    query = select(IdentityRow).order_by(IdentityRow.first_at, IdentityRow.field)
    return [_identity(row) for row in session.scalars(query if mmsi is None else query.where(IdentityRow.mmsi == mmsi))]


def port_calls(session: Session, *, mmsi: int | None = None, here: bool = False, limit: int = 500) -> list[PortCall]:
    """Newest first; `here` keeps the ships that have not left."""
    query = select(PortCallRow).order_by(PortCallRow.arrived_at.desc(), PortCallRow.id).limit(limit)
    if mmsi is not None:
        query = query.where(PortCallRow.mmsi == mmsi)
    if here:
        query = query.where(PortCallRow.departed_at.is_(None))
    return [
        PortCall(
            row.port_id, row.mmsi, row.arrived_at, row.departed_at,
            tuple(
                BerthStay(
                    stay["berth_id"],
                    datetime.fromisoformat(stay["from_at"]),
                    None if stay["to_at"] is None else datetime.fromisoformat(stay["to_at"]),
                )
                for stay in row.berths
            ),
            row.draught_in_m, row.draught_out_m,
        )
        for row in session.scalars(query)
    ]  # fmt: skip


def _event(row: EventRow) -> Event:
    return Event(_EVENT_KINDS[row.kind], row.mmsi, row.began_at, row.ended_at, row.place, row.confidence, tuple(row.evidence))


def _identity(row: IdentityRow) -> Identity:
    return Identity(row.mmsi, row.field, row.value, row.first_at, row.last_at, row.count, row.confirmed)
