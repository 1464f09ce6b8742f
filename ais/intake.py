"""Owns the way of a message into the picture, the track and the watch, and storing all three together.

Never reads a source. One transaction holds a stretch of messages with everything that follows from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from ais.behaviour import load_behaviour
from ais.columns import MessageBatch
from ais.event_store import save_events, save_identities, save_port_calls, save_signals
from ais.ledger import Ledger
from ais.live import Heard, LivePicture, Position, heard
from ais.memory import Recall, Remembered
from ais.port import load_port
from ais.reorder import Reorder
from ais.store import Feed, Health, save_latest, save_positions
from ais.tally import Tally
from ais.watch import Watch
from config.settings import AisSettings

_NEAR_DEG = 0.005  # a quarter of a mile


class Intake:
    """One picture, fed by any number of sources.

    Picture and track take a message at once; the watch, whose rules compare one report with the one before, takes it in the
    order of time (`ais.reorder`).
    """

    def __init__(self, settings: AisSettings, started_at: datetime, recall: Recall = lambda _: None) -> None:
        self._rules = load_behaviour()
        self.picture = LivePicture(
            confirm_identity=settings.confirm_identity,
            started_at=started_at,
            recall=lambda mmsi: None if (held := recall(mmsi)) is None else held.ship,
        )
        self.watch = Watch(self._rules, load_port(settings.port_pack), self.picture.get, recall)
        self._thinner = _Thinner(settings.track_interval_s)
        self._order: Reorder[Callable[[], None]] = Reorder(self._rules.points.lateness_s * 1000)
        self._heard: dict[int, Position] = {}  # the last report of each ship that went to the watch
        self._waiting: list[tuple[int, Position]] = []
        self.events = self.signals = 0

    def restore(self, held: Iterable[Remembered]) -> None:
        """Go on from what is stored."""
        for one in held:
            self.picture.restore([one.ship])
            self.watch.restore(one)

    def evict(self) -> None:
        """Drop every station that was not heard for the rule's hours; `recall` brings it back when it is."""
        before_ms = self._order.newest_ms - self._rules.points.forget_hours * 3_600_000
        self._heard = {mmsi: position for mmsi, position in self._heard.items() if position.at_ms >= before_ms}
        self.watch.evict(before_ms)
        self.picture.forget(before_ms)
        self._thinner.forget(before_ms)

    def take(self, batch: MessageBatch, tally: Tally) -> None:
        """Take messages of one source in; `tally` counts what is not in its ledger."""
        picture, watch = self.picture, self.watch
        tally.count(batch)
        for message in heard(batch):
            position = picture.apply(message)
            if position is not None and message.msg_type not in {4, 21}:
                if position.time_source == "log" and self._tells_more(message.mmsi, position):
                    judge = partial(watch.report, message.mmsi, position, message.station)
                    tally.late += not self._order.put(position.at_ms, judge)
                if self._thinner.keeps(message.mmsi, position):
                    self._waiting.append((message.mmsi, position))
            elif message.at_ms and not message.own and not message.repeated and message.msg_type in {5, 24}:
                self._static(message, message.at_ms)
        for sighting in picture.take_sightings():
            ship = picture.get(sighting.mmsi) if sighting.field == "imo" else None
            watch.identity(sighting, ship.dimensions.length_m if ship is not None and ship.dimensions else None)
        _do(self._order.ready())

    def _static(self, message: Heard, at_ms: int) -> None:
        """Draught and length of a static report, in their place in time."""
        sides = None if "mothership_mmsi" in message.fields else message.dimensions
        draught = message.number("draught")
        if draught is not None:
            self._order.put(at_ms, partial(self.watch.draught, message.mmsi, draught, at_ms))
        if sides is not None and sides.length_m:
            self._order.put(at_ms, partial(self.watch.length, message.mmsi, sides.length_m, at_ms))

    def settle(self) -> None:
        """Judge what still waits for its order: the log has ended, or nothing came for as long as the bound."""
        _do(self._order.rest())

    def _tells_more(self, mmsi: int, position: Position) -> bool:
        """Class A reports every two seconds at most: what is nearer in time and place was said by another station already."""
        last = self._heard.get(mmsi)
        if last is not None and abs(position.at_ms - last.at_ms) < self._rules.points.spacing_s * 1000:
            here, there = position.lonlat, last.lonlat
            if abs(here.lat - there.lat) < _NEAR_DEG and abs(here.lon - there.lon) < _NEAR_DEG:
                return False
        self._heard[mmsi] = position
        return True

    def store(self, session: Session, feed: str) -> int:
        """Write what is new since the last call; returns how many positions."""
        positions, self._waiting = self._waiting, []
        save_positions(session, positions)
        save_latest(session, self.picture.take_changed(), feed)
        found = self.watch.take()
        save_events(session, found.events)
        save_signals(session, found.signals)
        save_port_calls(session, found.calls)
        save_identities(session, found.identities)
        self.events += len(found.events)
        self.signals += len(found.signals)
        return len(positions)

    def forget(self) -> None:
        """Drop what waits to be stored: it is stored already (an import that goes on after a kill)."""
        self._waiting.clear()
        self.picture.take_changed()
        self.watch.take()


def feed_of(
    source: str, started_at: datetime, ended_at: datetime | None, ledger: Ledger, tally: Tally, health: Health | None = None
) -> Feed:
    """How a source stands."""
    summary = dict(ledger.as_summary())
    return Feed(source, started_at, ended_at, tally.undated, tally.duplicates, tally.own_station, summary, health)


def _do(deeds: Iterator[Callable[[], None]]) -> None:
    for deed in deeds:
        deed()


class _Thinner:
    """Keeps at most one position per ship in an interval; a log without times has no intervals and keeps all."""

    def __init__(self, interval_s: float) -> None:
        self._interval_ms = interval_s * 1000.0
        self._last: dict[int, int] = {}

    def forget(self, before_ms: float) -> None:
        self._last = {mmsi: at_ms for mmsi, at_ms in self._last.items() if at_ms >= before_ms}

    def keeps(self, mmsi: int, position: Position) -> bool:
        last = self._last.get(mmsi)
        if last is not None and position.time_source == "log" and abs(position.at_ms - last) < self._interval_ms:
            return False
        self._last[mmsi] = position.at_ms
        return True
