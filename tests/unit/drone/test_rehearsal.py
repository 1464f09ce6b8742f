"""Every safety scenario, one seed each (50 in the soak), in virtual time; and that the judge can say no."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.geo import LonLat
from core.hullform import HullForm
from core.ship import ShipGeometry
from drone.link import Link
from drone.model import Wind
from drone.packs import limits
from drone.planner import plan_survey
from drone.rehearsal import Outcome, Scenario, Step, rehearse, scenarios
from drone.sim.lockstep import LockstepClock
from drone.sim.vehicle import Exposure, SimVehicle
from drone.sim.world import WorldSpec
from drone.transport import TlogWriter, memory_pair
from tests.unit.drone.kit import AT, POSE, SHIP, wishes

SEEDS = range(1, 51) if os.environ.get("YUNJIAN_TEST_SOAK") else range(1, 2)
ALL, LEAST_M = scenarios()
GEOMETRY = ShipGeometry(60.0, 11.0, 6.0, 3.5)


def run(scenario: Scenario, folder: Path, seed: int) -> tuple[Outcome, SimVehicle, list[Exposure]]:
    clock = LockstepClock(AT)
    ours, theirs = memory_pair(clock, delay_s=0.02, seed=seed)
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
    lon, lat, alt = plan.home_lonlat_alt
    spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(lon, lat), alt, "starboard", Wind(2.0, 3.0, 37.0), 25.0, seed)
    shots: list[Exposure] = []
    vehicle = SimVehicle(spec, theirs, AT, shots.append)
    clock.join(vehicle)
    log = TlogWriter(folder / "r.tlog", clock)
    try:
        outcome = rehearse(scenario, plan, lambda tap: Link(tap, clock, log), ours, wishes(), limits(), folder, seed=seed)
    finally:
        log.close()
    return outcome, vehicle, shots


def test_there_are_twenty_four() -> None:
    assert len({scenario.id for scenario in ALL}) == 24


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.id)
def test_scenario(scenario: Scenario, seed: int, tmp_path: Path) -> None:
    outcome, vehicle, _ = run(scenario, tmp_path, seed)
    assert outcome.faults == (), outcome
    body = vehicle.autopilot.body
    assert body.min_clearance_m >= LEAST_M
    assert body.on_ground
    assert not vehicle.autopilot.armed


def test_judge_finds_the_contact_of_a_flight_without_guard(tmp_path: Path) -> None:
    blind = Scenario(
        id="blind", ends=["completed", "aborted"],
        steps=[Step(do="set", name="RNGFND1_TYPE", value=1.0), Step(photos=6, do="push_to_hull", value=5.9),
               Step(photos=6, after_s=4.0, do="push_to_hull", value=11.5)],
    )  # fmt: skip
    clock_rules = limits()
    monitor = replace(clock_rules.monitor, shift_m=100.0, separation_slack_m=100.0)
    clock = LockstepClock(AT)
    ours, theirs = memory_pair(clock, delay_s=0.02)
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
    lon, lat, alt = plan.home_lonlat_alt
    spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(lon, lat), alt, "starboard", Wind(2.0, 3.0, 37.0), 25.0, 1)
    clock.join(SimVehicle(spec, theirs, AT, lambda _: None))
    with TlogWriter(tmp_path / "r.tlog", clock) as log:
        rules = replace(clock_rules, monitor=monitor)
        outcome = rehearse(blind, plan, lambda tap: Link(tap, clock, log), ours, wishes(), rules, tmp_path)
    assert any("clearance" in fault for fault in outcome.faults)
