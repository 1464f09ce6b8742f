"""Whole ships and coating loss for training: the truth says what is a hull, and what is lost shows another colour than the paint."""

from __future__ import annotations

import numpy as np
import pytest

from inspection.hull.classes import ClassId
from inspection.hull.synth.family import TRAINING_FAMILIES
from inspection.hull.synth.peel import PeelKind, below_the_paint, peel
from inspection.hull.synth.plate import Coat, paint
from inspection.hull.synth.vessel import propeller, vessel_scene

SIZE = 160
COAT = Coat((36, 44, 82), (128, 46, 42), (118, 42, 40), (158, 158, 152))


def test_a_whole_ship_has_a_hull_and_is_mostly_sound() -> None:
    sound = 0
    for seed in range(10):
        scene, truth = vessel_scene(np.random.default_rng(seed), SIZE, TRAINING_FAMILIES)
        assert scene.shape == (SIZE, SIZE, 3)
        assert (truth == ClassId.HULL).mean() > 0.02
        assert (truth == ClassId.BACKGROUND).mean() > 0.1
        sound += not (truth == ClassId.CORROSION).any()
    assert 3 <= sound <= 9


def test_a_bronze_propeller_is_background() -> None:
    scene = np.full((SIZE, SIZE, 3), 90, np.uint8)
    truth = np.full((SIZE, SIZE), ClassId.HULL, np.uint8)
    propeller(np.random.default_rng(4), scene, truth, (80, 80), 50)
    bronze = truth == ClassId.BACKGROUND
    assert 0.02 < bronze.mean() < 0.4
    red, _, blue = scene[bronze].mean(axis=0)
    assert red > blue + 20


@pytest.mark.parametrize("kind", ["flake", "lobes", "strip", "chips", "scrape", "net"])
def test_every_way_of_peeling_shows_what_lies_below(kind: PeelKind) -> None:
    rng = np.random.default_rng(7)
    plate = paint(rng, (SIZE, SIZE), 5.0, COAT, 400, 500)
    under = below_the_paint(rng, plate.canvas, COAT.primer)
    before = plate.canvas.astype(int)
    peel(plate, rng, TRAINING_FAMILIES[0], kind, under, 0.0)
    lost = plate.truth == ClassId.COATING_LOSS
    assert 0.02 < lost.mean() < 0.98
    change = np.abs(plate.canvas.astype(int) - before).max(axis=2)
    assert change[lost].mean() > 15 > change[~lost].mean()
