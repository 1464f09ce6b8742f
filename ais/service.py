"""Owns the acts of the live picture: replaying a log, and reading what is heard.

Never decides a rule: framing, joining and targeting are pure and elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ais.event_store import signals
from ais.fragments import Frame
from ais.ledger import Ledger
from ais.live import LivePicture, LiveShip, Position, TimeSource
from ais.port import Port, load_port
from ais.reading import Progress, Reader, file_chunks, read_messages
from ais.signals import Signal
from ais.store import Feed, feeds, load_picture, load_ship, save_picture, save_positions
from core.context import Services
from core.errors import NotFound

_POSITION_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a log gave. `time_source`: ``order`` where no line carried a time."""

    source: str
    ledger: Ledger
    picture: LivePicture
    time_source: TimeSource
    positions_stored: int


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


def open_signals(services: Services, at: datetime, mmsi: int | None = None) -> list[Signal]:
    """Signals open at `at` of one ship or of all, the surest first; each with evidence, confidence and words zh/en."""
    with services.db.ais_read() as session:
        return signals(session, at, mmsi)


def watched_port(services: Services) -> Port:
    """The port that the installation watches."""
    return load_port(services.settings.ais.port_pack)
