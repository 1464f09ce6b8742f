"""Owns the lines around a hull: its outline and offsets, and the lane of shots square to the shell that wraps around side, stern
and bow as far as a camera may go.

Never knows sorties, speeds or the earth: everything here is in the ship frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.geo import Float
from core.hullform import HullForm
from drone.model import ShipSide

_ARC_STEP_DEG = 12.0
_OUTLINE_POINTS = 160
_OUTLINE_TOLERANCE_M = 0.05
_END_M = 0.1  # stations end this far from transom and stem: normals are taken over 5 cm on either side
_STATIONS = 500  # a side
_NEARER = (0.85, 0.7, 0.6)  # of the stand-off, tried by the quay
_NEAR_SHARE = 0.92  # places nearer than this part of the stand-off see a strip so low that rows leave gaps
_END_EXTRA = (0.2, 0.5)  # shots added at an open end, as parts of the distance between shots
_CORNER_DEG = 6.0  # stations between which the normal turns more than this get others in between, looking at the same place


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo as planned, ship frame: camera centre (3,), the hull point it looks at (3,)."""

    centre_m: Float
    target_m: Float


@dataclass(frozen=True, slots=True)
class Lane:
    """Shots along one height around the ship, in order; `closed` = the last lies beside the first."""

    shots: tuple[Shot, ...]
    closed: bool


