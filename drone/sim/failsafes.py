"""Owns the simulated autopilot's failsafes as ArduCopter's were measured (drone spec, section 2c), and its receiver's glitches.

Never flies: it changes the mode and says the autopilot's own sentence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from drone.guard import inside_polygon
from drone.mission import Command, MissionItem, MissionType
from drone.vehicle import Mode

if TYPE_CHECKING:
    from drone.sim.autopilot import Autopilot

_RC_S, _EKF_S = 1.0, 8.0  # from the loss to the reaction
_FENCE_S = 0.2  # from the breach to the reaction: with the braking after it 2.1 m at 2 m/s, 6.4 m at 5 m/s
_GLITCH_SEEN_S, _GLITCH_TAKEN_S = 1.2, 20.0
_GLITCH_GATE_M = 6.0  # what the estimator takes at once, without a word
_GLITCH_SLEW_M_S = 10.0
_LOW_PCT = 15.0
_CONTINUE_AUTO = 2  # bit of FS_OPTIONS: a lost ground station does not end AUTO
_ALT_HOLD_ACTION = 2  # of FS_EKF_ACTION


@dataclass(slots=True)
class Failsafes:
    """Of one autopilot; both are stepped with simulated time."""

    pilot: Autopilot
    breached: bool = False
    _since: dict[str, float] = field(default_factory=dict)
    _continued: bool = False
    _fence_of: list[MissionItem] | None = None
    _fence: list[tuple[int, list[tuple[float, float]]]] = field(default_factory=list)

    def receive_gnss(self, dt: float) -> None:
        """A shifted receiver: a small shift is taken at once and in silence, a large one refused for 20 s, then taken."""
        body, p = self.pilot.body, self.pilot.parameters
        per_degree = 111_194.9
        north, east = (p[f"SIM_GPS1_GLTCH_{axis}"] * per_degree for axis in "XY")
        wanted = np.array([east * math.cos(math.radians(body.spec.home.lat)), north, 0.0])
        gap = wanted - body.gnss_shift_m
        size = float(np.linalg.norm(gap))
        if size < 1e-9:
            self._since.pop("glitch", None)
            return
        now = self.pilot.now
        if size > _GLITCH_GATE_M or "glitch" in self._since:
            started = self._since.setdefault("glitch", now)
            if started + _GLITCH_SEEN_S <= now < started + _GLITCH_SEEN_S + dt:
                self.pilot.say(3, "GPS Glitch or Compass error")
            if now - started < _GLITCH_TAKEN_S:
                return
            self.pilot.say(5, "Glitch cleared")
            self._since.pop("glitch")
            body.gnss_shift_m = wanted
            return
        body.gnss_shift_m = body.gnss_shift_m + gap * min(1.0, _GLITCH_SLEW_M_S * dt / size)

    def _held(self, name: str, seconds: float, *, true: bool) -> bool:
        """True once the condition has held for so long."""
        if not true:
            self._since.pop(name, None)
            return False
        return self.pilot.now - self._since.setdefault(name, self.pilot.now) >= seconds

    def act(self) -> None:
        """Look at every trigger; the first that holds decides."""
        pilot, p = self.pilot, self.pilot.parameters
        flying = not pilot.body.on_ground
        blind = Mode.ALT_HOLD if p["FS_EKF_ACTION"] == _ALT_HOLD_ACTION else Mode.LAND
        if self._held("ekf", _EKF_S, true=not pilot.position_ok and flying) and pilot.mode not in {Mode.LAND, blind}:
            pilot.say(2, "EKF Failsafe")
            pilot.set_mode(blind)
        coming_home = pilot.mode in {Mode.RTL, Mode.LAND, Mode.SMART_RTL, Mode.ALT_HOLD}
        battery = self._held("battery", p["BATT_LOW_TIMER"], true=self._low and p["BATT_FS_LOW_ACT"] > 0)
        radio = self._held("radio", _RC_S, true=p["SIM_RC_FAIL"] > 0 and p["FS_THR_ENABLE"] > 0)
        fence = self._held("fence", _FENCE_S, true=flying and self._outside() and not self.breached)
        silent = self._silent()
        if coming_home or not flying:
            return
        self.breached = self.breached or fence
        reasons = ((silent, "GCS Failsafe"), (battery, "Battery 1 is low"), (radio, "Radio Failsafe"))
        for sentence in [text for holds, text in (*reasons, (fence, "Polygon fence breached")) if holds][:1]:
            pilot.say(4, sentence)
            pilot.set_mode(Mode.RTL if pilot.position_ok else Mode.LAND)

    @property
    def _low(self) -> bool:
        p = self.pilot.parameters
        return self.pilot.body.battery_pct < _LOW_PCT or p["SIM_BATT_VOLTAGE"] < p["BATT_LOW_VOLT"]

    def _silent(self) -> bool:
        """The ground station has been silent for too long, and the options do not say to go on in AUTO."""
        pilot, p = self.pilot, self.pilot.parameters
        heard = pilot.gcs_heard
        if heard is None or pilot.now - heard <= p["FS_GCS_TIMEOUT"] or p["FS_GCS_ENABLE"] <= 0:
            self._continued = False
            return False
        if pilot.mode is Mode.AUTO and int(p["FS_OPTIONS"]) & _CONTINUE_AUTO:
            if not self._continued:
                self._continued = True
                pilot.say(4, "GCS Failsafe - Continuing Auto Mode")
            return False
        return True

    def _outside(self) -> bool:
        if self.pilot.parameters["FENCE_ENABLE"] <= 0:
            return False
        loaded = self.pilot.store.stored[MissionType.FENCE]
        if self._fence_of is not loaded:
            self._fence_of, self._fence = loaded, fence_polygons(loaded)
        here = self.pilot.body.measured_lonlat
        point = (here.lat * 1e7, here.lon * 1e7)
        return any(inside_polygon(point, corners) == (kind == Command.FENCE_EXCLUSION) for kind, corners in self._fence)


def fence_polygons(items: list[MissionItem]) -> list[tuple[int, list[tuple[float, float]]]]:
    """(command, corners in 1e-7 degrees latitude, longitude) of a fence list."""
    found = []
    at = 0
    while at < len(items):
        count = max(1, int(items[at].params[0]))
        corners = [(float(item.x), float(item.y)) for item in items[at : at + count]]
        found.append((items[at].command, corners))
        at += count
    return found
