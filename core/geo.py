"""Owns points on the earth and local frames: WGS84 longitude/latitude and east-north-up metres around an origin.

Never knows a ship. Local frames use the tangent plane of the WGS84 ellipsoid; error < 1 cm within 2 km of the origin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EQUATORIAL_RADIUS_M = 6_378_137.0  # WGS84
ECCENTRICITY_SQ = 6.694_379_990_14e-3  # WGS84

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LonLat:
    """Degrees, WGS84; east and north positive."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (-180.0 <= self.lon <= 180.0 and -90.0 <= self.lat <= 90.0):
            raise ValueError(f"not a position: lon {self.lon}, lat {self.lat}")


@dataclass(frozen=True, slots=True)
class EnuFrame:
    """East-north-up metres around `origin`."""

    origin: LonLat

    def _metres_per_degree(self) -> tuple[float, float]:
        phi = math.radians(self.origin.lat)
        denominator = 1.0 - ECCENTRICITY_SQ * math.sin(phi) ** 2
        meridian = EQUATORIAL_RADIUS_M * (1.0 - ECCENTRICITY_SQ) / denominator**1.5
        prime_vertical = EQUATORIAL_RADIUS_M / math.sqrt(denominator)
        return math.radians(1.0) * prime_vertical * math.cos(phi), math.radians(1.0) * meridian

    def to_enu(self, point: LonLat, up_m: float = 0.0) -> Float:
        """(3,) metres."""
        per_lon, per_lat = self._metres_per_degree()
        return np.array([(point.lon - self.origin.lon) * per_lon, (point.lat - self.origin.lat) * per_lat, up_m])

    def to_lonlat(self, enu_m: Float) -> LonLat:
        """Inverse of `to_enu` for a (2,) or (3,) vector; the height is dropped."""
        per_lon, per_lat = self._metres_per_degree()
        return LonLat(self.origin.lon + float(enu_m[0]) / per_lon, self.origin.lat + float(enu_m[1]) / per_lat)


def distance_m(first: LonLat, second: LonLat) -> float:
    """Great-circle distance on the mean sphere, error < 0.5 %."""
    phi1, phi2 = math.radians(first.lat), math.radians(second.lat)
    half = math.sin((phi2 - phi1) / 2) ** 2
    half += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(second.lon - first.lon) / 2) ** 2
    return 2.0 * 6_371_008.8 * math.asin(min(1.0, math.sqrt(half)))
