"""Owns the tables and queries of the live picture: positions, latest state and feeds in ``ais.db``.

Never decides anything: it reads and writes what it is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, String, cast, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from ais.decode import Dimensions
from ais.live import Eta, LiveShip, Position, StationClass, TimeSource
from core.db import AisBase, Json, UtcDateTime
from core.geo import LonLat

PER_DEGREE = 600_000  # positions at rest are integers in 1/10000 minute, the resolution of AIS

_BATCH = 5_000


class PositionRow(AisBase):
    """One position; `lat_i`, `lon_i` in 1/10000 minute, `sog_dkn` in tenths of a knot, `cog_ddeg` in tenths of a degree."""

    __tablename__ = "ais_position"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  # SQLAlchemy reads a plain dict
    mmsi: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    lat_i: Mapped[int]
    lon_i: Mapped[int]
    sog_dkn: Mapped[int | None]
    cog_ddeg: Mapped[int | None]
    heading_deg: Mapped[int | None]
    nav_status: Mapped[int | None]


class LatestRow(AisBase):
    """Last known state of one station; what the map and the ranking read."""

    __tablename__ = "ais_latest"
    mmsi: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    station_class: Mapped[str]
    at_ms: Mapped[int] = mapped_column(BigInteger)
    time_source: Mapped[str]
    messages: Mapped[int]
    lat_i: Mapped[int | None]
    lon_i: Mapped[int | None]
    position_ms: Mapped[int | None] = mapped_column(BigInteger)
    position_time_source: Mapped[str | None]
    sog_kn: Mapped[float | None]
    cog_deg: Mapped[float | None]
    heading_deg: Mapped[int | None]
    nav_status: Mapped[int | None]
    imo: Mapped[int | None] = mapped_column(index=True)
    name: Mapped[str | None]
    call_sign: Mapped[str | None]
    ship_type: Mapped[int | None]
    dimensions: Mapped[list[int] | None] = mapped_column(Json)
    draught_m: Mapped[float | None]
    destination: Mapped[str | None]
    eta: Mapped[list[int | None] | None] = mapped_column(Json)
    stations: Mapped[list[str]] = mapped_column(Json)
    unconfirmed: Mapped[list[str]] = mapped_column(Json)
    feed: Mapped[str]


class FeedRow(AisBase):
    """One source and its ledger."""

    __tablename__ = "ais_feed"
    source: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undated: Mapped[int]
    duplicates: Mapped[int]
    own_station: Mapped[int]
    ledger: Mapped[dict[str, Any]] = mapped_column(Json)


class HealthRow(AisBase):
    """How a live source is doing."""

    __tablename__ = "ais_feed_health"
    source: Mapped[str] = mapped_column(primary_key=True)
    condition: Mapped[str]
    fault: Mapped[str | None]
    connects: Mapped[int]
    messages_per_s: Mapped[float]
    clock_skew_s: Mapped[float | None]
    dropped_lines: Mapped[int]
    kernel_drops: Mapped[int]
    late: Mapped[int]
    future: Mapped[int] = mapped_column(server_default="0")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ImportRow(AisBase):
    """How far an archive file is imported: `offset` unpacked bytes are in the database, written with their rows."""

    __tablename__ = "ais_import"
    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    offset: Mapped[int] = mapped_column(BigInteger)
    positions: Mapped[int] = mapped_column(BigInteger)
    done: Mapped[bool]


@dataclass(frozen=True, slots=True)
class Box:
    """An area in degrees; across the date line `west` is larger than `east`."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Health:
    """`clock_skew_s`: our clock minus the time that the source writes; `dropped_lines`: our queue was full; `late` and
    `future` as in `ais.tally`.
    """

    condition: str
    fault: str | None
    connects: int
    messages_per_s: float
    clock_skew_s: float | None
    dropped_lines: int
    kernel_drops: int
    late: int
    future: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """A source and what became of its sentences."""

    source: str
    started_at: datetime
    ended_at: datetime | None
    undated: int
    duplicates: int
    own_station: int
    ledger: dict[str, Any]
    health: Health | None = None


