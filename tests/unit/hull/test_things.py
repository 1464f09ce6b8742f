from __future__ import annotations

import numpy as np

from inspection.hull.classes import ClassId
from inspection.hull.synth.family import TRAINING_FAMILIES
from inspection.hull.synth.photo import FIRST_SURVEY_SEED, render_photo
from inspection.hull.synth.things import things_scene

SIZE = 160


def test_things_are_rust_or_background_and_never_a_hull() -> None:
    rusty = 0
    for seed in range(12):
        scene, truth = things_scene(np.random.default_rng(seed), SIZE, TRAINING_FAMILIES)
        assert scene.shape == (SIZE, SIZE, 3)
        assert set(np.unique(truth).tolist()) <= {ClassId.BACKGROUND, ClassId.CORROSION}
        rusty += bool((truth == ClassId.CORROSION).any())
    assert 3 <= rusty <= 11  # both kinds: rust, and sound things with the colours of rust


def test_a_varied_family_keeps_its_name_and_changes_its_colours() -> None:
    rng = np.random.default_rng(3)
    first = TRAINING_FAMILIES[0]
    other = first.varied(rng)
    assert (other.name, other.grain) == (first.name, first.grain)
    assert other.palette != first.palette
    assert all(0 <= value <= 255 for stop in other.palette for value in stop)


def test_survey_views_are_hull_and_the_same_seed_gives_the_same_bytes() -> None:
    image, truth = render_photo(FIRST_SURVEY_SEED + 60_000)
    again, _ = render_photo(FIRST_SURVEY_SEED + 60_000)
    assert (image == again).all()
    assert (truth != ClassId.BACKGROUND).mean() > 0.3
