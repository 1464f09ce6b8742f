"""Owns measuring how a ranking would have done: precision in the first k and the gain curve over past inspections with outcomes.

Never judges a ship: it takes scores that were made without the outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Scored:
    """One past inspection. `score`: higher = sooner, from what was known the day before; `hit`: it found what was looked for."""

    ref: str
    score: float
    hit: bool


@dataclass(frozen=True, slots=True)
class BackTest:
    """`precision`: k -> share of hits among the first k. `gain`: (share looked at, share of all hits found), from (0, 0) to (1, 1).

    Ships of equal score are taken in any order: their share of hits counts, never the luck of an order.
    `area`: under the gain curve; 0.5 = no better than chance.
    """

    inspections: int
    hits: int
    precision: dict[int, float]
    gain: tuple[tuple[float, float], ...]
    area: float


def back_test(scored: Sequence[Scored], firsts: Sequence[int]) -> BackTest:
    """Measure; without an inspection or a hit there is no precision, no curve and an area of 0.5."""
    hits = sum(one.hit for one in scored)
    total = len(scored)
    if not total or not hits:
        return BackTest(total, hits, {}, (), 0.5)
    groups: dict[float, list[int]] = {}
    for one in scored:
        group = groups.setdefault(one.score, [0, 0])
        group[0] += 1
        group[1] += one.hit
    seen = found = 0
    points: list[tuple[int, int]] = [(0, 0)]
    for score in sorted(groups, reverse=True):
        seen, found = seen + groups[score][0], found + groups[score][1]
        points.append((seen, found))
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points)) / (total * hits)
    precision = {k: _found_after(points, k) / k for k in sorted(set(firsts)) if 0 < k <= total}
    return BackTest(total, hits, precision, tuple((seen / total, found / hits) for seen, found in points), area)


def _found_after(points: Sequence[tuple[int, int]], k: int) -> float:
    """Expected hits among the first k."""
    for (seen, found), (then, more) in pairwise(points):
        if k <= then:
            return found + (more - found) * (k - seen) / (then - seen)
    return float(points[-1][1])
