"""Owns the simulated position beacon on the ship: a receiver with two antennas that tells place and heading over MAVLink.

Never knows the drone. SIMULATED: its system id is the beacon's of `drone.beacon`; it says so in a STATUSTEXT.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mav

from drone.beacon import BEACON_SYSTEM
from drone.codec import Codec
from drone.sim.world import WorldSpec
from drone.transport import Transport

_PLACE_M, _HEADING_DEG = 0.02, 0.05  # one sigma of an RTK receiver with antennas 2 m apart (makers' figures)


@dataclass(slots=True)
class SimBeacon:
    """Tick it beside the vehicle. `silent_from_s` = when it falls silent."""

    spec: WorldSpec
    transport: Transport
    start: datetime
    antenna_m: tuple[float, float] = (10.0, 0.0)
    rate_hz: float = 2.0
    silent_from_s: float = float("inf")
    now: float = 0.0
    _due: float = 0.0
    _told: float = -60.0
    _codec: Codec = field(init=False, repr=False)
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._codec = Codec(BEACON_SYSTEM, 1, lambda: self.start + timedelta(seconds=self.now))
        self._rng = np.random.default_rng(self.spec.seed + 1)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        if self.now + 1e-9 < self._due or self.now >= self.silent_from_s:
            return
        self._due += 1.0 / self.rate_hz
        if self.now - self._told >= 30.0:
            self._told = self.now
            self.transport.send(self._codec.encode(mav.MAVLink_statustext_message(6, b"SIMULATED ship beacon")))
        ship = self.spec.ship_at(self.now)
        antenna = ship.ship_to_enu @ np.array([*self.antenna_m, 0.0]) + [*self._rng.normal(0.0, _PLACE_M, 2), 0.0]
        place = ship.frame.to_lonlat(antenna)
        heading = (ship.heading_deg_true + self._rng.normal(0.0, _HEADING_DEG)) % 360.0
        boot_ms = round(self.now * 1000)
        at = self.start + timedelta(seconds=self.now)
        self.transport.send(self._codec.encode(mav.MAVLink_system_time_message(round(at.timestamp() * 1e6), boot_ms)))
        self.transport.send(
            self._codec.encode(
                mav.MAVLink_global_position_int_message(
                    boot_ms, round(place.lat * 1e7), round(place.lon * 1e7), 0, 0, 0, 0, 0, round(heading * 100) % 36000
                )
            )
        )
