"""What surrounds the ship: keep-outs stay clear, tide and estimates are asked for, sun and glare, close-ups, the deck's own plan."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from core.errors import InputError
from core.geo import LonLat
from core.hullform import HullForm
from core.ship import ShipGeometry, ShipPose
from drone.airspace import Airspace, Area
from drone.deckplan import plan_deck
from drone.model import Plan
from drone.order import best_order
from drone.planner import plan_survey
from drone.site import KeepOut, Site, keep_outs_from_json, light_on, sun, tide_changed
from tests.unit.drone.kit import AT, GEOMETRY, POSE, SHIP, wishes


def lonlat(x: float, y: float) -> LonLat:
    return POSE.frame.to_lonlat(POSE.to_enu(np.array([x, y, 0.0]), 0.0)[0])


CRANE = KeepOut("crane", (lonlat(45.0, 24.0),))
LINE = KeepOut("mooring_line", (lonlat(92.0, 0.0), lonlat(110.0, -8.0)))
BARGE = KeepOut("ship", (lonlat(60.0, 14.0), lonlat(80.0, 14.0), lonlat(80.0, 20.0), lonlat(60.0, 20.0)))


def path(plan: Plan) -> np.ndarray:
    pieces = []
    for sortie in plan.sorties:
        for leg in sortie.legs:
            corners = np.array(leg.points_enu_m)
            for a, b in pairwise(corners):
                pieces.append(a + np.linspace(0.0, 1.0, 1 + int(np.linalg.norm(b - a)) * 2)[:, None] * (b - a))
    return np.concatenate(pieces)


def gap(points: np.ndarray, keep_out: KeepOut) -> float:
    """Least level distance of the path from the keep-out's own corners and the lines between them."""
    corners = np.array([POSE.frame.to_enu(corner)[:2] for corner in keep_out.corners])
    ends = np.roll(corners, -1, axis=0)
    dense = np.concatenate([a + np.linspace(0, 1, 40)[:, None] * (b - a) for a, b in zip(corners, ends, strict=True)])
    return min(float(np.min(np.hypot(*(dense - point[:2]).T))) for point in points)


@pytest.mark.parametrize("keep_out", [CRANE, LINE, BARGE], ids=["crane", "line", "ship"])
def test_path_keeps_the_safety_distance_and_the_margin_from_a_keep_out(keep_out: KeepOut) -> None:
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes(), site=Site(keep_outs=(keep_out,)))
    assert {zone.kind for zone in plan.exclusion_polygons} == {"hull", "quay", keep_out.kind}
    assert gap(path(plan), keep_out) >= plan.safety_distance_m + 3.5
    free = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
    assert gap(path(free), keep_out) < plan.safety_distance_m + 3.5
    assert plan.sorties
    assert plan.coverage.seen2_pct < free.coverage.seen2_pct
    assert plan.order is not None
    assert plan.order.pieces >= 1
    assert plan.order.exact


def test_launch_point_in_a_keep_out_is_refused() -> None:
    free = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
    people = KeepOut("people", (LonLat(*free.home_lonlat_alt[:2]),))
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes(), site=Site(keep_outs=(people,)))
    assert "home_not_clear" in {one.code for one in plan.refusals}


def test_keep_outs_come_from_json_and_a_wrong_one_is_said() -> None:
    found = keep_outs_from_json([{"kind": "crane", "lonlat": [[122.1, 40.3]]}])
    assert found == (KeepOut("crane", (LonLat(122.1, 40.3),)),)
    for wrong in ([{"kind": "castle", "lonlat": [[1, 2]]}], [{"kind": "crane", "lonlat": []}], 7, [{"kind": "crane"}]):
        with pytest.raises(InputError):
            keep_outs_from_json(wrong)


def test_tide_quay_level_and_estimates_are_asked_for() -> None:
    guess = ShipGeometry(90.0, 14.0, 7.0, 4.5, estimated=frozenset({"depth_m"}))
    bare = plan_survey(SHIP, guess, POSE, "starboard", wishes())
    assert {note.code for note in bare.notes} == {"accept_estimates", "tell_tide", "tell_time"}
    told = Site(tide_m=1.2, quay_level_m=4.0, home_on_quay=True, at_utc=AT.replace(hour=4), accepted_by="W. Inspector")
    plan = plan_survey(SHIP, guess, POSE, "starboard", wishes(), site=told)
    assert {note.code for note in plan.notes} == {"estimates_accepted"}
    assert plan.home_lonlat_alt[2] == pytest.approx(2.8)
    unknown = plan_survey(SHIP, guess, POSE, "starboard", wishes(), site=Site(home_on_quay=True))
    assert "home_level_unknown" in {one.code for one in unknown.refusals}
    assert tide_changed(1.2, 1.6)
    assert not tide_changed(1.2, 1.4)
    assert all(row.camera_above_baseline_m == pytest.approx(row.camera_above_water_m + 4.5) for row in plan.rows)


