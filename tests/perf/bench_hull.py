"""Hull vision end to end on simulated surveys: patches found, false findings, area, ellipse; and the cost of reading photos.

Each survey is a ship file of its own seed (never trained on), photographed by the simulated drone's renderer along two lanes a side,
with pose errors drawn from the error budget of a solved hull fix and stated as its covariance. One survey in five has the texture
family that neither training nor the other ships use.

Prints one JSON object. Usage: python -m tests.perf.bench_hull [--small] [--surveys 20] [--first-seed 9001] [--keep DIR]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from config import Settings, load_settings
from core.geo import Float
from core.ids import Imo
from core.ship import ShipGeometry
from drone.model import CameraSpec
from drone.packs import error_budget
from drone.pose import CameraPose
from drone.sim.camera import Renderer
from drone.sim.shipfile import load_ship_file
from inspection.hull import ShipMarks, TruthScore, detect_photos, map_survey, photos_in, score_map, survey_gsd, write_ship_file
from inspection.hull.synth.family import HOLDOUT_FAMILY, SHIP_FAMILIES

CAMERA = CameraSpec("bench", "bench camera", 3.75, 12.0, 1920, 1440, 1 / 1000, 1.0, True, "this bench")
STANDOFF_M = 16.0  # 5 mm a pixel
MM_PER_PX = 5.0
VEHICLE_M = 0.03
FIRST_SEED = 9001
MARKS = ShipMarks("BENCH 1", Imo(9074729), "YINGKOU")


@dataclass(frozen=True, slots=True)
class Measured:
    """One survey: its score, the held-out family or not, photos and CPU seconds of detection."""

    score: TruthScore
    held_out: bool
    photos: int
    cpu_s: float


def geometry_of(rng: np.random.Generator) -> ShipGeometry:
    loa = float(rng.uniform(26.0, 40.0))
    return ShipGeometry(round(loa, 1), round(loa / 5.0, 1), 5.4, 2.4)


def true_poses(geometry: ShipGeometry) -> list[CameraPose]:
    """Square views of both sides in one lane, 55 % overlap, and of the stern."""
    height = geometry.draught_m + geometry.freeboard_m / 2
    step = CAMERA.width_px * MM_PER_PX / 1000.0 * 0.45
    poses = []
    for sign in (1.0, -1.0):
        for x in np.arange(step / 2, geometry.loa_m, step):
            centre = np.array([x, sign * (geometry.beam_m / 2 + STANDOFF_M), height])
            poses.append(looking(centre, np.array([0.0, -sign, 0.0])))
    poses.append(looking(np.array([-STANDOFF_M, 0.0, height]), np.array([1.0, 0.0, 0.0])))
    return poses


def looking(centre: Float, forward: Float) -> CameraPose:
    right = np.cross(forward, [0.0, 0.0, 1.0])
    return CameraPose(centre, np.stack([right, np.cross(forward, right), forward], axis=1))


def believed(pose: CameraPose, common: Float, rng: np.random.Generator) -> CameraPose:
    """What the survey says: the fix's own error, common to the flight, the vehicle's and the gimbal's of each photo."""
    budget = error_budget("hull_fix")
    angles = np.radians(rng.normal(0.0, [budget.roll_deg, budget.pitch_deg, budget.yaw_deg]))
    turn = cv2.Rodrigues(angles)[0]
    return CameraPose(pose.centre_m + common + rng.normal(0.0, VEHICLE_M, 3), turn @ pose.rotation)


