"""Owns the hull surface that planner, simulator, coverage and hull map share: a parametric merchant hull.

Ship frame of `core.ship`; x from the stern end. The form is a class default of `config/hull_forms.toml` (transom stern, parallel
midbody, raked and flared bow), good for stand-off and for locating findings; it is not the ship's lines plan.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from config import pack_path
from core.errors import InputError
from core.geo import Float
from core.ship import ShipGeometry, Side

PART_CODES: dict[Side, int] = {"port": 1, "starboard": 2, "stern": 3, "deck": 4, "bow": 5}

_MARCH_STEP_M = 0.5
_BISECTIONS = 18


@dataclass(frozen=True, slots=True)
class HullHits:
    """Where rays meet the hull. `part` (n,) uint8 of PART_CODES or 0 = no hit; `point_m` (n, 3) ship frame, NaN at 0;
    `distance_m` (n,) along the ray.
    """

    part: NDArray[np.uint8]
    point_m: Float
    distance_m: Float


@dataclass(frozen=True, slots=True)
class Shape:
    """One table of config/hull_forms.toml; the comments there say what each is. `house` is fractions of the length."""

    stern_end: float
    transom: float
    bow_start: float
    bow_power: float
    rake: float
    flare: float
    depth_per_loa: float
    freeboard_per_depth: float
    house: tuple[float, float]
    house_width: float
    house_m: float
    obstacle_m: float


@cache
def hull_shapes() -> dict[str, Shape]:
    """Hull models by name."""
    data = tomllib.loads(pack_path("hull_forms.toml").read_text(encoding="utf-8"))
    tables = {name: table for name, table in data.items() if isinstance(table, dict)}
    return {name: Shape(**{**table, "house": tuple(table["house"])}) for name, table in tables.items()}


def shape_of(form: str) -> Shape:
    """Raises InputError `core.hull_form_unknown`."""
    found = hull_shapes().get(form)
    if found is None:
        raise InputError("core.hull_form_unknown", form=form, known=", ".join(sorted(hull_shapes())))
    return found


@dataclass(frozen=True, slots=True)
class HullForm:
    """The surface y = +-half_breadth(x, z), closed by a transom at x = 0 and a deck at z = depth."""

    geometry: ShipGeometry

    @property
    def shape(self) -> Shape:
        """Raises InputError `core.hull_form_unknown`."""
        return shape_of(self.geometry.form)

    def stem_x(self, z: Float) -> Float:
        """Length of the hull at height z: the stem rakes forward towards the deck."""
        height = np.clip(np.asarray(z, dtype=float) / self.geometry.depth_m, 0.0, 1.0)
        return self.geometry.loa_m * (1.0 - self.shape.rake * (1.0 - height))

    def half_breadth(self, x: Float, z: Float) -> Float:
        """Metres from the centreline to the shell; 0 outside the hull's length. Broadcasts."""
        x, z = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(z, dtype=float))
        loa, shape = self.geometry.loa_m, self.shape
        stern = shape.transom + (1.0 - shape.transom) * np.sin(np.clip(x / (shape.stern_end * loa), 0.0, 1.0) * np.pi / 2)
        into_bow = (x - shape.bow_start * loa) / (self.stem_x(z) - shape.bow_start * loa)
        below = 1.0 - np.clip(z / self.geometry.depth_m, 0.0, 1.0)
        bow = 1.0 - np.clip(into_bow, 0.0, 1.0) ** (shape.bow_power * (1.0 - shape.flare * below))
        return np.where(x < 0.0, 0.0, self.geometry.beam_m / 2.0 * np.minimum(stern, bow))

    def normal(self, x: Float, z: Float, side: Side) -> Float:
        """(n, 3) outward unit normals of the port or starboard shell at (x, z); (-1, 0, 0) for the stern."""
        x, z = np.atleast_1d(np.asarray(x, dtype=float)), np.atleast_1d(np.asarray(z, dtype=float))
        if side == "stern":
            return np.tile(np.array([-1.0, 0.0, 0.0]), (x.size, 1))
        step = 0.05
        slope_x = (self.half_breadth(x + step, z) - self.half_breadth(x - step, z)) / (2 * step)
        slope_z = (self.half_breadth(x, z + step) - self.half_breadth(x, z - step)) / (2 * step)
        towards = 1.0 if side == "port" else -1.0
        raw = np.stack([-slope_x, np.full_like(slope_x, towards), -slope_z], axis=1)
        return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True))

    def surface(self, x: Float, z: Float, side: Side) -> Float:
        """(n, 3) points of the port or starboard shell."""
        x, z = np.atleast_1d(np.asarray(x, dtype=float)), np.atleast_1d(np.asarray(z, dtype=float))
        breadth = self.half_breadth(x, z)
        return np.stack([x, breadth if side == "port" else -breadth, z], axis=1)

    def side_area_m2(self, side: Side, z_low_m: float, cell_m: float = 0.5) -> float:
        """Area of the port or starboard shell between z_low and the deck."""
        return float(np.sum(self.patches(side, z_low_m, cell_m)[2]))

    def patches(self, side: Side, z_low_m: float, cell_m: float) -> tuple[Float, Float, Float]:
        """Cut one side (or the stern) from z_low to the deck into cells: centres (n, 3), normals (n, 3), areas (n,) m2."""
        rows = max(1, round((self.geometry.depth_m - z_low_m) / cell_m))
        z_edges = np.linspace(z_low_m, self.geometry.depth_m, rows + 1)
        z_mid, dz = (z_edges[:-1] + z_edges[1:]) / 2, z_edges[1] - z_edges[0]
        if side == "stern":
            half = float(self.half_breadth(np.array(0.0), np.array(self.geometry.depth_m)))
            count = max(1, round(2 * half / cell_m))
            y = (np.arange(count) + 0.5) * (2 * half / count) - half
            grid_y, grid_z = (grid.ravel() for grid in np.meshgrid(y, z_mid))
            centres = np.stack([np.zeros_like(grid_y), grid_y, grid_z], axis=1)
            return centres, self.normal(grid_y * 0, grid_z, "stern"), np.full(grid_y.size, 2 * half / count * dz)
        columns = max(1, round(self.geometry.loa_m / cell_m))
        dx = self.geometry.loa_m / columns
        grid_x, grid_z = (grid.ravel() for grid in np.meshgrid((np.arange(columns) + 0.5) * dx, z_mid))
        inside = grid_x < self.stem_x(grid_z)
        grid_x, grid_z = grid_x[inside], grid_z[inside]
        normals = self.normal(grid_x, grid_z, side)
        return self.surface(grid_x, grid_z, side), normals, dx * dz / np.maximum(np.abs(normals[:, 1]), 0.2)

    def inside(self, points_m: Float) -> NDArray[np.bool_]:
        """(n,) True where a ship-frame point lies in the closed hull."""
        x, y, z = points_m[..., 0], points_m[..., 1], points_m[..., 2]
        within = (x >= 0.0) & (z >= 0.0) & (z <= self.geometry.depth_m)
        return np.asarray(within & (np.abs(y) < self.half_breadth(x, z)))

    def intersect(self, origins_m: Float, directions: Float, reach_m: float = 120.0) -> HullHits:
        """First meeting of each ray (origins (3,) or (n, 3), directions (n, 3), unit) with the hull.

        Marches inside the bounding box in steps of 0.5 m, then bisects to < 1 cm; a part thinner than a step can be missed.
        """
        directions = np.atleast_2d(np.asarray(directions, dtype=float))
        count = directions.shape[0]
        origins = np.broadcast_to(np.asarray(origins_m, dtype=float), (count, 3))
        start, end = self._box_span(origins, directions, reach_m)
        low, high = np.full(count, np.nan), np.full(count, np.nan)
        searching = end > start
        t = start.copy()
        while bool(np.any(searching)):
            index = np.flatnonzero(searching)
            t_next = np.minimum(t[index] + _MARCH_STEP_M, end[index])
            entered = self.inside(origins[index] + directions[index] * t_next[:, None])
            low[index[entered]], high[index[entered]] = t[index[entered]], t_next[entered]
            searching[index[entered]] = False
            t[index] = t_next
            searching[index[(t_next >= end[index]) & ~entered]] = False
        hit = np.flatnonzero(~np.isnan(low))
        for _ in range(_BISECTIONS):
            middle = (low[hit] + high[hit]) / 2
            in_hull = self.inside(origins[hit] + directions[hit] * middle[:, None])
            high[hit] = np.where(in_hull, middle, high[hit])
            low[hit] = np.where(in_hull, low[hit], middle)
        point = origins + directions * high[:, None]
        part = np.zeros(count, dtype=np.uint8)
        x, y, z = point[hit, 0], point[hit, 1], point[hit, 2]
        code = np.where(y >= 0, PART_CODES["port"], PART_CODES["starboard"])
        code = np.where(z >= self.geometry.depth_m - 0.01, PART_CODES["deck"], code)
        part[hit] = np.where(x <= 0.01, PART_CODES["stern"], code)
        return HullHits(part=part, point_m=point, distance_m=high)

    def _box_span(self, origins: Float, directions: Float, reach_m: float) -> tuple[Float, Float]:
        half = self.geometry.beam_m / 2.0
        low = np.array([0.0, -half, 0.0]) - 1e-6
        high = np.array([self.geometry.loa_m, half, self.geometry.depth_m]) + 1e-6
        with np.errstate(divide="ignore", invalid="ignore"):
            first, second = (low - origins) / directions, (high - origins) / directions
        near = np.nanmax(np.minimum(first, second), axis=1)
        far = np.nanmin(np.maximum(first, second), axis=1)
        return np.maximum(near, 0.0), np.minimum(far, reach_m)
