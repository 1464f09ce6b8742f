"""Owns a port's geometry (`config/ports/*.toml`): quay lines, anchorage, fairway; which berth a hull lies at and on which side.

Never knows what a ship carries or why it is there.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from ais.codes import Label
from config import pack_path
from core.geo import EnuFrame, Float, LonLat
from core.ship import ShipGeometry, ShipPose

Point = tuple[float, float]
QuaySide = Literal["port", "starboard"]


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Berth(_Pack):
    """A quay line [lon, lat] to [lon, lat]; the water lies to the left when walking along it."""

    id: str
    name: Label
    quay: tuple[Point, Point]
    depth_m: float


class Port(_Pack):
    """One port. `fictitious` geometry is said to be so wherever it is shown."""

    id: str
    version: str
    name: Label
    source: str
    fictitious: bool
    centre: Point
    berth_distance_m: float
    destinations: tuple[str, ...] = ()  # UN/LOCODE and names, as crews type them
    berths: tuple[Berth, ...]
    limits: tuple[Point, ...] = ()
    anchorage: tuple[Point, ...]
    fairway: tuple[Point, ...]

    @cached_property
    def frame(self) -> EnuFrame:
        return EnuFrame(LonLat(*self.centre))

    @cached_property
    def quays_m(self) -> Float:
        """(berths, 2, 2) m, east and north of the centre: both ends of each quay."""
        return np.array([[self.frame.to_enu(LonLat(*point))[:2] for point in berth.quay] for berth in self.berths])


@dataclass(frozen=True, slots=True)
class AtBerth:
    """Which berth, which side of the ship lies against the quay, and how far the hull is from it."""

    berth_id: str
    berth_name: Label
    quay_side: QuaySide
    distance_m: float


@cache
def load_port(name: str) -> Port:
    """A port file by its path inside ``config/``."""
    return Port.model_validate(tomllib.loads(pack_path(*name.split("/")).read_text(encoding="utf-8")))


def berth_of(port: Port, pose: ShipPose, geometry: ShipGeometry) -> AtBerth | None:
    """The nearest berth whose quay is within the port's berth distance of the hull, or None.

    The side is the one whose middle is nearer to the quay line.
    """
    middle = geometry.loa_m / 2.0
    half = geometry.beam_m / 2.0
    sides = pose.to_enu(np.array([[middle, half, 0.0], [middle, -half, 0.0]]), 0.0)
    best: AtBerth | None = None
    for berth in port.berths:
        first, second = (pose.frame.to_enu(LonLat(*point))[:2] for point in berth.quay)
        to_port, to_starboard = (_to_segment(side[:2], first, second) for side in sides)
        distance = min(to_port, to_starboard)
        if distance <= port.berth_distance_m and (best is None or distance < best.distance_m):
            best = AtBerth(berth.id, berth.name, "port" if to_port < to_starboard else "starboard", distance)
    return best


def berth_near(
    port: Port, lonlat: LonLat, heading_deg_true: float | None, sides_m: tuple[int, int, int, int] | None
) -> tuple[Berth, bool] | None:
    """The nearest berth within the port's berth distance of a ship's hull, and whether the hull is known.

    `sides_m`: bow, stern, port, starboard from the antenna. Without them, or without a heading, the antenna stands for the hull.
    """
    antenna = port.frame.to_enu(lonlat)[:2]
    known = heading_deg_true is not None and sides_m is not None
    points = [antenna]
    if heading_deg_true is not None and sides_m is not None:
        bow, stern, left, right = sides_m
        angle = math.radians(heading_deg_true)
        forward, starboard = np.array([math.sin(angle), math.cos(angle)]), np.array([math.cos(angle), -math.sin(angle)])
        points = [
            antenna + forward * along + starboard * across
            for along in (bow, (bow - stern) / 2.0, -stern)
            for across in (-left, right)
        ]
    if not port.berths:
        return None
    first, along_m = port.quays_m[:, None, 0], (port.quays_m[:, 1] - port.quays_m[:, 0])[:, None]
    hull = np.array(points)[None]
    share = np.clip(((hull - first) * along_m).sum(-1) / (along_m**2).sum(-1), 0.0, 1.0)
    distances = np.linalg.norm(hull - first - share[..., None] * along_m, axis=-1).min(axis=1)
    nearest = int(distances.argmin())
    return (port.berths[nearest], known) if distances[nearest] <= port.berth_distance_m else None


def is_inside(polygon: tuple[Point, ...], lonlat: LonLat) -> bool:
    """Even-odd rule in degrees: good for areas of a few miles that do not cross the date line."""
    inside = False
    for (lon1, lat1), (lon2, lat2) in zip(polygon, (*polygon[1:], *polygon[:1]), strict=True):
        if (lat1 > lonlat.lat) != (lat2 > lonlat.lat):
            inside ^= lonlat.lon < (lon2 - lon1) * (lonlat.lat - lat1) / (lat2 - lat1) + lon1
    return inside


def along_fairway_m(port: Port, lonlat: LonLat) -> tuple[float, float]:
    """(metres left along the fairway to its last point, metres off the fairway)."""
    line = [port.frame.to_enu(LonLat(*point))[:2] for point in port.fairway]
    here = port.frame.to_enu(lonlat)[:2]
    best, left_m, left_after = math.inf, 0.0, 0.0
    for first, second in reversed(list(pairwise(line))):
        length = float(np.linalg.norm(second - first))
        share = float(np.clip(np.dot(here - first, second - first) / max(length**2, 1e-9), 0.0, 1.0))
        off = float(np.linalg.norm(here - (first + share * (second - first))))
        if off < best:
            best, left_m = off, left_after + (1.0 - share) * length
        left_after += length
    return left_m, best


def _to_segment(point: Float, first: Float, second: Float) -> float:
    along = second - first
    share = float(np.clip(np.dot(point - first, along) / max(float(np.dot(along, along)), 1e-9), 0.0, 1.0))
    return float(np.linalg.norm(point - (first + share * along)))
