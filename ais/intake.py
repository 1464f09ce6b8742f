"""Owns the way of a message into the picture, the track and the watch, and storing all three together.

Never reads a source. One transaction holds a stretch of messages with everything that follows from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from ais.behaviour import load_behaviour
from ais.columns import MessageBatch
from ais.event_store import save_events, save_identities, save_port_calls, save_signals
from ais.ledger import Ledger
from ais.live import LivePicture, Position, heard
from ais.memory import Recall, Remembered
from ais.port import load_port
from ais.store import Feed, Health, save_latest, save_positions
from ais.watch import Watch
from config.settings import AisSettings


class Intake:
    """One picture, fed by any number of sources."""

    def __init__(self, settings: AisSettings, started_at: datetime, recall: Recall = lambda _: None) -> None:
        self._rules = load_behaviour()
        self.picture = LivePicture(
            confirm_identity=settings.confirm_identity,
            started_at=started_at,
            recall=lambda mmsi: None if (held := recall(mmsi)) is None else held.ship,
        )
        self.watch = Watch(self._rules, load_port(settings.port_pack), self.picture.get, recall)
        self._thinner = _Thinner(settings.track_interval_s)
        self._waiting: list[tuple[int, Position]] = []
        self.events = self.signals = 0

    def restore(self, held: Iterable[Remembered]) -> None:
        """Go on from what is stored."""
        for one in held:
            self.picture.restore([one.ship])
            self.watch.restore(one)

    def evict(self) -> None:
        """Drop every station that was not heard for the rule's hours; `recall` brings it back when it is."""
        before_ms = self.watch.newest_ms - self._rules.points.forget_hours * 3_600_000
        self.watch.evict(before_ms)
        self.picture.forget(before_ms)
        self._thinner.forget(before_ms)

    def take(self, batch: MessageBatch) -> None:
        """Take messages in."""
        picture, watch = self.picture, self.watch
        for message in heard(batch):
            position = picture.apply(message)
            if position is not None and message.msg_type not in {4, 21}:
                if position.time_source == "log":
                    watch.report(message.mmsi, position, message.station)
                if self._thinner.keeps(message.mmsi, position):
                    self._waiting.append((message.mmsi, position))
            elif message.msg_type == 5 and (draught := message.number("draught")) is not None and message.at_ms:
                watch.draught(message.mmsi, draught, message.at_ms)
        for sighting in picture.take_sightings():
            ship = picture.get(sighting.mmsi) if sighting.field == "imo" else None
            watch.identity(sighting, ship.dimensions.length_m if ship is not None and ship.dimensions else None)

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

    def feed(
        self, source: str, started_at: datetime, ended_at: datetime | None, ledger: Ledger, health: Health | None = None
    ) -> Feed:
        """How a source stands, with what the picture counted."""
        picture, summary = self.picture, dict(ledger.as_summary())
        return Feed(source, started_at, ended_at, picture.undated, picture.duplicates, picture.own_station, summary, health)

    def forget(self) -> None:
        """Drop what waits to be stored: it is stored already (an import that goes on after a kill)."""
        self._waiting.clear()
        self.picture.take_changed()
        self.watch.take()


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
