"""Owns the probabilities of a photo kept beside its result, so that thresholds can move without reading the photo again.

Never holds a decision. The file is a PNG: the classes' planes one below the other, 8 bits each (0 = 0.0, 255 = 1.0), on the network's grid.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydantic import BaseModel, ConfigDict, ValidationError

from inspection.hull.classes import MASK_CLASSES
from inspection.hull.detect import Reading

SUFFIX = ".prob.png"
_KEY = "yunjian.reading/1"
_SCALE = np.float32(255.0)


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    photo_sha256: str
    gsd_mm: float | None
    full: tuple[int, int]
    read: tuple[int, int]
    stride_px: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A reading at 8 bits, and what it was read from: `full` (width, height) of the photo after EXIF rotation."""

    reading: Reading
    photo_sha256: str
    gsd_mm: float | None
    full: tuple[int, int]

    def to_png(self) -> bytes:
        """The same reading gives the same bytes."""
        reading = self.reading
        told = _Told(
            photo_sha256=self.photo_sha256,
            gsd_mm=self.gsd_mm,
            full=self.full,
            read=(reading.width, reading.height),
            stride_px=reading.stride_px,
        )
        info = PngInfo()
        info.add_text(_KEY, told.model_dump_json())
        levels = np.rint(reading.prob * _SCALE).astype(np.uint8)
        target = io.BytesIO()
        Image.fromarray(levels.reshape(-1, levels.shape[2])).save(target, "PNG", pnginfo=info, compress_level=1)
        return target.getvalue()


def rounded(reading: Reading) -> Reading:
    """The reading as it will be kept: results made now and results made later from the file are the same, bit for bit."""
    prob = np.rint(reading.prob * _SCALE) / _SCALE
    return Reading(np.asarray(prob, np.float32), reading.width, reading.height, reading.stride_px)


def read_kept(path: Path) -> Kept | None:
    """None where there is no such file, or one that is damaged or of another kind: the photo is read again then."""
    try:
        with Image.open(path, formats=["PNG"]) as opened:
            opened.load()
            told = _Told.model_validate(json.loads(dict(opened.info).get(_KEY, "null")))
            levels = np.asarray(opened, np.uint8)
    except (OSError, SyntaxError, ValueError, ValidationError):
        return None
    if levels.ndim != 2 or levels.shape[0] % MASK_CLASSES:
        return None
    prob = np.asarray(levels.reshape(MASK_CLASSES, -1, levels.shape[1]) / _SCALE, np.float32)
    reading = Reading(prob, told.read[0], told.read[1], told.stride_px)
    return Kept(reading, told.photo_sha256, told.gsd_mm, told.full)
