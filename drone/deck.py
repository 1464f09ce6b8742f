"""Owns the passes over the deck and around the superstructure, above everything that stands there.

Never flies near: the height is that of the highest obstacle and a margin, and the fence around the ship is replaced by that floor.
"""

from __future__ import annotations

import numpy as np

from core.geo import Float
from core.hullform import HullForm
from drone.lanes import Lane, Reach, Shot
from drone.model import CameraSpec
from drone.packs import PlannerNumbers

_NADIR_STEP_M = 0.01  # the point looked at lies so much ahead: straight down has no azimuth


def deck_height_m(hull: HullForm, rules: PlannerNumbers, air_draught_m: float | None) -> float:
    """Height of the passes in the ship frame: above the air draught as given, or the class default of the hull model."""
    geometry = hull.geometry
    top = geometry.draught_m + air_draught_m if air_draught_m is not None else geometry.depth_m + hull.shape.obstacle_m
    return float(max(top, geometry.depth_m) + rules.clear_above_m)


def deck_lanes(hull: HullForm, height_m: float, camera: CameraSpec, overlap_along: float, overlap_rows: float) -> list[Lane]:
    """Lines along the ship, looking straight down, so many that the beam is covered."""
    geometry = hull.geometry
    gsd_m = camera.gsd_mm(height_m - geometry.depth_m) / 1000.0
    wide, long = camera.width_px * gsd_m, camera.height_px * gsd_m  # the picture's width lies athwart
    count = 1 if geometry.beam_m <= wide else int(np.ceil((geometry.beam_m - wide) / (wide * (1.0 - overlap_rows)))) + 1
    edge = max(0.0, (geometry.beam_m - wide) / 2.0)
    shots = max(2, int(np.ceil(geometry.loa_m / (long * (1.0 - overlap_along)))) + 1)
    x = np.linspace(0.0, geometry.loa_m, shots)
    lanes = []
    for y in np.linspace(-edge, edge, count):
        targets = np.stack([x + _NADIR_STEP_M, np.full(shots, y), np.full(shots, geometry.depth_m)], axis=1)
        centres = np.stack([x, np.full(shots, y), np.full(shots, height_m)], axis=1)
        lanes.append(Lane(tuple(Shot(centre, target) for centre, target in zip(centres, targets, strict=True)), closed=False))
    return lanes


def house_lanes(hull: HullForm, height_m: float, reach: Reach, camera: CameraSpec, overlap_along: float) -> list[Lane]:
    """A line before each of the four faces of the superstructure, looking down at 45 degrees; not behind the quay's limit."""
    geometry, shape = hull.geometry, hull.shape
    aft, fore = (share * geometry.loa_m for share in shape.house)
    half = shape.house_width * geometry.beam_m / 2.0
    middle = geometry.depth_m + shape.house_m / 2.0
    away = height_m - middle
    step = camera.width_px * camera.gsd_mm(away * np.sqrt(2.0)) / 1000.0 * (1.0 - overlap_along)
    faces = [
        (np.array([fore, -half]), np.array([fore, half]), np.array([1.0, 0.0])),
        (np.array([fore, half]), np.array([aft, half]), np.array([0.0, 1.0])),
        (np.array([aft, half]), np.array([aft, -half]), np.array([-1.0, 0.0])),
        (np.array([aft, -half]), np.array([fore, -half]), np.array([0.0, -1.0])),
    ]
    lanes = []
    for start, end, out in faces:
        count = max(2, int(np.ceil(float(np.linalg.norm(end - start)) / step)) + 1)
        level = start + np.linspace(0.0, 1.0, count)[:, None] * (end - start)
        centres: Float = np.column_stack([level + away * out, np.full(count, height_m)])
        if reach.towards and float(np.max(reach.towards * centres[:, 1])) > reach.quay_limit_m:
            continue
        targets = np.column_stack([level, np.full(count, middle)])
        lanes.append(Lane(tuple(Shot(centre, target) for centre, target in zip(centres, targets, strict=True)), closed=False))
    return lanes
