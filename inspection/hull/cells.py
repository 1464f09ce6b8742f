"""Owns the declared areas of the shell (strake by frame cells): what share was seen, and what share is defective.

Never grades them. Area per cent = defect area inside a cell / the cell's area of shell, never of a photo (spec/hull.md, section 6).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.geo import Float
from core.hullform import HullForm
from core.ship import ShipGeometry
from inspection.hull.classes import ClassId
from inspection.hull.packs import detector_pack
from inspection.hull.project import SHELL, ShellSide
from inspection.hull.survey import View

Outline = tuple[ClassId, ShellSide, Float, float]
_COUNTED = {ClassId.CORROSION, ClassId.COATING_LOSS, ClassId.BLISTER, ClassId.CRACK}
_SEEN_STEP_M = 0.5


@dataclass(frozen=True, slots=True)
class HullCell:
    """One cell in hull coordinates (metres). `seen_share` 0-1; percentages are null where nothing of it was seen."""

    side: ShellSide
    low: tuple[float, float]
    high: tuple[float, float]
    area_m2: float
    seen_share: float
    corrosion_pct: float | None
    defect_pct: float | None


def cells_of(outlines: list[Outline], views: list[View], geometry: ShipGeometry) -> tuple[HullCell, ...]:
    """All cells of the shell above the waterline."""
    return tuple(cell for side in SHELL for cell in _side_cells(side, outlines, views, geometry))


def _extent(side: ShellSide, geometry: ShipGeometry) -> tuple[float, float]:
    if side == "stern":
        half = float(HullForm(geometry).half_breadth(np.array(0.0), np.array(geometry.depth_m)))
        return -half, half
    return 0.0, geometry.loa_m


def _side_cells(side: ShellSide, outlines: list[Outline], views: list[View], geometry: ShipGeometry) -> list[HullCell]:
    pack = detector_pack().map
    start, stop = _extent(side, geometry)
    step = pack.raster_m
    columns, rows = round((stop - start) / step), max(1, round(geometry.freeboard_m / step))
    first = np.asarray(start + (np.arange(columns) + 0.5) * step, dtype=np.float64)
    height = np.asarray(geometry.draught_m + (np.arange(rows) + 0.5) * step, dtype=np.float64)
    on_hull = np.ones((rows, columns), bool)
    if side != "stern":
        on_hull = first[None, :] < HullForm(geometry).stem_x(height[:, None])
    corrosion, defect = _rasters(side, outlines, (rows, columns), start, geometry.draught_m, step)
    seen = _seen(side, views, geometry, first, height)
    cells = []
    for left in range(0, columns, round(pack.cell_length_m / step)):
        for bottom in range(0, rows, round(pack.cell_height_m / step)):
            window = (
                slice(bottom, bottom + round(pack.cell_height_m / step)),
                slice(left, left + round(pack.cell_length_m / step)),
            )
            inside = on_hull[window]
            if not inside.any():
                continue
            share = float(seen[window][inside].mean())
            cells.append(
                HullCell(
                    side=side,
                    low=(float(start + left * step), float(geometry.draught_m + bottom * step)),
                    high=(
                        float(start + (left + inside.shape[1]) * step),
                        float(geometry.draught_m + (bottom + inside.shape[0]) * step),
                    ),
                    area_m2=round(float(inside.sum()) * step * step, 3),
                    seen_share=round(share, 3),
                    corrosion_pct=round(float(corrosion[window][inside].mean()) * 100, 3) if share > 0 else None,
                    defect_pct=round(float(defect[window][inside].mean()) * 100, 3) if share > 0 else None,
                )
            )
    return cells


def _rasters(
    side: ShellSide, outlines: list[Outline], shape: tuple[int, int], start: float, base: float, step: float
) -> tuple[Float, Float]:
    """Share of each raster cell that is corroded, and defective at all: outlines filled with their own density."""
    corrosion, defect = np.zeros(shape), np.zeros(shape)
    for class_id, where, outline, area_m2 in outlines:
        if where != side or class_id not in _COUNTED:
            continue
        mask = np.zeros(shape, np.uint8)
        corners = np.round((outline - [start, base]) / step - 0.5).astype(np.int32)
        cv2.fillPoly(mask, [corners.reshape(-1, 1, 2)], 1)
        filled = float(mask.sum()) * step * step
        density = mask * min(1.0, area_m2 / filled) if filled else mask.astype(float)
        defect = np.maximum(defect, density)
        if class_id == ClassId.CORROSION:
            corrosion = np.maximum(corrosion, density)
    return corrosion, defect


def _seen(side: ShellSide, views: list[View], geometry: ShipGeometry, first: Float, height: Float) -> Float:
    """(rows, columns) 1.0 where at least one photo faces the place, sampled every half metre."""
    stride = max(1, round(_SEEN_STEP_M / detector_pack().map.raster_m))
    coarse_first, coarse_height = first[stride // 2 :: stride], height[stride // 2 :: stride]
    coarse_first = coarse_first if coarse_first.size else first[:1]
    coarse_height = coarse_height if coarse_height.size else height[:1]
    grid_first, grid_height = (grid.ravel() for grid in np.meshgrid(coarse_first, coarse_height))
    hull = HullForm(geometry)
    if side == "stern":
        points = np.column_stack([np.zeros_like(grid_first), grid_first, grid_height])
        normals = hull.normal(grid_first * 0, grid_height, "stern")
    else:
        points, normals = hull.surface(grid_first, grid_height, side), hull.normal(grid_first, grid_height, side)
    limit = np.cos(np.radians(detector_pack().map.max_incidence_deg))
    seen = np.zeros(len(points), bool)
    for view in views:
        towards = view.centre_m - points
        facing = np.einsum("ij,ij->i", towards, normals) / np.linalg.norm(towards, axis=1) > limit
        if facing.any():
            seen[facing] |= np.isfinite(view.to_pixels(points[facing])).all(axis=1)
    coarse = seen.reshape(len(coarse_height), len(coarse_first)).astype(np.uint8)
    full = cv2.resize(coarse, (first.size, height.size), interpolation=cv2.INTER_NEAREST)
    return np.asarray(full, dtype=np.float64)
