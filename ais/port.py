"""Owns a port's geometry (`config/ports/*.toml`): quay lines, anchorage, fairway; which berth a hull lies at and on which side.

Never knows what a ship carries or why it is there.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from ais.codes import Label
from config import pack_path
from core.geo import Float, LonLat
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
    berths: tuple[Berth, ...]
    anchorage: tuple[Point, ...]
    fairway: tuple[Point, ...]


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


def _to_segment(point: Float, first: Float, second: Float) -> float:
    along = second - first
    share = float(np.clip(np.dot(point - first, along) / max(float(np.dot(along, along)), 1e-9), 0.0, 1.0))
    return float(np.linalg.norm(point - (first + share * along)))
