from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inspection.hull.classes import MASK_CLASSES, ClassId
from inspection.hull.detect import read_probabilities
from inspection.hull.overview import OverviewPack, Part, hull_part, read_hull
from inspection.hull.weights import Model

PACK = OverviewPack(enabled=True, long_side_px=320, least_megapixels=0.1, may_be_hull=0.25, margin_px=32)


class Dark(Model):
    """Takes dark for hull and the rest for background; counts the pixels it was given."""

    def __init__(self) -> None:
        self.pixels = 0

    def run(self, tile: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.pixels += tile.shape[0] * tile.shape[1]
        grey = tile[..., 0].reshape(tile.shape[0] // 8, 8, tile.shape[1] // 8, 8).mean(axis=(1, 3))
        scores = np.full((MASK_CLASSES, *grey.shape), -9.0, np.float32)
        scores[ClassId.HULL], scores[ClassId.BACKGROUND] = np.where(grey < 90, 6.0, -6.0), np.where(grey < 90, -6.0, 6.0)
        return scores


def _sea(height: int = 960, width: int = 1280) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 200, np.uint8)


def test_sky_and_water_are_not_read_and_the_hull_is_read_as_before() -> None:
    image, model = _sea(), Dark()
    image[400:560, 300:900] = 30
    assert hull_part(model, image, 320, PACK) == Part(384, 576, 288, 928)
    model.pixels = 0
    whole = read_probabilities(model, image, 320)
    full, model.pixels = model.pixels, 0
    part = read_hull(model, image, 320, PACK)
    assert model.pixels < full / 2
    assert part.prob.shape == whole.prob.shape
    np.testing.assert_allclose(part.prob, whole.prob, atol=2e-5)


def test_a_photo_of_water_alone_costs_one_small_reading() -> None:
    image, model = _sea(), Dark()
    found = read_hull(model, image, 320, PACK)
    assert model.pixels == 320 * 256  # 240 rows, padded to a multiple of 32
    assert (found.width, found.height) == (1280, 960)
    assert (found.mask(0.5) == ClassId.BACKGROUND).all()


def test_odd_sizes_and_a_hull_at_the_edge_keep_their_place() -> None:
    image, model = _sea(901, 1203), Dark()
    image[700:, 1000:] = 30
    part, whole = read_hull(model, image, 320, PACK), read_probabilities(model, image, 320)
    assert (part.mask(0.5) == whole.mask(0.5)).all()


def test_a_small_photo_and_a_disabled_overview_are_read_whole() -> None:
    for image, pack in ((_sea(96, 96), PACK), (_sea(), PACK.model_copy(update={"enabled": False}))):
        model = Dark()
        assert read_hull(model, image, 320, pack).prob.shape == read_probabilities(Dark(), image, 320).prob.shape
        assert model.pixels >= image.shape[0] * image.shape[1]
