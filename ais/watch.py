"""Owns watching every ship as its reports come: it keeps what each is doing and collects events, calls and signals.

Never stores anything. Reports come in the order of their time (`ais.reorder`); one that does not is not judged.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache

from pydantic import JsonValue

from ais.anomalies import Doubles, Jumps, is_resting_conflict
from ais.behaviour import Behaviour
from ais.calls import Visit
from ais.circles import drawn_circle
from ais.eta import arrival, steady_sog_kn
from ais.event_store import Identity, PortCall
from ais.live import IdentityChange, LiveShip, Position
from ais.meetings import Meetings
from ais.memory import Recall, Remembered
from ais.motion import NM_M, Motion, event_of, evidence, judge, middle
from ais.port import Port, is_inside
from ais.signals import Event, Evidence, Signal, SignalKind, at_utc, signal
from ais.voyage import Voyage, destination_match
from config import pack_path
from core.geo import LonLat, distance_m
from core.ids import imo_check_digit_ok

_MINUTE_MS = 60_000


@cache
def stations() -> dict[str, LonLat]:
    """Receiving stations of known place (`config/ais/stations.toml`)."""
    pack = tomllib.loads(pack_path("ais", "stations.toml").read_text(encoding="utf-8"))
    return {name: LonLat(*place) for name, place in pack["stations"].items()}


@dataclass(frozen=True, slots=True)
class Conclusions:
    """What became new or different since the last `take`."""

    events: tuple[Event, ...]
    signals: tuple[Signal, ...]
    calls: tuple[PortCall, ...]
    identities: tuple[Identity, ...]


@dataclass(slots=True)
class _Watched:
    motion: Motion = field(default_factory=Motion)
    visit: Visit = field(default_factory=Visit)
    jumps: Jumps = field(default_factory=Jumps)
    doubles: Doubles = field(default_factory=Doubles)
    last: Position | None = None
    judged_ms: int = 0
    heard_ms: int = 0
    silent: bool = False
    imo_zero_ms: int | None = None  # said to have no IMO number while its length was not known
    far: Counter[str] = field(default_factory=Counter)
    voyage: Voyage = field(default_factory=Voyage)
    gap: Signal | None = None  # the last one that ended
    open: dict[tuple[SignalKind, str], Signal] = field(default_factory=dict)


class Watch:
    """Feed it position reports in the order of time; `take` hands over conclusions.

    `known`: what is known of a ship (its size, draught and ETA) when it is judged; `recall`: what was stored of one that is
    not watched yet.
    """

    def __init__(
        self, rules: Behaviour, port: Port, known: Callable[[int], LiveShip | None], recall: Recall = lambda _: None
    ) -> None:
        self._known = known
        self._recall = recall
        self._rules = rules
        self._port = port
        self._ships: dict[int, _Watched] = {}
        self._by_imo: dict[int, int] = {}
        self._identities: dict[int, dict[tuple[str, str], Identity]] = {}
        self._events: dict[str, Event] = {}
        self._signals: dict[str, Signal] = {}
        self._calls: dict[str, PortCall] = {}
        self._named: dict[tuple[int, str, str], Identity] = {}
        self._meetings = Meetings(rules.meeting)
        self._swept_ms = 0
        self.newest_ms = 0

    def restore(self, held: Remembered) -> None:
        """Go on with a ship from where it was stored."""
        ship, watched = held.ship, _Watched()
        self._ships[ship.mmsi] = watched
        watched.heard_ms, watched.voyage.draught_m = ship.at_ms, ship.draught_m
        watched.voyage.length_m = ship.dimensions.length_m or None if ship.dimensions is not None else None
        if ship.position is not None and ship.position.time_source == "log":
            watched.last = ship.position
        if held.event is not None:
            watched.motion.resume(held.event)
        if held.call is not None:
            watched.visit.inside, watched.visit.call = True, held.call
        watched.open = {(one.kind, one.subject): one for one in held.signals}
        gap = watched.open.get(("gap", ""))
        watched.silent = gap is not None and "implied_kn" not in gap.facts
        self._identities[ship.mmsi] = {(one.field, one.value): one for one in held.identities}
        for one in held.identities:
            if one.field == "imo" and one.confirmed and one.value == str(ship.imo):
                self._by_imo.setdefault(int(one.value), ship.mmsi)

    def evict(self, before_ms: float) -> None:
        """Drop every ship that was not heard since."""
        for mmsi in [mmsi for mmsi, one in self._ships.items() if one.heard_ms < before_ms]:
            del self._ships[mmsi]
            self._identities.pop(mmsi, None)
        self._by_imo = {imo: mmsi for imo, mmsi in self._by_imo.items() if mmsi in self._ships}

    def __len__(self) -> int:
        return len(self._ships)

    def report(self, mmsi: int, position: Position, station: str | None) -> None:
        """One position."""
        rules = self._rules
        at_ms = position.at_ms
        self.newest_ms = max(self.newest_ms, at_ms)
        watched = self._watched(mmsi, at_ms)
        self._plausible(watched, mmsi, position, station)
        if watched.last is not None and at_ms <= watched.last.at_ms:
            return
        if watched.silent and watched.last is not None:
            self._heard_again(watched, mmsi, watched.last, position)
        watched.last = position
        if at_ms - watched.judged_ms >= rules.points.step_s * 1000:
            watched.judged_ms = at_ms
            self._step(watched, self._known(mmsi), mmsi, position)
        if at_ms - self._swept_ms >= rules.gap.sweep_s * 1000:
            self.sweep()

    def identity(self, change: IdentityChange, length_m: int | None) -> None:
        """A value that a station uses: its history, and a signal when a confirmed one replaced another."""
        watched = self._watched(change.mmsi, change.at_ms)
        key = (change.field, change.value)
        at = at_utc(change.at_ms)
        values = self._identities.setdefault(change.mmsi, {})
        held = values.get(key)
        identity = (
            Identity(change.mmsi, change.field, change.value, at, at, 1, change.confirmed)
            if held is None
            else replace(
                held, last_at=max(held.last_at, at), count=held.count + 1, confirmed=held.confirmed or change.confirmed
            )
        )
        values[key] = self._named[change.mmsi, *key] = identity
        if not change.confirmed:
            return
        if change.before is not None:
            facts: dict[str, JsonValue] = {"field": change.field, "before": change.before, "value": change.value}
            self._raise("identity_change", change.mmsi, change.at_ms, facts, subject=f"{change.field}={change.value}")
        if change.field == "imo":
            self._imo(watched, change.mmsi, int(change.value), change.at_ms, length_m)

    def draught(self, mmsi: int, draught_m: float, at_ms: int) -> None:
        watched = self._watched(mmsi, at_ms)
        facts = watched.voyage.draught(draught_m, self._rules.draught, at_berth=_berthed(watched))
        if facts is not None:
            self._raise("draught_change", mmsi, at_ms, facts, subject=f"{facts['before']}>{draught_m}")

    def length(self, mmsi: int, length_m: int, at_ms: int) -> None:
        facts = self._watched(mmsi, at_ms).voyage.length(length_m, self._rules.identity)
        if facts is not None:
            self._raise("length_change", mmsi, at_ms, facts, subject=f"{facts['before']}>{length_m}")

    def sweep(self) -> None:
        """Look for ships that fell silent while their neighbours are heard, and for many ships at one place."""
        now_ms = self._swept_ms = self.newest_ms
        rule = self._rules.gap
        gone_ms = now_ms - self._rules.call.closed_after_hours * 60 * _MINUTE_MS
        for mmsi, watched in self._ships.items():
            last = watched.last
            if last is None:
                continue
            if last.at_ms < gone_ms:
                self._gone(watched, last)
            if watched.silent or now_ms - last.at_ms < self._patience_ms(watched, mmsi):
                continue
            heard = self._neighbours(mmsi, last, now_ms)
            if heard >= rule.neighbours:
                watched.silent = True
                facts: dict[str, JsonValue] = {"minutes": round((now_ms - last.at_ms) / _MINUTE_MS), "neighbours": heard}
                self._raise("gap", mmsi, last.at_ms, facts, evidence(last), last_ms=now_ms)
        self._same_place(now_ms)
        for one, other, minutes in self._meetings.step(self._lying_outside(now_ms), now_ms):
            for mmsi, beside in ((one, other), (other, one)):
                last = self._ships[mmsi].last
                rows = (evidence(last),) if last is not None else ()
                self._raise("meeting", mmsi, now_ms, {"other": f"{beside:09d}", "minutes": minutes}, *rows, subject=str(beside))

    def _lying_outside(self, now_ms: int) -> Iterator[tuple[int, Position]]:
        """Ships of some size that lie still, away from the port."""
        rule = self._rules.meeting
        for mmsi, watched in self._ships.items():
            last = watched.last
            if last is None or (last.sog_kn or 0.0) > rule.sog_kn or now_ms - last.at_ms > rule.fresh_minutes * _MINUTE_MS:
                continue
            if (watched.voyage.length_m or 0) >= rule.length_m and not is_inside(self._port.limits, last.lonlat):
                yield mmsi, last

    def take(self) -> Conclusions:
        made = Conclusions(
            tuple(self._events.values()),
            tuple(self._signals.values()),
            tuple(self._calls.values()),
            tuple(self._named.values()),
        )
        for waiting in (self._events, self._signals, self._calls, self._named):
            waiting.clear()
        return made

    def _watched(self, mmsi: int, at_ms: int) -> _Watched:
        """A ship that is heard of."""
        watched = self._ships.get(mmsi)
        if watched is None and (held := self._recall(mmsi)) is not None:
            self.restore(held)
            watched = self._ships[mmsi]
        if watched is None:
            watched = self._ships[mmsi] = _Watched()
        watched.heard_ms = max(watched.heard_ms, at_ms)
        return watched

    def _gone(self, watched: _Watched, last: Position) -> None:
        """A ship that vanished: what it was doing, and its call, ended with its last report."""
        motion, visit = watched.motion, watched.visit
        if motion.event is not None:
            ended = replace(motion.event, ended_at=max(last.at_utc, motion.event.began_at))
            self._note(ended)
            visit.berth(ended)
        if visit.call is not None:
            call = replace(visit.call, departed_at=last.at_utc)
            self._calls[call.id] = call
        watched.motion, watched.visit = Motion(), Visit()

    def _step(self, watched: _Watched, ship: LiveShip | None, mmsi: int, position: Position) -> None:
        rules, motion = self._rules, watched.motion
        motion.add(position, rules.points.window_s * 1000)
        state = judge(motion, rules, self._port, None if ship is None else ship.dimensions)
        held = motion.state
        if state is not None and (held is None or (state.kind, state.place) != (held.kind, held.place)):
            if motion.event is not None:
                ended = replace(motion.event, ended_at=max(at_utc(state.since_ms), motion.event.began_at))
                self._note(ended)
                watched.visit.berth(ended)
            motion.state, motion.event = state, event_of(mmsi, state, list(motion.points))
            motion.anchor_at = middle(list(motion.points)) if state.kind == "at_anchor" else None
            self._note(motion.event)
            if state.kind == "at_berth":
                watched.voyage.worked = True
                watched.visit.berth(motion.event)
                self._too_deep(ship, mmsi, position, state.place)
                self._elsewhere(ship, mmsi, position)
            if state.kind == "drifting":
                facts: dict[str, JsonValue] = {"minutes": round((position.at_ms - state.since_ms) / _MINUTE_MS)}
                self._raise("drifting", mmsi, state.since_ms, facts, evidence(position), last_ms=position.at_ms)
        if watched.imo_zero_ms is not None and ship is not None and ship.dimensions is not None:
            self._imo(watched, mmsi, 0, watched.imo_zero_ms, ship.dimensions.length_m)
        self._conflicts(watched, mmsi, position)
        self._circles(watched, mmsi, position)
        self._late_or_early(watched, ship, mmsi, position)
        draught = None if ship is None else ship.draught_m
        moment = watched.visit.step(mmsi, position, self._port, rules.call.dwell_minutes * _MINUTE_MS, draught)
        if moment is not None:
            self._note(moment)
            self._crossed(watched, moment, mmsi, position)
        if motion.event is not None and motion.event.kind == "at_berth":
            watched.visit.berth(motion.event)  # the call may be younger than the stay
        call = watched.visit.call
        if call is not None:
            self._calls[call.id] = call
            if call.departed_at is not None:
                watched.visit.call = None

    def _conflicts(self, watched: _Watched, mmsi: int, position: Position) -> None:
        rules, motion = self._rules, watched.motion
        if is_resting_conflict(motion, rules.status):
            facts: dict[str, JsonValue] = {"status": position.nav_status, "sog_kn": position.sog_kn}
            self._raise("status_conflict", mmsi, position.at_ms, facts, evidence(position), subject="moving")
        anchor = motion.anchor_at
        if anchor is not None and position.nav_status == 1:
            off_m = distance_m(anchor, position.lonlat)
            if (
                off_m > rules.anchor.circle_nm * NM_M * rules.anchor.drag_circles
                and (position.sog_kn or 0.0) < rules.status.resting_sog_kn
            ):
                self._raise(
                    "drifting_at_anchor", mmsi, position.at_ms, {"distance_m": round(off_m)}, evidence(position), subject="drag"
                )

    def _circles(self, watched: _Watched, mmsi: int, position: Position) -> None:
        rule = self._rules.circle
        if (position.sog_kn or 0.0) < rule.sog_kn:
            return
        points = watched.motion.last(rule.minutes)
        drawn = drawn_circle(points, rule) if points else None
        if points and drawn is not None:
            facts: dict[str, JsonValue] = {"radius_m": round(drawn.radius_m), "points": drawn.points}
            third = len(points) // 3
            rows = (evidence(points[0]), evidence(points[third]), evidence(points[2 * third]), evidence(position))
            self._raise("circle", mmsi, position.at_ms, facts, *rows, subject="circle")

    def _late_or_early(self, watched: _Watched, ship: LiveShip | None, mmsi: int, position: Position) -> None:
        rule = self._rules.eta
        sog_kn = steady_sog_kn(watched.motion.points, position.at_ms, rule)
        if ship is None or ship.eta is None or watched.visit.inside is not False or sog_kn is None:
            return
        found = arrival(self._port, position, sog_kn, ship.eta, rule)
        before = arrival(self._port, watched.motion.points[0], sog_kn, None, rule)
        if found is not None and before is not None and found.distance_nm >= before.distance_nm:
            return  # outbound: its ETA is of another port
        spread = None if found is None else found.spread_hours
        if spread is not None and abs(spread) > rule.spread_hours:
            self._raise("eta_spread", mmsi, position.at_ms, {"hours": spread}, evidence(position), subject="eta")

    def _too_deep(self, ship: LiveShip | None, mmsi: int, position: Position, place: str | None) -> None:
        depth = next((berth.depth_m for berth in self._port.berths if berth.id == place), None)
        if ship is not None and ship.draught_m is not None and depth is not None and ship.draught_m > depth:
            facts: dict[str, JsonValue] = {"draught_m": ship.draught_m, "depth_m": depth}
            self._raise("draught_over_depth", mmsi, position.at_ms, facts, evidence(position), subject=str(place))

    def _elsewhere(self, ship: LiveShip | None, mmsi: int, position: Position) -> None:
        match = None if ship is None else destination_match(self._port, ship.destination)
        if ship is not None and match is not None and match < self._rules.eta.destination_match:
            facts: dict[str, JsonValue] = {"destination": ship.destination, "match": match}
            self._raise("destination_elsewhere", mmsi, position.at_ms, facts, evidence(position), subject=str(ship.destination))

    def _crossed(self, watched: _Watched, moment: Event, mmsi: int, position: Position) -> None:
        """What an arrival or a departure shows of the time before it."""
        gap, call = watched.gap, watched.visit.call
        hours = timedelta(hours=self._rules.gap.before_arrival_hours)
        if moment.kind == "arrival" and gap is not None and moment.began_at - gap.opened_at <= hours:
            facts = {"minutes": gap.facts["minutes"]}
            self._raise("gap_before_arrival", mmsi, position.at_ms, facts, *gap.evidence, subject=gap.id)
        if moment.kind == "departure" and call is not None:
            alike = watched.voyage.left(call, self._rules.draught)
            if alike is not None:
                self._raise("draught_unchanged", mmsi, position.at_ms, alike, evidence(position), subject="draught")

    def _plausible(self, watched: _Watched, mmsi: int, position: Position, station: str | None) -> None:
        rules = self._rules
        if (speed := watched.jumps.step(watched.last, position, rules.jump)) is not None and watched.last is not None:
            rows = evidence(watched.last), evidence(position, implied_kn=speed)
            self._raise("jump", mmsi, position.at_ms, {"speed_kn": speed}, *rows, subject="jump")
        if (apart := watched.doubles.step(position, rules.jump)) is not None:
            self._raise("double_track", mmsi, position.at_ms, {"distance_nm": apart}, evidence(position), subject="double")
        place = stations().get(station or "")
        if place is not None and station is not None:
            away = distance_m(place, position.lonlat) / NM_M
            watched.far[station] = watched.far[station] + 1 if away > rules.range.vhf_nm else 0
            if watched.far[station] >= rules.range.times:
                facts: dict[str, JsonValue] = {"station": station, "distance_nm": round(away)}
                self._raise("out_of_range", mmsi, position.at_ms, facts, evidence(position, station=station), subject=station)

    def _heard_again(self, watched: _Watched, mmsi: int, last: Position, position: Position) -> None:
        watched.silent = False
        minutes = (position.at_ms - last.at_ms) / _MINUTE_MS
        implied = distance_m(last.lonlat, position.lonlat) / NM_M / max(minutes / 60, 1e-6)
        held = watched.open.get(("gap", ""))
        facts: dict[str, JsonValue] = {
            **(held.facts if held else {}),
            "minutes": round(minutes),
            "implied_kn": round(implied, 1),
        }
        rows = evidence(last), evidence(position, implied_kn=round(implied, 1))
        watched.open.pop(("gap", ""), None)
        made = signal("gap", mmsi, at_utc(last.at_ms), self._rules, rows, facts, last_at=at_utc(position.at_ms))
        self._signals[made.id] = watched.gap = made

    def _neighbours(self, mmsi: int, last: Position, now_ms: int) -> int:
        """Ships near the last place that were heard in the later half of the silence."""
        rule = self._rules.gap
        since_ms = (last.at_ms + now_ms) / 2
        degrees = rule.within_nm / 60
        return sum(
            1
            for other, one in self._ships.items()
            if other != mmsi and one.last is not None and one.last.at_ms >= since_ms
            and abs(one.last.lonlat.lat - last.lonlat.lat) <= degrees
            and distance_m(one.last.lonlat, last.lonlat) <= rule.within_nm * NM_M
        )  # fmt: skip

    def _patience_ms(self, watched: _Watched, mmsi: int) -> float:
        """The silence that is usual for its class and what it is doing; the longest where that is not known."""
        rule, intervals, ship = self._rules.gap, self._rules.interval_s, self._known(mmsi)
        moored = watched.motion.state is None or watched.motion.state.kind in {"at_berth", "at_anchor"}
        if ship is None or ship.station_class != "A":
            expected = intervals.b_moored if moored else intervals.b_under_way
        else:
            expected = intervals.a_moored if moored else intervals.a_under_way
        return max(rule.minutes * 60, rule.intervals * expected) * 1000

    def _same_place(self, now_ms: int) -> None:
        rule = self._rules.same_place
        since = now_ms - rule.seconds * 1000
        places: dict[LonLat, list[int]] = {}
        for mmsi, watched in self._ships.items():
            last = watched.last
            if last is not None and last.at_ms >= since and (last.sog_kn or 0.0) > self._rules.under_way.sog_kn:
                places.setdefault(last.lonlat, []).append(mmsi)
        for mmsis in places.values():
            if len(mmsis) >= rule.ships:
                for mmsi in mmsis:
                    last = self._ships[mmsi].last
                    rows = (evidence(last),) if last is not None else ()
                    self._raise("same_place", mmsi, now_ms, {"ships": len(mmsis)}, *rows, subject="same")

    def _imo(self, watched: _Watched, mmsi: int, imo: int, at_ms: int, length_m: int | None) -> None:
        watched.imo_zero_ms = at_ms if imo == 0 and not length_m else None
        if imo == 0:
            if length_m and length_m > self._rules.identity.imo_zero_length_m:
                self._raise("imo_missing", mmsi, at_ms, {"length_m": length_m}, subject="imo")
            return
        if not imo_check_digit_ok(imo):
            self._raise("imo_invalid", mmsi, at_ms, {"imo": imo}, subject=str(imo))
            return
        other = self._by_imo.setdefault(imo, mmsi)
        if other != mmsi:
            for one, two in ((mmsi, other), (other, mmsi)):
                self._raise("two_mmsi_one_imo", one, at_ms, {"imo": imo, "other": f"{two:09d}"}, subject=str(imo))

    def _raise(
        self,
        kind: SignalKind,
        mmsi: int,
        at_ms: int,
        facts: dict[str, JsonValue],
        *rows: Evidence,
        subject: str = "",
        last_ms: int | None = None,
    ) -> None:
        """Open a signal, or keep an open one of the same kind and subject open for longer."""
        opened = self._watched(mmsi, at_ms).open
        held, at = opened.get((kind, subject)), at_utc(last_ms or at_ms)
        if held is not None and held.expires_at > at:
            row = rows[-1] if rows else None
            made = held.more(row, at, self._rules) if row is not None else held
        else:
            evidence_rows = rows or ({"at_utc": at_utc(at_ms).isoformat(), **facts},)
            made = signal(kind, mmsi, at_utc(at_ms), self._rules, tuple(evidence_rows), facts, last_at=at, subject=subject)
        opened[kind, subject] = made
        self._signals[made.id] = made

    def _note(self, event: Event) -> None:
        self._events[event.id] = event


def _berthed(watched: _Watched) -> bool:
    return watched.motion.state is not None and watched.motion.state.kind == "at_berth"
