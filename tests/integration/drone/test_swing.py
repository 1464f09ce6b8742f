"""A ship at anchor that swings 30 degrees in 15 minutes, flown by the pose of its beacon; and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.errors import Refused, Unfinished
from core.geo import Float, LonLat
from core.hullform import HullForm
from core.ship import ShipGeometry
from drone.beacon import ShipBeacon
from drone.flight import fly
from drone.follow import between_home
from drone.link import Link
from drone.model import Plan, Wind
from drone.moving import ship_legs
from drone.packs import limits
from drone.planner import plan_survey
from drone.sim.beacon import SimBeacon
from drone.sim.lockstep import LockstepClock
from drone.sim.vehicle import Exposure, SimVehicle
from drone.sim.world import Fault, Swing, WorldSpec
from drone.transport import TlogWriter, memory_pair
from drone.vehicle import Mode
from drone.watch import FlightResult, Watch
from tests.unit.drone.kit import AT, POSE, SHIP, wishes

GEOMETRY = ShipGeometry(60.0, 11.0, 6.0, 3.5)
SWING = Swing(30.0, 900.0)
ANTENNA = (10.0, 2.0)


@dataclass
class Anchored:
    """A vehicle, a ship that swings and the beacon on it, in one time."""

    folder: Path
    loss: float = 0.0
    rate_hz: float = 2.0
    silent_from_s: float = float("inf")
    fault: Fault = Fault.NONE
    source: str = "beacon"
    seed: int = 1
    plan: Plan = field(init=False)
    exposures: list[Exposure] = field(default_factory=list)
    taken_m: list[Float] = field(default_factory=list)  # in the ship's true frame
    off_lane_m: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plan = plan_survey(SHIP, GEOMETRY, replace(POSE, source=self.source), None, wishes())
        self.clock = LockstepClock(AT)
        ours, theirs = memory_pair(self.clock, loss=self.loss, delay_s=0.02, seed=self.seed)
        near, far = memory_pair(self.clock, loss=self.loss, delay_s=0.1, seed=self.seed + 9)
        lon, lat, alt = self.plan.home_lonlat_alt
        wind = Wind(3.0, 5.0, 217.0)
        spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(lon, lat), alt, None, wind, 25.0, self.seed, self.fault, SWING)
        self.vehicle = SimVehicle(spec, theirs, AT, self.expose)
        self.clock.join(self.vehicle)
        self.clock.join_beacon(SimBeacon(spec, far, AT, ANTENNA, self.rate_hz, self.silent_from_s))
        self.beacon = ShipBeacon(near, self.clock.now, ANTENNA)
        self.link = Link(ours, self.clock, TlogWriter(self.folder / "flight.tlog", self.clock))
        self.legs = between_home(ship_legs(self.plan, self.plan.sorties[0]))
        self.lanes = [leg for leg in self.legs if len(leg.triggers_m)]

    def fly(self, *, beacon: bool = True) -> FlightResult:
        watch = Watch(lambda: True, lambda: False, self.folder, beacon=self.beacon if beacon else None)
        try:
            return fly(self.plan, self.link, wishes(), limits(), watch, lambda _: self.judge())
        finally:
            self.link.tlog.close()

    def expose(self, exposure: Exposure) -> None:
        self.exposures.append(exposure)
        self.taken_m.append(self.vehicle.autopilot.body.in_ship_m())

    def judge(self) -> None:
        """True distance of the vehicle to its lane in the true frame of the ship, while it is abeam of one and not on a ferry."""
        pilot = self.vehicle.autopilot
        if pilot.mode is not Mode.GUIDED or not 2 <= pilot.shots <= self.plan.trigger_count:
            return
        here = pilot.body.in_ship_m()
        abeam = [off for leg in self.lanes if (off := _off(here, leg.corners_m)) is not None]
        ferry = min((_nearest(here, leg.corners_m) for leg in self.legs if not len(leg.triggers_m)), default=np.inf)
        if abeam and min(abeam) < ferry:
            self.off_lane_m.append(min(abeam))


def _off(here: Float, corners: Float) -> float | None:
    start, chord = corners[0], corners[-1] - corners[0]
    share = float((here - start) @ chord / (chord @ chord))
    return float(np.linalg.norm(here - start - share * chord)) if 0.0 <= share <= 1.0 else None


def _nearest(here: Float, corners: Float) -> float:
    found = []
    for start, end in pairwise(corners):
        share = float(np.clip((here - start) @ (end - start) / ((end - start) @ (end - start)), 0.0, 1.0))
        found.append(float(np.linalg.norm(here - start - share * (end - start))))
    return min(found)


def test_lanes_are_held_and_no_photo_is_lost_or_doubled_over_a_swinging_ship(tmp_path: Path) -> None:
    """With one message in ten lost each way, of the vehicle and of the beacon."""
    rig = Anchored(tmp_path, loss=0.1)
    result = rig.fly()
    assert len(rig.off_lane_m) > 200
    assert np.percentile(rig.off_lane_m, 95) <= 0.5
    body = rig.vehicle.autopilot.body
    assert body.min_clearance_m >= rig.plan.safety_distance_m
    assert body.on_ground
    assert np.linalg.norm(body.position_m - body.home_m) < 2.0
    assert result.missing == ()
    planned, taken = np.concatenate([leg.triggers_m for leg in rig.lanes]), np.array(rig.taken_m[1:])  # after the test shot
    assert result.flown_again > 0
    assert np.max(np.min(np.linalg.norm(planned[:, None] - taken, axis=2), axis=1)) < 1.0
    assert [photo.img_idx for photo in result.photos] == [exposure.shot.index for exposure in rig.exposures[1:]]


def test_ais_as_the_only_pose_is_refused_with_a_reason(tmp_path: Path) -> None:
    rig = Anchored(tmp_path, source="ais")
    with pytest.raises(Refused) as caught:
        rig.fly(beacon=False)
    assert "pose_live: ais" in str(caught.value.params["reasons"])
    assert rig.vehicle.autopilot.body.on_ground


def test_a_slow_beacon_is_refused(tmp_path: Path) -> None:
    rig = Anchored(tmp_path, rate_hz=0.5)
    with pytest.raises(Refused) as caught:
        rig.fly()
    assert "pose_live" in str(caught.value.params["reasons"])


def test_a_beacon_that_falls_silent_ends_the_flight_and_it_comes_home(tmp_path: Path) -> None:
    rig = Anchored(tmp_path, silent_from_s=95.0)
    with pytest.raises(Unfinished) as caught:
        rig.fly()
    assert "ship pose" in str(caught.value.params["reason"])
    body = rig.vehicle.autopilot.body
    assert body.on_ground
    assert body.min_clearance_m >= 5.0
