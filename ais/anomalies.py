"""Owns movement that a ship cannot make: jumps, one MMSI in two places, a status against the movement.

Never raises a signal after one odd report: each rule wants repetition.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ais.behaviour import Jump, Status
from ais.live import Position
from ais.motion import NM_M, Motion
from core.geo import LonLat, distance_m

_RESTING = frozenset((1, 5))
_NEAR_DEG = 0.005  # a quarter of a mile: not looked at closer, which spares most reports the distance
_HOUR_S = 3600.0


@dataclass(slots=True)
class Jumps:
    """Times of reports that imply too high a speed."""

    at_ms: deque[int] = field(default_factory=deque)

    def step(self, last: Position | None, position: Position, rule: Jump) -> float | None:
        """Implied speed in knots once it was too high often enough."""
        if last is None:
            return None
        here, there = position.lonlat, last.lonlat
        if abs(here.lat - there.lat) < _NEAR_DEG and abs(here.lon - there.lon) < _NEAR_DEG:
            return None
        seconds = max(abs(position.at_ms - last.at_ms) / 1000, 1.0)
        speed = distance_m(there, here) / NM_M / seconds * _HOUR_S
        if speed <= rule.speed_kn:
            return None
        self.at_ms.append(position.at_ms)
        while position.at_ms - self.at_ms[0] > rule.forget_minutes * 60_000:
            self.at_ms.popleft()
        return round(speed, 1) if len(self.at_ms) >= rule.times else None


@dataclass(slots=True)
class Doubles:
    """Up to two places at which one MMSI is heard, each with the times of its reports."""

    tracks: list[tuple[LonLat, deque[int]]] = field(default_factory=list)

    def step(self, position: Position, rule: Jump) -> float | None:
        """Miles between two tracks that are both alive, once each was heard often enough."""
        now, span = position.at_ms, rule.double_minutes * 60_000
        apart_m = rule.double_nm * NM_M
        if len(self.tracks) == 1:
            place, times = self.tracks[0]
            if abs(place.lat - position.lonlat.lat) < _NEAR_DEG and abs(place.lon - position.lonlat.lon) < _NEAR_DEG:
                self.tracks[0] = (position.lonlat, times)
                if now - times[-1] > 30_000:
                    times.append(now)
                    if len(times) > rule.double_times * 4:
                        times.popleft()
                return None
        self.tracks = [(place, times) for place, times in self.tracks if now - times[-1] <= span]
        near = [index for index, (place, _) in enumerate(self.tracks) if distance_m(place, position.lonlat) < apart_m]
        if near:
            times = self.tracks[near[0]][1]
            times.append(now)
            self.tracks[near[0]] = (position.lonlat, times)
        else:
            self.tracks = [*self.tracks[-1:], (position.lonlat, deque([now], maxlen=rule.double_times * 4))]
        if len(self.tracks) < 2:
            return None
        both_ms = max(now - span, *(times[0] for _, times in self.tracks))  # a place that was left for good is not heard after
        alive = [sum(1 for at in times if at >= both_ms) for _, times in self.tracks]
        if min(alive) < rule.double_times:
            return None
        return round(distance_m(self.tracks[0][0], self.tracks[1][0]) / NM_M, 1)


def is_resting_conflict(motion: Motion, rule: Status) -> bool:
    """Says moored or anchored, and was faster than that for the rule's minutes."""
    points = motion.last(rule.minutes)
    return bool(points) and all(
        point.nav_status in _RESTING and point.sog_kn is not None and point.sog_kn > rule.resting_sog_kn
        for point in points or ()
    )
