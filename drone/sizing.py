"""Owns what follows from a ship, a camera and the operator's wishes before any path: stand-off, rows, spacing, speed.

Never knows where the ship lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from config.settings import DroneSettings
from core.ship import ShipGeometry
from drone.lanes import Step, row_count
from drone.model import CameraSpec
from drone.packs import ErrorBudget, Limits
from drone.packs import camera as camera_by_id

_STRETCHES = (1.0, 1.04, 1.08, 1.12, 1.16)  # of the stand-off, tried when it saves a row


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
    """Distances in metres, speed in m/s. `target_footprint_m` and `fastest_m_s` belong to the target distance and to blur and shutter
    alone: the lower bound is made of them.
    """

    standoff_m: float
    wanted_standoff_m: float
    step: Step
    footprint_height_m: float
    speed_m_s: float
    ferry_speed_m_s: float
    overlap_rows: float
    edge_margin: float
    target_footprint_m: float
    fastest_m_s: float


def size(geometry: ShipGeometry, wishes: Wishes, budget: ErrorBudget, limits: Limits) -> Numbers:
    """The stand-off is the target's, or what safety asks for, or a little more where that saves a whole row."""
    camera, rules = wishes.camera, limits.planner
    wanted = camera.distance_m(wishes.target_gsd_mm)
    guesses = len(geometry.estimated & {"beam_m", "depth_m"})
    least = max(wanted, wishes.safety_distance_m + 2.0 * budget.y_m) + rules.estimate_margin_m * guesses
    standoff = _stretched(least, wanted, geometry.freeboard_m, wishes, limits)
    gsd_m = camera.gsd_mm(standoff) / 1000.0
    spacing = camera.width_px * gsd_m * (1.0 - wishes.overlap_along)
    if standoff > least:
        spacing = min(spacing, _room_m(standoff, wanted, geometry.freeboard_m, wishes, limits))
    speed = min(
        wishes.speed_m_s,
        rules.blur_px * gsd_m / camera.exposure_s,
        spacing / camera.min_interval_s,
        fence_speed_m_s(standoff - wishes.safety_distance_m - 2.0 * budget.y_m, limits),
    )
    target_m = wishes.target_gsd_mm / 1000.0
    return Numbers(
        standoff_m=standoff,
        wanted_standoff_m=wanted,
        step=Step(spacing, rules.lane_turn_deg, min(speed * camera.min_interval_s, spacing)),
        footprint_height_m=camera.height_px * gsd_m,
        speed_m_s=speed,
        ferry_speed_m_s=min(
            rules.ferry_fast_m_s, fence_speed_m_s(standoff * rules.ferry_share - wishes.safety_distance_m, limits)
        ),
        overlap_rows=wishes.overlap_rows,
        edge_margin=rules.row_edge_margin,
        target_footprint_m=camera.height_px * target_m,
        fastest_m_s=min(rules.blur_px * target_m / camera.exposure_s, camera.width_px * target_m / 2.0 / camera.min_interval_s),
    )


def _stretched(least_m: float, wanted_m: float, freeboard_m: float, wishes: Wishes, limits: Limits) -> float:
    """The least stand-off, or the smallest longer one that needs fewer rows while strip edges keep to the tolerated distance."""
    rules, camera = limits.planner, wishes.camera

    def rows(standoff_m: float) -> int:
        footprint = camera.height_px * camera.gsd_mm(standoff_m) / 1000.0
        return row_count(freeboard_m, footprint, wishes.overlap_rows, rules.row_edge_margin)

    best = least_m
    for stretch in _STRETCHES:
        longer = least_m * stretch
        room = _room_m(longer, wanted_m, freeboard_m, wishes, limits)
        if room >= wishes.speed_m_s * camera.min_interval_s and rows(longer) < rows(best):
            best = longer
    return best


def _room_m(standoff_m: float, wanted_m: float, freeboard_m: float, wishes: Wishes, limits: Limits) -> float:
    """How far apart photos may be so that the second nearest still sees the strip's edge at the tolerated distance; 0 = not."""
    camera = wishes.camera
    high = min(camera.height_px * camera.gsd_mm(standoff_m) / 1000.0, freeboard_m) / 2.0
    square = (0.99 * limits.planner.gsd_tolerance * wanted_m) ** 2 - standoff_m**2 - high**2
    return float(np.sqrt(square)) if square > 0.0 else 0.0


def fence_speed_m_s(room_m: float, limits: Limits) -> float:
    """Fastest speed whose fence overshoot fits into `room_m`; never below 1 m/s."""
    for speed in np.arange(10.0, 1.0, -0.5):
        if limits.overshoot_m(float(speed)) <= room_m:
            return float(speed)
    return 1.0
