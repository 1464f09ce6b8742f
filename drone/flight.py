"""Owns the flight: the written state machine, pre-flight, the watch over separation while flying, abort and coming home.

Never plans and never encodes MAVLink. One path sends motion: `fly`, with the gate's permit.

    PLAN -> PREFLIGHT -> ARMED -> FLYING -> HOME -> (PREFLIGHT for the next sortie)
              |            |         |
              +------------+---------+--> ABORTING -> HOME
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import numpy as np

from core.clock import Clock
from core.errors import Refused, Unfinished
from core.geo import Float, LonLat
from core.hullform import HullForm
from core.logs import get
from core.ship import Side
from drone.gate import Board, GateFacts, evaluate
from drone.link import Link
from drone.logbook import fill_photo_gaps
from drone.mission import Command, MissionType, fence_items, mission_hash, mission_items
from drone.model import Plan, Sortie, Wind
from drone.packs import Limits
from drone.planner import Wishes, plan_frame
from drone.vehicle import Mode, PhotoFeedback

log = get("drone")

_READY_S = 90.0
_TICK_S = 0.2
_SLOW_FACTOR = 3.0
_BACK_OFF_S = 15.0
_HOME_S = 300.0


class Stage(StrEnum):
    PLAN = "plan"
    PREFLIGHT = "preflight"
    ARMED = "armed"
    FLYING = "flying"
    ABORTING = "aborting"
    HOME = "home"


TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    Stage.PLAN: frozenset({Stage.PREFLIGHT}),
    Stage.PREFLIGHT: frozenset({Stage.ARMED}),
    Stage.ARMED: frozenset({Stage.FLYING, Stage.ABORTING}),
    Stage.FLYING: frozenset({Stage.ABORTING, Stage.HOME}),
    Stage.ABORTING: frozenset({Stage.HOME}),
    Stage.HOME: frozenset({Stage.PREFLIGHT}),
}


@dataclass(frozen=True, slots=True)
class FlightProgress:
    """What the operator sees while it flies; None = not known yet."""

    stage: Stage
    sortie: int
    sorties: int
    photos: int
    photos_planned: int
    separation_m: float | None
    battery_pct: float | None


@dataclass(frozen=True, slots=True)
class FlightResult:
    """What a flight leaves: feedback of every survey photo, the board, the log. Times are of the flight's clock."""

    photos: tuple[PhotoFeedback, ...]
    boards: tuple[Board, ...]
    started_at: datetime
    ended_at: datetime
    min_separation_m: float
    mission_hashes: tuple[str, ...]
    tlog: Path
    vehicle_texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """What the flight asks about the outside: is the ship still moored, does the operator want to stop, where photos go."""

    moored: Callable[[], bool | None]
    abort: Callable[[], bool]
    disk: Path
    wind: Callable[[], Wind | None] = lambda: None  # a wind report that overrides the vehicle's own estimate


