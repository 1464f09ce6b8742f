"""The simulated camera shows what stands where the pose says, and poses survive their round trip."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.errors import InputError
from core.hullform import HullForm
from drone.packs import camera
from drone.planner import plan_survey
from drone.pose import (
    CameraPose,
    camera_axes_enu,
    hull_to_pixel,
    matrix_from_quaternion,
    pixel_to_hull,
    pose_in_ship,
    quaternion_from_matrix,
    rays,
)
from drone.sim.camera import Renderer, side_distance_m
from drone.sim.exif import Stamp, jpeg_with_exif
from drone.sim.shipfile import load_ship_file
from tests.unit.drone.kit import AT, GEOMETRY, POSE, SHIP, patch_corner, small_camera, wishes, write_ship_file

VIEWS = {"port": (40.2, 23.0, 127.0), "starboard": (40.2, -23.0, 307.0), "stern": (-16.0, 1.0, 37.0)}


def pose_of(part: str) -> CameraPose:
    x, y, _ = VIEWS[part]
    yaw = {"port": POSE.heading_deg_true + 90, "starboard": POSE.heading_deg_true - 90, "stern": POSE.heading_deg_true}[part]
    enu = POSE.to_enu(np.array([x, y, 8.0]), GEOMETRY.draught_m)[0]
    return pose_in_ship(POSE, GEOMETRY.draught_m, enu, yaw, -8.0)


def patch_centre_m(part: str) -> np.ndarray:
    along, top = patch_corner(part, GEOMETRY)
    hull = HullForm(GEOMETRY)
    half = float(hull.half_breadth(np.array(0.0), np.array(GEOMETRY.depth_m)))
    if part == "stern":
        return np.array([[0.0, half - along - 0.25, top - 0.25]])
    return hull.surface(np.array(along + 0.25), np.array(top - 0.25), part)


@pytest.mark.parametrize("part", ["port", "starboard", "stern"])
def test_patch_appears_where_the_pose_says(tmp_path: Path, part: str) -> None:
    ship = load_ship_file(write_ship_file(tmp_path))
    lens = camera("survey_3mp_tele")
    photo = Renderer(ship, lens, 1).render(pose_of(part), np.zeros(3), 1)
    rows, columns = np.nonzero(photo.truth == 2)
    seen = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    expected = hull_to_pixel(lens.for_survey(), pose_of(part), patch_centre_m(part))[0]
    assert np.linalg.norm(seen - expected) < 2.0
    red = photo.image[rows, columns].astype(int)
    assert np.mean(red[:, 2] - red[:, 0]) > 80
    assert (photo.truth == 1).sum() > 1000


def test_truth_is_hull_exactly_where_the_ray_meets_the_ship(tmp_path: Path) -> None:
    ship = load_ship_file(write_ship_file(tmp_path))
    lens = small_camera()
    pose = pose_of("port")
    photo = Renderer(ship, lens, 1).render(pose, np.zeros(3), 1)
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, [lens.width_px, lens.height_px], (400, 2))
    hits = pixel_to_hull(lens.for_survey(), pose, pixels + 0.5, ship.hull)
    z = np.nan_to_num(hits.point_m[:, 2])
    above = (hits.part == 1) & (z > GEOMETRY.draught_m + 0.1) & (z < GEOMETRY.depth_m - 0.1)
    below = (hits.part == 0) | (np.abs(z - GEOMETRY.draught_m) > 0.1) & (z < GEOMETRY.draught_m)
    classes = photo.truth[pixels[:, 1], pixels[:, 0]]
    assert np.all(classes[above] > 0)
    assert np.all(classes[below] == 0)


def test_smooth_distance_agrees_with_the_hulls_own_intersection() -> None:
    hull = HullForm(GEOMETRY)
    pose = pose_of("port")
    lens = small_camera().for_survey()
    u, v = np.meshgrid(np.linspace(5, 475, 12), np.linspace(150, 240, 8))
    directions = rays(lens, pose, np.stack([u.ravel(), v.ravel()], axis=1))
    reference = hull.intersect(pose.centre_m, directions)
    mine = side_distance_m(hull, "port", pose.centre_m, directions)
    both = reference.part == 1
    assert both.sum() > 20
    assert np.max(np.abs(mine[both] - reference.distance_m[both])) < 0.02


@given(st.floats(0, 360), st.floats(-89, 30), st.floats(-20, 20))
def test_quaternion_round_trip(yaw: float, pitch: float, roll: float) -> None:
    rotation = camera_axes_enu(yaw, pitch, roll)
    assert np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert np.allclose(matrix_from_quaternion(quaternion_from_matrix(rotation)), rotation, atol=1e-9)


@given(st.floats(5, 80), st.floats(4.6, 6.9), st.floats(-1.0, 1.0))
def test_point_to_pixel_to_point(x: float, z: float, off: float) -> None:
    hull = HullForm(GEOMETRY)
    point = hull.surface(np.array(x), np.array(z), "port")
    enu = POSE.to_enu(np.array([x + off, 23.0, 8.0]), GEOMETRY.draught_m)[0]
    pose = pose_in_ship(POSE, GEOMETRY.draught_m, enu, POSE.heading_deg_true + 90.0, -8.0)
    lens = small_camera().for_survey()
    found = pixel_to_hull(lens, pose, hull_to_pixel(lens, pose, point), hull)
    assert np.linalg.norm(found.point_m[0] - point[0]) < 0.05


def test_a_lens_that_bends_is_straightened_as_opencv_does() -> None:
    lens = small_camera().for_survey().model_copy(update={"dist": (-0.12, 0.05, 0.001, -0.0007, -0.01)})
    pose, hull = pose_of("port"), HullForm(GEOMETRY)
    points = np.concatenate([hull.surface(np.array(x), np.array(6.0), "port") for x in (34.0, 40.0, 45.0)])
    seen = hull_to_pixel(lens, pose, points)
    matrix = np.array(
        [
            [lens.focal_mm * 1000 / lens.pitch_um, 0, lens.width_px / 2],
            [0, lens.focal_mm * 1000 / lens.pitch_um, lens.height_px / 2],
            [0, 0, 1],
        ]
    )
    turn = pose.rotation.T
    theirs, _ = cv2.projectPoints(points, cv2.Rodrigues(turn)[0], -turn @ pose.centre_m, matrix, np.array(lens.dist))
    assert np.allclose(seen, theirs[:, 0], atol=1e-6)
    back = pixel_to_hull(lens, pose, seen, hull)
    assert np.max(np.linalg.norm(back.point_m - points, axis=1)) < 0.05


def test_photo_says_simulated_and_when_and_where() -> None:
    image = np.zeros((36, 48, 3), np.uint8)
    data = jpeg_with_exif(image, camera("survey_3mp_tele"), Stamp(AT.replace(microsecond=123_000), POSE.origin, 3.25))
    exif = Image.open(io.BytesIO(data)).getexif()
    assert "SIMULATED" in str(exif[270])
    assert exif.get_ifd(0x8769)[37521] == "123"
    degrees, minutes, seconds = (float(value) for value in exif.get_ifd(0x8825)[2])
    assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(POSE.origin.lat, abs=1e-7)


def test_broken_ship_file_names_the_file(tmp_path: Path) -> None:
    folder = write_ship_file(tmp_path / "ship")
    (folder / "port.png").write_bytes(b"no picture")
    with pytest.raises(InputError) as caught:
        load_ship_file(folder)
    assert "port.png" in str(caught.value.params["file"])
    (folder / "ship.json").write_text(json.dumps({"schema": "yunjian.shipfile/9"}))
    with pytest.raises(InputError):
        load_ship_file(folder)


def test_planned_photos_see_the_hull(tmp_path: Path) -> None:
    ship = load_ship_file(write_ship_file(tmp_path))
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
    leg = next(leg for leg in plan.sorties[0].legs if leg.kind == "pass")
    pose = pose_in_ship(POSE, GEOMETRY.draught_m, np.array(leg.points_enu_m[0]), leg.yaw_deg_true, leg.gimbal_pitch_deg)
    photo = Renderer(ship, small_camera(), 1, "starboard").render(pose, np.zeros(3), 1)
    assert (photo.truth > 0).mean() > 0.1
