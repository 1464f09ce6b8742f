"""Owns carrying one photo's findings onto the hull: outline, place with its error ellipse, and true area.

Never merges photos. On the sides, hull coordinates are (x_m, z_m); on the stern (y_m, z_m), y to port.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from core.geo import Float
from core.hullform import PART_CODES, HullForm
from core.ship import ShipGeometry
from inspection.hull.classes import ClassId
from inspection.hull.findings import Finding
from inspection.hull.packs import detector_pack
from inspection.hull.survey import View

ShellSide = Literal["port", "starboard", "stern"]
SHELL: tuple[ShellSide, ...] = ("port", "starboard", "stern")
_STEPS = np.array([0.05] * 3 + [0.002] * 3)  # for derivatives: metres, radians
_BORDER_PX = 12.0


@dataclass(frozen=True, slots=True)
class Observation:
    """One finding of one photo on the hull. `outline` (n, 2) and `centre` (2,) in hull coordinates; `covariance` (2, 2) m2;
    `whole` is False where the photo's edge cuts it off.
    """

    view: View
    finding: Finding
    class_id: ClassId
    side: ShellSide
    outline: Float
    centre: Float
    covariance: Float
    area_cm2: float
    gsd_mm: float
    whole: bool

    @property
    def box(self) -> Float:
        """(4,) low first, low second, high first, high second coordinate."""
        return np.concatenate([self.outline.min(axis=0), self.outline.max(axis=0)])


def on_side(points_m: Float, side: ShellSide) -> Float:
    """(n, 2) hull coordinates of ship-frame points (n, 3)."""
    return np.asarray(points_m[:, [1 if side == "stern" else 0, 2]])


def project(view: View, findings: list[Finding], geometry: ShipGeometry) -> list[Observation]:
    """Observations of the findings that lie on the shell; those on deck, off the hull or seen too flat are left out."""
    hull, observations = HullForm(geometry), []
    for finding in findings:
        observation = _one(view, finding, hull)
        if observation is not None:
            observations.append(observation)
    return observations


def _one(view: View, finding: Finding, hull: HullForm) -> Observation | None:
    pack = detector_pack().map
    polygon = np.array(finding.polygon_px, dtype=float)
    centre_px = _centroid(polygon)
    hits = hull.intersect(view.centre_m, view.in_ship(np.vstack([centre_px, polygon])))
    counts = {side: int((hits.part[1:] == PART_CODES[side]).sum()) for side in SHELL}
    side = max(SHELL, key=lambda name: counts[name])
    if counts[side] < (1.0 - pack.off_hull_share) * len(polygon):
        return None
    if hits.part[0] != PART_CODES[side]:
        return None
    normal = hull.normal(hits.point_m[:1, 0], hits.point_m[:1, 2], side)[0]
    ray = (hits.point_m[0] - view.centre_m) / hits.distance_m[0]
    cosine = float(-ray @ normal)
    if cosine < np.cos(np.radians(pack.max_incidence_deg)):
        return None
    outline = on_side(hits.point_m[1:][hits.part[1:] == PART_CODES[side]], side)
    around = hull.intersect(view.centre_m, view.in_ship(centre_px + np.array([[-2.0, 0], [2.0, 0], [0, -2.0], [0, 2.0]])))
    gsd = view.gsd_mm(float(hits.distance_m[0]))
    per_pixel_m2 = _pixel_area(on_side(around.point_m, side), gsd) / max(abs(float(normal[0 if side == "stern" else 1])), 0.2)
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    size = np.array([view.camera.width_px, view.camera.height_px])
    return Observation(
        view=view,
        finding=finding,
        class_id=ClassId(finding.class_id),
        side=side,
        outline=outline,
        centre=on_side(hits.point_m[:1], side)[0],
        covariance=_covariance(view, centre_px, hull, side, gsd),
        area_cm2=finding.area_px * per_pixel_m2 * 1e4,
        gsd_mm=gsd,
        whole=bool((low > _BORDER_PX).all() and (high < size - _BORDER_PX).all()),
    )


def _centroid(polygon: Float) -> Float:
    """(1, 2) centre of area; of the corners where the polygon has no area."""
    moments = cv2.moments(polygon.astype(np.float32))
    if moments["m00"] < 1e-6:
        return np.asarray(polygon.mean(axis=0, keepdims=True))
    return np.array([[moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]]])


def _pixel_area(points: Float, gsd_mm: float) -> float:
    """m2 of hull-coordinate plane per pixel, from the four neighbours 2 px away; squarely seen plate where a ray missed."""
    across, down = (points[1] - points[0]) / 4.0, (points[3] - points[2]) / 4.0
    area = abs(float(across[0] * down[1] - across[1] * down[0]))
    return area if np.isfinite(area) else (gsd_mm / 1000.0) ** 2


def _covariance(view: View, centre_px: Float, hull: HullForm, side: ShellSide, gsd_mm: float) -> Float:
    """(2, 2) error of the place: the pose's covariance carried through by central differences, and the pixel's own error."""
    ray = view.in_ship(centre_px)[0]
    origins, rays = [], []
    for axis in range(6):
        for sign in (-1.0, 1.0):
            shift = np.zeros(6)
            shift[axis] = sign * _STEPS[axis]
            origins.append(view.centre_m + shift[:3])
            rays.append(cv2.Rodrigues(shift[3:])[0] @ ray)
    hits = hull.intersect(np.array(origins), np.array(rays))
    points = on_side(hits.point_m, side)
    slope = ((points[1::2] - points[0::2]) / (2.0 * _STEPS[:, None])).T
    pixel = np.eye(2) * (detector_pack().map.pixel_sigma_px * gsd_mm / 1000.0) ** 2
    if not np.isfinite(slope).all():
        return np.asarray(np.eye(2) * float(np.trace(view.covariance[:3, :3])) + pixel)
    return np.asarray(slope @ view.covariance @ slope.T + pixel)
