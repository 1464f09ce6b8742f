"""Owns the thresholds of states, events and signals (`config/ais/behaviour.toml`), parsed once.

Never judges a ship: `ais.motion`, `ais.anomalies` and `ais.engine` do.
"""

from __future__ import annotations

import tomllib
from functools import cache

from pydantic import BaseModel, ConfigDict

from config import pack_path


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Points(_Pack):
    step_s: float
    window_s: float
    lateness_s: float
    spacing_s: float
    future_s: float
    forget_hours: float


class Rest(_Pack):
    sog_kn: float
    minutes: float


class Anchor(Rest):
    circle_nm: float
    drag_circles: float


class Drifting(_Pack):
    sog_min_kn: float
    sog_max_kn: float
    angle_deg: float
    minutes: float


class Call(_Pack):
    dwell_minutes: float
    closed_after_hours: float


class Gap(_Pack):
    minutes: float
    intervals: float
    neighbours: int
    within_nm: float
    sweep_s: float
    before_arrival_hours: float


class Intervals(_Pack):
    a_moored: float
    a_under_way: float
    b_moored: float
    b_under_way: float


class Jump(_Pack):
    speed_kn: float
    times: int
    forget_minutes: float
    double_nm: float
    double_times: int
    double_minutes: float


class Range(_Pack):
    vhf_nm: float
    times: int


class SamePlace(_Pack):
    ships: int
    seconds: float


class BaseClockRule(_Pack):
    agree_s: float
    back_s: float
    messages: int


class Circle(_Pack):
    minutes: float
    points: int
    radius_min_m: float
    radius_max_m: float
    residual_share: float
    gap_deg: float
    sog_kn: float
    bow_deg: float
    bow_share: float


class Status(_Pack):
    resting_sog_kn: float
    minutes: float


class Draught(_Pack):
    change_m: float
    cargo_hours: float
    calls_alike: int


class EtaRule(_Pack):
    spread_hours: float
    min_sog_kn: float
    fairway_nm: float
    median_minutes: float
    destination_match: float


class IdentityRule(_Pack):
    length_share: float
    length_times: int
    imo_zero_length_m: float


class Meeting(_Pack):
    sog_kn: float
    distance_m: float
    minutes: float
    length_m: float
    fresh_minutes: float


class SignalRule(_Pack):
    confidence: float
    hours: float


class Behaviour(_Pack):
    """Every threshold; names carry their units."""

    version: str
    source: str
    points: Points
    berth: Rest
    anchor: Anchor
    under_way: Rest
    drifting: Drifting
    call: Call
    gap: Gap
    interval_s: Intervals
    jump: Jump
    range: Range
    same_place: SamePlace
    circle: Circle
    base_clock: BaseClockRule
    status: Status
    draught: Draught
    eta: EtaRule
    identity: IdentityRule
    meeting: Meeting
    signals: dict[str, SignalRule]


@cache
def load_behaviour() -> Behaviour:
    """The pack, checked."""
    return Behaviour.model_validate(tomllib.loads(pack_path("ais", "behaviour.toml").read_text(encoding="utf-8")))
