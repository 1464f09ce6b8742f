from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from config import Settings
from config.settings import HullSettings
from core.errors import InputError
from inspection.hull.batch import detect_photos, photos_in
from inspection.hull.synth import render_photo
from tests.unit.hull.kit import pixels


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in (300_002, 300_003, 300_004):
        cv2.imwrite(str(folder / f"p{seed}.jpg"), render_photo(seed)[0])
    return photos_in(folder)


@pytest.fixture
def hull(settings: Settings) -> HullSettings:
    return settings.hull


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_one_bad_photo_does_not_lose_the_batch(tmp_path: Path, photos: list[Path], hull: HullSettings) -> None:
    bad = photos[0].with_name("bad.jpg")
    bad.write_bytes(b"no picture")
    steps: list[tuple[int, int]] = []
    result = detect_photos([bad, *photos], tmp_path / "out", hull, lambda done, total, _: steps.append((done, total)))
    assert [(reject.file, reject.error.code) for reject in result.rejected] == [("bad.jpg", "hull.photo_not_an_image")]
    assert [d.photo.file for d in result.detections] == [photo.name for photo in photos]
    assert sorted(steps) == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for photo in photos:
        image, mask = pixels(photo), pixels(tmp_path / "out" / f"{photo.stem}.png")
        assert mask.shape == image.shape[:2]
        assert mask.dtype == np.uint8
        assert mask.max() <= 7


def test_a_stopped_run_goes_on_and_ends_in_the_same_bytes(tmp_path: Path, photos: list[Path], hull: HullSettings) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    one, two = (hull.model_copy(update={"workers": count}) for count in (1, 2))
    assert detect_photos(photos, whole, two).analysed == 3
    assert detect_photos(photos[:1], stopped, one).analysed == 1
    (stopped / f"{photos[1].stem}.json").write_text('{"half": ', encoding="utf-8")
    assert detect_photos(photos, stopped, one).analysed == 2
    assert _bytes(whole) == _bytes(stopped)
    assert detect_photos(photos, stopped, one).analysed == 0


def test_thresholds_move_without_the_model_and_end_in_the_same_bytes(
    tmp_path: Path, photos: list[Path], hull: HullSettings
) -> None:
    moved, fresh = tmp_path / "moved", tmp_path / "fresh"
    bold = hull.model_copy(update={"threshold": 0.31})
    assert detect_photos(photos[:1], moved, hull).analysed == 1
    assert detect_photos(photos[:1], moved, bold).analysed == 0
    assert detect_photos(photos[:1], fresh, bold).analysed == 1
    assert _bytes(moved) == _bytes(fresh)
    assert (moved / f"{photos[0].stem}.png").stat().st_size > 0


def test_another_photo_or_tile_size_or_damaged_probabilities_are_run_again(
    tmp_path: Path, photos: list[Path], hull: HullSettings
) -> None:
    out = tmp_path / "out"
    detect_photos(photos[:1], out, hull)
    assert detect_photos(photos[:1], out, hull.model_copy(update={"tile_px": 320})).analysed == 1
    (out / f"{photos[0].stem}.json").unlink()
    readings = out / f"{photos[0].stem}.prob.png"
    readings.write_bytes(readings.read_bytes()[:200])
    assert detect_photos(photos[:1], out, hull.model_copy(update={"tile_px": 320})).analysed == 1
    photos[0].write_bytes(photos[1].read_bytes())
    assert detect_photos(photos[:1], out, hull.model_copy(update={"tile_px": 320})).analysed == 1


def test_known_gsd_gives_areas(tmp_path: Path, photos: list[Path], hull: HullSettings) -> None:
    result = detect_photos(photos, tmp_path / "out", hull, gsd_mm={photos[0].name: 4.0})
    known, *unknown = result.detections
    assert known.photo.gsd_mm == 4.0
    assert all(f.area_cm2 == pytest.approx(f.area_px * 0.16, abs=0.06) for f in known.findings)
    assert all(f.area_cm2 is None for d in unknown for f in d.findings)


def test_two_photos_with_one_stem_are_refused(tmp_path: Path, photos: list[Path], hull: HullSettings) -> None:
    twin = photos[0].with_suffix(".png")
    cv2.imwrite(str(twin), np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(InputError, match=r"hull\.same_stem"):
        photos_in(photos[0].parent)
    with pytest.raises(InputError, match=r"hull\.same_stem"):
        detect_photos([photos[0], twin], tmp_path / "out", hull)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hull\.no_photos"):
        photos_in(tmp_path)


def test_result_files_are_the_contract(tmp_path: Path, photos: list[Path], hull: HullSettings) -> None:
    detect_photos(photos[:1], tmp_path / "out", hull)
    document = json.loads((tmp_path / "out" / f"{photos[0].stem}.json").read_text(encoding="utf-8"))
    assert document["schema"] == "yunjian.detection/1"
    assert set(document) == {"schema", "model", "photo", "findings"}
    assert set(document["photo"]) == {"file", "sha256", "width", "height", "gsd_mm"}
