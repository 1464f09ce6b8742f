"""Plans judged by independent geometry: this file reads only the plan and the hull's dimensions."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.geo import LonLat
from core.ship import ShipGeometry, ShipPose
from drone.mission import MissionItem, MissionType, differences, fence_items, mission_items
from drone.model import Plan, ShipSide, Wind
from drone.packs import cameras, limits
from drone.planner import plan_frame, plan_survey
from tests.unit.drone.kit import AT, GEOMETRY, POSE, SHIP, wishes

PLAN = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
SIDES: list[ShipSide | None] = ["port", "starboard", None]


def hull_boxes_m(plan: Plan) -> np.ndarray:
    """(n, 3) points of the bounding outline of the ship, both sides from waterplane to deck."""
    g = plan.ship.geometry
    x = np.linspace(0, g.loa_m, 160)
    into = np.clip((x / g.loa_m - 0.82) / 0.18, 0, 1)
    half = g.beam_m / 2 * np.minimum(0.75 + 0.25 * np.sin(np.clip(x / (0.12 * g.loa_m), 0, 1) * np.pi / 2), 1 - into**2.2)
    y = (-1.0, 1.0)
    z = np.linspace(g.draught_m, g.depth_m, 3)
    return np.array([(xi, yi * hi, zi) for xi, hi in zip(x, half, strict=True) for yi in y for zi in z])


def path_in_ship_m(plan: Plan) -> np.ndarray:
    """(n, 3) path of all legs in steps of at most a metre, ship frame, worked out here from position and heading."""
    assert plan.ship.pose is not None
    h = math.radians(plan.ship.pose.heading_deg_true)
    points = []
    for sortie in plan.sorties:
        for leg in sortie.legs:
            corners = np.array(leg.points_enu_m)
            for a, b in pairwise(corners):
                steps = max(2, math.ceil(float(np.linalg.norm(b - a)) / 1.0))
                points += [a + (b - a) * k / steps for k in range(steps + 1)]
    enu = np.array(points)
    forward = enu[:, 0] * math.sin(h) + enu[:, 1] * math.cos(h)
    port = -enu[:, 0] * math.cos(h) + enu[:, 1] * math.sin(h)
    return np.stack([forward, port, enu[:, 2] + plan.ship.geometry.draught_m], axis=1)


geometries = st.builds(
    lambda loa, slender, deep, load: ShipGeometry(loa, loa / slender, loa * deep, loa * deep * load),
    st.floats(50, 400),
    st.floats(5.5, 8.0),
    st.floats(0.05, 0.09),
    st.floats(0.4, 0.85),
)


@settings(max_examples=8, deadline=None)
@given(geometries, st.floats(0, 359.9), st.sampled_from(SIDES))
def test_path_keeps_clear_of_ship_quay_and_water(geometry: ShipGeometry, heading: float, quay: ShipSide | None) -> None:
    pose = ShipPose(LonLat(122.1, 40.3), heading, AT, "ais")
    plan = plan_survey(SHIP, geometry, pose, quay, wishes())
    path = path_in_ship_m(plan)
    hull = hull_boxes_m(plan)
    for piece in np.array_split(path, max(1, len(path) // 200)):
        gaps = np.min(np.linalg.norm(piece[:, None, :] - hull[None], axis=2), axis=1)
        assert np.min(gaps) >= plan.safety_distance_m
    assert np.min(path[:, 2]) >= geometry.draught_m + 2.99
    if quay is not None:
        outward = 1.0 if quay == "port" else -1.0
        assert np.max(outward * path[:, 1]) <= geometry.beam_m / 2 - 2.9
    budget_s = 25 * 60 * 0.7
    if not plan.refusals:
        assert all(sortie.time_s <= budget_s for sortie in plan.sorties)
        assert plan.coverage.seen2_pct > 95.0


@settings(max_examples=8, deadline=None)
@given(geometries, st.sampled_from(SIDES))
def test_every_trigger_is_flown_by_the_mission(geometry: ShipGeometry, quay: ShipSide | None) -> None:
    plan = plan_survey(SHIP, geometry, POSE, quay, wishes())
    for sortie in plan.sorties:
        items = mission_items(plan, sortie)
        shots, here, spacing = 0, np.zeros(3), 0.0
        for item in items:
            if item.command == 203:
                shots += 1
            elif item.command == 206:
                spacing = item.params[0]
            elif item.command in {16, 22}:
                frame = plan_frame(plan)
                there = frame.to_enu(LonLat(item.y / 1e7, item.x / 1e7), item.z)
                if spacing > 0:
                    shots += int(np.linalg.norm((there - here)[:2]) / spacing)
                here = there
        assert shots == len(sortie.triggers_enu_m)
        assert items[-1].command == 20


def test_estimated_dimensions_widen_the_standoff() -> None:
    known = plan_survey(SHIP, GEOMETRY, POSE, None, wishes())
    guess = ShipGeometry(90.0, 14.0, 7.0, 4.5, estimated=frozenset({"depth_m"}))
    assert plan_survey(SHIP, guess, POSE, None, wishes()).camera.standoff_m > known.camera.standoff_m


def test_no_heading_gives_no_path_and_says_so() -> None:
    plan = plan_survey(SHIP, GEOMETRY, None, "port", wishes())
    assert [refusal.code for refusal in plan.refusals] == ["no_position_or_heading"]
    assert not plan.sorties


@pytest.mark.parametrize(
    ("wind", "codes"),
    [
        (Wind(9.0, 10.0, 37.0), {"wind", "wind_towards_hull"} - {"wind_towards_hull"}),
        (Wind(5.0, 6.0, 37.0 + 270.0), {"wind_towards_hull"}),
        (Wind(5.0, 6.0, 37.0 + 90.0), set()),
        (Wind(2.0, 13.0, 37.0), {"wind"}),
    ],
)
def test_wind_is_refused_by_strength_and_by_its_part_towards_the_hull(wind: Wind, codes: set[str]) -> None:
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes(), wind=wind)
    assert {refusal.code for refusal in plan.refusals} == codes


def test_wide_small_sensor_cannot_reach_two_millimetres_from_ais() -> None:
    plan = plan_survey(SHIP, GEOMETRY, POSE, None, wishes(camera=cameras()["one_inch_20mp"], target_gsd_mm=2.0))
    assert "gsd_not_reachable" in {refusal.code for refusal in plan.refusals}


def test_home_behind_the_quay_is_refused() -> None:
    behind = POSE.frame.to_lonlat(POSE.to_enu(np.array([40.0, -40.0, 0.0]), 0.0)[0])
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes(), home=behind)
    assert "home_not_clear" in {refusal.code for refusal in plan.refusals}


def test_plan_survives_json_unchanged() -> None:
    plan = plan_survey(SHIP, GEOMETRY, POSE, "port", wishes())
    assert Plan.model_validate_json(plan.to_json()) == plan


@given(st.integers(0, 49), st.sampled_from(["x", "z", "command"]))
def test_a_changed_item_is_found_by_the_read_back(index: int, what: str) -> None:
    sent = fence_items(PLAN)[:50]
    item = sent[index % len(sent)]
    changed = {
        "x": MissionItem(item.command, item.frame, item.params, item.x + 3, item.y, item.z),
        "z": MissionItem(item.command, item.frame, item.params, item.x, item.y, item.z + 0.02),
        "command": MissionItem(item.command + 1, item.frame, item.params, item.x, item.y, item.z),
    }[what]
    read = [changed if at == index % len(sent) else other for at, other in enumerate(sent)]
    assert differences(sent, read, MissionType.FENCE) == [index % len(sent)]
    assert differences(sent, list(sent), MissionType.FENCE) == []


def test_overshoot_passes_through_the_measured_points() -> None:
    rules = limits()
    assert rules.overshoot_m(2.0) == pytest.approx(2.1)
    assert rules.overshoot_m(5.0) == pytest.approx(6.4)
