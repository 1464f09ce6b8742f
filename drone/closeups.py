"""Owns the close-up list: for each place that the checklist wants to see near by, where a camera would stand and how it would look.

Never flies them by itself: the pilot takes them by hand or as points of interest after the passes; what cannot be reached says why.
"""

from __future__ import annotations

import numpy as np

from core.geo import Float
from core.hullform import HullForm
from core.ship import ShipPose, Side
from drone.airspace import Airspace
from drone.lanes import Reach, outline, outline_distance_m
from drone.model import CameraSpec, CloseUpShot
from drone.pose import look_angles
from drone.site import CloseUp, close_ups


def close_up_shots(
    hull: HullForm, pose: ShipPose, reach: Reach, quay: Airspace, camera: CameraSpec, items: frozenset[str]
) -> list[CloseUpShot]:
    """The shots for the checklist items asked for (all with an empty set). `quay` = level areas besides the ship's own."""
    found = []
    for wanted in close_ups():
        if items and wanted.item not in items:
            continue
        sides: tuple[Side, ...] = ("stern",) if wanted.side == "stern" else ("port", "starboard")
        found += [_shot(hull, pose, reach, quay, camera, wanted, side) for side in sides]
    return found


def _shot(
    hull: HullForm, pose: ShipPose, reach: Reach, quay: Airspace, camera: CameraSpec, wanted: CloseUp, side: Side
) -> CloseUpShot:
    geometry = hull.geometry
    base = geometry.draught_m if wanted.above == "waterline" else geometry.depth_m
    height = base + wanted.height_m
    x = np.array([wanted.x * geometry.loa_m])
    on_shell = np.array([min(height, geometry.depth_m)])
    target = np.array([0.0, 0.0, height]) if side == "stern" else hull.surface(x, on_shell, side)[0]
    target[2] = height
    outward = np.array([-1.0, 0.0, 0.0]) if side == "stern" else hull.normal(x, on_shell, side)[0]
    outward[2] = 0.0
    outward /= np.linalg.norm(outward)
    away = max(camera.distance_m(wanted.gsd_mm), reach.clear_m)
    centre = target + away * outward
    short = reach.clear_m - float(outline_distance_m(outline(hull), centre[None, :2])[0])
    centre += max(0.0, short) / 0.7 * outward  # where the deck flares over the shell the way out is a little slanted
    centre[2] = max(height, reach.floor_m)
    at, look = pose.to_enu(centre, geometry.draught_m)[0], pose.to_enu(target, geometry.draught_m)[0]
    yaw, pitch = look_angles(look - at)
    behind = reach.towards * centre[1] > reach.quay_limit_m if reach.towards else False
    blocked = "quay" if behind else "" if bool(quay.outside(at[:2])[0]) else "keep_out"
    return CloseUpShot(
        id=wanted.id, item_ref=wanted.item, side=side, place_enu_m=_rounded(at), yaw_deg_true=round(yaw, 1),
        gimbal_pitch_deg=round(pitch, 1), gsd_mm=round(camera.gsd_mm(float(np.linalg.norm(look - at))), 2),
        wanted_gsd_mm=wanted.gsd_mm, above_water_m=round(height - geometry.draught_m, 2), above_baseline_m=round(height, 2),
        blocked_by=blocked,
    )  # fmt: skip


def _rounded(point: Float) -> tuple[float, float, float]:
    return (round(float(point[0]), 2), round(float(point[1]), 2), round(float(point[2]), 2))
