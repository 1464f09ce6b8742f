"""Owns the height of the sun over a place, so that photographs of a hull are not planned for the dark.

Never knows weather. Low-precision solar position of the Astronomical Almanac (mean longitude and anomaly, equation of
centre, obliquity): error below 0.02 degrees from 1950 to 2050; refraction is left out (0.5 degrees at the horizon).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from core.geo import LonLat

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sun_elevation_deg(place: LonLat, at: datetime) -> float:
    """Degrees above the horizon, negative below, of the sun's centre without refraction."""
    days = (at - _J2000).total_seconds() / 86_400.0
    mean_longitude = 280.460 + 0.985_647_4 * days
    anomaly = math.radians((357.528 + 0.985_600_3 * days) % 360.0)
    longitude = math.radians((mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly)) % 360.0)
    obliquity = math.radians(23.439 - 0.000_000_4 * days)
    right_ascension = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    sidereal_deg = (280.460_618_37 + 360.985_647_366_29 * days + place.lon) % 360.0
    hour_angle = math.radians(sidereal_deg) - right_ascension
    latitude = math.radians(place.lat)
    sine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))