def write_survey(seed: int, folder: Path, *, held_out: bool) -> tuple[Path, Path]:
    """Ship file and survey folder of one seed; kept if there."""
    ship_dir, survey_dir = folder / f"ship-{seed}", folder / f"survey-{seed}"
    if (survey_dir / "survey.json").is_file():
        return ship_dir, survey_dir
    rng = np.random.default_rng([0xBE, seed])
    geometry = geometry_of(rng)
    write_ship_file(ship_dir, seed, geometry, MARKS, MM_PER_PX, (HOLDOUT_FAMILY,) if held_out else SHIP_FAMILIES)
    renderer = Renderer(load_ship_file(ship_dir), CAMERA, seed)
    budget = error_budget("hull_fix")
    own = np.sqrt(np.maximum(np.square([budget.x_m, budget.y_m, budget.z_m]) - VEHICLE_M**2, 0.0))
    common = rng.normal(0.0, own)
    survey_dir.mkdir(parents=True, exist_ok=True)
    photos = []
    for index, pose in enumerate(true_poses(geometry)):
        photo = renderer.render(pose, np.array([1.5, 0.0, 0.0]), index)
        name = f"IMG_{index:04d}.jpg"
        _, data = cv2.imencode(".jpg", photo.image, [cv2.IMWRITE_JPEG_QUALITY, 90])
        (survey_dir / name).write_bytes(data.tobytes())
        (survey_dir / "truth").mkdir(exist_ok=True)
        cv2.imwrite(str(survey_dir / "truth" / f"IMG_{index:04d}.png"), photo.truth)
        said = believed(pose, common, rng)
        photos.append(
            {"file": name, "sha256": sha256(data.tobytes()).hexdigest(), "c_ship_m": said.centre_m.tolist(),
             "q_ship_xyzw": list(said.q_xyzw), "cov_6x6": budget.covariance.tolist()}
        )  # fmt: skip
    document = {
        "schema": "yunjian.survey/1", "draught_m": geometry.draught_m, "simulated": True, "photos": photos,
        "ship": {"loa_m": geometry.loa_m, "beam_m": geometry.beam_m, "depth_m": geometry.depth_m, "draught_m": geometry.draught_m},
        "camera": CAMERA.for_survey().model_dump(mode="json"),
    }  # fmt: skip
    (survey_dir / "survey.json").write_text(json.dumps(document), encoding="utf-8")
    return ship_dir, survey_dir


def measure(seed: int, folder: Path, settings: Settings, *, held_out: bool) -> Measured:
    ship_dir, survey_dir = write_survey(seed, folder, held_out=held_out)
    began = time.process_time()
    gsd = survey_gsd(survey_dir)
    found = detect_photos(photos_in(survey_dir), folder / f"found-{seed}", settings.hull, gsd_mm=gsd)
    cpu_s = time.process_time() - began
    score = score_map(map_survey(survey_dir, folder / f"found-{seed}"), ship_dir)
    return Measured(score, held_out, len(found.detections), cpu_s)


def summary(rows: list[Measured]) -> dict[str, float | int | None]:
    """Pooled over the surveys; area error: median over the found patches of all of them."""
    planted, found = sum(row.score.planted for row in rows), sum(row.score.found for row in rows)
    shell, false = sum(row.score.shell_m2 for row in rows), sum(row.score.false for row in rows)
    errors = [error for row in rows for error in row.score.area_errors]
    signed = [error for row in rows for error in row.score.area_signed]
    inside = [one for row in rows for one in row.score.inside]
    return {
        "surveys": len(rows),
        "planted_100cm2": planted,
        "found_share": round(found / max(planted, 1), 4),
        "false_per_500_m2": round(false / max(shell, 1e-9) * 500.0, 3),
        "area_error_median": round(float(np.median(errors)), 4) if errors else None,
        "area_error_total": round(float(np.median(signed)), 4) if signed else None,
        "inside_ellipse": round(float(np.mean(inside)), 4) if inside else None,
        "shell_m2": round(shell, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="one survey")
    parser.add_argument("--surveys", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--keep", type=Path, help="keep ships, surveys and detections here; a second run reuses them")
    args = parser.parse_args()
    settings = load_settings()
    count = 1 if args.small else args.surveys
    with tempfile.TemporaryDirectory(prefix="yunjian-bench-hull-") as scratch:
        folder = args.keep or Path(scratch)
        rows = [
            measure(seed, folder, settings, held_out=(seed - args.first_seed) % 5 == 4)
            for seed in range(args.first_seed, args.first_seed + count)
        ]
    photos, cpu_s = sum(row.photos for row in rows), sum(row.cpu_s for row in rows)
    report: dict[str, object] = {
        "bars": {"found_share": 0.95, "false_per_500_m2": 1.0, "area_error_median": 0.2, "inside_ellipse": 0.93},
        "all": summary(rows),
        "cpu_s_per_photo_2_8_mp": round(cpu_s / max(photos, 1), 3),
    }
    if any(row.held_out for row in rows):
        report["held_out_family"] = summary([row for row in rows if row.held_out])
    print(json.dumps(report))


if __name__ == "__main__":
    main()
