"""Owns everything in a synthetic photograph that is not the ship: sky, water, ground, walls, and rust-coloured things.

Never touches the hull. All of it is background in the truth; much of it has the colour of rust on purpose.
"""

from __future__ import annotations

import cv2
import numpy as np

from inspection.hull.classes import ClassId
from inspection.hull.synth.noise import Field, Image, Rng, cells, fractal, value_noise

_SKIES = ((150, 186, 222), (196, 204, 210), (226, 228, 228), (228, 186, 150), (108, 134, 166), (90, 100, 104))
_WATERS = ((52, 76, 84), (70, 94, 88), (40, 58, 74), (108, 110, 96), (128, 104, 82), (96, 98, 98))
# Soil, sand, gravel, bark, dry grass, leaves, mud: from dark to light.
_GROUNDS = (
    ((70, 52, 38), (146, 112, 80)), ((150, 122, 88), (206, 178, 138)), ((88, 84, 80), (158, 152, 146)),
    ((74, 46, 32), (150, 98, 66)), ((112, 98, 58), (176, 158, 104)), ((38, 50, 26), (106, 122, 62)),
    ((96, 66, 46), (128, 96, 72)), ((120, 62, 44), (176, 108, 80)),
)  # fmt: skip
_THINGS = {
    "lifeboat": (232, 108, 34), "container": (142, 64, 44), "fender": (120, 86, 58), "tyre": (32, 32, 34),
    "bronze": (150, 112, 62), "copper": (190, 104, 66), "gold": (206, 166, 64), "skin": (204, 152, 122), "planks": (146, 100, 64),
}  # fmt: skip


def paint_backdrop(rng: Rng, size: int, water_row: float) -> Image:
    """(size, size, 3) RGB: sky or a wall above, water or ground below `water_row`, blocks of buildings in between."""
    out = np.empty((size, size, 3), np.float32)
    kind = rng.random()
    if kind < 0.2:
        out[:] = _wall(rng, size)
    elif kind < 0.35:
        out[:] = _ground(rng, (size, size))
    else:
        out[:] = np.array(_SKIES[int(rng.integers(len(_SKIES)))], np.float32) * rng.uniform(0.8, 1.1)
        out *= (1.0 + 0.06 * fractal(rng, (size, size), 120, 4, 0.5, 2.0))[..., None]
        _blocks(rng, out)
    row = int(np.clip(water_row - 6, 0, size))
    if row < size:
        if rng.random() < 0.5:
            out[row:] = _ground(rng, (size - row, size))
        else:
            out[row:] = _water(rng, (size - row, size))
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def _water(rng: Rng, shape: tuple[int, int]) -> Field:
    """Ripples, (h, w, 3); at sunset with the orange road of the low sun across."""
    ripple = fractal(rng, shape, 12, 3, 0.6, 4.0)
    out = np.array(_WATERS[int(rng.integers(len(_WATERS)))], np.float32) * (1.0 + 0.25 * ripple)[..., None]
    if rng.random() < 0.25:
        columns = np.linspace(0, 1, shape[1], dtype=np.float32)[None, :]
        road = np.exp(-(((columns - rng.uniform(0, 1)) / rng.uniform(0.08, 0.5)) ** 2)) * np.clip(0.5 + ripple, 0, 1)
        sun = np.array([rng.uniform(200, 250), rng.uniform(110, 170), rng.uniform(50, 110)], np.float32)
        out = out + (sun - out) * (road * rng.uniform(0.4, 1.0))[..., None]
    return np.asarray(out, dtype=np.float32)


