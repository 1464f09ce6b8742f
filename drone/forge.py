"""Owns frames of strangers for rehearsals: another ground station, a pilot's mode switch, an unsigned disarm.

Never used in a real flight: `drone.rehearsal` alone sends what is made here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mav

from core.geo import LonLat
from drone.codec import Codec
from drone.link import GCS_COMPONENT, GCS_SYSTEM

_STRANGER = 254
_FORCE = 21196.0  # MAV_CMD_COMPONENT_ARM_DISARM parameter 2: even in the air


@dataclass(frozen=True, slots=True)
class Forger:
    now: Callable[[], datetime]

    def station_beat(self) -> bytes:
        """A heartbeat with our own identity."""
        return self._frame(mav.MAVLink_heartbeat_message(mav.MAV_TYPE_GCS, mav.MAV_AUTOPILOT_INVALID, 0, 0, 0, 3), GCS_SYSTEM)

    def disarm(self) -> bytes:
        return self._command(mav.MAV_CMD_COMPONENT_ARM_DISARM, 0.0, _FORCE)

    def mode(self, number: int) -> bytes:
        return self._command(mav.MAV_CMD_DO_SET_MODE, float(mav.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED), float(number))

    def go_to(self, place: LonLat, alt_rel_m: float) -> bytes:
        lat, lon = round(place.lat * 1e7), round(place.lon * 1e7)
        frame, mask = mav.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT, 0b110111111000
        message = mav.MAVLink_set_position_target_global_int_message(
            0, 1, 1, frame, mask, lat, lon, alt_rel_m, 0, 0, 0, 0, 0, 0, 0, 0
        )
        return self._frame(message, _STRANGER)

    def _command(self, command: int, first: float, second: float) -> bytes:
        return self._frame(mav.MAVLink_command_long_message(1, 1, command, 0, first, second, 0, 0, 0, 0, 0), _STRANGER)

    def _frame(self, message: Any, system: int) -> bytes:
        return Codec(system, GCS_COMPONENT, self.now).encode(message)
