"""Owns reading what people type about times: watches, dated duties, rests, forecasts, one a line.

Never guesses: a line that cannot be read is refused with its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from typing import TypeVar

from pydantic import ValidationError

from core.errors import InputError
from inspection.duties import CrewPlan, Daily, DutyKind, Once
from inspection.slots import Weather

T = TypeVar("T")
_DAILY = re.compile(r"^(\d{1,2}:\d{2})\s*[-–—]\s*(\d{1,2}:\d{2})$")
_KINDS: Mapping[str, DutyKind] = {"watch": "watch", "cargo": "cargo", "manoeuvring": "manoeuvring"}


def utc_time(text: str) -> datetime:
    """ISO 8601; without a zone it is UTC. Raises InputError ``inspection.line_unreadable``."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError("inspection.line_unreadable", line=1, text=text[:60]) from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def optional_time(text: str) -> datetime | None:
    return utc_time(text) if text.strip() else None


def daily(text: str) -> tuple[Daily, ...]:
    """``04:00-08:00 16:00-20:00``, in ship's time."""
    return tuple(_each(re.split(r"[\s,;，；]+", text), _one_daily))


def once(text: str) -> tuple[Once, ...]:
    """Each line: from, to (UTC), and ``watch``, ``cargo`` or ``manoeuvring``."""
    return tuple(_each(text.splitlines(), _one_once))


def rests(text: str) -> tuple[tuple[datetime, datetime], ...]:
    """Each line: from, to (UTC)."""
    return tuple(_each(text.splitlines(), _one_rest))


def weather(text: str) -> tuple[Weather, ...]:
    """Each line: from, to (UTC), wind m/s, gusts m/s, visibility m, ``rain``; ``-`` = not known."""
    return tuple(_each(text.splitlines(), _one_weather))


def crew_plan_from(seat: str, values: Mapping[str, str], prefix: str = "") -> CrewPlan:
    """A crew member's duties from the fields ``watches``, ``once``, ``rests`` and ``zone``."""
    zone = values.get(f"{prefix}zone", "").strip() or "480"
    if not re.fullmatch(r"[+-]?\d{1,3}", zone):
        raise InputError("inspection.line_unreadable", line=1, text=zone[:60])
    return CrewPlan(
        seat=seat, utc_offset_min=int(zone), daily=daily(values.get(f"{prefix}watches", "")),
        once=once(values.get(f"{prefix}once", "")), rests=rests(values.get(f"{prefix}rests", "")),
    )  # fmt: skip


def _each(lines: list[str], read: Callable[[list[str]], T]) -> list[T]:
    found: list[T] = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        try:
            found.append(read(words))
        except (ValueError, ValidationError, IndexError, KeyError, InputError) as error:
            raise InputError("inspection.line_unreadable", line=number, text=line.strip()[:60]) from error
    return found


def _one_daily(words: list[str]) -> Daily:
    matched = _DAILY.match(words[0])
    if matched is None:
        raise ValueError(words[0])
    starts, ends = (time.fromisoformat(one.zfill(5)) for one in matched.groups())
    return Daily(starts=starts, ends=ends)


def _one_once(words: list[str]) -> Once:
    return Once(starts_at=utc_time(words[0]), ends_at=utc_time(words[1]), kind=_KINDS[words[2].lower()])


def _one_rest(words: list[str]) -> tuple[datetime, datetime]:
    start, end = utc_time(words[0]), utc_time(words[1])
    if end <= start:
        raise ValueError(words[1])
    return start, end


def _one_weather(words: list[str]) -> Weather:
    numbers = [None if one == "-" else float(one) for one in words[2:5]]
    wind, gust, visibility = [*numbers, None, None, None][:3]
    return Weather(
        starts_at=utc_time(words[0]), ends_at=utc_time(words[1]), wind_m_s=wind, gust_m_s=gust, visibility_m=visibility,
        rain="rain" in words[5:],
    )  # fmt: skip
