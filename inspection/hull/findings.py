"""Owns findings in one photo: parts of the mask, their outlines and scores, and the file `yunjian.detection/1` that carries them.

Never knows where on the ship a finding lies; `hullmap` adds that.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.ship import Side
from inspection.hull.classes import DEFECTS, ClassId
from inspection.hull.detect import Mask, Reading
from inspection.hull.packs import detector_pack

DETECTION_SCHEMA: Literal["yunjian.detection/1"] = "yunjian.detection/1"
Polygon = list[tuple[float, float]]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, protected_namespaces=())


class ModelRef(_Model):
    sha256: str
    name: str


class PhotoRef(_Model):
    file: str
    sha256: str
    width: int
    height: int
    gsd_mm: float | None


class HullPlace(_Model):
    x_m: float
    z_m: float
    side: Side
    cov2x2: list[list[float]]


class Finding(_Model):
    """One connected group of pixels of one class; `polygon_px` is its largest outline, in pixels of the full photo."""

    id: str
    class_id: int = Field(ge=0, le=8)
    score: float = Field(ge=0.0, le=1.0)
    polygon_px: Polygon
    area_px: int
    area_cm2: float | None
    hull: HullPlace | None = None


class Detection(_Model):
    """Everything found in one photo."""

    schema_: Literal["yunjian.detection/1"] = Field(default=DETECTION_SCHEMA, alias="schema")
    model: ModelRef
    photo: PhotoRef
    findings: list[Finding]

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=1)


def find(
    reading: Reading, mask: Mask, full_size: tuple[int, int], min_area_px: int, gsd_mm: float | None, photo_sha256: str
) -> list[Finding]:
    """Findings of a mask at reading scale; pixels and areas are given for `full_size` (width, height).

    Parts closer than the pack's `group_px` count as one finding; its area is that of the pixels, not of the outline.
    """
    scale = full_size[0] / mask.shape[1]
    found: list[Finding] = []
    present = np.asarray(cv2.calcHist([mask], [0], None, [256], [0, 256])).ravel() > 0
    for class_id in (one for one in DEFECTS if present[one]):
        where = np.asarray(cv2.inRange(mask, np.array([class_id]), np.array([class_id])), np.uint8)
        for pixels, outline in _groups(where):
            area_px = round(float(pixels.sum()) * scale * scale)
            if area_px < min_area_px:
                continue
            probability = reading.probability_in(ClassId(class_id), outline.top, outline.left, pixels.shape)
            found.append(
                Finding(
                    id=f"{photo_sha256[:12]}-{len(found) + 1:03d}",
                    class_id=class_id,
                    score=round(float(probability[pixels].mean()), 4),
                    polygon_px=[(round((x + 0.5) * scale, 1), round((y + 0.5) * scale, 1)) for x, y in outline.points],
                    area_px=area_px,
                    area_cm2=None if gsd_mm is None else round(area_px * gsd_mm * gsd_mm / 100.0, 1),
                )
            )
    return found


class _Outline:
    """Outline (n, 2) column, row in the mask, and the corner of the window that the pixels were cut from."""

    def __init__(self, points: NDArray[np.float64], top: int, left: int) -> None:
        self.points: list[tuple[float, float]] = [(float(x) + left, float(y) + top) for x, y in points]
        self.top, self.left = top, left


def _groups(where: Mask) -> list[tuple[NDArray[np.bool_], _Outline]]:
    """Split a binary mask into groups: (pixels of the window, outline), largest windows first by position, so that ids are stable."""
    pack = detector_pack().findings
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (pack.group_px, pack.group_px))
    x, y, wide, high = cv2.boundingRect(where)  # most of a photo is sound: only the part with defects is searched
    margin = pack.group_px
    x0, y0 = max(0, x - margin), max(0, y - margin)
    where = np.ascontiguousarray(where[y0 : y + high + margin, x0 : x + wide + margin])
    grown = cv2.dilate(where, disc)
    _, labels = cv2.connectedComponents(grown, connectivity=8)
    groups = []
    for label, window in enumerate(_boxes(np.asarray(labels, np.int32)), start=1):
        top, left = window[0].start, window[1].start
        pixels = (labels[window] == label) & (where[window] > 0)
        closed = cv2.erode((labels[window] == label).astype(np.uint8), disc, borderValue=0) | pixels.astype(np.uint8)
        contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        outline = max(contours, key=cv2.contourArea)
        points = np.asarray(cv2.approxPolyDP(outline, pack.simplify_px, closed=True)[:, 0], np.float64)
        if len(points) > pack.max_vertices:
            points = points[np.linspace(0, len(points) - 1, pack.max_vertices).astype(int)]
        if len(points) < 3:
            x, y, w, h = cv2.boundingRect(outline)
            points = (
                np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]) - 0.5
            )  # a line still has the width of its pixels
        groups.append((np.asarray(pixels), _Outline(np.asarray(points, np.float64), top + y0, left + x0)))
    return groups


def _boxes(labels: NDArray[np.int32]) -> list[tuple[slice, slice]]:
    """Window (rows, columns) of each label from 1 on, at most one pixel wider than it; OpenCV's own statistics take ten times as long as
    its labels. Every other row and column is enough: a group was grown by a disc of `group_px`, so none is missed.
    """
    rows, columns = np.nonzero(labels[::2, ::2])
    if rows.size == 0:
        return []
    rows, columns = rows * 2, columns * 2
    values = labels[rows, columns]
    order = np.argsort(values, kind="stable")
    starts = np.searchsorted(values[order], np.arange(1, int(values.max()) + 1))
    rows, columns = rows[order], columns[order]
    low_high = [op.reduceat(part, starts) for part in (rows, columns) for op in (np.minimum, np.maximum)]
    top, bottom, left, right = (edge.tolist() for edge in low_high)
    return [
        (slice(max(0, a - 1), b + 2), slice(max(0, c - 1), d + 2)) for a, b, c, d in zip(top, bottom, left, right, strict=True)
    ]
