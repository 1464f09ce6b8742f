"""Owns the acts of targeting: ranking what is in the picture, the queue of a shift, one ship's signals, decisions, what-if.

Never decides a rule: joining, targeting, signals and order are pure and elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from ais.changes import what_would_change
from ais.consequences import Consequence, consequences
from ais.decisions import Decision, NewDecision, confirmed_factors, decide, decisions, ship_key
from ais.event_store import port_calls
from ais.live import LiveShip
from ais.local_rules import LocalHit, local_hits, local_rules
from ais.place import Place, Where, place_of
from ais.ports import Credit, OpenDeficiency, RiskSources
from ais.pose import HullAtPlace
from ais.pose import geometry_and_pose as _geometry_and_pose
from ais.ranking import FeedInfo, KnownShip, RankedShip, Ranking, explain, rank, reassess
from ais.register_service import register_data
from ais.register_signals import RegisterSignals
from ais.risk_signals import RiskSignal, evidence_json, ordered_by_credit, risk_signals, signal_rules
from ais.rules import RulePack, rules_in_force
from ais.service import open_signals, watched_port
from ais.signals import Signal
from ais.store import feeds, load_picture
from ais.text import Bilingual
from ais.whatif import CHANGEABLE, WhatIf, what_if
from core.auth import Principal
from core.clock import rfc3339
from core.context import Services
from core.errors import InputError, NotFound
from core.workdays import SHANGHAI, local_day


@dataclass(frozen=True, slots=True)
class TargetLine:
    """A ranked ship as a shift sees it."""

    key: str
    ship: RankedShip
    place: Place
    signals: tuple[RiskSignal, ...]
    decisions: tuple[Decision, ...]

    @property
    def local(self) -> tuple[LocalHit, ...]:
        """Local rules of the port that the ship meets or may meet; they stand beside the points."""
        ship = self.ship
        return local_hits(local_rules(), ship.join.particular, ship.facts.history, ship.assessment.on)

    @property
    def changes(self) -> tuple[Bilingual, ...]:
        """What would change its place: the next days, the nearest events, what to find out."""
        found = self.ship.assessment
        return what_would_change(found.pack, found.facts, found, found.on)

    @property
    def consequences(self) -> tuple[Consequence, ...]:
        """What the regime says beside profile and priority."""
        return consequences(self.ship.assessment)

    @property
    def last(self) -> Decision | None:
        """The newest selection or skip."""
        return next((one for one in reversed(self.decisions) if one.kind in {"select", "skip"}), None)


@dataclass(frozen=True, slots=True)
class TargetQueue:
    """The ships of a shift in order."""

    ranking: Ranking
    hours: float
    lines: tuple[TargetLine, ...]


def rule_pack(services: Services, on: date | None = None) -> RulePack:
    """The regime in use, in the version of that day; without a day, of today at the port.

    Raises:
        Refused: no version of it is in force on that day.
    """
    return rules_in_force(services.settings.ais.rule_pack, on or local_day(services.clock.now()))


def rank_live(services: Services, on: date, known_at: datetime | None = None) -> Ranking:
    """Rank the stored live picture against the register with the regime of `settings.ais.rule_pack` on that day.

    `known_at`: only what was entered and confirmed by then counts; without it, by the end of that day at the port.
    """
    until = known_at or port_day_end(on)
    pack = rule_pack(services, on)
    ships, feed = _picture(services)
    register = register_data(services, pack, until)
    return rank(pack, ships, register, feed, on, confirmed_factors(decisions(services, until)))


def _picture(services: Services) -> tuple[list[LiveShip], FeedInfo]:
    with services.db.ais_read() as session:
        ships = load_picture(session)
        sources = feeds(session)
    newest = sources[0] if sources else None
    feed = FeedInfo(
        source="" if newest is None else newest.source,
        sentences=0 if newest is None else int(newest.ledger["sentences"]),
        at_utc=services.clock.now(),
    )
    return ships, feed


def rank_ships(services: Services, on: date) -> list[RankedShip]:
    """The ranked list alone, the first one first."""
    return list(rank_live(services, on).ships)


def target_queue(
    services: Services, sources: RiskSources, on: date, hours: float, known_at: datetime | None = None
) -> TargetQueue:
    """Ships in port, at anchor, and arriving within `hours`, in rank order; inside a rank by credit where credit may speak.

    A ship elsewhere is left out, unless it has Priority I or an overriding factor: such a ship is never lost from sight.
    `known_at` as for `rank_live`; signals are those open then. Where ships are is always the picture of now.
    """
    ranking = rank_live(services, on, known_at)
    rules, port = signal_rules(), watched_port(services)
    graded = _credits(sources, ranking.ships, on)
    heard: dict[int, list[Signal]] = {}
    for signal in open_signals(services, known_at or services.clock.now()):
        heard.setdefault(signal.mmsi, []).append(signal)
    taken: dict[str, list[Decision]] = {}
    for decision in decisions(services, known_at or port_day_end(on)):
        taken.setdefault(decision.ship, []).append(decision)
    beside = _register_signals(services, on, known_at or port_day_end(on))
    open_by_ship = _open_by_ship(sources)
    lines: list[TargetLine] = []
    for ship in ordered_by_credit(rules, ranking.ships, graded, on):
        place = place_of(ship.live, port, rules.place)
        near = place.where in {"in_port", "at_anchor"} or (place.hours is not None and place.hours <= hours)
        if not near and not _must_show(ship):
            continue
        key = ship_key(ship.sheet.imo, ship.live.mmsi)
        signals = _signals(open_by_ship.get(key, ()), beside, ship, heard.get(ship.live.mmsi, []), graded)
        lines.append(TargetLine(key, ship, place, tuple(signals), tuple(taken.get(key, ()))))
    return TargetQueue(ranking, hours, tuple(lines))


def target(services: Services, sources: RiskSources, key: str, on: date) -> TargetLine:
    """One ranked ship by IMO number, MMSI, or its key, wherever it is, with its place in the list of that day.

    Raises:
        NotFound: not in the ranked list of that day.
    """
    ship = _find(rank_live(services, on), key)
    own = ship_key(ship.sheet.imo, ship.live.mmsi)
    place = place_of(ship.live, watched_port(services), signal_rules().place)
    return TargetLine(
        own, ship, place, signals_of(services, sources, ship, on), tuple(decisions(services, port_day_end(on), own))
    )


def known_ship(services: Services, key: str, on: date) -> KnownShip:
    """One ship of the picture by IMO number, MMSI or its key, assessed alone: without its place in the list.

    Raises:
        NotFound: not heard, or not in the scope of the regime.
    """
    pack = rule_pack(services, on)
    ships, feed = _picture(services)
    register, until = register_data(services, pack, port_day_end(on)), port_day_end(on)
    found = explain(pack, ships, key, register, feed, on)
    if found is None:
        raise NotFound("ais.not_ranked", imo=key)
    own = ship_key(found.imo, found.live.mmsi)
    standing = confirmed_factors(decisions(services, until, own)).get(own)
    return found if standing is None else replace(found, assessment=reassess(found, standing))


def signals_of(services: Services, sources: RiskSources, ship: KnownShip, on: date) -> tuple[RiskSignal, ...]:
    """Everything beside the points of one ship, as it is open now; credit as of that day."""
    own = ship_key(ship.imo, ship.live.mmsi)
    heard = open_signals(services, services.clock.now(), ship.live.mmsi)
    graded = _credits(sources, (ship,), on)
    beside = _register_signals(services, on, port_day_end(on), ship.live.mmsi)
    return tuple(_signals(_open_by_ship(sources).get(own, ()), beside, ship, heard, graded))


def _register_signals(services: Services, on: date, known_at: datetime, mmsi: int | None = None) -> RegisterSignals:
    with services.db.ais_read() as session:
        here = {call.mmsi: call.arrived_at for call in port_calls(session, mmsi=mmsi, here=True)}
    pack = rule_pack(services, on)
    return RegisterSignals(signal_rules(), pack, register_data(services, pack, known_at), here, on)


def ask_what_if(services: Services, key: str, changes: Mapping[str, str], on: date, then_on: date | None = None) -> WhatIf:
    """The ship of today's list under other facts, or on another day: by the rules, the register and the factors of that day.

    Raises:
        NotFound: not in the picture, or not in scope. InputError: a fact that cannot be changed.
        Refused: no version of the regime is in force on that day.
    """
    wrong = sorted(set(changes) - set(CHANGEABLE))
    if wrong:
        raise InputError("ais.what_if_field", field=wrong[0], known=", ".join(CHANGEABLE))
    day = then_on or on
    pack, until = rule_pack(services, day), port_day_end(day)
    ship = known_ship(services, key, on)
    own = ship_key(ship.imo, ship.live.mmsi)
    confirmed = confirmed_factors(decisions(services, until, own)).get(own, ())
    return what_if(pack, ship, register_data(services, pack, until), changes, day, confirmed)


def decide_target(
    services: Services, sources: RiskSources, who: Principal, key: str, asked: NewDecision, on: date, request: str | None
) -> Decision:
    """Take a decision about a ship of today's list; the evidence is what the list and its signals say now.

    Raises:
        NotFound: the ship is not in the list, or the signal is not open. Else as `decisions.decide`.
    """
    line = target(services, sources, key, on)
    signal = None
    if asked.signal_id is not None:
        signal = next((one for one in line.signals if one.id == asked.signal_id), None)
        if signal is None:
            raise NotFound("ais.signal_missing", signal=asked.signal_id)
    evidence = evidence_of(line, signal)
    return decide(services, who, line.key, asked, _factors(line.ship.assessment.pack), evidence, request)


def evidence_of(line: TargetLine, signal: RiskSignal | None) -> dict[str, Any]:
    """What an officer sees when deciding: place in the list, points by criterion, signals."""
    found = line.ship.assessment
    return {
        "regime": found.regime,
        "regime_version": found.regime_version,
        "on": found.on.isoformat(),
        "rank": line.ship.rank,
        "of": line.ship.of,
        "points": [found.points_low, found.points_high],
        "profile": [found.profile_best, found.profile_worst],
        "priority": found.priority,
        "overriding": list(found.facts.overriding),
        "unexpected": list(found.facts.unexpected),
        "where": line.place.where,
        "criteria": [
            {"id": row.id, "state": row.state, "value": row.value, "source": row.source, "points": row.points}
            for row in found.criteria
        ],
        "signals": [evidence_json(one) for one in line.signals],
        "signal": None if signal is None else evidence_json(signal),
        "ais_source": line.ship.selection.ais_source,
        "at_utc": rfc3339(line.ship.selection.at_utc),
    }


def geometry_and_pose(services: Services, ship: KnownShip) -> HullAtPlace:
    """Hull, place, heading and berth of a ranked ship.

    Raises:
        Refused: something that cannot be guessed is missing; the code says what.
    """
    return _geometry_and_pose(ship, watched_port(services))


def _find(ranking: Ranking, key: str) -> RankedShip:
    wanted = key.removeprefix("mmsi:")
    for ship in ranking.ships:
        if wanted in {ship.sheet.imo, f"{ship.live.mmsi:09d}"}:
            return ship
    raise NotFound("ais.not_ranked", imo=key)


def _must_show(ship: RankedShip) -> bool:
    return bool(ship.assessment.overriding) or ship.assessment.priority == "I"


def _factors(pack: RulePack) -> tuple[str, ...]:
    """Every factor that an officer may confirm under this regime."""
    return tuple(pack.overriding | pack.unexpected)


def _credits(sources: RiskSources, ships: Sequence[KnownShip], on: date) -> Mapping[str, Credit]:
    companies = {ship.company_imo for ship in ships if ship.company_imo}
    return {} if sources.credit is None else sources.credit.credits_of(sorted(companies), on)


def _open_by_ship(sources: RiskSources) -> Mapping[str, Sequence[OpenDeficiency]]:
    return {} if sources.deficiencies is None else sources.deficiencies.open_by_ship()


def _signals(
    held: Sequence[OpenDeficiency],
    beside: RegisterSignals,
    ship: KnownShip,
    heard: Sequence[Signal],
    graded: Mapping[str, Credit],
) -> list[RiskSignal]:
    credit = graded.get(ship.company_imo or "")
    return risk_signals(signal_rules(), ship.assessment.pack, ship.join, heard, held, credit, beside.of(ship))


def port_day_end(on: date) -> datetime:
    """The last moment of a day at the port."""
    return datetime.combine(on + timedelta(days=1), time(), SHANGHAI) - timedelta(milliseconds=1)


__all__ = [
    "TargetLine", "TargetQueue", "Where", "ask_what_if", "decide_target", "evidence_of", "geometry_and_pose", "known_ship", "port_day_end", "rank_live",
    "rank_ships", "rule_pack", "signals_of", "target", "target_queue",
]  # fmt: skip
