"""Owns which places of the hull some allowed camera could see: near enough, steep enough, clear of the ship, above the water, on
the water side of the quay.

Never decides where photos are taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.geo import Float
from core.hullform import HullForm
from drone.lanes import Reach, outline, outline_distance_m

_TILTS_DEG = (0.0, 25.0, 45.0, 59.0)
_TURNS_DEG = tuple(range(0, 360, 45))
_SHARES = (1.0, 0.7)  # of the farthest tolerated distance
_CHUNK = 4000


@dataclass(frozen=True, slots=True)
class Reachability:
    """Callable (n, 3) centres and normals -> (n,). `farthest_m` = tolerated distance of camera to hull."""

    hull: HullForm
    reach: Reach
    farthest_m: float

    def __call__(self, centres: Float, normals: Float) -> NDArray[np.bool_]:
        found = np.zeros(len(centres), dtype=bool)
        deck = outline(self.hull)
        tried = np.flatnonzero(self._quay_allows(centres, normals))
        found[tried] = self._try(centres[tried], normals[tried], deck)
        return found

    def _quay_allows(self, centres: Float, normals: Float) -> NDArray[np.bool_]:
        """(n,) False where every view within the steepest angle comes from beyond the quay's limit."""
        if not self.reach.towards:
            return np.ones(len(centres), dtype=bool)
        across = self.reach.towards * normals[:, 1]
        least = np.cos(np.minimum(np.arccos(np.clip(across, -1.0, 1.0)) + np.radians(_TILTS_DEG[-1]), np.pi))
        nearest = np.where(least > 0.0, min(_SHARES), 1.0) * self.farthest_m * least
        return np.asarray(self.reach.towards * centres[:, 1] + nearest <= self.reach.quay_limit_m)

    def _try(self, centres: Float, normals: Float, deck: Float) -> NDArray[np.bool_]:
        found = np.zeros(len(centres), dtype=bool)
        along, level = _tangents(normals)
        for tilt in np.radians(_TILTS_DEG):
            for turn in np.radians(_TURNS_DEG if tilt > 0.0 else (0.0,)):
                for share in _SHARES:
                    left = np.flatnonzero(~found)
                    if not len(left):
                        return found
                    side = np.sin(tilt) * (np.cos(turn) * along[left] + np.sin(turn) * level[left])
                    places = centres[left] + share * self.farthest_m * 0.99 * (np.cos(tilt) * normals[left] + side)
                    found[left] = self._may(places, deck)
        return found

    def _may(self, places: Float, deck: Float) -> NDArray[np.bool_]:
        may = places[:, 2] >= self.reach.floor_m
        if self.reach.towards:
            may &= self.reach.towards * places[:, 1] <= self.reach.quay_limit_m
        where = np.flatnonzero(may)
        for chunk in np.array_split(where, max(1, len(where) // _CHUNK)):
            may[chunk] = outline_distance_m(deck, places[chunk, :2]) >= self.reach.clear_m
        return may


def _tangents(normals: Float) -> tuple[Float, Float]:
    """(n, 3) each: level along the surface, and up along it."""
    level = np.stack([normals[:, 1], -normals[:, 0], np.zeros(len(normals))], axis=1)
    level /= np.maximum(np.linalg.norm(level, axis=1), 1e-9)[:, None]
    return level, np.cross(level, normals)
