"""Owns the survey plan: from a ship, its pose, the quay side and a camera to `yunjian.plan/1`.

Never flies, never looks a ship up, reads no clock. Pure numpy; a 400 m ship takes well under a second.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from core.catalogue import entries
from core.geo import EnuFrame, Float, LonLat
from core.hullform import HullForm
from core.ship import ShipGeometry, ShipPose, ShipRef, Side
from drone.airspace import Airspace, Area
from drone.closeups import close_up_shots
from drone.coverage import Skin, ViewRule, measure_skin, skin_of
from drone.lanes import Lane, Reach, near_lane, offset_polygon, outline, quay_polygon, row_heights, wrap_lane
from drone.legs import PassLeg
from drone.model import (
    Coverage,
    ExclusionPolygon,
    FlightOrder,
    GeometryPart,
    LightPart,
    Plan,
    PlanCamera,
    PlanShip,
    PosePart,
    Refusal,
    RowHeight,
    ShipSide,
    Vector,
    Wind,
)
from drone.moving import moving_numbers
from drone.packs import Limits, error_budget
from drone.packs import limits as load_limits
from drone.pose import CameraPose, pose_in_ship
from drone.reachable import Reachability
from drone.site import NOTHING_KNOWN, Site, light_on, sun, too_dark
from drone.sizing import Numbers, Wishes, size
from drone.sorties import Route, fly_lanes

_ALL_SIDES: tuple[Side, ...] = ("stern", "port", "starboard")
_BOUND_ROW = 0.6  # the bar's lower bound, not a wish


def plan_survey(
    ship: ShipRef,
    geometry: ShipGeometry,
    pose: ShipPose | None,
    quay_side: ShipSide | None,
    wishes: Wishes,
    *,
    wind: Wind | None = None,
    home: LonLat | None = None,
    limits: Limits | None = None,
    at_anchor: bool = False,
    site: Site = NOTHING_KNOWN,
    items: frozenset[str] = frozenset(),
) -> Plan:
    """Plan the water side of a moored ship, or both sides of one that lies free (`quay_side` None); `at_anchor` = it swings.

    `site` = what surrounds her on the day, `items` = checklist items whose close-ups are wanted (all when empty). Never raises for a survey that cannot be flown: `refusals` then names each reason, and coverage is what the path
    would give. Without a pose (no position or heading) there is no path at all.
    """
    rules = limits or load_limits()
    hull = HullForm(geometry)
    budget = error_budget(pose.source if pose else "")
    numbers = size(geometry, wishes, budget, rules)
    sides = _sides(quay_side)
    refusals = _refusals(pose, sides, numbers, wishes, wind, rules)
    if at_anchor and pose is not None and pose.source not in moving_numbers().may_move:
        refusals.append(refusal("anchored_needs_beacon", source=pose.source))
    refusals += _site_refusals(site, pose)
    return_altitude = geometry.freeboard_m + hull.shape.obstacle_m + rules.planner.clear_above_m
    part = PlanShip(
        name=ship.name,
        imo=str(ship.imo) if ship.imo else None,
        mmsi=str(ship.mmsi) if ship.mmsi else None,
        geometry=GeometryPart.of(geometry),
        pose=PosePart.of(pose) if pose else None,
        quay_side=quay_side,
    )
    camera = PlanCamera(
        id=wishes.camera.id,
        standoff_m=round(numbers.standoff_m, 3),
        gsd_mm=round(wishes.camera.gsd_mm(numbers.standoff_m), 3),
        target_gsd_mm=wishes.target_gsd_mm,
    )
    reach = _reach(hull, quay_side, numbers, wishes, rules)
    can = Reachability(hull, reach, numbers.wanted_standoff_m * rules.planner.gsd_tolerance)
    skin = skin_of(hull, _ALL_SIDES, geometry.draught_m, can)
    bound = skin.area_m2 / (_BOUND_ROW * numbers.target_footprint_m * numbers.fastest_m_s)
    shell = {"schema": "yunjian.plan/1", "ship": part, "camera": camera, "safety_distance_m": wishes.safety_distance_m}
    shell |= {"return_altitude_m": round(return_altitude, 1), "lower_bound_s": round(bound, 1)}
    shell |= {"notes": _notes(geometry, site, quay_side), "tide_m": site.tide_m, "accepted_by": site.accepted_by}
    if pose is None:
        empty = Coverage(seen2_pct=0.0, seen1_pct=0.0, area_m2=0.0)
        nothing = {"sorties": [], "home_lonlat_alt": (0.0, 0.0, 0.0), "exclusion_polygons": [], "coverage": empty}
        return Plan.model_validate({**shell, **nothing, "refusals": refusals})
    home_m = _home(hull, pose, home, quay_side, numbers, rules)
    home_m[2] = geometry.draught_m + (site.home_level_m or 0.0)
    lanes = _lanes(hull, reach, numbers, home_m)
    zones = _exclusions(hull, pose, quay_side, wishes, rules, site)
    airspace = _airspace(hull, pose, quay_side, numbers, wishes, rules, site)
    home_enu_m = np.asarray(pose.to_enu(home_m, geometry.draught_m)[0])
    others = Airspace(airspace.areas[1:])
    if not _home_is_clear(hull, home_m, quay_side, numbers, rules) or not bool(others.outside(home_enu_m[:2])[0]):
        refusals.append(refusal("home_not_clear"))
    deck = _level(pose, outline(hull))
    route = Route(
        airspace,
        home_enu_m,
        geometry.draught_m,
        numbers.speed_m_s,
        numbers.ferry_speed_m_s,
        pose,
        rules,
        deck,
        wishes.safety_distance_m,
    )
    usable = wishes.battery_minutes * 60.0 * (1.0 - wishes.battery_reserve) / _wind_factor(wind, rules)
    flown = fly_lanes(lanes, route, usable)
    seen = _coverage(skin, pose, geometry.draught_m, wishes, flown.passes, rules)
    if seen.seen2_pct < rules.planner.enough_seen2_pct and len(lanes) > 1:
        lanes = [*lanes, *_between(hull, reach, numbers)]
        flown = fly_lanes(lanes, route, usable)
        seen = _coverage(skin, pose, geometry.draught_m, wishes, flown.passes, rules)
    if not flown.complete:
        refusals.append(refusal("battery_too_small"))
    home_at = pose.frame.to_lonlat(home_enu_m)
    rest = {
        "sorties": flown.sorties,
        "home_lonlat_alt": (round(home_at.lon, 8), round(home_at.lat, 8), round(float(home_enu_m[2]), 2)),
        "exclusion_polygons": zones,
        "coverage": seen,
        "close_ups": close_up_shots(hull, pose, reach, others, wishes.camera, items),
        "light": _light(pose, sides, site),
        "order": FlightOrder(
            pieces=len(flown.order.visits),
            joins_s=round(flown.order.joins_s, 1),
            bound_s=round(flown.order.bound_s, 1),
            exact=flown.order.exact,
        ),
        "rows": _row_heights(lanes, geometry.draught_m),
    }
    return Plan.model_validate({**shell, **rest, "refusals": refusals})


def _sides(quay_side: ShipSide | None) -> tuple[Side, ...]:
    if quay_side is None:
        return ("stern", "port", "starboard")
    return ("stern", "starboard" if quay_side == "port" else "port")


def _reach(hull: HullForm, quay_side: ShipSide | None, numbers: Numbers, wishes: Wishes, limits: Limits) -> Reach:
    rules, geometry = limits.planner, hull.geometry
    return Reach(
        standoff_m=numbers.standoff_m,
        clear_m=wishes.safety_distance_m + rules.lane_near_m,
        floor_m=geometry.draught_m + rules.altitude_floor_m,
        towards=_towards(quay_side),
        quay_limit_m=geometry.beam_m / 2.0 - rules.quay_margin_m,
        steepest_deg=rules.lane_incidence_deg,
    )


def _towards(quay_side: ShipSide | None) -> float:
    return {"port": 1.0, "starboard": -1.0, None: 0.0}[quay_side]


def _lanes(hull: HullForm, reach: Reach, numbers: Numbers, home_m: Float) -> list[Lane]:
    heights = _heights(hull.geometry, numbers)
    found = (wrap_lane(hull, z, reach, numbers.step, home_m) for z in heights)
    return [lane for lane in found if lane is not None]


def _heights(geometry: ShipGeometry, numbers: Numbers) -> list[float]:
    return row_heights(
        geometry.draught_m, geometry.depth_m, numbers.footprint_height_m, numbers.overlap_rows, numbers.edge_margin
    )


def _between(hull: HullForm, reach: Reach, numbers: Numbers) -> list[Lane]:
    """Short lanes between the rows where the quay forces the camera near the shell."""
    heights = _heights(hull.geometry, numbers)
    middles = [(low + high) / 2.0 for low, high in pairwise(heights)]
    found = (near_lane(hull, z, reach, numbers.step) for z in middles)
    return [lane for lane in found if lane is not None]


def _row_heights(lanes: list[Lane], draught_m: float) -> list[RowHeight]:
    found = []
    for lane in lanes:
        camera = float(np.median([shot.centre_m[2] for shot in lane.shots]))
        strip = float(np.median([shot.target_m[2] for shot in lane.shots]))
        found.append(
            RowHeight(
                camera_above_water_m=round(camera - draught_m, 2),
                camera_above_baseline_m=round(camera, 2),
                strip_above_water_m=round(strip - draught_m, 2),
                strip_above_baseline_m=round(strip, 2),
            )
        )
    return found


def _airspace(
    hull: HullForm,
    pose: ShipPose,
    quay_side: ShipSide | None,
    numbers: Numbers,
    wishes: Wishes,
    limits: Limits,
    site: Site,
) -> Airspace:
    """Level areas in the plan's frame: first the ship with nearly the stand-off, then the quay with its margin, then what else to
    keep clear of.
    """
    areas = [Area.of(_level(pose, offset_polygon(outline(hull), numbers.standoff_m * limits.planner.ferry_share)))]
    if quay_side is not None:
        quay = quay_polygon(hull, quay_side, limits.planner.fence_far_m, limits.planner.quay_margin_m)
        areas.append(Area.of(_level(pose, quay)))
    margin = wishes.safety_distance_m + limits.planner.keep_out_margin_m
    areas += [Area.of(keep_out.around(pose.frame, margin)) for keep_out in site.keep_outs]
    return Airspace(tuple(areas))


def _level(pose: ShipPose, points: Float) -> Float:
    """(n, 2) ship frame -> (n, 2) plan frame."""
    return np.asarray(pose.to_enu(np.column_stack([points, np.zeros(len(points))]), 0.0)[:, :2])


def _coverage(skin: Skin, pose: ShipPose, draught_m: float, wishes: Wishes, passes: list[PassLeg], limits: Limits) -> Coverage:
    """Coverage of the photos at the yaw and pitch of their legs, as they will be flown."""
    views: list[CameraPose] = [
        pose_in_ship(pose, draught_m, point, leg.yaw_deg_true, leg.pitch_deg) for leg in passes for point in leg.triggers_enu_m
    ]
    rule = ViewRule(wishes.target_gsd_mm * limits.planner.gsd_tolerance, limits.planner.max_incidence_deg)
    return measure_skin(skin, wishes.camera.for_survey(), views, rule)


def _home(
    hull: HullForm, pose: ShipPose, home: LonLat | None, quay_side: ShipSide | None, numbers: Numbers, limits: Limits
) -> Float:
    """(3,) launch point in the ship frame at the waterline; by default off the quarter on the water side."""
    draught = hull.geometry.draught_m
    if home is not None:
        return np.asarray(pose.from_enu(pose.frame.to_enu(home), draught)[0])
    outward = -1.0 if quay_side == "port" else 1.0
    away = numbers.standoff_m + limits.planner.home_offset_m
    return np.array([-away * 0.7, outward * (hull.geometry.beam_m / 2.0 + away * 0.7), draught])


def _home_is_clear(hull: HullForm, home_m: Float, quay_side: ShipSide | None, numbers: Numbers, limits: Limits) -> bool:
    towards = {"port": 1.0, "starboard": -1.0, None: 0.0}[quay_side]
    behind = towards * home_m[1] > hull.geometry.beam_m / 2.0 - limits.planner.quay_margin_m and towards != 0.0
    nearest = np.min(np.hypot(*(outline(hull) - home_m[:2]).T))
    return bool(not behind and nearest >= numbers.standoff_m)


def _exclusions(
    hull: HullForm, pose: ShipPose, quay_side: ShipSide | None, wishes: Wishes, limits: Limits, site: Site
) -> list[ExclusionPolygon]:
    ring = offset_polygon(outline(hull), wishes.safety_distance_m)
    found = [ExclusionPolygon(kind="hull", points_enu_m=_corners(_level(pose, ring)))]
    if quay_side is not None:
        quay = quay_polygon(hull, quay_side, limits.planner.fence_far_m)
        found.append(ExclusionPolygon(kind="quay", points_enu_m=_corners(_level(pose, quay))))
    for keep_out in site.keep_outs:
        around = keep_out.around(pose.frame, wishes.safety_distance_m)
        found.append(ExclusionPolygon(kind=keep_out.kind, points_enu_m=_corners(around)))
    return found


def _site_refusals(site: Site, pose: ShipPose | None) -> list[Refusal]:
    """What of the day forbids the flight: darkness, and a launch point on a quay whose height above the water is not known."""
    found = []
    if site.home_level_m is None:
        found.append(refusal("home_level_unknown"))
    if pose is not None and site.at_utc is not None:
        _, elevation = sun(pose.origin, site.at_utc)
        if too_dark(elevation):
            found.append(refusal("too_dark", elevation=f"{elevation:.0f}"))
    return found


def _notes(geometry: ShipGeometry, site: Site, quay_side: ShipSide | None) -> list[Refusal]:
    """What is still to be known or accepted: class defaults by name, the tide where she lies against a quay, the hour for the light."""
    found = []
    if geometry.estimated:
        names = ", ".join(sorted(geometry.estimated))
        code = "estimates_accepted" if site.accepted_by else "accept_estimates"
        found.append(refusal(code, names=names, name=site.accepted_by))
    if quay_side is not None and site.tide_m is None:
        found.append(refusal("tell_tide"))
    if site.at_utc is None:
        found.append(refusal("tell_time"))
    return found


def _light(pose: ShipPose, sides: tuple[Side, ...], site: Site) -> LightPart | None:
    if site.at_utc is None:
        return None
    azimuth, elevation = sun(pose.origin, site.at_utc)
    return LightPart(
        at_utc=site.at_utc,
        sun_azimuth_deg=round(azimuth, 1),
        sun_elevation_deg=round(elevation, 1),
        sides={side: light_on(pose, side, azimuth, elevation) for side in sides},
    )


def _corners(points: Float) -> list[tuple[float, float]]:
    return [(round(float(east), 3), round(float(north), 3)) for east, north in points]


def _refusals(
    pose: ShipPose | None, sides: tuple[Side, ...], numbers: Numbers, wishes: Wishes, wind: Wind | None, limits: Limits
) -> list[Refusal]:
    found: list[Refusal] = []
    if numbers.standoff_m > numbers.wanted_standoff_m * limits.planner.gsd_tolerance:
        gsd = wishes.camera.gsd_mm(numbers.standoff_m)
        found.append(refusal("gsd_not_reachable", gsd=f"{gsd:.1f}", target=f"{wishes.target_gsd_mm:.1f}"))
    if pose is None:
        return [*found, refusal("no_position_or_heading")]
    if wind is None:
        return found
    if wind.speed_m_s > wishes.max_wind_m_s or wind.gust_m_s > wishes.max_gust_m_s:
        found.append(
            refusal("wind", speed=f"{wind.speed_m_s:.1f}", gust=f"{wind.gust_m_s:.1f}", limit=f"{wishes.max_wind_m_s:.1f}")
        )
    towards = max(wind_towards_hull_m_s(wind, pose, side) for side in sides)
    if towards > wishes.max_wind_to_hull_m_s and numbers.standoff_m < 20.0:
        found.append(refusal("wind_towards_hull", speed=f"{towards:.1f}", limit=f"{wishes.max_wind_to_hull_m_s:.1f}"))
    return found


def wind_towards_hull_m_s(wind: Wind, pose: ShipPose, side: Side) -> float:
    """Component of the mean wind that pushes a vehicle off this side into the hull; never negative."""
    off_bow = {"bow": 0.0, "starboard": 90.0, "stern": 180.0, "port": 270.0, "deck": 0.0}[side]
    outward = pose.heading_deg_true + off_bow
    return max(0.0, wind.speed_m_s * math.cos(math.radians(wind.from_deg_true - outward)))


def _wind_factor(wind: Wind | None, limits: Limits) -> float:
    if wind is None:
        return 1.0
    ratio = min(wind.speed_m_s / limits.planner.cruise_airspeed_m_s, 0.95)
    return 1.0 / math.sqrt(1.0 - ratio * ratio)


def refusal(code: str, **params: str) -> Refusal:
    """One sentence of the catalogue, `drone.refusal.<code>`, in both languages."""
    texts = entries()[f"drone.refusal.{code}"]
    return Refusal(code=code, zh=texts["zh"].format(**params), en=texts["en"].format(**params))


def plan_frame(plan: Plan) -> EnuFrame:
    """The east-north-up frame of the plan's points; raises ValueError for a plan without a ship pose."""
    if plan.ship.pose is None:
        raise ValueError("the plan has no ship pose")
    return EnuFrame(LonLat(*plan.ship.pose.lonlat))


def home_enu(plan: Plan) -> Vector:
    """The launch point in the plan's frame."""
    lon, lat, alt = plan.home_lonlat_alt
    point = plan_frame(plan).to_enu(LonLat(lon, lat), alt)
    return (float(point[0]), float(point[1]), float(point[2]))
