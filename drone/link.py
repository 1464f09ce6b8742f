"""Owns the MAVLink link to one vehicle: heartbeats, telemetry, mission transfer, commands, parameters, signing.

Never decides to fly: what moves the vehicle takes a permit of `drone.gate`, only stopping and coming home needs none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pymavlink.dialects.v20 import ardupilotmega as mav

from core.clock import Clock
from core.errors import EnvironmentFault, Refused
from core.geo import Float, LonLat
from core.logs import get
from drone.codec import Codec, unsigned
from drone.gate import Permit
from drone.intake import identity_of, take
from drone.lease import Lease
from drone.mission import RESULT_NAMES, Command, MissionItem, MissionType, differences
from drone.transfer import CommandCall, Download, DownloadOut, Upload, UploadOut
from drone.transport import TlogWriter, Transport
from drone.vehicle import (
    LinkState,
    Mode,
    SimulatorOnly,
    Telemetry,
    VehicleIdentity,
    VehicleIdentityPolicy,
)
from drone.wire import To, download_message, item_of, target_message, upload_message

log = get("drone")

GCS_SYSTEM, GCS_COMPONENT = 255, 190  # MAV_COMP_ID_MISSIONPLANNER, as ground stations use
_AUTOPILOT = 1  # MAV_COMP_ID_AUTOPILOT1
_STEP_S = 0.04  # between two looks at a vehicle that only flies
_TALK_STEP_S = 0.005  # while a conversation waits for an answer
_UPLOAD_TRIES = 4
_MODE_S = 5.0
_TUNNEL_BYTES = 128
_IDENTITY_TRIES = 20
_UPLOAD_KINDS = frozenset({"MISSION_REQUEST", "MISSION_REQUEST_INT", "MISSION_ACK"})
_DOWNLOAD_KINDS = frozenset({"MISSION_COUNT", "MISSION_ITEM_INT"})
# MAVLink message ids and the rates asked for, Hz.
REQUESTS = frozenset({"PARAM_REQUEST_READ", "PARAM_REQUEST_LIST", "LOG_REQUEST_LIST", "LOG_REQUEST_DATA", "LOG_REQUEST_END"})
_STREAMS = {
    mav.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 5.0,
    mav.MAVLINK_MSG_ID_SYS_STATUS: 1.0,
    mav.MAVLINK_MSG_ID_GPS_RAW_INT: 1.0,
    mav.MAVLINK_MSG_ID_WIND: 1.0,
    mav.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 2.0,
    mav.MAVLINK_MSG_ID_MISSION_CURRENT: 2.0,
    mav.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: 5.0,
    mav.MAVLINK_MSG_ID_DISTANCE_SENSOR: 3.0,
    mav.MAVLINK_MSG_ID_SYSTEM_TIME: 1.0,
}


@dataclass(slots=True)
class Link:
    """One vehicle. All waiting runs on the injected clock; `pump` must be called often and every wait does."""

    transport: Transport
    clock: Clock
    tlog: TlogWriter
    degraded_s: float = 2.0
    lost_s: float = 5.0
    policy: VehicleIdentityPolicy = field(default_factory=SimulatorOnly)
    key: bytes | None = None
    lease: Lease | None = None
    telemetry: Telemetry = field(default_factory=Telemetry)
    identity: VehicleIdentity | None = None
    identity_ok: bool = False
    verified: dict[MissionType, list[MissionItem]] = field(default_factory=dict)
    _system: int = field(default=0, init=False)
    _codec: Codec = field(init=False, repr=False)
    _listeners: dict[str, Callable[[Any], None]] = field(default_factory=dict, init=False)
    observers: list[Callable[[str, Any], None]] = field(default_factory=list)  # told every message, none waits for them
    _beat_at: float = field(default=-1e9, init=False)
    _modes: frozenset[int] = field(default=frozenset(), init=False)
    _upload: Upload | None = field(default=None, init=False)
    _download: Download | None = field(default=None, init=False)
    _command: tuple[int, CommandCall] | None = field(default=None, init=False)
    _parameters: dict[str, float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._codec = Codec(GCS_SYSTEM, GCS_COMPONENT, self.clock.now, self.key)

    # --- receiving -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> LinkState:
        age = self.heartbeat_age_s
        if age is None or age > self.lost_s:
            return "lost"
        return "ok" if age < self.degraded_s else "degraded"

    @property
    def heartbeat_age_s(self) -> float | None:
        beat = self.telemetry.heartbeat_at
        return None if beat is None else self.clock.monotonic() - beat

    def pump(self) -> None:
        """Send what is due, take in what has arrived."""
        now = self.clock.monotonic()
        if now - self._beat_at >= 1.0:
            self._beat_at = now
            self._send(mav.MAVLink_heartbeat_message(mav.MAV_TYPE_GCS, mav.MAV_AUTOPILOT_INVALID, 0, 0, 0, 3))
        for data in self.transport.receive():
            for message in self._codec.decode(data):
                self._take(message, now)
        if self._upload is not None:
            self._send_upload(self._upload.poll(now))
        if self._download is not None:
            self._send_download(self._download.poll(now))

    def wait(self, until: Callable[[], bool], timeout_s: float) -> bool:
        """Pump until the condition holds or the time is over.

        Raises:
            EnvironmentFault: `drone.link.lost` when a vehicle that was connected has fallen silent.
        """
        deadline = self.clock.monotonic() + timeout_s
        while True:
            self.pump()
            if until():
                return True
            if self.identity_ok and self.state == "lost":
                raise EnvironmentFault("drone.link.lost", seconds=f"{self.heartbeat_age_s or 0.0:.1f}")
            if self.clock.monotonic() >= deadline:
                return False
            self.clock.sleep(_TALK_STEP_S if self._talking else _STEP_S)

    @property
    def _talking(self) -> bool:
        return bool(self._upload or self._download or self._command or self._listeners)

    @property
    def rejected(self) -> int:
        """Frames dropped for want of a good signature."""
        return self._codec.rejected

    @contextmanager
    def listening(self, kind: str, handler: Callable[[Any], None]) -> Iterator[None]:
        """Hand every message of a kind to `handler` inside the context; fields are named as in the MAVLink definition."""
        self._listeners[kind] = handler
        try:
            yield
        finally:
            del self._listeners[kind]

    def tunnel(self, component: int, payload_type: int, data: bytes) -> None:
        """Bytes (128 at most) for a payload, once."""
        padded = [*data, *([0] * (_TUNNEL_BYTES - len(data)))]
        self._send(mav.MAVLink_tunnel_message(self._system, component, payload_type, len(data), padded))

    def ask(self, kind: str, *, component: int = _AUTOPILOT, **fields: object) -> None:
        """Send a request of `REQUESTS` to a component; none of them moves anything. Raises ValueError for others."""
        if kind not in REQUESTS:
            raise ValueError(f"{kind} is no request")
        make = getattr(mav, f"MAVLink_{kind.lower()}_message")
        self._send(make(target_system=self._system, target_component=component, **fields))

    def _send(self, message: Any, *, secret: bool = False) -> None:
        frame = self._codec.encode(message)
        if not secret:
            self.tlog.write(unsigned(frame))
        self.transport.send(frame)

    def _take(self, message: Any, now: float) -> None:
        kind = message.get_type()
        if self._system and message.get_srcSystem() != self._system:
            if message.get_srcSystem() == GCS_SYSTEM and message.get_srcComponent() == GCS_COMPONENT:
                self.telemetry.other_station_at = now
            return
        self.tlog.write(unsigned(bytes(message.get_msgbuf())))
        if self.telemetry.heartbeat_at is not None:
            self.telemetry.heartbeat_at = now  # any frame is a sign of life: a lossy link drops five heartbeats in a row
        if kind == "HEARTBEAT":
            if message.type == mav.MAV_TYPE_CAMERA:
                self.telemetry.camera_component = message.get_srcComponent()
            if message.get_srcComponent() != _AUTOPILOT:
                return
            self._system = self._system or message.get_srcSystem()
        elif kind == "AUTOPILOT_VERSION":
            self.identity = identity_of(message)
        take(self.telemetry, kind, message, now)
        if kind == "HEARTBEAT":
            self._judge_mode()
        if kind == "STATUSTEXT":
            log.info("vehicle", text=self.telemetry.texts[-1].text)
        self._converse(kind, message, now)

    def _judge_mode(self) -> None:
        """A mode that we did not command (the pilot's sticks, another station, a failsafe) ends our lease at once."""
        t = self.telemetry
        if t.armed and self.lease is not None and self.lease.active and self._modes and t.custom_mode not in self._modes:
            self.lease.end(f"mode {t.custom_mode} was not commanded by us")

    def _converse(self, kind: str, message: Any, now: float) -> None:
        """Feed the conversation a message belongs to."""
        for observer in self.observers:
            observer(kind, message)
        if kind in self._listeners:
            self._listeners[kind](message)
        upload, download = self._upload, self._download
        if kind == "COMMAND_ACK" and self._command is not None and message.command == self._command[0]:
            self._command[1].on_ack(message.result, now)
        elif kind == "PARAM_VALUE":
            self._parameters[parameter_name(message)] = float(message.param_value)
        elif upload is not None and kind in _UPLOAD_KINDS and message.mission_type == upload.mission_type:
            if kind == "MISSION_ACK":
                self._send_upload(upload.on_ack(message.type, now))
            else:
                self._send_upload(upload.on_request(message.seq, now))
        elif download is not None and kind in _DOWNLOAD_KINDS and message.mission_type == download.mission_type:
            if kind == "MISSION_COUNT":
                self._send_download(download.on_count(message.count))
            else:
                self._send_download(download.on_item(message.seq, item_of(message), now))

    # --- set-up ----------------------------------------------------------------------------------------------------

    def connect(self, timeout_s: float = 30.0) -> VehicleIdentity:
        """Find the vehicle and who it is.

        Raises:
            EnvironmentFault: `drone.link.silent`, nothing was heard.
            Refused: `drone.link.not_simulator`, the vehicle is not one this program may fly.
        """
        if not self.wait(lambda: self._system != 0, timeout_s):
            raise EnvironmentFault("drone.link.silent", seconds=f"{timeout_s:g}")
        for _ in range(_IDENTITY_TRIES):
            self._send_command(Command.REQUEST_MESSAGE, (float(mav.MAVLINK_MSG_ID_AUTOPILOT_VERSION),), 0)
            if self.wait(lambda: self.identity is not None, 0.5):
                break
        if self.identity is None or not self.policy.accepts(self.identity):
            raise Refused("drone.link.not_simulator", identity=str(self.identity or "no AUTOPILOT_VERSION"))
        self.identity_ok = True
        for message_id, rate in _STREAMS.items():
            self.command(Command.SET_MESSAGE_INTERVAL, float(message_id), 1e6 / rate)
        return self.identity

    def set_up_signing(self, key: bytes) -> None:
        """Give the vehicle our key (SETUP_SIGNING) and sign from now on; the frame is kept out of the log.

        Raises Refused `drone.link.not_direct` over a radio or a network: whoever listens would have the key.
        """
        if not self.transport.direct:
            raise Refused("drone.link.not_direct")
        since = round((self.clock.now() - datetime(2015, 1, 1, tzinfo=UTC)).total_seconds() * 1e5)
        message = mav.MAVLink_setup_signing_message(self._system, _AUTOPILOT, list(key), since)
        for _ in range(3):
            self._send(message, secret=True)
        self._codec.use_key(key)

    def shift_clock(self, by: timedelta) -> None:
        """Sign with a wrong clock from now on (rehearsals)."""
        self._codec.now = lambda: self.clock.now() + by

    def read_parameter(self, name: str) -> float | None:
        """Ask the vehicle; None when it does not know the name (or does not answer)."""
        self._parameters.pop(name, None)
        for _ in range(4):
            self.ask("PARAM_REQUEST_READ", param_id=name.encode(), param_index=-1)
            if self.wait(lambda: name in self._parameters, 0.8):
                break
        return self._parameters.get(name)

    def parameter(self, name: str) -> float | None:
        """The value the vehicle last reported."""
        return self._parameters.get(name)

    def set_parameter(self, name: str, value: float) -> None:
        """Set and read back; raises EnvironmentFault `drone.link.parameter` when the vehicle keeps another value."""
        self._parameters.pop(name, None)
        for _ in range(6):
            key = name.encode()
            self._send(mav.MAVLink_param_set_message(self._system, _AUTOPILOT, key, value, mav.MAV_PARAM_TYPE_REAL32))
            self.wait(lambda: name in self._parameters, 0.8)
            if math.isclose(self._parameters.get(name, math.nan), value, rel_tol=1e-5, abs_tol=1e-6):
                return
        raise EnvironmentFault("drone.link.parameter", name=name, value=value, kept=self._parameters.get(name))

    def upload(self, items: list[MissionItem], mission_type: MissionType) -> None:
        """Send items and read them back until they compare equal.

        Raises:
            Refused: `drone.mission.refused` with the vehicle's own sentence.
            EnvironmentFault: `drone.mission.unconfirmed` when no read-back ever matched.
        """
        self.verified.pop(mission_type, None)
        for _ in range(_UPLOAD_TRIES):
            sent = self.send_items(items, mission_type)
            if sent and not differences(items, self.download(mission_type), mission_type):
                self.verified[mission_type] = list(items)
                return
        raise EnvironmentFault("drone.mission.unconfirmed", tries=_UPLOAD_TRIES)

    def send_items(self, items: list[MissionItem], mission_type: MissionType) -> bool:
        """Send items once; False when the vehicle never had them all. Only a read-back proves what it holds.

        Raises Refused `drone.mission.refused` with the vehicle's own sentence.
        """
        now = self.clock.monotonic()
        upload = Upload(items, mission_type, now)
        self._upload = upload
        self.wait(lambda: upload.state != "running", 60.0 + 2.0 * len(items))
        self._upload = None
        if upload.state == "refused":
            name = RESULT_NAMES.get(upload.result, str(upload.result))
            raise Refused("drone.mission.refused", result=name, sentence=self._sentence_since(now))
        return upload.state != "running"

    def _sentence_since(self, at_s: float) -> str:
        """What the autopilot said since then; it may say it a moment after its answer."""
        self.wait(lambda: any(text.at_s >= at_s for text in self.telemetry.texts), 1.0)
        return next((text.text for text in reversed(self.telemetry.texts) if text.at_s >= at_s), "-")

    def download(self, mission_type: MissionType) -> list[MissionItem]:
        """Items as the vehicle holds them; raises EnvironmentFault `drone.mission.unreadable`."""
        download = Download(mission_type)
        self._download = download
        finished = self.wait(lambda: download.done, 120.0)
        self._download = None
        if not finished:
            raise EnvironmentFault("drone.mission.unreadable", have=len(download.items), of=download.count)
        return [download.items[seq] for seq in range(download.count or 0)]

    # --- commands --------------------------------------------------------------------------------------------------

    def command(self, command: Command, *params: float, timeout_s: float = 10.0, component: int = _AUTOPILOT) -> int:
        """Send a command that moves nothing; returns MAV_RESULT (0 accepted), or -1 without an answer.

        Raises ValueError for a command that moves the vehicle: those have methods of their own.
        """
        self._moves_nothing(command)
        return self._call(command, params, timeout_s, component)

    @staticmethod
    def _moves_nothing(command: Command) -> None:
        if command in {Command.COMPONENT_ARM_DISARM, Command.MISSION_START, Command.DO_SET_MODE, Command.NAV_TAKEOFF}:
            raise ValueError(f"{command.name} moves the vehicle")

    def take_gimbal(self) -> tuple[float, float] | None:
        """Become the gimbal's primary controller; returns its pitch limits in degrees, None when it tells none."""
        mine = (float(GCS_SYSTEM), float(GCS_COMPONENT), -1.0, -1.0)  # -1 = leave the secondary control as it is
        self.command(Command.DO_GIMBAL_MANAGER_CONFIGURE, *mine)
        self.command(Command.REQUEST_MESSAGE, float(mav.MAVLINK_MSG_ID_GIMBAL_MANAGER_INFORMATION))
        self.wait(lambda: self.telemetry.gimbal_limits_deg is not None, 2.0)
        return self.telemetry.gimbal_limits_deg

    def ask_photo(self, index: int) -> bool:
        """Ask a camera component for the record of one photo again; True when it is there."""
        fields = (float(mav.MAVLINK_MSG_ID_CAMERA_IMAGE_CAPTURED), float(index))
        return self._call(Command.REQUEST_MESSAGE, fields, 5.0) == 0 and self.wait(lambda: index in self.telemetry.photos, 1.0)

    def arm(self, permit: Permit) -> None:
        """GUIDED, then arm; raises Refused `drone.vehicle.refused` with the autopilot's own sentence."""
        self.lease = permit.lease if isinstance(permit, Permit) else None
        self._need(permit)
        self._switch(Mode.GUIDED)
        self._demand(Command.COMPONENT_ARM_DISARM, (1.0,), "arm")

    def start_mission(self, permit: Permit) -> None:
        """AUTO, then start; raises Refused `drone.vehicle.refused`."""
        self._need(permit)
        self._switch(Mode.AUTO)
        self._demand(Command.MISSION_START, (0.0, 0.0), "start")

    def brake(self) -> bool:
        return self._try_mode(Mode.BRAKE)

    def return_home(self) -> bool:
        return self._try_mode(Mode.RTL)

    def land(self) -> bool:
        return self._try_mode(Mode.LAND)

    def back_off_to(self, place: LonLat, alt_rel_m: float) -> bool:
        """GUIDED to a place farther from the hull: part of the way home, so it needs no permit."""
        if not self._try_mode(Mode.GUIDED):
            return False
        self._send(target_message(self._to, self.clock.monotonic(), place, alt_rel_m))
        return True

    def guide(self, permit: Permit) -> bool:
        """GUIDED in flight; False when the vehicle refuses or the lease has ended."""
        self._need(permit)
        return self._try_mode(Mode.GUIDED)

    def take_off(self, permit: Permit, alt_rel_m: float) -> None:
        """Climb in GUIDED, where the vehicle then waits for `steer`; raises Refused `drone.vehicle.refused`."""
        self._need(permit)
        self._demand(Command.NAV_TAKEOFF, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, alt_rel_m), "take-off")

    def steer(self, permit: Permit, place: LonLat, alt_rel_m: float, velocity_m_s: Float, yaw_deg_true: float) -> bool:
        """One target that moves, in GUIDED: place with feed-forward velocity (east, north, up) and yaw. Sent once: the next one
        follows at once, and the vehicle stops by itself when none does. False when the lease has ended: nothing was sent.
        """
        if not isinstance(permit, Permit) or not permit.lease.active or self.telemetry.custom_mode != Mode.GUIDED:
            return False
        self._send(target_message(self._to, self.clock.monotonic(), place, alt_rel_m, velocity_m_s, yaw_deg_true))
        return True

    def send_once(self, command: Command, *params: float) -> None:
        """A command that moves nothing and must not be repeated (a photo): sent once, its effect is looked for elsewhere."""
        self._moves_nothing(command)
        self._send_command(command, params, 0)

    def _need(self, permit: Permit) -> None:
        if not isinstance(permit, Permit) or not self.identity_ok:
            raise Refused("drone.gate.no_go", reasons="no permit")
        if not permit.lease.active:
            raise Refused("drone.gate.no_go", reasons=permit.lease.ended)

    def _switch(self, mode: Mode) -> None:
        if not self._try_mode(mode):
            raise Refused("drone.vehicle.refused", action=mode.name, sentence=self.telemetry.last_text() or "-")

    def _try_mode(self, mode: Mode) -> bool:
        if self.lease is None or not self.lease.active:
            return False  # nothing that moves is sent without a lease
        current = self.telemetry.custom_mode
        self._modes = frozenset({mode} if current is None else {mode, current})
        done = self._change_mode(mode)
        self._modes = frozenset({mode}) if done else self._modes
        return done

    def _change_mode(self, mode: Mode) -> bool:
        flag = float(mav.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED)
        if self._call(Command.DO_SET_MODE, (flag, float(mode)), 10.0) > 0:
            return False
        # An answer that got lost says nothing: the heartbeat tells the mode. A fast clock over a slow machine needs its patience.
        return self.wait(lambda: self.telemetry.custom_mode == mode, max(_MODE_S, self.lost_s))

    def _demand(self, command: Command, params: tuple[float, ...], action: str) -> None:
        since = self.clock.monotonic()
        if self._call(command, params, 10.0) == 0:
            return
        raise Refused("drone.vehicle.refused", action=action, sentence=self._sentence_since(since))

    def _call(self, command: int, params: tuple[float, ...], timeout_s: float, component: int = _AUTOPILOT) -> int:
        call = CommandCall()
        self._command = (command, call)

        def answered() -> bool:
            for out in call.poll(self.clock.monotonic()):
                self._send_command(command, params, out.confirmation, component)
            return call.result is not None or call.gave_up

        self.wait(answered, timeout_s)
        self._command = None
        return -1 if call.result is None else call.result

    def _send_command(self, command: int, params: tuple[float, ...], confirmation: int, component: int = _AUTOPILOT) -> None:
        padded = (*params, *(0.0,) * 7)[:7]
        self._send(mav.MAVLink_command_long_message(self._system, component, command, confirmation, *padded))

    def _send_upload(self, out: list[UploadOut]) -> None:
        for step in out if self._upload is not None else []:
            self._send(upload_message(self._to, step, cast("Upload", self._upload)))

    def _send_download(self, out: list[DownloadOut]) -> None:
        for step in out if self._download is not None else []:
            self._send(download_message(self._to, step, int(cast("Download", self._download).mission_type)))

    @property
    def _to(self) -> To:
        return To(self._system, _AUTOPILOT)


def parameter_name(message: Any) -> str:
    """The name in a PARAM_VALUE."""
    name = message.param_id.decode("ascii", "replace") if isinstance(message.param_id, bytes) else str(message.param_id)
    return name.rstrip("\0")
