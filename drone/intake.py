"""Owns what a decoded message says about the vehicle: telemetry, sentences, photo feedbacks.

Never decodes bytes and never answers. Messages are the generated dialect's objects; fields are named as in MAVLink common.
"""

from __future__ import annotations

import math
from typing import Any

from core.geo import LonLat
from drone.vehicle import PhotoFeedback, Placed, StatusText, Telemetry, VehicleIdentity

_PREARM_BIT = 0x10000000  # MAV_SYS_STATUS_PREARM_CHECK
_ARMED_FLAG = 0x80  # MAV_MODE_FLAG_SAFETY_ARMED
_ON_GROUND = 1  # MAV_LANDED_STATE_ON_GROUND
_PHOTO = 0  # CAMERA_FEEDBACK_PHOTO
_FORWARD = 0  # MAV_SENSOR_ROTATION_NONE
_USEC_MOST = 2**52
_RTK_FIXED = 6  # GPS_FIX_TYPE_RTK_FIXED
_GUST_FADE = 0.98  # the highest wind seen counts as gust and fades with each report


def take(telemetry: Telemetry, kind: str, message: Any, now: float) -> None:
    """Update `telemetry` from a message of type `kind`; others are ignored."""
    handler = _HANDLERS.get(kind)
    if handler is not None:
        handler(telemetry, message, now)


def identity_of(message: Any) -> VehicleIdentity:
    """From AUTOPILOT_VERSION."""
    return VehicleIdentity(message.vendor_id, message.product_id, bytes(message.flight_custom_version))


def _place(lon_e7: int, lat_e7: int) -> LonLat | None:
    """None for what is no place on earth, and for 0, 0: a receiver without a fix."""
    if (lon_e7 == 0 and lat_e7 == 0) or abs(lon_e7) > 1_800_000_000 or abs(lat_e7) > 900_000_000:
        return None
    return LonLat(lon_e7 / 1e7, lat_e7 / 1e7)


def _heartbeat(telemetry: Telemetry, message: Any, now: float) -> None:
    telemetry.heartbeat_at = now
    telemetry.armed = bool(message.base_mode & _ARMED_FLAG)
    telemetry.custom_mode = int(message.custom_mode)


def _text(telemetry: Telemetry, message: Any, now: float) -> None:
    text = message.text.decode("utf-8", "replace") if isinstance(message.text, bytes) else message.text
    telemetry.texts.append(StatusText(now, message.severity, text.rstrip("\0")))


def _position(telemetry: Telemetry, message: Any, now: float) -> None:
    place = _place(message.lon, message.lat)
    if place is None:
        return
    telemetry.position_at, telemetry.lonlat = now, place
    telemetry.alt_rel_m, telemetry.heading_deg = message.relative_alt / 1000.0, message.hdg / 100.0
    telemetry.velocity_m_s = (message.vy / 100.0, message.vx / 100.0, -message.vz / 100.0)
    boot_s = message.time_boot_ms / 1000.0
    telemetry.track.append(Placed(boot_s, place, telemetry.alt_rel_m, telemetry.heading_deg))


def _status(telemetry: Telemetry, message: Any, now: float) -> None:
    del now
    telemetry.battery_pct = float(message.battery_remaining) if message.battery_remaining >= 0 else None
    telemetry.prearm_ok = bool(message.onboard_control_sensors_health & _PREARM_BIT)


def _gps(telemetry: Telemetry, message: Any, now: float) -> None:
    del now
    telemetry.gps_fix = message.fix_type
    telemetry.satellites = message.satellites_visible if message.satellites_visible != 255 else None
    telemetry.hdop = message.eph / 100.0 if message.eph != 65535 else None


def _wind(telemetry: Telemetry, message: Any, now: float) -> None:
    del now
    telemetry.wind_speed_m_s, telemetry.wind_from_deg = message.speed, message.direction % 360.0
    telemetry.wind_gust_m_s = max(telemetry.wind_gust_m_s * _GUST_FADE, message.speed)


def _landed(telemetry: Telemetry, message: Any, now: float) -> None:
    del now
    telemetry.landed = message.landed_state == _ON_GROUND


def _current(telemetry: Telemetry, message: Any, now: float) -> None:
    del now
    telemetry.mission_seq = message.seq


