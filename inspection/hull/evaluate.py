"""Owns scoring the detector on labelled photographs, always beside the colour rules: IoU, false area, and their trade-off.

Never trains or chooses: it reads a folder `images/[<split>/]`, `masks/[<split>/]` (0 not corroded, 1 corrosion, 255 ignore).
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from config import pack_path
from config.settings import HullSettings
from core.errors import InputError
from inspection.hull.baselines import Where, hsv_rule, lab_rule
from inspection.hull.classes import IGNORE, ClassId
from inspection.hull.detect import Reading, read_whole
from inspection.hull.packs import detector_pack
from inspection.hull.picture import Bgr, read_photo
from inspection.hull.weights import load_model

EVALUATION_SCHEMA: Literal["yunjian.hull_evaluation/1"] = "yunjian.hull_evaluation/1"
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FALSE_AREA_LIMIT = 0.01  # a clean picture with more than this share painted as corrosion counts as a false alarm
SplitName = Literal["test", "select", "train", "all"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MethodScore(_Part):
    """`pooled_iou` over all judged pixels (each picture at its reading scale), `mean_iou` over pictures with corrosion, both null
    without such pictures; false area is the share of a clean picture painted as corrosion.
    """

    method: str
    threshold: float | None
    pooled_iou: float | None
    mean_iou: float | None
    area_error_points: float | None
    false_area_mean: float | None
    false_area_median: float | None
    clean_over_limit: int


class Evaluation(_Part):
    schema_: str
    model_name: str
    model_sha256: str
    split: str
    rusty_pictures: int
    clean_pictures: int
    at_setting: MethodScore
    baselines: list[MethodScore]
    curve: list[MethodScore]


@dataclass
class _Tally:
    """Sums of one method over the pictures."""

    hit: int = 0
    union: int = 0
    ious: list[float] = field(default_factory=list)
    area_errors: list[float] = field(default_factory=list)
    false_areas: list[float] = field(default_factory=list)

    def add(self, found: Where, truth: Where, judged: Where) -> None:
        found = found & judged
        area = max(int(judged.sum()), 1)
        if truth.any():
            hit, union = int((found & truth).sum()), int((found | truth).sum())
            self.hit += hit
            self.union += union
            self.ious.append(hit / max(union, 1))
            self.area_errors.append(abs(int(found.sum()) - int(truth.sum())) / area * 100.0)
        else:
            self.false_areas.append(int(found.sum()) / area)

    def score(self, method: str, threshold: float | None) -> MethodScore:
        rusty, clean = bool(self.ious), bool(self.false_areas)
        return MethodScore(
            method=method,
            threshold=threshold,
            pooled_iou=round(self.hit / max(self.union, 1), 4) if rusty else None,
            mean_iou=round(float(np.mean(self.ious)), 4) if rusty else None,
            area_error_points=round(float(np.mean(self.area_errors)), 2) if rusty else None,
            false_area_mean=round(float(np.mean(self.false_areas)), 5) if clean else None,
            false_area_median=round(float(np.median(self.false_areas)), 5) if clean else None,
            clean_over_limit=sum(area > FALSE_AREA_LIMIT for area in self.false_areas),
        )


@cache
def split_hashes() -> dict[str, frozenset[str]]:
    """SHA-256 of the photographs by part of the frozen split, ``config/hull/split.toml``."""
    pack = tomllib.loads(pack_path("hull", "split.toml").read_text(encoding="utf-8"))
    return {name: frozenset(hashes) for name, hashes in pack.items()}


def labelled_pairs(folder: Path, split: SplitName) -> list[tuple[Path, Path]]:
    """(image, mask) pairs of a folder; `split` keeps one part of the frozen split, `all` everything.

    Raises:
        InputError: no pair of that part.
    """
    known = split_hashes()
    pairs = []
    for image in sorted((folder / "images").rglob("*")):
        mask = (folder / "masks" / image.relative_to(folder / "images")).with_suffix(".png")
        if not image.is_file() or not mask.is_file():
            continue
        if split != "all":
            sha256 = hashlib.sha256(image.read_bytes()).hexdigest()
            part = next((name for name, hashes in known.items() if sha256 in hashes), "train")
            if part != split:
                continue
        pairs.append((image, mask))
    if not pairs:
        raise InputError("hull.no_labelled_pictures", path=str(folder), split=split)
    return pairs


def evaluate_folder(
    folder: Path,
    settings: HullSettings,
    split: SplitName = "all",
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Evaluation:
    """Score model and colour rules on the labelled pictures of `folder`, at the scale a photo of unknown GSD is read at."""
    pairs = labelled_pairs(folder, split)
    model = load_model(settings)
    grid = tuple(sorted({*THRESHOLDS, settings.threshold}))
    tallies = {threshold: _Tally() for threshold in grid}
    hsv, lab = _Tally(), _Tally()
    for done, (image_path, mask_path) in enumerate(pairs, start=1):
        image, truth, judged = _labelled(image_path, mask_path, settings)
        reading = read_whole(model, image, settings.tile_px)
        for threshold, tally in tallies.items():
            tally.add(_corroded(reading, threshold), truth, judged)
        hsv.add(hsv_rule(image), truth, judged)
        lab.add(lab_rule(image), truth, judged)
        if on_progress is not None:
            on_progress(done, len(pairs), image_path.name)
    at_setting = tallies[settings.threshold]
    return Evaluation(
        schema_=EVALUATION_SCHEMA,
        model_name=model.name,
        model_sha256=model.sha256,
        split=split,
        rusty_pictures=len(at_setting.ious),
        clean_pictures=len(at_setting.false_areas),
        at_setting=at_setting.score("model", settings.threshold),
        baselines=[hsv.score("HSV rule", None), lab.score("Lab rule", None)],
        curve=[tallies[threshold].score("model", threshold) for threshold in grid],
    )


def _labelled(image_path: Path, mask_path: Path, settings: HullSettings) -> tuple[Bgr, Where, Where]:
    photo = read_photo(image_path, settings.max_megapixels, long_side_px=detector_pack().resolution.unknown_long_side_px)
    mask = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
    if mask is None or (mask.shape[1], mask.shape[0]) != (photo.width, photo.height):
        raise InputError("hull.mask_does_not_fit", file=mask_path.name)
    size = (photo.image.shape[1], photo.image.shape[0])
    small = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return photo.image, np.asarray(small == 1), np.asarray(small != IGNORE)


def _corroded(reading: Reading, threshold: float) -> Where:
    return np.asarray(reading.mask(threshold) == ClassId.CORROSION)
