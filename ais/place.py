"""Owns where a ship is for the queue: in port, at anchor, arriving within so many hours, or elsewhere.

Never decides who is inspected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ais.live import LiveShip
from ais.port import Port, is_inside
from ais.risk_signals import PlaceRules
from core.geo import EnuFrame, LonLat

Where = Literal["in_port", "at_anchor", "arriving", "elsewhere"]
_AT_ANCHOR = 1  # navigational status, ITU-R M.1371-5
_METRES_PER_NAUTICAL_MILE = 1852.0


@dataclass(frozen=True, slots=True)
class Place:
    """`hours`: to the port's centre at the present speed, for a ship that steers for it. A straight line: the least it takes."""

    where: Where
    hours: float | None = None


def place_of(ship: LiveShip, port: Port, rules: PlaceRules) -> Place:
    """Judged from the last position alone; unknown speed counts as lying."""
    position = ship.position
    if position is None:
        return Place("elsewhere")
    east, north, _up = EnuFrame(position.lonlat).to_enu(LonLat(*port.centre))
    distance_m = math.hypot(east, north)
    speed = position.sog_kn or 0.0
    if speed < rules.slow_kn:
        if position.nav_status == _AT_ANCHOR or is_inside(port.anchorage, position.lonlat):
            return Place("at_anchor")
        return Place("in_port") if distance_m <= rules.port_radius_m else Place("elsewhere")
    course = position.cog_deg_true
    if course is None:
        return Place("elsewhere")
    off = abs((math.degrees(math.atan2(east, north)) - course + 180.0) % 360.0 - 180.0)
    if off > rules.approach_deg:
        return Place("elsewhere")
    return Place("arriving", distance_m / _METRES_PER_NAUTICAL_MILE / speed)