def save_positions(session: Session, rows: Sequence[tuple[int, Position]]) -> None:
    """Append positions; one that is already there (same ship, same millisecond) stays."""
    values = [
        (
            mmsi,
            position.at_ms,
            round(position.lonlat.lat * PER_DEGREE),
            round(position.lonlat.lon * PER_DEGREE),
            None if position.sog_kn is None else round(position.sog_kn * 10),
            None if position.cog_deg_true is None else round(position.cog_deg_true * 10),
            position.heading_deg_true,
            position.nav_status,
        )
        for mmsi, position in rows
    ]
    if session.get_bind().dialect.name == "postgresql":
        _copy_positions(session, values)
    else:
        names = PositionRow.__table__.columns.keys()
        insert_new(session, PositionRow, [dict(zip(names, one, strict=True)) for one in values])


def _copy_positions(session: Session, values: Sequence[tuple[int | None, ...]]) -> None:
    """Through a table of this session, because COPY itself knows no "if it is not there"."""
    fresh = "ais_position_fresh"
    session.execute(text(f"CREATE TEMP TABLE IF NOT EXISTS {fresh} (LIKE ais_position) ON COMMIT DELETE ROWS"))
    connection: Any = session.connection().connection.driver_connection
    with connection.cursor() as cursor, cursor.copy(f"COPY {fresh} FROM STDIN") as copy:
        for one in values:
            copy.write_row(one)
    session.execute(text(f"INSERT INTO ais_position SELECT * FROM {fresh} ON CONFLICT DO NOTHING"))  # noqa: S608 - our own names


def track(session: Session, mmsi: int, since_ms: int = 0, limit: int = 5_000) -> list[Position]:
    """Stored positions of one ship, oldest first."""
    query = (
        select(PositionRow)
        .where(PositionRow.mmsi == mmsi, PositionRow.at_ms >= since_ms)
        .order_by(PositionRow.at_ms)
        .limit(limit)
    )
    return [
        position_of(row.at_ms, row.lat_i, row.lon_i, row.sog_dkn, row.cog_ddeg, row.heading_deg, row.nav_status)
        for row in session.scalars(query)
    ]


def position_of(
    at_ms: int, lat_i: int, lon_i: int, sog_dkn: int | None, cog_ddeg: int | None, heading: int | None, status: int | None
) -> Position:
    """A stored row as a position."""
    return Position(
        lonlat=LonLat(lon_i / PER_DEGREE, lat_i / PER_DEGREE),
        at_ms=at_ms,
        sog_kn=None if sog_dkn is None else sog_dkn / 10,
        cog_deg_true=None if cog_ddeg is None else cog_ddeg / 10,
        heading_deg_true=heading,
        nav_status=status,
    )


def save_latest(session: Session, ships: Iterable[LiveShip], feed: str) -> None:
    """Bring the latest state of these stations up to date; a state with a newer written time stays."""
    rows = [_latest_values(ship, feed) for ship in ships]
    newer = (LatestRow.time_source == "log") & (LatestRow.at_ms > _excluded(session, LatestRow)["at_ms"])
    upsert(session, LatestRow, rows, where=~newer)


def save_feed(session: Session, feed: Feed) -> None:
    """Keep a source's ledger and health."""
    session.merge(
        FeedRow(
            source=feed.source,
            started_at=feed.started_at,
            ended_at=feed.ended_at,
            undated=feed.undated,
            duplicates=feed.duplicates,
            own_station=feed.own_station,
            ledger=feed.ledger,
        )
    )
    if feed.health is not None:
        session.merge(HealthRow(source=feed.source, **asdict(feed.health)))


def load_picture(session: Session, box: Box | None = None, classes: Sequence[StationClass] = ()) -> list[LiveShip]:
    """Latest state of every station, by MMSI; only of these classes where some are given, and only inside the box."""
    query = select(*_LATEST).order_by(LatestRow.mmsi)
    if classes:
        query = query.where(LatestRow.station_class.in_(classes))
    if box is not None:
        query = query.where(_inside(box))
    return [_live_ship(row) for row in session.execute(query)]


