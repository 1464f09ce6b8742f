"""Owns synthetic hull photographs for training: a random painted side with defects, seen by a random camera in random light.

Never uses a ship file's family or seed stream. Images are uint8 BGR (as OpenCV writes them), truth uint8 class ids.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from inspection.hull.classes import ClassId
from inspection.hull.synth import defects
from inspection.hull.synth.defects import Plate, RustKind
from inspection.hull.synth.family import TRAINING_FAMILIES, TRAINING_STREAM, Family
from inspection.hull.synth.lens import develop
from inspection.hull.synth.noise import Image, Rng
from inspection.hull.synth.peel import below_the_paint, peel, peel_window
from inspection.hull.synth.plate import Coat, curvature, draught_marks, paint, salt_or_mud, scupper, soft_shadow, write_text
from inspection.hull.synth.scenery import clutter, paint_backdrop
from inspection.hull.synth.things import things_scene
from inspection.hull.synth.vessel import vessel_scene

PHOTO_PX = 448
_PLATE_PX = 640
FIRST_SURVEY_SEED = 500_000  # from here on a photograph shows a side as a survey does
# Shares of close-up, waterline, deck edge, whole strip, no hull at all.
_VIEWS = (0.44, 0.18, 0.13, 0.13, 0.12)
_SURVEY_VIEWS = (0.5, 0.2, 0.15, 0.15, 0.0)
_THINGS_SHARE = 0.2  # steel and rust-coloured things that are not a ship
_VESSEL_SHARE = 0.25  # a whole ship, mostly sound
_CLEAN_SHARE = 0.22  # pictures without any defect: false alarms are learned away on these
_KINDS: tuple[RustKind, ...] = ("scab", "spots", "seam", "sheet")
_LETTERS = "ABCDEFGHIJKLMNOPRSTUVW"


def render_photo(seed: int, families: tuple[Family, ...] = TRAINING_FAMILIES) -> tuple[Image, Image]:
    """One photograph (448, 448, 3) BGR and its truth (448, 448); the same seed gives the same bytes. Seeds below `FIRST_SURVEY_SEED`
    show anything from a close-up to a quay without a ship, those from there on a side as a survey sees it.
    """
    rng = np.random.default_rng([TRAINING_STREAM, seed])
    if seed >= FIRST_SURVEY_SEED:
        image, truth = _scene(rng, _survey_side(rng, families), _SURVEY_VIEWS)
    elif (draw := rng.random()) < _THINGS_SHARE:
        image, truth = things_scene(rng, PHOTO_PX, families)
    elif draw < _THINGS_SHARE + _VESSEL_SHARE:
        image, truth = vessel_scene(rng, PHOTO_PX, families)
    else:
        image, truth = _scene(rng, _side(rng, families))
    return develop(rng, image), truth


def _survey_side(rng: Rng, families: tuple[Family, ...]) -> Plate:
    """A side as a survey sees it: a few millimetres a pixel, marks, and patches of coating loss and rust of 0.1 to 1.5 m."""
    mm_per_px = float(np.exp(rng.uniform(np.log(2.2), np.log(9.0))))
    shape = (_PLATE_PX, _PLATE_PX)
    boot = rng.uniform(0.2, 1.6) * _PLATE_PX
    coat = Coat.draw(rng)
    plate = paint(rng, shape, mm_per_px, coat, boot, boot + 800 / mm_per_px)
    _marks(rng, plate)
    family = families[int(rng.integers(len(families)))].varied(rng)
    for _ in range(int(rng.choice(5, p=[0.16, 0.3, 0.26, 0.18, 0.1]))):
        _peeled(rng, plate, family, coat, float(np.exp(rng.uniform(np.log(70), np.log(2600)))))
    for _ in range(int(rng.integers(0, 3))):
        _rust_and_stain(rng, plate, family)
    _rare_defects(rng, plate)
    if rng.random() < 0.3:
        soft_shadow(plate, rng)
    return plate


def _peeled(rng: Rng, plate: Plate, family: Family, coat: Coat, size_mm: float) -> None:
    kind, window = peel_window(plate, rng, _anywhere(rng), size_mm)
    if window is not None:
        under = below_the_paint(rng, window.canvas, coat.primer)
        peel(window, rng, family, kind, under, max(0.0, float(rng.uniform(-0.5, 0.45))))


def write_photos(folder: Path, seeds: range, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Write ``images/<seed>.jpg`` and ``masks/<seed>.png``; existing pairs are kept, so it can be resumed."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    for done, seed in enumerate(seeds, start=1):
        mask_path = folder / "masks" / f"{seed:06d}.png"
        if not mask_path.exists():
            image, truth = render_photo(seed)
            cv2.imwrite(str(folder / "images" / f"{seed:06d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
            cv2.imwrite(str(mask_path), truth)
        if on_progress is not None:
            on_progress(done, len(seeds))


def _side(rng: Rng, families: tuple[Family, ...]) -> Plate:
    """A piece of a ship's side with marks and, mostly, defects."""
    mm_per_px = float(np.exp(rng.uniform(np.log(1.2), np.log(14.0))))
    shape = (_PLATE_PX, _PLATE_PX)
    boot = rng.uniform(-0.4, 1.5) * _PLATE_PX
    bottom = boot + rng.uniform(300, 2500) / mm_per_px
    coat = Coat.draw(rng)
    plate = paint(rng, shape, mm_per_px, coat, boot, bottom)
    _marks(rng, plate)
    if rng.random() > _CLEAN_SHARE:
        _defects(rng, plate, families, coat)
    for _ in range(int(rng.choice(3, p=[0.5, 0.35, 0.15]))):
        soft_shadow(plate, rng)
    if rng.random() < 0.4:
        curvature(plate, rng)
    return plate


