"""Owns reading a ship file (`yunjian.shipfile/1`): geometry and painted atlases with their truth.

Never writes one; `yunjian hull synth-ship` does.

Atlas layout, row 0 at the top: row r is z_m = z0_m - r * mm_per_px / 1000 (deck: y_m, from port to starboard); column c is
x_m = x0_m + c * mm_per_px / 1000, so the port atlas is mirrored against the view from outside; on the stern column c is
y_m = x0_m - c * mm_per_px / 1000, from port to starboard as seen from astern.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import InputError
from core.hullform import HullForm
from core.ship import ShipGeometry
from drone.model import GeometryPart

Image = NDArray[np.uint8]
Part = Literal["port", "starboard", "bow", "stern", "deck"]


class _AtlasPart(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    part: Part
    image: str
    truth: str
    mm_per_px: float
    x0_m: float
    z0_m: float


class _ShipFilePart(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_: Literal["yunjian.shipfile/1"]
    geometry: GeometryPart
    draught_m: float
    atlases: list[_AtlasPart]

    @classmethod
    def parse(cls, text: str) -> _ShipFilePart:
        return cls.model_validate_json(text.replace('"schema"', '"schema_"', 1))


@dataclass(frozen=True, slots=True)
class Atlas:
    """`image` (h, w, 3) uint8 BGR, `truth` (h, w) uint8 class ids."""

    part: Part
    image: Image
    truth: Image
    mm_per_px: float
    x0_m: float
    z0_m: float


@dataclass(frozen=True, slots=True)
class ShipFile:
    geometry: ShipGeometry
    atlases: dict[Part, Atlas]

    @property
    def hull(self) -> HullForm:
        return HullForm(self.geometry)


def load_ship_file(folder: Path) -> ShipFile:
    """Raises InputError `drone.shipfile` naming the file that is missing or wrong."""
    path = folder / "ship.json"
    try:
        part = _ShipFilePart.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, ValueError) as error:
        raise InputError("drone.shipfile", file=str(path), reason=str(error).splitlines()[0]) from error
    loaded = replace(part.geometry.geometry(), draught_m=part.draught_m)
    return ShipFile(loaded, {atlas.part: _load_atlas(folder, atlas) for atlas in part.atlases})


def _load_atlas(folder: Path, part: _AtlasPart) -> Atlas:
    image = cv2.imread(str(folder / part.image), cv2.IMREAD_COLOR)
    truth = cv2.imread(str(folder / part.truth), cv2.IMREAD_GRAYSCALE)
    if image is None or truth is None or image.shape[:2] != truth.shape[:2]:
        raise InputError("drone.shipfile", file=str(folder / part.image), reason="no image, no truth, or sizes differ")
    return Atlas(part.part, np.asarray(image, np.uint8), np.asarray(truth, np.uint8), part.mm_per_px, part.x0_m, part.z0_m)
