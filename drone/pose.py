"""Owns the pinhole camera and its pose: camera frame (x right, y down, z forward), ship frame, quaternions.

Never knows MAVLink; free of I/O.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.geo import Float
from core.hullform import HullForm, HullHits
from core.ship import ShipPose
from drone.model import SurveyCamera

_UNDISTORT_ROUNDS = 25


@dataclass(frozen=True, slots=True)
class CameraPose:
    """`centre_m` (3,) in the ship frame; `rotation` (3, 3): columns are the camera's right, down and forward axes
    in the ship frame.
    """

    centre_m: Float
    rotation: Float

    @property
    def q_xyzw(self) -> tuple[float, float, float, float]:
        return quaternion_from_matrix(self.rotation)

    @classmethod
    def from_quaternion(cls, centre_m: Float, q_xyzw: tuple[float, float, float, float]) -> CameraPose:
        return cls(np.asarray(centre_m, dtype=float), matrix_from_quaternion(q_xyzw))


def camera_axes_enu(yaw_deg_true: float, pitch_deg: float, roll_deg: float = 0.0) -> Float:
    """(3, 3) camera axes as columns in east-north-up, for an optical axis at a true azimuth and an elevation
    (negative looks down); roll is positive clockwise as the camera sees it.
    """
    yaw, pitch, roll = (math.radians(value) for value in (yaw_deg_true, pitch_deg, roll_deg))
    forward = np.array([math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
    right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    down = np.cross(forward, right)
    rolled_right = math.cos(roll) * right + math.sin(roll) * down
    return np.stack([rolled_right, np.cross(forward, rolled_right), forward], axis=1)


def pose_in_ship(
    ship: ShipPose, draught_m: float, enu_m: Float, yaw_deg_true: float, pitch_deg: float, roll_deg: float = 0.0
) -> CameraPose:
    """Camera pose in the ship frame from its place (3,) in metres around the ship's origin and its attitude."""
    centre = ship.from_enu(np.asarray(enu_m, dtype=float), draught_m)[0]
    return CameraPose(centre, ship.ship_to_enu.T @ camera_axes_enu(yaw_deg_true, pitch_deg, roll_deg))


def look_angles(direction_enu: Float) -> tuple[float, float]:
    """(yaw 0..360 deg true, pitch deg) of a direction in east-north-up."""
    east, north, up = (float(value) for value in direction_enu)
    return math.degrees(math.atan2(east, north)) % 360.0, math.degrees(math.atan2(up, math.hypot(east, north)))


def rays(camera: SurveyCamera, pose: CameraPose, pixels: Float) -> Float:
    """(n, 3) unit rays in the ship frame through pixels (n, 2); pixel centres lie at whole numbers plus a half."""
    scale = camera.pitch_um / 1000.0 / camera.focal_mm
    x = (pixels[:, 0] - camera.width_px / 2.0) * scale
    y = (pixels[:, 1] - camera.height_px / 2.0) * scale
    x, y = _undistorted(x, y, camera.dist)
    in_camera = np.stack([x, y, np.ones_like(x)], axis=1)
    in_ship = in_camera @ pose.rotation.T
    return np.asarray(in_ship / np.linalg.norm(in_ship, axis=1, keepdims=True))


def pixel_to_hull(camera: SurveyCamera, pose: CameraPose, pixels: Float, hull: HullForm) -> HullHits:
    """Where the rays through pixels (n, 2) meet the hull."""
    return hull.intersect(pose.centre_m, rays(camera, pose, np.atleast_2d(np.asarray(pixels, dtype=float))))


def hull_to_pixel(camera: SurveyCamera, pose: CameraPose, points_m: Float) -> Float:
    """(n, 2) pixels of ship-frame points (n, 3); NaN behind the camera."""
    in_camera = (np.atleast_2d(points_m) - pose.centre_m) @ pose.rotation
    focal_px = camera.focal_mm * 1000.0 / camera.pitch_um
    depth = np.where(in_camera[:, 2] > 1e-6, in_camera[:, 2], np.nan)
    x, y = _distorted(in_camera[:, 0] / depth, in_camera[:, 1] / depth, camera.dist)
    return np.stack([x * focal_px + camera.width_px / 2.0, y * focal_px + camera.height_px / 2.0], axis=1)


def _distorted(x: Float, y: Float, dist: tuple[float, float, float, float, float]) -> tuple[Float, Float]:
    """Normalised image coordinates through a lens: radial and tangential terms k1 k2 p1 p2 k3, as OpenCV has them."""
    k1, k2, p1, p2, k3 = dist
    if not any(dist):
        return x, y
    square = x * x + y * y
    radial = 1.0 + square * (k1 + square * (k2 + square * k3))
    return (
        x * radial + 2.0 * p1 * x * y + p2 * (square + 2.0 * x * x),
        y * radial + p1 * (square + 2.0 * y * y) + 2.0 * p2 * x * y,
    )


def _undistorted(x: Float, y: Float, dist: tuple[float, float, float, float, float]) -> tuple[Float, Float]:
    """Inverse of `_distorted` by fixed-point steps; below 1e-9 for the lenses of survey cameras."""
    if not any(dist):
        return x, y
    straight_x, straight_y = x, y
    for _ in range(_UNDISTORT_ROUNDS):
        bent_x, bent_y = _distorted(straight_x, straight_y, dist)
        straight_x, straight_y = straight_x + x - bent_x, straight_y + y - bent_y
    return straight_x, straight_y


def quaternion_from_matrix(rotation: Float) -> tuple[float, float, float, float]:
    """x, y, z, w with w >= 0 (the largest component is computed first, so that no division is by a small number)."""
    m = rotation
    squares = np.array(
        [
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
            1 + m[0, 0] + m[1, 1] + m[2, 2],
        ]
    )
    largest = int(np.argmax(squares))
    s = 2.0 * math.sqrt(float(squares[largest]))
    off = {
        (0, 1): m[0, 1] + m[1, 0],
        (0, 2): m[0, 2] + m[2, 0],
        (1, 2): m[1, 2] + m[2, 1],
        (0, 3): m[2, 1] - m[1, 2],
        (1, 3): m[0, 2] - m[2, 0],
        (2, 3): m[1, 0] - m[0, 1],
    }
    q = [s / 4.0 if i == largest else float(off[min(i, largest), max(i, largest)]) / s for i in range(4)]
    sign = -1.0 if q[3] < 0 else 1.0
    return (sign * q[0], sign * q[1], sign * q[2], sign * q[3])


def matrix_from_quaternion(q_xyzw: tuple[float, float, float, float]) -> Float:
    """(3, 3) rotation of a unit quaternion."""
    x, y, z, w = (value / math.sqrt(sum(part * part for part in q_xyzw)) for value in q_xyzw)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
