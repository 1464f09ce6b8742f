"""Owns the safety scenarios: plain data (config/drone/scenarios.toml) flown against any vehicle that simulates its faults.

Never knows which simulator it is: faults are the parameters of ArduPilot's simulator or things done to the link, and the judge
reads where the vehicle truly is from SIM_STATE. Never run against an aircraft.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from core.errors import EnvironmentFault, Refused, Unfinished
from core.geo import Float, LonLat
from core.hullform import HullForm
from core.ship import Side
from drone.flight import fly
from drone.forge import Forger
from drone.guard import inside_polygon
from drone.link import Link
from drone.mission import Command
from drone.model import Plan
from drone.packs import Limits, scenarios_data
from drone.planner import plan_frame
from drone.sizing import Wishes
from drone.transport import Transport
from drone.watch import FlightProgress, Stage, Watch

Ending = Literal["completed", "aborted", "observed", "lost", "refused"]
_SIM_STATE = 108
_SETTLE_S = 400.0
_PER_DEGREE_M = 111_194.9
KEY = bytes(range(1, 33))  # of rehearsals only


class Step(BaseModel):
    """One thing that goes wrong; without `photos` before take-off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: str
    photos: int | None = None
    after_s: float = 0.0
    name: str = ""
    value: float = 0.0


