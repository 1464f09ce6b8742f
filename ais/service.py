"""Owns the acts of `ais`: replaying a log into the live picture, importing register files, ranking what is in the picture.

Never decides a rule: framing, joining and targeting are pure and elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ais.fragments import Frame
from ais.join import RegisterIndex
from ais.ledger import Ledger
from ais.live import LivePicture, LiveShip, Position, TimeSource
from ais.port import Port, load_port
from ais.pose import HullAtPlace
from ais.pose import geometry_and_pose as _geometry_and_pose
from ais.ranking import FeedInfo, RankedShip, Ranking, RegisterData, rank
from ais.reading import Progress, Reader, file_chunks, read_messages
from ais.register import Issue, history_of, parse_register, particulars
from ais.rules import RulePack, load_rules
from ais.store import (
    Changes,
    Feed,
    feeds,
    load_inspections,
    load_picture,
    load_ratings,
    load_register,
    load_ship,
    save_inspections,
    save_picture,
    save_positions,
    save_ratings,
    save_register,
)
from core.context import Services
from core.errors import InputError, NotFound

_POSITION_BATCH = 5_000
_MAX_REGISTER_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a log gave. `time_source`: ``order`` where no line carried a time."""

    source: str
    ledger: Ledger
    picture: LivePicture
    time_source: TimeSource
    positions_stored: int


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a register file gave; bad cells and rows are named, good ones are in."""

    file: str
    layout: str
    rows: int
    rows_used: int
    changes: Changes
    issues: tuple[Issue, ...]


def replay(services: Services, path: Path, on_progress: Progress | None = None) -> ReplayResult:
    """Decode a log into a new live picture and store it; running it again replaces the picture.

    Raises:
        NotFound, InputError: the file is missing or unreadable. A file without one AIS sentence is an empty picture.
    """
    settings = services.settings.ais
    started = services.clock.now()
    reader = Reader(settings)
    picture = LivePicture(
        confirm_identity=settings.confirm_identity, duplicate_window_s=settings.duplicate_window_s, started_at=started
    )
    thinner = _Thinner(settings.track_interval_s)
    waiting: list[tuple[int, Position]] = []
    stored = 0
    for message in read_messages(reader, file_chunks(path, on_progress)):
        position = picture.apply(message)
        if position is not None and thinner.keeps(message.mmsi, position, message.frame):
            waiting.append((message.mmsi, position))
        if len(waiting) >= _POSITION_BATCH:
            stored += _flush(services, waiting)
    stored += _flush(services, waiting)
    feed = Feed(
        source=path.name,
        started_at=started,
        ended_at=services.clock.now(),
        undated=picture.undated,
        duplicates=picture.duplicates,
        own_station=picture.own_station,
        ledger=dict(reader.ledger.as_summary()),
    )
    stations = picture.stations()
    with services.db.ais_write() as session:
        save_picture(session, feed, stations)
    source: TimeSource = "log" if any(ship.time_source == "log" for ship in stations) else "order"
    return ReplayResult(path.name, reader.ledger, picture, source, stored)


def _flush(services: Services, waiting: list[tuple[int, Position]]) -> int:
    if not waiting:
        return 0
    with services.db.ais_write() as session:
        save_positions(session, waiting)
    count = len(waiting)
    waiting.clear()
    return count


class _Thinner:
    """Keeps at most one position per ship in an interval; a log without times has no intervals and keeps all."""

    def __init__(self, interval_s: float) -> None:
        self._interval_ms = interval_s * 1000.0
        self._last: dict[int, int] = {}

    def keeps(self, mmsi: int, position: Position, frame: Frame) -> bool:
        last = self._last.get(mmsi)
        if last is not None and frame.at_ms is not None and abs(position.at_ms - last) < self._interval_ms:
            return False
        self._last[mmsi] = position.at_ms
        return True


def import_register(services: Services, path: Path) -> ImportResult:
    """Read a CSV of ships, past inspections or lists; its headers tell which. Importing it again changes nothing.

    Raises:
        NotFound: no such file.
        InputError: empty, not text, or no layout knows its headers.
    """
    if not path.is_file():
        raise NotFound("ais.file_missing", path=str(path))
    if path.stat().st_size > _MAX_REGISTER_BYTES:
        raise InputError("ais.register_too_large", name=path.name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("ais.file_unreadable", path=str(path), reason=str(error)) from error
    parsed = parse_register(data, path.name)
    with services.db.write() as session:
        changes = _sum(
            save_register(session, parsed.values),
            save_inspections(session, parsed.inspections),
            save_ratings(session, parsed.ratings),
        )
    return ImportResult(path.name, parsed.layout_id, parsed.rows, parsed.rows_used, changes, tuple(parsed.issues))


def _sum(*changes: Changes) -> Changes:
    return Changes(
        sum(change.added for change in changes),
        sum(change.changed for change in changes),
        sum(change.unchanged for change in changes),
    )


def live_ships(services: Services) -> list[LiveShip]:
    """The stored live picture, every station."""
    with services.db.ais_read() as session:
        return load_picture(session)


def live_ship(services: Services, mmsi: int) -> LiveShip:
    """One station of the stored picture.

    Raises:
        NotFound: not heard.
    """
    with services.db.ais_read() as session:
        ship = load_ship(session, mmsi)
    if ship is None:
        raise NotFound("ais.not_heard", mmsi=f"{mmsi:09d}")
    return ship


def feed_list(services: Services) -> list[Feed]:
    """Every source with its ledger, the newest first."""
    with services.db.ais_read() as session:
        return feeds(session)


def rank_live(services: Services, on: date) -> Ranking:
    """Rank the stored live picture against the register with the regime of `settings.ais.rule_pack` on that day."""
    pack = load_rules(services.settings.ais.rule_pack)
    with services.db.ais_read() as session:
        ships = load_picture(session)
        sources = feeds(session)
    register = _register(services, pack)
    newest = sources[0] if sources else None
    feed = FeedInfo(
        source="" if newest is None else newest.source,
        sentences=0 if newest is None else int(newest.ledger["sentences"]),
        at_utc=services.clock.now(),
    )
    return rank(pack, ships, register, feed, on)


def rank_ships(services: Services, on: date) -> list[RankedShip]:
    """The ranked list alone, the first one first."""
    return list(rank_live(services, on).ships)


def _register(services: Services, pack: RulePack) -> RegisterData:
    with services.db.read() as session:
        values = load_register(session)
        inspections = load_inspections(session, pack.region)
        ratings = load_ratings(session, pack.regime)
    return RegisterData(RegisterIndex(particulars(values)), history_of(inspections), ratings)


def watched_port(services: Services) -> Port:
    """The port that the installation watches."""
    return load_port(services.settings.ais.port_pack)


def geometry_and_pose(services: Services, ship: RankedShip) -> HullAtPlace:
    """Hull, place, heading and berth of a ranked ship.

    Raises:
        Refused: something that cannot be guessed is missing; the code says what.
    """
    return _geometry_and_pose(ship, watched_port(services))
