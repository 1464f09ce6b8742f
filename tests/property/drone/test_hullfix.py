"""Hull fix by Monte Carlo: what it promises (p95, ellipse) against the truth, which only this file knows."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest

from core.errors import InputError
from core.hullform import HullForm
from core.ship import ShipGeometry
from drone.hullfix import HullFix, Mark, locate, solve
from drone.model import SurveyCamera
from drone.packs import camera, error_budget, hull_fix_numbers
from drone.pose import CameraPose, hull_to_pixel, matrix_from_quaternion

TRIALS = 1000 if os.environ.get("YUNJIAN_TEST_SOAK") else 150
NUMBERS = hull_fix_numbers()
SHIP = ShipGeometry(120.0, 18.0, 9.5, 6.0)
HULL = HullForm(SHIP)
CAMERA = camera("full_frame_45mp_35").for_survey()


def looking(centre: np.ndarray, target: np.ndarray) -> CameraPose:
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return CameraPose(centre, np.stack([right, np.cross(forward, right), forward], axis=1))


def turned(rng: np.random.Generator, pose: CameraPose, dx: np.ndarray, heading: float) -> CameraPose:
    """What the vehicle believes: wrong ship pose, its own position noise, gimbal noise."""
    up = matrix_from_quaternion((0.0, 0.0, math.sin(heading / 2), math.cos(heading / 2)))
    yaw, pitch = rng.normal(0.0, math.radians(NUMBERS.attitude_deg), 2)
    noisy_yaw = matrix_from_quaternion((0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)))
    noisy_pitch = matrix_from_quaternion((math.sin(pitch / 2), 0.0, 0.0, math.cos(pitch / 2)))
    noise = rng.normal(0.0, [NUMBERS.vehicle_m, NUMBERS.vehicle_m, NUMBERS.vehicle_height_m])
    return CameraPose(up @ pose.centre_m + dx + noise, up @ noisy_yaw @ pose.rotation @ noisy_pitch)


def marks_on(rng: np.random.Generator) -> tuple[list[Mark], list[CameraPose]]:
    """Stem, transom corners, draught marks fore, amidships and aft, each on one or two photos from 25 m off the port side."""
    half = float(HULL.half_breadth(np.array(0.0), np.array(SHIP.depth_m)))
    stem = float(HULL.stem_x(np.array(SHIP.depth_m)))
    aft = [(0.0, half, SHIP.depth_m), _mark(8.0, SHIP.draught_m + 1.0)]
    middle = [_mark(60.0, SHIP.draught_m + 1.0), _mark(58.0, SHIP.depth_m)]
    fore = [(stem, 0.0, SHIP.depth_m), _mark(104.0, SHIP.draught_m + 1.0)]
    views = [(2.0, aft), (6.0, aft), (57.0, middle), (62.0, middle), (108.0, fore), (113.0, fore)]
    marks: list[Mark] = []
    poses: list[CameraPose] = []
    for photo, (x, points) in enumerate(views):
        pose = looking(np.array([x, SHIP.beam_m / 2 + 25.0, 11.0]), np.mean(points, axis=0))
        poses.append(pose)
        for point in points:
            pixel = hull_to_pixel(CAMERA, pose, np.array([point]))[0] + rng.normal(0.0, NUMBERS.mark_px, 2)
            marks.append(Mark(photo, (float(pixel[0]), float(pixel[1])), point))
    return marks, poses


def _mark(x: float, z: float) -> tuple[float, float, float]:
    return tuple(float(value) for value in HULL.surface(np.array([x]), np.array([z]), "port")[0])  # type: ignore[return-value]


def trial(seed: int) -> tuple[float, float, bool]:
    rng = np.random.default_rng(seed)
    budget = error_budget("ais")
    marks, true_poses = marks_on(rng)
    shift = rng.normal(0.0, [budget.x_m, budget.y_m, budget.z_m])
    heading = math.radians(rng.normal(0.0, budget.yaw_deg))
    about = np.array([SHIP.loa_m / 2, 0.0, 0.0])
    pull = matrix_from_quaternion((0.0, 0.0, math.sin(heading / 2), math.cos(heading / 2)))
    shift = shift + about - pull @ about
    believed = [turned(rng, pose, shift, heading) for pose in true_poses]
    fix = solve(marks, believed, CAMERA, budget, NUMBERS)
    x, z = rng.uniform(10.0, 95.0), rng.uniform(SHIP.draught_m + 0.3, SHIP.depth_m - 0.3)
    target = np.array(_mark(x, z))
    pose = looking(np.array([x + rng.uniform(-5.0, 5.0), SHIP.beam_m / 2 + 15.9, 9.5]), np.array([x, SHIP.beam_m / 2, 8.0]))
    pixel = hull_to_pixel(CAMERA, pose, target[None])[0] + rng.normal(0.0, NUMBERS.mark_px, 2)
    place = locate(fix, CAMERA, turned(rng, pose, shift, heading), (float(pixel[0]), float(pixel[1])), HULL, NUMBERS)
    assert place is not None
    return abs(place.x_m - x), abs(place.z_m - z), place.holds(x, z)


def test_place_on_the_hull_is_as_good_as_stated() -> None:
    results = [trial(seed) for seed in range(5000, 5000 + TRIALS)]
    along, height = (float(np.percentile([one[axis] for one in results], 95)) for axis in (0, 1))
    held = sum(one[2] for one in results) / TRIALS
    assert along <= 0.6
    assert height <= 0.3
    allowed = 0.02 if TRIALS >= 1000 else 0.035  # 93-97 % over 1,000 trials; with 150 the count itself scatters more
    assert abs(held - 0.95) <= allowed, (along, height, held)


def test_too_few_marks_and_a_wrong_mark_are_said() -> None:
    marks, poses = marks_on(np.random.default_rng(1))
    with pytest.raises(InputError):
        solve(marks[:3], poses, CAMERA, error_budget("ais"), NUMBERS)
    wrong = [*marks[:-1], Mark(marks[-1].photo, (marks[-1].pixel[0] + 900.0, marks[-1].pixel[1]), marks[-1].point_m)]
    with pytest.raises(InputError):
        solve(wrong, poses, CAMERA, error_budget("ais"), NUMBERS)


def test_a_ray_past_the_hull_has_no_place() -> None:
    fix = HullFix(np.zeros(3), 0.0, np.zeros(3), np.eye(4) * 1e-4, 1.0)
    away = looking(np.array([60.0, 25.0, 9.0]), np.array([60.0, 50.0, 9.0]))
    small = SurveyCamera(focal_mm=8.0, pitch_um=2.5, width_px=100, height_px=100)
    assert locate(fix, small, away, (50.0, 50.0), HULL, NUMBERS) is None
