"""Owns the flight: its stages, the watch while flying, abort and coming home.

Never plans and never encodes MAVLink. One path sends motion: `fly`, with the gate's permit and the operator's lease. The
stages, what may follow which, and every failsafe are data: config/drone/states.toml. Everything watched is compared in the
plan's frame (`drone.whereabouts`), so that a ship that swings is watched by the same rules as one that lies still.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from core.clock import Clock
from core.errors import EnvironmentFault, Refused, Unfinished
from core.geo import Float
from core.logs import get
from drone.follow import Follower, Heights, Seen, between_home, fly_again, not_taken, way_in, way_out
from drone.gate import Board, Permit
from drone.lease import Lease
from drone.link import Link
from drone.logbook import fill_photo_gaps
from drone.mission import Command
from drone.model import Plan, Sortie
from drone.monitor import Monitor
from drone.moving import ShipLeg, moving_numbers, ship_legs
from drone.packs import Limits, transitions
from drone.payload import Payload
from drone.planner import plan_frame
from drone.preflight import Preflight
from drone.sizing import Wishes
from drone.vehicle import Mode
from drone.watch import FlightProgress, FlightResult, Stage, Watch
from drone.whereabouts import Whereabouts

log = get("drone")

_READY_S = 90.0
_TICK_S = 0.2
_BACK_OFF_S = 15.0
_HOME_S = 300.0
_WARNING, _SAID_S = 4, 5.0  # MAV_SEVERITY_WARNING; a mode change and its sentence come together
_RECORD_S = 1.6  # the record of a photo is here by then, or lost
_GIMBAL_AGAIN_S = 0.5
_AGAIN_ROUNDS = 2
_AIRBORNE_M = 2.0
PAYLOAD_FILE = "payload.json"
_SILENT_SHOTS = 8  # in a row: with one message in ten lost each way that happens once in a million


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
    lease: Lease = field(init=False)
    ground: Preflight = field(init=False)
    monitor: Monitor = field(init=False)
    payload: Payload | None = field(init=False)
    ship: Whereabouts = field(init=False)
    flown_again: int = 0
    missing: list[tuple[int, int]] = field(default_factory=list)
    boards: list[Board] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lease = Lease(self.watch.operator)
        self.ship = Whereabouts(self.plan, self.clock, self.watch.beacon)
        common = (self.plan, self.link, self.clock, self.wishes, self.limits, self.watch, self.ship)
        self.payload = None if self.watch.task is None else Payload(self.link, self.watch.task)
        self.ground = Preflight(*common, self.payload)
        self.monitor = Monitor(*common, self.ground)

    # --- stages ----------------------------------------------------------------------------------------------------

    def enter(self, stage: Stage) -> None:
        if stage.value not in transitions()[self.stage.value]:
            raise ValueError(f"no way from {self.stage} to {stage}")
        self.stage = stage
        log.info("stage", stage=stage.value, sortie=self.sortie)
        self.report()

    def close(self) -> None:
        """However it ended: the payload off, what it read on disk."""
        if self.payload is None:
            return
        with suppress(EnvironmentFault):
            self.payload.stop()
        self.payload.log().write(self.watch.disk / PAYLOAD_FILE)

    def report(self) -> None:
        telemetry = self.link.telemetry
        self.on_progress(
            FlightProgress(
                self.stage,
                self.sortie + 1,
                len(self.plan.sorties),
                len(telemetry.photos.keys() - self.ground.test_shots),
                self.plan.trigger_count,
                self.monitor.separation_m,
                telemetry.battery_pct,
            )
        )

    def look(self) -> None:
        """What is done at every tick: measure, tell, and what the payload has to say."""
        self.monitor.measure()
        self.report()
        if self.payload is not None:
            self.payload.tick(airborne=self.link.telemetry.alt_rel_m > _AIRBORNE_M)

    def run(self) -> None:
        for index, sortie in enumerate(self.plan.sorties):
            self.sortie = index
            self.enter(Stage.PREFLIGHT)
            board = self.ground.run(sortie)
            self.boards.append(board)
            self.hashes.append(board.mission_hash)
            permit = board.permit(self.lease)
            if self.watch.abort():
                raise Unfinished("drone.flight.aborted", reason="operator")
            if self.payload is not None:
                self.payload.start()
            self.link.arm(permit)
            self.enter(Stage.ARMED)
            self.monitor.photos_before = max(self.link.telemetry.photos, default=0)
            reason = self.over_moving_ship(sortie, permit) if self.ship.moving else self.mission(sortie, permit)
            if reason:
                self.abort(reason)
                raise Unfinished("drone.flight.aborted", reason=reason)
            if not self.lease.active:
                ended, since = self.lease.ended, self.clock.monotonic() - _SAID_S
                self.observe(sortie)
                raise Unfinished("drone.flight.aborted", reason="; ".join([ended, *self.warnings(since)]))
            self.enter(Stage.HOME)
            fill_photo_gaps(self.link, photos_taken=max(self.link.telemetry.photos, default=0))

    def mission(self, sortie: Sortie, permit: Permit) -> str:
        """AUTO along the uploaded mission; photos that were not taken are flown again before it goes home."""
        self.link.start_mission(permit)
        self.enter(Stage.FLYING)
        last = max((seq for seq, due in self.ground.progress.items() if due.photos < len(sortie.triggers_enu_m)), default=0)
        passed: list[float] = []

        def records_are_here() -> bool:
            """The last lane is flown, and the record of its last photo has come or is lost."""
            if self.link.telemetry.mission_seq > last and not passed:
                passed.append(self.clock.monotonic())
            return bool(passed) and self.clock.monotonic() - passed[0] > _RECORD_S

        reason = self.watch_flight(sortie, records_are_here)
        if reason or not self.link.telemetry.armed or not self.lease.active:
            return reason
        missing = not_taken(self.matched(sortie), len(sortie.triggers_enu_m), self.monitor.photos_before)
        legs = ship_legs(self.plan, sortie)
        again = self.again(legs[_first_lane(legs) :], missing, to_end=True) if missing else []
        if not again:
            self.missing += [(self.sortie, number) for number in missing]
            return self.watch_flight(sortie)
        reason = self.follow(again, missing, permit, to_end=True)
        if not reason and self.lease.active and not self.link.return_home():
            reason = "no return"
        return reason or self.watch_flight(sortie)

    def over_moving_ship(self, sortie: Sortie, permit: Permit) -> str:
        """GUIDED along the legs in the frame of a ship that swings, a photo by command at each trigger."""
        self.enter(Stage.FLYING)
        legs = between_home(ship_legs(self.plan, sortie))
        above = self.heights.over_m - self.plan.ship.geometry.draught_m - self.plan.home_lonlat_alt[2]
        self.link.take_off(permit, above)
        if reason := self.watch_flight(sortie, lambda: self.link.telemetry.alt_rel_m > above - 1.0):
            return reason
        if reason := self.follow([self.way_in(legs[0]), *legs], range(len(sortie.triggers_enu_m)), permit):
            return reason
        return self.go_home(legs[-1], permit) or self.watch_flight(sortie)

    # --- in the ship's frame ---------------------------------------------------------------------------------------

    @property
    def heights(self) -> Heights:
        over = self.plan.return_altitude_m + self.plan.ship.geometry.draught_m
        return Heights(over, self.limits.monitor.back_off_m, self.limits.planner.ferry_speed_m_s)

    def way_in(self, first: ShipLeg) -> ShipLeg:
        return way_in(self.ship.in_ship(self.monitor.soon()), first, self.plan.ship.geometry.geometry(), self.heights)

    def go_home(self, last: ShipLeg, permit: Permit) -> str:
        """Outward, up, and return from there."""
        out = Follower([way_out(last, self.plan.ship.geometry.geometry(), self.heights)], self.plan.ship.geometry.draught_m)
        if reason := self.steer_along(out, permit):
            return reason
        return "" if self.link.return_home() or not self.lease.active else "no return"

    def again(self, legs: Sequence[ShipLeg], missing: Sequence[int], *, to_end: bool) -> list[ShipLeg]:
        """The way to fly missing triggers again, from here; nothing when the battery does not allow it."""
        here = self.ship.in_ship(self.monitor.soon())
        way = fly_again(legs, missing, here, min(leg.speed_m_s for leg in legs), to_end=to_end)
        percent = 100.0 * (_seconds(way) + _READY_S) / (self.wishes.battery_minutes * 60.0)
        if (self.link.telemetry.battery_pct or 0.0) - percent < 100.0 * self.wishes.battery_reserve:
            return []
        log.info("photos again", missing=len(missing), sortie=self.sortie)
        self.flown_again += len(missing)
        return way

    def follow(self, legs: list[ShipLeg], numbers: Sequence[int], permit: Permit, *, to_end: bool = False) -> str:
        """Fly legs (after one that leads there) with the triggers of these numbers, look which photos were not taken, and fly those
        again before leaving; returns why to abort, or nothing.
        """
        if self.link.telemetry.custom_mode != Mode.GUIDED and not self.link.guide(permit):
            return "no guided mode" if self.lease.active else ""
        for turn in range(_AGAIN_ROUNDS + 1):
            before = max(self.link.telemetry.photos, default=0)
            follower = Follower(legs, self.plan.ship.geometry.draught_m)
            if (reason := self.steer_along(follower, permit)) or not self.lease.active:
                return reason
            missing = not_taken(follower.matched, len(follower.fired), before)
            again = self.again(legs[1:], missing, to_end=to_end) if missing and turn < _AGAIN_ROUNDS else []
            if not again:
                self.missing += [(self.sortie, numbers[number]) for number in missing]
                break
            legs, numbers = again, [numbers[number] for number in missing]
        return ""

    def steer_along(self, follower: Follower, permit: Permit) -> str:
        """Send targets until the legs are flown and the last photo's record is here; returns why to abort, or nothing."""
        t, known = self.link.telemetry, set(self.link.telemetry.photos)
        period, gimbal_at = 1.0 / moving_numbers().setpoint_hz, -1e9
        end, done_at = self.clock.monotonic() + self.limits.monitor.slow_factor * _seconds(follower.legs) + _READY_S, np.inf
        last = self.clock.monotonic()
        while t.armed and self.lease.active:
            self.link.wait(self.watch.abort, period)
            now, elapsed = self.clock.monotonic(), self.clock.monotonic() - last
            last = now
            self.look()
            reason = self.monitor.reason_to_abort() or self.monitor.pose_reason()
            if reason or now > end:
                return reason or "too slow"
            for index in sorted(t.photos.keys() - known):
                follower.photo(index, now)
            known = set(t.photos)
            if follower.silent > _SILENT_SHOTS:
                return f"camera silent: {len(follower.matched)} of {len(follower.fired)} photos"
            motion = self.ship.motion()
            if motion is None:
                continue  # the vehicle stops by itself; the pose's age decides
            good = self.monitor.pose_bad_since is None
            seen = Seen(now, self.ship.in_ship(self.monitor.soon()), t.heading_deg, t.gimbal_pitch_deg)
            step = follower.step(elapsed, motion, seen) if good and not follower.done else follower.hold(motion)
            target = step.target
            self.link.steer(
                permit,
                self.ship.place(target.place_enu_m),
                self.above_home(target.place_enu_m),
                target.velocity_m_s,
                target.yaw_deg_true,
            )
            for _ in range(step.shots):
                self.link.send_once(Command.DO_DIGICAM_CONTROL, 0.0, 0.0, 0.0, 0.0, 1.0)
            if step.gimbal_pitch_deg is not None and now - gimbal_at > _GIMBAL_AGAIN_S:
                gimbal_at = now
                self.link.send_once(Command.DO_GIMBAL_MANAGER_PITCHYAW, step.gimbal_pitch_deg)
            done_at = min(done_at, now) if follower.done else np.inf
            if follower.done and (
                now - done_at > _RECORD_S or not follower.fired or len(follower.matched) == len(follower.fired)
            ):
                return ""
        return ""

    def above_home(self, enu_m: Float) -> float:
        return float(enu_m[2]) - self.plan.home_lonlat_alt[2]

    def matched(self, sortie: Sortie) -> list[tuple[int, int]]:
        """(trigger, image index) of this sortie's photos by place, each trigger once and in the order flown."""
        triggers = np.array(sortie.triggers_enu_m)
        found: list[tuple[int, int]] = []
        photos = self.link.telemetry.photos
        for index in sorted(index for index in photos if index > self.monitor.photos_before):
            photo, first = photos[index], found[-1][0] + 1 if found else 0
            place = plan_frame(self.plan).to_enu(photo.lonlat, photo.alt_rel_m + self.plan.home_lonlat_alt[2])
            off = np.linalg.norm(triggers[first:] - place, axis=1)
            if off.size and float(np.min(off)) < self.limits.planner.trigger_near_m:
                found.append((first + int(np.argmin(off)), index))
        return found

    # --- in the air ------------------------------------------------------------------------------------------------

    def watch_flight(self, sortie: Sortie, until: Callable[[], bool] = lambda: False) -> str:
        """Until the vehicle is down and disarmed, our lease has ended or `until`; returns why to abort, or nothing."""
        end = self.clock.monotonic() + self.limits.monitor.slow_factor * sortie.time_s + _READY_S
        self.link.wait(lambda: self.link.telemetry.armed, 5.0)
        while self.link.telemetry.armed and self.lease.active:
            self.link.wait(self.watch.abort, _TICK_S)
            self.look()
            if not self.lease.active:
                break
            reason = self.monitor.reason_to_abort()
            if reason:
                return reason
            if self.clock.monotonic() > end:
                return "too slow"
            if until():
                break
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
            self.look()
            name = self.watch.retake()
            if name:
                self.lease = self.link.lease = Lease(name)
                self.abort(f"taken again by {name}")
                return
        self.enter(Stage.HOME)

    def abort(self, reason: str) -> None:
        """BRAKE, back off from the hull, return. Each step is tried even if the one before was not answered."""
        log.warning("abort", reason=reason)
        self.enter(Stage.ABORTING)
        self.link.brake()
        t = self.link.telemetry
        if t.lonlat is not None and not t.landed and self.monitor.recent(t.position_at, self.limits.monitor.telemetry_age_s):
            place = self.monitor.away_from_hull(t.lonlat, t.alt_rel_m)
            if self.link.back_off_to(place, t.alt_rel_m):
                start = self.monitor.in_world(t.lonlat, t.alt_rel_m)
                far = 0.8 * self.limits.monitor.back_off_m
                self.link.wait(lambda: self.monitor.moved_m(start) >= far or not t.armed, _BACK_OFF_S)
        if not self.link.return_home():
            self.link.land()
        self.link.wait(lambda: not t.armed, _HOME_S)
        if t.armed and not self.lease.active:
            self.enter(Stage.OBSERVING)
        self.enter(Stage.HOME)


def _seconds(legs: Sequence[ShipLeg]) -> float:
    return sum(leg.length_m / leg.speed_m_s for leg in legs)


def _first_lane(legs: Sequence[ShipLeg]) -> int:
    return next(at for at, leg in enumerate(legs) if len(leg.triggers_m))


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
    try:
        flight.run()
    finally:
        flight.close()
    photos = sorted(link.telemetry.photos.items())
    return FlightResult(
        photos=tuple(photo for index, photo in photos if index not in flight.ground.test_shots),
        boards=tuple(flight.boards),
        started_at=started,
        ended_at=link.clock.now(),
        min_separation_m=round(flight.monitor.min_separation_m, 2),
        mission_hashes=tuple(flight.hashes),
        tlog=link.tlog.path,
        vehicle_texts=tuple(text.text for text in link.telemetry.texts),
        overrides=tuple(override for board in flight.boards for override in board.overrides),
        flown_again=flight.flown_again,
        missing=tuple(flight.missing),
        payload=None if flight.payload is None else flight.payload.log(),
    )