def _ground(rng: Rng, shape: tuple[int, int]) -> Field:
    """Granular ground of one of the colour pairs, (h, w, 3)."""
    dark, light = _GROUNDS[int(rng.integers(len(_GROUNDS)))]
    grain = float(rng.uniform(2.0, 14.0))
    level = 0.5 + 0.3 * fractal(rng, shape, grain * 6, 5, 0.75, rng.uniform(1.0, 2.5))
    if rng.random() < 0.6:
        level += 0.35 * (0.6 - cells(rng, shape, max(grain, 3.0)))
    mixed = np.clip(level, 0, 1.2)[..., None]
    low, high = np.array(dark, np.float32), np.array(light, np.float32)
    return np.asarray((low + (high - low) * mixed) * rng.uniform(0.8, 1.15), dtype=np.float32)


def _wall(rng: Rng, size: int) -> Field:
    """Brickwork, planks or plain render, (size, size, 3)."""
    base = np.array(_GROUNDS[int(rng.integers(len(_GROUNDS)))][1], np.float32) * rng.uniform(0.7, 1.2)
    tone = 1.0 + 0.1 * fractal(rng, (size, size), 30, 4, 0.7)
    rows, columns = np.indices((size, size))
    brick = max(6, int(rng.uniform(8, 40)))
    kind = rng.random()
    if kind < 0.5:
        shift = (rows // brick % 2) * brick
        joints = (rows % brick < max(1, brick // 8)) | ((columns + shift) % (2 * brick) < max(1, brick // 8))
        each = rng.normal(1.0, 0.12, (size // brick + 2, size // (2 * brick) + 3)).astype(np.float32)
        tone = np.where(joints, np.float32(1.25), tone * each[rows // brick, (columns + shift) // (2 * brick)])
    elif kind < 0.75:
        tone = tone * (1.0 + 0.12 * value_noise(rng, (size, size), (70.0, 2.5)))
        tone = np.where(columns % brick < 2, np.float32(0.5), tone)
    return np.asarray(base * tone[..., None], dtype=np.float32)


def _blocks(rng: Rng, out: Field) -> None:
    size = out.shape[0]
    for _ in range(int(rng.integers(1, 9)) if rng.random() < 0.5 else 0):
        left, width = int(rng.uniform(0, size)), int(rng.uniform(15, 120))
        foot, tall = int(rng.uniform(0.2, 0.6) * size), int(rng.uniform(10, 140))
        out[max(0, foot - tall) : foot, left : left + width] = np.clip(
            rng.choice([90.0, 140.0, 190.0]) + rng.normal(0, 35, 3), 20, 240
        )


def clutter(rng: Rng, scene: Image, truth: Image) -> None:
    """Rust-coloured things that are not a hull: lifeboat, container, fender, tyre, bronze. Truth becomes background."""
    size = scene.shape[0]
    centre = (int(rng.uniform(0, size)), int(rng.uniform(0, size)))
    extent = (int(rng.uniform(15, 90)), int(rng.uniform(12, 60)))
    mask = np.zeros((size, size), np.uint8)
    kind = str(rng.choice(sorted(_THINGS)))
    if kind in {"container", "fender", "planks"}:
        corner = (centre[0] - extent[0], centre[1] - extent[1])
        cv2.rectangle(mask, corner, (centre[0] + extent[0], centre[1] + extent[1]), 255, -1)
    else:
        cv2.ellipse(mask, centre, extent, float(rng.uniform(0, 40)), 0, 360, 255, -1)
    tone = 1.0 + 0.08 * value_noise(rng, (size, size), (3.0, 3.0))
    columns, rows = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    if kind == "container":
        tone += 0.12 * np.sign(np.sin(columns * rng.uniform(0.3, 1.2)))
    elif kind in {"fender", "planks"}:
        tone += 0.14 * value_noise(rng, (size, size), (60.0, 2.5))
    else:
        tone *= 1.15 - 0.5 * np.clip((rows - centre[1]) / max(extent[1], 1), -1, 1)
    colour = np.clip(np.array(_THINGS[kind], np.float32) * rng.uniform(0.8, 1.2) + rng.normal(0, 8, 3), 0, 255)
    where = mask > 0
    scene[where] = np.clip(colour[None, :] * tone[where][:, None], 0, 255).astype(np.uint8)
    truth[where] = ClassId.BACKGROUND
