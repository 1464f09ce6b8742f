"""Owns which part of a photo can show the shell, from its pose and the ship's form, so that sky and water are not read.

Never finds a defect: what is outside the part counts as background.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from config import pack_path
from core.geo import Float
from core.hullform import PART_CODES, HullForm
from core.ship import ShipGeometry
from inspection.hull.classes import MASK_CLASSES, ClassId
from inspection.hull.detect import Reading, read_probabilities
from inspection.hull.packs import detector_pack
from inspection.hull.picture import Bgr
from inspection.hull.project import SHELL
from inspection.hull.survey import View, read_survey, views_of
from inspection.hull.weights import Model


class OverviewPack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    grid: int
    above_deck_m: float
    below_water_m: float
    margin_m: float


@cache
def overview_pack() -> OverviewPack:
    """The pack as it ships."""
    return OverviewPack.model_validate(tomllib.loads(pack_path("hull", "overview.toml").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Part:
    """A window of a photo in shares of its height and width, 0-1."""

    top: float
    bottom: float
    left: float
    right: float

    def pixels(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns; the first ones on the network's grid of 32 px."""
        top, left = (int(share * length) // 32 * 32 for share, length in ((self.top, height), (self.left, width)))
        return slice(top, min(height, round(self.bottom * height))), slice(left, min(width, round(self.right * width)))


def survey_parts(survey_dir: Path) -> dict[str, Part]:
    """The part of each posed photo that can show the shell, by file name. A photo that can show none is left out: it is read whole,
    because a pose so far off is more likely wrong than the photo empty.
    """
    survey = read_survey(survey_dir)
    found = {view.file: shell_part(view, survey.geometry) for view in views_of(survey)}
    return {file: part for file, part in found.items() if part is not None}


def shell_part(view: View, geometry: ShipGeometry, pack: OverviewPack | None = None) -> Part | None:
    """The window round all places of the shell above the waterline, widened by the error of the pose; None without any."""
    pack = pack or overview_pack()
    across, down = pack.grid, pack.grid * 3 // 4
    columns, rows = np.meshgrid((np.arange(across) + 0.5) / across, (np.arange(down) + 0.5) / down)
    pixels = np.column_stack([columns.ravel() * view.camera.width_px, rows.ravel() * view.camera.height_px])
    taller = ShipGeometry(
        geometry.loa_m, geometry.beam_m, geometry.depth_m + pack.above_deck_m, geometry.draught_m, geometry.x_origin, geometry.estimated
    )  # fmt: skip
    hits = HullForm(taller).intersect(view.centre_m, view.in_ship(pixels))
    shell = np.isin(hits.part, [PART_CODES[side] for side in SHELL])
    shown = shell & (hits.point_m[:, 2] > geometry.draught_m - pack.below_water_m)
    if not shown.any():
        return None
    distance = float(np.median(hits.distance_m[shown]))
    margin = _error_m(view, distance) + pack.margin_m
    wide, high = (margin * 1000.0 / view.gsd_mm(distance) / size for size in (view.camera.width_px, view.camera.height_px))
    x, y = columns.ravel()[shown], rows.ravel()[shown]
    half = 0.5 / across, 0.5 / down
    return Part(
        max(0.0, float(y.min()) - half[1] - high), min(1.0, float(y.max()) + half[1] + high),
        max(0.0, float(x.min()) - half[0] - wide), min(1.0, float(x.max()) + half[0] + wide),
    )  # fmt: skip


def _error_m(view: View, distance_m: float) -> float:
    """Twice the standard error of where a ray meets the shell: the camera's place, and its angle at this distance."""
    place: Float = view.covariance[:3, :3]
    angle: Float = view.covariance[3:, 3:]
    return 2.0 * float(np.sqrt(np.linalg.eigvalsh(place)[-1] + np.linalg.eigvalsh(angle)[-1] * distance_m**2))


def read_part(model: Model, image: Bgr, tile_px: int, part: Part | None) -> Reading:
    """As `read_probabilities`, of one part of the picture (None: all of it); everywhere else background is certain."""
    height, width = image.shape[:2]
    rows, columns = (slice(0, height), slice(0, width)) if part is None else part.pixels(height, width)
    if (rows, columns) == (slice(0, height), slice(0, width)):
        return read_probabilities(model, image, tile_px)
    stride = detector_pack().resolution.stride_px
    grid = np.zeros((MASK_CLASSES, -(-height // 32) * 32 // stride, -(-width // 32) * 32 // stride), np.float32)
    grid[ClassId.BACKGROUND] = 1.0
    inner = read_probabilities(model, np.ascontiguousarray(image[rows, columns]), tile_px).prob
    top, left = rows.start // stride, columns.start // stride
    down, across = min(inner.shape[1], grid.shape[1] - top), min(inner.shape[2], grid.shape[2] - left)
    grid[:, top : top + down, left : left + across] = inner[:, :down, :across]
    return Reading(grid, width, height, stride)
