"""Owns what is known about the vehicle: telemetry, identity, messages of the autopilot, photo feedbacks.

Never encodes or sends MAVLink.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol

from core.geo import LonLat

SIMULATOR_VENDOR_ID = 0x594A  # "YJ"
SIMULATOR_PRODUCT_ID = 0x5349  # "SI"
SIMULATOR_VERSION = b"YJ-SIM"

LinkState = Literal["ok", "degraded", "lost"]


class Mode(IntEnum):
    """ArduCopter custom_mode."""

    STABILIZE = 0
    ALT_HOLD = 2
    AUTO = 3
    GUIDED = 4
    LOITER = 5
    RTL = 6
    LAND = 9
    BRAKE = 17
    SMART_RTL = 21


@dataclass(frozen=True, slots=True)
class VehicleIdentity:
    """From AUTOPILOT_VERSION."""

    vendor_id: int
    product_id: int
    custom_version: bytes

    def __str__(self) -> str:
        return f"vendor {self.vendor_id:#06x}, product {self.product_id:#06x}"


class VehicleIdentityPolicy(Protocol):
    """Which vehicles the link may talk to at all."""

    def accepts(self, identity: VehicleIdentity) -> bool: ...


class SimulatorOnly:
    """Only a vehicle that announces itself as our simulator: vendor "YJ", product "SI" and a custom version beginning with
    YJ-SIM in AUTOPILOT_VERSION. The policy of every link that was not opened for a real vehicle by an operator.
    """

    def accepts(self, identity: VehicleIdentity) -> bool:
        ours = (identity.vendor_id, identity.product_id) == (SIMULATOR_VENDOR_ID, SIMULATOR_PRODUCT_ID)
        return ours and identity.custom_version.startswith(SIMULATOR_VERSION)


class AnyAutopilot:
    """Real vehicles too: the operator named the connection, and the gate then asks for every paper."""

    def accepts(self, identity: VehicleIdentity) -> bool:
        del identity
        return True


@dataclass(frozen=True, slots=True)
class StatusText:
    """A sentence of the autopilot; severity as in syslog (3 error, 4 warning, 6 info)."""

    at_s: float
    severity: int
    text: str


@dataclass(frozen=True, slots=True)
class PhotoFeedback:
    """One CAMERA_FEEDBACK (flags 0 = photo taken) with the gimbal pitch known at that moment; degrees and metres."""

    img_idx: int
    time_usec: int
    lonlat: LonLat
    alt_rel_m: float
    yaw_deg_true: float
    gimbal_pitch_deg: float | None


@dataclass(slots=True)
class Telemetry:
    """Latest values; `*_at` are seconds of the link's clock. None = never received."""

    heartbeat_at: float | None = None
    armed: bool = False
    custom_mode: int | None = None
    position_at: float | None = None
    lonlat: LonLat | None = None
    alt_rel_m: float = 0.0
    speed_m_s: float = 0.0
    heading_deg: float = 0.0
    battery_pct: float | None = None
    prearm_ok: bool = False
    gps_fix: int | None = None
    satellites: int | None = None
    hdop: float | None = None
    wind_speed_m_s: float | None = None
    wind_from_deg: float = 0.0
    wind_gust_m_s: float = 0.0
    landed: bool | None = None
    mission_seq: int = 0
    gimbal_pitch_deg: float | None = None
    gimbal_limits_deg: tuple[float, float] | None = None
    camera_component: int | None = None
    range_at: float | None = None
    range_m: float | None = None
    other_station_at: float | None = None
    texts: list[StatusText] = field(default_factory=list)
    photos: dict[int, PhotoFeedback] = field(default_factory=dict)

    def last_text(self, containing: str = "") -> str:
        """The newest sentence that contains the words, or nothing."""
        return next((entry.text for entry in reversed(self.texts) if containing.lower() in entry.text.lower()), "")
