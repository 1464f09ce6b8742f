"""Owns the order and direction in which pieces of lane are flown, and how near to the best it is.

Never knows where pieces lie: it gets seconds between their ends. Exact (Held and Karp's recursion over subsets) for few pieces, as
nearly every survey has; beyond that a greedy order improved by 2-opt, with a lower bound beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.geo import Float

EXACT_PIECES = 7


@dataclass(frozen=True, slots=True)
class Order:
    """`visits`: (piece, reversed?) in flying order. `joins_s` = time between pieces and from and to home, `bound_s` <= any order's."""

    visits: tuple[tuple[int, bool], ...]
    joins_s: float
    bound_s: float
    exact: bool


def best_order(seconds: Float) -> Order:
    """`seconds` (2n + 1, 2n + 1): piece i begins at 2i and ends at 2i + 1, home is the last; infinite = no way."""
    pieces = (len(seconds) - 1) // 2
    if pieces == 0:
        return Order((), 0.0, 0.0, exact=True)
    if pieces <= EXACT_PIECES:
        visits, cost = _exact(seconds, pieces)
        return Order(tuple(visits), cost, cost, exact=True)
    visits = _improve(_greedy(seconds, pieces), seconds)
    return Order(tuple(visits), _cost(visits, seconds), _bound(seconds, pieces), exact=False)


def _ends(visit: tuple[int, bool]) -> tuple[int, int]:
    piece, backwards = visit
    return (2 * piece + 1, 2 * piece) if backwards else (2 * piece, 2 * piece + 1)


def _cost(visits: list[tuple[int, bool]], seconds: Float) -> float:
    home = len(seconds) - 1
    places = [home, *(end for visit in visits for end in _ends(visit)), home]
    return float(sum(seconds[a, b] for a, b in zip(places[::2], places[1::2], strict=True)))


def _exact(seconds: Float, pieces: int) -> tuple[list[tuple[int, bool]], float]:
    home, full = 2 * pieces, (1 << pieces) - 1
    best: dict[tuple[int, int], tuple[float, int]] = {}  # (visited, exit end) -> (seconds, exit end before)
    for piece in range(pieces):
        for entry, leave in ((2 * piece, 2 * piece + 1), (2 * piece + 1, 2 * piece)):
            best[1 << piece, leave] = (float(seconds[home, entry]), -1)
    for visited in range(1, full + 1):
        for leave in range(2 * pieces):
            if (visited, leave) in best:
                _extend(best, visited, leave, seconds)
    last = min(range(2 * pieces), key=lambda leave: best[full, leave][0] + float(seconds[leave, home]))
    total = best[full, last][0] + float(seconds[last, home])
    visits: list[tuple[int, bool]] = []
    visited, leave = full, last
    while leave >= 0:
        visits.append((leave // 2, leave % 2 == 0))
        before = best[visited, leave][1]
        visited, leave = visited & ~(1 << leave // 2), before
    return visits[::-1], total


def _extend(best: dict[tuple[int, int], tuple[float, int]], visited: int, leave: int, seconds: Float) -> None:
    """Try every piece not visited yet, in both directions, after a state."""
    so_far = best[visited, leave][0]
    for entry in range(len(seconds) - 1):
        if visited >> entry // 2 & 1:
            continue
        cost = so_far + float(seconds[leave, entry])
        key = (visited | 1 << entry // 2, entry ^ 1)
        if key not in best or cost < best[key][0]:
            best[key] = (cost, leave)


def _greedy(seconds: Float, pieces: int) -> list[tuple[int, bool]]:
    at, left, visits = 2 * pieces, set(range(pieces)), []
    while left:
        entry = min((end for piece in left for end in (2 * piece, 2 * piece + 1)), key=lambda end: float(seconds[at, end]))
        visits.append((entry // 2, entry % 2 == 1))
        left.remove(entry // 2)
        at = entry ^ 1
    return visits


def _improve(visits: list[tuple[int, bool]], seconds: Float) -> list[tuple[int, bool]]:
    """2-opt: turn round any run of pieces while that saves time."""
    best, better = _cost(visits, seconds), True
    while better:
        better = False
        for start in range(len(visits)):
            for end in range(start + 1, len(visits) + 1):
                turned = [(piece, not backwards) for piece, backwards in visits[start:end][::-1]]
                tried = [*visits[:start], *turned, *visits[end:]]
                cost = _cost(tried, seconds)
                if cost < best - 1e-6:
                    visits, best, better = tried, cost, True
    return visits


def _bound(seconds: Float, pieces: int) -> float:
    """Every end of a piece is joined to an end of another piece or to home, home to two: half the sum of the cheapest joins."""
    others = seconds.astype(float)
    np.fill_diagonal(others, np.inf)
    for piece in range(pieces):
        others[2 * piece, 2 * piece + 1] = others[2 * piece + 1, 2 * piece] = np.inf
    home = np.sort(others[-1])[:2]
    return float((np.sum(np.min(others[:-1], axis=1)) + np.sum(home)) / 2.0)