def _gimbal(telemetry: Telemetry, message: Any, now: float) -> None:
    del now
    w, x, y, z = message.q
    sine = 2.0 * (w * y - z * x)
    if math.isfinite(sine):
        telemetry.gimbal_pitch_deg = math.degrees(math.asin(max(-1.0, min(1.0, sine))))
        telemetry.pitches.append((message.time_boot_ms / 1000.0, telemetry.gimbal_pitch_deg))


def _photo(telemetry: Telemetry, message: Any, now: float) -> None:
    del now
    # Asking for a stream repeats records, and zero ones: keep the first of each index (drone spec, section 2b).
    place = _place(message.lng, message.lat)
    measured = math.isfinite(message.alt_rel) and math.isfinite(message.yaw)
    if message.img_idx in telemetry.photos or message.flags != _PHOTO or message.time_usec == 0:
        return
    if place is None or not measured:
        return
    telemetry.photos[message.img_idx] = PhotoFeedback(
        img_idx=message.img_idx,
        time_usec=message.time_usec,
        lonlat=place,
        alt_rel_m=message.alt_rel,
        yaw_deg_true=message.yaw % 360.0,
        gimbal_pitch_deg=telemetry.gimbal_pitch_deg,
        rtk_fixed=_rtk(telemetry),
    )


def _image(telemetry: Telemetry, message: Any, now: float) -> None:
    """CAMERA_IMAGE_CAPTURED of a camera component; asked for again it repeats, so the first of each index counts."""
    del now
    place = _place(message.lon, message.lat)
    w, x, y, z = message.q
    sine = 2.0 * (w * y - z * x)
    if message.capture_result != 1 or place is None or not math.isfinite(sine) or message.image_index in telemetry.photos:
        return
    yaw = math.degrees(math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))
    telemetry.photos[message.image_index] = PhotoFeedback(
        img_idx=message.image_index,
        time_usec=message.time_utc,
        lonlat=place,
        alt_rel_m=message.relative_alt / 1000.0,
        yaw_deg_true=yaw % 360.0,
        gimbal_pitch_deg=math.degrees(math.asin(max(-1.0, min(1.0, sine)))),
        rtk_fixed=_rtk(telemetry),
    )


def _rtk(telemetry: Telemetry) -> bool | None:
    return None if telemetry.gps_fix is None else telemetry.gps_fix == _RTK_FIXED


def _gimbal_limits(telemetry: Telemetry, message: Any, now: float) -> None:
    del now
    if math.isfinite(message.pitch_min) and math.isfinite(message.pitch_max):
        telemetry.gimbal_limits_deg = (math.degrees(message.pitch_min), math.degrees(message.pitch_max))


def _range(telemetry: Telemetry, message: Any, now: float) -> None:
    """Range sensor along the camera's axis; its maximum means no echo."""
    if message.orientation != _FORWARD:
        return
    echo = message.min_distance < message.current_distance < message.max_distance
    telemetry.range_at, telemetry.range_m = now, message.current_distance / 100.0 if echo else None
    telemetry.ranges.append((message.time_boot_ms / 1000.0, telemetry.range_m))


def _time(telemetry: Telemetry, message: Any, now: float) -> None:
    """SYSTEM_TIME; 0 = the vehicle does not know the time yet."""
    del now
    if 0 < message.time_unix_usec < _USEC_MOST:
        telemetry.boot_utc_s = message.time_unix_usec / 1e6 - message.time_boot_ms / 1e3


_HANDLERS = {
    "SYSTEM_TIME": _time,
    "HEARTBEAT": _heartbeat,
    "STATUSTEXT": _text,
    "GLOBAL_POSITION_INT": _position,
    "SYS_STATUS": _status,
    "GPS_RAW_INT": _gps,
    "WIND": _wind,
    "EXTENDED_SYS_STATE": _landed,
    "MISSION_CURRENT": _current,
    "GIMBAL_DEVICE_ATTITUDE_STATUS": _gimbal,
    "DISTANCE_SENSOR": _range,
    "CAMERA_FEEDBACK": _photo,
    "CAMERA_IMAGE_CAPTURED": _image,
    "GIMBAL_MANAGER_INFORMATION": _gimbal_limits,
}
