"""Owns how much of a hull a set of photos sees: patches seen once and twice, sharp and steep enough.

Never decides where photos are taken. Used for plans, for flown surveys and in the tests' scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.geo import Float
from core.hullform import HullForm
from core.ship import Side
from drone.model import Coverage, SurveyCamera
from drone.pose import CameraPose

_MAX_PATCHES = 9000


@dataclass(frozen=True, slots=True)
class ViewRule:
    """A patch counts as seen up to this ground sample distance and incidence."""

    max_gsd_mm: float
    max_incidence_deg: float


def measure(
    hull: HullForm, sides: tuple[Side, ...], camera: SurveyCamera, poses: list[CameraPose], rule: ViewRule, z_low_m: float
) -> Coverage:
    """Area-weighted share of the sides above `z_low_m` that at least one and two photos see.

    GSD of a patch = depth along the optical axis x pitch / (focal x cos incidence). The hull is convex, so a patch
    that faces the camera is not hidden by the ship itself.
    """
    seen1 = seen2 = total = 0.0
    for side in sides:
        centres, normals, areas = hull.patches(side, z_low_m, _cell_m(hull, z_low_m))
        views = _views(centres, normals, camera, poses, rule)
        total += float(np.sum(areas))
        seen1 += float(np.sum(areas[views >= 1]))
        seen2 += float(np.sum(areas[views >= 2]))
    if total <= 0.0:
        return Coverage(seen2_pct=0.0, seen1_pct=0.0, area_m2=0.0)
    return Coverage(
        seen2_pct=round(100.0 * seen2 / total, 2), seen1_pct=round(100.0 * seen1 / total, 2), area_m2=round(total, 1)
    )


def _cell_m(hull: HullForm, z_low_m: float) -> float:
    area = hull.geometry.loa_m * (hull.geometry.depth_m - z_low_m)
    return float(np.clip(np.sqrt(area / _MAX_PATCHES), 0.25, 1.0))


def _views(centres: Float, normals: Float, camera: SurveyCamera, poses: list[CameraPose], rule: ViewRule) -> Float:
    """(n,) number of photos that see each patch well enough. Patches are searched by x, where photos are local."""
    order = np.argsort(centres[:, 0], kind="stable")
    x_sorted = centres[order, 0]
    sorted_centres, sorted_normals = centres[order], normals[order]
    counts = np.zeros(len(order))
    scale = camera.pitch_um / 1000.0 / camera.focal_mm
    half_x, half_y = camera.width_px / 2.0 * scale, camera.height_px / 2.0 * scale
    cos_limit = np.cos(np.radians(rule.max_incidence_deg))
    for pose in poses:
        # A patch may be at most this far away: its GSD grows with depth along the axis.
        reach = rule.max_gsd_mm / 1000.0 / scale * np.hypot(1.0, np.hypot(half_x, half_y))
        low, high = np.searchsorted(x_sorted, [pose.centre_m[0] - reach, pose.centre_m[0] + reach])
        relative = sorted_centres[low:high] - pose.centre_m
        in_camera = relative @ pose.rotation
        depth = in_camera[:, 2]
        distance = np.linalg.norm(relative, axis=1)
        cosine = -np.einsum("ij,ij->i", relative, sorted_normals[low:high]) / np.maximum(distance, 1e-9)
        good = (depth > 0.1) & (np.abs(in_camera[:, 0]) <= half_x * depth) & (np.abs(in_camera[:, 1]) <= half_y * depth)
        good &= (cosine >= cos_limit) & (depth * scale * 1000.0 <= rule.max_gsd_mm * cosine)
        counts[low:high] += good
    result = np.empty_like(counts)
    result[order] = counts
    return result
