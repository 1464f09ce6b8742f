"""Owns turning a person's box round rust into a mask: GrabCut inside the box, seeded by the rust that is already sure.

The masks of the reference pictures hold only what has the colour of fresh rust; dark brown steel inside a box is "doubtful" there. A
model trained on that never learns dark rust. Pictures whose cut was looked at and accepted are listed in config/hull/outlined.toml.
"""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from config import pack_path
from inspection.hull.classes import IGNORE
from inspection.hull.picture import Bgr

Mask = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels
_LONG_SIDE = 640
_ROUNDS = 4
_EDGE_PX = 2  # pixels this close to the cut's edge are not judged


@cache
def outlined_hashes() -> frozenset[str]:
    """SHA-256 of the photographs whose cut was accepted by eye."""
    pack = tomllib.loads(pack_path("hull", "outlined.toml").read_text(encoding="utf-8"))
    return frozenset(pack["accepted"])


def is_outlined(image_path: Path) -> bool:
    return hashlib.sha256(image_path.read_bytes()).hexdigest() in outlined_hashes()


def read_boxes(path: Path, shape: tuple[int, int]) -> list[Box]:
    """Boxes of a YOLO label file (class, centre and size as shares); none without such a file."""
    if not path.is_file():
        return []
    height, width = shape
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        x, y, w, h = (float(value) for value in line.split()[1:5])
        left, top = max(0, round((x - w / 2) * width)), max(0, round((y - h / 2) * height))
        found.append((left, top, min(width, round((x + w / 2) * width)), min(height, round((y + h / 2) * height))))
    return found


def outline_rust(image: Bgr, mask: Mask, boxes: list[Box]) -> Mask:
    """The mask (0, 1 corrosion, 255 not judged) with the doubtful pixels of each box decided, but for a rim along the cut."""
    height, width = mask.shape
    shrink = min(1.0, _LONG_SIDE / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    known = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    inside = np.zeros(known.shape, bool)
    scaled: list[Box] = []
    for left, top, right, bottom in boxes:
        x, y = int(left * shrink), int(top * shrink)
        scaled.append((x, y, max(x + 1, round(right * shrink)), max(y + 1, round(bottom * shrink))))
        inside[y : scaled[-1][3], x : scaled[-1][2]] = True
    rust = np.zeros(known.shape, np.uint8)
    for box in scaled:
        _cut(small, known, inside, box, rust)
    rim = (cv2.dilate(rust, np.ones((3, 3), np.uint8), iterations=_EDGE_PX) > 0) & (
        cv2.erode(rust, np.ones((3, 3), np.uint8), iterations=_EDGE_PX) == 0
    )
    decided = np.where(inside, rust, known).astype(np.uint8)
    decided[rim & inside & (known != 1)] = IGNORE
    return np.asarray(cv2.resize(decided, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def _cut(image: Bgr, known: Mask, inside: NDArray[np.bool_], box: Box, rust: Mask) -> None:
    """Mark the rust of one box in `rust`; the picture around it, half a box wide, says what the ground looks like."""
    left, top, right, bottom = box
    wide, high = max(12, (right - left) // 2), max(12, (bottom - top) // 2)
    window = (slice(max(0, top - high), bottom + high), slice(max(0, left - wide), right + wide))
    labels = np.full(known[window].shape, cv2.GC_BGD, np.uint8)
    labels[inside[window]] = cv2.GC_PR_FGD
    labels[inside[window] & (known[window] == 1)] = cv2.GC_FGD
    labels[~inside[window] & (known[window] == IGNORE)] = cv2.GC_PR_BGD
    if not (labels == cv2.GC_BGD).any():
        return
    cv2.setRNGSeed(1)
    nothing: Box = (0, 0, 1, 1)  # the mask rules, the rectangle is not read
    cv2.grabCut(image[window].copy(), labels, nothing, np.zeros((1, 65)), np.zeros((1, 65)), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    rust[window] |= ((labels & 1) == 1) & inside[window]
