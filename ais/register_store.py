"""Owns the tables and queries of the register: ships' particulars, past inspections and lists with a term, in ``yunjian.db``.

Never decides anything: it reads and writes what it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Date, Index, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from ais.store import insert_new
from core.db import Base

RatingKind = Literal["flag", "ro", "company"]


class RegisterValueRow(Base):
    """One fact about one ship from one source. `subject`: ``imo:1234567`` or ``mmsi:413000000``."""

    __tablename__ = "ais_register_value"
    subject: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    as_of: Mapped[date] = mapped_column(Date)
    licence: Mapped[str]
    rank: Mapped[int]


class InspectionRow(Base):
    """One past port State inspection, as a source reports it."""

    __tablename__ = "ais_inspection"
    __table_args__ = (Index("ix_ais_inspection_imo", "imo"),)
    imo: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    inspected_on: Mapped[date] = mapped_column(Date, primary_key=True)
    authority: Mapped[str] = mapped_column(primary_key=True)
    region: Mapped[str]
    deficiencies: Mapped[int]
    detained: Mapped[bool]
    source: Mapped[str]
    as_of: Mapped[date] = mapped_column(Date)
    licence: Mapped[str]


class RatingRow(Base):
    """One line of a list with a term: flag (key ISO-2), recognised organisation (its code) or ISM company (IMO number).

    `attested`: flag: has been audited by IMO; RO: is recognised by a member authority; company: not used.
    """

    __tablename__ = "ais_rating"
    kind: Mapped[str] = mapped_column(primary_key=True)
    regime: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(Date, primary_key=True)
    valid_to: Mapped[date] = mapped_column(Date)
    rating: Mapped[str | None]
    attested: Mapped[bool | None]
    source: Mapped[str]
    licence: Mapped[str]


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


@dataclass(frozen=True, slots=True)
class Inspection:
    """A past inspection."""

    imo: int
    inspected_on: date
    authority: str
    region: str
    deficiencies: int
    detained: bool
    source: str
    as_of: date
    licence: str


@dataclass(frozen=True, slots=True)
class Rating:
    """A line of a list, good from `valid_from` to `valid_to`, both included."""

    kind: RatingKind
    regime: str
    key: str
    valid_from: date
    valid_to: date
    rating: str | None
    attested: bool | None
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a write did."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


def save_register(session: Session, values: Sequence[RegisterValue]) -> Changes:
    """Add or update facts; a fact that is already there with the same value and date is left alone."""
    held = {
        (row.subject, row.field): row
        for row in session.scalars(
            select(RegisterValueRow).where(RegisterValueRow.source.in_({value.source for value in values}))
        )
    }
    new: dict[tuple[str, str], dict[str, Any]] = {}
    changed = unchanged = 0
    for value in values:
        row = held.get((value.subject, value.field))
        if row is None:
            new[value.subject, value.field] = {
                "subject": value.subject, "field": value.field, "source": value.source, "value": value.value,
                "as_of": value.as_of, "licence": value.licence, "rank": value.rank,
            }  # fmt: skip
        elif (row.value, row.licence, row.rank) == (value.value, value.licence, value.rank) or value.as_of < row.as_of:
            unchanged += 1
        else:
            row.value, row.as_of, row.licence, row.rank = value.value, value.as_of, value.licence, value.rank
            changed += 1
    insert_new(session, RegisterValueRow, list(new.values()))
    return Changes(len(new), changed, unchanged)


def load_register(session: Session) -> list[RegisterValue]:
    """Every fact, the most trusted and newest first."""
    table = RegisterValueRow
    columns = (table.subject, table.field, table.value, table.source, table.as_of, table.licence, table.rank)
    query = select(*columns).order_by(table.rank, table.as_of.desc())
    return [RegisterValue(*row) for row in session.execute(query).tuples()]


def save_inspections(session: Session, inspections: Sequence[Inspection]) -> Changes:
    changes = [
        _put(session, InspectionRow, (item.imo, item.inspected_on, item.authority), _columns(InspectionRow, item))
        for item in inspections
    ]
    return _sum(changes)


def load_inspections(session: Session, region: str) -> list[Inspection]:
    """Inspections of one region, oldest first."""
    query = select(InspectionRow).where(InspectionRow.region == region).order_by(InspectionRow.inspected_on)
    return [Inspection(**_columns(InspectionRow, row)) for row in session.scalars(query)]


def save_ratings(session: Session, ratings: Sequence[Rating]) -> Changes:
    changes = [
        _put(session, RatingRow, (item.kind, item.regime, item.key, item.valid_from), _columns(RatingRow, item))
        for item in ratings
    ]
    return _sum(changes)


def load_ratings(session: Session, regime: str) -> list[Rating]:
    """Lines of a regime's lists, oldest term first."""
    query = select(RatingRow).where(RatingRow.regime == regime).order_by(RatingRow.valid_from)
    return [Rating(**_columns(RatingRow, row)) for row in session.scalars(query)]


def _put(session: Session, table: type[DeclarativeBase], key: tuple[Any, ...], columns: dict[str, Any]) -> Changes:
    row = session.get(table, key)
    if row is None:
        session.add(table(**columns))
        return Changes(added=1)
    if all(getattr(row, name) == value for name, value in columns.items()):
        return Changes(unchanged=1)
    for name, value in columns.items():
        setattr(row, name, value)
    return Changes(changed=1)


def _sum(changes: Sequence[Changes]) -> Changes:
    return Changes(
        sum(change.added for change in changes),
        sum(change.changed for change in changes),
        sum(change.unchanged for change in changes),
    )


def _columns(table: type[DeclarativeBase], item: object) -> dict[str, Any]:
    return {column.key: getattr(item, column.key) for column in table.__table__.columns}
