"""Owns the simulated vehicle's MAVLink side: what it sends, when, and how it answers. Says SIMULATED in its STATUSTEXT.

Never flies by itself: `drone.sim.autopilot` does. Silent but for HEARTBEAT and STATUSTEXT until asked (ArduCopter).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mav

from core.geo import LonLat
from drone.codec import Codec
from drone.mission import Command, MissionItem, MissionType
from drone.payload import PAYLOAD_COMPONENT
from drone.sim.autopilot import Autopilot, ShotTaken
from drone.sim.flightlog import CHUNK, FlightLog
from drone.sim.missions import Ask, MissionStore, Out
from drone.sim.payload import SimPayload, is_for_payload
from drone.sim.world import Body, Fault, WorldSpec
from drone.transport import Transport
from drone.vehicle import SIMULATOR_PRODUCT_ID, SIMULATOR_VENDOR_ID, SIMULATOR_VERSION, Mode
from drone.wire import To, item_message, item_of

STEP_S = 0.05  # flight dynamics
TICK_S = 0.005  # messages: a real autopilot answers within a few milliseconds
_TICKS_A_STEP = round(STEP_S / TICK_S)
_SYSTEM, _AUTOPILOT, _CAMERA = 1, 1, 100  # MAV_COMP_ID_AUTOPILOT1, MAV_COMP_ID_CAMERA
_ANNOUNCE_S = 60.0
_PAYLOAD_S = 0.5
_LINK_DIES_AFTER_SHOTS = 8
_PREARM_BIT = 0x10000000
_IGNORE_VELOCITY, _IGNORE_YAW = 0x38, 0x400  # POSITION_TARGET_TYPEMASK
_INFRARED = 2.0  # CAMERA_SOURCE_IR
_ACCEPTED, _DENIED, _UNSUPPORTED, _FAILED = 0, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Exposure:
    """A shot with its time, handed to whoever renders it."""

    shot: ShotTaken
    at_utc: datetime


@dataclass(slots=True)
class SimVehicle:
    """Tick it; it reads its transport and answers. `start` is the UTC time of its power-on."""

    spec: WorldSpec
    transport: Transport
    start: datetime
    on_exposure: Callable[[Exposure], None]
    version: bytes = SIMULATOR_VERSION
    autopilot: Autopilot = field(init=False)
    codec: Codec = field(init=False, repr=False)
    _camera_codec: Codec = field(init=False, repr=False)
    _images: dict[int, tuple[ShotTaken, datetime]] = field(default_factory=dict, init=False)
    camera_component: bool = False
    payload: SimPayload | None = None
    _payload_codec: Codec = field(init=False, repr=False)
    _payload_at: float = -1e9
    log: FlightLog = field(default_factory=FlightLog)
    _ticks: int = field(default=0, init=False)
    _intervals: dict[int, float] = field(default_factory=dict)
    _sent: dict[int, float] = field(default_factory=dict)
    _builders: dict[int, Callable[[], Any]] = field(init=False, repr=False)
    _camera_builders: dict[int, Callable[[], Any]] = field(init=False, repr=False)
    _handlers: dict[str, Callable[[Any], None]] = field(init=False, repr=False)
    _ground: tuple[int, int] = (255, 190)
    _beat_at: float = -1e9
    _announced: float = -1e9

    def __post_init__(self) -> None:
        self.codec = Codec(_SYSTEM, _AUTOPILOT, self._utc)
        self._camera_codec = Codec(_SYSTEM, _CAMERA, self._utc)
        self._payload_codec = Codec(_SYSTEM, PAYLOAD_COMPONENT, self._utc)
        self._handlers = self._handler_table()
        self._builders = {
            mav.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: self._position,
            mav.MAVLINK_MSG_ID_SYS_STATUS: self._status,
            mav.MAVLINK_MSG_ID_GPS_RAW_INT: self._gps,
            mav.MAVLINK_MSG_ID_WIND: self._wind,
            mav.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: self._landed,
            mav.MAVLINK_MSG_ID_MISSION_CURRENT: self._current,
            mav.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: self._gimbal,
            mav.MAVLINK_MSG_ID_GIMBAL_MANAGER_INFORMATION: self._gimbal_manager,
            mav.MAVLINK_MSG_ID_DISTANCE_SENSOR: self._range,
            mav.MAVLINK_MSG_ID_SIM_STATE: self._truth,
            mav.MAVLINK_MSG_ID_ATTITUDE: self._attitude,
            mav.MAVLINK_MSG_ID_HOME_POSITION: self._home,
            mav.MAVLINK_MSG_ID_AUTOPILOT_VERSION: self._version,
            mav.MAVLINK_MSG_ID_SYSTEM_TIME: self._time,
        }
        self._camera_builders = {
            mav.MAVLINK_MSG_ID_CAMERA_INFORMATION: self._camera_information,
            mav.MAVLINK_MSG_ID_CAMERA_SETTINGS: lambda: mav.MAVLink_camera_settings_message(self._boot_ms, 0),
            mav.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS: self._capture_status,
            mav.MAVLINK_MSG_ID_CAMERA_FOV_STATUS: self._fov,
            mav.MAVLINK_MSG_ID_CAMERA_FEEDBACK: self._stale_feedback,
        }
        home = self.spec.home
        item = MissionItem(Command.NAV_WAYPOINT, 0, x=round(home.lat * 1e7), y=round(home.lon * 1e7), z=0.0)
        store = MissionStore(item, full=self.spec.fault is Fault.REFUSE_MISSION)
        self.autopilot = Autopilot(Body(self.spec), store, self._say, self._shot)

    @property
    def now(self) -> float:
        return self.autopilot.now + self._ticks * TICK_S

    def _utc(self) -> datetime:
        return self.start + timedelta(seconds=self.now)

    @property
    def silent(self) -> bool:
        return self.spec.fault is Fault.LINK_DIES and self.autopilot.shots >= _LINK_DIES_AFTER_SHOTS

    def tick(self) -> None:
        """Advance by TICK_S of simulated time and do what is due."""
        for data in self.transport.receive():
            for message in self.codec.decode(data):
                if not self.silent:
                    self._take(message)
        self._ticks += 1
        if self._ticks == _TICKS_A_STEP:
            self._ticks = 0
            self.autopilot.step(STEP_S)
            self._telemetry()
        self._send_mission(self.autopilot.store.poll(self.now))
        for offset, piece in self.log.pieces():
            padded = list(piece.ljust(CHUNK, b"\0"))
            self._send(mav.MAVLink_log_data_message(1, offset, len(piece), padded))

    # --- sending ---------------------------------------------------------------------------------------------------

    def _send(self, message: Any, *, from_camera: bool = False) -> None:
        if not self.silent:
            self.transport.send((self._camera_codec if from_camera else self.codec).encode(message))

    def _send_payload(self, messages: list[Any]) -> None:
        for message in messages if not self.silent else []:
            self.transport.send(self._payload_codec.encode(message))

    def _say(self, severity: int, text: str) -> None:
        self._send(mav.MAVLink_statustext_message(severity, text.encode()[:50]))

    def _shot(self, shot: ShotTaken) -> None:
        at = self.start + timedelta(seconds=shot.at_s)
        self.log.photo(shot, at, self.spec.home_alt_m)
        self._images[shot.index] = (shot, at)
        if self.camera_component:
            self._send(self._image_captured(shot.index), from_camera=True)
            self.on_exposure(Exposure(shot, at))
            return
        self._send(self._feedback(shot, at))
        self.on_exposure(Exposure(shot, at))

    def _feedback(self, shot: ShotTaken, at: datetime) -> Any:
        """CAMERA_FEEDBACK; the attitude is the vehicle's, not the gimbal's."""
        return mav.MAVLink_camera_feedback_message(
            round(at.timestamp() * 1e6), 0, 0, shot.index, round(shot.lonlat.lat * 1e7), round(shot.lonlat.lon * 1e7),
            shot.alt_rel_m + self.spec.home_alt_m, shot.alt_rel_m, 0.0, 0.0, shot.yaw_deg, 0.0,
            mav.CAMERA_FEEDBACK_PHOTO, shot.index,
        )  # fmt: skip

    def _stale_feedback(self) -> Any:
        """What a stream of CAMERA_FEEDBACK repeats: the last record, or one of zeros."""
        if not self._images:
            return mav.MAVLink_camera_feedback_message(0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0)
        return self._feedback(*self._images[max(self._images)])

    def _camera_information(self) -> Any:
        """A servo camera knows nothing of its sensor: NaN, and no resolution."""
        nan, name = math.nan, [*b"SIMULATED", *([0] * 23)]
        return mav.MAVLink_camera_information_message(self._boot_ms, name, name, 0, nan, nan, nan, 0, 0, 0, 2, 0, b"")

    def _capture_status(self) -> Any:
        return mav.MAVLink_camera_capture_status_message(self._boot_ms, 0, 0, 0.0, 0, math.nan, self.autopilot.shots)

    def _fov(self) -> Any:
        nan, unknown = math.nan, 2**31 - 1
        return mav.MAVLink_camera_fov_status_message(
            self._boot_ms, unknown, unknown, unknown, unknown, unknown, unknown, [nan] * 4, nan, nan
        )

    def _image_captured(self, index: int) -> Any:
        """CAMERA_IMAGE_CAPTURED, attitude of the camera as a quaternion (yaw, then pitch; earth frame)."""
        shot, at = self._images[index]
        return mav.MAVLink_camera_image_captured_message(
            round(shot.at_s * 1000), round(at.timestamp() * 1e6), 0, round(shot.lonlat.lat * 1e7), round(shot.lonlat.lon * 1e7),
            round((shot.alt_rel_m + self.spec.home_alt_m) * 1000), round(shot.alt_rel_m * 1000),
            _quaternion(shot.yaw_deg, shot.gimbal_pitch_deg), index, 1, b"",
        )  # fmt: skip

    def _send_mission(self, out: list[Out]) -> None:
        for step in out:
            if isinstance(step, Ask):
                self._send(mav.MAVLink_mission_request_message(*self._ground, step.seq, int(step.mission_type)))
                continue
            if step.text:
                self._say(4 if step.result else 6, step.text)
            self._send(mav.MAVLink_mission_ack_message(*self._ground, step.result, int(step.mission_type)))

    def _telemetry(self) -> None:
        if self.now - self._beat_at >= 1.0:
            self._beat_at = self.now
            self._heartbeat()
        if self.now - self._announced >= _ANNOUNCE_S:
            self._announced = self.now
            self._say(6, "SIMULATED vehicle, YunJian drone.sim")
        if self.payload is not None and self.now - self._payload_at >= _PAYLOAD_S:
            self._payload_at = self.now
            self._send_payload(self.payload.readings(self.autopilot.body, self._boot_ms))
        for message_id, interval in self._intervals.items():
            if self.now - self._sent.get(message_id, -1e9) >= interval - STEP_S / 2:
                self._sent[message_id] = self.now
                self._send((self._builders.get(message_id) or self._camera_builders[message_id])())

    def _heartbeat(self) -> None:
        armed = mav.MAV_MODE_FLAG_SAFETY_ARMED if self.autopilot.armed else 0
        status = mav.MAV_STATE_STANDBY if self.autopilot.body.on_ground else mav.MAV_STATE_ACTIVE
        base = mav.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | armed
        autopilot, kind = mav.MAV_AUTOPILOT_ARDUPILOTMEGA, mav.MAV_TYPE_QUADROTOR
        self._send(mav.MAVLink_heartbeat_message(kind, autopilot, base, int(self.autopilot.mode), status, 3))
        if self.camera_component:
            beat = mav.MAVLink_heartbeat_message(mav.MAV_TYPE_CAMERA, mav.MAV_AUTOPILOT_INVALID, 0, 0, status, 3)
            self._send(beat, from_camera=True)

    @property
    def _boot_ms(self) -> int:
        return round(self.now * 1000)

    def _position(self) -> Any:
        here, speed = self.autopilot.body.measured_lonlat, self.autopilot.body.velocity_m_s * 100.0
        alt = round(self.autopilot.alt_rel_m * 1000)
        if not self.autopilot.position_ok:
            here = LonLat(0.0, 0.0)
        return mav.MAVLink_global_position_int_message(
            self._boot_ms, round(here.lat * 1e7), round(here.lon * 1e7), alt + round(self.spec.home_alt_m * 1000), alt,
            round(speed[1]), round(speed[0]), round(-speed[2]), round(self.autopilot.body.yaw_deg * 100) % 36000,
        )  # fmt: skip

    def _status(self) -> Any:
        healthy = 0 if self.autopilot.prearm() else _PREARM_BIT
        battery = round(self.autopilot.body.battery_pct)
        return mav.MAVLink_sys_status_message(_PREARM_BIT, _PREARM_BIT, healthy, 100, 15200, -1, battery, 0, 0, 0, 0, 0, 0)

    def _gps(self) -> Any:
        good = self.autopilot.position_ok
        here = self.autopilot.body.measured_lonlat
        return mav.MAVLink_gps_raw_int_message(
            round(self.now * 1e6), 6 if good else 1, round(here.lat * 1e7), round(here.lon * 1e7), 0,
            70 if good else 65535, 65535, 65535, 65535, 17 if good else 3,
        )  # fmt: skip

    def _wind(self) -> Any:
        wind = self.autopilot.body.wind
        return mav.MAVLink_wind_message(wind.from_deg_true, wind.speed_m_s, 0.0)

    def _landed(self) -> Any:
        ground = mav.MAV_LANDED_STATE_ON_GROUND if self.autopilot.body.on_ground else mav.MAV_LANDED_STATE_IN_AIR
        return mav.MAVLink_extended_sys_state_message(0, ground)

    def _current(self) -> Any:
        return mav.MAVLink_mission_current_message(self.autopilot.mission_seq)

    def _gimbal(self) -> Any:
        q = _quaternion(self.autopilot.body.yaw_deg, self.autopilot.body.gimbal_pitch_deg)
        return mav.MAVLink_gimbal_device_attitude_status_message(0, 0, self._boot_ms, 0, q, 0.0, 0.0, 0.0, 0)

    def _gimbal_manager(self) -> Any:
        can = mav.GIMBAL_MANAGER_CAP_FLAGS_HAS_PITCH_AXIS | mav.GIMBAL_MANAGER_CAP_FLAGS_HAS_PITCH_LOCK
        low, high = math.radians(-90.0), math.radians(30.0)
        return mav.MAVLink_gimbal_manager_information_message(self._boot_ms, can, 1, 0.0, 0.0, low, high, 0.0, 0.0)

    def _range(self) -> Any:
        """A lidar on the gimbal; the maximum means no echo."""
        measured = None if self.autopilot.parameters["RNGFND1_TYPE"] == 0 else self.autopilot.body.range_m()
        most = 4000
        distance = most if measured is None else min(most, round(measured * 100))
        return mav.MAVLink_distance_sensor_message(self._boot_ms, 20, most, distance, mav.MAV_DISTANCE_SENSOR_LASER, 0, 0, 255)

    def _truth(self) -> Any:
        """SIM_STATE as ArduPilot's own simulator sends it: where the vehicle really is. Read by judges only."""
        body = self.autopilot.body
        here = self.spec.ship.frame.to_lonlat(body.position_m)
        lat, lon = round(here.lat * 1e7), round(here.lon * 1e7)
        zero = [0.0] * 6
        return mav.MAVLink_sim_state_message(
            1.0, 0.0, 0.0, 0.0, 0.0, 0.0, math.radians(body.yaw_deg), *zero, here.lat, here.lon, float(body.position_m[2]),
            0.0, 0.0, float(body.velocity_m_s[1]), float(body.velocity_m_s[0]), -float(body.velocity_m_s[2]), lat, lon,
        )  # fmt: skip

    def _attitude(self) -> Any:
        yaw = math.radians((self.autopilot.body.yaw_deg + 180) % 360 - 180)
        return mav.MAVLink_attitude_message(self._boot_ms, 0.0, 0.0, yaw, 0.0, 0.0, 0.0)

    def _time(self) -> Any:
        """0 = not known: the time comes with the position."""
        usec = round(self._utc().timestamp() * 1e6) if self.autopilot.position_ok else 0
        return mav.MAVLink_system_time_message(usec, self._boot_ms)

    def _home(self) -> Any:
        home = self.spec.home
        return mav.MAVLink_home_position_message(
            round(home.lat * 1e7), round(home.lon * 1e7), round(self.spec.home_alt_m * 1000), 0, 0, 0, [1, 0, 0, 0], 0, 0, 0
        )

    def _version(self) -> Any:
        capabilities = mav.MAV_PROTOCOL_CAPABILITY_MISSION_INT | mav.MAV_PROTOCOL_CAPABILITY_MAVLINK2
        capabilities |= mav.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE | mav.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
        custom = list(self.version.ljust(8, b"\0")[:8])
        vendor = (SIMULATOR_VENDOR_ID, SIMULATOR_PRODUCT_ID) if self.version == SIMULATOR_VERSION else (0x1209, 0x5740)
        return mav.MAVLink_autopilot_version_message(capabilities, 0x040700FF, 0, 0, 0, custom, [0] * 8, [0] * 8, *vendor, 1)

    # --- receiving -------------------------------------------------------------------------------------------------

    def _take(self, message: Any) -> None:
        if self.payload is not None and is_for_payload(message):
            self._send_payload(self.payload.answer(message))
            return
        kind = message.get_type()
        handler = self._handlers.get(kind)
        if handler is not None:
            self._ground = (message.get_srcSystem(), message.get_srcComponent())
            handler(message)

    def _handler_table(self) -> dict[str, Callable[[Any], None]]:
        return {
            "HEARTBEAT": self._ground_beat,
            "COMMAND_LONG": lambda m: self._command(m.command, [getattr(m, f"param{n}") for n in range(1, 8)]),
            "COMMAND_INT": lambda m: self._command(m.command, [m.param1, m.param2, m.param3, m.param4, m.x, m.y, m.z]),
            "MISSION_COUNT": self._mission,
            "MISSION_ITEM_INT": self._mission,
            "MISSION_CLEAR_ALL": self._mission,
            "MISSION_REQUEST_LIST": self._mission,
            "MISSION_REQUEST_INT": self._read_back,
            "MISSION_REQUEST": self._read_back,
            "PARAM_SET": lambda m: self._set_parameter(_name(m.param_id), m.param_value),
            "PARAM_REQUEST_READ": self._read_parameter,
            "PARAM_REQUEST_LIST": self._list_parameters,
            "SET_POSITION_TARGET_GLOBAL_INT": self._go_to,
            "SET_MODE": self._set_mode,
            "SETUP_SIGNING": self._sign,
            "LOG_REQUEST_LIST": self._list_logs,
            "LOG_REQUEST_DATA": lambda m: None if self.autopilot.armed else self.log.ask(m.ofs, m.count),
        }

    def _ground_beat(self, message: Any) -> None:
        del message
        self.autopilot.gcs_heard = self.now

    def _go_to(self, message: Any) -> None:
        if abs(message.lat_int) > 900_000_000 or abs(message.lon_int) > 1_800_000_000 or not math.isfinite(message.alt):
            return
        speeds = (message.vy, message.vx, -message.vz)  # north-east-down to east-north-up
        moving = not message.type_mask & _IGNORE_VELOCITY and all(map(math.isfinite, speeds))
        turning = not message.type_mask & _IGNORE_YAW and math.isfinite(message.yaw)
        place = LonLat(message.lon_int / 1e7, message.lat_int / 1e7)
        velocity = np.array(speeds) if moving else None
        self.autopilot.go_to(place, message.alt, velocity, math.degrees(message.yaw) if turning else None)

    def _set_mode(self, message: Any) -> None:
        self.autopilot.set_mode(message.custom_mode)

    def _sign(self, message: Any) -> None:
        self.codec.use_key(bytes(message.secret_key) if any(message.secret_key) else None)

    def _read_parameter(self, message: Any) -> None:
        names = list(self.autopilot.parameters)
        by_index = 0 <= message.param_index < len(names)
        self._send_parameter(names[message.param_index] if by_index else _name(message.param_id))

    def _list_parameters(self, message: Any) -> None:
        del message
        for name in self.autopilot.parameters:
            self._send_parameter(name)

    def _list_logs(self, message: Any) -> None:
        del message
        self._send(mav.MAVLink_log_entry_message(1, 1, 1, round(self._utc().timestamp()), len(self.log.data)))

    def _mission(self, message: Any) -> None:
        name = message.get_type()
        try:
            kind = MissionType(message.mission_type)
        except ValueError:
            return
        store = self.autopilot.store
        if name == "MISSION_COUNT":
            self._send_mission(store.on_count(message.count, kind, self.now))
        elif name == "MISSION_CLEAR_ALL":
            self._send_mission([store.clear(kind, flying_it=self.autopilot.armed and self.autopilot.mode is Mode.AUTO)])
        elif name == "MISSION_REQUEST_LIST":
            self._send(mav.MAVLink_mission_count_message(*self._ground, len(store.stored[kind]), int(kind)))
        else:
            item = item_of(message)
            first, second, third, fourth = (0.0 if math.isnan(value) else float(value) for value in item.params)
            params = (first, second, third, fourth)
            self._send_mission(store.on_item(message.seq, replace(item, params=params), kind, self.now))

    def _read_back(self, message: Any) -> None:
        stored = self.autopilot.store.stored.get(message.mission_type, [])
        if message.seq >= len(stored):
            return
        self._send(item_message(To(*self._ground), message.seq, stored[message.seq], message.mission_type))

    def _set_parameter(self, name: str, value: float) -> None:
        if name in self.autopilot.parameters:
            self.autopilot.parameters[name] = value
            self._send_parameter(name)

    def _send_parameter(self, name: str) -> None:
        value = self.autopilot.parameters.get(name)
        if value is not None:
            names = list(self.autopilot.parameters)
            kind = mav.MAV_PARAM_TYPE_REAL32
            self._send(mav.MAVLink_param_value_message(name.encode(), value, kind, len(names), names.index(name)))

    def _command(self, command: int, params: list[float]) -> None:
        self._send(mav.MAVLink_command_ack_message(command, self._execute(command, params)))

    def _execute(self, command: int, params: list[float]) -> int:
        pilot = self.autopilot
        if command == Command.SET_MESSAGE_INTERVAL:
            return self._set_interval(int(params[0]), params[1])
        if command == Command.REQUEST_MESSAGE:
            wanted = int(params[0])
            if wanted == mav.MAVLINK_MSG_ID_CAMERA_IMAGE_CAPTURED and self.camera_component and params[1] in self._images:
                self._send(self._image_captured(int(params[1])), from_camera=True)
                return _ACCEPTED
            build = self._builders.get(wanted) or self._camera_builders.get(wanted)
            if build is None:
                self._say(3, f"No ap_message for mavlink id ({wanted})")
                return _FAILED
            self._send(build())
            return _ACCEPTED
        if command == mav.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES:
            self._send(self._version())
            return _ACCEPTED
        actions: dict[int, Callable[[], bool]] = {
            Command.DO_SET_MODE: lambda: pilot.set_mode(int(params[1])),
            Command.COMPONENT_ARM_DISARM: lambda: pilot.arm() if params[0] else pilot.disarm(force=params[1] == 21196.0),
            Command.MISSION_START: pilot.start_mission,
            Command.NAV_TAKEOFF: lambda: pilot.take_off(params[6]),
            Command.DO_DIGICAM_CONTROL: lambda: params[4] == 1 and pilot.shoot(),
            Command.NAV_RTL: lambda: pilot.set_mode(6),
            Command.NAV_LAND: lambda: pilot.set_mode(9),
        }
        if command == Command.DO_GIMBAL_MANAGER_PITCHYAW:
            pilot.point_gimbal(params[0])
            return _ACCEPTED
        if command == Command.DO_GIMBAL_MANAGER_CONFIGURE:
            return _ACCEPTED
        if command == Command.SET_CAMERA_SOURCE:
            pilot.infrared = params[1] == _INFRARED
            return _ACCEPTED
        action = actions.get(command)
        if action is None:
            return _UNSUPPORTED
        return _ACCEPTED if action() else _FAILED

    def _set_interval(self, message_id: int, interval_us: float) -> int:
        if message_id not in self._builders and message_id not in self._camera_builders:
            return _DENIED
        if interval_us < 0:
            self._intervals.pop(message_id, None)
        else:
            self._intervals[message_id] = max(interval_us / 1e6, STEP_S)
        return _ACCEPTED


def _quaternion(yaw_deg: float, pitch_deg: float) -> list[float]:
    """w, x, y, z of yaw, then pitch, in the earth frame."""
    half_pitch, half_yaw = math.radians(pitch_deg) / 2, math.radians(yaw_deg) / 2
    cp, sp, cy, sy = math.cos(half_pitch), math.sin(half_pitch), math.cos(half_yaw), math.sin(half_yaw)
    return [cy * cp, -sy * sp, cy * sp, sy * cp]


def _name(raw: bytes | str) -> str:
    return (raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw).rstrip("\0")
