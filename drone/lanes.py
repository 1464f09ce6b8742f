"""Owns the lines around a hull: the ring that ferries follow, rows of shots square to the shell, exclusion polygons.

Never knows sorties, speeds or the earth: everything here is in the ship frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.geo import Float
from core.hullform import HullForm
from core.ship import Side
from drone.model import ShipSide

_ARC_STEP_DEG = 12.0
_OUTLINE_POINTS = 160
_OUTLINE_TOLERANCE_M = 0.05
_RING_STEP_M = 8.0
_END_M = 0.1  # rows end this far from transom and stem: normals are taken over 5 cm on either side


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo as planned, ship frame: camera centre (3,), the hull point it looks at (3,)."""

    centre_m: Float
    target_m: Float


@dataclass(frozen=True, slots=True)
class Row:
    """Shots along one height of one side, in order from stern to bow (or port to starboard on the stern)."""

    side: Side
    shots: tuple[Shot, ...]


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


def quay_polygon(hull: HullForm, quay_side: ShipSide, far_m: float) -> Float:
    """(4, 2) rectangle on the quay's side of the line along the ship's side."""
    towards = 1.0 if quay_side == "port" else -1.0
    half, loa = hull.geometry.beam_m / 2.0, hull.geometry.loa_m
    near, away = towards * half, towards * (half + far_m)
    return np.array([[-far_m, near], [loa + far_m, near], [loa + far_m, away], [-far_m, away]])


def row_heights(low_m: float, high_m: float, footprint_m: float, overlap: float, edge_margin: float) -> list[float]:
    """Heights of rows: n = max(1, ceil((F - h) / (h (1 - overlap))) + 1), equally spaced (drone spec, section 5)."""
    free = high_m - low_m
    if free <= footprint_m * (1.0 - 2 * edge_margin):
        return [(low_m + high_m) / 2.0]
    count = int(np.ceil((free - footprint_m * (1.0 - 2 * edge_margin)) / (footprint_m * (1.0 - overlap)))) + 1
    first = low_m + footprint_m * (0.5 - edge_margin)
    last = high_m - footprint_m * (0.5 - edge_margin)
    return [float(value) for value in np.linspace(first, last, count)]


def shell_row(hull: HullForm, side: ShipSide, height_m: float, spacing_m: float, standoff_m: float, floor_m: float) -> Row:
    """Shots square to the shell, equally spaced by arc length along the hull from the stern end to the stem.

    The camera stays at or above `floor_m` (ship frame); where the shell's normal points below it, it looks down instead.
    """
    stem = float(hull.stem_x(np.array(height_m)))
    x = np.linspace(_END_M, stem - _END_M, 800)
    points = hull.surface(x, np.full_like(x, height_m), side)
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    count = max(2, int(np.ceil(arc[-1] / spacing_m)) + 1)
    x_shots = np.interp(np.linspace(0.0, arc[-1], count), arc, x)
    heights = np.full_like(x_shots, height_m)
    targets = hull.surface(x_shots, heights, side)
    normals = hull.normal(x_shots, heights, side)
    return Row(side, _shots(targets, normals, standoff_m, floor_m))


def stern_row(
    hull: HullForm,
    height_m: float,
    spacing_m: float,
    standoff_m: float,
    floor_m: float,
    y_limits_m: tuple[float, float],
) -> Row | None:
    """Shots square to the transom, from port to starboard, kept within `y_limits_m`; None when nothing is reachable."""
    half = float(hull.half_breadth(np.array(0.0), np.array(height_m)))
    low, high = max(-half, y_limits_m[0]), min(half, y_limits_m[1])
    if high <= low:
        return None
    count = max(2, int(np.ceil((high - low) / spacing_m)) + 1)
    y = np.linspace(high, low, count)
    targets = np.stack([np.zeros(count), y, np.full(count, height_m)], axis=1)
    return Row("stern", _shots(targets, np.tile([-1.0, 0.0, 0.0], (count, 1)), standoff_m, floor_m))


def _shots(targets: Float, normals: Float, standoff_m: float, floor_m: float) -> tuple[Shot, ...]:
    centres = targets + standoff_m * normals
    low = centres[:, 2] < floor_m
    if np.any(low):
        # Raised to the floor the camera would be nearer or farther than planned: keep the stand-off, change the angle.
        rise = np.clip((floor_m - targets[low, 2]) / standoff_m, -0.95, 0.95)
        level = normals[low, :2] / np.linalg.norm(normals[low, :2], axis=1, keepdims=True)
        flat = standoff_m * np.sqrt(1.0 - rise**2)
        centres[low, :2] = targets[low, :2] + flat[:, None] * level
        centres[low, 2] = floor_m
    return tuple(Shot(centre, target) for centre, target in zip(centres, targets, strict=True))


@dataclass(frozen=True, slots=True)
class Ring:
    """Closed way around the ship for ferries; `blocked` (n,) marks the vertices behind the quay margin."""

    points_m: Float
    blocked: tuple[bool, ...]

    @classmethod
    def around(cls, hull: HullForm, distance_m: float, quay_side: ShipSide | None, quay_margin_m: float) -> Ring:
        points = _dense(offset_polygon(outline(hull), distance_m))
        if quay_side is None:
            return cls(points, (False,) * len(points))
        towards = 1.0 if quay_side == "port" else -1.0
        limit = hull.geometry.beam_m / 2.0 - quay_margin_m
        return cls(points, tuple(bool(value) for value in towards * points[:, 1] > limit))

    def way(self, start_m: Float, end_m: Float) -> Float | None:
        """(n, 2) shortest allowed way along the ring between two points outside or on it; None if the quay cuts it."""
        first, last = self._nearest(start_m), self._nearest(end_m)
        if first is None or last is None:
            return None
        count = len(self.points_m)
        best: Float | None = None
        best_length = np.inf
        for step in (1, -1):
            index = first
            chosen = [start_m, self.points_m[first]]
            while index != last:
                index = (index + step) % count
                if self.blocked[index]:
                    break
                chosen.append(self.points_m[index])
            else:
                path = np.array([*chosen, end_m])
                length = float(np.sum(np.linalg.norm(np.diff(path, axis=0), axis=1)))
                if length < best_length:
                    best, best_length = path, length
        return best

    def _nearest(self, point_m: Float) -> int | None:
        distances = np.hypot(*(self.points_m - point_m).T)
        distances[list(self.blocked)] = np.inf
        index = int(np.argmin(distances))
        return index if np.isfinite(distances[index]) else None


def _dense(polygon: Float) -> Float:
    """The same closed polygon with a vertex at least every few metres."""
    points = []
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        pieces = max(1, int(np.ceil(np.linalg.norm(end - start) / _RING_STEP_M)))
        points += [start + (end - start) * step / pieces for step in range(pieces)]
    return np.array(points)
