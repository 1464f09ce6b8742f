"""Owns what a ship is doing: at berth, at anchor, under way or drifting, from the points of the last minutes.

Never believes the navigation status alone: it lies in one report of six; it only supports what the movement shows.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from ais.behaviour import Behaviour
from ais.decode import Dimensions
from ais.live import Position
from ais.port import Port, berth_near, is_inside
from ais.signals import Event, EventKind, Evidence, at_utc, ms_of
from core.clock import rfc3339
from core.geo import LonLat, distance_m

NM_M = 1852.0
_AT_ANCHOR, _MOORED = 1, 5
_FULL = 0.85  # of a rule's minutes must be covered by points: ships at rest report every three minutes


@dataclass(frozen=True, slots=True)
class State:
    """One judgement. `since_ms`: from when the points show it."""

    kind: EventKind
    since_ms: int
    place: str | None
    confidence: float


@dataclass(slots=True)
class Motion:
    """Points of the last minutes of one ship, and the state they gave so far."""

    points: deque[Position] = field(default_factory=deque)
    state: State | None = None
    event: Event | None = None
    anchor_at: LonLat | None = None

    def add(self, point: Position, window_ms: float) -> None:
        self.points.append(point)
        while point.at_ms - self.points[0].at_ms > window_ms * 1.2:
            self.points.popleft()

    def resume(self, event: Event) -> None:
        """Go on with a stored state; the swing circle starts from its evidence."""
        self.state, self.event = State(event.kind, ms_of(event.began_at), event.place, event.confidence), event
        places = [row["lonlat"] for row in event.evidence if isinstance(row.get("lonlat"), list)]
        if event.kind == "at_anchor" and places:
            self.anchor_at = LonLat(*(sum(values) / len(places) for values in zip(*places, strict=True)))

    def last(self, minutes: float) -> list[Position] | None:
        """Points of the last `minutes`, or None where they do not cover that time."""
        newest = self.points[-1].at_ms
        chosen = [point for point in self.points if newest - point.at_ms <= minutes * 60_000]
        return chosen if len(chosen) > 1 and newest - chosen[0].at_ms >= minutes * 60_000 * _FULL else None


def judge(motion: Motion, rules: Behaviour, port: Port, sides: Dimensions | None) -> State | None:
    """The state that the last points show, or None where they show none for long enough."""
    newest = motion.points[-1]
    if (moving := motion.last(rules.under_way.minutes)) and all(_sog(point) > rules.under_way.sog_kn for point in moving):
        drifting = _drifts(motion, rules)
        return drifting or State("under_way", moving[0].at_ms, None, 0.9)
    if (resting := motion.last(rules.berth.minutes)) and median(_sog(point) for point in resting) < rules.berth.sog_kn:
        hull = (sides.bow_m, sides.stern_m, sides.port_m, sides.starboard_m) if sides and sides.reference_known else None
        found = berth_near(port, newest.lonlat, newest.heading_deg_true, hull)
        if found is not None:
            berth, known = found
            supported = 0.05 if newest.nav_status == _MOORED else 0.0
            return State("at_berth", resting[0].at_ms, berth.id, (0.9 if known else 0.6) + supported)
    return _anchored(motion, rules, port) or _drifts(motion, rules)


def _anchored(motion: Motion, rules: Behaviour, port: Port) -> State | None:
    swinging = motion.last(rules.anchor.minutes)
    if not swinging or any(_sog(point) >= rules.anchor.sog_kn for point in swinging):
        return None
    centre = middle(swinging)
    if any(distance_m(centre, point.lonlat) > rules.anchor.circle_nm * NM_M for point in swinging):
        return None
    says_so = swinging[-1].nav_status == _AT_ANCHOR
    inside = is_inside(port.anchorage, centre)
    if not says_so and not inside:
        return None
    return State("at_anchor", swinging[0].at_ms, port.id if inside else None, 0.9 if says_so and inside else 0.7)


def _drifts(motion: Motion, rules: Behaviour) -> State | None:
    rule = rules.drifting
    points = motion.last(rule.minutes)
    if not points or not all(rule.sog_min_kn <= _sog(point) <= rule.sog_max_kn for point in points):
        return None
    angles = [
        abs((point.cog_deg_true - point.heading_deg_true + 180.0) % 360.0 - 180.0)
        for point in points
        if point.cog_deg_true is not None and point.heading_deg_true is not None
    ]
    if len(angles) < len(points) / 2 or min(angles) <= rule.angle_deg:
        return None
    return State("drifting", points[0].at_ms, None, 0.7)


def _sog(point: Position) -> float:
    return math.nan if point.sog_kn is None else point.sog_kn  # a comparison with NaN is false: no speed shows no state


def middle(points: Sequence[Position]) -> LonLat:
    return LonLat(
        sum(point.lonlat.lon for point in points) / len(points), sum(point.lonlat.lat for point in points) / len(points)
    )


def evidence(point: Position, **more: str | float) -> Evidence:
    """A position as a row of evidence."""
    return {
        "at_utc": rfc3339(point.at_utc), "lonlat": [point.lonlat.lon, point.lonlat.lat], "sog_kn": point.sog_kn,
        "nav_status": point.nav_status, **more,
    }  # fmt: skip


def event_of(mmsi: int, state: State, points: Sequence[Position]) -> Event:
    rows = (evidence(points[0]), evidence(points[-1])) if len(points) > 1 else (evidence(points[0]),)
    return Event(state.kind, mmsi, at_utc(state.since_ms), None, state.place, state.confidence, rows)
