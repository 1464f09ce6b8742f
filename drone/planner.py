"""Owns the survey plan: from a ship, its pose, the quay side and a camera to `yunjian.plan/1`.

Never flies, never looks a ship up, reads no clock. Pure numpy; a 400 m ship takes well under a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from config.settings import DroneSettings
from core.catalogue import entries
from core.geo import EnuFrame, Float, LonLat
from core.hullform import HullForm
from core.ship import ShipGeometry, ShipPose, ShipRef, Side
from drone.coverage import ViewRule, measure
from drone.lanes import Ring, Row, offset_polygon, outline, quay_polygon, row_heights, shell_row, stern_row
from drone.legs import PassLeg
from drone.model import (
    CameraSpec,
    Coverage,
    ExclusionPolygon,
    GeometryPart,
    Plan,
    PlanCamera,
    PlanShip,
    PosePart,
    Refusal,
    ShipSide,
    Vector,
    Wind,
)
from drone.moving import moving_numbers
from drone.packs import ErrorBudget, Limits, error_budget
from drone.packs import camera as camera_by_id
from drone.packs import limits as load_limits
from drone.pose import CameraPose, pose_in_ship
from drone.sorties import Route, split_into_sorties


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator asks for; defaults are the settings' section `drone`."""

    camera: CameraSpec
    target_gsd_mm: float
    overlap_along: float
    overlap_rows: float
    safety_distance_m: float
    speed_m_s: float
    max_wind_m_s: float
    max_gust_m_s: float
    max_wind_to_hull_m_s: float
    battery_minutes: float
    battery_reserve: float

    @classmethod
    def from_settings(cls, settings: DroneSettings) -> Wishes:
        """Raises InputError `drone.camera_unknown`."""
        return cls(
            camera=camera_by_id(settings.camera),
            target_gsd_mm=settings.target_gsd_mm,
            overlap_along=settings.overlap_along,
            overlap_rows=settings.overlap_rows,
            safety_distance_m=settings.safety_distance_m,
            speed_m_s=settings.speed_m_s,
            max_wind_m_s=settings.max_wind_m_s,
            max_gust_m_s=settings.max_gust_m_s,
            max_wind_to_hull_m_s=settings.max_wind_to_hull_m_s,
            battery_minutes=settings.battery_minutes,
            battery_reserve=settings.battery_reserve,
        )


@dataclass(frozen=True, slots=True)
class Numbers:
    """What follows from ship and wishes: distances in metres, speed in m/s."""

    standoff_m: float
    wanted_standoff_m: float
    spacing_m: float
    footprint_height_m: float
    speed_m_s: float
    row_step_m: float


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
) -> Plan:
    """Plan the water side of a moored ship, or both sides of one that lies free (`quay_side` None); `at_anchor` = it swings.

    Never raises for a survey that cannot be flown: `refusals` then names each reason, and coverage is what the path
    would give. Without a pose (no position or heading) there is no path at all.
    """
    rules = limits or load_limits()
    hull = HullForm(geometry)
    budget = error_budget(pose.source if pose else "")
    numbers = _numbers(geometry, wishes, budget, rules)
    sides = _sides(quay_side)
    refusals = _refusals(pose, sides, numbers, wishes, wind, rules)
    if at_anchor and pose is not None and pose.source not in moving_numbers().may_move:
        refusals.append(_refusal("anchored_needs_beacon", source=pose.source))
    return_altitude = geometry.freeboard_m + rules.planner.superstructure_m + rules.planner.clear_above_m
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
    rows = _rows(hull, quay_side, numbers, wishes, rules)
    bound = _lower_bound_s(hull, sides, numbers)
    shell = {"schema": "yunjian.plan/1", "ship": part, "camera": camera, "safety_distance_m": wishes.safety_distance_m}
    shell |= {"return_altitude_m": round(return_altitude, 1), "lower_bound_s": round(bound, 1)}
    if pose is None:
        empty = Coverage(seen2_pct=0.0, seen1_pct=0.0, area_m2=0.0)
        nothing = {"sorties": [], "home_lonlat_alt": (0.0, 0.0, 0.0), "exclusion_polygons": [], "coverage": empty}
        return Plan.model_validate({**shell, **nothing, "refusals": refusals})
    ring = Ring.around(hull, numbers.standoff_m + 0.5, quay_side, rules.planner.quay_margin_m)
    home_m = _home(hull, pose, home, quay_side, numbers, rules)
    if not _home_is_clear(hull, home_m, quay_side, numbers, rules):
        refusals.append(_refusal("home_not_clear"))
    route = Route(ring, home_m, geometry.draught_m, numbers.speed_m_s, pose, rules.planner)
    usable = wishes.battery_minutes * 60.0 * (1.0 - wishes.battery_reserve) / _wind_factor(wind, rules)
    sorties, passes, complete = split_into_sorties(rows, route, usable)
    if not complete:
        refusals.append(_refusal("battery_too_small"))
    home_at = pose.frame.to_lonlat(pose.to_enu(home_m, geometry.draught_m)[0])
    seen = _coverage(hull, sides, pose, wishes, passes, rules)
    rest = {
        "sorties": sorties,
        "home_lonlat_alt": (round(home_at.lon, 8), round(home_at.lat, 8), 0.0),
        "exclusion_polygons": _exclusions(hull, pose, quay_side, wishes, rules),
        "coverage": seen,
    }
    return Plan.model_validate({**shell, **rest, "refusals": refusals})


def _sides(quay_side: ShipSide | None) -> tuple[Side, ...]:
    if quay_side is None:
        return ("stern", "port", "starboard")
    return ("stern", "starboard" if quay_side == "port" else "port")


