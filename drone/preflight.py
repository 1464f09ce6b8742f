"""Owns what is done and asked on the ground before a sortie: parameters, uploads, test shot, gimbal, and the board.

Never arms and never sends what moves. The vehicle's own failsafes are parameters: set and read back here, or there is no go.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import timedelta

from core.clock import Clock
from drone.gate import Board, GateFacts, GateItem, evaluate
from drone.link import Link
from drone.mission import (
    Command,
    MissionType,
    Progress,
    fence_items,
    home_only,
    mission_hash,
    mission_items,
    progress_table,
    rally_items,
    sweep_fence,
)
from drone.model import Plan, Sortie, Wind
from drone.packs import Limits, paper_rules
from drone.papers import Papers, judge
from drone.payload import Payload
from drone.sizing import Wishes
from drone.vehicle import SimulatorOnly
from drone.watch import Watch
from drone.whereabouts import Whereabouts

_READY_S = 90.0


@dataclass(slots=True)
class Preflight:
    """On the ground with one vehicle. `test_shots` are photos that belong to no survey."""

    plan: Plan
    link: Link
    clock: Clock
    wishes: Wishes
    limits: Limits
    watch: Watch
    ship: Whereabouts
    payload: Payload | None = None
    progress: dict[int, Progress] = field(default_factory=dict)
    test_shots: set[int] = field(default_factory=set)

    def run(self, sortie: Sortie) -> Board:
        """Prepare the vehicle for a sortie and judge; the board's hash is that of what it holds."""
        link, plan = self.link, self.plan
        for name, value in self.limits.vehicle_parameters:
            link.set_parameter(name, value)
        link.set_parameter("RTL_ALT", plan.return_altitude_m * 100.0)
        moving = self.ship.moving
        mission = home_only(plan) if moving else mission_items(plan, sortie)
        fence = sweep_fence(plan, self.limits) if moving else fence_items(plan, self.limits)
        link.upload(fence, MissionType.FENCE)
        link.upload(mission, MissionType.MISSION)
        link.upload(rally_items(plan), MissionType.RALLY)
        self.progress = {} if moving else progress_table(mission)
        planned = mission_hash(mission, fence)
        needed = 100.0 * (sortie.time_s / (self.wishes.battery_minutes * 60.0) + self.wishes.battery_reserve)

        def ready() -> bool:
            self.ship.poll()
            t = link.telemetry
            known = None not in {t.battery_pct, t.gps_fix, t.wind_speed_m_s} and t.position_at is not None
            return known and t.prearm_ok and (t.battery_pct or 0.0) >= min(needed, 100.0)

        link.wait(ready, _READY_S)
        shot = self.test_shot()
        gimbal = self.test_gimbal()
        board = evaluate(self.facts(sortie, planned, shot, gimbal), plan, self.wishes, self.limits, link.degraded_s)
        return board.overridden(self.watch.overrides, paper_rules().may_override)

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
        t, pose = self.link.telemetry, self.ship.newest
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
            pose_age_s=(self.clock.now() - pose.at_utc).total_seconds(),
            pose_source=pose.source,
            pose_live=self.ship.live if self.plan.ship.quay_side is None else None,
            payload_heard=None if self.payload is None else self.payload.ready(),
            ship_moored=self.watch.moored(),
            free_disk_mb=shutil.disk_usage(self.watch.disk).free / 1e6,
            sortie_time_s=sortie.time_s,
            rally_confirmed=bool(self.link.verified.get(MissionType.RALLY)),
            other_station=t.other_station_at is not None
            and self.age(t.other_station_at) <= self.limits.monitor.other_station_s,
            range_heard=t.range_at is not None and self.age(t.range_at) <= self.limits.monitor.telemetry_age_s,
            papers=self.papers(sortie),
        )

    def age(self, at_s: float) -> float:
        return self.clock.monotonic() - at_s
