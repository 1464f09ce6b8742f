"""Owns the in-flight judgements: separation, drift seen by a cue that is not GNSS, battery against the way home, wind, fence.

Never sends anything and reads no clock. Pure decisions over what the flight measures.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from core.geo import Float
from core.hullform import HullForm
from core.ship import ShipPose
from drone.packs import MonitorNumbers
from drone.pose import camera_axes_enu

_COARSE_M, _FINE_M = 0.5, 0.01


@dataclass(slots=True)
class StandoffGuard:
    """Compares the range sensor's distance to the hull with the distance that position and heading promise.

    GNSS cannot notice its own silent shift; a sensor that sees the hull can. A shift counts when the median of the last
    readings is off by more than the tolerance, so that one bad echo stops nothing.
    """

    rules: MonitorNumbers
    _off: deque[tuple[float, float]] = field(default_factory=deque)
    _blind_since: float | None = None

    def see(self, now: float, expected_m: float | None, measured_m: float | None) -> str:
        """Why to abort, or nothing. `expected_m` None = the sensor does not look at the hull."""
        if expected_m is None or expected_m > self.rules.range_reach_m:
            self._off.clear()
            self._blind_since = None
            return ""
        if measured_m is None:
            self._blind_since = now if self._blind_since is None else self._blind_since
            blind = now - self._blind_since
            return f"range sensor blind for {blind:.0f} s" if blind > self.rules.range_blind_s else ""
        self._blind_since = None
        self._off.append((now, measured_m - expected_m))
        while self._off[0][0] < now - self.rules.shift_window_s:
            self._off.popleft()
        shift = median(off for _, off in self._off)
        enough = len(self._off) >= self.rules.shift_readings
        return f"position shifted {shift:+.1f} m against the hull" if enough and abs(shift) > self.rules.shift_m else ""


def expected_range_m(
    hull: HullForm, pose: ShipPose, enu_m: Float, heading_deg: float, pitch_deg: float, reach_m: float
) -> float | None:
    """Distance to the hull from a place along the camera's axis, where the range sensor looks; None where it passes the hull."""
    ahead = camera_axes_enu(heading_deg, pitch_deg)[:, 2][None, :] @ pose.ship_to_enu
    origin = pose.from_enu(enu_m, hull.geometry.draught_m)[0]
    return ray_range_m(hull, origin, ahead[0], reach_m)


def ray_range_m(hull: HullForm, origin_m: Float, direction: Float, reach_m: float) -> float | None:
    """Distance along one ray (unit, ship frame) to the hull, to 1 cm; None within `reach_m`. A sensor asks for one ray a few times
    a second: two looks at many points cost a tenth of `HullForm.intersect`, which is made for many rays.
    """
    coarse = np.arange(0.0, reach_m + _COARSE_M, _COARSE_M)
    inside = hull.inside(origin_m + coarse[:, None] * direction)
    if not inside.any():
        return None
    first = coarse[int(np.argmax(inside))]
    fine = np.arange(max(first - _COARSE_M, 0.0), first + _FINE_M, _FINE_M)
    return float(fine[int(np.argmax(hull.inside(origin_m + fine[:, None] * direction)))])


def battery_reason(
    battery_pct: float | None, away_m: float, height_m: float, battery_minutes: float, rules: MonitorNumbers
) -> str:
    """Enough for the way home at ferry speed with the reserve, and never below the floor."""
    if battery_pct is None:
        return ""
    seconds = away_m / rules.home_speed_m_s + 2.0 * abs(height_m) / rules.land_speed_m_s
    needed = max(rules.battery_abort_pct, rules.battery_reserve_pct + 100.0 * seconds / (battery_minutes * 60.0))
    return f"battery {battery_pct:.0f} %, the way home needs {needed:.0f} %" if battery_pct < needed else ""


def inside_polygon(point: Sequence[float] | Float, corners: Sequence[tuple[float, float]]) -> bool:
    """Even-odd rule for a point (its first two numbers) in a polygon of pairs; plain floats, a few corners need no numpy."""
    x, y = float(point[0]), float(point[1])
    inside = False
    x0, y0 = corners[-1]
    for x1, y1 in corners:
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
            inside = not inside
        x0, y0 = x1, y1
    return inside
