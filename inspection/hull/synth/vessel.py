"""Owns pictures of a whole ship, or the half of one, afloat or in a dock: silhouette, deckhouse, cranes, boats, propeller.

Most are sound and have a red bottom: here the detector learns that red paint, bronze and orange boats are not rust. Pictures are
uint8 RGB, truth uint8 class ids, positions in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.hull.classes import ClassId
from inspection.hull.synth import defects
from inspection.hull.synth.family import Family
from inspection.hull.synth.noise import Image, Rng, blend, fractal, value_noise
from inspection.hull.synth.plate import Coat, curvature, draught_marks, paint, scupper, soft_shadow, write_text
from inspection.hull.synth.scenery import paint_backdrop

_SOUND_SHARE = 0.55
_LOUD = (
    (232, 108, 34),
    (214, 84, 40),
    (240, 190, 60),
    (142, 64, 44),
    (172, 40, 36),
    (120, 60, 40),
    (60, 96, 140),
    (230, 230, 224),
)
_BRONZES = ((176, 132, 72), (150, 112, 62), (196, 156, 84), (128, 92, 54), (184, 118, 74))


@dataclass(frozen=True, slots=True)
class _Hull:
    """Where the ship lies in the picture: left and right end, deck and keel row, waterline row; `bow` -1 at the left, 1 at the right."""

    left: float
    right: float
    deck: float
    keel: float
    water: float
    bow: int


def vessel_scene(rng: Rng, size: int, families: tuple[Family, ...]) -> tuple[Image, Image]:
    """(size, size, 3) RGB and its truth."""
    docked = rng.random() < 0.45
    span = float(rng.uniform(0.55, 1.9)) * size
    left = float(rng.uniform(0.5 * (size - span) - 0.25 * size, 0.5 * (size - span) + 0.25 * size))
    deck = float(rng.uniform(0.2, 0.55)) * size
    height = float(np.clip(span * rng.uniform(0.09, 0.3), 0.12 * size, 0.6 * size))
    keel = deck + height
    hull = _Hull(
        left, left + span, deck, keel, keel if docked else deck + height * rng.uniform(0.6, 0.95), int(rng.choice([-1, 1]))
    )
    scene = paint_backdrop(rng, size, hull.keel - 4 if docked else hull.water)
    before = scene.copy()
    truth = np.full((size, size), ClassId.BACKGROUND, np.uint8)
    _superstructure(rng, scene, hull)
    _shell(rng, scene, truth, hull, families)
    if docked and rng.random() < 0.6:
        stern = hull.left + 0.04 * span if hull.bow > 0 else hull.right - 0.04 * span
        propeller(rng, scene, truth, (stern, hull.keel - 0.3 * height), 0.3 * height)
    if not docked:
        row = int(np.clip(hull.water, 0, size))
        wave = 3.0 * value_noise(rng, (1, size), (1.0, 20.0))[0]
        under = np.arange(size)[:, None] > row + wave[None, :]
        scene[under], truth[under] = before[under], ClassId.BACKGROUND
    return scene, truth


def _silhouette(rng: Rng, hull: _Hull, size: int) -> NDArray[np.float32]:
    """Opacity of the side: raked bow with flare, rounded or square stern, sheer of the deck line."""
    span, height = hull.right - hull.left, hull.keel - hull.deck
    rake, sheer = rng.uniform(0.1, 0.8) * height, rng.uniform(0.0, 0.25) * height
    t = np.linspace(0, 1, 24)
    deck = hull.deck - sheer * np.clip(t - 0.6, 0, 1) ** 2 * 6.0
    bow = np.linspace(0, 1, 10)[1:]
    points = [(float(x), float(y)) for x, y in zip(t, deck, strict=True)]
    top = points[-1][1]
    points += [(1.0 - rake / span * float(b) ** rng.uniform(0.7, 1.6), top + (hull.keel - top) * float(b)) for b in bow]
    cut = float(rng.uniform(0.0, 0.12))
    points += [(cut, hull.keel), (cut * rng.uniform(0.2, 0.9), hull.keel - 0.35 * height), (0.0, hull.deck + 0.3 * height)]
    outline = np.array([[hull.left + x * span if hull.bow > 0 else hull.right - x * span, y] for x, y in points])
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(mask.astype(np.float32) / 255.0, np.float32)


def _shell(rng: Rng, scene: Image, truth: Image, hull: _Hull, families: tuple[Family, ...]) -> None:
    size = scene.shape[0]
    mm_per_px = float(np.exp(rng.uniform(np.log(12), np.log(90))))
    height = hull.keel - hull.deck
    boot = hull.deck + rng.uniform(0.3, 0.9) * height
    plate = paint(rng, (size, size), mm_per_px, Coat.draw(rng), boot, boot + rng.uniform(0.02, 0.2) * height)
    white = (226, 226, 220)
    if rng.random() < 0.6:
        write_text(plate, "".join(rng.choice(list("ABCDEGHIKLMNORSTUV"), 7)), hull.left + 0.15 * (hull.right - hull.left),
                   hull.deck + 0.3 * height, rng.uniform(0.08, 0.25) * height * mm_per_px, white)  # fmt: skip
    if rng.random() < 0.4 and mm_per_px < 25:
        draught_marks(plate, rng.uniform(0.2, 0.8) * size, hull.keel, white)
    for _ in range(int(rng.integers(0, 4))):
        scupper(plate, rng, (hull.deck + rng.uniform(0.1, 0.4) * height, rng.uniform(0, 1) * size))
    if rng.random() > _SOUND_SHARE:
        family = families[int(rng.integers(len(families)))].varied(rng)
        for _ in range(int(rng.integers(1, 9))):
            extent = float(np.exp(rng.uniform(np.log(8), np.log(140)))) * mm_per_px
            where = (hull.deck + rng.uniform(0.0, 1.0) * height, rng.uniform(max(hull.left, 0), min(hull.right, size)))
            window = plate.window(where, (extent, extent * rng.uniform(0.3, 3.0)))
            if window is not None:
                defects.rust(window, rng, family, ("scab", "spots", "seam", "sheet")[int(rng.integers(4))])
            below = plate.window((where[0] + extent / mm_per_px, where[1]), (2 * extent, extent * rng.uniform(0.2, 0.7)))
            if below is not None and rng.random() < 0.5:
                defects.stain(below, rng, family)
    if rng.random() < 0.7:
        curvature(plate, rng)
    if rng.random() < 0.4:
        soft_shadow(plate, rng)
    inside = _silhouette(rng, hull, size)
    blend(scene, plate.canvas.astype(np.float32), inside)
    truth[inside > 0.5] = plate.truth[inside > 0.5]


def _superstructure(rng: Rng, scene: Image, hull: _Hull) -> None:
    """Deckhouse, funnel, cranes, boats, containers, rails behind the side; all background in the truth."""
    span, height = hull.right - hull.left, hull.keel - hull.deck
    at = rng.uniform(0.05, 0.3) if rng.random() < 0.7 else rng.uniform(0.3, 0.7)
    foot = int(hull.deck + 0.1 * height)

    def box(share: float, wide: float, tall: float, colour: NDArray[np.float64]) -> tuple[int, int, int, int]:
        x = hull.left + share * span if hull.bow > 0 else hull.right - (share + wide) * span
        corner = (int(x), int(foot - tall), int(x + wide * span), foot)
        cv2.rectangle(scene, corner[:2], corner[2:], tuple(int(v) for v in np.clip(colour, 0, 255)), -1)
        return corner

    def loud() -> NDArray[np.float64]:
        return np.array(_LOUD[int(rng.integers(len(_LOUD)))]) * rng.uniform(0.8, 1.1) + rng.normal(0, 8, 3)

    if rng.random() < 0.5:
        for _ in range(int(rng.integers(2, 14))):
            box(float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.03, 0.09)), float(rng.uniform(0.1, 0.6)) * height, loud())
    for _ in range(int(rng.integers(1, 4))):
        left, top, right, bottom = box(
            at, float(rng.uniform(0.06, 0.2)), float(rng.uniform(0.3, 1.3)) * height, 215 + rng.normal(0, 14, 3)
        )
        for row in range(top + 4, bottom - 6, 10):
            cv2.line(scene, (left + 3, row), (right - 3, row), (70, 78, 86), int(rng.integers(1, 4)))
    if rng.random() < 0.6:
        box(at + 0.02, 0.035, float(rng.uniform(1.2, 1.9)) * height, loud())
    for _ in range(int(rng.integers(0, 4))):
        x, y = hull.left + rng.uniform(0.1, 0.9) * span, foot - rng.uniform(0.5, 1.2) * height
        tip = (int(x + rng.normal(0, 0.1) * span), int(y))
        cv2.line(
            scene, (int(x), foot), tip, tuple(int(v) for v in np.clip(loud(), 0, 255)), int(rng.integers(1, 8)), cv2.LINE_AA
        )
    if rng.random() < 0.5:
        centre = (int(hull.left + rng.uniform(0.1, 0.6) * span), int(foot - rng.uniform(0.1, 0.5) * height))
        axes = (max(3, int(0.03 * span)), max(2, int(0.012 * span)))
        cv2.ellipse(scene, centre, axes, 0, 0, 360, (226, 106, 40), -1, cv2.LINE_AA)


def propeller(rng: Rng, scene: Image, truth: Image, centre: tuple[float, float], radius: float) -> None:
    """Bronze blades round a hub, polished or dull; background in the truth."""
    size = scene.shape[0]
    rows, columns = np.indices((size, size), dtype=np.float32)
    right, down = columns - np.float32(centre[0]), rows - np.float32(centre[1])
    squeeze = np.float32(rng.uniform(0.35, 1.0))
    reach = np.sqrt((right / squeeze) ** 2 + down**2) / np.float32(max(radius, 3.0))
    angle = np.arctan2(down, right / squeeze)
    blades, turn, twist = int(rng.integers(3, 6)), rng.uniform(0, 6.3), rng.uniform(-1.2, 1.2)
    phase = np.mod(blades * (angle - turn - twist * reach) / (2 * np.pi), 1.0)
    wide = rng.uniform(0.5, 0.85) * np.clip(1.0 - (reach - 0.6) ** 2 * 4.0, 0, 1)
    edge = np.minimum((wide - np.abs(phase - 0.5) * 2) * 8, (1.0 - reach) * 20)
    inside = np.clip(np.maximum(edge, (0.2 - reach) * 40) + 0.5, 0, 1).astype(np.float32)
    base = np.array(_BRONZES[int(rng.integers(len(_BRONZES)))], np.float32) * np.float32(rng.uniform(0.7, 1.15))
    tone = 0.75 + 0.5 * phase + 0.12 * fractal(rng, (size, size), max(radius / 3, 3.0), 4, 0.6)
    shine = np.exp(-(((phase - rng.uniform(0.2, 0.8)) / 0.08) ** 2)) * rng.uniform(0.0, 0.6)
    colour = base[None, None, :] * tone[..., None]
    colour = colour + (np.array([255, 246, 222], np.float32) - colour) * shine[..., None]
    blend(scene, np.asarray(colour, np.float32), inside)
    truth[inside > 0.5] = ClassId.BACKGROUND
