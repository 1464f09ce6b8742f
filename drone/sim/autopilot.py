"""Owns the simulated autopilot: modes, arming checks, mission execution, fence and failsafes, camera triggers.

Never encodes MAVLink: it is told modes and items, and says sentences, photos and reached items.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from core.geo import Float, LonLat
from drone.mission import Command, MissionItem, MissionType
from drone.model import Wind
from drone.sim.failsafes import Failsafes
from drone.sim.missions import NAV_COMMANDS, MissionStore
from drone.sim.world import Body, Fault
from drone.vehicle import Mode

BOOT_POSITION_S, BOOT_READY_S = 20.0, 26.0  # EKF origin and pre-arm of a real ArduCopter after power-on (spec 2a)
_TRIGGER_S = 0.1
_REACHED_M = 0.15
_CLIMB_M_S, _DESCENT_M_S, _LAND_M_S = 2.5, 1.5, 0.5
_FALL_M_S = 2.5
_SPOOL_S, _LOITER_S = 5.2, 5.0  # motors up to speed (8 m are climbed in 9.4 s, spec 2a); RTL_LOIT_TIME
_LAND_SLOW_M = 10.0  # LAND_ALT_LOW
_SWAP_S = 5.0
_SKIPPED = frozenset({9, 10, 21})
_BRAKING_M_S2 = 1.2
_STOPPING_M = 2.0
_CORNER_M, _CORNER_M_S2, _CREEP_M_S = 0.5, 2.5, 0.4  # how far a rounded corner may leave the point, at WPNAV_ACCEL
_TRACK_GAIN = 0.8
_YAW_DONE_DEG = 2.0
_GUIDED_TIMEOUT_S, _GUIDED_P, _GUIDED_MOST_M_S = 3.0, 1.0, 5.0  # GUID_TIMEOUT, PSC_POSXY_P
_DEFAULT_PARAMETERS = {
    "FS_GCS_ENABLE": 0.0, "FS_GCS_TIMEOUT": 5.0, "FENCE_ENABLE": 0.0, "FENCE_TYPE": 7.0, "FENCE_ACTION": 1.0,
    "RTL_ALT": 1500.0, "WP_YAW_BEHAVIOR": 2.0, "WPNAV_SPEED": 1000.0, "WPNAV_ACCEL": 250.0, "FS_EKF_ACTION": 1.0,
    "BATT_FS_LOW_ACT": 0.0, "BATT_LOW_VOLT": 14.0, "BATT_LOW_TIMER": 10.0, "FS_THR_ENABLE": 0.0, "FS_OPTIONS": 0.0,
    "CAM1_TYPE": 1.0, "MNT1_TYPE": 1.0, "SYSID_THISMAV": 1.0, "FENCE_ALT_MAX": 100.0,
    "SIM_RC_FAIL": 0.0, "SIM_GPS1_ENABLE": 1.0, "SIM_GPS1_GLTCH_X": 0.0, "SIM_GPS1_GLTCH_Y": 0.0, "SIM_BATT_VOLTAGE": 15.2,
    "SIM_WIND_SPD": 0.0, "SIM_WIND_DIR": 0.0, "RNGFND1_TYPE": 8.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShotTaken:
    """A photo at the moment of exposure: true pose for the camera, measured place for the feedback."""

    index: int
    at_s: float
    position_m: Float
    velocity_m_s: Float
    yaw_deg: float
    gimbal_pitch_deg: float
    lonlat: LonLat
    alt_rel_m: float
    infrared: bool = False


@dataclass(slots=True)
class Autopilot:
    """Step it with simulated time; read `texts`, `shots` and `reached` and clear them."""

    body: Body
    store: MissionStore
    say: Callable[[int, str], None]
    on_shot: Callable[[ShotTaken], None]
    mode: Mode = Mode.STABILIZE
    armed: bool = False
    now: float = 0.0
    gcs_heard: float | None = None
    parameters: dict[str, float] = field(default_factory=lambda: dict(_DEFAULT_PARAMETERS))
    mission_seq: int = 0
    shots: int = 0
    _asked: int = 0
    target_m: Float | None = None
    infrared: bool = False
    follow_m_s: Float | None = None  # velocity of a target that moves
    _target_at: float = 0.0
    _yaw: float = 0.0
    _pitch: float = 0.0
    _speed: float = 5.0
    _nav: int = 0
    _nav_from: Float = field(default_factory=lambda: np.zeros(3))
    _hold_until: float | None = None
    _do: int = 0
    _wait_yaw: bool = False
    _trigger_m: float = 0.0
    _trigger_from: Float = field(default_factory=lambda: np.zeros(3))
    _shot_at: float = -1e9
    _landing: bool = False
    _disarmed_at: float = 0.0
    _armed_at: float = 0.0
    _home_since: float | None = None
    failsafes: Failsafes = field(init=False)

    def __post_init__(self) -> None:
        self.failsafes = Failsafes(self)
        wind = self.body.spec.wind
        self.parameters |= {"SIM_WIND_SPD": wind.speed_m_s, "SIM_WIND_DIR": wind.from_deg_true}

    # --- what the ground asks ------------------------------------------------------------------------------------

    @property
    def alt_rel_m(self) -> float:
        return float(self.body.measured_m[2] - self.body.spec.home_alt_m)

    @property
    def position_ok(self) -> bool:
        received = self.body.spec.fault is not Fault.NO_GPS and self.parameters["SIM_GPS1_ENABLE"] > 0
        return self.now >= BOOT_POSITION_S and received

    def prearm(self) -> str:
        """The sentence that forbids arming, or nothing."""
        if self.body.spec.fault is Fault.NO_GPS:
            return "PreArm: Need 3D Fix"
        if self.now < BOOT_READY_S:
            return "PreArm: EKF3 waiting for GPS config data"
        fenced = self.parameters["FENCE_ENABLE"] > 0 and int(self.parameters["FENCE_TYPE"]) & 4
        if fenced and not self.store.stored[MissionType.FENCE]:
            return "PreArm: Fences enabled, but none selected"
        return ""

    def arm(self) -> bool:
        reason = self.prearm()
        if not reason and self.mode not in {Mode.GUIDED, Mode.LOITER, Mode.STABILIZE, Mode.ALT_HOLD}:
            reason = f"Arm: {self.mode.name} mode not armable"
        if reason:
            self.say(3, reason)
            return False
        self.armed, self._landing, self.failsafes.breached = True, False, False
        self._armed_at = self.now
        self.say(6, "Arming motors")
        return True

    def disarm(self, *, force: bool) -> bool:
        if not self.body.on_ground and not force:
            return False
        self.armed = False
        self._disarmed_at = self.now
        self.say(6, "Disarming motors")
        return True

    def set_mode(self, number: int) -> bool:
        try:
            mode = Mode(number)
        except ValueError:
            return False
        if mode in {Mode.GUIDED, Mode.AUTO, Mode.RTL} and not self.position_ok:
            self.say(4, f"Mode change to {mode.name} failed: requires position")
            return False
        if mode is Mode.AUTO and len(self.store.stored[MissionType.MISSION]) < 2:
            self.say(4, "Mode change to AUTO failed: init failed")
            return False
        self.mode = mode
        self.target_m = self.body.position_m.copy() if mode is Mode.GUIDED else None
        self.follow_m_s = None
        self._trigger_m = 0.0
        self._landing, self._home_since = mode is Mode.LAND, None
        self._nav_from = self.body.position_m.copy()
        return True

    def start_mission(self) -> bool:
        if self.mode is not Mode.AUTO or not self.armed:
            return False
        self.mission_seq, self._nav, self._do = 0, 0, 0
        self._advance()
        return True

    def take_off(self, alt_rel_m: float) -> bool:
        if self.mode is not Mode.GUIDED or not self.armed:
            return False
        self.body.on_ground = False
        self.target_m, self.follow_m_s = self.body.position_m.copy(), None
        self.target_m[2] = self.body.spec.home_alt_m + alt_rel_m
        return True

    def go_to(self, place: LonLat, alt_rel_m: float, velocity_m_s: Float | None = None, yaw_deg: float | None = None) -> bool:
        """Guided target; with a velocity it moves on by itself until the next one, for 3 s at most (GUID_TIMEOUT)."""
        if self.mode is not Mode.GUIDED:
            return False
        self.target_m = self.body.spec.ship.frame.to_enu(place, self.body.spec.home_alt_m + alt_rel_m)
        self.follow_m_s, self._target_at = velocity_m_s, self.now
        self._yaw = self._yaw if yaw_deg is None else yaw_deg % 360.0
        return True

    def _follow(self, target_m: Float, velocity_m_s: Float) -> Float:
        """ArduCopter's guided position and velocity: the target moves on with its velocity, the gap is closed with P = 1."""
        age = self.now - self._target_at
        if age > _GUIDED_TIMEOUT_S:
            return np.zeros(3)
        wanted = velocity_m_s + _GUIDED_P * (target_m + velocity_m_s * age - self.body.measured_m)
        speed = float(np.linalg.norm(wanted))
        return wanted if speed < _GUIDED_MOST_M_S else np.asarray(wanted * (_GUIDED_MOST_M_S / speed))

    def shoot(self) -> bool:
        """Take a photo; False while the shutter is still busy, or with a dead camera."""
        if self.now - self._shot_at < _TRIGGER_S or self._camera_dead:
            return False
        self._shot_at = self.now
        self._trigger_from = self.body.position_m.copy()
        self._asked += 1
        if self.body.spec.fault is Fault.CAMERA_SKIPS and self._asked in _SKIPPED:
            return True  # the shutter was told to, and the camera did nothing
        self.shots += 1
        body = self.body
        self.on_shot(
            ShotTaken(
                self.shots, self.now, body.position_m.copy(), body.velocity_m_s.copy(), body.yaw_deg,
                body.gimbal_pitch_deg, body.measured_lonlat, self.alt_rel_m, self.infrared,
            )
        )  # fmt: skip
        return True

    @property
    def _camera_dead(self) -> bool:
        return self.body.spec.fault is Fault.CAMERA_DEAD or self.parameters["CAM1_TYPE"] == 0

    def point_gimbal(self, pitch_deg: float) -> None:
        if self.parameters["MNT1_TYPE"] > 0:
            self._pitch = max(-90.0, min(30.0, pitch_deg))

    # --- flying ----------------------------------------------------------------------------------------------------

    def step(self, dt: float) -> None:
        """One step of simulated time."""
        self.now += dt
        self.body.ship = self.body.spec.ship_at(self.now)
        self.failsafes.receive_gnss(dt)
        wind, asked = self.body.mean_wind, (self.parameters["SIM_WIND_SPD"], self.parameters["SIM_WIND_DIR"])
        if asked != (wind.speed_m_s, wind.from_deg_true):
            self.body.mean_wind = Wind(asked[0], asked[0], asked[1])
        if self.armed:
            self.failsafes.act()
        wanted = self._wanted_velocity() if self.armed else np.zeros(3)
        if self.armed and not self.position_ok and self.mode in {Mode.LAND, Mode.ALT_HOLD}:
            wanted = wanted + self.body.drift_m_s
        self.body.step(dt, wanted, self._yaw, self._pitch)
        if self._trigger_m > 0 and not self.body.on_ground:
            moved = float(np.hypot(*(self.body.position_m - self._trigger_from)[:2]))
            if moved >= self._trigger_m:
                self.shoot()
        if not self.armed and self.body.battery_pct < 99.0 and self.now - self._disarmed_at > _SWAP_S and self._disarmed_at:
            self.body.battery_pct = 100.0
            self.say(6, "SIMULATED battery changed")

    def _wanted_velocity(self) -> Float:
        if self.mode is Mode.AUTO:
            return self._auto()
        if self.mode is Mode.GUIDED and self.target_m is not None and self.follow_m_s is not None:
            return self._follow(self.target_m, self.follow_m_s)
        if self.mode is Mode.GUIDED and self.target_m is not None:
            return self._towards(self.target_m, min(self._speed, 5.0), stop=True)
        if self.mode is Mode.RTL:
            return self._return()
        if self.mode is Mode.LAND:
            return self._land()
        if self.mode is Mode.ALT_HOLD:
            return self._sink()
        return np.zeros(3)

    def _auto(self) -> Float:
        items = self.store.stored[MissionType.MISSION]
        if not 0 < self._nav < len(items):
            return np.zeros(3)
        self._run_do(items)
        item = items[self._nav]
        if item.command == Command.NAV_RTL:
            return self._return()
        if item.command == Command.NAV_LAND:
            return self._land()
        place = self._place(item)
        if item.command == Command.NAV_TAKEOFF:
            if self.body.on_ground and self.now - self._armed_at < _SPOOL_S:
                return np.zeros(3)
            self.body.on_ground = False
            place = np.array([*self._nav_from[:2], place[2]])
        if self._hold_until is not None:
            if self.now >= self._hold_until:
                self._advance()
            return self._towards(place, self._speed, stop=True)
        if self._arrived(item, place):
            self._hold_until = self.now + item.params[0] if item.params[0] > 0 else None
            if self._hold_until is None:
                self._advance()
        stop = item.params[0] > 0 or item.command == Command.NAV_TAKEOFF
        return self._along(place, 0.0 if stop else self._corner_m_s(items, place), stop=stop)

    def _corner_m_s(self, items: list[MissionItem], place: Float) -> float:
        """Speed through a passing point: ArduCopter rounds a corner within its acceleration instead of shooting past it."""
        following = next((item for item in items[self._nav + 1 :] if item.command in NAV_COMMANDS), None)
        if following is None or following.command != Command.NAV_WAYPOINT:
            return self._speed
        arriving, leaving = place - self._nav_from, self._place(following) - place
        lengths = float(np.linalg.norm(arriving)) * float(np.linalg.norm(leaving))
        if lengths < 1e-6:
            return self._speed
        half = math.acos(max(-1.0, min(1.0, float(arriving @ leaving) / lengths))) / 2.0
        slack = 1.0 / max(math.cos(half), 1e-3) - 1.0
        return self._speed if slack < 1e-6 else min(self._speed, max(_CREEP_M_S, math.sqrt(_CORNER_M_S2 * _CORNER_M / slack)))

    def _advance(self) -> None:
        """Make the next navigation item current; the items between run beside it (ArduPilot AP_Mission)."""
        items = self.store.stored[MissionType.MISSION]
        following = [seq for seq in range(self._nav + 1, len(items)) if items[seq].command in NAV_COMMANDS]
        self._hold_until = None
        self._nav_from = self.body.position_m.copy()
        self._do = self._nav + 1
        self._wait_yaw = False
        if not following:
            self.say(6, "Mission complete")
            self.set_mode(Mode.RTL)
            return
        self._nav = self.mission_seq = following[0]
        self.say(6, f"Mission: {self._nav}")
        item = items[self._nav]
        has_yaw = any(items[seq].command == Command.CONDITION_YAW for seq in range(self._do, self._nav))
        placed = item.command == Command.NAV_WAYPOINT
        if placed and not has_yaw and self.parameters["WP_YAW_BEHAVIOR"] > 0:
            ahead = self._place(item) - self.body.position_m
            self._yaw = math.degrees(math.atan2(ahead[0], ahead[1])) % 360.0
        self._run_do(items)

    def _run_do(self, items: list[MissionItem]) -> None:
        while self._do < self._nav:
            if self._wait_yaw:
                error = abs((self._yaw - self.body.yaw_deg + 180.0) % 360.0 - 180.0)
                if error > _YAW_DONE_DEG and not self.body.on_ground:
                    return
                self._wait_yaw = False
            item = items[self._do]
            self._do += 1
            self._execute(item)

    def _execute(self, item: MissionItem) -> None:
        if item.command == Command.CONDITION_YAW:
            self._yaw, self._wait_yaw = item.params[0] % 360.0, True
        elif item.command == Command.DO_CHANGE_SPEED:
            self._speed = max(0.2, item.params[1])
        elif item.command == Command.DO_GIMBAL_MANAGER_PITCHYAW:
            self.point_gimbal(item.params[0])
        elif item.command == Command.DO_SET_CAM_TRIGG_DIST:
            self._trigger_m, self._trigger_from = item.params[0], self.body.position_m.copy()
        elif item.command == Command.DO_DIGICAM_CONTROL and item.x == 1:
            self.shoot()

    def _place(self, item: MissionItem) -> Float:
        spec = self.body.spec
        if item.x == 0 and item.y == 0:
            return np.array([*self._nav_from[:2], spec.home_alt_m + item.z])
        return spec.ship.frame.to_enu(LonLat(item.y / 1e7, item.x / 1e7), spec.home_alt_m + item.z)

    def _arrived(self, item: MissionItem, place: Float) -> bool:
        """Passing points count when the track is flown to its end, stops when the vehicle is there (measured position)."""
        remaining = place - self.body.measured_m
        if item.params[0] > 0 or item.command == Command.NAV_TAKEOFF:
            return float(np.linalg.norm(remaining)) < 2 * _REACHED_M
        track = place - self._nav_from
        length = float(np.linalg.norm(track))
        return length < _REACHED_M or float(remaining @ track) / length < _REACHED_M

    def _along(self, place: Float, end_m_s: float, *, stop: bool) -> Float:
        """Velocity along the straight line from the last item, pulled back onto it."""
        track = place - self._nav_from
        length = float(np.linalg.norm(track))
        if length < _REACHED_M or (stop and float(np.linalg.norm(place - self.body.measured_m)) < _STOPPING_M):
            return self._towards(place, self._speed, stop=True)
        unit = track / length
        off = self.body.measured_m - self._nav_from
        along = float(off @ unit)
        speed = self._limited(self._speed, unit)
        speed = min(speed, math.sqrt(end_m_s**2 + 2 * _BRAKING_M_S2 * max(length - along, 0.0)))
        return np.asarray(unit * speed - _TRACK_GAIN * (off - along * unit))

    def _towards(self, place: Float, speed: float, *, stop: bool) -> Float:
        gap = place - self.body.measured_m
        distance = float(np.linalg.norm(gap))
        if distance < 1e-6:
            return np.zeros(3)
        limit = self._limited(speed, gap / distance)
        if stop:
            limit = min(limit, math.sqrt(2 * _BRAKING_M_S2 * distance), distance * 1.2)
        return np.asarray(gap / distance * limit)

    @staticmethod
    def _limited(speed: float, unit: Float) -> float:
        vertical = _CLIMB_M_S if unit[2] > 0 else _DESCENT_M_S
        return min(speed, vertical / abs(unit[2])) if abs(unit[2]) > 1e-6 else speed

    def _return(self) -> Float:
        """RTL: straight up to RTL_ALT (unless home is near), straight home, land."""
        home = self.body.home_m
        here = self.body.measured_m
        flat = float(np.hypot(*(home - here)[:2]))
        if self._landing or flat < 0.5:
            self._landing = True
            self._home_since = self.now if self._home_since is None else self._home_since
            return self._land() if self.now - self._home_since > _LOITER_S else np.zeros(3)
        height = self.body.spec.home_alt_m + (self.parameters["RTL_ALT"] / 100.0 if flat > 5.0 else 0.0)
        if here[2] < height - 0.5:
            return np.array([0.0, 0.0, _CLIMB_M_S])
        return self._towards(np.array([*home[:2], max(height, here[2])]), 5.0, stop=True)

    def _sink(self) -> Float:
        """ALT_HOLD with nobody on the sticks: they rest at the bottom, so it falls (spec 2c)."""
        above = float(self.body.position_m[2] - self.body.spec.home_alt_m)
        return np.array([0.0, 0.0, -_FALL_M_S]) if above > _FALL_M_S * _TRIGGER_S else self._land()

    def _land(self) -> Float:
        above = float(self.body.position_m[2] - self.body.spec.home_alt_m)
        if above <= 0.05:
            self.body.on_ground = True
            self.body.position_m[2] = self.body.spec.home_alt_m
            self.disarm(force=True)
            return np.zeros(3)
        return np.array([0.0, 0.0, -(_LAND_M_S if above < _LAND_SLOW_M else _DESCENT_M_S)])
