"""Owns the tables and queries of the register in ``yunjian.db``: facts about ships, and records of every kind.

Never changes or deletes a row: a new value is a new row with the time of its entry, so that the answer of a past day can be
given again. Readers take `known_at`: only what had been entered by then is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Date, Index, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime

RatingKind = Literal["flag", "ro", "company"]
Mode = Literal["onboard", "remote"]
Scope = Literal["initial", "more_detailed", "expanded"]
_BATCH = 5_000


class RegisterValueRow(Base):
    """One fact about one ship from one source. `subject`: ``imo:1234567`` or ``mmsi:413000000``."""

    __tablename__ = "ais_register_value"
    __table_args__ = (Index("ix_ais_register_value_fact", "source", "subject", "field"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str]
    field: Mapped[str]
    source: Mapped[str]
    value: Mapped[str]
    as_of: Mapped[date] = mapped_column(Date)
    licence: Mapped[str]
    rank: Mapped[int]
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecordRow(Base):
    """One record of a kind (`ais.records`, inspections, lines of lists). `key` tells it from others of its kind and source."""

    __tablename__ = "ais_record"
    __table_args__ = (Index("ix_ais_record_kind_subject", "kind", "subject"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    key: Mapped[str]
    source: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Recorded(Protocol):
    """What the store needs of a record: a frozen dataclass with a kind, a key and a source."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    KIND: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]]

    @property
    def source(self) -> str: ...


R = TypeVar("R", bound=Recorded)


@dataclass(frozen=True, slots=True)
class RegisterValue:
    """A sourced fact at rest."""

    subject: str
    field: str
    value: str
    source: str
    as_of: date
    licence: str
    rank: int

    @property
    def said_by(self) -> str:
        """The source and the day of what it says."""
        return _said_by(self.source, self.as_of)


@lru_cache(maxsize=4096)  # a register has few sources; a ranking names them ten thousand times
def _said_by(source: str, as_of: date) -> str:
    return f"{source} ({as_of.isoformat()})"


@dataclass(frozen=True, slots=True)
class Inspection:
    """A past inspection. A remote one is no inspection of a port State control regime: no regime ever counts it."""

    KIND: ClassVar[str] = "inspection"
    KEY: ClassVar[tuple[str, ...]] = ("imo", "inspected_on", "authority")

    imo: int
    inspected_on: date
    authority: str
    region: str
    deficiencies: int
    detained: bool
    source: str
    as_of: date
    licence: str
    mode: Mode = "onboard"
    deficiency_codes: tuple[str, ...] = ()
    ism_deficiencies: int | None = None
    company_imo: str | None = None
    access_refused: bool | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    """A line of a list, good from `valid_from` to `valid_to`, both included: flag (ISO-2), RO (its code), company (IMO number).

    `attested`: flag: has been audited by IMO; RO: is recognised by a member authority; company: not used.
    Without a `rating` a flag's comes from its `inspections` and `detentions` of three years.
    """

    KIND: ClassVar[str] = "rating"
    KEY: ClassVar[tuple[str, ...]] = ("kind", "regime", "key", "valid_from")

    kind: RatingKind
    regime: str
    key: str
    valid_from: date
    valid_to: date
    rating: str | None
    attested: bool | None
    source: str
    licence: str
    as_of: date | None = None
    inspections: int | None = None
    detentions: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a write did."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(self.added + other.added, self.changed + other.changed, self.unchanged + other.unchanged)


@cache
def adapter(kind: type[R]) -> TypeAdapter[R]:
    """Reads a record of this kind from texts or JSON, and writes it as JSON."""
    return TypeAdapter(kind)


Mark = tuple[int, int, int, int]


def known_mark(session: Session, known_at: datetime | None = None) -> Mark:
    """Changes whenever what the register knew at that time would read otherwise: how much there is and its last number.

    Rows are only ever added, so the same count up to the same last number is the same content.
    """
    found: list[int] = []
    for table in (RegisterValueRow, RecordRow):
        query = select(func.count(), func.coalesce(func.max(table.id), 0)).select_from(table)
        if known_at is not None:
            query = query.where(table.recorded_at <= known_at)
        found += session.execute(query).one()
    return found[0], found[1], found[2], found[3]


