"""Owns reading this folder's data packs: camera library, limits, error budget, sentences of refusals.

Never holds a number itself.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from config import pack_path
from core.errors import InputError
from core.geo import Float
from drone.model import CameraSpec


@dataclass(frozen=True, slots=True)
class PlannerNumbers:
    """Table `planner` of config/drone/limits.toml; the comments there say what each is."""

    gsd_tolerance: float
    max_incidence_deg: float
    blur_px: float
    altitude_floor_m: float
    estimate_margin_m: float
    quay_margin_m: float
    ferry_speed_m_s: float
    ferry_fast_m_s: float
    ferry_share: float
    climb_speed_m_s: float
    turn_s: float
    sortie_fixed_s: float
    cruise_airspeed_m_s: float
    repeat_shots: int
    leg_yaw_step_deg: float
    leg_deviation_m: float
    row_edge_margin: float
    lane_turn_deg: float
    lane_incidence_deg: float
    lane_near_m: float
    enough_seen2_pct: float
    superstructure_m: float
    clear_above_m: float
    home_offset_m: float
    fence_far_m: float
    trigger_near_m: float
    keep_out_margin_m: float


@dataclass(frozen=True, slots=True)
class MonitorNumbers:
    """Table `monitor` of config/drone/limits.toml."""

    separation_slack_m: float
    back_off_m: float
    battery_abort_pct: float
    min_disk_mb: float
    min_satellites: int
    max_hdop: float
    max_pose_age_s: float
    telemetry_age_s: float
    shift_m: float
    shift_window_s: float
    shift_readings: int
    range_reach_m: float
    range_blind_s: float
    needs_range_below_m: float
    battery_reserve_pct: float
    home_speed_m_s: float
    land_speed_m_s: float
    wind_hold_s: float
    photo_slack: int
    gimbal_off_deg: float
    gimbal_hold_s: float
    test_gimbal_deg: float
    other_station_s: float
    slow_factor: float
    test_shot_wait_s: float


@dataclass(frozen=True, slots=True)
class HullFixNumbers:
    """config/drone/hull_fix.toml; the comments there say what each is."""

    least_marks: int
    least_photos: int
    mark_px: float
    attitude_deg: float
    vehicle_m: float
    vehicle_height_m: float
    worst_residual_px: float
    covariance_scale: float


@dataclass(frozen=True, slots=True)
class DjiNumbers:
    """config/drone/dji.toml."""

    drone_enum: int
    drone_sub_enum: int
    payload_enum: int
    most_waypoints: int


@dataclass(frozen=True, slots=True)
class PaperRules:
    """config/drone/flight_rules.toml; the comments there say what each is."""

    source: str
    checked_by: str
    max_height_m: float
    file_days_before: int
    file_hour: int
    report_before_min: float
    consent_hours: float
    may_override: frozenset[str]


@dataclass(frozen=True, slots=True)
class Limits:
    planner: PlannerNumbers
    monitor: MonitorNumbers
    overshoot_speeds_m_s: tuple[float, ...]
    overshoots_m: tuple[float, ...]
    vehicle_parameters: tuple[tuple[str, float], ...]

    def overshoot_m(self, speed_m_s: float) -> float:
        """How far the vehicle flies past a fence; linear through the measured points, also beyond them."""
        points = list(zip(self.overshoot_speeds_m_s, self.overshoots_m, strict=True))
        for (v0, o0), (v1, o1) in pairwise(points):
            if speed_m_s <= v1 or (v1, o1) == points[-1]:
                return max(0.5, o0 + (speed_m_s - v0) * (o1 - o0) / (v1 - v0))
        return points[-1][1]


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """One-sigma errors of a photo's pose, config/drone/error_budget.toml."""

    x_m: float
    y_m: float
    z_m: float
    roll_deg: float
    pitch_deg: float
    yaw_deg: float

    @property
    def covariance(self) -> Float:
        """(6, 6) diagonal: x y z in m2, roll pitch yaw in rad2."""
        sigmas = [self.x_m, self.y_m, self.z_m, *np.radians([self.roll_deg, self.pitch_deg, self.yaw_deg])]
        return np.diag(np.square(np.array(sigmas, dtype=float)))


def _load(*parts: str) -> dict[str, Any]:
    return tomllib.loads(pack_path(*parts).read_text(encoding="utf-8"))


@cache
def cameras() -> dict[str, CameraSpec]:
    """The camera library by id."""
    return {key: CameraSpec(id=key, **values) for key, values in _load("cameras.toml").items()}


def camera(camera_id: str) -> CameraSpec:
    """Raises InputError `drone.camera_unknown`."""
    found = cameras().get(camera_id)
    if found is None:
        raise InputError("drone.camera_unknown", camera=camera_id, known=", ".join(sorted(cameras())))
    return found


@cache
def limits() -> Limits:
    data = _load("drone", "limits.toml")
    return Limits(
        planner=PlannerNumbers(**{field.name: data["planner"][field.name] for field in fields(PlannerNumbers)}),
        monitor=MonitorNumbers(**{field.name: data["monitor"][field.name] for field in fields(MonitorNumbers)}),
        overshoot_speeds_m_s=tuple(data["overshoot"]["speed_m_s"]),
        overshoots_m=tuple(data["overshoot"]["overshoot_m"]),
        vehicle_parameters=tuple(data["vehicle_parameters"].items()),
    )


@cache
def paper_rules() -> PaperRules:
    data = _load("drone", "flight_rules.toml")
    values = {field.name: data[field.name] for field in fields(PaperRules)}
    return PaperRules(**{**values, "may_override": frozenset(values["may_override"])})


@cache
def scenarios_data() -> dict[str, Any]:
    """config/drone/scenarios.toml as it stands; `drone.rehearsal` gives it types."""
    return _load("drone", "scenarios.toml")


@cache
def hull_fix_numbers() -> HullFixNumbers:
    data = _load("drone", "hull_fix.toml")
    return HullFixNumbers(**{field.name: data[field.name] for field in fields(HullFixNumbers)})


@cache
def dji_numbers() -> DjiNumbers:
    data = _load("drone", "dji.toml")
    return DjiNumbers(**{field.name: data[field.name] for field in fields(DjiNumbers)})


@cache
def transitions() -> dict[str, frozenset[str]]:
    """State -> states that may follow, config/drone/states.toml."""
    return {state: frozenset(following) for state, following in _load("drone", "states.toml")["transitions"].items()}


@cache
def error_budget(pose_source: str) -> ErrorBudget:
    """The budget of a ship-pose source; an unknown source gets the worst one."""
    data = _load("drone", "error_budget.toml")
    table = data.get(pose_source)
    chosen = table if isinstance(table, dict) else data["ais_low"]
    return ErrorBudget(**chosen)
