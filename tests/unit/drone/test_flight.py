"""A whole flight in virtual time against the simulated vehicle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from core.errors import EnvironmentFault, Refused, Unfinished
from core.geo import LonLat
from core.hullform import HullForm
from drone.flight import fly
from drone.gate import Permit
from drone.link import Link
from drone.mission import MissionType, fence_items, mission_items
from drone.model import Plan, Wind
from drone.packs import limits
from drone.planner import plan_survey
from drone.sim.lockstep import LockstepClock
from drone.sim.vehicle import Exposure, SimVehicle
from drone.sim.world import Fault, WorldSpec
from drone.transport import TlogWriter, memory_pair, read_tlog
from drone.vehicle import Mode
from drone.watch import FlightProgress, FlightResult, Stage, Watch
from tests.unit.drone.kit import AT, GEOMETRY, POSE, SHIP, wishes


@dataclass
class Rig:
    """Link and simulated vehicle in one process and one time."""

    folder: Path
    loss: float = 0.0
    fault: Fault = Fault.NONE
    version: bytes = b"YJ-SIM"
    seed: int = 3
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        self.plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
        self.clock = LockstepClock(AT)
        ours, theirs = memory_pair(self.clock, loss=self.loss, delay_s=0.02, seed=self.seed)
        lon, lat, alt = self.plan.home_lonlat_alt
        wind = Wind(7.0, 8.0, POSE.heading_deg_true + 270.0) if self.fault is Fault.WIND_TO_HULL else Wind(2.0, 3.0, 37.0)
        spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(lon, lat), alt, "starboard", wind, 25.0, 1, self.fault)
        self.exposures: list[Exposure] = []
        self.vehicle = SimVehicle(spec, theirs, AT, self.exposures.append, self.version)
        self.clock.join(self.vehicle)
        self.link = Link(ours, self.clock, TlogWriter(self.folder / "flight.tlog", self.clock))

    def fly(
        self, abort: Callable[[], bool] = lambda: False, on_progress: Callable[[FlightProgress], None] = lambda _: None
    ) -> FlightResult:
        watch = Watch(lambda: True, abort, self.folder)
        try:
            return fly(self.plan, self.link, wishes(), limits(), watch, on_progress)
        finally:
            self.link.tlog.close()


def test_flight_takes_every_planned_photo_near_its_trigger(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    stages: list[Stage] = []
    result = rig.fly(on_progress=lambda p: stages.append(p.stage) if not stages or stages[-1] != p.stage else None)
    assert stages == [Stage.PREFLIGHT, Stage.ARMED, Stage.FLYING, Stage.HOME]
    assert len(result.photos) == rig.plan.trigger_count
    planned = np.array([point for sortie in rig.plan.sorties for point in sortie.triggers_enu_m])
    taken = np.array([exposure.shot.position_m for exposure in rig.exposures[1:]])  # the first is the test shot
    assert np.max(np.linalg.norm(planned - taken, axis=1)) < 1.2
    assert rig.vehicle.autopilot.body.min_clearance_m > rig.plan.safety_distance_m
    assert not rig.vehicle.autopilot.armed
    frames = [frame for _, frame in read_tlog(tmp_path / "flight.tlog")]
    assert len(frames) > 500


def test_photos_that_were_not_taken_are_flown_again_before_it_goes_home(tmp_path: Path) -> None:
    rig = Rig(tmp_path, fault=Fault.CAMERA_SKIPS)
    result = rig.fly()
    assert result.flown_again == 3
    assert result.missing == ()
    planned = np.array([point for sortie in rig.plan.sorties for point in sortie.triggers_enu_m])
    taken = np.array([exposure.shot.position_m for exposure in rig.exposures[1:]])
    assert len(taken) == len(planned)
    assert np.max(np.min(np.linalg.norm(planned[:, None] - taken, axis=2), axis=1)) < 1.2
    body = rig.vehicle.autopilot.body
    assert body.min_clearance_m > rig.plan.safety_distance_m
    assert body.on_ground
    assert np.linalg.norm(body.position_m - body.home_m) < 2.0


@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_mission_reads_back_equal_under_loss(tmp_path: Path, loss: float) -> None:
    rig = Rig(tmp_path, loss=loss)
    rig.link.connect(60.0)
    mission = mission_items(rig.plan, rig.plan.sorties[0])[:50]
    started = rig.clock.monotonic()
    rig.link.upload(fence_items(rig.plan), MissionType.FENCE)
    rig.link.upload(mission, MissionType.MISSION)
    stored = rig.vehicle.autopilot.store.stored[MissionType.MISSION]
    assert [item.command for item in stored[1:]] == [item.command for item in mission[1:]]
    assert [(item.x, item.y) for item in stored[1:]] == [(item.x, item.y) for item in mission[1:]]
    assert rig.clock.monotonic() - started < 90.0
    rig.link.tlog.close()


def test_other_vehicle_is_refused_before_anything_is_sent_to_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, version=b"ardupilo")
    with pytest.raises(Refused) as caught:
        rig.fly()
    assert caught.value.code == "drone.link.not_simulator"
    assert not rig.vehicle.autopilot.store.stored[MissionType.MISSION]
    assert not rig.vehicle.autopilot.armed


def test_refused_mission_carries_the_autopilots_sentence(tmp_path: Path) -> None:
    rig = Rig(tmp_path, fault=Fault.REFUSE_MISSION)
    with pytest.raises(Refused) as caught:
        rig.fly()
    assert caught.value.code == "drone.mission.refused"
    assert caught.value.params["result"] == "NO_SPACE"
    assert "not enough space" in str(caught.value.params["sentence"])


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        (Fault.CAMERA_DEAD, "test_shot"),
        (Fault.NO_GPS, "gps_fix"),
        (Fault.LOW_BATTERY, "battery"),
        (Fault.WIND_TO_HULL, "wind_towards_hull"),
    ],
)
def test_gate_says_no(tmp_path: Path, fault: Fault, rule: str) -> None:
    rig = Rig(tmp_path, fault=fault)
    with pytest.raises(Refused) as caught:
        rig.fly()
    assert caught.value.code == "drone.gate.no_go"
    assert f"{rule}:" in str(caught.value.params["reasons"])
    assert rig.vehicle.autopilot.body.on_ground


def test_abort_brakes_backs_off_and_comes_home(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    modes: list[Mode] = []

    def note(_: FlightProgress) -> None:
        modes.append(rig.vehicle.autopilot.mode)

    with pytest.raises(Unfinished) as caught:
        rig.fly(abort=lambda: rig.vehicle.autopilot.shots >= 12, on_progress=note)
    assert caught.value.params["reason"] == "operator"
    assert rig.vehicle.autopilot.body.min_clearance_m > rig.plan.safety_distance_m
    assert not rig.vehicle.autopilot.armed
    assert rig.vehicle.autopilot.mode is Mode.RTL
    home = rig.vehicle.autopilot.body.home_m
    assert np.linalg.norm(rig.vehicle.autopilot.body.position_m - home) < 2.0


def test_vehicle_that_falls_silent_is_an_error_not_a_hang(tmp_path: Path) -> None:
    rig = Rig(tmp_path, fault=Fault.LINK_DIES)
    with pytest.raises(EnvironmentFault) as caught:
        rig.fly()
    assert caught.value.code == "drone.link.lost"


def test_motion_needs_a_permit(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.link.connect()
    with pytest.raises(Refused):
        rig.link.arm(cast("Permit", None))
    rig.link.tlog.close()