def save_register(session: Session, values: Sequence[RegisterValue], recorded_at: datetime) -> Changes:
    """Enter facts; one that says what its source said before, or is older than that, is left alone."""
    table = RegisterValueRow
    held: dict[tuple[str, str, str], tuple[str, str, int, date]] = {}
    query = (
        select(table.subject, table.field, table.source, table.value, table.licence, table.rank, table.as_of)
        .where(table.source.in_({value.source for value in values}))
        .order_by(table.id)
    )
    for subject, field, source, text, licence, rank, as_of in session.execute(query).tuples():
        held[subject, field, source] = (text, licence, rank, as_of)
    rows: list[dict[str, Any]] = []
    added: set[tuple[str, str, str]] = set()
    changed: set[tuple[str, str, str]] = set()
    for value in values:
        key = (value.subject, value.field, value.source)
        before = held.get(key)
        now = (value.value, value.licence, value.rank, value.as_of)
        if before is not None and (before[:3] == now[:3] or value.as_of < before[3]):
            continue
        (added if before is None or key in added else changed).add(key)
        held[key] = now
        rows.append({name: getattr(value, name) for name in _VALUE_FIELDS} | {"recorded_at": recorded_at})
    _insert(session, table, rows)
    touched = len({(value.subject, value.field, value.source) for value in values})
    return Changes(len(added), len(changed), touched - len(added) - len(changed))


_VALUE_FIELDS = tuple(one.name for one in fields(RegisterValue))


def load_register(session: Session, known_at: datetime | None = None, imo: int | None = None) -> list[RegisterValue]:
    """The newest entry of every source for every fact, the most trusted and newest first; `imo` = of that ship only."""
    table = RegisterValueRow
    query = select(*(getattr(table, name) for name in _VALUE_FIELDS)).order_by(table.id)
    if imo is not None:
        query = query.where(table.subject == f"imo:{imo}")
    if known_at is not None:
        query = query.where(table.recorded_at <= known_at)
    newest = {(row[0], row[1], row[3]): row for row in session.execute(query).tuples()}
    found = [RegisterValue(*row) for row in newest.values()]
    return sorted(found, key=lambda value: (value.rank, -value.as_of.toordinal()))


def save_records(session: Session, records: Sequence[Recorded], recorded_at: datetime) -> Changes:
    """Enter records; one that is there with the same content is left alone."""
    held: dict[tuple[str, str, str], dict[str, Any]] = {}
    table = RecordRow
    query = select(table.kind, table.key, table.source, table.data).order_by(table.id)
    query = query.where(table.kind.in_({one.KIND for one in records}), table.source.in_({one.source for one in records}))
    for kind, key, source, data in session.execute(query).tuples():
        held[kind, key, source] = data
    rows: list[dict[str, Any]] = []
    added: set[tuple[str, str, str]] = set()
    changed: set[tuple[str, str, str]] = set()
    seen: set[tuple[str, str, str]] = set()
    for one in records:
        data = adapter(type(one)).dump_python(one, mode="json")
        key = "|".join(str(data[name]) for name in one.KEY)
        place = (one.KIND, key, one.source)
        seen.add(place)
        before = held.get(place)
        if before is not None and _same(before, data):
            continue
        (added if before is None or place in added else changed).add(place)
        held[place] = data
        subject = f"imo:{data['imo']}" if "imo" in data else key
        rows.append(
            {"kind": one.KIND, "subject": subject, "key": key, "source": one.source, "data": data, "recorded_at": recorded_at}
        )
    _insert(session, table, rows)
    return Changes(len(added), len(changed), len(seen) - len(added) - len(changed))


def load_records(session: Session, kind: type[R], imo: int | None = None, known_at: datetime | None = None) -> list[R]:
    """The newest entry of every source for every record of a kind, in the order of entry; `imo` = of that ship only."""
    table = RecordRow
    query = select(table.key, table.source, table.data).where(table.kind == kind.KIND).order_by(table.id)
    if imo is not None:
        query = query.where(table.subject == f"imo:{imo}")
    if known_at is not None:
        query = query.where(table.recorded_at <= known_at)
    newest = {(key, source): data for key, source, data in session.execute(query).tuples()}
    read = adapter(kind).validate_python
    return [read(data) for data in newest.values()]


def load_inspections(session: Session, region: str, known_at: datetime | None = None) -> list[Inspection]:
    """Inspections of one region, oldest first. Where two sources tell of the same one, the newer source counts."""
    found = [one for one in load_records(session, Inspection, known_at=known_at) if one.region == region]
    newest = {(one.imo, one.inspected_on, one.authority): one for one in sorted(found, key=lambda one: one.as_of)}
    return sorted(newest.values(), key=lambda one: one.inspected_on)


def load_ratings(session: Session, regime: str, known_at: datetime | None = None) -> list[Rating]:
    """Lines of a regime's lists, oldest term first."""
    found = [one for one in load_records(session, Rating, known_at=known_at) if one.regime == regime]
    return sorted(found, key=lambda one: one.valid_from)


def _same(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Equal but for the day of the source: hearing the same again is no news."""
    return {**before, "as_of": None} == {**now, "as_of": None}


def _insert(session: Session, table: type[Base], rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _BATCH):
        session.execute(insert(table), rows[start : start + _BATCH])
