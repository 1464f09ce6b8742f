"""Owns watching a flight: where the vehicle is over the ship, and the first reason to abort.

Never sends anything. Everything is compared in the plan's frame (`drone.whereabouts`), so that a ship that swings is watched by
the same rules as one that lies still.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.clock import Clock
from core.geo import Float, LonLat
from core.hullform import HullForm
from core.ship import Side
from drone.guard import StandoffGuard, battery_reason, expected_range_m, inside_polygon
from drone.link import Link
from drone.model import Plan
from drone.moving import PoseVerdict, judge_pose, moving_numbers
from drone.packs import Limits
from drone.planner import plan_frame
from drone.preflight import Preflight
from drone.sizing import Wishes
from drone.vehicle import Mode
from drone.watch import Watch
from drone.whereabouts import Whereabouts


@dataclass(slots=True)
class Monitor:
    """Ask `measure` and then `reason_to_abort` at every tick. `photos_before`: the highest image index of earlier sorties."""

    plan: Plan
    link: Link
    clock: Clock
    wishes: Wishes
    limits: Limits
    watch: Watch
    ship: Whereabouts
    ground: Preflight
    photos_before: int = 0
    separation_m: float | None = None
    min_separation_m: float = np.inf
    pose_bad_since: float | None = None
    guard: StandoffGuard = field(init=False)
    _windy_since: float | None = None
    _gimbal_since: float | None = None
    _hull: HullForm = field(init=False)
    _hull_points: Float = field(init=False)

    def __post_init__(self) -> None:
        self.guard = StandoffGuard(self.limits.monitor)
        geometry = self.plan.ship.geometry.geometry()
        self._hull = HullForm(geometry)
        sides: list[Side] = ["port", "starboard", "stern"]
        points = np.concatenate([self._hull.patches(side, 0.1, 1.0)[0] for side in sides])
        self._hull_points = self.ship.planned.to_enu(points, geometry.draught_m)

    def pose_reason(self) -> str:
        """The gate on the pose's age: hold for a moment, then leave."""
        here = self.here()
        if not self.ship.moving or here is None:
            return ""
        now = self.clock.monotonic()
        bad_for = 0.0 if self.pose_bad_since is None else now - self.pose_bad_since
        reach = float(np.linalg.norm(self.ship.in_ship(self.soon())[:2]))
        verdict = judge_pose(self.ship.motion(), reach, bad_for, moving_numbers())
        if verdict is PoseVerdict.GO:
            self.pose_bad_since = None
            return ""
        self.pose_bad_since = now if self.pose_bad_since is None else self.pose_bad_since
        age = (self.clock.now() - self.ship.newest.at_utc).total_seconds()
        return "" if verdict is PoseVerdict.HOLD else f"ship pose {age:.0f} s old"

    def recent(self, at_s: float | None, age_s: float) -> bool:
        return at_s is not None and self.clock.monotonic() - at_s <= age_s

    def here(self) -> Float | None:
        """Where the vehicle is in the plan's frame: over a ship that swings, as if the ship lay as planned."""
        t = self.link.telemetry
        return None if t.lonlat is None else self.ship.to_plan(self.in_world(t.lonlat, t.alt_rel_m))

    def in_world(self, place: LonLat, alt_rel_m: float) -> Float:
        return plan_frame(self.plan).to_enu(place, alt_rel_m + self.plan.home_lonlat_alt[2])

    def soon(self) -> Float:
        """(3,) where the vehicle is now, in the world: its last report carried on."""
        t = self.link.telemetry
        age = min(self.clock.monotonic() - (t.position_at or 0.0), self.limits.monitor.telemetry_age_s)
        return self.in_world(t.lonlat or LonLat(*self.plan.home_lonlat_alt[:2]), t.alt_rel_m) + age * np.array(t.velocity_m_s)

    def measure(self) -> None:
        self.ship.poll()
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
        if any(inside_polygon(here, zone.points_enu_m) for zone in self.plan.exclusion_polygons):
            return "inside an exclusion"
        home = plan_frame(self.plan).to_enu(LonLat(*self.plan.home_lonlat_alt[:2]))
        away = float(np.linalg.norm((self.ship.to_world(here) - home)[:2]))
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
        if t.range_at is None:
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
            where = self.ship.to_plan(self.in_world(placed.lonlat, placed.alt_rel_m))
            angle = pitch if pitch is not None else t.gimbal_pitch_deg or 0.0
            if reason := self.guard.see(boot_s, self._expected(where, placed.heading_deg, angle), measured):
                return reason
        return ""

    def _expected(self, where: Float, heading_deg: float, pitch_deg: float) -> float | None:
        heading = self.ship.turned_deg(heading_deg)
        return expected_range_m(self._hull, self.ship.planned, where, heading, pitch_deg, self.limits.monitor.range_reach_m)

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
        due = self.ground.progress.get(t.mission_seq) if t.custom_mode == Mode.AUTO else None
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

    def moved_m(self, start: Float) -> float:
        here = self.link.telemetry.lonlat
        return float(np.linalg.norm((self.in_world(here, 0.0) - start)[:2])) if here else 0.0

    def away_from_hull(self, here: LonLat, alt_m: float) -> LonLat:
        """The place `back_off_m` farther from the nearest point of the hull, level."""
        point = self.ship.to_plan(self.in_world(here, alt_m))
        nearest = self._hull_points[int(np.argmin(np.sum((self._hull_points - point) ** 2, axis=1)))]
        away = (point - nearest)[:2]
        level = away / max(float(np.linalg.norm(away)), 1e-6) * self.limits.monitor.back_off_m
        return self.ship.place(self.ship.to_world(point + np.array([*level, 0.0])))
