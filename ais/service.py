"""Owns the acts of the live picture: replaying a log, and reading what is heard.

Never decides a rule: framing, joining and targeting are pure and elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ais.base_clock import BaseClock
from ais.batch import BatchDecoder
from ais.behaviour import load_behaviour
from ais.eta import Arrival, arrival, steady_sog_kn
from ais.event_store import signals
from ais.intake import Intake, feed_of
from ais.ledger import Ledger
from ais.live import LivePicture, LiveShip, TimeSource
from ais.port import Port, load_port
from ais.reading import Progress, file_chunks
from ais.signals import Signal
from ais.store import Box, Feed, feeds, load_picture, load_ship, save_feed, track
from ais.tally import Tally
from core.context import Services
from core.errors import NotFound


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a log gave. `time_source`: ``order`` where no line carried a time."""

    source: str
    ledger: Ledger
    picture: LivePicture
    time_source: TimeSource
    positions_stored: int


def replay(services: Services, path: Path, on_progress: Progress | None = None) -> ReplayResult:
    """Decode a log into the live picture and store it; what is held of a ship with a newer written time stays.

    Raises:
        NotFound, InputError: the file is missing or unreadable. A file without one AIS sentence is an empty picture.
    """
    started = services.clock.now()
    decoder = BatchDecoder(services.settings.ais)
    intake, tally, clock = Intake(services.settings.ais, started), Tally(), BaseClock(load_behaviour().base_clock)
    picture, stored = intake.picture, 0
    for chunk in file_chunks(path, on_progress):
        intake.take(clock.dated(decoder.feed(chunk)), tally)
        with services.db.ais_write() as session:
            stored += intake.store(session, path.name)
    intake.take(clock.dated(decoder.finish()), tally)
    intake.settle()
    feed = feed_of(path.name, started, services.clock.now(), decoder.ledger, tally)
    with services.db.ais_write() as session:
        stored += intake.store(session, path.name)
        save_feed(session, feed)
    source: TimeSource = "log" if any(ship.time_source == "log" for ship in picture.stations()) else "order"
    return ReplayResult(path.name, decoder.ledger, picture, source, stored)


def live_ships(services: Services, box: Box | None = None, *, ships_only: bool = False) -> list[LiveShip]:
    """The stored live picture: every station, or those inside the box; `ships_only` leaves out what is no ship."""
    with services.db.ais_read() as session:
        found = load_picture(session, box, ("A", "B") if ships_only else ())
    return [ship for ship in found if ship.is_ship] if ships_only else found


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


def arrival_of(services: Services, ship: LiveShip) -> Arrival | None:
    """When a ship near the fairway will be here, by its speed and by its crew; None for one elsewhere."""
    position = ship.position
    if position is None or position.sog_kn is None or position.time_source != "log":
        return None
    rule = load_behaviour().eta
    with services.db.ais_read() as session:
        points = track(session, ship.mmsi, position.at_ms - round(rule.median_minutes * 60_000))
    sog_kn = steady_sog_kn((*points, position), position.at_ms, rule) or position.sog_kn
    return arrival(watched_port(services), position, sog_kn, ship.eta, rule, ship.destination)


def open_signals(services: Services, at: datetime, mmsi: int | None = None) -> list[Signal]:
    """Signals open at `at` of one ship or of all, the surest first; each with evidence, confidence and words zh/en."""
    with services.db.ais_read() as session:
        return signals(session, at, mmsi)


def watched_port(services: Services) -> Port:
    """The port that the installation watches."""
    return load_port(services.settings.ais.port_pack)
