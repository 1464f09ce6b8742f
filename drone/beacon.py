"""Owns hearing the position beacon on a ship: MAVLink (GLOBAL_POSITION_INT with heading) or NMEA 0183 (GGA and HDT).

Never predicts: it hands out poses with the time they were measured at. A ship at anchor cannot be surveyed without one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from core.geo import EnuFrame, LonLat
from core.ship import ShipPose
from drone.codec import Codec
from drone.transport import Transport

BEACON_SYSTEM = 60  # MAVLink system id of a beacon (own choice; stations are 255, vehicles count from 1)
SOURCE = "beacon"
_LINE_MOST = 120  # NMEA 0183: 82 characters; makers overrun it
_SAME_S = 0.6  # a heading sentence belongs to the position this near in time


@dataclass(slots=True)
class ShipBeacon:
    """Feed it by `poll`. `antenna_m`: where the antenna stands in the ship's frame, x forward from the stern end, y to port."""

    transport: Transport
    now: Callable[[], datetime]
    antenna_m: tuple[float, float] = (0.0, 0.0)
    latest: ShipPose | None = None
    rejected: int = 0
    _codec: Codec = field(init=False, repr=False)
    _boot: datetime | None = field(default=None, init=False)
    _line: bytearray = field(default_factory=bytearray, init=False)
    _heading: tuple[datetime, float] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._codec = Codec(0, 0, self.now)

    def poll(self) -> list[ShipPose]:
        """Poses that have arrived since the last call, oldest first."""
        found: list[ShipPose] = []
        for data in self.transport.receive():
            found += self._mavlink(data)
            found += self._nmea(data)
        fresh = [pose for pose in found if self.latest is None or pose.at_utc > self.latest.at_utc]
        self.latest = fresh[-1] if fresh else self.latest
        return fresh

    def _pose(self, antenna: LonLat, heading_deg: float, at: datetime) -> ShipPose:
        bare = ShipPose(antenna, heading_deg, at, SOURCE)
        stern = bare.ship_to_enu @ -np.array([*self.antenna_m, 0.0])
        return ShipPose(EnuFrame(antenna).to_lonlat(stern), heading_deg, at, SOURCE)

    # --- MAVLink ---------------------------------------------------------------------------------------------------

    def _mavlink(self, data: bytes) -> list[ShipPose]:
        found = []
        for message in self._codec.decode(data):
            if message.get_srcSystem() != BEACON_SYSTEM:
                continue
            kind = message.get_type()
            if kind == "SYSTEM_TIME" and 0 < message.time_unix_usec < 2**52:
                self._boot = datetime.fromtimestamp(message.time_unix_usec / 1e6 - message.time_boot_ms / 1e3, tz=UTC)
            elif kind == "GLOBAL_POSITION_INT" and message.hdg < 36000 and (message.lat or message.lon):
                try:
                    place = LonLat(message.lon / 1e7, message.lat / 1e7)
                except ValueError:
                    self.rejected += 1
                    continue
                at = self._boot + timedelta(milliseconds=message.time_boot_ms) if self._boot else self.now()
                found.append(self._pose(place, message.hdg / 100.0, at))
        return found

    # --- NMEA 0183 -------------------------------------------------------------------------------------------------

    def _nmea(self, data: bytes) -> list[ShipPose]:
        found = []
        for byte in data:
            if byte in b"$!":
                self._line = bytearray([byte])
            elif byte in b"\r\n":
                line, self._line = bytes(self._line), bytearray()
                if line and (pose := self._sentence(line)) is not None:
                    found.append(pose)
            elif self._line:
                self._line.append(byte)
                if len(self._line) > _LINE_MOST:
                    self._line.clear()
        return found

    def _sentence(self, line: bytes) -> ShipPose | None:
        """A pose once a GGA follows a fresh HDT; sentences with a wrong checksum are counted and dropped."""
        body, _, check = line[1:].partition(b"*")
        folded = 0
        for byte in body:
            folded ^= byte
        if check[:2].upper() != b"%02X" % folded:
            self.rejected += 1
            return None
        fields = body.decode("ascii", "replace").split(",")
        try:
            if fields[0][2:] == "HDT" and fields[1]:
                heading = float(fields[1])
                self._heading = (self.now(), heading % 360.0) if math.isfinite(heading) else None
            elif fields[0][2:] == "GGA" and fields[6] not in {"", "0"} and self._heading is not None:
                at = _at(fields[1], self.now())
                measured, heading = self._heading
                if abs((self.now() - measured).total_seconds()) <= _SAME_S:
                    place = LonLat(_degrees(fields[4], 3, fields[5] == "W"), _degrees(fields[2], 2, fields[3] == "S"))
                    return self._pose(place, heading, at)
        except (ValueError, IndexError):
            self.rejected += 1
        return None


def _degrees(text: str, digits: int, negative: bool) -> float:  # noqa: FBT001 - the hemisphere
    value = float(text[:digits]) + float(text[digits:]) / 60.0
    return -value if negative else value


def _at(clock: str, near: datetime) -> datetime:
    """hhmmss.ss of the day nearest to `near`."""
    seconds = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + float(clock[4:])
    midnight = near.replace(hour=0, minute=0, second=0, microsecond=0)
    days = (midnight + timedelta(days=shift, seconds=seconds) for shift in (-1, 0, 1))
    return min(days, key=lambda at: abs((at - near).total_seconds()))
