"""Owns what surrounds a ship on the day: things to keep clear of, tide and quay level, the sun. Pure functions over site data.

Never plans a path and reads no clock.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

import cv2
import numpy as np

from config import pack_path
from core.errors import InputError
from core.geo import EnuFrame, Float, LonLat
from core.ship import ShipPose, Side

KeepOutKind = Literal["crane", "mooring_line", "ship", "people", "other"]
Light = Literal["lit", "shade", "mirror", "into_lens"]
KEEP_OUT_KINDS: tuple[KeepOutKind, ...] = ("crane", "mooring_line", "ship", "people", "other")
_ROUND = 16  # corners of the circle around a point


@dataclass(frozen=True, slots=True)
class KeepOut:
    """A place to keep clear of, by its corners: one for a crane's foot or a person, two for a mooring line, more for a ship or a
    crowd. No height: fences of autopilots have none, and nothing is flown over people.
    """

    kind: KeepOutKind
    corners: tuple[LonLat, ...]

    def around(self, frame: EnuFrame, metres: float) -> Float:
        """(n, 2) convex polygon of everything within `metres` of the corners' hull, in a plan's frame."""
        places = np.array([frame.to_enu(corner)[:2] for corner in self.corners])
        angles = np.linspace(0.0, 2.0 * math.pi, _ROUND, endpoint=False)
        circle = metres / math.cos(math.pi / _ROUND) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        points = (places[:, None, :] + circle[None]).reshape(-1, 2).astype(np.float32)
        return np.asarray(cv2.convexHull(points)[:, 0, :], dtype=float)


@dataclass(frozen=True, slots=True)
class Site:
    """`tide_m` and `quay_level_m` above chart datum; `at_utc` when the survey is to be flown; None = not known. `accepted_by`
    = who accepts class defaults of the ship's dimensions, `deck_clear_by` = who says that nobody is on deck.
    """

    keep_outs: tuple[KeepOut, ...] = ()
    tide_m: float | None = None
    quay_level_m: float | None = None
    home_on_quay: bool = False
    at_utc: datetime | None = None
    accepted_by: str = ""
    deck_clear_by: str = ""

    @property
    def home_level_m(self) -> float | None:
        """Height of the launch point above the water: 0 for a boat, quay level less tide on a quay; None = not known."""
        if not self.home_on_quay:
            return 0.0
        return None if self.tide_m is None or self.quay_level_m is None else self.quay_level_m - self.tide_m


NOTHING_KNOWN = Site()


@dataclass(frozen=True, slots=True)
class CloseUp:
    """One [[close_up]] of config/drone/site.toml; the comments there say what each is."""

    id: str
    item: str
    x: float
    side: Literal["stern", "both"]
    above: Literal["waterline", "deck"]
    height_m: float
    gsd_mm: float


def keep_outs_from_json(document: object) -> tuple[KeepOut, ...]:
    """`[{"kind": "crane", "lonlat": [[122.1, 40.3], ...]}, ...]`. Raises InputError `drone.keep_outs`."""
    try:
        found = tuple(_keep_out(entry) for entry in document)  # type: ignore[attr-defined]
    except (TypeError, KeyError, ValueError, IndexError) as error:
        raise InputError("drone.keep_outs", reason=str(error)) from error
    return found


def _keep_out(entry: dict[str, Any]) -> KeepOut:
    kind, corners = entry["kind"], tuple(LonLat(float(lon), float(lat)) for lon, lat in entry["lonlat"])
    if kind not in KEEP_OUT_KINDS or not corners:
        raise ValueError(f"kind {kind!r} with {len(corners)} corners")
    return KeepOut(kind, corners)


def tide_changed(planned_m: float | None, now_m: float | None) -> bool:
    """Whether the tide has moved so much since planning that the heights no longer hold; an unknown tide has not been checked."""
    return planned_m is not None and now_m is not None and abs(now_m - planned_m) > _pack()["tide"]["warn_m"]


@cache
def close_ups() -> tuple[CloseUp, ...]:
    entries = _pack()["close_up"]
    return tuple(CloseUp(**{("above" if key == "from" else key): value for key, value in entry.items()}) for entry in entries)


def sun(place: LonLat, at: datetime) -> tuple[float, float]:
    """(azimuth, elevation) of the sun in degrees, refraction not counted; low-precision formula of the Astronomical Almanac,
    0.01 degrees between 1950 and 2050.
    """
    days = at.timestamp() / 86_400.0 + 2_440_587.5 - 2_451_545.0
    anomaly = math.radians(357.528 + 0.985_600_3 * days)
    longitude = math.radians(280.460 + 0.985_647_4 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2.0 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    sidereal = math.radians((280.460_618_37 + 360.985_647_366_29 * days + place.lon) % 360.0)
    hour, latitude = sidereal - ascension, math.radians(place.lat)
    up = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    north = math.sin(declination) * math.cos(latitude) - math.cos(declination) * math.sin(latitude) * math.cos(hour)
    return math.degrees(math.atan2(east, north)) % 360.0, math.degrees(math.asin(max(-1.0, min(1.0, up))))


def light_on(pose: ShipPose, side: Side, azimuth_deg: float, elevation_deg: float) -> Light:
    """How the sun stands to one side of the ship, for a camera that looks square at it."""
    off_bow = {"bow": 0.0, "starboard": 90.0, "stern": 180.0, "port": 270.0, "deck": 0.0}[side]
    out = math.radians(pose.heading_deg_true + off_bow)
    rise, turn = math.radians(elevation_deg), math.radians(azimuth_deg)
    to_sun = np.array([math.sin(turn) * math.cos(rise), math.cos(turn) * math.cos(rise), math.sin(rise)])
    angle = math.degrees(math.acos(float(np.clip(to_sun @ np.array([math.sin(out), math.cos(out), 0.0]), -1.0, 1.0))))
    rules = _pack()["light"]
    if 180.0 - angle < rules["into_lens_deg"]:
        return "into_lens"
    if angle > rules["shade_deg"]:
        return "shade"
    return "mirror" if angle < rules["mirror_deg"] else "lit"


def too_dark(elevation_deg: float) -> bool:
    return bool(elevation_deg < _pack()["light"]["least_sun_deg"])


@cache
def _pack() -> dict[str, Any]:
    return tomllib.loads(pack_path("drone", "site.toml").read_text(encoding="utf-8"))
