"""Owns coating loss as training shows it: what lies below the paint, how the paint has come off, how the edge catches the light.

Never used for ship files, whose coating loss is `defects.coating_loss`: what is learned here has to carry over to that.
Canvas uint8 RGB and truth change in place, lengths in mm.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.hull.classes import ClassId
from inspection.hull.synth.defects import Plate
from inspection.hull.synth.family import Family
from inspection.hull.synth.noise import Field, Rng, blend, cells, fractal, shade, value_noise
from inspection.hull.synth.plate import BOTTOMS, PRIMERS, TOPSIDES

PeelKind = Literal["flake", "lobes", "strip", "chips", "scrape", "net"]
_KINDS: tuple[PeelKind, ...] = ("flake", "lobes", "strip", "chips", "scrape", "net")
_KIND_SHARES = (0.34, 0.2, 0.12, 0.12, 0.1, 0.12)
_STEELS = ((112, 114, 118), (134, 134, 132), (92, 92, 96), (150, 148, 142))
_LONG: dict[PeelKind, float] = {"strip": 4.0, "scrape": 3.0}


def peel_window(plate: Plate, rng: Rng, centre: tuple[float, float], size_mm: float) -> tuple[PeelKind, Plate | None]:
    """A way of coming off, and the window of about `size_mm` it needs; strips and scrapes run long, along or across."""
    kind = _KINDS[int(rng.choice(len(_KINDS), p=_KIND_SHARES))]
    along, across = size_mm * _LONG.get(kind, rng.uniform(0.8, 1.7)), size_mm
    return kind, plate.window(centre, (across, along) if rng.random() < 0.7 else (along, across))


def below_the_paint(rng: Rng, canvas: NDArray[np.uint8], primer: tuple[int, int, int]) -> NDArray[np.float32]:
    """RGB of what shows: primer, bare steel, an older coat, or a coat hardly unlike the one that came off."""
    kind = rng.random()
    around = np.asarray(canvas.reshape(-1, 3).mean(axis=0), np.float32)
    if kind < 0.45:
        colour = np.array(primer, np.float32)
    elif kind < 0.65:
        colour = np.array(_STEELS[int(rng.integers(len(_STEELS)))], np.float32)
    elif kind < 0.88:
        colours = PRIMERS + TOPSIDES + BOTTOMS[:3]
        colour = np.array(colours[int(rng.integers(len(colours)))], np.float32)
    else:
        colour = around + np.float32(rng.choice([-1.0, 1.0]) * rng.uniform(22, 45))
    colour = colour * np.float32(rng.uniform(0.8, 1.2)) + rng.normal(0, 5, 3).astype(np.float32)
    gap = float(np.abs(colour - around).max())
    if gap < 18:  # nobody could see it
        colour = around + np.float32(35 if around.mean() < 140 else -35)
    return np.asarray(np.clip(colour, 10, 246), np.float32)


def peel(plate: Plate, rng: Rng, family: Family, kind: PeelKind, under: NDArray[np.float32], rusty: float) -> None:
    """Paint has come off in the window; `under` (RGB) shows, `rusty` 0-1 is the share of it that already corrodes."""
    shape = plate.shape
    size = max(min(shape), 4)
    alpha = _soft(_lost(rng, shape, family, kind), rng.uniform(0.03, 0.15))
    if rng.random() < 0.3:  # a coat between: its rim shows round the deepest part
        between = np.asarray(under * 0.5 + rng.uniform(40, 220, 3) * 0.5, np.float32)
        rim = _soft(cv2.GaussianBlur(alpha, (0, 0), max(rng.uniform(8, 40) / plate.mm_per_px, 0.8)) - 0.25, 0.1)
        blend(plate.canvas, between, np.asarray(np.clip(rim, 0, 1), np.float32))
        alpha = np.maximum(alpha, rim)
        inner = np.asarray(cv2.erode(alpha, np.ones((3, 3), np.uint8)), np.float32)
        _fill(plate, rng, under, inner, size)
    else:
        _fill(plate, rng, under, alpha, size)
    edge = cv2.GaussianBlur(alpha, (0, 0), max(rng.uniform(2.0, 10.0) / plate.mm_per_px, 0.6))
    relief = np.clip(-cv2.Sobel(edge, cv2.CV_32F, 0, 1), -0.5, 0.5) * rng.uniform(0.0, 0.9)
    shade(plate.canvas, np.asarray(1.0 + relief, dtype=np.float32))
    lost = alpha > 0.5
    plate.truth[lost & (plate.truth == ClassId.HULL)] = ClassId.COATING_LOSS
    if rusty > 0:
        grown = family.field(rng, shape, max(size / rng.uniform(3, 8), 3.0)) - (1.0 - 2.0 * rusty)
        corroded = np.asarray(_soft(np.asarray(grown, np.float32), 0.15) * alpha, np.float32)
        blend(
            plate.canvas,
            family.colours(np.asarray(0.5 + 0.4 * family.field(rng, shape, max(size / 8, 3.0)), np.float32)),
            corroded,
        )
        plate.truth[(corroded > 0.5) & (plate.truth != ClassId.BACKGROUND)] = ClassId.CORROSION


def _fill(plate: Plate, rng: Rng, under: NDArray[np.float32], alpha: Field, size: int) -> None:
    mottle = rng.uniform(0.02, 0.12) * fractal(rng, plate.shape, max(size / rng.uniform(2, 9), 3.0), 4, 0.6)
    grain = rng.uniform(0.0, 0.06) * value_noise(rng, plate.shape, (1.0, 1.0))
    streak = rng.uniform(0.0, 0.06) * value_noise(rng, plate.shape, (max(size / 2, 2.0), 2.0))
    texture = np.asarray(1.0 + mottle + grain + streak, np.float32)
    blend(plate.canvas, np.asarray(under[None, None, :] * texture[..., None], np.float32), alpha)


def _soft(field: Field, width: float) -> Field:
    return np.asarray(np.clip(field / np.float32(width) + 0.5, 0.0, 1.0), np.float32)


def _lost(rng: Rng, shape: tuple[int, int], family: Family, kind: PeelKind) -> Field:
    """Positive where the paint is gone."""
    size = max(min(shape), 4)
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    inside = 1.0 - np.sqrt(rows * rows + columns * columns)
    flakes = 1.0 - 2.0 * cells(rng, shape, max(size / rng.uniform(4, 12), 3.0))
    torn = family.field(rng, shape, max(size / rng.uniform(2, 4), 3.0))
    if kind == "lobes":
        field = inside - 0.25 + 0.5 * fractal(rng, shape, max(size / 2, 3.0), 3, 0.4)
    elif kind == "strip":
        flat = rows if shape[0] <= shape[1] else columns
        field = 0.5 - np.abs(flat) + 0.35 * torn + 0.15 * flakes + np.minimum(inside + 0.3, 0.0)
    elif kind == "chips":
        field = np.minimum(0.32 * rng.uniform(0.8, 1.5) + 0.5 * flakes, inside + 0.1 + 0.3 * torn) - 0.2
    elif kind == "scrape":
        flat = rows if shape[0] <= shape[1] else columns
        cell = (max(size / 14, 1.5), max(max(shape) / 3, 3.0))
        lanes = value_noise(rng, shape, cell if shape[0] <= shape[1] else (cell[1], cell[0]))
        field = 0.25 - 0.6 * np.abs(flat) + 0.7 * lanes + np.minimum(inside + 0.4, 0.0)
    elif kind == "net":
        field = np.minimum(0.25 - np.abs(torn) + 0.15 * flakes, inside + 0.05)
    else:
        field = inside - 0.32 + 0.55 * (0.6 * torn + 0.4 * flakes)
    return np.asarray(field, np.float32)
