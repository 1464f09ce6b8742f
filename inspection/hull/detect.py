"""Owns the way from a picture to class probabilities and the mask: tiles, stitching, thresholds.

Never knows where the ship is. Probabilities stay at the network's stride so that thresholds can move without a new run.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.hull.classes import DEFECTS, MASK_CLASSES, ClassId
from inspection.hull.packs import ResolutionPack, ThresholdPack, detector_pack
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

    def class_probability(self, class_id: ClassId) -> Prob:
        """(h, w) probability of one class; the grid may overhang the picture at the right and bottom by the padding of the last tile."""
        return _enlarged(self.prob[class_id], self.stride_px)[: self.height, : self.width]

    def probability_in(self, class_id: ClassId, top: int, left: int, shape: tuple[int, int]) -> Prob:
        """The same for one window (rows, columns) of the picture, without enlarging the rest: equal to cutting it out."""
        step = self.stride_px
        first_row, first_column = max(0, top // step - 2), max(0, left // step - 2)
        rows, columns = slice(first_row, (top + shape[0]) // step + 3), slice(first_column, (left + shape[1]) // step + 3)
        part = _enlarged(self.prob[class_id, rows, columns], step)
        row, column = top - first_row * step, left - first_column * step
        return part[row : row + shape[0], column : column + shape[1]]

    def mask(self, setting: float, rule: ThresholdPack | None = None) -> Mask:
        """(h, w) uint8 class ids of the picture: a defect, else hull or background, whichever is likelier.

        A patch of defects is where some defect's probability passes `grow` times the threshold, and it stays only if it passes the
        threshold itself somewhere (each class with its factor): sure of the patch before drawing its faint edge. Inside, each pixel has
        the likeliest defect. The threshold is `rule.of_setting` times `setting`; without a rule, that for photos of unknown scale.
        """
        rule = rule or detector_pack().threshold
        threshold, faint = setting * rule.of_setting, setting * rule.of_setting * rule.grow
        sound = _enlarged(self.prob[ClassId.HULL] - self.prob[ClassId.BACKGROUND], self.stride_px) > 0
        label = sound.view(np.uint8)  # HULL is 1, BACKGROUND 0
        likely = self.prob[list(DEFECTS)].copy()
        likely[DEFECTS.index(ClassId.COATING_LOSS)] /= np.float32(rule.coating_loss)
        for window in _windows(likely.max(axis=0) > faint):
            self._draw(label, likely[:, window[0], window[1]], window, threshold, faint)
        return np.ascontiguousarray(label[: self.height, : self.width])

    def _draw(self, label: Mask, likely: Prob, window: tuple[slice, slice], sure: float, faint: float) -> None:
        """Patches of one window of the grid into the label map, which covers the whole grid."""
        used = [index for index in range(len(DEFECTS)) if float(likely[index].max()) > faint]
        planes = np.stack([_enlarged(likely[index], self.stride_px) for index in used])
        which, best = planes.argmax(axis=0), planes.max(axis=0)
        patch = best > faint
        _, patches = cv2.connectedComponents(patch.astype(np.uint8), connectivity=8)
        kept = np.zeros(int(patches.max(initial=0)) + 1, bool)
        kept[patches[best > sure]] = True
        inside = patch & kept[patches]
        rows, columns = (slice(part.start * self.stride_px, part.stop * self.stride_px) for part in window)
        ids = np.array([DEFECTS[index] for index in used], np.uint8)
        part = label[rows, columns]
        part[inside] = ids[which[inside]]


def _windows(faint: NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Windows (rows, columns) of the grid round the groups of marked cells, two cells wider: no patch reaches farther."""
    grown = cv2.dilate(faint.astype(np.uint8), np.ones((5, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    boxes = ([int(value) for value in stats[index, :4]] for index in range(1, count))
    return [(slice(top, top + height), slice(left, left + width)) for left, top, width, height in boxes]


def _enlarged(plane: Prob, times: int) -> Prob:
    size = (plane.shape[1] * times, plane.shape[0] * times)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def read_probabilities(model: Model, image: Bgr, tile_px: int) -> Reading:
    """Run the model over overlapping tiles of `tile_px` and stitch their inner parts. A picture smaller than a tile is one tile."""
    pack = detector_pack().resolution
    stride, half = pack.stride_px, pack.overlap_px // 2 // pack.stride_px * pack.stride_px
    height, width = image.shape[:2]
    rows, columns = -(-height // 32) * 32, -(-width // 32) * 32
    border = cv2.BORDER_REFLECT_101 if min(height, width) > 32 else cv2.BORDER_REPLICATE
    grid = np.zeros((MASK_CLASSES, rows // stride, columns // stride), np.float32)
    for top, bottom in _spans(rows, tile_px, 2 * half):
        for left, right in _spans(columns, tile_px, 2 * half):
            tile = image[top:bottom, left:right]
            short = (
                bottom - top - tile.shape[0],
                right - left - tile.shape[1],
            )  # of the last tiles: the picture ends before the grid
            if any(short):
                tile = np.asarray(cv2.copyMakeBorder(tile, 0, short[0], 0, short[1], border), np.uint8)
            logits = model.run(tile)
            cut_top, cut_left = 0 if top == 0 else half // stride, 0 if left == 0 else half // stride
            grid[:, top // stride + cut_top : bottom // stride, left // stride + cut_left : right // stride] = logits[
                :, cut_top:, cut_left:
            ]
    grid -= grid.max(axis=0, keepdims=True)
    np.exp(grid, out=grid)
    grid /= grid.sum(axis=0, keepdims=True)
    return Reading(grid, width, height, stride)


def read_whole(model: Model, image: Bgr, tile_px: int, pack: ResolutionPack | None = None) -> Reading:
    """A photo of unknown scale, read at further sizes and mirrored if the pack says so; the probabilities are averaged."""
    pack = pack or detector_pack().resolution
    first = read_probabilities(model, image, tile_px)
    total, count = first.prob.copy(), 1
    for side in pack.whole_long_sides_px:
        shrink = side / max(image.shape[:2])
        size = (max(8, round(image.shape[1] * shrink)), max(8, round(image.shape[0] * shrink)))
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        total += _on_grid(read_probabilities(model, small, tile_px), first)
        count += 1
        if pack.mirror:
            total += _on_grid(_mirrored(model, small, tile_px), first)
            count += 1
    if pack.mirror:
        total += _on_grid(_mirrored(model, image, tile_px), first)
        count += 1
    return Reading(np.asarray(total / np.float32(count), np.float32), first.width, first.height, first.stride_px)


def _mirrored(model: Model, image: Bgr, tile_px: int) -> Reading:
    """Read left-right reversed and turned back: the padding then lies at the left, so the grid is cut and brought to the picture's."""
    turned = read_probabilities(model, np.ascontiguousarray(image[:, ::-1]), tile_px)
    columns, rows = turned.width / turned.stride_px, turned.height / turned.stride_px
    size = (max(1, round(columns)), max(1, round(rows)))
    matrix = np.array(
        [[-columns / size[0], 0, columns - columns / size[0] / 2 - 0.5], [0, rows / size[1], rows / size[1] / 2 - 0.5]]
    )
    prob = np.stack([_warped(plane, matrix, size) for plane in turned.prob])
    return Reading(np.asarray(prob, np.float32), turned.width, turned.height, turned.stride_px)


def _on_grid(reading: Reading, other: Reading) -> Prob:
    """The probabilities of `reading` at the cells of `other`'s grid: both look at the same picture at their own size."""
    across, down = reading.width / other.width, reading.height / other.height
    matrix = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]])
    size = (other.prob.shape[2], other.prob.shape[1])
    return np.stack([_warped(plane, matrix, size) for plane in reading.prob])


def _warped(plane: Prob, matrix: NDArray[np.float64], size: tuple[int, int]) -> Prob:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _spans(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Cover 0..length by spans of at most `tile` that overlap by at least `overlap`; all multiples of 32."""
    tile = max(tile // 32 * 32, overlap // 32 * 32 + 32)
    if length <= tile:
        return [(0, length)]
    step = max((tile - overlap) // 32 * 32, 32)
    starts = [*range(0, length - tile, step), length - tile]
    return [(start, start + tile) for start in starts]
