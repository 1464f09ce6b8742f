"""Owns the last resort for a time: the clock of a base station (type 4) whose reports stand in a log without any other time.

Never believes one report, never touches a message that has a time, and never dates one without a base station before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from ais.behaviour import BaseClockRule
from ais.columns import NO_TIME, SOURCES, MessageBatch
from ais.fields import NONE

_BASE = SOURCES.index("base")
_HALF_MINUTE = 30


@dataclass(slots=True)
class _Clock:
    """Of one station. `agreed`: its last two reports fit together; where they do not, one is wrong, and the next says which."""

    at_ms: int
    messages: int
    agreed: bool = False


class BaseClock:
    """One per source. A report of a ship says the second it was made in (ITU-R M.1371-5): with the minute of the base station, a
    time. `rule`: two reports of a base station agree when the later one is ahead by at most `agree_s`; a clock that was not heard for
    `messages` of its station's messages says nothing any more.
    """

    def __init__(self, rule: BaseClockRule) -> None:
        self._rule = rule
        self._clocks: dict[int, _Clock] = {}
        self._stations: tuple[str, ...] = ()

    def dated(self, batch: MessageBatch) -> MessageBatch:
        """The batch, with times given in place to what has none."""
        undated = (batch.at_ms == NO_TIME).nonzero()[0].tolist()
        if not undated:
            return batch
        if batch.stations[: len(self._stations)] != self._stations:
            self._clocks.clear()  # the source began its numbers of stations anew
        self._stations = batch.stations
        kinds, stations, seconds = batch.msg_type.tolist(), batch.station.tolist(), batch.column("second").tolist()
        for row in undated:
            clock = self._clocks.get(stations[row])
            if kinds[row] == 4:
                clock = self._hear(stations[row], clock, batch.fields(row))
            if clock is None or not clock.agreed:
                continue
            clock.messages += 1
            if clock.messages > self._rule.messages:
                continue
            batch.at_ms[row], batch.at_source[row] = _with_second(clock.at_ms, seconds[row]), _BASE
        return batch

    def _hear(self, station: int, held: _Clock | None, fields: Mapping[str, JsonValue]) -> _Clock | None:
        at_ms = _utc_ms(fields)
        if at_ms is None:
            return held
        ahead_ms = None if held is None else at_ms - held.at_ms
        agrees = ahead_ms is not None and -self._rule.back_s * 1000 <= ahead_ms <= self._rule.agree_s * 1000
        made = self._clocks[station] = _Clock(max(at_ms, held.at_ms) if held is not None and agrees else at_ms, 0, agrees)
        return made


def _utc_ms(fields: Mapping[str, JsonValue]) -> int | None:
    parts = [fields.get(name) for name in ("year", "month", "day", "hour", "minute", "second")]
    known = [part for part in parts if isinstance(part, int)]
    if len(known) < len(parts):
        return None
    year, month, day, hour, minute, second = known
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None


def _with_second(at_ms: int, second: int) -> int:
    """The time nearest to `at_ms` with that second of the minute; `at_ms` where the second is none (60 and more: no time)."""
    if second == NONE or not 0 <= second < 60:
        return at_ms
    off = (second - at_ms // 1000 + _HALF_MINUTE) % 60 - _HALF_MINUTE
    return at_ms + off * 1000
