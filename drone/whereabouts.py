"""Owns where the ship is while a flight goes on: lying still as planned, or followed by its beacon.

Never sends anything. Everything that watches a flight compares in the plan's frame, as if the ship lay as it was planned:
`to_plan` takes a place of the world there, `to_world` takes it back to where the ship is now.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np

from core.clock import Clock
from core.errors import Refused
from core.geo import Float, LonLat
from core.ship import ShipPose
from drone.beacon import ShipBeacon
from drone.model import Plan
from drone.moving import Fix, ShipMotion, fix_of, may_fly_moving, motion_at, moving_numbers
from drone.planner import plan_frame

_RATE_FIXES = 12
_RATE_SLACK = 1.05  # a beacon of 2 Hz whose fixes come 2 % late is one of 2 Hz


@dataclass(slots=True)
class Whereabouts:
    """Poll it often. `beacon` None = the ship lies still at the pose of the plan."""

    plan: Plan
    clock: Clock
    beacon: ShipBeacon | None = None
    planned: ShipPose = field(init=False)
    _fixes: deque[Fix] = field(default_factory=lambda: deque(maxlen=64), init=False)
    _last: ShipMotion | None = field(default=None, init=False)
    _now: ShipMotion | None = field(default=None, init=False)
    _at: tuple[float, int, float] = field(default=(0.0, 0, 0.0), init=False)  # what `_now` was made of

    def __post_init__(self) -> None:
        if self.plan.ship.pose is None:
            raise Refused("drone.plan.refused", reasons="no ship pose")
        self.planned = self.plan.ship.pose.pose()

    def poll(self) -> None:
        """Take in what the beacon has said."""
        if self.beacon is not None:
            frame = plan_frame(self.plan)
            for pose in self.beacon.poll():
                self._fixes.append(fix_of(frame, pose.at_utc.timestamp(), pose.origin, pose.heading_deg_true))

    @property
    def moving(self) -> bool:
        return self.beacon is not None

    @property
    def rate_hz(self) -> float:
        """Of the beacon, by the median gap of its last fixes: a lost message does not make it a slow one."""
        recent = list(self._fixes)[-_RATE_FIXES:]
        if len(recent) < moving_numbers().least_fixes:
            return 0.0
        gap = median(later.at_s - earlier.at_s for earlier, later in pairwise(recent))
        return 1.0 / gap if gap > 0 else 0.0

    @property
    def newest(self) -> ShipPose:
        """What is known of the ship's pose, with its time and source."""
        return self.beacon.latest or self.planned if self.beacon is not None else self.planned

    @property
    def live(self) -> bool:
        """Whether the beacon tells enough for a flight over a ship that moves."""
        beacon = self.beacon
        if beacon is None or beacon.latest is None or self.motion() is None:
            return False
        return may_fly_moving(beacon.latest.source, self.rate_hz * _RATE_SLACK, moving_numbers())

    def motion(self) -> ShipMotion | None:
        """Now, by the clock; None with too few fixes. A ship that lies still moves nowhere."""
        now_s = self.clock.now().timestamp()
        if not self.moving:
            return ShipMotion(now_s, 0.0, np.zeros(2), np.zeros(2), math.radians(self.planned.heading_deg_true), 0.0)
        if self._at != (now_s, len(self._fixes), self._fixes[-1].at_s if self._fixes else 0.0):
            self._at = (now_s, len(self._fixes), self._fixes[-1].at_s if self._fixes else 0.0)
            self._now = motion_at(self._fixes, now_s, moving_numbers())
            self._last = self._now or self._last
        return self._now

    def in_ship(self, enu_m: Float) -> Float:
        """(3,) metres of the world around the plan's origin -> the ship's frame as it lies now (last known)."""
        motion = self._known()
        sin, cos = math.sin(motion.heading_rad), math.cos(motion.heading_rad)
        level = np.array([[sin, cos], [-cos, sin]]) @ (enu_m[:2] - motion.origin_enu_m)
        return np.array([*level, enu_m[2] + self.plan.ship.geometry.draught_m])

    def to_plan(self, enu_m: Float) -> Float:
        if not self.moving:
            return enu_m
        return np.asarray(self.planned.to_enu(self.in_ship(enu_m), self.plan.ship.geometry.draught_m)[0])

    def to_world(self, plan_m: Float) -> Float:
        if not self.moving:
            return plan_m
        draught = self.plan.ship.geometry.draught_m
        return np.asarray(self._known().to_enu(self.planned.from_enu(plan_m, draught), draught)[0])

    def turned_deg(self, heading_deg: float) -> float:
        """A heading of the world as it would be over the ship as planned."""
        return (
            heading_deg - math.degrees(self._known().heading_rad) + self.planned.heading_deg_true
            if self.moving
            else heading_deg
        )

    def place(self, enu_m: Float) -> LonLat:
        return plan_frame(self.plan).to_lonlat(enu_m)

    def _known(self) -> ShipMotion:
        still = ShipMotion(0.0, 0.0, np.zeros(2), np.zeros(2), math.radians(self.planned.heading_deg_true), 0.0)
        return self.motion() or self._last or still
