"""Owns the hull fix: from marks on a few photos (stem, transom corners, draught marks) to where the ship really is, and from
there a pixel's place on the hull with its 95 % ellipse.

Never finds marks itself: an operator or a detector does. Pure numpy, no I/O.

Unknowns: shift of the ship's frame along x, y, z (m; z = error of the assumed draught) and turn of the heading (rad), common to
all photos; and for each photo the yaw and pitch error of its camera, which the gimbal's own noise bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.geo import Float
from core.hullform import HullForm
from drone.model import SurveyCamera
from drone.packs import ErrorBudget, HullFixNumbers
from drone.pose import CameraPose, hull_to_pixel, pixel_to_hull

_COMMON = 4
_ROUNDS = 12
_CHI2_95 = 5.991  # two degrees of freedom


@dataclass(frozen=True, slots=True)
class Mark:
    """A known point of the ship (3,) seen at a pixel (2,) of photo number `photo`."""

    photo: int
    pixel: tuple[float, float]
    point_m: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class HullFix:
    """Correction of poses that were made with a wrong ship pose. `covariance` (4, 4) of x, y, z (m) and heading (rad)."""

    shift_m: Float
    turn_rad: float
    pivot_m: Float
    covariance: Float
    residual_px: float

    def apply(self, pose: CameraPose) -> CameraPose:
        return _moved(pose, np.array([*self.shift_m, self.turn_rad, 0.0, 0.0]), self.pivot_m)


@dataclass(frozen=True, slots=True)
class HullPlace:
    """A pixel on the hull: along and height in metres, side code of `core.hullform`, and its covariance (2, 2) in m2."""

    x_m: float
    z_m: float
    part: int
    covariance: Float

    def holds(self, x_m: float, z_m: float) -> bool:
        """Whether the 95 % ellipse contains a place."""
        off = np.array([x_m - self.x_m, z_m - self.z_m])
        return float(off @ np.linalg.solve(self.covariance, off)) <= _CHI2_95


def solve(
    marks: list[Mark], poses: list[CameraPose], camera: SurveyCamera, prior: ErrorBudget, numbers: HullFixNumbers
) -> HullFix:
    """Least squares over all marks, with the prior of the ship-pose source and of the gimbal.

    Raises InputError `drone.hull_fix` with too few marks or photos, or marks that do not fit together (a wrong one among them).
    """
    photos = sorted({mark.photo for mark in marks})
    if len(marks) < numbers.least_marks or len(photos) < numbers.least_photos:
        raise InputError("drone.hull_fix", reason=f"{len(marks)} marks on {len(photos)} photos")
    pivot = np.mean([poses[photo].centre_m for photo in photos], axis=0)
    # A vehicle's own error of a few centimetres looks like a small turn of its camera: the marks lie at one distance.
    away = np.median([np.linalg.norm(np.array(mark.point_m) - poses[mark.photo].centre_m) for mark in marks])
    gimbal = math.hypot(math.radians(numbers.attitude_deg), numbers.vehicle_height_m / float(away))
    sigmas = np.array([prior.x_m, prior.y_m, prior.z_m, math.radians(prior.yaw_deg), *([gimbal] * 2 * len(photos))])
    values = np.zeros(len(sigmas))
    for _ in range(_ROUNDS):
        residual, jacobian = _linear(marks, photos, poses, camera, values, pivot)
        normal = jacobian.T @ jacobian / numbers.mark_px**2 + np.diag(sigmas**-2.0)
        step = np.linalg.solve(normal, jacobian.T @ residual / numbers.mark_px**2 - values / sigmas**2)
        values = values + step
        if float(np.max(np.abs(step / sigmas))) < 1e-4:
            break
    residual, jacobian = _linear(marks, photos, poses, camera, values, pivot)
    rms = float(np.sqrt(np.mean(residual**2)))
    if not math.isfinite(rms) or rms > numbers.worst_residual_px:
        raise InputError("drone.hull_fix", reason=f"residual {rms:.1f} px")
    information = jacobian.T @ jacobian / numbers.mark_px**2 + np.diag(sigmas**-2.0)
    covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
    return HullFix(
        values[:3],
        float(values[3]),
        np.asarray(pivot, dtype=np.float64),
        covariance[:_COMMON, :_COMMON],
        rms,
    )


def locate(
    fix: HullFix, camera: SurveyCamera, pose: CameraPose, pixel: tuple[float, float], hull: HullForm, numbers: HullFixNumbers
) -> HullPlace | None:
    """Where a pixel of any photo of the flight lies on the hull; None when its ray misses. The ellipse holds the fix, the
    gimbal's noise, the vehicle's own position and the pixel.
    """
    point = np.array([pixel])

    def place(values: Float, px: Float) -> tuple[Float, int]:
        moved = _moved(pose, values, fix.pivot_m)
        hits = pixel_to_hull(camera, moved, px, hull)
        return hits.point_m[0], int(hits.part[0])

    best = np.array([*fix.shift_m, fix.turn_rad, 0.0, 0.0])
    centre, part = place(best, point)
    if part == 0:
        return None
    steps = np.array([0.05, 0.05, 0.05, 0.002, 0.002, 0.002])
    columns = []
    for index, step in enumerate(steps):
        change = np.zeros(6)
        change[index] = step
        after, before = place(best + change, point)[0], place(best - change, point)[0]
        columns.append((after - before)[[0, 2]] / (2 * step))
    for axis in (0, 1):
        change_px = np.zeros((1, 2))
        change_px[0, axis] = 4.0
        columns.append((place(best, point + change_px)[0] - place(best, point - change_px)[0])[[0, 2]] / 8.0)
    jacobian = np.array(columns).T
    gimbal = math.radians(numbers.attitude_deg) ** 2
    vehicle = np.zeros((8, 8))
    vehicle[:4, :4] = fix.covariance
    vehicle[:3, :3] += np.diag(np.square([numbers.vehicle_m, numbers.vehicle_m, numbers.vehicle_height_m]))
    vehicle[4:, 4:] = np.diag([gimbal, gimbal, numbers.mark_px**2, numbers.mark_px**2])
    covariance = numbers.covariance_scale * (jacobian @ vehicle @ jacobian.T)
    if not np.all(np.isfinite(covariance)):
        return None
    return HullPlace(float(centre[0]), float(centre[2]), part, covariance)


def _linear(
    marks: list[Mark], photos: list[int], poses: list[CameraPose], camera: SurveyCamera, values: Float, pivot: Float
) -> tuple[Float, Float]:
    """Residuals (2 m,) seen minus modelled, and the Jacobian (2 m, n) of the model."""
    seen = np.array([mark.pixel for mark in marks]).ravel()
    modelled = _model(marks, photos, poses, camera, values, pivot)
    steps = np.where(np.arange(len(values)) < 3, 1e-3, 1e-5)
    jacobian = np.zeros((len(seen), len(values)))
    for index, step in enumerate(steps):
        change = np.zeros(len(values))
        change[index] = step
        up = _model(marks, photos, poses, camera, values + change, pivot)
        down = _model(marks, photos, poses, camera, values - change, pivot)
        jacobian[:, index] = (up - down) / (2 * step)
    return seen - modelled, jacobian


def _model(
    marks: list[Mark], photos: list[int], poses: list[CameraPose], camera: SurveyCamera, values: Float, pivot: Float
) -> Float:
    moved = {}
    for index, photo in enumerate(photos):
        own = values[_COMMON + 2 * index : _COMMON + 2 * index + 2]
        moved[photo] = _moved(poses[photo], np.array([*values[:_COMMON], *own]), pivot)
    pixels = [hull_to_pixel(camera, moved[mark.photo], np.array([mark.point_m]))[0] for mark in marks]
    return np.array(pixels).ravel()


def _moved(pose: CameraPose, values: Float, pivot: Float) -> CameraPose:
    """The pose with the ship's frame shifted and turned about `pivot`, and its own yaw and pitch error."""
    turn = _about_up(float(values[3]))
    pitch, yaw = float(values[5]), float(values[4])
    tilt = np.array([[1.0, 0.0, 0.0], [0.0, math.cos(pitch), -math.sin(pitch)], [0.0, math.sin(pitch), math.cos(pitch)]])
    return CameraPose(pivot + turn @ (pose.centre_m - pivot) + values[:3], turn @ _about_up(yaw) @ pose.rotation @ tilt)


def _about_up(angle: float) -> Float:
    sin, cos = math.sin(angle), math.cos(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
