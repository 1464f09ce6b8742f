"""Owns the simulated camera: a photo of a ship file from a pose, with its truth mask.

Never detects anything and writes no file. Rays meet the hull on a coarse grid; between grid points the surface coordinates
are interpolated, and edges (deck, waterline, stem, transom) are cut per pixel from those coordinates, so they stay sharp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from core.geo import Float
from core.hullform import HullForm
from core.ship import Side
from drone.model import CameraSpec, ShipSide
from drone.pose import CameraPose, rays
from drone.sim.shipfile import Atlas, Image, Part, ShipFile

_STEP_PX = 16
_BISECTIONS = 15
_FAR_M = 400.0
_QUAY_TOP_M = 3.5  # above the water
_WATER_MM_PER_PX = 20.0
_SUN_SHIP = np.array([0.25, 0.45, 0.86])  # towards the sun, ship frame, mirrored for the other side: no side lies in the dark
_AMBIENT = 0.62
_DIRECT = 0.55
_DECK_BGR = (72, 96, 88)
_PLAIN_BGR = (70, 60, 60)
_QUAY_BGR = (128, 134, 138)
_SKY_BGR = (226, 214, 200)
_WATER_BGR = np.array([84.0, 82.0, 62.0])

Field32 = NDArray[np.float32]
Mask = NDArray[np.uint8]

cv2.setNumThreads(1)


@dataclass(frozen=True, slots=True)
class Photo:
    """`image` (h, w, 3) uint8 BGR, `truth` (h, w) uint8 class ids, 0 where it is not hull."""

    image: Image
    truth: Image


@dataclass(frozen=True, slots=True)
class _Grid:
    """Rays of the coarse grid, row-major, with one cell more than the image on each side."""

    rows: int
    columns: int
    origin: Float
    directions: Float


@dataclass(frozen=True, slots=True)
class _Surface:
    """One part as seen: metres along atlas columns (x, on the stern -y) and metres of atlas rows (z, on the deck y) (h, w), brightness (h, w), mask (h, w) 255 where visible."""

    part: Part
    across_m: Field32
    down_m: Field32
    shade: Field32
    mask: Mask


@dataclass(slots=True)
class Renderer:
    """Photographs one ship with one camera. Textures are made once from `seed`."""

    ship: ShipFile
    camera: CameraSpec
    seed: int
    quay_side: ShipSide | None = None
    _noise: Image = field(init=False, repr=False)
    _water: Image = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        shape = (self.camera.height_px + 64, self.camera.width_px + 64, 3)
        self._noise = np.clip(rng.standard_normal(shape, dtype=np.float32) * 3.0 + 8.0, 0, 16).astype(np.uint8)
        waves = np.zeros((1024, 1024), np.float32)
        for cells, weight in ((8, 0.5), (32, 1.0), (128, 0.8)):
            tile = rng.standard_normal((cells, cells)).astype(np.float32)
            step = 1024 // cells
            big = cv2.resize(np.pad(tile, 2, mode="wrap"), None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
            waves += weight * big[2 * step : 2 * step + 1024, 2 * step : 2 * step + 1024]  # repeats without a seam
        self._water = np.clip(_WATER_BGR + 9.0 * waves[..., None], 0, 255).astype(np.uint8)

    def render(self, pose: CameraPose, velocity_ship_m_s: Float, shot_seed: int) -> Photo:
        """The photo from `pose` while moving at `velocity_ship_m_s` (3,); `shot_seed` decides the sensor noise."""
        grid = self._grid(pose)
        image = self._background(grid)
        truth = np.zeros(image.shape[:2], np.uint8)
        for surface in self._surfaces(grid):
            self._paint(surface, image, truth)
        image = _motion_blur(image, self._smear_px(pose, velocity_ship_m_s))
        rng = np.random.default_rng([self.seed, shot_seed])
        row, column = (int(value) for value in rng.integers(0, 64, 2))
        noise = self._noise[row : row + image.shape[0], column : column + image.shape[1]]
        image = np.asarray(cv2.subtract(cv2.add(image, noise), np.full_like(image, 8)), np.uint8)
        return Photo(image, truth)

    def _grid(self, pose: CameraPose) -> _Grid:
        rows = math.ceil(self.camera.height_px / _STEP_PX) + 2
        columns = math.ceil(self.camera.width_px / _STEP_PX) + 2
        u = (np.arange(columns) - 0.5) * _STEP_PX
        v = (np.arange(rows) - 0.5) * _STEP_PX
        grid_u, grid_v = np.meshgrid(u, v)
        pixels = np.stack([grid_u.ravel(), grid_v.ravel()], axis=1)
        return _Grid(rows, columns, pose.centre_m, rays(self.camera.for_survey(), pose, pixels))

    def _full(self, grid: _Grid, values: Float) -> Field32:
        """(h, w) linear interpolation of grid values. A pixel's centre lies half a pixel in: grid cells are blocks of
        `_STEP_PX` pixels whose centres are the grid points, which is what `cv2.resize` assumes.
        """
        coarse = values.reshape(grid.rows, grid.columns).astype(np.float32)
        big = cv2.resize(coarse, (grid.columns * _STEP_PX, grid.rows * _STEP_PX), interpolation=cv2.INTER_LINEAR)
        inside = big[_STEP_PX : _STEP_PX + self.camera.height_px, _STEP_PX : _STEP_PX + self.camera.width_px]
        return np.asarray(inside, np.float32)

    def _background(self, grid: _Grid) -> Image:
        shape = (self.camera.height_px, self.camera.width_px)
        image = np.empty((*shape, 3), np.uint8)
        image[:] = _SKY_BGR
        drop = grid.directions[:, 2]
        waterline = self.ship.geometry.draught_m
        with np.errstate(divide="ignore"):
            reach = np.where(drop < 0, (waterline - grid.origin[2]) / np.minimum(drop, -1e-9), _FAR_M)
        reach = np.minimum(reach, _FAR_M)
        below = self._full(grid, drop) < 0.0
        if np.any(below):
            scale = 1000.0 / _WATER_MM_PER_PX
            map_x = self._full(grid, (grid.origin[0] + reach * grid.directions[:, 0]) * scale)
            map_y = self._full(grid, (grid.origin[1] + reach * grid.directions[:, 1]) * scale)
            water = cv2.remap(
                self._water, np.mod(map_x, 1024.0), np.mod(map_y, 1024.0), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
            )
            cv2.copyTo(water, below.astype(np.uint8), image)
        self._quay(grid, image)
        return image

    def _quay(self, grid: _Grid, image: Image) -> None:
        if self.quay_side is None:
            return
        towards = 1.0 if self.quay_side == "port" else -1.0
        wall = towards * (self.ship.geometry.beam_m / 2.0 + 0.6)
        across = grid.directions[:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(towards * across > 1e-4, (wall - grid.origin[1]) / across, np.nan)
        height = np.nan_to_num(grid.origin[2] + reach * grid.directions[:, 2] - self.ship.geometry.draught_m, nan=1e4)
        full = self._full(grid, np.clip(height, -1e4, 1e4))
        mask = ((full >= 0.0) & (full <= _QUAY_TOP_M)).astype(np.uint8)
        cv2.copyTo(np.full_like(image, _QUAY_BGR), mask, image)

    def _surfaces(self, grid: _Grid) -> list[_Surface]:
        geometry = self.ship.geometry
        found: list[_Surface | None] = []
        if grid.origin[2] > geometry.depth_m:
            found.append(self._deck(grid))
        sides: tuple[ShipSide, ShipSide] = ("port", "starboard")
        found += [self._side(grid, side) for side in sides]
        if grid.origin[0] < 0.0:
            found.append(self._stern(grid))
        return [surface for surface in found if surface is not None]

    def _side(self, grid: _Grid, side: ShipSide) -> _Surface | None:
        hull, geometry = self.ship.hull, self.ship.geometry
        distance = side_distance_m(hull, side, grid.origin, grid.directions)
        met = ~np.isnan(distance)
        if not np.any(met):
            return None
        point = grid.origin + np.where(met, distance, 0.0)[:, None] * grid.directions
        normals = hull.normal(np.clip(point[:, 0], 0.1, None), np.clip(point[:, 2], 0.1, geometry.depth_m - 0.1), side)
        facing = np.where(met, -np.einsum("ij,ij->i", grid.directions, normals), -1.0)
        x = self._full(grid, point[:, 0])
        z = self._full(grid, point[:, 2])
        stem_low, stem_high = (float(value) for value in hull.stem_x(np.array([0.0, geometry.depth_m])))
        stem = stem_low + (stem_high - stem_low) / geometry.depth_m * z
        visible = (self._full(grid, facing) > 0.0) & (x >= 0.0) & (x <= stem)
        visible &= (z >= geometry.draught_m) & (z <= geometry.depth_m)
        if not np.any(visible):
            return None
        return _Surface(side, x, z, self._full(grid, _brightness(normals, side)), visible.astype(np.uint8) * 255)

    def _stern(self, grid: _Grid) -> _Surface | None:
        hull, geometry = self.ship.hull, self.ship.geometry
        ahead = grid.directions[:, 0]
        reach = np.where(ahead > 1e-3, -grid.origin[0] / np.maximum(ahead, 1e-3), 1e4)
        y = self._full(grid, grid.origin[1] + reach * grid.directions[:, 1])
        z = self._full(grid, grid.origin[2] + reach * grid.directions[:, 2])
        half = float(hull.half_breadth(np.array(0.0), np.array(geometry.depth_m)))
        visible = (np.abs(y) <= half) & (z >= geometry.draught_m) & (z <= geometry.depth_m)
        if not np.any(visible):
            return None
        shade = np.full_like(y, _AMBIENT + 0.4 * _DIRECT)
        return _Surface("stern", -y, z, shade, visible.astype(np.uint8) * 255)

    def _deck(self, grid: _Grid) -> _Surface | None:
        hull, depth = self.ship.hull, self.ship.geometry.depth_m
        drop = grid.directions[:, 2]
        reach = np.where(drop < -1e-3, (depth - grid.origin[2]) / np.minimum(drop, -1e-3), 1e4)
        x = grid.origin[0] + reach * grid.directions[:, 0]
        y = grid.origin[1] + reach * grid.directions[:, 1]
        margin = hull.half_breadth(x, np.full_like(x, depth)) - np.abs(y)
        full_x = self._full(grid, x)
        stem = float(hull.stem_x(np.array(depth)))
        visible = (self._full(grid, np.clip(margin, -50.0, 50.0)) >= 0.0) & (full_x >= 0.0) & (full_x <= stem)
        visible &= self._full(grid, drop) < 0.0
        if not np.any(visible):
            return None
        shade = np.full_like(full_x, _AMBIENT + 0.8 * _DIRECT)
        return _Surface("deck", full_x, self._full(grid, y), shade, visible.astype(np.uint8) * 255)

    def _paint(self, surface: _Surface, image: Image, truth: Image) -> None:
        rows, columns = np.flatnonzero(surface.mask.any(axis=1)), np.flatnonzero(surface.mask.any(axis=0))
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        mask = np.ascontiguousarray(surface.mask[window])
        across, down = surface.across_m[window], surface.down_m[window]
        atlas = self.ship.atlases.get(surface.part)
        if atlas is None:
            colour = np.empty((*mask.shape, 3), np.uint8)
            colour[:] = _DECK_BGR if surface.part == "deck" else _PLAIN_BGR
            classes = np.zeros(mask.shape, np.uint8) if surface.part == "deck" else np.ones(mask.shape, np.uint8)
        else:
            colour, classes = _sample(atlas, across, down, mask)
        shade = np.ascontiguousarray(surface.shade[window])
        channels = [cv2.multiply(channel, shade, dtype=cv2.CV_8U) for channel in cv2.split(colour)]
        cv2.copyTo(cv2.merge(channels), mask, image[window])
        cv2.copyTo(classes, mask, truth[window])

    def _smear_px(self, pose: CameraPose, velocity_ship_m_s: Float) -> tuple[float, float]:
        """Motion during the exposure in pixels, right and down, for a surface at the planned distance."""
        in_camera = pose.rotation.T @ np.asarray(velocity_ship_m_s, dtype=float)
        side_distance = max(abs(float(pose.centre_m[1])) - self.ship.geometry.beam_m / 2.0, 4.0)
        scale = self.camera.exposure_s * self.camera.focal_px / side_distance
        return float(in_camera[0] * scale), float(in_camera[1] * scale)


def side_distance_m(hull: HullForm, side: ShipSide, origin_m: Float, directions: Float) -> Float:
    """(n,) distance along rays (n, 3) to y = +-half_breadth(x, z), NaN for rays that do not go towards the centre plane.

    The surface is continued past stem, stern, deck and keel, so that the distance is smooth across the edges of the part.
    """
    towards = 1.0 if side == "port" else -1.0
    inward = -towards * directions[:, 1]
    off_centre = towards * float(origin_m[1])
    going = inward > 1e-3
    speed = np.where(going, inward, 1.0)
    low = np.maximum((off_centre - hull.geometry.beam_m / 2.0) / speed, 0.0)
    high = np.maximum(off_centre / speed, 0.0)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        x = np.maximum(origin_m[0] + middle * directions[:, 0], 0.0)
        breadth = hull.half_breadth(x, origin_m[2] + middle * directions[:, 2])
        outside = off_centre - middle * speed > breadth
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return np.where(going & (high < _FAR_M), (low + high) / 2.0, np.nan)


def _brightness(normals: Float, side: Side) -> Float:
    sun = _SUN_SHIP * np.array([1.0, 1.0 if side == "port" else -1.0, 1.0])
    return np.asarray(_AMBIENT + _DIRECT * np.clip(normals @ sun, 0.0, 1.0))


def _sample(atlas: Atlas, across_m: Field32, down_m: Field32, mask: Mask) -> tuple[Image, Image]:
    """Colours and classes of an atlas at surface coordinates; outside of the atlas its edge is repeated."""
    scale = np.float32(1000.0 / atlas.mm_per_px)
    height, width = atlas.truth.shape
    first = -atlas.x0_m if atlas.part == "stern" else atlas.x0_m
    map_x = (across_m - np.float32(first)) * scale - np.float32(0.5)
    map_y = (np.float32(atlas.z0_m) - down_m) * scale - np.float32(0.5)
    seen = mask > 0
    # The part in view only: cv2.remap takes no image wider than 32767 pixels, and a hull may be.
    left, right = (int(np.clip(edge, 0, width - 1)) for edge in (map_x[seen].min() - 2, map_x[seen].max() + 3))
    top, bottom = (int(np.clip(edge, 0, height - 1)) for edge in (map_y[seen].min() - 2, map_y[seen].max() + 3))
    crop = np.s_[top : bottom + 1, left : right + 1]
    map_x, map_y = map_x - np.float32(left), map_y - np.float32(top)
    colour = cv2.remap(atlas.image[crop], map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    classes = cv2.remap(atlas.truth[crop], map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(colour, np.uint8), np.asarray(classes, np.uint8)


def _motion_blur(image: Image, smear_px: tuple[float, float]) -> Image:
    length = math.hypot(*smear_px)
    if length < 0.5:
        return image
    size = 2 * math.ceil(length / 2.0) + 1
    kernel = np.zeros((size, size), np.float32)
    centre = size // 2
    half = np.array(smear_px) / 2.0
    start, end = np.round(centre - half).astype(int), np.round(centre + half).astype(int)
    cv2.line(kernel, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
