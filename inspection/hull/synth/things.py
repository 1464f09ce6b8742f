"""Owns pictures of steel and other things that are not a hull: bars, pipes, plates, rings, blades, rusty or sound, before a wall.

Never a ship. Sound steel, copper, gold, bronze, wood and paint are background in the truth, rust is corrosion: here the detector
learns that the colour alone is not rust. Pictures are uint8 RGB, positions in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.hull.classes import ClassId
from inspection.hull.synth.family import Family
from inspection.hull.synth.noise import Field, Image, Rng, blend, fractal, shade, value_noise
from inspection.hull.synth.scenery import paint_backdrop

Shape = Literal["bar", "pipe", "disc", "ring", "blade", "plate"]
_SHAPES: tuple[Shape, ...] = ("bar", "pipe", "disc", "ring", "blade", "plate")
_METALS = (
    (184, 104, 70), (206, 168, 72), (152, 114, 66), (120, 84, 52), (176, 178, 180), (120, 124, 128), (214, 150, 112), (92, 96, 98),
)  # fmt: skip
_PAINTS = (
    (132, 38, 34), (172, 66, 40), (110, 60, 44), (40, 84, 120), (60, 104, 72), (196, 194, 186), (210, 170, 52), (60, 62, 66),
    (150, 92, 60), (92, 44, 40),
)  # fmt: skip
_WOODS = ((146, 100, 64), (104, 70, 46), (178, 138, 96), (92, 80, 70))


@dataclass(frozen=True, slots=True)
class _Frame:
    """Coordinates of a thing: `along` and `across` run -1..1 inside it, `inside` is its opacity."""

    inside: Field
    along: Field
    across: Field


def things_scene(rng: Rng, size: int, families: tuple[Family, ...]) -> tuple[Image, Image]:
    """(size, size, 3) RGB and its truth: one to six things, often several of one kind side by side."""
    scene = paint_backdrop(rng, size, float(rng.choice([-0.1, 1.2, rng.uniform(0.2, 1.0)])) * size)
    truth = np.full((size, size), ClassId.BACKGROUND, np.uint8)
    family = _old_iron(rng, families).varied(rng)
    rusty = rng.random() < 0.6
    kind: Shape = _SHAPES[int(rng.integers(len(_SHAPES)))]
    count = int(rng.integers(1, 7))
    angle, width = float(rng.uniform(0, np.pi)), float(np.exp(rng.uniform(np.log(6), np.log(60))))
    start = rng.uniform(0.1, 0.5, 2) * size
    row = rng.random() < 0.5
    for index in range(count):
        if row:
            centre = start + index * width * rng.uniform(2.2, 2.8) * np.array([-np.sin(angle), np.cos(angle)])
            frame = _frame(size, kind, centre, angle, (size * 0.6, width))
        else:
            kind = _SHAPES[int(rng.integers(len(_SHAPES)))]
            extent = (float(rng.uniform(30, 220)), float(np.exp(rng.uniform(np.log(6), np.log(90)))))
            frame = _frame(size, kind, rng.uniform(0.05, 0.95, 2) * size, float(rng.uniform(0, np.pi)), extent)
        _put(rng, scene, truth, frame, kind, family if rusty else None)
    return scene, truth


def _old_iron(rng: Rng, families: tuple[Family, ...]) -> Family:
    """Rust of things is dark brown more often than that of ships: the family with the darkest palette comes up every other time."""
    darkest = min(families, key=lambda family: sum(sum(stop) for stop in family.palette))
    return darkest if rng.random() < 0.4 else families[int(rng.integers(len(families)))]


def _frame(size: int, kind: Shape, centre: NDArray[np.float64], angle: float, half: tuple[float, float]) -> _Frame:
    rows, columns = np.indices((size, size), dtype=np.float32)
    right, down = columns - np.float32(centre[0]), rows - np.float32(centre[1])
    if kind in {"disc", "ring"}:
        half = (half[1] * 1.6, half[1] * 1.6)
    elif kind == "plate":
        half = (half[0], max(half[1], half[0] * 0.5))
    along = (right * np.cos(angle) + down * np.sin(angle)) / np.float32(half[0])
    across = (down * np.cos(angle) - right * np.sin(angle)) / np.float32(half[1])
    round_shape = kind in {"disc", "ring", "blade"}
    distance = np.sqrt(along**2 + across**2) if round_shape else np.maximum(np.abs(along), np.abs(across))
    edge = (1.0 - distance) * np.float32(min(half))
    if kind == "ring":
        edge = np.minimum(edge, (distance - 0.55) * np.float32(half[1]))
    return _Frame(
        np.asarray(np.clip(edge + 0.5, 0, 1), np.float32), np.asarray(along, np.float32), np.asarray(across, np.float32)
    )


def _put(rng: Rng, scene: Image, truth: Image, frame: _Frame, kind: Shape, family: Family | None) -> None:
    shape = truth.shape[0], truth.shape[1]
    _cast_shadow(rng, scene, frame.inside)
    material = str(rng.choice(["metal", "paint", "wood"], p=[0.45, 0.4, 0.15] if family is None else [0.35, 0.65, 0.0]))
    blend(scene, _surface(rng, frame, material), frame.inside)
    inside = frame.inside > 0.5
    truth[inside] = ClassId.BACKGROUND
    if family is not None:
        cell = float(rng.uniform(8, 60))
        edge = np.maximum(np.abs(frame.along), np.abs(frame.across)) - 0.6
        spread = rng.uniform(-0.6, 1.6) if rng.random() < 0.65 else 3.0  # a third is rusted all over, as old iron is
        field = family.field(rng, shape, cell) * 0.8 + rng.uniform(0, 1.0) * edge + spread
        alpha = np.asarray(np.clip(field / rng.uniform(0.05, 0.35) + 0.5, 0, 1) * frame.inside, np.float32)
        level = 0.5 + 0.35 * family.field(rng, shape, max(cell / 4, 3.0)) + 0.16 * value_noise(rng, shape, (2.0, 2.0))
        level += rng.uniform(-0.2, 0.15) - 0.2 * np.exp(-np.abs(field) / 0.12)
        blend(scene, family.colours(np.asarray(level, np.float32)), alpha)
        truth[(alpha > 0.5) & inside] = ClassId.CORROSION
    _light(rng, scene, frame, kind, shiny=material == "metal" and family is None)


def _surface(rng: Rng, frame: _Frame, material: str) -> Field:
    """Colour of the sound thing, (h, w, 3)."""
    shape = frame.inside.shape[0], frame.inside.shape[1]
    colours = {"metal": _METALS, "paint": _PAINTS, "wood": _WOODS}[material]
    base = np.array(colours[int(rng.integers(len(colours)))], np.float32) * rng.uniform(0.75, 1.2) + rng.normal(0, 6, 3)
    tone = 1.0 + rng.uniform(0.01, 0.06) * fractal(rng, shape, 24.0, 4, 0.6)
    if material == "wood":
        grain = np.sin(frame.across * rng.uniform(6, 30) + 1.5 * fractal(rng, shape, 40.0, 3, 0.5, 3.0))
        tone = tone + 0.14 * grain + 0.08 * value_noise(rng, shape, (2.0, 30.0))
    elif material == "metal" and rng.random() < 0.5:
        tone = tone + 0.08 * np.sin(frame.along * rng.uniform(20, 90))  # thread, coil or machining marks
    return np.asarray(base[None, None, :] * np.asarray(tone, np.float32)[..., None], np.float32)


def _light(rng: Rng, scene: Image, frame: _Frame, kind: Shape, *, shiny: bool) -> None:
    """Roundness, and on sound metal the bright streaks that rust does not have."""
    tilt = rng.uniform(-0.8, 0.8)
    if kind in {"pipe", "disc", "blade"}:
        bent = np.clip(1.0 - frame.across**2, 0, 1) ** 0.5 * np.cos(tilt) + frame.across * np.sin(tilt)
        factor = 0.5 + 0.65 * np.clip(bent, 0, 1)
    else:
        factor = 1.0 + 0.15 * tilt * frame.across + 0.1 * tilt * frame.along
    shade(scene, np.asarray(1.0 + (factor - 1.0) * frame.inside, np.float32))
    if shiny:
        place, width = rng.uniform(-0.6, 0.6), rng.uniform(0.04, 0.25)
        streak = np.exp(-(((frame.across - place) / width) ** 2)) * rng.uniform(0.3, 0.9)
        blend(scene, np.array([255, 250, 240], np.float32), np.asarray(streak * frame.inside, np.float32))


def _cast_shadow(rng: Rng, scene: Image, inside: Field) -> None:
    shift = np.array([[1, 0, rng.uniform(-14, 14)], [0, 1, rng.uniform(2, 14)]])
    moved = cv2.warpAffine(inside, shift, (inside.shape[1], inside.shape[0]))
    soft = cv2.GaussianBlur(moved, (0, 0), float(rng.uniform(1.0, 8.0)))
    shade(scene, np.asarray(1.0 - soft * rng.uniform(0.1, 0.5), np.float32))
