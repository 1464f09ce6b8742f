from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from config import Settings
from inspection.hull.classes import DEFECTS, ClassId
from inspection.hull.detect import Reading, read_probabilities, read_whole
from inspection.hull.findings import find
from inspection.hull.packs import detector_pack
from inspection.hull.synth import render_photo
from inspection.hull.weights import Model, load_model


def _reading(prob: np.ndarray, size: int = 64) -> Reading:
    return Reading(prob.astype(np.float32), size, size, 8)


def _flat(**classes: float) -> np.ndarray:
    prob = np.zeros((8, 8, 8))
    for name, value in classes.items():
        prob[ClassId[name]] = value
    return prob


def test_a_defect_needs_the_threshold_and_the_highest_score() -> None:
    assert (_reading(_flat(HULL=0.5, CORROSION=0.45)).mask(0.5) == ClassId.HULL).all()
    assert (_reading(_flat(HULL=0.5, CORROSION=0.45)).mask(0.4) == ClassId.CORROSION).all()
    assert (_reading(_flat(HULL=0.1, CORROSION=0.42, RUST_STAIN=0.46)).mask(0.4) == ClassId.RUST_STAIN).all()
    assert (_reading(_flat(HULL=0.2, BACKGROUND=0.8)).mask(0.4) == ClassId.BACKGROUND).all()


def test_a_patch_needs_one_sure_place_and_then_has_its_faint_edge() -> None:
    prob = _flat(HULL=1.0)
    for row, column, value in ((1, 1, 0.9), (1, 2, 0.75), (6, 6, 0.75)):
        prob[ClassId.CORROSION, row, column] = value
        prob[ClassId.HULL, row, column] = 1.0 - value
    mask = _reading(prob).mask(0.8)
    assert mask[12, 12] == ClassId.CORROSION
    assert mask[12, 20] == ClassId.CORROSION  # faint, beside the sure place
    assert mask[52, 52] == ClassId.HULL  # as faint, alone


def test_a_mask_does_not_depend_on_what_lies_elsewhere() -> None:
    """Patches are drawn window by window; all windows together give what one window over everything gives."""
    rng = np.random.default_rng(5)
    prob = np.full((8, 40, 40), 0.02)
    prob[ClassId.HULL] = 0.8
    for row, column in rng.integers(2, 38, (9, 2)):
        prob[ClassId.CORROSION, row : row + 2, column : column + 2] = rng.uniform(0.3, 1.0)
        prob[ClassId.COATING_LOSS, row, column + 1] = rng.uniform(0.2, 0.9)
    reading = _reading(prob, 320)
    whole = np.full((320, 320), ClassId.HULL, np.uint8)
    likely = reading.prob[list(DEFECTS)].copy()
    likely[DEFECTS.index(ClassId.COATING_LOSS)] /= np.float32(detector_pack().threshold.coating_loss)
    reading._draw(whole, likely, (slice(0, 40), slice(0, 40)), 0.6, 0.6 * detector_pack().threshold.grow)
    assert (reading.mask(0.6) == whole).all()
    assert 0 < (whole != ClassId.HULL).sum() < whole.size


def test_sizes_and_mirror_are_averaged_on_one_grid() -> None:
    """A model that knows the answer pixel by pixel gives the same answer at every size and mirrored."""

    class Exact:
        def run(self, tile: NDArray[np.uint8]) -> NDArray[np.float32]:
            small = tile[4::8, 4::8, 2].astype(np.float32) / 255.0
            scores = np.full((8, *small.shape), -9.0, np.float32)
            scores[ClassId.CORROSION], scores[ClassId.HULL] = 12 * (small - 0.5), -12 * (small - 0.5)
            return scores

    image = np.zeros((400, 600, 3), np.uint8)
    image[120:300, 60:220] = 255
    pack = detector_pack().resolution.model_copy(update={"whole_long_sides_px": (448,), "mirror": True})
    reading = read_whole(cast("Model", Exact()), image, 640, pack)
    found = reading.mask(0.5) == ClassId.CORROSION
    truth = image[..., 2] > 0
    assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_tiles_give_what_one_look_gives(settings: Settings) -> None:
    image = render_photo(300_001)[0]
    model = load_model(settings.hull)
    whole, tiled = (read_probabilities(model, image, tile) for tile in (640, 256))
    assert whole.prob.shape == tiled.prob.shape == (8, 56, 56)
    assert np.allclose(whole.prob.sum(axis=0), 1.0, atol=1e-5)
    rust = [reading.class_probability(ClassId.CORROSION) > 0.5 for reading in (whole, tiled)]
    assert rust[0].any()
    assert (rust[0] == rust[1]).mean() > 0.97  # the network looks at the whole tile, so seams are close but not equal


@pytest.mark.parametrize("size", [(1, 1), (30, 500), (33, 64), (448, 449)])
def test_any_size_of_picture_is_read(settings: Settings, size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 120, np.uint8)
    mask = read_probabilities(load_model(settings.hull), image, 256).mask(0.5)
    assert mask.shape == size


def test_findings_are_groups_of_pixels_with_areas_of_the_full_photo() -> None:
    mask = np.full((64, 64), ClassId.HULL, np.uint8)
    mask[10:20, 10:20] = ClassId.CORROSION
    mask[10:20, 23:30] = ClassId.CORROSION  # three pixels away: the same place
    mask[50:60, 50:60] = ClassId.COATING_LOSS
    mask[40:42, 5:7] = ClassId.CORROSION  # 4 pixels, 16 of the full photo: too small
    prob = _flat(HULL=0.1, CORROSION=0.7, COATING_LOSS=0.2)
    found = find(_reading(prob), mask, (128, 128), 25, 5.0, "ab" * 32)
    assert [(f.class_id, f.area_px) for f in found] == [(2, 170 * 4), (4, 100 * 4)]
    assert found[0].area_cm2 == 170.0  # 680 px of 5 mm
    assert found[0].score == pytest.approx(0.7, abs=1e-3)
    columns = [x for x, _ in found[0].polygon_px]
    assert 18 <= min(columns) <= 22
    assert 56 <= max(columns) <= 62
    assert len({f.id for f in found}) == 2
