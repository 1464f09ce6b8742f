"""Owns the go/no-go decision: each rule with its value, limit and source; a permit exists only when all say go.

Never sends anything. `drone.link` moves nothing without a permit from here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from core.errors import Refused
from core.ship import Side
from drone.lease import Lease
from drone.model import Plan, Wind
from drone.packs import Limits
from drone.planner import wind_towards_hull_m_s
from drone.sizing import Wishes

Verdict = Literal["go", "no_go", "overridden"]


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What is known before take-off. None = not known, which is a no-go."""

    link_age_s: float | None
    identity_ok: bool
    identity: str
    fence_confirmed: bool
    planned_hash: str
    loaded_hash: str | None
    parameters_confirmed: bool
    test_shot_received: bool
    gimbal_follows: bool
    prearm_ok: bool
    prearm_text: str
    battery_pct: float | None
    gps_fix: int | None
    satellites: int | None
    hdop: float | None
    wind: Wind | None
    pose_age_s: float | None
    pose_source: str
    pose_live: bool | None  # None = the ship lies at a quay and cannot swing
    payload_heard: bool | None  # None = nothing ordered that speaks
    ship_moored: bool | None
    free_disk_mb: float
    sortie_time_s: float
    rally_confirmed: bool
    other_station: bool
    range_heard: bool
    papers: tuple[GateItem, ...] | None


