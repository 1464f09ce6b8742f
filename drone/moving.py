"""Owns the moving ship: pose fixes of a beacon fitted to a motion, the plan's ship-frame legs re-projected at any moment with
feed-forward velocity, and the gate on the age of the pose.

Never reads a clock and never sends anything: a flight asks for a setpoint and sends it. Times are seconds of one clock that the
caller chooses; the level frame is the plan's (east, north around `plan.ship.pose.lonlat`).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

import numpy as np

from config import pack_path
from core.geo import EnuFrame, Float, LonLat
from core.ship import ShipGeometry, ShipPose
from drone.model import Leg, Plan, Sortie


@dataclass(frozen=True, slots=True)
class MovingNumbers:
    """config/drone/moving.toml; the comments there say what each is."""

    may_move: frozenset[str]
    window_s: float
    least_fixes: int
    least_rate_hz: float
    lane_error_m: float
    least_swing_deg_s: float
    hold_s: float
    back_off_m: float
    return_s: float
    setpoint_hz: float


@cache
def moving_numbers() -> MovingNumbers:
    data = tomllib.loads(pack_path("drone", "moving.toml").read_text(encoding="utf-8"))
    values = {name: data[name] for name in MovingNumbers.__slots__}
    return MovingNumbers(**{**values, "may_move": frozenset(values["may_move"])})


@dataclass(frozen=True, slots=True)
class Fix:
    """One pose of the ship as measured at `at_s`: origin of the ship frame (2,) east and north, metres; heading true."""

    at_s: float
    origin_enu_m: tuple[float, float]
    heading_deg_true: float


@dataclass(frozen=True, slots=True)
class ShipMotion:
    """Where the ship is at `at_s` and how it moves. Heading in radians clockwise from north, not wrapped; `age_s` since the
    newest fix; `velocity_m_s` (2,) of the origin, east and north.
    """

    at_s: float
    age_s: float
    origin_enu_m: Float
    velocity_m_s: Float
    heading_rad: float
    turn_rad_s: float

    def to_enu(self, ship_m: Float, draught_m: float) -> Float:
        """(n, 3) ship-frame metres -> (n, 3) metres in the plan's frame, up = 0 at the waterline."""
        points = np.atleast_2d(ship_m)
        level = points[:, :2] @ _axes(self.heading_rad).T + self.origin_enu_m
        return np.column_stack([level, points[:, 2] - draught_m])

    def pose(self, frame: EnuFrame, at_utc: datetime, source: str) -> ShipPose:
        """The same as a value of `core.ship`."""
        return ShipPose(frame.to_lonlat(self.origin_enu_m), math.degrees(self.heading_rad) % 360.0, at_utc, source)


@dataclass(frozen=True, slots=True)
class Setpoint:
    """What is sent: place (3,) and velocity (3,) in the plan's frame, yaw and its rate. Velocity holds the lane's own speed and
    the motion of that place of the ship: omega x r plus the drift of the origin.
    """

    place_enu_m: Float
    velocity_m_s: Float
    yaw_deg_true: float
    yaw_rate_deg_s: float


@dataclass(frozen=True, slots=True)
class ShipLeg:
    """A leg of the plan in the ship frame: corners (n, 3), yaw off the bow (clockwise), triggers (m, 3) in flying order."""

    corners_m: Float
    speed_m_s: float
    yaw_off_bow_deg: float
    gimbal_pitch_deg: float
    triggers_m: Float

    @property
    def length_m(self) -> float:
        return float(np.sum(np.linalg.norm(np.diff(self.corners_m, axis=0), axis=1)))

    def along(self, distance_m: float) -> tuple[Float, Float]:
        """Place (3,) and unit direction (3,) so far from the start; stays at the end."""
        steps = np.diff(self.corners_m, axis=0)
        lengths = np.linalg.norm(steps, axis=1)
        left = min(max(distance_m, 0.0), float(np.sum(lengths)))
        for corner, step, length in zip(self.corners_m, steps, lengths, strict=False):
            if length > 0.0 and left <= length:
                return np.asarray(corner + step * (left / length)), np.asarray(step / length)
            left -= float(length)
        return np.asarray(self.corners_m[-1]), np.zeros(3)


class PoseVerdict(StrEnum):
    """What the age of the pose allows."""

    GO = "go"
    HOLD = "hold"
    BACK_OFF = "back_off"
    RETURN = "return"


def may_fly_moving(pose_source: str, rate_hz: float, numbers: MovingNumbers) -> bool:
    """Whether a pose source is good enough for a ship that swings; AIS alone never is."""
    return pose_source in numbers.may_move and rate_hz >= numbers.least_rate_hz


def fix_of(frame: EnuFrame, at_s: float, origin: LonLat, heading_deg_true: float) -> Fix:
    """A beacon's report in the plan's frame; the beacon gives the origin of the ship frame (its own offset taken off)."""
    east, north, _ = (float(value) for value in frame.to_enu(origin))
    return Fix(at_s, (east, north), heading_deg_true)