def _numbers(geometry: ShipGeometry, wishes: Wishes, budget: ErrorBudget, limits: Limits) -> Numbers:
    camera, rules = wishes.camera, limits.planner
    wanted = camera.distance_m(wishes.target_gsd_mm)
    guesses = len(geometry.estimated & {"beam_m", "depth_m"})
    least = wishes.safety_distance_m + 2.0 * budget.y_m
    standoff = max(wanted, least) + rules.estimate_margin_m * guesses
    gsd_m = camera.gsd_mm(standoff) / 1000.0
    spacing = camera.width_px * gsd_m * (1.0 - wishes.overlap_along)
    height = camera.height_px * gsd_m
    blur_speed = rules.blur_px * gsd_m / camera.exposure_s
    fence_speed = _fence_speed(standoff - wishes.safety_distance_m - 2.0 * budget.y_m, limits)
    speed = min(wishes.speed_m_s, blur_speed, spacing / camera.min_interval_s, fence_speed)
    return Numbers(standoff, wanted, spacing, height, speed, height * (1.0 - wishes.overlap_rows))


def _fence_speed(room_m: float, limits: Limits) -> float:
    """Fastest speed whose fence overshoot fits into `room_m`; never below 1 m/s."""
    for speed in np.arange(10.0, 1.0, -0.5):
        if limits.overshoot_m(float(speed)) <= room_m:
            return float(speed)
    return 1.0


def _rows(hull: HullForm, quay_side: ShipSide | None, numbers: Numbers, wishes: Wishes, limits: Limits) -> list[Row]:
    rules, geometry = limits.planner, hull.geometry
    floor = geometry.draught_m + rules.altitude_floor_m
    heights = row_heights(
        geometry.draught_m, geometry.depth_m, numbers.footprint_height_m, wishes.overlap_rows, rules.row_edge_margin
    )
    limit = geometry.beam_m / 2.0 - rules.quay_margin_m
    y_limits = (-limit if quay_side == "starboard" else -math.inf, limit if quay_side == "port" else math.inf)
    rows: list[Row] = []
    for height in heights:
        row = stern_row(hull, height, numbers.spacing_m, numbers.standoff_m, floor, y_limits)
        if row is not None:
            rows.append(row)
    sides: list[ShipSide] = ["port", "starboard"]
    for side in sides:
        if side != quay_side:
            rows += [shell_row(hull, side, z, numbers.spacing_m, numbers.standoff_m, floor) for z in heights]
    return rows


def _lower_bound_s(hull: HullForm, sides: tuple[Side, ...], numbers: Numbers) -> float:
    area = sum(float(np.sum(hull.patches(side, hull.geometry.draught_m, 1.0)[2])) for side in sides)
    return area / (numbers.row_step_m * numbers.speed_m_s)


def _coverage(
    hull: HullForm,
    sides: tuple[Side, ...],
    pose: ShipPose,
    wishes: Wishes,
    passes: list[PassLeg],
    limits: Limits,
) -> Coverage:
    """Coverage of the photos at the yaw and pitch of their legs, as they will be flown."""
    draught = hull.geometry.draught_m
    views: list[CameraPose] = [
        pose_in_ship(pose, draught, point, leg.yaw_deg_true, leg.pitch_deg) for leg in passes for point in leg.triggers_enu_m
    ]
    rule = ViewRule(wishes.target_gsd_mm * limits.planner.gsd_tolerance, limits.planner.max_incidence_deg)
    return measure(hull, sides, wishes.camera.for_survey(), views, rule, draught)


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
    hull: HullForm, pose: ShipPose, quay_side: ShipSide | None, wishes: Wishes, limits: Limits
) -> list[ExclusionPolygon]:
    def horizontal(points: Float) -> list[tuple[float, float]]:
        enu = pose.to_enu(np.column_stack([points, np.zeros(len(points))]), 0.0)
        return [(round(float(p[0]), 3), round(float(p[1]), 3)) for p in enu]

    ring = offset_polygon(outline(hull), wishes.safety_distance_m)
    found = [ExclusionPolygon(kind="hull", points_enu_m=horizontal(ring))]
    if quay_side is not None:
        quay = quay_polygon(hull, quay_side, limits.planner.fence_far_m)
        found.append(ExclusionPolygon(kind="quay", points_enu_m=horizontal(quay)))
    return found


def _refusals(
    pose: ShipPose | None, sides: tuple[Side, ...], numbers: Numbers, wishes: Wishes, wind: Wind | None, limits: Limits
) -> list[Refusal]:
    found: list[Refusal] = []
    if numbers.standoff_m > numbers.wanted_standoff_m * limits.planner.gsd_tolerance:
        gsd = wishes.camera.gsd_mm(numbers.standoff_m)
        found.append(_refusal("gsd_not_reachable", gsd=f"{gsd:.1f}", target=f"{wishes.target_gsd_mm:.1f}"))
    if pose is None:
        return [*found, _refusal("no_position_or_heading")]
    if wind is None:
        return found
    if wind.speed_m_s > wishes.max_wind_m_s or wind.gust_m_s > wishes.max_gust_m_s:
        found.append(
            _refusal("wind", speed=f"{wind.speed_m_s:.1f}", gust=f"{wind.gust_m_s:.1f}", limit=f"{wishes.max_wind_m_s:.1f}")
        )
    towards = max(wind_towards_hull_m_s(wind, pose, side) for side in sides)
    if towards > wishes.max_wind_to_hull_m_s and numbers.standoff_m < 20.0:
        found.append(_refusal("wind_towards_hull", speed=f"{towards:.1f}", limit=f"{wishes.max_wind_to_hull_m_s:.1f}"))
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


def _refusal(code: str, **params: str) -> Refusal:
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
