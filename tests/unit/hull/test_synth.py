from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from inspection.hull.classes import ClassId
from inspection.hull.synth import render_photo, write_photos, write_ship_file
from inspection.hull.synth.family import HOLDOUT_FAMILY, SHIP_FAMILIES, TRAINING_FAMILIES
from tests.unit.hull.kit import MARKS, SMALL, pixels


def test_the_same_seed_gives_the_same_photo() -> None:
    first, second = render_photo(5), render_photo(5)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], render_photo(6)[0])


def test_truth_fits_the_photo_and_holds_class_ids() -> None:
    seen: set[int] = set()
    for seed in range(25):
        image, truth = render_photo(seed)
        assert image.shape == (*truth.shape, 3)
        assert image.dtype == truth.dtype == np.uint8
        seen |= {int(value) for value in np.unique(truth)}
    assert {0, 1, 2, 3, 4} <= seen <= set(range(8))


def test_writing_photos_can_be_resumed(tmp_path: Path) -> None:
    write_photos(tmp_path, range(2))
    marker = tmp_path / "images" / "000000.jpg"
    marker.write_bytes(b"kept")
    write_photos(tmp_path, range(3))
    assert marker.read_bytes() == b"kept"
    assert len(list((tmp_path / "masks").iterdir())) == 3


@pytest.fixture(scope="module")
def ship(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ship_file(tmp_path_factory.mktemp("ship"), 3, SMALL, MARKS, mm_per_px=10.0).parent


def test_ship_file_is_the_same_bytes_for_the_same_seed(ship: Path, tmp_path: Path) -> None:
    write_ship_file(tmp_path, 3, SMALL, MARKS, mm_per_px=10.0)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in ship.iterdir())
    for name in names:
        assert (tmp_path / name).read_bytes() == (ship / name).read_bytes(), name


def test_ship_file_says_where_its_pixels_lie(ship: Path) -> None:
    document = json.loads((ship / "ship.json").read_text(encoding="utf-8"))
    assert document["schema"] == "yunjian.shipfile/1"
    assert document["simulated"] is True
    assert [atlas["part"] for atlas in document["atlases"]] == ["port", "starboard", "stern", "deck"]
    for atlas in document["atlases"]:
        image = pixels(ship / atlas["image"])
        truth = pixels(ship / atlas["truth"])
        assert image.shape == (*truth.shape, 3)
        step = atlas["mm_per_px"] / 1000.0
        if atlas["part"] in {"port", "starboard"}:
            assert truth.shape[1] * step == pytest.approx(SMALL.loa_m)
            assert atlas["z0_m"] == SMALL.depth_m
            assert atlas["z0_m"] - truth.shape[0] * step <= SMALL.draught_m - 0.9  # a metre below the waterline
    sides = [pixels(ship / f"{part}_truth.png") for part in ("port", "starboard")]
    assert all((side == ClassId.CORROSION).any() for side in sides)
    assert not any(side.max() > ClassId.FOULING for side in sides)


def test_dents_lie_in_their_atlas(ship: Path) -> None:
    dents = json.loads((ship / "dents.json").read_text(encoding="utf-8"))
    assert dents
    for dent in dents:
        height, width = pixels(ship / f"{dent['part']}_truth.png").shape
        columns, rows = np.array(dent["polygon_px"]).T
        assert columns.min() >= -1
        assert columns.max() <= width
        assert rows.min() >= -1
        assert rows.max() <= height
        assert dent["depth_mm"] > 0


def test_ships_and_training_share_no_texture_family() -> None:
    names = [family.name for family in (*TRAINING_FAMILIES, *SHIP_FAMILIES, HOLDOUT_FAMILY)]
    assert len(names) == len(set(names))
    palettes = [family.palette for family in (*TRAINING_FAMILIES, *SHIP_FAMILIES, HOLDOUT_FAMILY)]
    assert len(palettes) == len(set(palettes))
