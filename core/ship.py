"""Owns the value types of a ship: reference, geometry, pose, and the ship frame.

Ship frame: x_m forward from the stern end (or after perpendicular), y_m to port, z_m up from the keel.
Never knows where a value came from beyond the label it carries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from core.geo import EnuFrame, Float, LonLat
from core.ids import Imo, Mmsi

XOrigin = Literal["ap", "stern_end"]
Side = Literal["port", "starboard", "bow", "stern", "deck"]


@dataclass(frozen=True, slots=True)
class ShipRef:
    """Which ship. At least one of the numbers is known."""

    name: str
    imo: Imo | None = None
    mmsi: Mmsi | None = None
    call_sign: str | None = None

    def __post_init__(self) -> None:
        if self.imo is None and self.mmsi is None:
            raise ValueError("a ship needs an IMO number or an MMSI")


@dataclass(frozen=True, slots=True)
class ShipGeometry:
    """Main dimensions in metres. `estimated` names the fields that are class defaults, not facts of this ship; `form` is a hull
    model of config/hull_forms.toml.
    """

    loa_m: float
    beam_m: float
    depth_m: float
    draught_m: float
    x_origin: XOrigin = "stern_end"
    estimated: frozenset[str] = frozenset()
    form: str = "merchant"

    def __post_init__(self) -> None:
        if min(self.loa_m, self.beam_m, self.depth_m, self.draught_m) <= 0 or self.draught_m >= self.depth_m:
            raise ValueError(f"impossible ship: {self}")

    @property
    def freeboard_m(self) -> float:
        return self.depth_m - self.draught_m


@dataclass(frozen=True, slots=True)
class ShipPose:
    """Where the origin of the ship frame (stern end, centreline) is, and where the bow points."""

    origin: LonLat
    heading_deg_true: float
    at_utc: datetime
    source: str

    @classmethod
    def from_ais(
        cls, antenna: LonLat, heading_deg_true: float, to_stern_m: float, to_port_m: float, beam_m: float, at_utc: datetime
    ) -> ShipPose:
        """Pose from an AIS report: B = antenna to stern, C = antenna to port side (ITU-R M.1371-5, figure 41)."""
        frame = EnuFrame(antenna)
        heading = math.radians(heading_deg_true)
        forward = np.array([math.sin(heading), math.cos(heading), 0.0])
        port = np.array([-math.cos(heading), math.sin(heading), 0.0])
        stern_centre = -to_stern_m * forward + (to_port_m - beam_m / 2.0) * port
        return cls(frame.to_lonlat(stern_centre), heading_deg_true, at_utc, "ais")

    @property
    def frame(self) -> EnuFrame:
        return EnuFrame(self.origin)

    @property
    def ship_to_enu(self) -> Float:
        """(3, 3) rotation: columns are the ship's forward, port and up axes in east-north-up."""
        heading = math.radians(self.heading_deg_true)
        sin, cos = math.sin(heading), math.cos(heading)
        return np.array([[sin, -cos, 0.0], [cos, sin, 0.0], [0.0, 0.0, 1.0]])

    def to_enu(self, ship_m: Float, draught_m: float) -> Float:
        """(n, 3) ship-frame metres -> east-north-up metres around `origin`, up = 0 at the waterline."""
        return np.asarray(np.atleast_2d(ship_m) @ self.ship_to_enu.T - np.array([0.0, 0.0, draught_m]))

    def from_enu(self, enu_m: Float, draught_m: float) -> Float:
        """Inverse of `to_enu`."""
        return np.asarray((np.atleast_2d(enu_m) + np.array([0.0, 0.0, draught_m])) @ self.ship_to_enu)