def test_sun_as_the_almanac_has_it_and_light_on_each_side() -> None:
    noon_greenwich = datetime(2026, 6, 21, 12, 2, tzinfo=UTC)
    azimuth, elevation = sun(LonLat(0.0, 51.48), noon_greenwich)
    assert elevation == pytest.approx(61.96, abs=0.1)
    assert azimuth == pytest.approx(180.0, abs=1.0)
    north_up = ShipPose(LonLat(122.1, 40.3), 0.0, AT, "ais")
    assert light_on(north_up, "starboard", 60.0, 30.0) == "lit"
    assert light_on(north_up, "port", 30.0, 40.0) == "shade"
    assert light_on(north_up, "port", 90.0, 10.0) == "into_lens"
    assert light_on(north_up, "starboard", 90.0, 10.0) == "mirror"
    night = plan_survey(SHIP, GEOMETRY, POSE, None, wishes(), site=Site(at_utc=AT.replace(hour=15)))
    assert "too_dark" in {one.code for one in night.refusals}
    assert night.light is not None
    assert set(night.light.sides) == {"stern", "port", "starboard"}


def test_close_ups_by_checklist_item_say_what_keeps_them_away() -> None:
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes(), items=frozenset({"YJ-082"}))
    assert {shot.item_ref for shot in plan.close_ups} == {"YJ-082"}
    by_side = {(shot.id, shot.side): shot for shot in plan.close_ups}
    assert by_side["load_line", "port"].blocked_by == ""
    assert by_side["load_line", "starboard"].blocked_by == "quay"
    for shot in plan.close_ups:
        away = POSE.from_enu(np.array([shot.place_enu_m]), GEOMETRY.draught_m)[0]
        edge = np.column_stack([x := np.linspace(0, 90, 900), HullForm(GEOMETRY).half_breadth(x, np.array(7.0))])
        assert np.min(np.hypot(edge[:, 0] - away[0], edge[:, 1] - abs(away[1]))) >= plan.safety_distance_m
        assert shot.above_baseline_m == pytest.approx(shot.above_water_m + GEOMETRY.draught_m)


def test_deck_is_flown_above_everything_and_only_when_clear() -> None:
    base = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
    refused = plan_deck(base, wishes(), Site())
    assert "deck_not_clear" in {one.code for one in refused.refusals}
    plan = plan_deck(base, wishes(), Site(deck_clear_by="M. Master"))
    assert not plan.refusals
    assert plan.part == "deck"
    assert "hull" not in {zone.kind for zone in plan.exclusion_polygons}
    top = GEOMETRY.freeboard_m + HullForm(GEOMETRY).shape.obstacle_m
    flown = POSE.from_enu(path(plan), GEOMETRY.draught_m)
    over = np.abs(flown[:, 1]) < GEOMETRY.beam_m / 2 + plan.safety_distance_m
    over &= (flown[:, 0] > -plan.safety_distance_m) & (flown[:, 0] < GEOMETRY.loa_m + plan.safety_distance_m)
    assert np.min(path(plan)[over, 2]) >= top + 9.9
    assert np.min(flown[:, 1]) >= -GEOMETRY.beam_m / 2
    assert plan.coverage.seen2_pct > 95.0
    told = plan_deck(base, wishes(), Site(deck_clear_by="M. Master"), air_draught_m=20.0)
    assert told.camera.standoff_m < plan.camera.standoff_m
    assert Plan.model_validate_json(plan.to_json()) == plan


def test_ways_go_around_and_the_order_is_the_best_of_all() -> None:
    box = Area.of(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 4.0], [0.0, 4.0]]))
    space = Airspace((box,))
    ways = space.ways(np.array([[-2.0, 2.0], [12.0, 2.0], [5.0, 9.0]]))
    assert ways.lengths_m[0, 1] == pytest.approx(2 * np.hypot(2, 2) + 10, abs=0.3)
    way = ways.between(0, 1)
    assert way is not None
    assert np.all(space.clear(way[:-1], way[1:]))
    assert float(box.depth_m(space.way_out(np.array([5.0, 3.5])))[0]) <= 0
    rng = np.random.default_rng(2)
    for pieces in (3, 5, 9):
        places = rng.uniform(0, 100, (2 * pieces + 1, 2))
        seconds = np.linalg.norm(places[:, None] - places[None], axis=2)
        order = best_order(seconds)
        assert sorted(piece for piece, _ in order.visits) == list(range(pieces))
        assert order.bound_s <= order.joins_s + 1e-9
        assert order.exact is (pieces <= 7)
        for _ in range(60):
            tried = [(int(piece), bool(rng.integers(2))) for piece in rng.permutation(pieces)]
            ends = [
                2 * pieces,
                *(end for p, back in tried for end in ((2 * p + 1, 2 * p) if back else (2 * p, 2 * p + 1))),
                2 * pieces,
            ]
            cost = sum(seconds[a, b] for a, b in zip(ends[::2], ends[1::2], strict=True))
            assert cost >= order.bound_s - 1e-9
            assert not order.exact or cost >= order.joins_s - 1e-9
