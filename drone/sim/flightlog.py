"""Owns the simulated vehicle's dataflash log and its answers to the log protocol. No I/O.

Never logs what a real ArduCopter would not: photos (CAM) and the gimbal at each (MNT), and a MSG that says SIMULATED.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from drone.dataflash import LogFormat, describe, gps_time, pack
from drone.sim.autopilot import ShotTaken

CHUNK = 90
_MOST_A_TICK = 4
_CAM = LogFormat(
    40, 3 + 49, "CAM", "QBHIHLLffffff",
    ("TimeUS", "I", "Img", "GPSTime", "GPSWeek", "Lat", "Lng", "Alt", "RelAlt", "GPSAlt", "R", "P", "Y"),
)  # fmt: skip
_MNT = LogFormat(41, 3 + 13, "MNT", "QBf", ("TimeUS", "I", "Pitch"))


@dataclass(slots=True)
class FlightLog:
    """One growing log, number 1."""

    data: bytearray = field(default_factory=lambda: bytearray(describe(_CAM) + describe(_MNT)))
    _asked: tuple[int, int] = (0, 0)

    def photo(self, shot: ShotTaken, at: datetime, home_alt_m: float) -> None:
        time_us = round(shot.at_s * 1e6)
        milliseconds, week = gps_time(at.timestamp())
        alt = shot.alt_rel_m + home_alt_m
        self.data += pack(_MNT, time_us, 0, shot.gimbal_pitch_deg)
        self.data += pack(
            _CAM, time_us, 0, shot.index, milliseconds, week, shot.lonlat.lat, shot.lonlat.lon, alt, shot.alt_rel_m, alt,
            0.0, 0.0, shot.yaw_deg,
        )  # fmt: skip

    def ask(self, offset: int, count: int) -> None:
        self._asked = (offset, min(count, len(self.data) - offset))

    def pieces(self) -> list[tuple[int, bytes]]:
        """(offset, bytes) of the LOG_DATA due now."""
        found: list[tuple[int, bytes]] = []
        while self._asked[1] > 0 and len(found) < _MOST_A_TICK:
            offset, left = self._asked
            piece = bytes(self.data[offset : offset + min(CHUNK, left)])
            found.append((offset, piece))
            self._asked = (offset + len(piece), left - len(piece))
        return found
