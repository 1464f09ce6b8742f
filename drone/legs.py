"""Owns how a lane of shots becomes straight legs with one yaw and one gimbal pitch each.

Never orders lanes. A leg's photos lie after its start up to and including its end; the first leg of a lane also has one at
its start. That way the vehicle has the leg's yaw before it reaches the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.geo import Float
from core.ship import ShipPose
from drone.lanes import Lane, line_deviation_m
from drone.packs import PlannerNumbers
from drone.pose import look_angles


@dataclass(frozen=True, slots=True)
class PassLeg:
    """A straight leg, metres east-north-up: ends (3,), photos (n, 3) in flying order, yaw and pitch in degrees."""

    start_enu_m: Float
    end_enu_m: Float
    triggers_enu_m: Float
    yaw_deg_true: float
    pitch_deg: float

    @property
    def length_m(self) -> float:
        return float(np.linalg.norm(self.end_enu_m - self.start_enu_m))


def legs_of_lane(lane: Lane, pose: ShipPose, draught_m: float, rules: PlannerNumbers) -> list[PassLeg]:
    """Cut a lane into legs wherever its line bends or the direction of view turns more than the rules allow."""
    centres = pose.to_enu(np.array([shot.centre_m for shot in lane.shots]), draught_m)
    targets = pose.to_enu(np.array([shot.target_m for shot in lane.shots]), draught_m)
    angles = np.array([look_angles(direction) for direction in targets - centres])
    yaws, pitches = np.unwrap(angles[:, 0], period=360.0), angles[:, 1]
    legs: list[PassLeg] = []
    start = 0
    while start < len(centres) - 1:
        end = start + 1
        while end + 1 < len(centres) and _one_leg(centres[start : end + 2], yaws, pitches, start, end + 1, rules):
            end += 1
        legs.append(_leg(centres, yaws, pitches, start, end))
        start = end
    return legs


def _one_leg(points: Float, yaws: Float, pitches: Float, start: int, end: int, rules: PlannerNumbers) -> bool:
    first = start if start == 0 else start + 1
    spread = max(np.ptp(yaws[first : end + 1]), np.ptp(pitches[first : end + 1]))
    return bool(spread <= rules.leg_yaw_step_deg) and line_deviation_m(points) <= rules.leg_deviation_m


def _leg(centres: Float, yaws: Float, pitches: Float, start: int, end: int) -> PassLeg:
    first = start if start == 0 else start + 1
    count = end - start
    fractions = np.arange(first - start, count + 1) / count
    begin, finish = centres[start], centres[end]
    return PassLeg(
        start_enu_m=begin,
        end_enu_m=finish,
        triggers_enu_m=begin + fractions[:, None] * (finish - begin),
        yaw_deg_true=float(np.mean(yaws[first : end + 1])) % 360.0,
        pitch_deg=float(np.mean(pitches[first : end + 1])),
    )
