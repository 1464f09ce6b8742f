"""Owns what is known about the vehicle: telemetry, identity, messages of the autopilot, photo feedbacks.

Never encodes or sends MAVLink.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol, TypeVar

from core.geo import LonLat

SIMULATOR_VENDOR_ID = 0x594A  # "YJ"
SIMULATOR_PRODUCT_ID = 0x5349  # "SI"
SIMULATOR_VERSION = b"YJ-SIM"

LinkState = Literal["ok", "degraded", "lost"]
T = TypeVar("T")


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
    rtk_fixed: bool | None = None  # the receiver's state at that moment; None = it has not said


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the vehicle was by its own clock (`boot_s`, seconds since boot)."""

    boot_s: float
    lonlat: LonLat
    alt_rel_m: float
    heading_deg: float


@dataclass(slots=True)
class Telemetry:
    """Latest values; `*_at` are seconds of the link's clock. None = never received."""

    heartbeat_at: float | None = None
    armed: bool = False
    custom_mode: int | None = None
    position_at: float | None = None
    lonlat: LonLat | None = None
    alt_rel_m: float = 0.0
    velocity_m_s: tuple[float, float, float] = (0.0, 0.0, 0.0)  # east, north, up
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
    track: deque[Placed] = field(default_factory=lambda: deque(maxlen=64))
    pitches: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=64))
    ranges: deque[tuple[float, float | None]] = field(default_factory=lambda: deque(maxlen=64))
    boot_utc_s: float | None = None  # UTC of the vehicle's power-on by its own clock, seconds since 1970
    other_station_at: float | None = None
    texts: list[StatusText] = field(default_factory=list)
    photos: dict[int, PhotoFeedback] = field(default_factory=dict)

    def placed_at(self, boot_s: float) -> Placed | None:
        """Between the two reports around a moment of the vehicle's clock; None before the first and after the last."""
        if (found := _around(self.track, boot_s, lambda one: one.boot_s)) is None:
            return None
        before, after, share = found
        turn = (after.heading_deg - before.heading_deg + 180.0) % 360.0 - 180.0
        place = LonLat(
            before.lonlat.lon + share * (after.lonlat.lon - before.lonlat.lon),
            before.lonlat.lat + share * (after.lonlat.lat - before.lonlat.lat),
        )
        height = before.alt_rel_m + share * (after.alt_rel_m - before.alt_rel_m)
        return Placed(boot_s, place, height, (before.heading_deg + share * turn) % 360.0)

    def pitch_at(self, boot_s: float) -> float | None:
        """Gimbal pitch, as `placed_at`."""
        if (found := _around(self.pitches, boot_s, lambda one: one[0])) is None:
            return None
        before, after, share = found
        return before[1] + share * (after[1] - before[1])

    def last_text(self, containing: str = "") -> str:
        """The newest sentence that contains the words, or nothing."""
        return next((entry.text for entry in reversed(self.texts) if containing.lower() in entry.text.lower()), "")


def _around(reports: deque[T], boot_s: float, time_of: Callable[[T], float]) -> tuple[T, T, float] | None:
    """The reports before and after a moment, and how far between them it lies (0-1)."""
    before = next((one for one in reversed(reports) if time_of(one) <= boot_s), None)
    after = next((one for one in reports if time_of(one) >= boot_s), None)
    if before is None or after is None:
        return None
    span = time_of(after) - time_of(before)
    return before, after, 0.0 if span == 0.0 else (boot_s - time_of(before)) / span