@dataclass(slots=True)
class _Flight:
    plan: Plan
    link: Link
    clock: Clock
    wishes: Wishes
    limits: Limits
    watch: Watch
    on_progress: Callable[[FlightProgress], None]
    stage: Stage = Stage.PLAN
    sortie: int = 0
    separation_m: float | None = None
    min_separation_m: float = np.inf
    came_home_by_itself: bool = False
    boards: list[Board] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    test_shots: set[int] = field(default_factory=set)
    _hull_points: Float = field(init=False)

    def __post_init__(self) -> None:
        geometry = self.plan.ship.geometry.geometry()
        hull = HullForm(geometry)
        sides: list[Side] = ["port", "starboard", "stern"]
        pose = self.plan.ship.pose
        if pose is None:
            raise Refused("drone.plan.refused", reasons="no ship pose")
        points = np.concatenate([hull.patches(side, 0.1, 1.0)[0] for side in sides])
        self._hull_points = pose.pose().to_enu(points, geometry.draught_m)

    # --- stages ----------------------------------------------------------------------------------------------------

    def enter(self, stage: Stage) -> None:
        if stage not in TRANSITIONS[self.stage]:
            raise ValueError(f"no way from {self.stage} to {stage}")
        self.stage = stage
        log.info("stage", stage=stage.value, sortie=self.sortie)
        self.report()

    def report(self) -> None:
        telemetry = self.link.telemetry
        self.on_progress(
            FlightProgress(
                self.stage,
                self.sortie + 1,
                len(self.plan.sorties),
                len(telemetry.photos.keys() - self.test_shots),
                self.plan.trigger_count,
                self.separation_m,
                telemetry.battery_pct,
            )
        )

    def run(self) -> None:
        for index, sortie in enumerate(self.plan.sorties):
            self.sortie = index
            self.enter(Stage.PREFLIGHT)
            board = self.preflight(sortie)
            permit = board.permit()
            if self.watch.abort():
                raise Unfinished("drone.flight.aborted", reason="operator")
            self.link.arm(permit)
            self.enter(Stage.ARMED)
            self.link.start_mission(permit)
            self.enter(Stage.FLYING)
            reason = self.watch_flight(sortie)
            if reason:
                self.abort(reason)
                raise Unfinished("drone.flight.aborted", reason=reason)
            if self.came_home_by_itself:
                self.enter(Stage.ABORTING)
                self.enter(Stage.HOME)
                raise Unfinished("drone.flight.aborted", reason=self.link.telemetry.last_text("failsafe") or "autopilot")
            self.enter(Stage.HOME)
            fill_photo_gaps(self.link, photos_taken=max(self.link.telemetry.photos, default=0))

    def preflight(self, sortie: Sortie) -> Board:
        link, plan = self.link, self.plan
        for name, value in self.limits.vehicle_parameters:
            link.set_parameter(name, value)
        link.set_parameter("RTL_ALT", plan.return_altitude_m * 100.0)
        mission, fence = mission_items(plan, sortie), fence_items(plan, self.limits)
        link.upload(fence, MissionType.FENCE)
        link.upload(mission, MissionType.MISSION)
        planned = mission_hash(mission, fence)
        self.hashes.append(planned)
        needed = 100.0 * (sortie.time_s / (self.wishes.battery_minutes * 60.0) + self.wishes.battery_reserve)

        def ready() -> bool:
            t = link.telemetry
            known = None not in {t.battery_pct, t.gps_fix, t.wind_speed_m_s} and t.position_at is not None
            return known and t.prearm_ok and (t.battery_pct or 0.0) >= min(needed, 100.0)

        link.wait(ready, _READY_S)
        shot = self.test_shot()
        self.boards.append(evaluate(self.facts(sortie, planned, shot), plan, self.wishes, self.limits, link.degraded_s))
        return self.boards[-1]

    def test_shot(self) -> bool:
        """One photo on the ground: a camera that does not report photos is found before the flight, not after."""
        before = set(self.link.telemetry.photos)
        self.link.command(Command.DO_DIGICAM_CONTROL, 0.0, 0.0, 0.0, 0.0, 1.0)
        seen = self.link.wait(lambda: self.link.telemetry.photos.keys() != before, self.limits.monitor.test_shot_wait_s)
        self.test_shots |= self.link.telemetry.photos.keys() - before
        return seen

    def facts(self, sortie: Sortie, planned: str, shot: bool) -> GateFacts:  # noqa: FBT001 - a fact
        t, pose = self.link.telemetry, self.plan.ship.pose
        loaded = self.link.verified.get(MissionType.MISSION, [])
        loaded_fence = self.link.verified.get(MissionType.FENCE, [])
        wind = self.watch.wind()
        if wind is None and t.wind_speed_m_s is not None:
            wind = Wind(t.wind_speed_m_s, t.wind_gust_m_s, t.wind_from_deg)
        return GateFacts(
            link_age_s=self.link.heartbeat_age_s,
            identity_ok=self.link.identity_ok,
            identity=str(self.link.identity),
            fence_confirmed=bool(loaded_fence),
            planned_hash=planned,
            loaded_hash=mission_hash(loaded, loaded_fence) if loaded else None,
            parameters_confirmed=all(self.link.parameter(name) == value for name, value in self.limits.vehicle_parameters),
            test_shot_received=shot,
            prearm_ok=t.prearm_ok,
            prearm_text=t.last_text("prearm"),
            battery_pct=t.battery_pct,
            gps_fix=t.gps_fix,
            satellites=t.satellites,
            hdop=t.hdop,
            wind=wind,
            pose_age_s=(self.clock.now() - pose.at_utc).total_seconds() if pose else None,
            ship_moored=self.watch.moored(),
            free_disk_mb=shutil.disk_usage(self.watch.disk).free / 1e6,
            sortie_time_s=sortie.time_s,
        )

    # --- in the air ------------------------------------------------------------------------------------------------

    def watch_flight(self, sortie: Sortie) -> str:
        """Until the vehicle is down and disarmed; returns why to abort, or nothing."""
        end = self.clock.monotonic() + _SLOW_FACTOR * sortie.time_s + _READY_S
        self.link.wait(lambda: self.link.telemetry.armed, 5.0)
        while self.link.telemetry.armed:
            self.link.wait(lambda: False, _TICK_S)
            self.measure()
            self.report()
            if self.link.telemetry.custom_mode != Mode.AUTO:
                # A failsafe of the autopilot: it comes home by its own rules, and we do not steer against it.
                self.came_home_by_itself = True
                self.link.wait(lambda: not self.link.telemetry.armed, _HOME_S)
                return ""
            reason = self.reason_to_abort()
            if reason:
                return reason
            if self.clock.monotonic() > end:
                return "too slow"
        return ""

    def measure(self) -> None:
        t = self.link.telemetry
        if t.lonlat is None:
            return
        here = plan_frame(self.plan).to_enu(t.lonlat, t.alt_rel_m + self.plan.home_lonlat_alt[2])
        self.separation_m = float(np.sqrt(np.min(np.sum((self._hull_points - here) ** 2, axis=1))))
        self.min_separation_m = min(self.min_separation_m, self.separation_m)

    def reason_to_abort(self) -> str:
        t, rules = self.link.telemetry, self.limits.monitor
        if self.watch.abort():
            return "operator"
        if t.position_at is None or self.clock.monotonic() - t.position_at > rules.telemetry_age_s:
            return "no position"
        if self.separation_m is not None and self.separation_m < self.plan.safety_distance_m - rules.separation_slack_m:
            return f"separation {self.separation_m:.1f} m"
        if t.battery_pct is not None and t.battery_pct < rules.battery_abort_pct:
            return f"battery {t.battery_pct:.0f} %"
        return "ship not moored" if self.watch.moored() is False else ""

    def abort(self, reason: str) -> None:
        """BRAKE, back off from the hull, return. Each step is tried even if the one before was not answered."""
        log.warning("abort", reason=reason)
        self.enter(Stage.ABORTING)
        self.link.brake()
        t = self.link.telemetry
        if t.lonlat is not None and not t.landed:
            place = self.away_from_hull(t.lonlat, t.alt_rel_m)
            if self.link.back_off_to(place, t.alt_rel_m):
                start = plan_frame(self.plan).to_enu(t.lonlat)
                far = 0.8 * self.limits.monitor.back_off_m
                self.link.wait(lambda: self.moved_m(start) >= far or not t.armed, _BACK_OFF_S)
        if not self.link.return_home():
            self.link.land()
        self.link.wait(lambda: not t.armed, _HOME_S)
        self.enter(Stage.HOME)

    def moved_m(self, start: Float) -> float:
        here = self.link.telemetry.lonlat
        return float(np.linalg.norm(plan_frame(self.plan).to_enu(here) - start)) if here else 0.0

    def away_from_hull(self, here: LonLat, alt_m: float) -> LonLat:
        """The place `back_off_m` farther from the nearest point of the hull, level."""
        frame = plan_frame(self.plan)
        point = frame.to_enu(here, alt_m + self.plan.home_lonlat_alt[2])
        nearest = self._hull_points[int(np.argmin(np.sum((self._hull_points - point) ** 2, axis=1)))]
        away = (point - nearest)[:2]
        return frame.to_lonlat(point[:2] + away / max(float(np.linalg.norm(away)), 1e-6) * self.limits.monitor.back_off_m)