class Scenario(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    steps: list[Step]
    ends: list[Ending]
    says: str = ""
    within_s: float | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, and what was wrong with it (`faults` empty = passed)."""

    scenario: str
    ending: Ending
    reason: str
    clearance_m: float
    noticed_s: float | None
    photos: int
    faults: tuple[str, ...]


def scenarios() -> tuple[list[Scenario], float]:
    """All scenarios and the least true clearance in metres."""
    data = scenarios_data()
    return [Scenario.model_validate(entry) for entry in data["scenario"]], float(data["min_clearance_m"])


@dataclass(slots=True)
class Tap:
    """A transport with a fault in it: silence, loss, frames of others."""

    inner: Transport
    seed: int
    silent_until: float = -1.0
    loss: float = 0.0
    now: Callable[[], float] = lambda: 0.0
    sent: list[bytes] = field(default_factory=list)
    injected: list[bytes] = field(default_factory=list)
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311 - loss pattern, no secret

    @property
    def direct(self) -> bool:
        return self.inner.direct

    def _dropped(self) -> bool:
        return self.now() < self.silent_until or self._rng.random() < self.loss

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        if not self._dropped():
            self.inner.send(data)

    def receive(self) -> list[bytes]:
        arrived = [data for data in self.inner.receive() if not self._dropped()]
        arrived += self.injected
        self.injected.clear()
        return arrived

    def close(self) -> None:
        self.inner.close()


@dataclass(slots=True)
class Judge:
    """Where the vehicle truly was: clearance to the hull, entries behind the quay line. Knows plan and SIM_STATE only."""

    plan: Plan
    clearance_m: float = math.inf
    behind_quay: int = 0
    seen: int = 0
    points: Float = field(init=False)

    def __post_init__(self) -> None:
        geometry = self.plan.ship.geometry.geometry()
        pose = self.plan.ship.pose
        if pose is None:
            raise Refused("drone.plan.refused", reasons="no ship pose")
        sides: list[Side] = ["port", "starboard", "stern"]
        patches = np.concatenate([HullForm(geometry).patches(side, 0.1, 1.0)[0] for side in sides])
        self.points = pose.pose().to_enu(patches, geometry.draught_m)

    def see(self, message: Any) -> None:
        self.seen += 1
        place = LonLat(message.lon_int / 1e7, message.lat_int / 1e7)
        here = plan_frame(self.plan).to_enu(place, message.alt)
        self.clearance_m = min(self.clearance_m, float(np.sqrt(np.min(np.sum((self.points - here) ** 2, axis=1)))))
        quays = [zone for zone in self.plan.exclusion_polygons if zone.kind == "quay"]
        self.behind_quay += any(inside_polygon(here, zone.points_enu_m) for zone in quays)


@dataclass(slots=True)
class _Rehearsal:
    scenario: Scenario
    plan: Plan
    link: Link
    tap: Tap
    judge: Judge
    forger: Forger
    moored: bool = True
    aborted: bool = False
    retaken: str = ""
    struck_at: float | None = None
    done: int = 0
    noticed_at: float | None = None
    _reached_at: float | None = None
    _two_stations: bool = False

    def progress(self, progress: FlightProgress) -> None:
        """Do what is due; called at every tick of the flight."""
        if progress.stage is Stage.ABORTING and self.noticed_at is None:
            self.noticed_at = self.link.clock.monotonic()
        if self._two_stations:
            self.tap.injected.append(self.forger.station_beat())
        while self.done < len(self.scenario.steps):
            step = self.scenario.steps[self.done]
            now = self.link.clock.monotonic()
            if step.photos is not None:
                if progress.photos < step.photos:
                    return
                self._reached_at = now if self._reached_at is None else self._reached_at
                if now - self._reached_at < step.after_s:
                    return
            self.done += 1
            self.struck_at = now
            self.strike(step)

    def strike(self, step: Step) -> None:
        link, tap = self.link, self.tap
        actions: dict[str, Callable[[], object]] = {
            "set": lambda: link.set_parameter(step.name, step.value),
            "mute": lambda: setattr(tap, "silent_until", link.clock.monotonic() + step.value),
            "loss": lambda: setattr(tap, "loss", step.value),
            "push_to_hull": lambda: self.push(step.value),
            "wind_to_hull": lambda: self.blow(step.value),
            "ship_moves": lambda: setattr(self, "moored", False),
            "abort": lambda: setattr(self, "aborted", True),
            "retake": lambda: setattr(self, "retaken", "second operator"),
            "second_station": lambda: setattr(self, "_two_stations", True),
            "forge": lambda: tap.inner.send(self.forger.disarm()),
            "replay": self.replay,
            "foreign_mode": lambda: tap.inner.send(self.forger.mode(int(step.value))),
            "foreign_goto": lambda: self.lead_away(step.value),
            "pose_age": lambda: None,  # done to the plan before the flight
            "skew": lambda: None,  # done before the key is handed over
        }
        actions[step.do]()

    def replay(self) -> None:
        for frame in self.tap.sent[-400:]:
            self.tap.inner.send(frame)

    def push(self, metres: float) -> None:
        """Shift the receiver so that the vehicle, believing it, moves towards the hull."""
        t = self.link.telemetry
        pose = self.plan.ship.pose
        if t.lonlat is None or pose is None:
            return
        here = plan_frame(self.plan).to_enu(t.lonlat, t.alt_rel_m)
        away = here - self.judge.points[int(np.argmin(np.sum((self.judge.points - here) ** 2, axis=1)))]
        away = away[:2] / np.linalg.norm(away[:2]) * metres
        narrow = math.cos(math.radians(t.lonlat.lat))
        self.link.set_parameter("SIM_GPS1_GLTCH_X", float(away[1]) / _PER_DEGREE_M)
        self.link.set_parameter("SIM_GPS1_GLTCH_Y", float(away[0]) / (_PER_DEGREE_M * narrow))

    def blow(self, speed: float) -> None:
        pose = self.plan.ship.pose
        heading = pose.heading_deg_true if pose else 0.0
        self.link.set_parameter("SIM_WIND_DIR", (heading + (90.0 if self.plan.ship.quay_side == "port" else 270.0)) % 360.0)
        self.link.set_parameter("SIM_WIND_SPD", speed)

    def lead_away(self, metres: float) -> None:
        """Another station takes the vehicle to a place far outside the fence, on the water side."""
        pose = self.plan.ship.pose
        if pose is None:
            return
        towards = 1.0 if self.plan.ship.quay_side == "starboard" else -1.0
        geometry = self.plan.ship.geometry
        out = np.array([[geometry.loa_m / 2.0, towards * (geometry.beam_m / 2.0 + metres), geometry.draught_m]])
        place = plan_frame(self.plan).to_lonlat(pose.pose().to_enu(out, geometry.draught_m)[0])
        self.tap.inner.send(self.forger.mode(4))
        self.tap.inner.send(self.forger.go_to(place, 20.0))


def rehearse(
    scenario: Scenario,
    plan: Plan,
    make_link: Callable[[Tap], Link],
    transport: Transport,
    wishes: Wishes,
    limits: Limits,
    folder: Path,
    *,
    seed: int = 1,
) -> Outcome:
    """Fly one scenario; `make_link` makes the link over the tapped transport. The vehicle is down before it returns."""
    tap = Tap(transport, seed)
    link = make_link(tap)
    tap.now = link.clock.monotonic
    run = _Rehearsal(scenario, _aged(plan, scenario), link, tap, Judge(plan), Forger(link.clock.now))
    with link.listening("SIM_STATE", run.judge.see):
        ending, reason = _fly(run, wishes, limits, folder)
        tap.silent_until, tap.loss = -1.0, 0.0
        down = _settle(link)
    return _verdict(run, ending, reason, down=down)


def _aged(plan: Plan, scenario: Scenario) -> Plan:
    """The plan with the ship's pose as old as the scenario says."""
    age = next((step.value for step in scenario.steps if step.do == "pose_age"), 0.0)
    if plan.ship.pose is None or not age:
        return plan
    pose = plan.ship.pose.model_copy(update={"at_utc": plan.ship.pose.at_utc - timedelta(seconds=age)})
    return plan.model_copy(update={"ship": plan.ship.model_copy(update={"pose": pose})})


def _fly(run: _Rehearsal, wishes: Wishes, limits: Limits, folder: Path) -> tuple[Ending, str]:
    link = run.link
    watch = Watch(lambda: run.moored, lambda: run.aborted, folder, retake=lambda: run.retaken, operator="rehearsal")
    try:
        link.connect(60.0)
        link.command(Command.SET_MESSAGE_INTERVAL, float(_SIM_STATE), 2e5)
        if run.scenario.signed:
            link.shift_clock(timedelta(seconds=sum(step.value for step in run.scenario.steps if step.do == "skew")))
            link.set_up_signing(KEY)
        run.progress(FlightProgress(Stage.PLAN, 1, 1, 0, 0, None, None))
        fly(run.plan, link, wishes, limits, watch, run.progress)
    except Unfinished as error:
        own = link.lease is not None and link.lease.active
        return "aborted" if own else "observed", str(error.params.get("reason", ""))
    except Refused as error:
        return "refused", str(error.params.get("reasons", error))
    except EnvironmentFault as error:
        return "lost", str(error)
    return "completed", ""


def _settle(link: Link) -> bool:
    """Wait, sending heartbeats only, until the vehicle is on the ground and disarmed."""
    end = link.clock.monotonic() + _SETTLE_S
    while link.clock.monotonic() < end:
        try:
            if link.wait(lambda: not link.telemetry.armed, _SETTLE_S):
                return True
        except EnvironmentFault:
            link.clock.sleep(1.0)
    return False


def _verdict(run: _Rehearsal, ending: Ending, reason: str, *, down: bool) -> Outcome:
    scenario, judge = run.scenario, run.judge
    noticed = None if run.noticed_at is None or run.struck_at is None else run.noticed_at - run.struck_at
    _, least = scenarios()
    checks = [
        (ending in scenario.ends, f"ended {ending}, not {'/'.join(scenario.ends)}"),
        (scenario.says.lower() in reason.lower(), f"said {reason!r}, not {scenario.says!r}"),
        (judge.seen > 0, "no SIM_STATE: nothing was judged"),
        (judge.clearance_m >= least, f"true clearance {judge.clearance_m:.1f} m"),
        (judge.behind_quay == 0, "behind the quay line"),
        (down, "not on the ground"),
        (run.link.tlog.path.stat().st_size > 0, "no log"),
        (scenario.within_s is None or (noticed is not None and noticed <= scenario.within_s), f"noticed after {noticed} s"),
    ]
    return Outcome(
        scenario=scenario.id,
        ending=ending,
        reason=reason,
        clearance_m=round(judge.clearance_m, 2),
        noticed_s=None if noticed is None else round(noticed, 2),
        photos=len(run.link.telemetry.photos),
        faults=tuple(text for good, text in checks if not good),
    )
