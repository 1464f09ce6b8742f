"""Owns the way around things: level areas no path may enter, and the shortest ways between places outside of them.

Never knows a ship, a sortie or a height: everything here is level, in one metric frame. Areas are convex polygons; shortest ways run
through their corners (visibility graph), so ways between all places of a plan come from one Floyd-Warshall pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.geo import Float

_TOUCH_M = 1e-3  # a way may run along an edge
_OUT_M = 0.05  # corners that ways run through lie this far outside


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """A convex polygon as half planes: inside where `normals @ p < limits` for all. `corners` (n, 2) counter-clockwise."""

    corners: Float
    normals: Float
    limits: Float

    @classmethod
    def of(cls, corners: Float) -> Area:
        """From convex corners in either sense. Raises ValueError for fewer than three."""
        points = np.asarray(corners, dtype=float)
        edges = np.roll(points, -1, axis=0) - points
        keep = np.hypot(edges[:, 0], edges[:, 1]) > 1e-9
        points = points[keep]
        if len(points) < 3:
            raise ValueError("an area needs three corners")
        ahead = np.roll(points, -1, axis=0)
        if float(np.sum(points[:, 0] * ahead[:, 1] - ahead[:, 0] * points[:, 1])) < 0.0:
            points = points[::-1]
        edges = np.roll(points, -1, axis=0) - points
        normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1) / np.hypot(edges[:, 0], edges[:, 1])[:, None]
        return cls(points, normals, np.einsum("ij,ij->i", normals, points))

    def depth_m(self, points: Float) -> Float:
        """(n,) how deep points (n, 2) lie inside; negative or zero outside."""
        return np.asarray(-np.max(np.atleast_2d(points) @ self.normals.T - self.limits, axis=1))

    def cut(self, starts: Float, ends: Float) -> NDArray[np.bool_]:
        """(n,) whether the straight lines (n, 2)-(n, 2) pass through the inside (clipping against each half plane)."""
        from_m = starts @ self.normals.T - (self.limits - _TOUCH_M)
        to_m = ends @ self.normals.T - (self.limits - _TOUCH_M)
        rate = to_m - from_m
        with np.errstate(divide="ignore", invalid="ignore"):
            at = -from_m / rate
        enter = np.max(np.where(rate < 0, at, np.where((rate == 0) & (from_m > 0), np.inf, 0.0)), axis=1)
        leave = np.min(np.where(rate > 0, at, 1.0), axis=1)
        return np.asarray(np.maximum(enter, 0.0) < np.minimum(leave, 1.0) - 1e-9)

    def exits(self, point: Float) -> Float:
        """(n, 2) places just outside: straight across each edge, and at each corner."""
        across = point + self.normals * (self.limits - self.normals @ point + 2 * _OUT_M)[:, None]
        return np.concatenate([across, self.beside])

    @property
    def beside(self) -> Float:
        """(n, 2) the corners, a little outside."""
        return np.asarray(self.corners + _OUT_M * (self.normals + np.roll(self.normals, 1, axis=0)))


@dataclass(frozen=True, slots=True)
class Ways:
    """Shortest ways between places: `lengths_m` (n, n), infinite where there is none."""

    lengths_m: Float
    _points: Float
    _next: NDArray[np.intp]

    def between(self, start: int, end: int) -> Float | None:
        """(k, 2) corners of the way from one place to another; None when there is none."""
        if not np.isfinite(self.lengths_m[start, end]):
            return None
        found = [start]
        while found[-1] != end:
            found.append(int(self._next[found[-1], end]))
        return np.asarray(self._points[found])


@dataclass(frozen=True, slots=True)
class Airspace:
    areas: tuple[Area, ...]

    def clear(self, starts: Float, ends: Float) -> NDArray[np.bool_]:
        """(n,) whether straight lines stay out of every area."""
        starts, ends = np.atleast_2d(starts), np.atleast_2d(ends)
        found = np.ones(len(starts), dtype=bool)
        for area in self.areas:
            found &= ~area.cut(starts, ends)
        return found

    def outside(self, points: Float) -> NDArray[np.bool_]:
        """(n,) whether points lie in no area."""
        found = np.ones(len(np.atleast_2d(points)), dtype=bool)
        for area in self.areas:
            found &= area.depth_m(points) <= 1e-6
        return found

    def way_out(self, point: Float) -> Float:
        """The nearest place outside of every area that a straight line reaches without entering another area; the point itself
        when it is outside already, or when there is no way out.
        """
        around = [area for area in self.areas if float(area.depth_m(point)[0]) > 1e-6]
        if not around:
            return point
        exits = np.concatenate([area.exits(point) for area in around])
        exits = exits[self.outside(exits)]
        others = Airspace(tuple(area for area in self.areas if area not in around))
        exits = exits[others.clear(np.broadcast_to(point, exits.shape), exits)] if len(exits) else exits
        if not len(exits):
            return point
        return np.asarray(exits[int(np.argmin(np.linalg.norm(exits - point, axis=1)))])

    def ways(self, places: Float) -> Ways:
        """All ways between places (n, 2), which should lie outside."""
        corners = [area.beside for area in self.areas]
        nodes = np.concatenate([np.atleast_2d(places), *corners]) if corners else np.atleast_2d(places)
        usable = self.outside(nodes)
        usable[: len(places)] = True
        nodes = nodes[usable]
        count = len(nodes)
        first, second = np.triu_indices(count, 1)
        seen = self.clear(nodes[first], nodes[second])
        lengths = np.full((count, count), np.inf)
        np.fill_diagonal(lengths, 0.0)
        first, second = first[seen], second[seen]
        lengths[first, second] = lengths[second, first] = np.linalg.norm(nodes[first] - nodes[second], axis=1)
        following = np.where(np.isfinite(lengths), np.arange(count)[None, :], -1)
        for middle in range(count):
            through = lengths[:, middle, None] + lengths[None, middle, :]
            shorter = through < lengths - 1e-9
            lengths = np.where(shorter, through, lengths)
            following = np.where(shorter, following[:, middle, None], following)
        places_count = len(places)
        return Ways(lengths[:places_count, :places_count], nodes, following)