def _anywhere(rng: Rng) -> tuple[float, float]:
    return float(rng.uniform(0.08, 0.92) * _PLATE_PX), float(rng.uniform(0.08, 0.92) * _PLATE_PX)


def _marks(rng: Rng, plate: Plate) -> None:
    colour = (232, 232, 226) if plate.canvas.mean() < 120 else (40, 40, 44)
    if rng.random() < 0.3:
        text = "".join(rng.choice(list(_LETTERS), int(rng.integers(3, 9))))
        write_text(
            plate, text, rng.uniform(-0.1, 0.6) * _PLATE_PX, rng.uniform(0.2, 0.9) * _PLATE_PX, rng.uniform(300, 1200), colour
        )
    if rng.random() < 0.25:
        draught_marks(plate, rng.uniform(0.1, 0.8) * _PLATE_PX, rng.uniform(0.6, 1.5) * _PLATE_PX, colour)
    for _ in range(int(rng.integers(0, 3))):
        scupper(plate, rng, _anywhere(rng))
    if rng.random() < 0.25:
        band = plate.window((rng.uniform(0.2, 0.9) * _PLATE_PX, _PLATE_PX / 2), (rng.uniform(200, 900), 1e6))
        if band is not None:
            salt_or_mud(band, rng, "salt" if rng.random() < 0.5 else "mud")


def _defects(rng: Rng, plate: Plate, families: tuple[Family, ...], coat: Coat) -> None:
    family = families[int(rng.integers(len(families)))].varied(rng)
    for _ in range(int(rng.integers(0, 4)) + int(rng.random() < 0.5)):
        _rust_and_stain(rng, plate, family)
    for _ in range(int(rng.integers(0, 3))):
        _peeled(rng, plate, family, coat, _size_px(rng, 16, 300) * plate.mm_per_px)
    _rare_defects(rng, plate)


def _size_px(rng: Rng, low: float, high: float) -> float:
    """Small ones are more frequent than large ones: uniform in the logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _rust_and_stain(rng: Rng, plate: Plate, family: Family) -> None:
    size = _size_px(rng, 14, 380) * plate.mm_per_px
    where = _anywhere(rng)
    kind = _KINDS[int(rng.choice(4, p=[0.45, 0.25, 0.2, 0.1]))]
    extent = (size * rng.uniform(0.12, 0.3), size * 2.2) if kind == "seam" else (size, size * rng.uniform(0.6, 1.8))
    window = plate.window(where, extent)
    if window is not None:
        defects.rust(window, rng, family, kind)
    if rng.random() < 0.4:
        length = size * rng.uniform(0.8, 3.5)
        below = plate.window((where[0] + length / plate.mm_per_px / 2, where[1]), (length, size * rng.uniform(0.4, 1.2)))
        if below is not None:
            defects.stain(below, rng, family)


def _rare_defects(rng: Rng, plate: Plate) -> None:
    """Blisters, a crack, fouling, a dent: each on a small share of the pictures. Blisters only where they can be resolved."""
    scale = plate.mm_per_px
    drawn = rng.random(4) < [0.15 if scale < 5 else 0.0, 0.15, 0.15, 0.25]
    windows = (
        (_anywhere(rng), (400.0, 600.0)),
        (_anywhere(rng), (rng.uniform(60, 200) * scale, rng.uniform(60, 300) * scale)),
        ((_PLATE_PX * rng.uniform(0.7, 1.0), _PLATE_PX / 2), (rng.uniform(80, 260) * scale, 1e6)),
        (_anywhere(rng), (rng.uniform(40, 200) * scale, rng.uniform(40, 300) * scale)),
    )
    painters = (defects.blisters, defects.crack, defects.fouling, defects.dent)
    for wanted, (centre, size), painter in zip(drawn, windows, painters, strict=True):
        window = plate.window(centre, size)
        if wanted and window is not None:
            painter(window, rng)


def _scene(rng: Rng, plate: Plate, views: tuple[float, ...] = _VIEWS) -> tuple[Image, Image]:
    """Put the side before sky, quay or water through a random homography; now and then there is no hull at all."""
    size = PHOTO_PX
    view = rng.choice(5, p=views)
    top = -0.16 if view in (0, 1) else rng.uniform(0.12, 0.45)
    bottom = 1.12 if view in (0, 2) else rng.uniform(0.6, 0.9)
    corners = np.array([[-0.16, top], [1.12, top], [1.12, bottom], [-0.16, bottom]])
    corners = (corners + rng.normal(0, 0.05, (4, 2))) * size
    source = np.array([[0, 0], [_PLATE_PX, 0], [_PLATE_PX, _PLATE_PX], [0, _PLATE_PX]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    backdrop = paint_backdrop(rng, size, float(corners[2:, 1].mean()) if view != 4 else rng.uniform(0.1, 1.0) * size)
    image = cv2.warpPerspective(plate.canvas, matrix, (size, size), flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.full(plate.shape, 255, np.uint8), matrix, (size, size))
    truth = np.asarray(cv2.warpPerspective(plate.truth, matrix, (size, size), flags=cv2.INTER_NEAREST), np.uint8)
    alpha = (inside.astype(np.float32) / 255.0)[..., None]
    mixed = image.astype(np.float32) * alpha + backdrop.astype(np.float32) * (1 - alpha)
    scene = np.asarray(mixed, np.uint8)
    if view == 4:
        scene, truth = backdrop, np.full((size, size), ClassId.BACKGROUND, np.uint8)
    for _ in range(int(rng.integers(0, 4)) if view == 4 else int(rng.random() < 0.3)):
        clutter(rng, scene, truth)
    return scene, truth
