"""Owns flying in virtual time: a clock whose sleep ticks the simulated vehicle, so that link and vehicle share one time.

Never waits for the wall.
"""

from __future__ import annotations

from datetime import datetime

from core.clock import ManualClock
from drone.sim.beacon import SimBeacon
from drone.sim.vehicle import TICK_S, SimVehicle


class LockstepClock(ManualClock):
    """Sleeping advances the time in ticks and ticks every vehicle and beacon that joined."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._vehicles: list[SimVehicle] = []
        self._beacons: list[SimBeacon] = []

    def join(self, vehicle: SimVehicle) -> None:
        self._vehicles.append(vehicle)

    def join_beacon(self, beacon: SimBeacon) -> None:
        self._beacons.append(beacon)

    def leave(self, vehicle: SimVehicle) -> None:
        """The vehicle falls silent, as if its process had been killed."""
        self._vehicles.remove(vehicle)

    def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        while self.monotonic() < end - 1e-9:
            step = min(TICK_S, end - self.monotonic())
            self.advance(step)
            for beacon in self._beacons:
                beacon.tick(step)
            for vehicle in self._vehicles:
                while vehicle.now + TICK_S <= self.monotonic() + 1e-9:
                    vehicle.tick()
