"""Owns the second plan of a survey: the passes over deck and superstructure, above everything, on the base of the hull's plan.

Never flies over people: somebody says by name that the deck is clear, or the plan refuses.
"""

from __future__ import annotations

import numpy as np

from core.geo import Float
from core.hullform import HullForm
from drone.airspace import Airspace, Area
from drone.coverage import Skin, ViewRule, measure_skin
from drone.deck import deck_height_m, deck_lanes, house_lanes
from drone.lanes import Reach, outline
from drone.model import FlightOrder, Plan, Refusal, RowHeight
from drone.packs import Limits
from drone.packs import limits as load_limits
from drone.planner import home_enu, refusal
from drone.pose import pose_in_ship
from drone.site import Site
from drone.sizing import Wishes
from drone.sorties import Route, fly_lanes

_CELL_M = 1.0


def plan_deck(
    base: Plan, wishes: Wishes, site: Site, *, air_draught_m: float | None = None, limits: Limits | None = None
) -> Plan:
    """The deck's plan of the ship, pose and launch point of `base`. Refusals of `base` about the day hold here too.

    Raises ValueError when `base` has no ship pose.
    """
    if base.ship.pose is None:
        raise ValueError("the plan has no ship pose")
    rules = limits or load_limits()
    pose, geometry = base.ship.pose.pose(), base.ship.geometry.geometry()
    hull = HullForm(geometry)
    height = deck_height_m(hull, rules.planner, air_draught_m)
    towards = {"port": 1.0, "starboard": -1.0, None: 0.0}[base.ship.quay_side]
    reach = Reach(height - geometry.depth_m, 0.0, height, towards, geometry.beam_m / 2.0 - rules.planner.quay_margin_m, 60.0)
    lanes = deck_lanes(hull, height, wishes.camera, wishes.overlap_along, wishes.overlap_rows)
    lanes += house_lanes(hull, height, reach, wishes.camera, wishes.overlap_along)
    zones = [zone for zone in base.exclusion_polygons if zone.kind != "hull"]
    areas = [Area.of(np.array(zone.points_enu_m)) for zone in zones if zone.kind == "quay"]
    margin = wishes.safety_distance_m + rules.planner.keep_out_margin_m
    areas += [Area.of(keep_out.around(pose.frame, margin)) for keep_out in site.keep_outs]
    gsd = wishes.camera.gsd_mm(height - geometry.depth_m)
    speed = min(wishes.speed_m_s, rules.planner.blur_px * gsd / 1000.0 / wishes.camera.exposure_s)
    home = np.array(home_enu(base))
    route = Route(
        Airspace(tuple(areas)), home, geometry.draught_m, speed, rules.planner.ferry_speed_m_s, pose, rules,
        np.asarray(pose.to_enu(np.column_stack([outline(hull) + 1e4, np.zeros(len(outline(hull)))]), 0.0)[:, :2]),
        0.0, own_areas=0,
    )  # fmt: skip
    flown = fly_lanes(lanes, route, wishes.battery_minutes * 60.0 * (1.0 - wishes.battery_reserve))
    views = [
        pose_in_ship(pose, geometry.draught_m, point, leg.yaw_deg_true, leg.pitch_deg)
        for leg in flown.passes
        for point in leg.triggers_enu_m
    ]
    rule = ViewRule(gsd * rules.planner.gsd_tolerance, rules.planner.max_incidence_deg)
    seen = measure_skin(_deck_skin(hull), wishes.camera.for_survey(), views, rule)
    above = round(height - geometry.draught_m, 2)
    return base.model_copy(
        update={
            "part": "deck",
            "sorties": flown.sorties,
            "exclusion_polygons": zones,
            "coverage": seen,
            "camera": base.camera.model_copy(
                update={"standoff_m": round(height - geometry.depth_m, 3), "gsd_mm": round(gsd, 3)}
            ),
            "return_altitude_m": max(base.return_altitude_m, above),
            "lower_bound_s": round(seen.area_m2 / (0.6 * wishes.camera.height_px * gsd / 1000.0 * speed), 1),
            "refusals": _refusals(base, site, complete=flown.complete),
            "notes": [*base.notes, *_notes(hull, air_draught_m)],
            "order": FlightOrder(
                pieces=len(flown.order.visits),
                joins_s=round(flown.order.joins_s, 1),
                bound_s=round(flown.order.bound_s, 1),
                exact=flown.order.exact,
            ),
            "rows": [
                RowHeight(
                    camera_above_water_m=above,
                    camera_above_baseline_m=round(height, 2),
                    strip_above_water_m=round(geometry.freeboard_m, 2),
                    strip_above_baseline_m=round(geometry.depth_m, 2),
                )
            ],
        }
    )


def _refusals(base: Plan, site: Site, *, complete: bool) -> list[Refusal]:
    kept = [one for one in base.refusals if one.code not in {"gsd_not_reachable", "wind_towards_hull", "battery_too_small"}]
    if not site.deck_clear_by.strip():
        kept.append(refusal("deck_not_clear"))
    if not complete:
        kept.append(refusal("battery_too_small"))
    return kept


def _notes(hull: HullForm, air_draught_m: float | None) -> list[Refusal]:
    if air_draught_m is not None:
        return []
    return [refusal("air_draught_estimated", height=f"{hull.geometry.freeboard_m + hull.shape.obstacle_m:.0f}")]


def _deck_skin(hull: HullForm) -> Skin:
    """The deck as squares of a metre, sorted by x."""
    geometry = hull.geometry
    x = np.arange(_CELL_M / 2.0, geometry.loa_m, _CELL_M)
    y = np.arange(-geometry.beam_m / 2.0 + _CELL_M / 2.0, geometry.beam_m / 2.0, _CELL_M)
    grid_x, grid_y = (grid.ravel() for grid in np.meshgrid(x, y, indexing="ij"))
    on_deck = np.abs(grid_y) < hull.half_breadth(grid_x, np.full_like(grid_x, geometry.depth_m))
    centres: Float = np.column_stack([grid_x, grid_y, np.full_like(grid_x, geometry.depth_m)])[on_deck]
    return Skin(centres, np.tile([0.0, 0.0, 1.0], (len(centres), 1)), np.full(len(centres), _CELL_M**2))
