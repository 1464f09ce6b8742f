"""Owns reading a survey folder (`yunjian.survey/1`, contracts.md) and the geometry of its photos: rays out, points in.

Never looks at pixels. Camera frame x right, y down, z forward; `q_ship_xyzw` turns it into the ship frame; pixel centres lie at
whole numbers plus a half. `cov_6x6` is of x y z (m2) and of small rotations about the ship's axes (rad2).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import InputError
from core.geo import Float
from core.ship import ShipGeometry, XOrigin
from inspection.hull.packs import detector_pack


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Ship(_Part):
    loa_m: float
    beam_m: float
    depth_m: float
    draught_m: float
    x_origin: XOrigin = "stern_end"
    estimated: list[str] = []
    form: str = "merchant"


class SurveyCamera(_Part):
    """Pinhole with OpenCV distortion k1 k2 p1 p2 k3."""

    focal_mm: float = Field(gt=0)
    pitch_um: float = Field(gt=0)
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    dist: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    @property
    def focal_px(self) -> float:
        return self.focal_mm * 1000.0 / self.pitch_um

    @property
    def matrix(self) -> Float:
        """(3, 3) intrinsics for pixel coordinates with centres at whole numbers plus a half."""
        return np.array([[self.focal_px, 0, self.width_px / 2], [0, self.focal_px, self.height_px / 2], [0, 0, 1]])


class SurveyPhoto(_Part):
    file: str
    sha256: str
    c_ship_m: tuple[float, float, float] | None = None
    q_ship_xyzw: tuple[float, float, float, float] | None = None
    cov_6x6: list[list[float]] | None = None


class Survey(_Part):
    schema_: Literal["yunjian.survey/1"] = Field(alias="schema")
    ship: _Ship
    draught_m: float
    camera: SurveyCamera
    photos: list[SurveyPhoto]
    simulated: bool

    @property
    def geometry(self) -> ShipGeometry:
        ship = self.ship
        estimated = frozenset(ship.estimated)
        return ShipGeometry(ship.loa_m, ship.beam_m, ship.depth_m, self.draught_m, ship.x_origin, estimated, ship.form)


def read_survey(folder: Path) -> Survey:
    """Raises InputError: no survey.json, not of this schema, or dimensions of an impossible ship."""
    path = folder / "survey.json"
    if not path.is_file():
        raise InputError("hull.survey_missing", folder=str(folder))
    try:
        survey = Survey.model_validate_json(path.read_text(encoding="utf-8"))
        _ = survey.geometry
    except ValidationError as error:
        first = error.errors()[0]
        detail = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise InputError("hull.survey_broken", folder=str(folder), detail=detail) from error
    except ValueError as error:
        raise InputError("hull.survey_broken", folder=str(folder), detail=str(error)) from error
    return survey


@dataclass(frozen=True, slots=True)
class View:
    """A photo with a pose: `centre_m` (3,) and `rotation` (3, 3) camera to ship; `covariance` (6, 6)."""

    file: str
    sha256: str
    camera: SurveyCamera
    centre_m: Float
    rotation: Float
    covariance: Float

    def in_ship(self, pixels: Float) -> Float:
        """(n, 3) unit rays in the ship frame through pixels (n, 2)."""
        flat = np.asarray(pixels, dtype=float).reshape(-1, 1, 2)
        if any(self.camera.dist):
            plane = cv2.undistortPoints(flat, self.camera.matrix, np.array(self.camera.dist)).reshape(-1, 2)
        else:
            size = np.array([self.camera.width_px / 2, self.camera.height_px / 2])
            plane = (flat.reshape(-1, 2) - size) / self.camera.focal_px
        rays = np.column_stack([plane, np.ones(len(plane))]) @ self.rotation.T
        return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))

    def to_pixels(self, points_m: Float) -> Float:
        """(n, 2) pixels of ship-frame points (n, 3); NaN behind the camera or outside the picture."""
        local = (np.atleast_2d(points_m) - self.centre_m) @ self.rotation
        ahead = local[:, 2] > 1e-6
        pixels = np.full((len(local), 2), np.nan)
        if ahead.any():
            flat, _ = cv2.projectPoints(local[ahead], np.zeros(3), np.zeros(3), self.camera.matrix, np.array(self.camera.dist))
            pixels[ahead] = flat.reshape(-1, 2)
        inside = (pixels >= 0).all(axis=1) & (pixels <= [self.camera.width_px, self.camera.height_px]).all(axis=1)
        pixels[~inside] = np.nan
        return pixels

    def gsd_mm(self, distance_m: float) -> float:
        """Millimetres per pixel on a surface square to the ray at this distance."""
        return distance_m * 1000.0 / self.camera.focal_px


def views_of(survey: Survey) -> list[View]:
    """The photos that have a pose, in the survey's order."""
    fallback = np.diag([detector_pack().map.missing_pose_sigma_m ** 2] * 3 + [0.01**2] * 3)
    views = []
    for photo in survey.photos:
        if photo.c_ship_m is None or photo.q_ship_xyzw is None:
            continue
        covariance = fallback if photo.cov_6x6 is None else np.array(photo.cov_6x6, dtype=float)
        views.append(
            View(
                file=photo.file,
                sha256=photo.sha256,
                camera=survey.camera,
                centre_m=np.array(photo.c_ship_m),
                rotation=rotation_of(photo.q_ship_xyzw),
                covariance=covariance,
            )
        )
    return views


def rotation_of(q_xyzw: tuple[float, float, float, float]) -> Float:
    """(3, 3) matrix of a quaternion; it is normalised first."""
    x, y, z, w = np.array(q_xyzw, dtype=float) / np.linalg.norm(q_xyzw)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
