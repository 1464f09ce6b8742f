"""Owns judging a seafarer's rest record on every window against a scheme of `config/rest`.

Never looks outside the time that the record covers: what was not recorded breaks no rule.
Times are whole minutes; sums on sliding windows are exact, since they change by whole minutes only.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ais.codes import Label
from config import pack_path
from core.errors import InputError

_HOUR = 60
_DAY = 24 * _HOUR
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
Span: TypeAlias = tuple[int, int]
"""Minutes since 2000-01-01 UTC: first minute, and the one after the last."""
Minutes: TypeAlias = NDArray[np.int64]


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Rule(_Pack):
    id: str
    basis: str
    psc_codes: tuple[str, ...]
    hours: float


class MinRest(_Rule):
    kind: Literal["min_rest"]
    window_h: int


class MaxWork(_Rule):
    kind: Literal["max_work"]
    window_h: int


class BelowAtMost(_Rule):
    kind: Literal["below_at_most"]
    window_h: int
    at_most_days: int


class Division(_Rule):
    kind: Literal["division"]
    window_starts: Literal["work"]
    window_h: int
    max_periods: int
    one_at_least_h: float
    shortest_h: float


class ExceptionalDays(_Rule):
    kind: Literal["exceptional_days"]
    window_h: int
    max_periods: int
    one_at_least_h: float
    at_most_days: int
    in_days: int


class Interval(_Rule):
    kind: Literal["interval"]


class Night(_Rule):
    kind: Literal["night"]
    from_h: int
    to_h: int
    under_age: int


RestRule = Annotated[
    MinRest | MaxWork | BelowAtMost | Division | ExceptionalDays | Interval | Night, Field(discriminator="kind")
]


class RestScheme(_Pack):
    """One file of `config/rest`."""

    id: str
    version: str
    name: Label
    source: str
    short_break_minutes: int
    rules: tuple[RestRule, ...]


@dataclass(frozen=True, slots=True)
class RestBreach:
    """A stretch in which a rule is broken. `value_h` is the worst value in it, `limit_h` what the rule asks for."""

    rule: str
    first_utc: datetime
    last_utc: datetime
    value_h: float
    limit_h: float


@dataclass(frozen=True, slots=True)
class _Record:
    rests: tuple[Span, ...]
    covered: Span
    rest_until: Minutes  # (n + 1,) int64: rest minutes from the start of the record until each minute

    def sums(self, window_min: int) -> Minutes:
        """(n - window + 1,) rest minutes in the window that begins at each minute; empty where the record is shorter."""
        if len(self.rest_until) <= window_min:
            return np.empty(0, dtype=np.int64)
        return np.asarray(self.rest_until[window_min:] - self.rest_until[:-window_min])


@cache
def load_scheme(name: str) -> RestScheme:
    """A scheme by its id.

    Raises:
        InputError: no such file, or wrong; names the place.
    """
    try:
        return RestScheme.model_validate(tomllib.loads(pack_path("rest", f"{name}.toml").read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError("ais.rest_scheme", name=name, reason=str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError("ais.rest_scheme", name=name, reason=f"{place}: {first['msg']}") from error


def check_rest(
    scheme: RestScheme,
    rests: Iterable[tuple[datetime, datetime]],
    covered: tuple[datetime, datetime],
    *,
    age: int | None = None,
    utc_offset_min: int = 0,
) -> list[RestBreach]:
    """Every stretch in which a rule of `scheme` is broken.

    `covered` is the time the record speaks about; everything in it that is not rest is work. `age`: the night rule is applied
    to the young only, and to nobody whose age is unknown. `utc_offset_min`: ship's time minus UTC, for the night.
    """
    record = _record(scheme, rests, covered)
    found: list[RestBreach] = []
    for rule in scheme.rules:
        found += _breaches(rule, record, age, utc_offset_min)
    return found


def _record(scheme: RestScheme, rests: Iterable[tuple[datetime, datetime]], covered: tuple[datetime, datetime]) -> _Record:
    first, last = _minute(covered[0]), _minute(covered[1])
    merged: list[Span] = []
    for start, end in sorted((max(first, _minute(one[0])), min(last, _minute(one[1]))) for one in rests):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    counted = tuple(
        (start, end) for start, end in merged if end - start >= scheme.short_break_minutes or first == start or last == end
    )
    steps = np.zeros(max(0, last - first) + 1, dtype=np.int64)
    for start, end in counted:
        steps[start - first] += 1
        steps[end - first] -= 1
    at_rest = np.cumsum(steps)[:-1]
    return _Record(counted, (first, last), np.concatenate(([0], np.cumsum(at_rest))))


def _breaches(rule: RestRule, record: _Record, age: int | None, utc_offset_min: int) -> list[RestBreach]:
    if isinstance(rule, MinRest):
        return _below(rule, record, rule.hours)
    if isinstance(rule, MaxWork):
        found = _below(rule, record, rule.window_h - rule.hours)
        return [RestBreach(rule.id, one.first_utc, one.last_utc, rule.window_h - one.value_h, rule.hours) for one in found]
    if isinstance(rule, BelowAtMost):
        limit = timedelta(days=rule.at_most_days)
        return [one for one in _below(rule, record, rule.hours) if one.last_utc - one.first_utc > limit]
    if isinstance(rule, Division):
        return _divided(rule, record)
    if isinstance(rule, ExceptionalDays):
        return _exceptional_days(rule, record)
    if isinstance(rule, Interval):
        return _intervals(rule, record)
    return _nights(rule, record, utc_offset_min) if age is not None and age < rule.under_age else []


def _below(rule: MinRest | MaxWork | BelowAtMost, record: _Record, hours: float) -> list[RestBreach]:
    window = rule.window_h * _HOUR
    sums = record.sums(window)
    bad = sums < hours * _HOUR
    edges = np.flatnonzero(np.diff(np.concatenate(([False], bad, [False])).astype(np.int8)))
    return [
        RestBreach(
            rule.id,
            _moment(record.covered[0] + int(start)),
            _moment(record.covered[0] + int(end) - 1 + window),
            float(sums[start:end].min()) / _HOUR,
            hours,
        )
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def _starts_of_work(record: _Record, window: int) -> list[int]:
    return [end for _start, end in record.rests if end + window <= record.covered[1]]


def _pieces(record: _Record, start: int, end: int) -> list[int]:
    """Lengths of the rests inside a window, the longest first."""
    place = bisect_right(record.rests, (start, start)) - 1
    lengths: list[int] = []
    for rest in record.rests[max(0, place) :]:
        if rest[0] >= end:
            break
        length = min(rest[1], end) - max(rest[0], start)
        if length > 0:
            lengths.append(length)
    return sorted(lengths, reverse=True)


def _shortfall(rule: Division | ExceptionalDays, pieces: Sequence[int], shortest_h: float = 0.0) -> tuple[float, float] | None:
    """(value, limit) in hours where the division is wrong: no period long enough, or the needed rest in too many periods."""
    longest = pieces[0] if pieces else 0
    if longest < rule.one_at_least_h * _HOUR:
        return longest / _HOUR, rule.one_at_least_h
    counted = [length for length in pieces if length >= shortest_h * _HOUR][: rule.max_periods]
    if sum(pieces) >= rule.hours * _HOUR > sum(counted):
        return sum(counted) / _HOUR, rule.hours
    return None


def _divided(rule: Division, record: _Record) -> list[RestBreach]:
    window = rule.window_h * _HOUR
    found: list[RestBreach] = []
    for start in _starts_of_work(record, window):
        short = _shortfall(rule, _pieces(record, start, start + window), rule.shortest_h)
        if short is not None:
            found.append(RestBreach(rule.id, _moment(start), _moment(start + window), *short))
    return found


def _exceptional_days(rule: ExceptionalDays, record: _Record) -> list[RestBreach]:
    window = rule.window_h * _HOUR
    days = sorted(
        {
            start // _DAY
            for start in _starts_of_work(record, window)
            if _shortfall(rule, _pieces(record, start, start + window)) is not None
        }
    )
    found: list[RestBreach] = []
    for day in days:
        inside = sum(day <= other < day + rule.in_days for other in days)
        if inside > rule.at_most_days:
            first = _moment(day * _DAY)
            limit = float(rule.at_most_days * 24)
            found.append(RestBreach(rule.id, first, first + timedelta(days=rule.in_days), float(inside * 24), limit))
    return found


def _intervals(rule: Interval, record: _Record) -> list[RestBreach]:
    first, last = record.covered
    edges = [first, *(minute for rest in record.rests for minute in rest), last]
    works = zip(edges[::2], edges[1::2], strict=True)
    return [
        RestBreach(rule.id, _moment(start), _moment(end), (end - start) / _HOUR, rule.hours)
        for start, end in works
        if end - start > rule.hours * _HOUR
    ]


def _nights(rule: Night, record: _Record, utc_offset_min: int) -> list[RestBreach]:
    first, last = record.covered
    found: list[RestBreach] = []
    for day in range((first + utc_offset_min) // _DAY, (last + utc_offset_min) // _DAY + 1):
        start = day * _DAY + rule.from_h * _HOUR - utc_offset_min
        end = day * _DAY + rule.to_h * _HOUR - utc_offset_min
        if start < first or end > last:
            continue
        rest = next((one for one in record.rests if one[0] <= start and one[1] >= end), None)
        length = 0 if rest is None else rest[1] - rest[0]
        at_edge = rest is not None and (rest[0] == first or rest[1] == last)  # it may have been longer
        if length < rule.hours * _HOUR and not at_edge:
            found.append(RestBreach(rule.id, _moment(start), _moment(end), length / _HOUR, rule.hours))
    return found


def _minute(at: datetime) -> int:
    return round((at - _EPOCH).total_seconds() / 60)


def _moment(minute: int) -> datetime:
    return _EPOCH + timedelta(minutes=minute)
