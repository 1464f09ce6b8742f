"""Owns how much of a hull a set of photos sees: patches seen once and twice, sharp and steep enough.

Never decides where photos are taken. Used for plans, for flown surveys and in the tests' scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.geo import Float
from core.hullform import HullForm
from core.ship import Side
from drone.model import Coverage, SurveyCamera
from drone.pose import CameraPose

_MAX_PATCHES = 9000


@dataclass(frozen=True, slots=True)
class ViewRule:
    """A patch counts as seen up to this distance (given as the GSD of a surface square to the camera there) and incidence; and as
    seen sharply when its own ground sample distance, with obliquity, keeps to the same limit.
    """

    max_gsd_mm: float
    max_incidence_deg: float


class Reachable(Protocol):
    """Which patches some allowed camera could see: centres (n, 3), normals (n, 3) -> (n,)."""

    def __call__(self, centres: Float, normals: Float) -> NDArray[np.bool_]: ...


@dataclass(frozen=True, slots=True)
class Skin:
    """Patches of the hull that count: centres (n, 3), normals (n, 3), areas (n,), sorted by x."""

    centres: Float
    normals: Float
    areas: Float

    @property
    def area_m2(self) -> float:
        return float(np.sum(self.areas))


def skin_of(hull: HullForm, sides: tuple[Side, ...], z_low_m: float, reachable: Reachable | None = None) -> Skin:
    """The patches of the sides above `z_low_m`, or what of them is reachable."""
    cut = [hull.patches(side, z_low_m, _cell_m(hull, z_low_m)) for side in sides]
    centres, normals, areas = (np.concatenate([one[part] for one in cut]) for part in range(3))
    order = np.argsort(centres[:, 0], kind="stable")
    centres, normals, areas = centres[order], normals[order], areas[order]
    if reachable is not None:
        can = reachable(centres, normals)
        centres, normals, areas = centres[can], normals[can], areas[can]
    return Skin(centres, normals, areas)


def measure(
    hull: HullForm, sides: tuple[Side, ...], camera: SurveyCamera, poses: list[CameraPose], rule: ViewRule, z_low_m: float
) -> Coverage:
    """Area-weighted share of the sides above `z_low_m` that at least one and two photos see."""
    return measure_skin(skin_of(hull, sides, z_low_m), camera, poses, rule)


def measure_skin(skin: Skin, camera: SurveyCamera, poses: list[CameraPose], rule: ViewRule) -> Coverage:
    """Area-weighted share of a skin that at least one and two photos see.

    GSD of a patch = depth along the optical axis x pitch / (focal x cos incidence). The hull is taken as convex, so a patch
    that faces the camera is not hidden by the ship itself.
    """
    views, sharp = _views(skin, camera, poses, rule)
    total = skin.area_m2
    parts = (np.sum(skin.areas[seen]) for seen in (views >= 2, views >= 1, sharp >= 2))
    shares = [round(100.0 * float(part) / total, 2) if total > 0.0 else 0.0 for part in parts]
    return Coverage(seen2_pct=shares[0], seen1_pct=shares[1], area_m2=round(total, 1), sharp2_pct=shares[2])


def _cell_m(hull: HullForm, z_low_m: float) -> float:
    area = hull.geometry.loa_m * (hull.geometry.depth_m - z_low_m)
    return float(np.clip(np.sqrt(area / _MAX_PATCHES), 0.25, 1.0))


def _views(skin: Skin, camera: SurveyCamera, poses: list[CameraPose], rule: ViewRule) -> tuple[Float, Float]:
    """(n,) number of photos that see each patch well enough, and sharply. Patches are searched by x, where photos are local."""
    x_sorted = skin.centres[:, 0]
    counts, sharp = np.zeros(len(x_sorted)), np.zeros(len(x_sorted))
    scale = camera.pitch_um / 1000.0 / camera.focal_mm
    half_x, half_y = camera.width_px / 2.0 * scale, camera.height_px / 2.0 * scale
    cos_limit = np.cos(np.radians(rule.max_incidence_deg))
    reach = rule.max_gsd_mm / 1000.0 / scale
    for pose in poses:
        low, high = np.searchsorted(x_sorted, [pose.centre_m[0] - reach, pose.centre_m[0] + reach])
        relative = skin.centres[low:high] - pose.centre_m
        in_camera = relative @ pose.rotation
        depth = in_camera[:, 2]
        distance = np.linalg.norm(relative, axis=1)
        cosine = -np.einsum("ij,ij->i", relative, skin.normals[low:high]) / np.maximum(distance, 1e-9)
        good = (depth > 0.1) & (np.abs(in_camera[:, 0]) <= half_x * depth) & (np.abs(in_camera[:, 1]) <= half_y * depth)
        good &= (cosine >= cos_limit) & (distance <= reach)
        counts[low:high] += good
        sharp[low:high] += good & (depth <= reach * cosine)
    return counts, sharp
