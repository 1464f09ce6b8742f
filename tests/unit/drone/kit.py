"""What the drone tests share: a small ship, its pose, a painted ship file, ready wishes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from config import load_settings
from core.geo import LonLat
from core.hullform import HullForm
from core.ids import Imo
from core.ship import ShipGeometry, ShipPose, ShipRef
from drone.model import CameraSpec
from drone.packs import camera
from drone.sizing import Wishes

AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SHIP = ShipRef("YUN TEST", Imo(9074729))
GEOMETRY = ShipGeometry(90.0, 14.0, 7.0, 4.5)
POSE = ShipPose(LonLat(122.1, 40.3), 37.0, AT, "ais")
SMALL = replace(camera("survey_3mp_tele"), width_px=480, height_px=360, pixel_pitch_um=10.0)  # same view, fewer pixels


def wishes(**changes: object) -> Wishes:
    return replace(Wishes.from_settings(load_settings(environ={}).drone), **changes)


def small_camera() -> CameraSpec:
    return SMALL


def write_ship_file(folder: Path, geometry: ShipGeometry = GEOMETRY, mm_per_px: float = 20.0) -> Path:
    """Checker of 1 m squares on every part, one red patch (truth class 2) a part, hull class elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    half = float(HullForm(geometry).half_breadth(np.array(0.0), np.array(geometry.depth_m)))
    parts = {"port": (0.0, geometry.loa_m), "starboard": (0.0, geometry.loa_m)}
    parts["stern"] = (half, 2 * half)
    atlases = []
    for part, (x0, length) in parts.items():
        width, height = (int(np.ceil(metres * 1000 / mm_per_px)) for metres in (length, geometry.depth_m))
        rows, columns = np.mgrid[0:height, 0:width]
        squares = (np.floor(columns * mm_per_px / 1000) + np.floor(rows * mm_per_px / 1000)) % 2
        image = np.repeat((110 + 60 * squares)[..., None], 3, axis=2).astype(np.uint8)
        truth = np.ones((height, width), np.uint8)
        left, top = patch_corner(part, geometry)
        row = top_px(top, geometry, mm_per_px)
        box = np.s_[row : row + int(500 / mm_per_px)]
        column = int(left * 1000 / mm_per_px)
        image[box, column : column + int(500 / mm_per_px)] = (0, 0, 200)
        truth[box, column : column + int(500 / mm_per_px)] = 2
        cv2.imwrite(str(folder / f"{part}.png"), image)
        cv2.imwrite(str(folder / f"{part}_truth.png"), truth)
        atlases.append(
            {
                "part": part,
                "image": f"{part}.png",
                "truth": f"{part}_truth.png",
                "mm_per_px": mm_per_px,
                "x0_m": x0,
                "z0_m": geometry.depth_m,
            }
        )
    (folder / "ship.json").write_text(
        json.dumps(
            {
                "schema": "yunjian.shipfile/1",
                "geometry": {
                    "loa_m": geometry.loa_m,
                    "beam_m": geometry.beam_m,
                    "depth_m": geometry.depth_m,
                    "draught_m": geometry.draught_m,
                    "x_origin": geometry.x_origin,
                    "estimated": [],
                },
                "x_origin": geometry.x_origin,
                "draught_m": geometry.draught_m,
                "seed": 1,
                "atlases": atlases,
            }
        )
    )
    return folder


def patch_corner(part: str, geometry: ShipGeometry) -> tuple[float, float]:
    """Upper left corner of the 0.5 m red patch: metres from the atlas's first column, height z_m."""
    return (4.0 if part == "stern" else 40.0), geometry.depth_m - 0.6


def top_px(z_m: float, geometry: ShipGeometry, mm_per_px: float) -> int:
    return round((geometry.depth_m - z_m) * 1000 / mm_per_px)