def _inside(box: Box) -> ColumnElement[bool]:
    south, north, west, east = (round(degrees * PER_DEGREE) for degrees in (box.south, box.north, box.west, box.east))
    lon = LatestRow.lon_i
    across = lon.between(west, east) if west <= east else (lon >= west) | (lon <= east)
    return LatestRow.lat_i.between(south, north) & across


def load_ship(session: Session, mmsi: int) -> LiveShip | None:
    row = session.execute(select(*_LATEST).where(LatestRow.mmsi == mmsi)).first()
    return None if row is None else _live_ship(row)


def feeds(session: Session) -> list[Feed]:
    """All sources, the newest first."""
    health = {row.source: row for row in session.scalars(select(HealthRow))}
    return [
        Feed(
            row.source, row.started_at, row.ended_at, row.undated, row.duplicates, row.own_station, row.ledger,
            _health(health.get(row.source)),
        )
        for row in session.scalars(select(FeedRow).order_by(FeedRow.started_at.desc()))
    ]  # fmt: skip


def _health(row: HealthRow | None) -> Health | None:
    return None if row is None else Health(**{field.name: getattr(row, field.name) for field in fields(Health)})


def import_state(session: Session, key: str) -> ImportRow | None:
    return session.get(ImportRow, key)


def save_import(session: Session, row: ImportRow) -> None:
    session.merge(row)


def map_rows(session: Session, since_ms: int) -> list[tuple[Any, ...]]:
    """What the map draws of each ship with a position newer than `since_ms`: plain columns, because it runs every second.

    Dimensions are the JSON text as it is stored: most ships' does not change between two frames, so the reader keeps them.
    """
    row = LatestRow
    query = select(
        row.mmsi, row.lat_i, row.lon_i, row.sog_kn, row.cog_deg, row.heading_deg, row.nav_status, row.station_class,
        row.position_ms, cast(row.dimensions, String), row.ship_type,
    ).where(row.lat_i.is_not(None), row.position_ms >= since_ms)  # fmt: skip
    return [tuple(one) for one in session.execute(query)]


def newest_ms(session: Session) -> int:
    """Time of the newest position, 0 where there is none."""
    return session.scalar(select(func.max(LatestRow.position_ms))) or 0


def first_position_ms(session: Session) -> int | None:
    """Time of the oldest row: one step in the primary key for each station, never a walk through the table."""
    first = select(func.min(PositionRow.at_ms)).where(PositionRow.mmsi == LatestRow.mmsi).correlate(LatestRow)
    found: int | None = session.scalar(select(func.min(first.scalar_subquery())).select_from(LatestRow))
    return found


def positions_between(session: Session, from_ms: int, to_ms: int) -> Iterator[Sequence[Sequence[Any]]]:
    """All rows of a time span by ship and time, in blocks; values in the order of the table's columns."""
    query = select(*PositionRow.__table__.columns).where(_within(from_ms, to_ms))
    ordered = query.order_by(PositionRow.mmsi, PositionRow.at_ms).execution_options(yield_per=_BATCH)
    yield from session.execute(ordered).partitions()


def delete_positions(session: Session, from_ms: int, to_ms: int) -> None:
    session.execute(delete(PositionRow).where(_within(from_ms, to_ms)).execution_options(synchronize_session=False))


def _within(from_ms: int, to_ms: int) -> ColumnElement[bool]:
    """A time span of every station, so that the primary key (MMSI, time) finds it; a position's station has a latest state."""
    return PositionRow.mmsi.in_(select(LatestRow.mmsi)) & (PositionRow.at_ms >= from_ms) & (PositionRow.at_ms < to_ms)


def insert_new(session: Session, table: type[DeclarativeBase], rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _BATCH):
        session.execute(_make(session)(table).on_conflict_do_nothing(), rows[start : start + _BATCH])


def _excluded(session: Session, table: type[DeclarativeBase]) -> Any:
    return _make(session)(table).excluded


def _make(session: Session) -> Any:
    return sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert


