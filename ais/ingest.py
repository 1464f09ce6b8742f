"""Owns the ingest process: it takes what the sources deliver, and writes picture, tracks, conclusions and health.

Never serves anyone: it is the only writer of ``ais.db`` while it runs; readers read the database.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from ais.archive import close_days
from ais.base_clock import BaseClock
from ais.batch import BatchDecoder, Repeats
from ais.behaviour import load_behaviour
from ais.columns import SOURCES, MessageBatch
from ais.intake import Intake, feed_of
from ais.memory import Remembered, remembered
from ais.signals import ms_of
from ais.sources import SourceSpec, Supply
from ais.store import Feed, Health, save_feed
from ais.tally import Tally
from core import logs
from core.context import Services

_ARCHIVE_EVERY_S = 3600.0
_SKEWS = 64
_PIECE = 1 << 18  # decoded at once: after a pause the memory for one piece is enough for all that waited
_RECEIVER = SOURCES.index("receiver")
_log = logs.get("ais")


@dataclass(slots=True)
class _Line:
    """One source as the loop sees it."""

    decoder: BatchDecoder
    live: bool
    clock: BaseClock
    tally: Tally = field(default_factory=Tally)
    skews_s: list[float] = field(default_factory=list)
    messages: int = 0
    rate: float = 0.0


class Ingest:
    """`run` until told to stop, or until every source was a file and has ended."""

    def __init__(self, services: Services, specs: Sequence[SourceSpec]) -> None:
        self._services = services
        self._supply = Supply(specs, services.settings.ais, services.clock)
        self._started = services.clock.now()
        self.intake = Intake(services.settings.ais, self._started, self._recall)
        self._points = load_behaviour().points
        since = self._started - timedelta(hours=self._points.forget_hours)
        with services.db.ais_read() as session:
            self.intake.restore(remembered(session, self._started, ms_of(since)).values())
        repeats = Repeats(services.settings.ais.duplicate_window_s)  # one for all sources: overlapping stations count once
        self._lines = {
            spec.name: _Line(
                BatchDecoder(services.settings.ais, repeats=repeats),
                live=spec.scheme != "file",  # a replayed log keeps the times that are written in it
                clock=BaseClock(load_behaviour().base_clock),
            )
            for spec in specs
        }
        self._flushed = services.clock.monotonic()
        self._archived = self._heard = self._flushed

    def run(self, stop: threading.Event) -> None:
        """The loop; what waited when it stops is still stored."""
        self._supply.start()
        try:
            while not stop.wait(self._services.settings.ais.flush_s):
                ended = self._supply.ended  # before taking: what is put in between is taken
                self.turn()
                if ended:
                    break
        finally:
            self._supply.stop()
            self.turn(last=True)

    def turn(self, *, last: bool = False) -> None:
        """Take everything that waits and store it in one transaction."""
        now, clock_s = self._services.clock.now(), self._services.clock.monotonic()
        for name, line in self._lines.items():
            data = self._supply.inboxes[name].take()
            if data:
                self._heard = clock_s
            for start in range(0, len(data), _PIECE):
                self._take(line, line.decoder.feed(data[start : start + _PIECE], now if line.live else None), now)
            if last:
                self._take(line, line.decoder.finish(), now)
        if last or clock_s - self._heard > self._points.lateness_s:
            self.intake.settle()
        seconds = max(clock_s - self._flushed, 1e-3)
        with self._services.db.ais_write() as session:
            self.intake.store(session, "live")
            for name in self._lines:
                save_feed(session, self._feed(name, seconds, last=last))
        self._flushed = clock_s
        if clock_s - self._archived > _ARCHIVE_EVERY_S:
            self._archived = clock_s
            self.intake.evict()
            days = close_days(self._services)
            _log.info("closed days moved to Parquet", days=len(days))

    def _recall(self, mmsi: int) -> Remembered | None:
        with self._services.db.ais_read() as session:
            return remembered(session, self._services.clock.now(), mmsi=mmsi).get(mmsi)

    def _take(self, line: _Line, batch: MessageBatch, now: datetime) -> None:
        now_ms = ms_of(now)
        written = batch.at_ms[(batch.at_source >= 0) & (batch.at_source < _RECEIVER)]
        line.skews_s = [*line.skews_s, *((now_ms - written[-_SKEWS:]) / 1000).tolist()][-_SKEWS:]
        line.messages += len(batch)
        if line.live:
            line.tally.believe(batch, now_ms, self._points.future_s * 1000)
        self.intake.take(line.clock.dated(batch), line.tally)

    def _feed(self, name: str, seconds: float, *, last: bool) -> Feed:
        line, state = self._lines[name], self._supply.inboxes[name].snapshot()
        line.rate, line.messages = line.messages / seconds, 0
        now = self._services.clock.now()
        health = Health(
            condition="ended" if last else state.condition,
            fault=state.fault,
            connects=state.connects,
            messages_per_s=round(line.rate, 2),
            clock_skew_s=round(median(line.skews_s), 1) if line.skews_s else None,
            dropped_lines=state.dropped_lines,
            kernel_drops=state.kernel_drops,
            late=line.tally.late,
            future=line.tally.future,
            updated_at=now,
        )
        return feed_of(name, self._started, now if last else None, line.decoder.ledger, line.tally, health)