def fly(
    plan: Plan,
    link: Link,
    wishes: Wishes,
    limits: Limits,
    watch: Watch,
    on_progress: Callable[[FlightProgress], None] = lambda _: None,
    *,
    connect_s: float = 30.0,
) -> FlightResult:
    """Fly every sortie of a plan over a link; starts nothing itself. All time is the link's clock.

    Raises:
        Refused: the plan has refusals, the gate says no-go, the vehicle refuses (with its own sentence) or is not ours.
        Unfinished: `drone.flight.aborted`; the vehicle is back, a new run flies again.
        EnvironmentFault: the link is lost (the vehicle comes home by itself) or was never there.
    """
    if plan.refusals or not plan.sorties:
        raise Refused("drone.plan.refused", reasons=", ".join(refusal.code for refusal in plan.refusals) or "no path")
    started = link.clock.now()
    link.connect(connect_s)
    flight = _Flight(plan, link, link.clock, wishes, limits, watch, on_progress)
    flight.run()
    photos = sorted(link.telemetry.photos.items())
    return FlightResult(
        photos=tuple(photo for index, photo in photos if index not in flight.test_shots),
        boards=tuple(flight.boards),
        started_at=started,
        ended_at=link.clock.now(),
        min_separation_m=round(flight.min_separation_m, 2),
        mission_hashes=tuple(flight.hashes),
        tlog=link.tlog.path,
        vehicle_texts=tuple(text.text for text in link.telemetry.texts),
    )