@dataclass(frozen=True, slots=True)
class GateItem:
    """One line of the board. `rule` is a catalogue key `drone.gate.<rule>`."""

    rule: str
    value: str
    limit: str
    source: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Override:
    """A person goes against one rule, by name and with a reason. Printed in the report."""

    rule: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to move the vehicle, for one mission, as long as the lease lasts. Made by `Board.permit` only."""

    mission_hash: str
    lease: Lease


@dataclass(frozen=True, slots=True)
class Board:
    items: tuple[GateItem, ...]
    mission_hash: str
    overrides: tuple[Override, ...] = ()

    @property
    def no_go(self) -> tuple[GateItem, ...]:
        return tuple(item for item in self.items if item.verdict == "no_go")

    def overridden(self, overrides: tuple[Override, ...], allowed: frozenset[str]) -> Board:
        """The board with the items that these overrides cover.

        Raises Refused `drone.gate.override` for a rule that nobody may override, or one without a name or a reason.
        """
        for override in overrides:
            if override.rule not in allowed or not override.name.strip() or not override.reason.strip():
                raise Refused("drone.gate.override", rule=override.rule)
        covered = {override.rule for override in overrides}
        items = tuple(
            replace(item, verdict="overridden") if item.verdict == "no_go" and item.rule in covered else item
            for item in self.items
        )
        used = {item.rule for item in items if item.verdict == "overridden"}
        return Board(items, self.mission_hash, tuple(override for override in overrides if override.rule in used))

    def permit(self, lease: Lease) -> Permit:
        """Raises Refused `drone.gate.no_go` naming every rule that says no."""
        if self.no_go or not lease.active:
            reasons = "; ".join(f"{item.rule}: {item.value} ({item.limit})" for item in self.no_go)
            raise Refused("drone.gate.no_go", reasons=reasons or lease.ended)
        return Permit(self.mission_hash, lease)


def evaluate(facts: GateFacts, plan: Plan, wishes: Wishes, limits: Limits, link_degraded_s: float) -> Board:
    """Judge every rule; limits come from settings and config/drone/limits.toml."""
    rules = limits.monitor
    needed = 100.0 * (facts.sortie_time_s / (wishes.battery_minutes * 60.0) + wishes.battery_reserve)
    items = [
        _most("link", facts.link_age_s, link_degraded_s, "s", "heartbeat"),
        _true("identity", facts.identity_ok, facts.identity, "AUTOPILOT_VERSION"),
        _true("fence", facts.fence_confirmed, "read back", "mission protocol"),
        _true("mission_hash", facts.loaded_hash == facts.planned_hash, (facts.loaded_hash or "none")[:12], "mission protocol"),
        _true("parameters", facts.parameters_confirmed, "read back", "PARAM_VALUE"),
        _true("test_shot", facts.test_shot_received, "CAMERA_FEEDBACK", "camera"),
        _true("gimbal", facts.gimbal_follows, "follows" if facts.gimbal_follows else "does not follow", "gimbal"),
        _true("prearm", facts.prearm_ok, facts.prearm_text or "-", "SYS_STATUS"),
        _least("battery", facts.battery_pct, min(needed, 100.0), "%", "SYS_STATUS"),
        _least("gps_fix", facts.gps_fix, 3, "", "GPS_RAW_INT"),
        _least("satellites", facts.satellites, rules.min_satellites, "", "GPS_RAW_INT"),
        _most("hdop", facts.hdop, rules.max_hdop, "", "GPS_RAW_INT"),
        *_wind_items(facts.wind, plan, wishes),
        _most("pose_age", facts.pose_age_s, rules.max_pose_age_s, "s", facts.pose_source),
        _true("moored", facts.ship_moored is True, {True: "yes", False: "no", None: "unknown"}[facts.ship_moored], "AIS"),
        _least("disk", facts.free_disk_mb, rules.min_disk_mb, "MB", "disk"),
        _true("rally", facts.rally_confirmed, "read back", "mission protocol"),
        _true("one_station", not facts.other_station, "one" if not facts.other_station else "two", "HEARTBEAT"),
        *(facts.papers or ()),
    ]
    if facts.payload_heard is not None:
        items.append(_true("payload", facts.payload_heard, "heard" if facts.payload_heard else "silent", "payload"))
    if facts.pose_live is not None:
        items.append(_true("pose_live", facts.pose_live, facts.pose_source, "beacon"))
    if plan.camera.standoff_m < rules.needs_range_below_m:
        items.append(_true("range_sensor", facts.range_heard, "heard" if facts.range_heard else "silent", "DISTANCE_SENSOR"))
    return Board(tuple(items), facts.planned_hash)


def _wind_items(wind: Wind | None, plan: Plan, wishes: Wishes) -> list[GateItem]:
    pose = plan.ship.pose.pose() if plan.ship.pose else None
    if wind is None or pose is None:
        return [_most(rule, None, 0.0, "m/s", "WIND") for rule in ("wind", "gust", "wind_towards_hull")]
    sides: list[Side] = ["stern", "port", "starboard"]
    flown = [side for side in sides if side != plan.ship.quay_side]
    towards = max(wind_towards_hull_m_s(wind, pose, side) for side in flown)
    near = plan.camera.standoff_m < 20.0
    return [
        _most("wind", wind.speed_m_s, wishes.max_wind_m_s, "m/s", "WIND"),
        _most("gust", wind.gust_m_s, wishes.max_gust_m_s, "m/s", "WIND"),
        _most("wind_towards_hull", towards, wishes.max_wind_to_hull_m_s if near else wishes.max_wind_m_s, "m/s", "WIND"),
    ]


def _true(rule: str, good: bool, value: str, source: str) -> GateItem:  # noqa: FBT001 - the verdict itself
    return GateItem(rule, value, "must hold", source, "go" if good else "no_go")


def _most(rule: str, value: float | None, limit: float, unit: str, source: str) -> GateItem:
    good = value is not None and value <= limit
    return GateItem(rule, _text(value, unit), f"<= {limit:g} {unit}".strip(), source, "go" if good else "no_go")


def _least(rule: str, value: float | None, limit: float, unit: str, source: str) -> GateItem:
    good = value is not None and value >= limit
    return GateItem(rule, _text(value, unit), f">= {limit:.4g} {unit}".strip(), source, "go" if good else "no_go")


def _text(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:.4g} {unit}".strip()
