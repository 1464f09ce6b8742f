"""Owns how one defect is painted on a plate, with its truth: rust, stain, coating loss, blister, crack, fouling, dent.

Never decides where. Canvas (h, w, 3) uint8 RGB and truth (h, w) uint8 class ids are changed in place. Lengths in mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.hull.classes import ClassId
from inspection.hull.synth.family import Family
from inspection.hull.synth.noise import Field, Image, Rng, blend, cells, fractal, shade, value_noise

RustKind = Literal["scab", "spots", "seam", "sheet"]


@dataclass(frozen=True, slots=True)
class Plate:
    """A painted surface and its truth, at one scale."""

    canvas: Image
    truth: Image
    mm_per_px: float

    def window(self, centre: tuple[float, float], size_mm: tuple[float, float]) -> Plate | None:
        """The part around `centre` (row, column px) of `size_mm` (height, width); None when it has no pixels."""
        half = (size_mm[0] / self.mm_per_px / 2, size_mm[1] / self.mm_per_px / 2)
        top, left = max(0, int(centre[0] - half[0])), max(0, int(centre[1] - half[1]))
        bottom, right = int(centre[0] + half[0]) + 1, int(centre[1] + half[1]) + 1
        canvas, truth = self.canvas[top:bottom, left:right], self.truth[top:bottom, left:right]
        return Plate(canvas, truth, self.mm_per_px) if min(canvas.shape[:2]) >= 3 else None

    @property
    def shape(self) -> tuple[int, int]:
        return self.truth.shape[0], self.truth.shape[1]


def _envelope(shape: tuple[int, int]) -> Field:
    """1 at the centre of an ellipse that touches the window, 0 on it, negative in the corners."""
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    return np.asarray(1.0 - np.sqrt(rows * rows + columns * columns), dtype=np.float32)


def _soft(field: Field, width: float) -> Field:
    return np.asarray(np.clip(field / np.float32(width) + 0.5, 0.0, 1.0), dtype=np.float32)


def _mark(truth: Image, where: NDArray[np.bool_], class_id: ClassId) -> None:
    truth[where & (truth != ClassId.BACKGROUND)] = class_id


def rust(plate: Plate, rng: Rng, family: Family, kind: RustKind) -> None:
    """Corrosion in the whole window: one scab, a field of spots, a strip along a seam, or a sheet over nearly all of it."""
    shape = plate.shape
    size = max(min(shape), 4)
    envelope = _envelope(shape)
    noise = family.field(rng, shape, max(size / rng.uniform(2.0, 5.0), 3.0))
    if kind == "spots":
        spot = rng.uniform(12, 70) / plate.mm_per_px
        field = 0.45 * rng.uniform(0.6, 1.2) - cells(rng, shape, max(spot * rng.uniform(1.6, 4.0), 3.0)) + 0.25 * noise
        field = np.minimum(field, envelope - 0.12 + 0.3 * noise)
    elif kind == "seam":
        rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
        along = value_noise(rng, (1, shape[1]), (1.0, max(size * 1.5, 4.0)))
        field = 0.42 + 0.5 * along - np.abs(rows) + 0.5 * family.rough * noise
    elif kind == "sheet":
        field = 0.55 + 0.3 * envelope + family.rough * noise * 0.9
    else:
        field = envelope - 0.35 + family.rough * 0.7 * noise
    alpha = _soft(np.asarray(field, np.float32), rng.uniform(0.05, 0.22))
    level = 0.5 + 0.32 * family.field(rng, shape, max(size / 6, 3.0)) + 0.16 * value_noise(rng, shape, (2.0, 2.0))
    level = level - 0.25 * np.exp(-np.abs(field) / 0.12) + rng.uniform(-0.12, 0.12)
    colour = family.colours(np.asarray(level, dtype=np.float32))
    halo = _soft(np.asarray(field + 0.12, np.float32), 0.35) * np.float32(rng.uniform(0.0, 0.4))
    blend(plate.canvas, family.colours(np.full((1, 1), 0.85, np.float32))[0, 0], np.asarray(halo * (1 - alpha), np.float32))
    relief = np.clip(cv2.Sobel(cv2.GaussianBlur(alpha, (0, 0), 1.0), cv2.CV_32F, 0, 1) * 0.5, -0.3, 0.3)
    blend(plate.canvas, colour, np.asarray(alpha * rng.uniform(0.88, 1.0), dtype=np.float32))
    shade(plate.canvas, np.asarray(1.0 + relief * rng.uniform(0.0, 1.0), dtype=np.float32))
    _mark(plate.truth, alpha > 0.5, ClassId.CORROSION)


def stain(plate: Plate, rng: Rng, family: Family) -> None:
    """Rust water run down from the top of the window; truth where it is clearly visible and no corrosion lies below."""
    height, width = plate.shape
    lanes = value_noise(rng, (1, width), (1.0, max(width / rng.uniform(2, 7), 2.0)))
    lanes = 0.6 * lanes + 0.4 * value_noise(rng, (1, width), (1.0, max(width / 16, 2.0)))
    length = np.clip(0.55 + 0.45 * lanes, 0.12, 1.0)
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    across = 1.0 - np.abs(np.linspace(-1, 1, width, dtype=np.float32))[None, :] ** 2
    fade = np.clip(1.0 - rows / length, 0, 1) ** rng.uniform(0.6, 1.3)
    wobble = 1.0 + 0.25 * fractal(rng, (height, width), max(height / 8, 3.0), 3, 0.5, 0.3)
    alpha = np.clip(fade * across * np.clip(0.55 + 0.8 * lanes, 0, 1) * wobble * rng.uniform(0.6, 1.0), 0, 0.85)
    level = np.full((height, width), rng.uniform(0.55, 0.95), np.float32)
    blend(plate.canvas, family.colours(level), np.asarray(alpha, dtype=np.float32))
    _mark(plate.truth, (alpha > 0.28) & (plate.truth == ClassId.HULL), ClassId.RUST_STAIN)


def coating_loss(plate: Plate, rng: Rng, family: Family, under: NDArray[np.float32], rusty: float) -> None:
    """Flaked paint: the layer below (`under`, RGB) shows with torn edges; `rusty` 0-1 is the share that already corrodes."""
    shape = plate.shape
    size = max(min(shape), 4)
    torn = 0.6 * family.field(rng, shape, max(size / 3, 3.0)) + 0.4 * (1.0 - 2.0 * cells(rng, shape, max(size / 7, 3.0)))
    field = _envelope(shape) - 0.32 + 0.55 * torn
    alpha = _soft(np.asarray(field, np.float32), 0.04)
    texture = 1.0 + 0.07 * fractal(rng, shape, max(size / 5, 3.0), 4, 0.6) + 0.03 * value_noise(rng, shape, (1.0, 1.0))
    blend(plate.canvas, np.asarray(under[None, None, :] * texture[..., None], np.float32), alpha)
    edge = cv2.GaussianBlur(alpha, (0, 0), max(6.0 / plate.mm_per_px, 0.6))
    relief = np.clip(-cv2.Sobel(edge, cv2.CV_32F, 0, 1), -0.5, 0.5) * rng.uniform(0.3, 0.9)
    shade(plate.canvas, np.asarray(1.0 + relief, dtype=np.float32))
    lost = alpha > 0.5
    _mark(plate.truth, lost & (plate.truth == ClassId.HULL), ClassId.COATING_LOSS)
    if rusty > 0:
        corroded = (
            _soft(np.asarray(family.field(rng, shape, max(size / 4, 3.0)) - (1.0 - 2.0 * rusty), np.float32), 0.15) * alpha
        )
        level = np.asarray(0.5 + 0.4 * family.field(rng, shape, max(size / 8, 3.0)), np.float32)
        blend(plate.canvas, family.colours(level), np.asarray(corroded, np.float32))
        _mark(plate.truth, corroded > 0.5, ClassId.CORROSION)


def blisters(plate: Plate, rng: Rng) -> None:
    """A cluster of domes lit from above."""
    height, width = plate.shape
    bump = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(6, 40))):
        radius = max(rng.uniform(8, 35) / plate.mm_per_px, 1.2)
        centre = (int(rng.normal(width / 2, width / 5)), int(rng.normal(height / 2, height / 5)))
        cv2.circle(bump, centre, round(radius), float(rng.uniform(0.6, 1.0)), -1, cv2.LINE_AA)
    domes = cv2.GaussianBlur(bump, (0, 0), max(6.0 / plate.mm_per_px, 0.8))
    shade(plate.canvas, np.asarray(1.0 - np.clip(cv2.Sobel(domes, cv2.CV_32F, 0, 1) * 0.9, -0.45, 0.45), np.float32))
    area = cv2.dilate((bump > 0.3).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    _mark(plate.truth, area & (plate.truth == ClassId.HULL), ClassId.BLISTER)


def crack(plate: Plate, rng: Rng) -> None:
    """A dark branching line across the window."""
    height, width = plate.shape
    line = np.zeros((height, width), np.uint8)
    count = int(rng.integers(8, 18))
    steps = np.cumsum(rng.normal(0, 0.06, (count, 2)), axis=0) + np.linspace([0.5, 0.05], [0.5, 0.95], count)
    points = (steps * [height, width])[:, ::-1].astype(np.int32)
    thickness = max(1, round(rng.uniform(2, 7) / plate.mm_per_px))
    cv2.polylines(line, [points], False, 255, thickness, cv2.LINE_AA)
    if rng.random() < 0.5:
        middle = points[count // 2]
        branch = middle + np.cumsum(rng.normal([width / 20, height / 14], height / 40 + 1, (5, 2)), axis=0).astype(np.int32)
        cv2.polylines(line, [np.vstack([middle[None], branch]).astype(np.int32)], False, 255, thickness, cv2.LINE_AA)
    alpha = cv2.GaussianBlur(line, (0, 0), 0.6).astype(np.float32) / 255.0
    blend(plate.canvas, np.array([34, 28, 26], np.float32), np.asarray(alpha * 0.9, np.float32))
    wide = cv2.dilate(line, np.ones((3, 3), np.uint8)) > 60
    _mark(plate.truth, wide & (plate.truth == ClassId.HULL), ClassId.CRACK)


def fouling(plate: Plate, rng: Rng) -> None:
    """Weed and slime, denser towards the bottom of the window (the waterline)."""
    height, width = plate.shape
    size = max(min(height, width), 4)
    rows = np.linspace(-0.6, 0.9, height, dtype=np.float32)[:, None]
    field = rows + 0.7 * fractal(rng, (height, width), max(size / 3, 3.0), 5, 0.65)
    alpha = _soft(np.asarray(field, np.float32), 0.5) * np.float32(rng.uniform(0.65, 0.95))
    green = np.array([[52, 66, 32], [84, 92, 44], [70, 74, 60], [98, 96, 58]], np.float32)[rng.integers(0, 4)]
    texture = 1.0 + 0.3 * fractal(rng, (height, width), 6.0, 3, 0.7) + 0.15 * value_noise(rng, (height, width), (1.0, 1.0))
    blend(plate.canvas, np.asarray(green * texture[..., None], np.float32), np.asarray(alpha, np.float32))
    _mark(plate.truth, (alpha > 0.45) & (plate.truth == ClassId.HULL), ClassId.FOULING)


def dent(plate: Plate, rng: Rng) -> NDArray[np.int32]:
    """A dent by shading alone; returns its outline (n, 2) column, row px in the window. No mask class (contracts.md)."""
    height, width = plate.shape
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    radius = 0.36 * (1.0 + 0.12 * rng.normal(size=24))
    outline = np.stack([(0.5 + radius * np.cos(angle)) * width, (0.5 + radius * np.sin(angle)) * height], axis=1)
    filled = np.zeros((height, width), np.float32)
    cv2.fillPoly(filled, [outline.astype(np.int32)], 1.0)
    depth = cv2.GaussianBlur(filled, (0, 0), max(min(height, width) / 9.0, 0.8))
    slope = np.asarray(cv2.Sobel(depth, cv2.CV_32F, 0, 1, ksize=5), np.float32)
    slope = slope / max(float(np.abs(slope).max()), 1e-6)
    shade(plate.canvas, np.asarray(1.0 - 0.34 * slope, np.float32))
    return outline.astype(np.int32)
