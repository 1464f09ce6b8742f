"""Owns the numbers of the detector and the hull map as typed values, from ``config/hull/detector.toml``.

Never holds a number itself.
"""

from __future__ import annotations

import tomllib
from functools import cache

from pydantic import BaseModel, ConfigDict

from config import pack_path


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ResolutionPack(_Table):
    fine_gsd_mm: float
    unknown_long_side_px: int
    whole_long_sides_px: tuple[int, ...]
    mirror: bool
    overlap_px: int
    stride_px: int


class ThresholdPack(_Table):
    of_setting: float
    grow: float
    coating_loss: float


class FindingsPack(_Table):
    group_px: int
    simplify_px: float
    max_vertices: int


class MapPack(_Table):
    cell_length_m: float
    cell_height_m: float
    raster_m: float
    gate_m: float
    gate_sigma: float
    gate_limit_m: float
    min_view_share: float
    min_area_cm2: float
    max_incidence_deg: float
    pixel_sigma_px: float
    shape_sigma_share: float
    missing_pose_sigma_m: float
    off_hull_share: float


class PhotoPack(_Table):
    formats: tuple[str, ...]
    jpeg_crop_quality: int
    crop_margin: float
    crop_long_side_px: int


class DetectorPack(_Table):
    resolution: ResolutionPack
    threshold: ThresholdPack
    survey_threshold: ThresholdPack
    findings: FindingsPack
    map: MapPack
    photo: PhotoPack


@cache
def detector_pack() -> DetectorPack:
    """The pack as it ships."""
    return DetectorPack.model_validate(tomllib.loads(pack_path("hull", "detector.toml").read_text(encoding="utf-8")))
