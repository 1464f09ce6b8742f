from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inspection.hull.classes import MASK_CLASSES, ClassId
from inspection.hull.detect import read_probabilities
from inspection.hull.overview import Part, read_part, shell_part, survey_parts
from inspection.hull.weights import Model
from tests.unit.hull.kit import CAMERA, SHIP, looking, port_view, survey_folder


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


@pytest.mark.parametrize(("shape", "part"), [((960, 1280), Part(0.4, 0.6, 0.2, 0.75)), ((901, 1203), Part(0.7, 1.0, 0.8, 1.0))])
def test_outside_the_part_nothing_is_read_and_inside_it_is_read_as_before(shape: tuple[int, int], part: Part) -> None:
    image, model = np.full((*shape, 3), 200, np.uint8), Dark()
    rows, columns = part.pixels(*shape)
    image[rows, columns][8:, 8:] = 30
    whole = read_probabilities(model, image, 320)
    full, model.pixels = model.pixels, 0
    found = read_part(model, image, 320, part)
    assert model.pixels < full / 2
    assert found.prob.shape == whole.prob.shape
    assert (found.mask(0.5) == whole.mask(0.5)).all()
    assert (read_part(Dark(), image, 320, None).prob == whole.prob).all()


def test_the_part_is_the_shell_above_the_waterline_as_the_pose_sees_it() -> None:
    view = port_view(45.0)  # 16 m off the side, looking a little down; 5 mm a pixel
    part = shell_part(view, SHIP)
    assert part is not None
    for z, inside in ((SHIP.draught_m, True), (SHIP.depth_m, True), (SHIP.depth_m + 2.0, False), (SHIP.draught_m - 1.5, False)):
        [(_, row)] = view.to_pixels(np.array([[45.0, SHIP.beam_m / 2, z]]))
        assert bool(part.top <= row / CAMERA.height_px <= part.bottom) is inside
    assert (part.left, part.right) == (0.0, 1.0)


def test_a_worse_pose_widens_the_part_and_a_view_of_the_sea_has_none() -> None:
    near, far = (shell_part(looking((45.0, 23.0, 7.0), (0.0, -1.0, -0.05), "a.jpg", sigma), SHIP) for sigma in (0.05, 0.5))
    assert near is not None
    assert far is not None
    assert far.top < near.top
    assert far.bottom > near.bottom
    assert shell_part(looking((45.0, 23.0, 7.0), (0.0, 1.0, 0.0), "b.jpg"), SHIP) is None


def test_photos_without_a_pose_or_without_a_ship_are_read_whole(tmp_path: Path) -> None:
    away = looking((45.0, 23.0, 7.0), (0.0, 1.0, 0.0), "away.jpg")
    survey, _ = survey_folder(tmp_path, [port_view(45.0), away], {}, bare=("phone.jpg",))
    assert set(survey_parts(survey)) == {"a.jpg"}
    assert json.loads((survey / "survey.json").read_text(encoding="utf-8"))["photos"][2]["file"] == "phone.jpg"