def motion_at(fixes: Sequence[Fix], now_s: float, numbers: MovingNumbers) -> ShipMotion | None:
    """Fit the fixes of the last seconds (a straight line in time for east, north and heading) and carry them to `now_s`.

    None with too few fixes, which is no pose. A fit over many fixes halves the beacon's own noise, and carrying it forward
    takes the age of the newest fix out of the lane error.
    """
    if not fixes:
        return None
    newest = max(fix.at_s for fix in fixes)
    used = [fix for fix in fixes if newest - numbers.window_s <= fix.at_s <= now_s]
    if len(used) < numbers.least_fixes:
        return None
    times = np.array([fix.at_s for fix in used])
    headings = np.unwrap(np.radians([fix.heading_deg_true for fix in used]))
    values = np.column_stack([np.array([fix.origin_enu_m for fix in used]), headings])
    middle = float(np.mean(times))
    spread = float(np.sum((times - middle) ** 2))
    if spread <= 0.0:
        return None
    rates = (times - middle) @ (values - values.mean(axis=0)) / spread
    there = values.mean(axis=0) + rates * (now_s - middle)
    return ShipMotion(now_s, now_s - newest, there[:2], rates[:2], float(there[2]), float(rates[2]))


def judge_pose(motion: ShipMotion | None, reach_m: float, bad_for_s: float, numbers: MovingNumbers) -> PoseVerdict:
    """The pose-age gate: age x swing rate x reach stays below the lane error. `reach_m` = level distance of the vehicle from the
    ship's origin, `bad_for_s` = how long the pose has not been good. Then: hold, back off from the ship, return.
    """
    if motion is not None:
        swing = max(abs(motion.turn_rad_s), math.radians(numbers.least_swing_deg_s))
        drift = float(np.hypot(*motion.velocity_m_s))
        if motion.age_s * (swing * reach_m + drift) < numbers.lane_error_m:
            return PoseVerdict.GO
    if bad_for_s >= numbers.return_s:
        return PoseVerdict.RETURN
    return PoseVerdict.BACK_OFF if bad_for_s >= numbers.hold_s else PoseVerdict.HOLD


def setpoint(motion: ShipMotion, leg: ShipLeg, distance_m: float, draught_m: float) -> Setpoint:
    """Where the vehicle should be now, so far along a leg, and how fast: lane speed and the ship's own motion there."""
    place, direction = leg.along(distance_m)
    return _setpoint(motion, place, direction * leg.speed_m_s, leg.yaw_off_bow_deg, draught_m)


def back_off(motion: ShipMotion, at_ship_m: Float, ship: ShipGeometry, yaw_off_bow_deg: float, metres: float) -> Setpoint:
    """Away from the ship, radially from the nearest place of its centreline, at the height flown; `at_ship_m` (3,)."""
    half = ship.beam_m / 2.0
    spine = np.array([min(max(float(at_ship_m[0]), half), ship.loa_m - half), 0.0])
    away = at_ship_m[:2] - spine
    length = float(np.hypot(*away))
    unit = away / length if length > 1e-6 else np.array([0.0, 1.0])
    place = np.array([*(at_ship_m[:2] + unit * metres), at_ship_m[2]])
    return _setpoint(motion, place, np.zeros(3), yaw_off_bow_deg, ship.draught_m)


def ship_legs(plan: Plan, sortie: Sortie) -> list[ShipLeg]:
    """The legs of a sortie taken back into the ship frame with the pose they were planned at. Raises ValueError without one."""
    if plan.ship.pose is None:
        raise ValueError("the plan has no ship pose")
    pose, draught = plan.ship.pose.pose(), plan.ship.geometry.draught_m
    left = [pose.from_enu(np.array(point), draught)[0] for point in sortie.triggers_enu_m]
    return [_ship_leg(leg, pose, draught, left) for leg in sortie.legs]


def _ship_leg(leg: Leg, pose: ShipPose, draught_m: float, left: list[Float]) -> ShipLeg:
    corners = pose.from_enu(np.array(leg.points_enu_m), draught_m)
    taken: list[Float] = []
    while leg.kind == "pass" and left and _off_line_m(left[0], corners) < 0.05:
        taken.append(left.pop(0))
    yaw = (leg.yaw_deg_true - pose.heading_deg_true) % 360.0
    return ShipLeg(corners, leg.speed_m_s, yaw, leg.gimbal_pitch_deg, np.array(taken).reshape(-1, 3))


def _off_line_m(point: Float, corners: Float) -> float:
    start, chord = corners[0], corners[-1] - corners[0]
    share = float(np.clip((point - start) @ chord / max(float(chord @ chord), 1e-9), 0.0, 1.0))
    return float(np.linalg.norm(point - start - share * chord))


def _setpoint(motion: ShipMotion, place_m: Float, velocity_m_s: Float, yaw_off_bow_deg: float, draught_m: float) -> Setpoint:
    heading = motion.heading_rad
    axes = _axes(heading)
    turning = np.array([[math.cos(heading), math.sin(heading)], [-math.sin(heading), math.cos(heading)]])  # d axes / d heading
    level = motion.velocity_m_s + axes @ velocity_m_s[:2] + motion.turn_rad_s * (turning @ place_m[:2])
    return Setpoint(
        motion.to_enu(place_m, draught_m)[0],
        np.array([*level, velocity_m_s[2]]),
        (math.degrees(heading) + yaw_off_bow_deg) % 360.0,
        math.degrees(motion.turn_rad_s),
    )


def _axes(heading_rad: float) -> Float:
    """(2, 2): columns are the ship's forward and port directions in east and north."""
    sin, cos = math.sin(heading_rad), math.cos(heading_rad)
    return np.array([[sin, -cos], [cos, sin]])
