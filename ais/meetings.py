"""Owns ships that lie beside each other for long outside the port, as they do to pass cargo or oil over.

Never knows why: it tells who lay by whom and for how long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ais.behaviour import Meeting
from ais.live import Position
from core.geo import distance_m

_CELL_DEG = 0.01
_MINUTE_MS = 60_000


class Meetings:
    """Pairs that are near each other now, each with the time since when."""

    def __init__(self, rule: Meeting) -> None:
        self._rule = rule
        self._since: dict[tuple[int, int], int] = {}

    def step(self, slow: Iterable[tuple[int, Position]], now_ms: int) -> Iterator[tuple[int, int, int]]:
        """Take the ships that lie still outside the port; yields (one, other, minutes) of each pair that stayed for long."""
        cells: dict[tuple[int, int], list[tuple[int, Position]]] = {}
        near: dict[tuple[int, int], int] = {}
        for mmsi, position in slow:
            column, row = int(position.lonlat.lon // _CELL_DEG), int(position.lonlat.lat // _CELL_DEG)
            for east in (-1, 0, 1):
                for north in (-1, 0, 1):
                    for other, place in cells.get((column + east, row + north), ()):
                        if distance_m(position.lonlat, place.lonlat) <= self._rule.distance_m:
                            pair = (min(mmsi, other), max(mmsi, other))
                            near[pair] = self._since.get(pair, now_ms)
            cells.setdefault((column, row), []).append((mmsi, position))
        self._since = near
        for (one, other), since_ms in near.items():
            minutes = (now_ms - since_ms) // _MINUTE_MS
            if minutes >= self._rule.minutes:
                yield one, other, minutes
