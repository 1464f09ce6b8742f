"""Owns time: an injected clock that can run faster than the wall, so that no test sleeps.

Never reads the wall clock outside ``SystemClock``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What every service takes instead of calling ``datetime.now``."""

    def now(self) -> datetime:
        """Aware UTC time."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` of this clock's time pass."""
        ...


class SystemClock:
    """The wall clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class FastClock:
    """Runs `speed` times faster than the wall from the moment it is made (or from `epoch_wall`, to share it between
    processes: give the same `start`, `speed` and `epoch_wall` = ``time.time()`` of the maker).
    """

    def __init__(self, speed: float, start: datetime | None = None, epoch_wall: float | None = None) -> None:
        if speed <= 0:
            raise ValueError("speed must be positive")
        self.speed = speed
        self.epoch_wall = time.time() if epoch_wall is None else epoch_wall
        self.start = start or datetime.now(UTC)

    def monotonic(self) -> float:
        return (time.time() - self.epoch_wall) * self.speed

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.monotonic())

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds / self.speed))


class ManualClock:
    """Stands still until told to move; sleeping moves it."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds

    sleep = advance


def rfc3339(at: datetime) -> str:
    """UTC with milliseconds and ``Z``, as every contract writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"  # cut, not rounded


def parse_rfc3339(text: str) -> datetime:
    """Inverse of `rfc3339`; raises ValueError on a time without zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at.astimezone(UTC)
