"""Owns the overview pass: one small reading of the whole photo that says which part may show a hull, so that sky and water are not read.

Never finds a defect: what it keeps is read again in full, what it drops counts as background.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from config import pack_path
from inspection.hull.classes import MASK_CLASSES, ClassId
from inspection.hull.detect import Reading, read_probabilities
from inspection.hull.packs import detector_pack
from inspection.hull.picture import Bgr
from inspection.hull.weights import Model


class OverviewPack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    enabled: bool
    long_side_px: int
    least_megapixels: float
    may_be_hull: float
    margin_px: int


@cache
def overview_pack() -> OverviewPack:
    """The pack as it ships."""
    return OverviewPack.model_validate(tomllib.loads(pack_path("hull", "overview.toml").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Part:
    """A window of the picture in pixels: rows `top`..`bottom`, columns `left`..`right`."""

    top: int
    bottom: int
    left: int
    right: int


def hull_part(model: Model, image: Bgr, tile_px: int, pack: OverviewPack | None = None) -> Part | None:
    """The window that may show a hull, sides on multiples of 32 where the picture goes on; None where nothing looks like one."""
    pack = pack or overview_pack()
    height, width = image.shape[:2]
    shrink = min(1.0, pack.long_side_px / max(height, width))
    size = (max(32, round(width * shrink)), max(32, round(height * shrink)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    seen = read_probabilities(model, small, max(tile_px, pack.long_side_px))
    return _window(1.0 - seen.prob[ClassId.BACKGROUND] > pack.may_be_hull, seen, (height, width), pack.margin_px)


def _window(kept: NDArray[np.bool_], seen: Reading, shape: tuple[int, int], margin_px: int) -> Part | None:
    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    if not rows.size:
        return None
    top, bottom = _stretch(rows, seen.stride_px * shape[0] / seen.height, shape[0], margin_px)
    left, right = _stretch(columns, seen.stride_px * shape[1] / seen.width, shape[1], margin_px)
    return Part(top, bottom, left, right)


def _stretch(cells: NDArray[np.intp], cell_px: float, length: int, margin_px: int) -> tuple[int, int]:
    first = max(0, int(cells[0] * cell_px) - margin_px) // 32 * 32
    last = min(length, -(-int((cells[-1] + 1) * cell_px + margin_px) // 32) * 32)
    return first, last


def read_hull(model: Model, image: Bgr, tile_px: int, pack: OverviewPack | None = None) -> Reading:
    """As `read_probabilities`, of the part that may show a hull; everywhere else background is certain."""
    pack = pack or overview_pack()
    height, width = image.shape[:2]
    if not pack.enabled or height * width < pack.least_megapixels * 1e6:
        return read_probabilities(model, image, tile_px)
    part = hull_part(model, image, tile_px, pack)
    if part is not None and (part.bottom - part.top, part.right - part.left) == (height, width):
        return read_probabilities(model, image, tile_px)
    return _placed(model, image, tile_px, part)


def _placed(model: Model, image: Bgr, tile_px: int, part: Part | None) -> Reading:
    height, width = image.shape[:2]
    stride = detector_pack().resolution.stride_px
    grid = np.zeros((MASK_CLASSES, -(-height // 32) * 32 // stride, -(-width // 32) * 32 // stride), np.float32)
    grid[ClassId.BACKGROUND] = 1.0
    if part is not None:
        cut = np.ascontiguousarray(image[part.top : part.bottom, part.left : part.right])
        inner = read_probabilities(model, cut, tile_px).prob
        top, left = part.top // stride, part.left // stride
        rows, columns = min(inner.shape[1], grid.shape[1] - top), min(inner.shape[2], grid.shape[2] - left)
        grid[:, top : top + rows, left : left + columns] = inner[:, :rows, :columns]
    return Reading(grid, width, height, stride)
