"""Owns telling a track that is drawn as a circle from a ship that turns: where satellite positions are falsified, ships lying still
report places round a centre, at speed, while their bow stays where it was.

Never judges a ship without a heading: it cannot be told from one that really turns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ais.behaviour import Circle
from ais.live import Position

_M_PER_DEG = 60 * 1852.0
_MOST_OBLONG = 1.5  # of the box around a circle that is covered as the rule asks


@dataclass(frozen=True, slots=True)
class Drawn:
    """A fitted circle; `residual_m` is the root mean square distance of the points from it."""

    radius_m: float
    residual_m: float
    points: int


def drawn_circle(points: Sequence[Position], rule: Circle) -> Drawn | None:
    """The circle that these points of one ship lie on, if they cover it at speed and the bow does not follow."""
    if len(points) < rule.points or median(point.sog_kn or 0.0 for point in points) < rule.sog_kn:
        return None
    first = points[0].lonlat
    scale = _M_PER_DEG * math.cos(math.radians(first.lat))
    east = [(point.lonlat.lon - first.lon) * scale for point in points]
    north = [(point.lonlat.lat - first.lat) * _M_PER_DEG for point in points]
    width, height = max(east) - min(east), max(north) - min(north)
    if (
        not rule.radius_min_m
        <= min(width, height)
        <= max(width, height)
        <= min(2.2 * rule.radius_max_m, _MOST_OBLONG * min(width, height))
    ):
        return None  # most ships, most of the time
    fitted = _fit(east, north)
    if fitted is None:
        return None
    centre_e, centre_n, radius, residual = fitted
    if not rule.radius_min_m <= radius <= rule.radius_max_m or residual > rule.residual_share * radius:
        return None
    bearings = [math.degrees(math.atan2(e - centre_e, n - centre_n)) for e, n in zip(east, north, strict=True)]
    if _widest_gap(bearings) > rule.gap_deg or _bow_follows(points, bearings, rule):
        return None
    return Drawn(radius, residual, len(points))


def _fit(east: list[float], north: list[float]) -> tuple[float, float, float, float] | None:
    """Least squares circle of Kasa (1976): centre, radius and residual in metres; None where the points lie on a line."""
    count = len(east)
    mean_e, mean_n = sum(east) / count, sum(north) / count
    u, v = [e - mean_e for e in east], [n - mean_n for n in north]
    uu, vv, uv = sum(a * a for a in u), sum(b * b for b in v), sum(a * b for a, b in zip(u, v, strict=True))
    squares = [a * a + b * b for a, b in zip(u, v, strict=True)]
    right_u = sum(a * s for a, s in zip(u, squares, strict=True)) / 2
    right_v = sum(b * s for b, s in zip(v, squares, strict=True)) / 2
    determinant = uu * vv - uv * uv
    if determinant <= 1e-9 * (uu + vv) ** 2:
        return None
    centre_u, centre_v = (right_u * vv - right_v * uv) / determinant, (right_v * uu - right_u * uv) / determinant
    radius = math.sqrt(centre_u**2 + centre_v**2 + (uu + vv) / count)
    off = [math.hypot(a - centre_u, b - centre_v) - radius for a, b in zip(u, v, strict=True)]
    return mean_e + centre_u, mean_n + centre_v, radius, math.sqrt(sum(one * one for one in off) / count)


def _widest_gap(bearings_deg: list[float]) -> float:
    ordered = sorted(one % 360.0 for one in bearings_deg)
    return max((after - before) % 360.0 for before, after in zip(ordered, [*ordered[1:], ordered[0] + 360.0], strict=True))


def _bow_follows(points: Sequence[Position], bearings_deg: list[float], rule: Circle) -> bool:
    """The bow points along the circle, one way round or the other; also where too few headings are known to say."""
    known = [
        point.heading_deg_true - bearing
        for point, bearing in zip(points, bearings_deg, strict=True)
        if point.heading_deg_true is not None
    ]
    if len(known) < len(points) / 2:
        return True
    ways = (sum(1 for one in known if abs((one - side + 180.0) % 360.0 - 180.0) <= rule.bow_deg) for side in (90.0, -90.0))
    return max(ways) >= rule.bow_share * len(known)
