from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import InputError
from inspection.hull.classes import ClassId
from inspection.hull.dataset import Labelled, export_dataset, run_lengths


def _decoded(counts: list[int], size: tuple[int, int]) -> NDArray[np.uint8]:
    """As pycocotools reads uncompressed run lengths."""
    values = np.concatenate([np.full(length, index % 2, np.uint8) for index, length in enumerate(counts)])
    return values.reshape(size, order="F")


@given(st.integers(0, 2**30), st.floats(0.0, 1.0))
def test_run_lengths_say_every_pixel(seed: int, share: float) -> None:
    part = (np.random.default_rng(seed).random((7, 11)) < share).astype(np.uint8)
    assert (_decoded(run_lengths(part), (7, 11)) == part).all()


@pytest.fixture
def labelled(tmp_path: Path) -> list[Labelled]:
    mask = np.full((60, 80), ClassId.HULL, np.uint8)
    mask[10:30, 10:40] = ClassId.CORROSION
    mask[15:20, 20:30] = ClassId.HULL  # a hole
    mask[40:42, 5:7] = ClassId.CRACK
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((60, 80, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "a.png"), mask)
    return [Labelled(tmp_path / "a.jpg", tmp_path / "a.png", "inspector")]


def test_coco_has_the_holes_and_the_origin(labelled: list[Labelled], tmp_path: Path) -> None:
    assert export_dataset(labelled, tmp_path / "out", "coco") == 2
    document = json.loads((tmp_path / "out" / "annotations.json").read_text(encoding="utf-8"))
    first, second = document["annotations"]
    assert (first["category_id"], first["area"], first["bbox"]) == (2, 20 * 30 - 50, [10, 10, 30, 20])
    assert (second["category_id"], second["area"]) == (6, 4)
    assert _decoded(first["segmentation"]["counts"], (60, 80)).sum() == first["area"]
    assert document["images"][0]["drawn_by"] == "inspector"
    assert len(document["images"][0]["sha256"]) == 64
    assert {c["id"] for c in document["categories"]} == {2, 3, 4, 5, 6, 7}
    assert (tmp_path / "out" / "images" / "a.jpg").read_bytes() == labelled[0].photo.read_bytes()


def test_yolo_lines_are_shares_of_the_picture(labelled: list[Labelled], tmp_path: Path) -> None:
    assert export_dataset(labelled, tmp_path / "out", "yolo") == 2
    lines = (tmp_path / "out" / "labels" / "a.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines] == ["0", "4"]  # corrosion and crack among the defects
    shares = [float(value) for line in lines for value in line.split()[1:]]
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert all(len(line.split()) >= 7 for line in lines)
    assert "0: corrosion" in (tmp_path / "out" / "data.yaml").read_text(encoding="utf-8")
    assert "inspector" in (tmp_path / "out" / "sources.txt").read_text(encoding="utf-8")


def test_a_mask_of_another_size_is_refused(labelled: list[Labelled], tmp_path: Path) -> None:
    cv2.imwrite(str(labelled[0].mask), np.zeros((5, 5), np.uint8))
    with pytest.raises(InputError, match=r"hull\.mask_does_not_fit"):
        export_dataset(labelled, tmp_path / "out", "coco")
