"""Owns the way from a picture to class probabilities and the mask: tiles, stitching, thresholds.

Never knows where the ship is. Probabilities stay at the network's stride so that thresholds can move without a new run.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.hull.classes import DEFECTS, MASK_CLASSES, ClassId
from inspection.hull.packs import detector_pack
from inspection.hull.picture import Bgr
from inspection.hull.weights import Model

Prob = NDArray[np.float32]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Reading:
    """`prob` (8, rows, columns) float32 probabilities on a grid of `stride_px` of the picture (`width`, `height`) it was read from."""

    prob: Prob
    width: int
    height: int
    stride_px: int

    def class_probability(self, class_id: ClassId, size: tuple[int, int] | None = None) -> Prob:
        """(h, w) probability of one class at `size` (width, height), by default that of the picture."""
        return _stretch(self, self.prob[class_id], size or (self.width, self.height))

    def mask(self, threshold: float, size: tuple[int, int] | None = None) -> Mask:
        """(h, w) uint8 class ids: a defect where its probability passes `threshold` (times the class's factor in the pack) and no
        other defect's that does is higher, else hull or background, whichever is likelier.
        """
        want = size or (self.width, self.height)
        hull, background = self.class_probability(ClassId.HULL, want), self.class_probability(ClassId.BACKGROUND, want)
        label = np.where(hull > background, np.uint8(ClassId.HULL), np.uint8(ClassId.BACKGROUND))
        best = np.zeros(label.shape, np.float32)
        for class_id in DEFECTS:
            limit = threshold * (detector_pack().threshold_factor.coating_loss if class_id == ClassId.COATING_LOSS else 1.0)
            if float(self.prob[class_id].max(initial=0.0)) <= limit:
                continue
            probability = self.class_probability(class_id, want)
            higher = (probability > best) & (probability > limit)
            label[higher] = class_id
            best = np.where(higher, probability, best)
        return np.asarray(label, dtype=np.uint8)


def _stretch(reading: Reading, grid: Prob, size: tuple[int, int]) -> Prob:
    """Grid -> picture: the grid may overhang the picture at the right and bottom by the padding of the last tile."""
    scale_x, scale_y = size[0] / reading.width, size[1] / reading.height
    full = (round(grid.shape[1] * reading.stride_px * scale_x), round(grid.shape[0] * reading.stride_px * scale_y))
    return np.asarray(cv2.resize(grid, full, interpolation=cv2.INTER_LINEAR)[: size[1], : size[0]], dtype=np.float32)


def read_probabilities(model: Model, image: Bgr, tile_px: int) -> Reading:
    """Run the model over overlapping tiles of `tile_px` and stitch their inner parts. A picture smaller than a tile is one tile."""
    pack = detector_pack().resolution
    stride, half = pack.stride_px, pack.overlap_px // 2 // pack.stride_px * pack.stride_px
    height, width = image.shape[:2]
    rows, columns = -(-height // 32) * 32, -(-width // 32) * 32
    padded = cv2.copyMakeBorder(
        image, 0, rows - height, 0, columns - width, cv2.BORDER_REFLECT_101 if min(height, width) > 32 else cv2.BORDER_REPLICATE
    )
    grid = np.zeros((MASK_CLASSES, rows // stride, columns // stride), np.float32)
    for top, bottom in _spans(rows, tile_px, 2 * half):
        for left, right in _spans(columns, tile_px, 2 * half):
            logits = model.run(np.asarray(padded[top:bottom, left:right], dtype=np.uint8))
            cut_top, cut_left = 0 if top == 0 else half // stride, 0 if left == 0 else half // stride
            grid[:, top // stride + cut_top : bottom // stride, left // stride + cut_left : right // stride] = logits[
                :, cut_top:, cut_left:
            ]
    grid -= grid.max(axis=0, keepdims=True)
    np.exp(grid, out=grid)
    grid /= grid.sum(axis=0, keepdims=True)
    return Reading(grid, width, height, stride)


def _spans(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Cover 0..length by spans of at most `tile` that overlap by at least `overlap`; all multiples of 32."""
    tile = max(tile // 32 * 32, overlap // 32 * 32 + 32)
    if length <= tile:
        return [(0, length)]
    step = max((tile - overlap) // 32 * 32, 32)
    starts = [*range(0, length - tile, step), length - tile]
    return [(start, start + tile) for start in starts]