@dataclass(frozen=True, slots=True)
class Step:
    """Between photos: along the hull, where the shell turns (degrees), and the least way of the camera that its shutter allows."""

    spacing_m: float
    turn_deg: float
    least_m: float


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a camera may be, ship frame: level distance from the deck outline, height, and how far towards the quay.

    `towards` +1 = quay to port, -1 = to starboard, 0 = none; then `towards * y <= quay_limit_m`. A place of the hull counts as
    reachable when the camera can see it at the stand-off and at most so steep.
    """

    standoff_m: float
    clear_m: float
    floor_m: float
    towards: float
    quay_limit_m: float
    steepest_deg: float


@cache
def outline(hull: HullForm) -> Float:
    """(n, 2) convex deck-level outline, counter-clockwise seen from above: starboard quarter, bow, port quarter.

    Few points: it lies up to `_OUTLINE_TOLERANCE_M` inside the hull, which `offset_polygon` adds again.
    """
    depth = np.array(hull.geometry.depth_m)
    x = np.linspace(0.0, float(hull.stem_x(depth)), _OUTLINE_POINTS)
    y = hull.half_breadth(x, depth)
    starboard, port = np.stack([x, -y], axis=1), np.stack([x, y], axis=1)[::-1]
    return simplify(np.concatenate([starboard, port[1:]]), _OUTLINE_TOLERANCE_M)


def offset_polygon(convex: Float, distance_m: float) -> Float:
    """(m, 2) outline of all points within `distance_m` of a convex counter-clockwise polygon, slightly outside of it:
    corner arcs are drawn through points so far out that their chords do not cut inside.
    """
    edges = np.roll(convex, -1, axis=0) - convex
    keep = np.hypot(edges[:, 0], edges[:, 1]) > 1e-9
    convex, edges = convex[keep], edges[keep]
    angles = np.unwrap(np.arctan2(-edges[:, 0], edges[:, 1]))
    points = []
    for index, corner in enumerate(convex):
        before = angles[index - 1] - (2 * np.pi if index == 0 else 0.0)
        turn = angles[index] - before
        steps = max(1, int(np.ceil(np.degrees(abs(turn)) / _ARC_STEP_DEG)))
        reach = (distance_m + _OUTLINE_TOLERANCE_M) / np.cos(turn / steps / 2.0)
        for step in range(steps):
            angle = before + (step + 0.5) * turn / steps
            points.append(corner + reach * np.array([np.cos(angle), np.sin(angle)]))
    return np.array(points)


def simplify(points: Float, tolerance_m: float) -> Float:
    """Drop points of a polyline (n, d) that lie within `tolerance_m` of the line kept (greedy, keeps both ends)."""
    kept, start = [0], 0
    for end in range(2, len(points)):
        if line_deviation_m(points[start : end + 1]) > tolerance_m:
            kept.append(end - 1)
            start = end - 1
    kept.append(len(points) - 1)
    return np.asarray(points[sorted(set(kept))])


def line_deviation_m(points: Float) -> float:
    """Largest distance of the points from the straight line between first and last."""
    chord = points[-1] - points[0]
    length = float(np.linalg.norm(chord))
    if length < 1e-9:
        return float(np.max(np.linalg.norm(points - points[0], axis=1)))
    unit = chord / length
    relative = points - points[0]
    along = np.clip(relative @ unit, 0.0, length)
    return float(np.max(np.linalg.norm(relative - along[:, None] * unit, axis=1)))


def quay_polygon(hull: HullForm, quay_side: ShipSide, far_m: float, margin_m: float = 0.0) -> Float:
    """(4, 2) rectangle on the quay's side of the line along the ship's side, and so much on the water side of it."""
    towards = 1.0 if quay_side == "port" else -1.0
    half, loa = hull.geometry.beam_m / 2.0 - margin_m, hull.geometry.loa_m
    near, away = towards * half, towards * (half + far_m)
    return np.array([[-far_m, near], [loa + far_m, near], [loa + far_m, away], [-far_m, away]])


def row_count(free_m: float, footprint_m: float, overlap: float, edge_margin: float) -> int:
    """Rows that cover a freeboard: the outer two may hang over deck edge and waterline by the margin."""
    inner = free_m - footprint_m * (1.0 - 2 * edge_margin)
    return 1 if inner <= 1e-6 else int(np.ceil(inner / (footprint_m * (1.0 - overlap)) - 1e-6)) + 1


def row_heights(low_m: float, high_m: float, footprint_m: float, overlap: float, edge_margin: float) -> list[float]:
    """Heights of rows: n = max(1, ceil((F - h) / (h (1 - overlap))) + 1), equally spaced (drone spec, section 5)."""
    free = high_m - low_m
    count = row_count(free, footprint_m, overlap, edge_margin)
    if count == 1:
        return [(low_m + high_m) / 2.0]
    first = low_m + footprint_m * (0.5 - edge_margin)
    last = high_m - footprint_m * (0.5 - edge_margin)
    return [float(value) for value in np.linspace(first, last, count)]


@dataclass(frozen=True, slots=True)
class _Stations:
    """Fine steps around the ship at one height: hull points (n, 3), directions of view outwards (n, 3)."""

    points: Float
    normals: Float

    def camera_places(self, reach: Reach, deck: Float) -> tuple[Float, NDArray[np.bool_]]:
        """(n, 3) centres and (n,) whether the place may be used and sees its point well.

        By the quay's end of bow and stern a nearer place looks at the shell less steeply: the stand-off is shortened there in steps
        until the place may be used.
        """
        centres, may = self._at(reach, reach.standoff_m, deck)
        if not reach.towards:
            return centres, may
        for share in _NEARER:
            nearer, good = self._at(reach, reach.standoff_m * share, deck)
            take = ~may & good
            centres[take] = nearer[take]
            may |= take
        return centres, may

    def _at(self, reach: Reach, standoff_m: float, deck: Float) -> tuple[Float, NDArray[np.bool_]]:
        centres = self.points + standoff_m * self.normals
        level = np.linalg.norm(self.normals[:, :2], axis=1)
        low = centres[:, 2] < reach.floor_m
        # Raised to the floor the camera would be nearer or farther than planned: keep the stand-off, change the angle.
        rise = np.clip((np.maximum(centres[:, 2], reach.floor_m) - self.points[:, 2]) / standoff_m, -0.95, 0.95)
        flat = standoff_m * np.sqrt(1.0 - rise**2)
        centres[low, :2] = (self.points[:, :2] + (flat / level)[:, None] * self.normals[:, :2])[low]
        centres[low, 2] = (self.points[:, 2] + rise * standoff_m)[low]
        if reach.towards:
            self._behind_the_line(centres, flat, reach)
        away = centres - self.points
        cosine = np.einsum("ij,ij->i", away, self.normals) / np.linalg.norm(away, axis=1)
        may = cosine >= np.cos(np.radians(reach.steepest_deg))
        short = np.maximum(reach.clear_m - outline_distance_m(deck, centres[:, :2]), 0.0)
        centres[:, :2] += short[:, None] * (self.normals[:, :2] / level[:, None])
        may &= reach.towards * centres[:, 1] <= reach.quay_limit_m + 1e-6 if reach.towards else True
        return centres, may & (outline_distance_m(deck, centres[:, :2]) >= reach.clear_m - 0.05)

    def _behind_the_line(self, centres: Float, flat: Float, reach: Reach) -> None:
        """Places beyond the quay's limit are turned onto it about the point they look at, by the stern or by the bow."""
        beyond = reach.towards * centres[:, 1] > reach.quay_limit_m
        across = np.clip((reach.towards * reach.quay_limit_m - self.points[:, 1]) / flat, -1.0, 1.0)
        along = np.sign(self.normals[:, 0]) * np.sqrt(1.0 - across**2)
        centres[beyond, 0] = (self.points[:, 0] + flat * along)[beyond]
        centres[beyond, 1] = (self.points[:, 1] + flat * across)[beyond]


def outline_distance_m(convex: Float, points: Float) -> Float:
    """(n,) distance of points (n, 2) from a convex counter-clockwise polygon; negative inside."""
    edges = np.roll(convex, -1, axis=0) - convex
    lengths = np.maximum(np.hypot(edges[:, 0], edges[:, 1]), 1e-12)
    relative = points[:, None, :] - convex[None]
    share = np.clip(np.einsum("nek,ek->ne", relative, edges) / lengths**2, 0.0, 1.0)
    gap = np.min(np.linalg.norm(relative - share[..., None] * edges[None], axis=2), axis=1)
    left = edges[None, :, 0] * relative[..., 1] - edges[None, :, 1] * relative[..., 0]
    return np.asarray(np.where(np.all(left >= 0.0, axis=1), -gap, gap))