def upsert(
    session: Session, table: type[DeclarativeBase], rows: list[dict[str, Any]], where: ColumnElement[bool] | None = None
) -> None:
    """Add rows, or replace those with the same primary key (and, with `where`, only those that fulfil it)."""
    columns = table.__table__.columns
    keys = [column.name for column in columns if column.primary_key]
    statement = _make(session)(table)
    fresh = {column.name: statement.excluded[column.name] for column in columns if not column.primary_key}
    statement = statement.on_conflict_do_update(index_elements=keys, set_=fresh, where=where)
    for start in range(0, len(rows), _BATCH):
        session.execute(statement, rows[start : start + _BATCH])


def _latest_values(ship: LiveShip, feed: str) -> dict[str, Any]:
    position, sides, eta = ship.position, ship.dimensions, ship.eta
    return {
        "mmsi": ship.mmsi,
        "station_class": ship.station_class,
        "at_ms": ship.at_ms,
        "time_source": ship.time_source,
        "messages": ship.messages,
        "lat_i": position and round(position.lonlat.lat * PER_DEGREE),
        "lon_i": position and round(position.lonlat.lon * PER_DEGREE),
        "position_ms": position and position.at_ms,
        "position_time_source": position and position.time_source,
        "sog_kn": position and position.sog_kn,
        "cog_deg": position and position.cog_deg_true,
        "heading_deg": position and position.heading_deg_true,
        "nav_status": position and position.nav_status,
        "imo": ship.imo,
        "name": ship.name,
        "call_sign": ship.call_sign,
        "ship_type": ship.ship_type,
        "dimensions": sides and [sides.bow_m, sides.stern_m, sides.port_m, sides.starboard_m],
        "draught_m": ship.draught_m,
        "destination": ship.destination,
        "eta": eta and [eta.month, eta.day, eta.hour, eta.minute],
        "stations": list(ship.stations),
        "unconfirmed": sorted(ship.unconfirmed),
        "feed": feed,
    }


def _live_ship(row: Sequence[Any]) -> LiveShip:
    """A row of `_LATEST`; taken apart by place, because the map asks for thousands."""
    (
        mmsi, station_class, at_ms, time_source, messages, lat_i, lon_i, position_ms, position_source, sog_kn, cog_deg,
        heading_deg, nav_status, imo, name, call_sign, ship_type, dimensions, draught_m, destination, eta, stations, unconfirmed,
    ) = row  # fmt: skip
    position = None
    if lat_i is not None and lon_i is not None and position_ms is not None:
        position = Position(
            lonlat=LonLat(round(lon_i / PER_DEGREE, 6), round(lat_i / PER_DEGREE, 6)),
            at_ms=position_ms,
            time_source=_TIME_SOURCES[position_source or "order"],
            sog_kn=sog_kn,
            cog_deg_true=cog_deg,
            heading_deg_true=heading_deg,
            nav_status=nav_status,
        )
    sides, parts = parsed(dimensions), parsed(eta)
    return LiveShip(
        mmsi=mmsi,
        station_class=_CLASSES[station_class],
        at_ms=at_ms,
        time_source=_TIME_SOURCES[time_source],
        messages=messages,
        position=position,
        imo=imo,
        name=name,
        call_sign=call_sign,
        ship_type=ship_type,
        dimensions=Dimensions(*sides) if sides else None,
        draught_m=draught_m,
        destination=destination,
        eta=Eta(*parts) if parts else None,
        stations=parsed(stations),
        unconfirmed=frozenset(parsed(unconfirmed)),
    )


@lru_cache(maxsize=16_384)
def parsed(text_: str | None) -> tuple[Any, ...]:
    """A stored JSON list from its text; empty for SQL's and for JSON's null. Few of them change between two readings."""
    return tuple((text_ and json.loads(text_)) or ())


_LATEST = tuple(
    cast(column, String) if isinstance(column.type, JSON) else column
    for column in LatestRow.__table__.columns
    if column.name != "feed"
)
_TIME_SOURCES: dict[str, TimeSource] = {"log": "log", "order": "order"}

_CLASSES: dict[str, StationClass] = {"A": "A", "B": "B", "base": "base", "aid": "aid", "aircraft": "aircraft", "other": "other"}
