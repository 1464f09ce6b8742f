"""What the hull tests share: a small ship, a camera view of its side, and findings as rectangles on the hull."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.ids import Imo
from core.ship import ShipGeometry
from inspection.hull.findings import Detection, Finding, ModelRef, PhotoRef
from inspection.hull.survey import SurveyCamera, View
from inspection.hull.synth import ShipMarks

SHIP = ShipGeometry(90.0, 14.0, 7.6, 5.0)
SMALL = ShipGeometry(20.0, 5.0, 3.0, 2.0)
MARKS = ShipMarks("TEST 1", Imo(9074729), "YINGKOU")
CAMERA = SurveyCamera(focal_mm=12.0, pitch_um=3.75, width_px=1600, height_px=1200)  # 16 m away: 5 mm per pixel


def looking(centre: tuple[float, float, float], forward: tuple[float, float, float], name: str, sigma_m: float = 0.05) -> View:
    ahead = np.array(forward) / np.linalg.norm(forward)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(ahead, right), ahead], axis=1)
    covariance = np.diag([sigma_m**2] * 3 + [1e-3**2] * 3)
    return View(name, hashlib.sha256(name.encode()).hexdigest(), CAMERA, np.array(centre), rotation, covariance)


def port_view(x_m: float, name: str = "a.jpg") -> View:
    return looking((x_m, 23.0, 7.0), (0.0, -1.0, -0.05), name)


def rectangle(view: View, x: tuple[float, float], z: tuple[float, float], side: str = "port", class_id: int = 2) -> Finding:
    """The finding that a perfect detector would report for a rectangle of plate on the parallel midbody."""
    y = SHIP.beam_m / 2 * (1 if side == "port" else -1)
    corners = np.array([[x[0], y, z[0]], [x[1], y, z[0]], [x[1], y, z[1]], [x[0], y, z[1]]])
    seen = view.to_pixels(corners)
    polygon = [(float(u), float(v)) for u, v in seen]
    u, v = seen.T
    area = 0.5 * abs(float(np.dot(u, np.roll(v, -1)) - np.dot(v, np.roll(u, -1))))
    name = f"{view.file}-{x[0]}-{class_id}"
    return Finding(id=name, class_id=class_id, score=0.8, polygon_px=polygon, area_px=round(area), area_cm2=None)


def survey_folder(
    folder: Path, views: list[View], findings: dict[str, list[Finding]], bare: tuple[str, ...] = ()
) -> tuple[Path, Path]:
    """A survey and its detections as files; `bare` names photos without a pose."""
    survey, detections = folder / "survey", folder / "detections"
    survey.mkdir(parents=True)
    detections.mkdir()
    photos: list[dict[str, Any]] = [
        {
            "file": view.file, "sha256": view.sha256, "t_utc": "2026-11-24T02:00:00Z", "trigger_idx": 0,
            "c_ship_m": view.centre_m.tolist(), "q_ship_xyzw": quaternion(view.rotation), "cov_6x6": view.covariance.tolist(),
            "pose_source": "test",
        }
        for view in views
    ]  # fmt: skip
    photos += [{"file": name, "sha256": "0" * 64, "c_ship_m": None, "q_ship_xyzw": None, "cov_6x6": None} for name in bare]
    manifest = {
        "schema": "yunjian.survey/1", "draught_m": SHIP.draught_m, "simulated": True, "gaps": [], "photos": photos,
        "ship": {"loa_m": SHIP.loa_m, "beam_m": SHIP.beam_m, "depth_m": SHIP.depth_m, "draught_m": SHIP.draught_m},
        "camera": CAMERA.model_dump(mode="json"),
    }  # fmt: skip
    (survey / "survey.json").write_text(json.dumps(manifest), encoding="utf-8")
    for photo in photos:
        detection = Detection(
            model=ModelRef(sha256="1" * 64, name="test"),
            photo=PhotoRef(file=photo["file"], sha256=photo["sha256"], width=1600, height=1200, gsd_mm=None),
            findings=findings.get(photo["file"], []),
        )
        (detections / f"{Path(photo['file']).stem}.json").write_text(detection.to_json(), encoding="utf-8")
    return survey, detections


def pixels(path: Path) -> NDArray[np.uint8]:
    """An image file as it is."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image, np.uint8)


def quaternion(m: NDArray[np.float64]) -> list[float]:
    """x y z w of a rotation matrix whose trace is not -1."""
    values, vectors = np.linalg.eigh(
        np.array(
            [
                [m[0, 0] - m[1, 1] - m[2, 2], m[1, 0] + m[0, 1], m[2, 0] + m[0, 2], m[2, 1] - m[1, 2]],
                [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], m[2, 1] + m[1, 2], m[0, 2] - m[2, 0]],
                [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
                [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
            ]
        )
        / 3.0
    )
    return [float(value) for value in vectors[:, int(np.argmax(values))]]
