"""Owns the simulated world: where ship and home are, wind with gusts, a point mass that flies, its battery and GNSS.

Never knows MAVLink. Metres east-north-up around the ship's origin, up = 0 at the waterline; seconds of simulated time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from core.geo import Float, LonLat
from core.hullform import HullForm
from core.ship import ShipPose
from drone.guard import ray_range_m
from drone.model import ShipSide, Wind
from drone.pose import camera_axes_enu

_ACCEL_M_S2 = 2.5  # ArduCopter default WPNAV_ACCEL 250 cm/s2
_YAW_RATE_DEG_S = 60.0
_GIMBAL_RATE_DEG_S = 40.0
_VELOCITY_GAIN = 3.0
_GUST_TIME_S = 6.0
_GUST_PUSH = 0.12  # acceleration per m/s of gust that the attitude controller does not cancel
_GNSS_TIME_S = 40.0
_HOVER_WIND_COST = 0.3  # share more power at the cruise airspeed
_CRUISE_M_S = 10.0
_DRIFT_SHARE = 0.35  # of the wind: 33.5 m while landing in 6 m/s without GPS (spec 2c)
_RANGE_MOST_M, _RANGE_NOISE_M = 40.0, 0.05


class Fault(StrEnum):
    """What goes wrong in a run, chosen by --fault."""

    NONE = "none"
    REFUSE_MISSION = "refuse_mission"
    CAMERA_DEAD = "camera_dead"
    NO_GPS = "no_gps"
    LOW_BATTERY = "low_battery"
    WIND_TO_HULL = "wind_to_hull"
    LINK_DIES = "link_dies"
    NO_RANGE = "no_range"
    CAMERA_SKIPS = "camera_skips"


@dataclass(frozen=True, slots=True)
class Swing:
    """A ship at anchor that swings about its bow: its heading is the planned one + amplitude * sin(2 pi t / period)."""

    amplitude_deg: float
    period_s: float

    def turn_deg(self, now_s: float) -> float:
        return self.amplitude_deg * math.sin(2.0 * math.pi * now_s / self.period_s)


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """A run of the simulator, fixed at its start. `ship` is where the ship lies at time 0; metres are around it for ever."""

    ship: ShipPose
    hull: HullForm
    home: LonLat
    home_alt_m: float
    quay_side: ShipSide | None
    wind: Wind
    battery_minutes: float
    seed: int
    fault: Fault = Fault.NONE
    swing: Swing | None = None

    def ship_at(self, now_s: float) -> ShipPose:
        """Where the ship truly is; a swinging ship turns about its stem."""
        if self.swing is None:
            return self.ship
        heading = (self.ship.heading_deg_true + self.swing.turn_deg(now_s)) % 360.0
        turned = replace(self.ship, heading_deg_true=heading)
        stem = np.array([self.hull.geometry.loa_m, 0.0, 0.0])
        origin = self.ship.ship_to_enu @ stem - turned.ship_to_enu @ stem
        return replace(turned, origin=self.ship.frame.to_lonlat(origin))


@dataclass(slots=True)
class Body:
    """The aircraft: true state, and what its GNSS makes of it. Degrees for yaw and gimbal."""

    spec: WorldSpec
    position_m: Float = field(init=False)
    velocity_m_s: Float = field(default_factory=lambda: np.zeros(3))
    yaw_deg: float = 0.0
    gimbal_pitch_deg: float = 0.0
    battery_pct: float = 100.0
    on_ground: bool = True
    min_clearance_m: float = math.inf
    mean_wind: Wind = field(init=False)
    gnss_shift_m: Float = field(default_factory=lambda: np.zeros(3))  # what a spoofed or glitching receiver adds
    _gust: Float = field(default_factory=lambda: np.zeros(2))
    _gnss_error: Float = field(default_factory=lambda: np.zeros(3))
    _rng: np.random.Generator = field(init=False)
    _hull_points: Float = field(init=False)  # in the ship's frame
    ship: ShipPose = field(init=False)

    def __post_init__(self) -> None:
        self.ship = self.spec.ship_at(0.0)
        self._rng = np.random.default_rng(self.spec.seed)
        self.mean_wind = self.spec.wind
        self.position_m = self.home_m.copy()
        if self.spec.fault is Fault.LOW_BATTERY:
            self.battery_pct = 22.0
        hull = self.spec.hull
        parts = [hull.patches(side, 0.1, 1.5)[0] for side in ("port", "starboard", "stern")]
        self._hull_points = np.concatenate(parts)

    @property
    def home_m(self) -> Float:
        return self.spec.ship.frame.to_enu(self.spec.home, self.spec.home_alt_m)

    @property
    def measured_m(self) -> Float:
        """Position as the vehicle believes it."""
        return np.asarray(self.position_m + self._gnss_error + self.gnss_shift_m)

    @property
    def measured_lonlat(self) -> LonLat:
        return self.spec.ship.frame.to_lonlat(self.measured_m)

    @property
    def wind(self) -> Wind:
        """Mean wind with the present gust, as the vehicle estimates it."""
        blowing = self._mean_wind() + self._gust
        speed = float(np.hypot(*blowing))
        return Wind(speed, speed, math.degrees(math.atan2(-blowing[0], -blowing[1])) % 360.0)

    @property
    def drift_m_s(self) -> Float:
        """(3,) how the wind carries a vehicle that has lost its position."""
        return np.array([*(_DRIFT_SHARE * self._mean_wind()), 0.0])

    def range_m(self) -> float | None:
        """What a range sensor on the gimbal measures: true distance to the hull along the camera's axis; None without echo."""
        if self.spec.fault is Fault.NO_RANGE:
            return None
        ahead = camera_axes_enu(self.yaw_deg, self.gimbal_pitch_deg)[:, 2][None, :] @ self.ship.ship_to_enu
        distance = ray_range_m(self.spec.hull, self.in_ship_m(), ahead[0], _RANGE_MOST_M)
        return None if distance is None else distance + float(self._rng.normal(0.0, _RANGE_NOISE_M))

    def _mean_wind(self) -> Float:
        towards = math.radians(self.mean_wind.from_deg_true + 180.0)
        return self.mean_wind.speed_m_s * np.array([math.sin(towards), math.cos(towards)])

    def step(self, dt: float, wanted_m_s: Float, yaw_deg: float, gimbal_pitch_deg: float) -> None:
        """Fly for `dt` seconds towards a velocity, a yaw and a gimbal pitch."""
        self._drift(dt)
        self.gimbal_pitch_deg += float(
            np.clip(gimbal_pitch_deg - self.gimbal_pitch_deg, -_GIMBAL_RATE_DEG_S * dt, _GIMBAL_RATE_DEG_S * dt)
        )
        if self.on_ground:
            self.velocity_m_s = np.zeros(3)
            return
        turn = (yaw_deg - self.yaw_deg + 180.0) % 360.0 - 180.0
        self.yaw_deg = (self.yaw_deg + float(np.clip(turn, -_YAW_RATE_DEG_S * dt, _YAW_RATE_DEG_S * dt))) % 360.0
        pull = (wanted_m_s - self.velocity_m_s) * _VELOCITY_GAIN
        strength = float(np.linalg.norm(pull))
        if strength > _ACCEL_M_S2:
            pull = pull * (_ACCEL_M_S2 / strength)
        pull[:2] += _GUST_PUSH * self._gust
        self.velocity_m_s = self.velocity_m_s + pull * dt
        self.position_m = self.position_m + self.velocity_m_s * dt
        self.min_clearance_m = min(self.min_clearance_m, self.clearance_m())
        airspeed = float(np.hypot(*(self.velocity_m_s[:2] - self._mean_wind() - self._gust)))
        cost = 1.0 + _HOVER_WIND_COST * min(airspeed / _CRUISE_M_S, 2.0) ** 2
        self.battery_pct = max(0.0, self.battery_pct - 100.0 * dt * cost / (self.spec.battery_minutes * 60.0))

    def in_ship_m(self) -> Float:
        """(3,) true place in the frame of the ship as it lies now."""
        origin = self.spec.ship.frame.to_enu(self.ship.origin)
        return np.asarray(self.ship.from_enu(self.position_m - origin, self.spec.hull.geometry.draught_m)[0])

    def clearance_m(self) -> float:
        """True distance to the hull's surface (to the nearest of points 1.5 m apart)."""
        return float(np.sqrt(np.min(np.sum((self._hull_points - self.in_ship_m()) ** 2, axis=1))))

    def _drift(self, dt: float) -> None:
        spread = max(self.spec.wind.gust_m_s - self.spec.wind.speed_m_s, 0.0) / 2.0
        decay = dt / _GUST_TIME_S
        self._gust = self._gust * (1 - decay) + spread * math.sqrt(2 * decay) * self._rng.standard_normal(2)
        decay = dt / _GNSS_TIME_S
        sigma = np.array([0.03, 0.03, 0.05])
        self._gnss_error = self._gnss_error * (1 - decay) + sigma * math.sqrt(2 * decay) * self._rng.standard_normal(3)
