"""Owns MAVLink messages made from our own types and back: mission items, steps of a transfer, guided targets.

Never sends and never decides. Part of the link: the generated dialect is used here, in `drone.link`, the codec and the simulator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mav

from core.geo import Float, LonLat
from drone.mission import MissionItem
from drone.transfer import DownloadOut, RequestItem, RequestList, SendCount, Upload, UploadOut

# POSITION_TARGET_TYPEMASK: bits that are set say what to ignore.
_POSITION_ONLY = 0b110111111000
_PLACE_VELOCITY_YAW = 0b100111000000  # acceleration and yaw rate are ignored


@dataclass(frozen=True, slots=True)
class To:
    """Who a message is for."""

    system: int
    component: int


def item_message(to: To, seq: int, item: MissionItem, kind: int) -> Any:
    """MISSION_ITEM_INT."""
    return mav.MAVLink_mission_item_int_message(
        to.system, to.component, seq, item.frame, item.command, 0, 1, *item.params, item.x, item.y, item.z, kind
    )


def item_of(message: Any) -> MissionItem:
    """Of a MISSION_ITEM_INT, parameters as they came (NaN = null)."""
    params = (message.param1, message.param2, message.param3, message.param4)
    return MissionItem(message.command, message.frame, params, message.x, message.y, message.z)


def upload_message(to: To, step: UploadOut, upload: Upload) -> Any:
    kind = int(upload.mission_type)
    if isinstance(step, SendCount):
        return mav.MAVLink_mission_count_message(to.system, to.component, step.count, kind)
    return item_message(to, step.seq, upload.items[step.seq], kind)


def download_message(to: To, step: DownloadOut, kind: int) -> Any:
    if isinstance(step, RequestList):
        return mav.MAVLink_mission_request_list_message(to.system, to.component, kind)
    if isinstance(step, RequestItem):
        return mav.MAVLink_mission_request_int_message(to.system, to.component, step.seq, kind)
    return mav.MAVLink_mission_ack_message(to.system, to.component, 0, kind)


def target_message(
    to: To, now_s: float, place: LonLat, alt_rel_m: float, velocity_m_s: Float | None = None, yaw_deg_true: float = 0.0
) -> Any:
    """SET_POSITION_TARGET_GLOBAL_INT above home: a place, or with a velocity (east, north, up) and yaw a place that moves on."""
    mask = _POSITION_ONLY if velocity_m_s is None else _PLACE_VELOCITY_YAW
    east, north, up = (0.0, 0.0, 0.0) if velocity_m_s is None else (float(value) for value in velocity_m_s)
    return mav.MAVLink_set_position_target_global_int_message(
        round(now_s * 1000) % 2**32, to.system, to.component, mav.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT, mask,
        round(place.lat * 1e7), round(place.lon * 1e7), alt_rel_m, north, east, -up, 0, 0, 0, math.radians(yaw_deg_true), 0,
    )  # fmt: skip