def wrap_lane(hull: HullForm, height_m: float, reach: Reach, step: Step, home_m: Float) -> Lane | None:
    """One lane around everything that can be reached at a height: from the quay's end of the stern, along the water side, around
    the bow; the whole way around a ship that lies free, begun nearest to `home_m`. None when nothing can be reached.

    Shots are square to the shell.
    """
    stations = _stations(hull, height_m, reach.towards)
    centres, may = stations.camera_places(reach, outline(hull))
    if not np.any(may):
        return None
    closed = bool(np.all(may))
    first = int(np.argmin(np.hypot(*(centres[:, :2] - home_m[:2]).T))) if closed else _after_longest_gap(may)
    order = np.roll(np.arange(len(may)), -first)
    order = order[may[order]]
    return _lane(stations.points[order], centres[order], step, closed=closed)


def _lane(points: Float, places: Float, step: Step, *, closed: bool) -> Lane:
    """Shots along fine steps of hull points and camera places, both (n, 3)."""
    directions = (places - points) / np.linalg.norm(places - points, axis=1, keepdims=True)
    hull_steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    turns = np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", directions[1:], directions[:-1]), -1.0, 1.0)))
    measure = np.concatenate([[0.0], np.cumsum(np.maximum(hull_steps / step.spacing_m, turns / step.turn_deg))])
    count = max(2, int(np.ceil(measure[-1])) + 1)
    wanted = np.linspace(0.0, measure[-1], count)
    if not closed and count > 4:  # what lies at an open end is seen from one side only: more photos there
        extra = np.array(_END_EXTRA) * wanted[1]
        wanted = np.sort(np.concatenate([wanted, extra, wanted[-1] - extra]))
    chosen = [
        np.stack([np.interp(wanted, measure, values[:, axis]) for axis in range(3)], axis=1) for values in (places, points)
    ]
    return Lane(tuple(Shot(centre, target) for centre, target in zip(*chosen, strict=True)), closed)


def near_lane(hull: HullForm, height_m: float, reach: Reach, step: Step) -> Lane | None:
    """The short part of a lane where the quay forces the camera near the shell, for a height between two rows; None without one."""
    stations = _stations(hull, height_m, reach.towards)
    centres, may = stations.camera_places(reach, outline(hull))
    away = np.linalg.norm(centres - stations.points, axis=1)
    near = may & (away < _NEAR_SHARE * reach.standoff_m)
    if not np.any(near) or np.all(near):
        return None
    order = np.roll(np.arange(len(near)), -_after_longest_gap(near))
    run = order[: int(np.argmin(near[order]))]
    return _lane(stations.points[run], centres[run], step, closed=False) if len(run) > 1 else None


def _after_longest_gap(may: NDArray[np.bool_]) -> int:
    """Index where the allowed run begins that follows the longest forbidden one, on a circle."""
    count = len(may)
    best, best_length, length = 0, -1, 0
    for step in range(2 * count):
        if may[step % count]:
            if length > best_length:
                best, best_length = step % count, length
            length = 0
        else:
            length += 1
    return best


def _stations(hull: HullForm, height_m: float, towards: float) -> _Stations:
    """Around the ship: for a quay to starboard (or none) clockwise-free order transom, port side, stem, starboard side; mirrored
    for a quay to port, so that the water side comes first after the stern.
    """
    water: ShipSide = "starboard" if towards > 0 else "port"
    quay: ShipSide = "port" if towards > 0 else "starboard"
    sign = 1.0 if water == "port" else -1.0
    height = np.array(height_m)
    half, stem = float(hull.half_breadth(np.array(0.0), height)), float(hull.stem_x(height))
    x = np.linspace(_END_M, stem - _END_M, _STATIONS)
    level = np.full_like(x, height_m)
    across = np.linspace(-half, half, max(3, int(half)))
    transom = np.stack([np.zeros_like(across), sign * across, np.full_like(across, height_m)], axis=1)
    points = [transom, hull.surface(x, level, water), hull.surface(x[::-1], level, quay)]
    normals = [np.tile([-1.0, 0.0, 0.0], (len(across), 1)), hull.normal(x, level, water), hull.normal(x[::-1], level, quay)]
    return _with_corners(np.concatenate(points), np.concatenate(normals))


def _with_corners(points: Float, normals: Float) -> _Stations:
    """More stations where the normal jumps, with directions in between, also between the last station and the first."""
    after_points, after_normals = np.roll(points, -1, axis=0), np.roll(normals, -1, axis=0)
    turns = np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", normals, after_normals), -1.0, 1.0)))
    all_points, all_normals = [], []
    for index, turn in enumerate(turns):
        steps = max(1, int(np.ceil(turn / _CORNER_DEG)))
        for step in range(steps):
            share = step / steps
            mixed = (1.0 - share) * normals[index] + share * after_normals[index]
            all_points.append((1.0 - share) * points[index] + share * after_points[index])
            all_normals.append(mixed / max(float(np.linalg.norm(mixed)), 1e-9))
    return _Stations(np.array(all_points), np.array(all_normals))
