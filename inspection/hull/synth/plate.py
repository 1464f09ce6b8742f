"""Owns a painted hull side before anything is wrong with it: coats, plates, weld seams, marks, scuppers.

Never paints a defect. Colours RGB 0-255, lengths in mm, positions in pixels of the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.hull.classes import ClassId
from inspection.hull.synth.defects import Plate
from inspection.hull.synth.noise import Field, Rng, blend, fractal, shade, value_noise

Rgb = tuple[int, int, int]

# Paints seen on merchant ships; the last ones are rust-coloured on purpose (hard negatives, spec/hull.md section 6).
TOPSIDES: tuple[Rgb, ...] = (
    (36, 40, 46), (28, 44, 82), (84, 92, 100), (196, 200, 200), (30, 84, 62), (40, 104, 150), (226, 226, 218), (128, 34, 34),
    (150, 154, 150), (58, 62, 66), (70, 128, 120), (178, 84, 40), (122, 66, 44), (196, 168, 120),
)  # fmt: skip
BOTTOMS: tuple[Rgb, ...] = (
    (122, 40, 36), (142, 52, 44), (104, 36, 38), (156, 74, 60), (126, 58, 44), (32, 60, 110), (40, 92, 62), (38, 38, 40),
)  # fmt: skip
PRIMERS: tuple[Rgb, ...] = (
    (150, 152, 148), (176, 176, 168), (132, 90, 76), (116, 112, 106), (190, 182, 160), (96, 104, 110), (206, 206, 200),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coat:
    """The paint scheme of one ship."""

    topside: Rgb
    boot_top: Rgb
    bottom: Rgb
    primer: Rgb

    @classmethod
    def draw(cls, rng: Rng) -> Coat:
        """A random scheme, each colour shifted a little."""

        def pick(colours: tuple[Rgb, ...]) -> Rgb:
            base = np.array(colours[int(rng.integers(len(colours)))]) * rng.uniform(0.85, 1.15) + rng.normal(0, 6, 3)
            red, green, blue = np.clip(base, 12, 245).astype(int).tolist()
            return red, green, blue

        bottom = pick(BOTTOMS)
        return cls(pick(TOPSIDES), bottom if rng.random() < 0.5 else pick(TOPSIDES), bottom, pick(PRIMERS))


def paint(rng: Rng, shape: tuple[int, int], mm_per_px: float, coat: Coat, boot_row: float, bottom_row: float) -> Plate:
    """A clean side: topside above `boot_row`, boot topping down to `bottom_row`, anti-fouling below. Truth is all hull."""
    height, width = shape
    base = np.empty((height, 3), np.float32)
    rows = np.arange(height)
    base[:] = coat.topside
    base[rows >= boot_row] = coat.boot_top
    base[rows >= bottom_row] = coat.bottom
    tone = 1.0 + 0.035 * fractal(rng, shape, 2600 / mm_per_px, 4, 0.5, 1.6)
    tone += 0.018 * value_noise(rng, shape, (max(18 / mm_per_px, 1.5), max(18 / mm_per_px, 1.5)))
    tone *= _vertical_streaks(rng, shape, mm_per_px)
    tone *= _seams(rng, shape, mm_per_px)
    canvas = np.empty((height, width, 3), np.uint8)
    for channel in range(3):
        canvas[..., channel] = np.clip(base[:, channel : channel + 1] * tone, 0, 255).astype(np.uint8)
    return Plate(canvas, np.full(shape, ClassId.HULL, np.uint8), mm_per_px)


def _vertical_streaks(rng: Rng, shape: tuple[int, int], mm_per_px: float) -> Field:
    """Rain and dirt runs: brightness factor about 1."""
    streaks = value_noise(rng, shape, (max(1500 / mm_per_px, 2.0), max(60 / mm_per_px, 1.5)))
    return np.asarray(1.0 + np.float32(rng.uniform(0.01, 0.05)) * streaks, dtype=np.float32)


def _seams(rng: Rng, shape: tuple[int, int], mm_per_px: float) -> Field:
    """Weld seams between plates (about 2.2 m x 9 m) and the faint quilting over frames 0.7 m apart: brightness factor."""
    height, width = shape
    columns = np.arange(width, dtype=np.float32) * np.float32(mm_per_px)
    quilt = 1.0 + np.float32(rng.uniform(0.0, 0.02)) * np.sin(columns * np.float32(2 * np.pi / 700.0))
    factor = np.repeat(quilt[None, :], height, axis=0)
    wide = max(1, round(22 / mm_per_px))
    bright, dark = np.float32(rng.uniform(1.02, 1.12)), np.float32(rng.uniform(0.82, 0.95))
    for row in np.arange(rng.uniform(0, 2200), height * mm_per_px, 2200.0) / mm_per_px:
        factor[int(row) : int(row) + wide] *= bright
        factor[int(row) + wide : int(row) + 2 * wide] *= dark
    for column in np.arange(rng.uniform(0, 9000), width * mm_per_px, 9000.0) / mm_per_px:
        factor[:, int(column) : int(column) + wide] *= bright
        factor[:, int(column) + wide : int(column) + 2 * wide] *= dark
    return np.asarray(factor, dtype=np.float32)


def write_text(plate: Plate, text: str, left_px: float, baseline_px: float, height_mm: float, colour: Rgb) -> None:
    """Stencilled letters, `height_mm` high, on the plate; still hull in the truth."""
    want = height_mm / plate.mm_per_px
    if want < 4:
        return
    (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 4.0, 14)
    mask = np.zeros((high + below + 24, wide + 24), np.uint8)
    cv2.putText(mask, text, (12, high + 12), cv2.FONT_HERSHEY_SIMPLEX, 4.0, 255, 14)
    scale = want / high
    small = cv2.resize(
        mask, (max(2, round(mask.shape[1] * scale)), max(2, round(mask.shape[0] * scale))), interpolation=cv2.INTER_AREA
    )
    top, left = round(baseline_px - want - 12 * scale), round(left_px)
    top, left = max(top, 0), max(left, 0)
    window = plate.canvas[top : top + small.shape[0], left : left + small.shape[1]]
    alpha = small[: window.shape[0], : window.shape[1]].astype(np.float32) / 255.0
    if alpha.size:
        blend(window, np.array(colour, np.float32), np.asarray(alpha * 0.95, np.float32))


def draught_marks(plate: Plate, column_px: float, keel_row_px: float, colour: Rgb) -> None:
    """Metric marks: figures 10 cm high every 20 cm, their foot at the draught they name. `keel_row_px` is the row of z = 0."""
    height = plate.shape[0]
    for decimetres in range(0, 400, 2):
        row = keel_row_px - decimetres * 100.0 / plate.mm_per_px
        if 0 < row < height:
            label = f"{decimetres // 10}M" if decimetres % 10 == 0 else str(decimetres % 10)
            write_text(plate, label, column_px, row, 100.0, colour)


def scupper(plate: Plate, rng: Rng, centre: tuple[float, float]) -> None:
    """An overboard opening with its dirty run-down; not a defect."""
    run = plate.window((centre[0] + 700 / plate.mm_per_px, centre[1]), (1400, rng.uniform(120, 300)))
    if run is not None:
        rows = np.linspace(1, 0, run.shape[0], dtype=np.float32)[:, None]
        lanes = 0.5 + 0.5 * value_noise(rng, (1, run.shape[1]), (1.0, max(run.shape[1] / 5, 2.0)))
        dirt = np.array([60, 58, 52], np.float32) if rng.random() < 0.6 else np.array([205, 204, 198], np.float32)
        blend(run.canvas, dirt, np.asarray(np.clip(rows * lanes, 0, 1) * rng.uniform(0.2, 0.5), np.float32))
    axes = (max(1, round(110 / plate.mm_per_px)), max(1, round(60 / plate.mm_per_px)))
    cv2.ellipse(plate.canvas, (round(centre[1]), round(centre[0])), axes, 0, 0, 360, (14, 14, 16), -1, cv2.LINE_AA)


def salt_or_mud(plate: Plate, rng: Rng, kind: Literal["salt", "mud"]) -> None:
    """A dried band in the window: white salt or brown mud; still sound coating."""
    shape = plate.shape
    field = 0.3 + 0.6 * fractal(rng, shape, max(shape[0] / 2, 4.0), 4, 0.6, 2.5)
    alpha = np.clip(field, 0, 1) * rng.uniform(0.25, 0.6)
    colour = np.array([222, 222, 218] if kind == "salt" else [124, 108, 86], np.float32)
    blend(plate.canvas, colour, np.asarray(alpha, np.float32))


def soft_shadow(plate: Plate, rng: Rng) -> None:
    """Something casts its shadow: a polygon darkens the plate, with a more or less sharp edge."""
    height, width = plate.shape
    mask = np.zeros((height, width), np.float32)
    points: NDArray[np.int32] = (rng.uniform(-0.3, 1.3, (4, 2)) * [width, height]).astype(np.int32)
    cv2.fillConvexPoly(mask, cv2.convexHull(points), 1.0)
    soft = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.8, 12.0)))
    shade(plate.canvas, np.asarray(1.0 - soft * rng.uniform(0.25, 0.6), np.float32))


def curvature(plate: Plate, rng: Rng) -> None:
    """The side turns away from the light, as at bow and bilge, and glossy paint mirrors the sky in a soft band."""
    height, width = plate.shape
    angle = float(rng.normal(0, 0.5))
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    place = np.asarray(columns * np.cos(angle) + rows * np.sin(angle), np.float32)
    shade(plate.canvas, np.asarray(1.0 + rng.uniform(-0.5, 0.5) * (place - 0.5) * 2.0, np.float32))
    if rng.random() < 0.5:
        band = np.exp(-(((place - rng.uniform(0, 1)) / rng.uniform(0.03, 0.25)) ** 2)) * rng.uniform(0.1, 0.5)
        blend(plate.canvas, np.array([236, 240, 244], np.float32), np.asarray(band, np.float32))
