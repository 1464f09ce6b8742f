"""Owns the flight: its stages, pre-flight, the watch while flying, abort and coming home.

Never plans and never encodes MAVLink. One path sends motion: `fly`, with the gate's permit and the operator's lease. The
stages, what may follow which, and every failsafe are data: config/drone/states.toml.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np

from core.clock import Clock
from core.errors import Refused, Unfinished
from core.geo import Float, LonLat
from core.hullform import HullForm
from core.logs import get
from core.ship import Side
from drone.gate import Board, GateFacts, GateItem, Override, evaluate
from drone.guard import StandoffGuard, battery_reason, expected_range_m, inside_polygon
from drone.lease import Lease
from drone.link import Link
from drone.logbook import fill_photo_gaps
from drone.mission import Command, MissionType, Progress, fence_items, mission_hash, mission_items, progress_table, rally_items
from drone.model import Plan, Sortie, Wind
from drone.packs import Limits, paper_rules, transitions
from drone.papers import Papers, judge
from drone.planner import Wishes, plan_frame
from drone.vehicle import PhotoFeedback, SimulatorOnly

log = get("drone")

_READY_S = 90.0
_TICK_S = 0.2
_BACK_OFF_S = 15.0
_HOME_S = 300.0
_WARNING, _SAID_S = 4, 5.0  # MAV_SEVERITY_WARNING; a mode change and its sentence come together


class Stage(StrEnum):
    PLAN = "plan"
    PREFLIGHT = "preflight"
    ARMED = "armed"
    FLYING = "flying"
    OBSERVING = "observing"
    ABORTING = "aborting"
    HOME = "home"


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
    overrides: tuple[Override, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """What the flight asks about the outside: is the ship still moored, does the operator want to stop, where photos go."""

    moored: Callable[[], bool | None]
    abort: Callable[[], bool]
    disk: Path
    wind: Callable[[], Wind | None] = lambda: None  # a wind report that overrides the vehicle's own estimate
    operator: str = "operator"
    retake: Callable[[], str] = lambda: ""  # the name of an operator who takes an ended lease again
    papers: Papers | None = None  # asked for before a real vehicle takes off
    overrides: tuple[Override, ...] = ()


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
    lease: Lease = field(init=False)
    guard: StandoffGuard = field(init=False)
    progress: dict[int, Progress] = field(default_factory=dict)
    photos_before: int = 0
    _windy_since: float | None = None
    _gimbal_since: float | None = None
    boards: list[Board] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    test_shots: set[int] = field(default_factory=set)
    _hull: HullForm = field(init=False)
    _hull_points: Float = field(init=False)

    def __post_init__(self) -> None:
        self.lease = Lease(self.watch.operator)
        self.guard = StandoffGuard(self.limits.monitor)
        geometry = self.plan.ship.geometry.geometry()
        self._hull = hull = HullForm(geometry)
        sides: list[Side] = ["port", "starboard", "stern"]
        pose = self.plan.ship.pose
        if pose is None:
            raise Refused("drone.plan.refused", reasons="no ship pose")
        points = np.concatenate([hull.patches(side, 0.1, 1.0)[0] for side in sides])
        self._hull_points = pose.pose().to_enu(points, geometry.draught_m)

    # --- stages ----------------------------------------------------------------------------------------------------

    def enter(self, stage: Stage) -> None:
        if stage.value not in transitions()[self.stage.value]:
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
            permit = board.permit(self.lease)
            if self.watch.abort():
                raise Unfinished("drone.flight.aborted", reason="operator")
            self.link.arm(permit)
            self.enter(Stage.ARMED)
            self.photos_before = max(self.link.telemetry.photos, default=0)
            self.link.start_mission(permit)
            self.enter(Stage.FLYING)
            reason = self.watch_flight(sortie)
            if reason:
                self.abort(reason)
                raise Unfinished("drone.flight.aborted", reason=reason)
            if not self.lease.active:
                ended, since = self.lease.ended, self.clock.monotonic() - _SAID_S
                self.observe(sortie)
                raise Unfinished("drone.flight.aborted", reason="; ".join([ended, *self.warnings(since)]))
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
        link.upload(rally_items(plan), MissionType.RALLY)
        self.progress = progress_table(mission)
        planned = mission_hash(mission, fence)
        self.hashes.append(planned)
        needed = 100.0 * (sortie.time_s / (self.wishes.battery_minutes * 60.0) + self.wishes.battery_reserve)

        def ready() -> bool:
            t = link.telemetry
            known = None not in {t.battery_pct, t.gps_fix, t.wind_speed_m_s} and t.position_at is not None
            return known and t.prearm_ok and (t.battery_pct or 0.0) >= min(needed, 100.0)

        link.wait(ready, _READY_S)
        shot = self.test_shot()
        gimbal = self.test_gimbal()
        board = evaluate(self.facts(sortie, planned, shot, gimbal), plan, self.wishes, self.limits, link.degraded_s)
        self.boards.append(board.overridden(self.watch.overrides, paper_rules().may_override))
        return self.boards[-1]

    def papers(self, sortie: Sortie) -> tuple[GateItem, ...] | None:
        """The lines about papers; None for a simulated vehicle, which needs none."""
        if self.link.identity is None or SimulatorOnly().accepts(self.link.identity):
            return None
        start = self.clock.now()
        end = start + timedelta(seconds=sortie.time_s)
        guessed = tuple(self.plan.ship.geometry.estimated)
        return tuple(judge(self.watch.papers or Papers(), start, end, self.plan.return_altitude_m, paper_rules(), guessed))

    def test_shot(self) -> bool:
        """One photo on the ground: a camera that does not report photos is found before the flight, not after."""
        before = set(self.link.telemetry.photos)
        self.link.command(Command.DO_DIGICAM_CONTROL, 0.0, 0.0, 0.0, 0.0, 1.0)
        seen = self.link.wait(lambda: self.link.telemetry.photos.keys() != before, self.limits.monitor.test_shot_wait_s)
        self.test_shots |= self.link.telemetry.photos.keys() - before
        return seen

    def test_gimbal(self) -> bool:
        """Take the gimbal and see that it follows, on the ground."""
        rules = self.limits.monitor
        self.link.take_gimbal()
        return self.gimbal_reaches(rules.test_gimbal_deg) and self.gimbal_reaches(0.0)

    def gimbal_reaches(self, pitch_deg: float) -> bool:
        rules, t = self.limits.monitor, self.link.telemetry

        def near() -> bool:
            return t.gimbal_pitch_deg is not None and abs(t.gimbal_pitch_deg - pitch_deg) < rules.gimbal_off_deg / 2.0

        self.link.command(Command.DO_GIMBAL_MANAGER_PITCHYAW, pitch_deg)
        return self.link.wait(near, rules.test_shot_wait_s)

    def facts(self, sortie: Sortie, planned: str, shot: bool, gimbal: bool) -> GateFacts:  # noqa: FBT001 - facts
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
            gimbal_follows=gimbal,
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
            rally_confirmed=bool(self.link.verified.get(MissionType.RALLY)),
            other_station=self.recent(t.other_station_at, self.limits.monitor.other_station_s),
            range_heard=self.recent(t.range_at, self.limits.monitor.telemetry_age_s),
            papers=self.papers(sortie),
        )

    def recent(self, at_s: float | None, age_s: float) -> bool:
        return at_s is not None and self.clock.monotonic() - at_s <= age_s

    # --- in the air ------------------------------------------------------------------------------------------------

    def watch_flight(self, sortie: Sortie) -> str:
        """Until the vehicle is down and disarmed or our lease has ended; returns why to abort, or nothing."""
        end = self.clock.monotonic() + self.limits.monitor.slow_factor * sortie.time_s + _READY_S
        self.link.wait(lambda: self.link.telemetry.armed, 5.0)
        while self.link.telemetry.armed and self.lease.active:
            self.link.wait(self.watch.abort, _TICK_S)
            self.measure()
            self.report()
            if not self.lease.active:
                break
            reason = self.reason_to_abort()
            if reason:
                return reason
            if self.clock.monotonic() > end:
                return "too slow"
        return ""

    def warnings(self, since_s: float) -> list[str]:
        """What the autopilot itself gave as its reasons."""
        texts = self.link.telemetry.texts
        return list(dict.fromkeys(text.text for text in texts if text.severity <= _WARNING and text.at_s >= since_s))

    def observe(self, sortie: Sortie) -> None:
        """Our lease has ended: send nothing that moves until the vehicle is down, or an operator takes it again and aborts."""
        log.warning("lease ended", reason=self.lease.ended)
        self.enter(Stage.OBSERVING)
        end = self.clock.monotonic() + self.limits.monitor.slow_factor * sortie.time_s + _HOME_S
        while self.link.telemetry.armed and self.clock.monotonic() < end:
            self.link.wait(lambda: False, _TICK_S)
            self.measure()
            self.report()
            name = self.watch.retake()
            if name:
                self.lease = self.link.lease = Lease(name)
                self.abort(f"taken again by {name}")
                return
        self.enter(Stage.HOME)

    def here(self) -> Float | None:
        t = self.link.telemetry
        if t.lonlat is None:
            return None
        return plan_frame(self.plan).to_enu(t.lonlat, t.alt_rel_m + self.plan.home_lonlat_alt[2])

    def measure(self) -> None:
        here = self.here()
        if here is not None:
            self.separation_m = float(np.sqrt(np.min(np.sum((self._hull_points - here) ** 2, axis=1))))
            self.min_separation_m = min(self.min_separation_m, self.separation_m)

    def reason_to_abort(self) -> str:
        """The first reason, most urgent first."""
        t, rules = self.link.telemetry, self.limits.monitor
        if self.watch.abort():
            return "operator"
        here = self.here()
        if here is None or not self.recent(t.position_at, rules.telemetry_age_s):
            return "no position"
        if self.separation_m is not None and self.separation_m < self.plan.safety_distance_m - rules.separation_slack_m:
            return f"separation {self.separation_m:.1f} m"
        if any(inside_polygon(here[:2], np.array(zone.points_enu_m)) for zone in self.plan.exclusion_polygons):
            return "inside an exclusion"
        away = float(np.linalg.norm(here[:2] - plan_frame(self.plan).to_enu(LonLat(*self.plan.home_lonlat_alt[:2]))[:2]))
        return (
            self.shifted(here)
            or battery_reason(t.battery_pct, away, t.alt_rel_m, self.wishes.battery_minutes, rules)
            or self.windy()
            or self.camera_or_gimbal()
            or ("second ground station" if self.recent(t.other_station_at, rules.other_station_s) else "")
            or ("ship not moored" if self.watch.moored() is False else "")
        )

    def shifted(self, here: Float) -> str:
        """What the range sensor says against the position; only where it was heard before take-off.

        Each reading is held against where the vehicle was at that moment by the vehicle's own clock: messages arrive in
        bunches, and a turn of half a second changes the distance more than a shift would.
        """
        t, rules = self.link.telemetry, self.limits.monitor
        if t.range_at is None or self.plan.ship.pose is None:
            return ""
        silent_s = self.clock.monotonic() - t.range_at
        if silent_s > rules.range_blind_s:
            at = self._expected(here, t.heading_deg, t.gimbal_pitch_deg or 0.0)
            return "" if at is None else f"range sensor blind for {silent_s:.0f} s"
        while t.ranges:
            boot_s, measured = t.ranges[0]
            placed, pitch = t.placed_at(boot_s), t.pitch_at(boot_s)
            if placed is None and t.track and t.track[-1].boot_s < boot_s:
                break  # its position is still on the way
            t.ranges.popleft()
            if placed is None:
                continue
            where = plan_frame(self.plan).to_enu(placed.lonlat, placed.alt_rel_m + self.plan.home_lonlat_alt[2])
            angle = pitch if pitch is not None else t.gimbal_pitch_deg or 0.0
            if reason := self.guard.see(boot_s, self._expected(where, placed.heading_deg, angle), measured):
                return reason
        return ""

    def _expected(self, where: Float, heading_deg: float, pitch_deg: float) -> float | None:
        pose, reach_m = self.plan.ship.pose, self.limits.monitor.range_reach_m
        return None if pose is None else expected_range_m(self._hull, pose.pose(), where, heading_deg, pitch_deg, reach_m)

    def windy(self) -> str:
        t, now = self.link.telemetry, self.clock.monotonic()
        if t.wind_speed_m_s is None or t.wind_speed_m_s <= self.wishes.max_wind_m_s:
            self._windy_since = None
            return ""
        self._windy_since = now if self._windy_since is None else self._windy_since
        return f"wind {t.wind_speed_m_s:.1f} m/s" if now - self._windy_since >= self.limits.monitor.wind_hold_s else ""

    def camera_or_gimbal(self) -> str:
        """A camera that has fallen silent or a gimbal that does not follow: the rest of the flight would be for nothing."""
        t, rules, now = self.link.telemetry, self.limits.monitor, self.clock.monotonic()
        due = self.progress.get(t.mission_seq)
        if due is None:
            return ""
        taken = max(t.photos, default=0) - self.photos_before
        if taken < due.photos - rules.photo_slack:
            return f"camera silent: {taken} of {due.photos} photos"
        stuck = t.gimbal_pitch_deg is not None and abs(t.gimbal_pitch_deg - due.gimbal_pitch_deg) > rules.gimbal_off_deg
        if not stuck:
            self._gimbal_since = None
        elif self._gimbal_since is None:
            self._gimbal_since = now
        return "gimbal stuck" if self._gimbal_since is not None and now - self._gimbal_since >= rules.gimbal_hold_s else ""

    def abort(self, reason: str) -> None:
        """BRAKE, back off from the hull, return. Each step is tried even if the one before was not answered."""
        log.warning("abort", reason=reason)
        self.enter(Stage.ABORTING)
        self.link.brake()
        t = self.link.telemetry
        if t.lonlat is not None and not t.landed and self.recent(t.position_at, self.limits.monitor.telemetry_age_s):
            place = self.away_from_hull(t.lonlat, t.alt_rel_m)
            if self.link.back_off_to(place, t.alt_rel_m):
                start = plan_frame(self.plan).to_enu(t.lonlat)
                far = 0.8 * self.limits.monitor.back_off_m
                self.link.wait(lambda: self.moved_m(start) >= far or not t.armed, _BACK_OFF_S)
        if not self.link.return_home():
            self.link.land()
        self.link.wait(lambda: not t.armed, _HOME_S)
        if t.armed and not self.lease.active:
            self.enter(Stage.OBSERVING)
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
        overrides=tuple(override for board in flight.boards for override in board.overrides),
    )
