"""Owns preparing a training run and starting it: data folder, split rules, subprocess in the training environment, export.

Never imports torch or ultralytics: `training/*.py` of a checkout do the work with the Python of `.venv-train`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from core.errors import EnvironmentFault, InputError, Unfinished
from inspection.hull.boxes import Box, is_outlined, outline_rust, read_boxes
from inspection.hull.classes import IGNORE, ClassId
from inspection.hull.evaluate import SplitName, labelled_pairs
from inspection.hull.picture import Bgr
from inspection.hull.synth import FIRST_SURVEY_SEED, write_photos

WeightSet = Literal["clean", "full"]
CHECKOUT = Path(__file__).resolve().parents[2]
# Pictures whose licence lets weights be passed on without doubt, by prefix (spec/hull.md section 3 and 8).
_CLEAN_PREFIXES = ("B_",)
_NEGATIVE_PREFIX = "Q_"  # labelled as a whole "no corrosion": nothing is wrong anywhere in the picture
# Mask codes for what is only partly known; training/README.md says why.
NOT_RUST, SOUND, DOUBT = 254, 253, 252
_FINE_TUNE_RATE = 9e-4  # going on from a checkpoint; a fresh run starts at 2e-3
_KNOWN_SEEDS = range(100_000, 100_040)  # never trained on: figures per class, one line of the curve each epoch


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What to train on and for how long."""

    out: Path
    real: Path | None
    weight_set: WeightSet
    photos: int
    steps: int
    minutes: float
    size_px: int
    threads: int
    seed: int
    start: Path | None = None


def prepare(plan: TrainingPlan, on_progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the data folder of a run: synthetic photographs (kept if there), real ones by the frozen split. Can be resumed."""
    data = plan.out / "data"
    surveys = plan.photos // 3  # a third shows a side as a survey does, two thirds show anything
    write_photos(data / "synth", range(plan.photos - surveys), on_progress)
    write_photos(data / "synth", range(FIRST_SURVEY_SEED, FIRST_SURVEY_SEED + surveys), on_progress)
    write_photos(data / "known", _KNOWN_SEEDS)
    if plan.real is not None:
        _put_real(plan.real, "train", data / "real", plan.weight_set)
        _put_real(plan.real, "select", data / "select", "full")  # choosing needs clean pictures; nothing is learned from these
    else:
        _put_synthetic_selection(data / "select")
    return data


def _put_real(folder: Path, split: SplitName, target: Path, weight_set: WeightSet) -> None:
    for name in ("images", "masks"):
        (target / name).mkdir(parents=True, exist_ok=True)
    for image_path, mask_path in labelled_pairs(folder, split):
        if weight_set == "clean" and not image_path.name.startswith(_CLEAN_PREFIXES):
            continue
        mask = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise InputError("hull.mask_does_not_fit", file=mask_path.name)
        boxes = _boxes(folder, image_path, (mask.shape[0], mask.shape[1]))
        if boxes and is_outlined(image_path):
            mask = outline_rust(_image(image_path), np.asarray(mask, np.uint8), boxes)
        known = np.full(mask.shape, SOUND if image_path.name.startswith(_NEGATIVE_PREFIX) else NOT_RUST, np.uint8)
        known[mask == 1] = ClassId.CORROSION
        known[mask == IGNORE] = IGNORE
        if not is_outlined(image_path):
            for left, top, right, bottom in boxes:
                part = known[top:bottom, left:right]
                part[part == IGNORE] = DOUBT
        cv2.imwrite(str(target / "masks" / f"{image_path.stem}.png"), known)
        (target / "images" / image_path.name).write_bytes(image_path.read_bytes())


def _boxes(folder: Path, image_path: Path, shape: tuple[int, int]) -> list[Box]:
    """The boxes that a person drew round rust (`labels_box`), in pixels."""
    labels = (folder / "labels_box" / image_path.relative_to(folder / "images")).with_suffix(".txt")
    return read_boxes(labels, shape)


def _image(path: Path) -> Bgr:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError("hull.mask_does_not_fit", file=path.name)
    return np.asarray(image, np.uint8)


def _put_synthetic_selection(target: Path) -> None:
    """Without real photographs the checkpoint is chosen on synthetic ones of their own seeds."""
    write_photos(target, range(100_000, 100_060))


def training_python() -> Path:
    """Python of the training environment.

    Raises:
        EnvironmentFault: not a checkout, or `make train-env` has not been run.
    """
    python = CHECKOUT / ".venv-train" / "bin" / "python"
    if not (CHECKOUT / "training" / "train.py").is_file() or not python.is_file():
        raise EnvironmentFault("hull.no_training_environment", folder=str(CHECKOUT))
    return python


def _environment(plan_out: Path) -> dict[str, str]:
    """Nothing of ultralytics may phone, download or write outside the run's folder."""
    return {
        **os.environ,
        "YOLO_OFFLINE": "1",
        "YOLO_AUTOINSTALL": "False",
        "YOLO_CONFIG_DIR": str(plan_out / "yolo"),
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def train(plan: TrainingPlan) -> Path:
    """Run the training to its end, from its last epoch if it was stopped, and return the exported ONNX; its output goes to `log.txt`.

    Raises:
        EnvironmentFault: no training environment.
        Unfinished: the tool stopped; run again to go on from the last epoch.
    """
    python = training_python()
    data = plan.out / "data"
    (plan.out / "yolo").mkdir(parents=True, exist_ok=True)
    run = plan.out / "run"
    start = [] if plan.start is None else ["--start", str(plan.start), "--lr", str(_FINE_TUNE_RATE)]
    _call(
        [
            str(python), str(CHECKOUT / "training" / "train.py"), str(data), str(run), "--steps", str(plan.steps), "--minutes",
            str(plan.minutes), "--size", str(plan.size_px), "--threads", str(plan.threads), "--seed", str(plan.seed), *start,
        ],
        plan.out,
    )  # fmt: skip
    return export(run / "best.pt", plan.out / f"yunjian-hull-{plan.weight_set}.onnx", plan.out)


def recover(onnx: Path, data: Path, checkpoint: Path) -> Path:
    """The checkpoint that an exported ONNX came from, near enough to train on from it; `data` as `prepare` wrote it."""
    (data.parent / "yolo").mkdir(parents=True, exist_ok=True)
    _call(
        [str(training_python()), str(CHECKOUT / "training" / "from_onnx.py"), str(onnx), str(data), str(checkpoint)],
        data.parent,
    )
    return checkpoint


def export(checkpoint: Path, onnx: Path, scratch: Path, *, trust: bool = False) -> Path:
    """Checkpoint -> ONNX with class scores, checked against torch in the training environment. `trust` lets it be a whole pickled
    model of ultralytics, whose loading runs the code inside.
    """
    (scratch / "yolo").mkdir(parents=True, exist_ok=True)
    script = str(CHECKOUT / "training" / "export.py")
    _call([str(training_python()), script, str(checkpoint), str(onnx), *(["--trust"] if trust else [])], scratch)
    return onnx


def curve(out: Path) -> list[dict[str, float]]:
    """The selection figures of each checkpoint of a run, oldest first."""
    path = out / "run" / "curve.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [{key: value for key, value in json.loads(line).items() if key != "curve"} for line in lines]


def _call(command: list[str], scratch: Path) -> None:
    with (scratch / "log.txt").open("ab") as log:
        done = subprocess.run(command, env=_environment(scratch), stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Unfinished("hull.training_stopped", status=done.returncode, log=str(scratch / "log.txt"))
