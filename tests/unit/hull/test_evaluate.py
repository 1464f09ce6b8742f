from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from config import Settings
from core.errors import InputError
from inspection.hull.baselines import Where, hsv_rule, lab_rule
from inspection.hull.evaluate import evaluate_folder, split_hashes
from inspection.hull.picture import Bgr
from inspection.hull.synth import render_photo

RUST, GREY, SKY = (44, 84, 150), (120, 120, 120), (230, 180, 120)  # BGR


@pytest.mark.parametrize("rule", [hsv_rule, lab_rule])
def test_colour_rules_know_rust_from_grey_and_blue(rule: Callable[[Bgr], Where]) -> None:
    image = np.zeros((60, 90, 3), np.uint8)
    image[:, :30], image[:, 30:60], image[:, 60:] = RUST, GREY, SKY
    found = rule(image)
    assert found[:, 2:28].all()
    assert not found[:, 32:].any()


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    for name in ("images", "masks"):
        (tmp_path / name / "val").mkdir(parents=True)
    for seed in (300_010, 300_011, 300_012, 300_013):
        image, truth = render_photo(seed)
        cv2.imwrite(str(tmp_path / "images" / "val" / f"{seed}.jpg"), image)
        cv2.imwrite(str(tmp_path / "masks" / "val" / f"{seed}.png"), (truth == 2).astype(np.uint8))
    return tmp_path


def test_model_and_baselines_are_scored_on_the_same_pictures(labelled: Path, settings: Settings) -> None:
    found = evaluate_folder(labelled, settings.hull)
    assert found.rusty_pictures + found.clean_pictures == 4
    assert [score.method for score in found.baselines] == ["HSV rule", "Lab rule"]
    assert settings.hull.threshold in [score.threshold for score in found.curve]
    assert found.at_setting in found.curve
    areas = [score.false_area_mean or 0.0 for score in found.curve]
    if found.clean_pictures:
        assert areas == sorted(areas, reverse=True)  # a higher threshold never paints more


def test_a_mask_of_another_size_is_refused(labelled: Path, settings: Settings) -> None:
    mask = next((labelled / "masks" / "val").iterdir())
    cv2.imwrite(str(mask), np.zeros((10, 10), np.uint8))
    with pytest.raises(InputError, match=r"hull\.mask_does_not_fit"):
        evaluate_folder(labelled, settings.hull)


def test_a_folder_without_pairs_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(InputError, match=r"hull\.no_labelled_pictures"):
        evaluate_folder(tmp_path, settings.hull, "test")


def test_the_parts_of_the_frozen_split_do_not_meet() -> None:
    parts = split_hashes()
    assert {name: len(hashes) for name, hashes in parts.items()} == {"test": 74, "select": 42, "excluded": 1}
    assert len(frozenset.union(*parts.values())) == 117
