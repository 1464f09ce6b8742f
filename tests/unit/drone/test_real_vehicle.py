"""A vehicle that is not our simulator: no take-off without papers, overrides by name, the lease, the rule file's boundaries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config import load_settings
from core.errors import Refused, Unfinished
from core.geo import LonLat
from core.hullform import HullForm
from drone import Override, Papers, Watch, fly_connected, plan_survey
from drone.forge import Forger
from drone.model import Wind
from drone.packs import paper_rules
from drone.papers import judge
from drone.sim.lockstep import LockstepClock
from drone.sim.vehicle import SimVehicle
from drone.sim.world import WorldSpec
from drone.transport import memory_pair
from drone.watch import FlightProgress, FlightResult, Stage
from tests.unit.drone.kit import AT, GEOMETRY, POSE, SHIP, wishes

CHECKED = Override("rules_checked", "Legal officer", "compared for this test")
HOUR = timedelta(hours=1)
GOOD = Papers(
    approval_number="2026-113", approved_from=AT - HOUR, approved_until=AT + 3 * HOUR, approved_height_m=100.0,
    filed_at=AT - 30 * HOUR, ready_reported_at=AT - 2 * HOUR, registration="UAS1", pilot="P", licence_number="L1",
    licence_until=AT + 900 * HOUR, insurance_number="I1", insurance_until=AT + 900 * HOUR, master_consent_by="Master",
    master_consent_at=AT - HOUR, tanker=False, people_clear=True,
)  # fmt: skip


def fly_it(folder: Path, papers: Papers | None, overrides: tuple[Override, ...] = (), on_progress=None) -> FlightResult:
    clock = LockstepClock(AT)
    ours, theirs = memory_pair(clock, delay_s=0.02)
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
    lon, lat, alt = plan.home_lonlat_alt
    spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(lon, lat), alt, "starboard", Wind(2.0, 3.0, 37.0), 25.0, 1)
    vehicle = SimVehicle(spec, theirs, AT, lambda _: None, b"ardupilo")
    clock.join(vehicle)
    watch = Watch(lambda: True, lambda: False, folder, operator="A", papers=papers, overrides=(CHECKED, *overrides))
    if on_progress is None:
        return fly_connected(plan, "", folder, load_settings(environ={}).drone, watch, clock, transport=ours)
    forger = Forger(clock.now)

    def progress(state: FlightProgress) -> None:
        on_progress(state, vehicle, ours.send, forger)

    return fly_connected(plan, "", folder, load_settings(environ={}).drone, watch, clock, transport=ours, on_progress=progress)


def test_without_papers_it_stays_on_the_ground_and_every_paper_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        fly_it(tmp_path, None)
    reasons = str(caught.value.params["reasons"])
    for rule in ("airspace_number", "filed", "licence", "insurance", "master_consent", "tanker_gas", "people_clear"):
        assert f"{rule}:" in reasons


def test_with_papers_it_flies(tmp_path: Path) -> None:
    result = fly_it(tmp_path, GOOD)
    assert result.photos
    assert result.overrides == (CHECKED,)
    assert all(item.verdict == "go" or item.rule == "rules_checked" for board in result.boards for item in board.items)


def test_override_needs_name_and_reason_and_is_kept(tmp_path: Path) -> None:
    late = GOOD.model_copy(update={"ready_reported_at": None})
    override = Override("ready_reported", "Duty officer", "reported by telephone")
    result = fly_it(tmp_path, late, (override,))
    assert result.overrides == (CHECKED, override)
    for wrong in (Override("ready_reported", "", "x"), Override("people_clear", "A", "x"), Override("fence", "A", "x")):
        with pytest.raises(Refused) as caught:
            fly_it(tmp_path / wrong.rule / (wrong.name or "none"), late, (wrong,))
        assert caught.value.code == "drone.gate.override"


def test_foreign_mode_ends_the_lease_and_nothing_that_moves_is_sent(tmp_path: Path) -> None:
    sent_after: list[int] = []
    state = {"struck": False}

    def strike(progress: FlightProgress, vehicle: SimVehicle, send, forger: Forger) -> None:
        if progress.photos >= 5 and not state["struck"]:
            state["struck"] = True
            send(forger.mode(9))  # the pilot lands it by hand
        if progress.stage is Stage.OBSERVING:
            sent_after.append(int(vehicle.autopilot.mode))

    with pytest.raises(Unfinished) as caught:
        fly_it(tmp_path, GOOD, on_progress=strike)
    assert "mode 9" in str(caught.value.params["reason"])
    assert set(sent_after) == {9}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"approved_until": AT + timedelta(minutes=5)}, "airspace_window"),
        ({"approved_height_m": 30.0}, "airspace_height"),
        ({"filed_at": AT - 12 * HOUR}, "filed"),
        ({"ready_reported_at": AT - timedelta(minutes=59)}, "ready_reported"),
        ({"licence_until": AT}, "licence"),
        ({"insurance_number": " "}, "insurance"),
        ({"master_consent_at": AT - 13 * HOUR}, "master_consent"),
        ({"tanker": None}, "tanker_gas"),
        ({"tanker": True, "gas_free": True, "cargo_transfer": True}, "tanker_gas"),
        ({"people_clear": None}, "people_clear"),
    ],
)
def test_each_rule_at_its_boundary(change: dict[str, object], rule: str) -> None:
    rules = replace(paper_rules(), checked_by="somebody")
    items = judge(GOOD.model_copy(update=change), AT, AT + timedelta(minutes=20), 40.0, rules)
    assert {item.rule for item in items if item.verdict == "no_go"} == {rule}


def test_a_rule_file_nobody_checked_and_class_defaults_are_no_go() -> None:
    items = judge(GOOD, AT, AT + HOUR, 40.0, paper_rules(), ("depth_m",))
    assert {item.rule for item in items if item.verdict == "no_go"} == {"rules_checked", "estimates_accepted"}


def test_twelve_oclock_of_the_day_before_is_shanghai_time() -> None:
    start = AT.replace(hour=2)  # 10:00 in Shanghai; due 12:00 the day before = 04:00 UTC
    due = start.replace(hour=4) - timedelta(days=1)
    rules = replace(paper_rules(), checked_by="somebody")
    for filed, verdict in ((due, "go"), (due + timedelta(minutes=1), "no_go")):
        items = judge(GOOD.model_copy(update={"filed_at": filed}), start, start + HOUR, 40.0, rules)
        assert next(item for item in items if item.rule == "filed").verdict == verdict
