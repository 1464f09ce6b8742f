"""Two simulated surveys of one ship, with rust planted between them: registration, growth with its error, and the refusal rules.

The masks are the renderer's truth, so that the comparison is tested, not the detector.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import InputError
from core.ship import ShipGeometry
from drone.model import CameraSpec
from drone.pose import CameraPose
from drone.sim.camera import Renderer
from drone.sim.shipfile import load_ship_file
from inspection.hull.cells import HullCell
from inspection.hull.classes import ClassId
from inspection.hull.compare import CellChange, Comparison, Flight
from inspection.hull.synth import write_ship_file
from tests.perf.bench_hull import looking
from tests.unit.hull.kit import MARKS, SMALL

CAMERA = CameraSpec("test", "test camera", 3.75, 12.0, 1600, 900, 1 / 1000, 1.0, True, "this test")
STEP_M = 0.005
PATCH = (9.4, 10.0, 2.4, 2.8)  # x from, to; z from, to
CELL = HullCell("port", (8.0, 2.0), (13.0, 3.0), 5.0, 1.0, None, None)


@pytest.fixture(scope="module")
def ships(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same ship twice; the second has rust that the first has not."""
    folder = tmp_path_factory.mktemp("ships")
    old, new = folder / "old", folder / "new"
    write_ship_file(old, 12, SMALL, MARKS, mm_per_px=5.0)
    shutil.copytree(old, new)
    columns = slice(round(PATCH[0] / STEP_M), round(PATCH[1] / STEP_M))
    rows = slice(round((SMALL.depth_m - PATCH[3]) / STEP_M), round((SMALL.depth_m - PATCH[2]) / STEP_M))
    for name, value in (("port.png", (40, 70, 130)), ("port_truth.png", int(ClassId.CORROSION))):
        sheet = cv2.imread(str(new / name), cv2.IMREAD_UNCHANGED)
        assert sheet is not None
        sheet[rows, columns] = value
        cv2.imwrite(str(new / name), sheet)
    return old, new


def fly(ship: Path, folder: Path, *, off: tuple[float, float, float] = (0.0, 0.0, 0.0), standoff_m: float = 16.0, light: float = 1.0,
        turn_deg: float = 0.0, geometry: ShipGeometry = SMALL) -> Flight:  # fmt: skip
    """One photo of the port side; `off` is how far the stated place is from the true one."""
    survey, detections = folder / "survey", folder / "detections"
    survey.mkdir(parents=True)
    detections.mkdir()
    angle = np.radians(turn_deg)
    centre = np.array([10.5 + standoff_m * np.sin(angle), SMALL.beam_m / 2 + standoff_m * np.cos(angle), 2.5])
    pose = looking(centre, np.array([-np.sin(angle), -np.cos(angle), 0.0]))
    photo = Renderer(load_ship_file(ship), CAMERA, 1).render(pose, np.zeros(3), 0)
    image = np.clip(photo.image.astype(np.float32) * light, 0, 255).astype(np.uint8)
    cv2.imwrite(str(survey / "a.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    cv2.imwrite(str(detections / "a.png"), photo.truth)
    said = CameraPose(pose.centre_m + np.array(off), pose.rotation)
    told = {
        "file": "a.jpg", "sha256": sha256((survey / "a.jpg").read_bytes()).hexdigest(), "c_ship_m": said.centre_m.tolist(),
        "q_ship_xyzw": list(said.q_xyzw), "cov_6x6": np.diag([0.05**2] * 3 + [1e-6] * 3).tolist(),
    }  # fmt: skip
    document = {
        "schema": "yunjian.survey/1", "draught_m": geometry.draught_m, "simulated": True, "photos": [told],
        "ship": {"loa_m": geometry.loa_m, "beam_m": geometry.beam_m, "depth_m": geometry.depth_m, "draught_m": geometry.draught_m},
        "camera": CAMERA.for_survey().model_dump(mode="json"),
    }  # fmt: skip
    (survey / "survey.json").write_text(json.dumps(document), encoding="utf-8")
    return Flight(survey, detections)


@pytest.fixture(scope="module")
def first(ships: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Flight:
    return fly(ships[0], tmp_path_factory.mktemp("first"))


def changed(before: Flight, after: Flight) -> CellChange:
    return Comparison(before, after, 120.0).cell(CELL)


def test_growth_is_found_with_its_size_although_the_poses_are_wrong(
    ships: tuple[Path, Path], first: Flight, tmp_path: Path
) -> None:
    second = fly(ships[1], tmp_path, off=(0.08, 0.0, -0.05), standoff_m=15.0, light=0.8)
    compared = Comparison(first, second, 120.0)
    found = compared.cell(CELL)
    planted = (PATCH[1] - PATCH[0]) * (PATCH[3] - PATCH[2]) * 1e4
    assert found.refused is None
    assert found.inliers >= 30
    assert found.changed
    assert found.growth_cm2 == pytest.approx(planted, rel=0.1)
    assert found.error_cm2 is not None
    assert abs(found.growth_cm2 - planted) < 3 * found.error_cm2
    sheet = cv2.imdecode(np.frombuffer(compared.crop(found), np.uint8), cv2.IMREAD_COLOR)
    assert sheet is not None
    assert compared.crop(found) == compared.crop(found)


def test_the_same_ship_again_has_not_changed(ships: tuple[Path, Path], first: Flight, tmp_path: Path) -> None:
    found = changed(first, fly(ships[0], tmp_path, off=(0.05, 0.0, 0.03), turn_deg=8.0))
    assert found.refused is None
    assert not found.changed


def test_what_is_not_comparable_is_refused_with_its_reason(ships: tuple[Path, Path], first: Flight, tmp_path: Path) -> None:
    assert changed(first, fly(ships[1], tmp_path / "dark", light=0.25)).refused == "light"
    assert changed(first, fly(ships[1], tmp_path / "angle", turn_deg=45.0)).refused == "angle"
    assert changed(first, fly(ships[1], tmp_path / "far", standoff_m=28.0)).refused == "resolution"
    blurred = fly(ships[1], tmp_path / "blurred")
    photo = blurred.survey / "a.jpg"
    image = cv2.imread(str(photo))
    assert image is not None
    cv2.imwrite(str(photo), cv2.GaussianBlur(image, (0, 0), 25.0))
    assert changed(first, blurred).refused == "registration"
    beyond = Comparison(first, blurred, 120.0).cell(replace(CELL, side="starboard"))
    assert (beyond.refused, beyond.growth_cm2, beyond.changed) == ("not_seen", None, False)


def test_another_ship_is_not_compared(ships: tuple[Path, Path], first: Flight, tmp_path: Path) -> None:
    other = fly(ships[0], tmp_path, geometry=ShipGeometry(30.0, 6.0, 3.0, 2.0))
    with pytest.raises(InputError, match=r"hull\.other_ship"):
        Comparison(first, other, 120.0)
