"""Owns the random fields that every synthetic texture is made of.

Never knows what a field depicts. Units: pixels; all fields are (height, width) float32.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Image = NDArray[np.uint8]
Rng = np.random.Generator


def value_noise(rng: Rng, shape: tuple[int, int], cell_px: tuple[float, float]) -> Field:
    """Smooth noise, mean 0, about -1..1, with features of `cell_px` (rows, columns) pixels."""
    height, width = shape
    rows = max(2, int(np.ceil(height / max(cell_px[0], 1.0))) + 3)
    columns = max(2, int(np.ceil(width / max(cell_px[1], 1.0))) + 3)
    grid = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
    full = (max(height, round((rows - 3) * cell_px[0])), max(width, round((columns - 3) * cell_px[1])))
    field = cv2.resize(grid, (full[1], full[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(field[:height, :width], dtype=np.float32)


def fractal(rng: Rng, shape: tuple[int, int], cell_px: float, octaves: int, gain: float = 0.5, aspect: float = 1.0) -> Field:
    """Sum of octaves of value noise, scaled to about unit range; `aspect` > 1 stretches features along the columns."""
    total = np.zeros(shape, dtype=np.float32)
    weight, norm, cell = 1.0, 0.0, cell_px
    for _ in range(octaves):
        total += np.float32(weight) * value_noise(rng, shape, (max(cell, 1.0), max(cell * aspect, 1.0)))
        norm += weight * weight
        weight *= gain
        cell /= 2.0
        if cell < 1.0:
            break
    return np.asarray(total / np.float32(np.sqrt(norm)), dtype=np.float32)


def ridged(rng: Rng, shape: tuple[int, int], cell_px: float, octaves: int, gain: float = 0.5) -> Field:
    """Creased noise: sharp ridges, the look of scale and torn flakes."""
    return np.asarray(1.0 - 2.0 * np.abs(fractal(rng, shape, cell_px, octaves, gain)) * 1.6, dtype=np.float32)


def cells(rng: Rng, shape: tuple[int, int], cell_px: float) -> Field:
    """Distance to the nearest of random points over the cell size: round spots and flake-like cells, 0 at the points."""
    height, width = shape
    count = max(1, int(height * width / max(cell_px, 1.0) ** 2))
    points = np.full(shape, 255, dtype=np.uint8)
    points[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    distance = cv2.distanceTransform(points, cv2.DIST_L2, 5)
    return np.asarray(distance / np.float32(cell_px), dtype=np.float32)


def blend(canvas: Image, colour: NDArray[np.float32], alpha: Field) -> None:
    """Lay `colour` ((3,) or (h, w, 3), 0-255) over the uint8 RGB canvas with opacity `alpha` (h, w), in place."""
    base = canvas.astype(np.float32)
    base += (colour - base) * alpha[..., None]
    np.clip(base, 0, 255, out=base)
    canvas[:] = base.astype(np.uint8)


def shade(canvas: Image, factor: Field) -> None:
    """Multiply the brightness of the uint8 RGB canvas by `factor` (h, w), in place."""
    canvas[:] = np.clip(canvas.astype(np.float32) * factor[..., None], 0, 255).astype(np.uint8)
