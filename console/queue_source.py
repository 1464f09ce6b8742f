"""Owns the ranked list as the queue page shows it: one ranking shared by the views of a few seconds, filtered, cut, one ship in full.

Never ranks by itself and never keeps a decision: `ais` does. What an officer has just decided is always read fresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Literal, cast, get_args

import inspection
from ais.consequences import Consequence
from ais.decisions import Decision, confirmed_factors, decisions, ship_key
from ais.join import Comparison
from ais.local_rules import LocalHit
from ais.place import Place
from ais.ranking import RankedShip
from ais.register_store import RegisterValue, load_ratings
from ais.risk_signals import RiskSignal
from ais.shift_report import ListTerm, list_terms
from ais.targeting import Window
from ais.targets_service import TargetLine, TargetQueue, port_day_end, rule_pack, signals_of, target_queue
from ais.text import Bilingual
from console.risk_sources import risk_sources
from console.selection import eligibility_facts, selection_part
from core.context import Services
from core.errors import NotFound
from core.workdays import local_day
from inspection.record import CriterionPart, EligibilityPart, Verdict

FRESH = timedelta(seconds=5)
"""Views within this time share one ranking; a decision taken here ends it at once."""
HOURS_AHEAD = 24.0
SHOWN = 200

WhereFilter = Literal["near", "in_port", "at_anchor", "arriving", "all"]
PriorityFilter = Literal["any", "I", "II", "none", "open"]
WHERE: tuple[WhereFilter, ...] = get_args(WhereFilter)
PRIORITY: tuple[PriorityFilter, ...] = get_args(PriorityFilter)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the list is asked for. `text`: in name, IMO number, MMSI or flag; `near`: what the shift sees (`target_queue`)."""

    where: WhereFilter = "near"
    priority: PriorityFilter = "any"
    text: str = ""
    limit: int = SHOWN


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One ship of the list."""

    key: str
    name: str
    imo: str | None
    mmsi: str | None
    flag: str | None
    ship_type: str | None
    rank: int
    of: int
    tied_with: int
    points_low: int
    points_high: int
    points_most: int
    profile_best: str
    profile_worst: str
    priority: str | None
    known: int
    total: int
    verdict: Verdict | None = None
    where: str = "elsewhere"
    hours: float | None = None
    overriding: bool = False
    signals: int = 0
    proposing: int = 0
    last: str | None = None

    @property
    def search(self) -> str:
        """What the search box looks in, lower case."""
        return " ".join(part for part in (self.name, self.imo, self.mmsi, self.flag, self.ship_type) if part).lower()


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor of the regime. `standing`: it counts now; `confirmed`: by an officer, so that an officer can withdraw it."""

    code: str
    kind: Literal["overriding", "unexpected"]
    label: Bilingual
    standing: bool = False
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Differing:
    """A field on which sources differ: the value that counts, and what the others say."""

    counts: RegisterValue
    others: tuple[RegisterValue, ...]

    @property
    def all(self) -> tuple[RegisterValue, ...]:
        """The one that counts first."""
        return (self.counts, *self.others)


@dataclass(frozen=True, slots=True)
class QueueShip:
    """One ship in full."""

    line: QueueLine
    criteria: list[CriterionPart]
    eligibility: EligibilityPart | None
    windows: tuple[Window, ...] = ()
    notes: tuple[Bilingual, ...] = ()
    local: tuple[LocalHit, ...] = ()
    consequences: tuple[Consequence, ...] = ()
    changes: tuple[Bilingual, ...] = ()
    signals: tuple[RiskSignal, ...] = ()
    factors: tuple[Factor, ...] = ()
    matched_by: str = "none"
    confidence: float = 0.0
    comparisons: tuple[Comparison, ...] = ()
    differing: tuple[Differing, ...] = ()
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """The list of one moment and one regime. `more`: lines that fit but are not shown; `lists`: what the points rest on."""

    regime: Bilingual
    version: str
    at: datetime
    lines: tuple[QueueLine, ...]
    more: int = 0
    ranked: int = 0
    excluded: int = 0
    lists: tuple[ListTerm, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)


@dataclass(frozen=True, slots=True)
class _Made:
    at: datetime
    on: date
    version: str
    found: TargetQueue
    near: dict[int, TargetLine]
    lists: tuple[ListTerm, ...]


class QueueBoard:
    """The ranking of now, made again when it is older than `FRESH` or when a decision was taken here."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = Lock()
        self._made: _Made | None = None

    def forget(self) -> None:
        """A decision was taken: the next view ranks again."""
        with self._lock:
            self._made = None

    def queue(self, wanted: Wanted) -> Queue:
        """The lines that fit, in rank order, with the verdict on a remote check of those that are shown."""
        made = self._current()
        fitting = (one for one in self._lines(made, wanted) if _fits(*one, wanted))
        shown = [_line(ship, near, made.on) for ship, near in islice(fitting, wanted.limit)]
        ranking = made.found.ranking
        return Queue(
            ranking.name, made.version, made.at, tuple(shown), sum(1 for _ in fitting), len(ranking.ships), len(ranking.excluded),
            made.lists, wanted,
        )  # fmt: skip

    def ship(self, key: str) -> QueueShip:
        """One ship of the ranking, near or not; its decisions are read now.

        Raises:
            NotFound: not in the ranking.
        """
        made = self._current()
        wanted = key.removeprefix("mmsi:")
        found = next((one for one in made.found.ranking.ships if wanted in {one.imo, f"{one.live.mmsi:09d}"}), None)
        if found is None:
            raise NotFound("console.no_ship")
        own = ship_key(found.imo, found.live.mmsi)
        near = made.near.get(found.live.mmsi)
        if near is None:
            signals = signals_of(self._services, risk_sources(self._services), found, made.on)
            near = TargetLine(own, found, Place("elsewhere"), signals, ())
        return _in_full(near, tuple(decisions(self._services, port_day_end(made.on), own)), made.on)

    def _current(self) -> _Made:
        """One at a time: a second view waits for the ranking that the first one makes."""
        with self._lock:
            now = self._services.clock.now()
            held = self._made
            if held is None or not timedelta() <= now - held.at < FRESH or held.on != local_day(now):
                self._made = held = self._make(now)
            return held

    def _make(self, now: datetime) -> _Made:
        on = local_day(now)
        pack = rule_pack(self._services, on)
        found = target_queue(self._services, risk_sources(self._services), on, HOURS_AHEAD)
        with self._services.db.read() as session:
            terms = list_terms(load_ratings(session, pack.regime), on)
        return _Made(now, on, pack.version, found, {line.ship.live.mmsi: line for line in found.lines}, terms)

    def _lines(self, made: _Made, wanted: Wanted) -> Iterator[tuple[RankedShip, TargetLine | None]]:
        if wanted.where == "all":
            return ((ship, made.near.get(ship.live.mmsi)) for ship in made.found.ranking.ships)
        return ((line.ship, line) for line in made.found.lines)


def _fits(ship: RankedShip, near: TargetLine | None, wanted: Wanted) -> bool:
    if wanted.where not in {"near", "all"} and (near is None or near.place.where != wanted.where):
        return False
    if wanted.priority not in {"any", ship.assessment.priority or "open"}:
        return False
    if not wanted.text:
        return True
    sheet = ship.sheet
    said = (sheet.name, sheet.imo, sheet.mmsi, sheet.flag, sheet.call_sign, sheet.company_imo)
    return any(wanted.text.lower() in part.lower() for part in said if part)


def _line(ship: RankedShip, near: TargetLine | None, on: date) -> QueueLine:
    sheet, found = ship.sheet, ship.assessment
    signals = () if near is None else near.signals
    return QueueLine(
        key=sheet.imo or sheet.mmsi or sheet.name, name=sheet.name, imo=sheet.imo, mmsi=sheet.mmsi, flag=sheet.flag,
        ship_type=sheet.ship_type, rank=ship.rank, of=ship.of, tied_with=ship.tied_with, points_low=found.points_low,
        points_high=found.points_high, points_most=sum(row.max_points for row in found.criteria), profile_best=found.profile_best,
        profile_worst=found.profile_worst, priority=found.priority, known=found.known, total=found.total,
        verdict=_eligibility(ship, on).verdict, where="elsewhere" if near is None else near.place.where,
        hours=None if near is None else near.place.hours, overriding=bool(found.overriding), signals=len(signals),
        proposing=sum(one.proposes is not None for one in signals), last=None if near is None or near.last is None else near.last.kind,
    )  # fmt: skip


def _eligibility(ship: RankedShip, on: date) -> EligibilityPart:
    return inspection.judge(inspection.packs()["first_check"], eligibility_facts(ship, on)).part


def _in_full(line: TargetLine, taken: tuple[Decision, ...], on: date) -> QueueShip:
    ship, found = line.ship, line.ship.assessment
    entry = ship.join.particular
    windows = tuple(dict.fromkeys(one for one in (found.window_best, found.window_worst) if one is not None))
    return QueueShip(
        line=_line(ship, line, on), criteria=selection_part(ship).criteria, eligibility=_eligibility(ship, on), windows=windows,
        notes=found.notes, local=line.local, consequences=line.consequences, changes=line.changes, signals=line.signals,
        factors=_factors(line, taken), matched_by=ship.join.matched_by, confidence=ship.join.confidence,
        comparisons=ship.join.comparisons,
        differing=() if entry is None else tuple(
            Differing(value, tuple(one for one in entry.others if one.field == name))
            for name, value in sorted(entry.values.items())
            if any(one.field == name for one in entry.others)
        ),
        decisions=taken,
    )  # fmt: skip


def _factors(line: TargetLine, taken: tuple[Decision, ...]) -> tuple[Factor, ...]:
    found = line.ship.assessment
    standing = {*found.facts.overriding, *found.facts.unexpected}
    confirmed = {code for codes in confirmed_factors(taken).values() for code in codes}
    kinds = (("overriding", found.pack.overriding), ("unexpected", found.pack.unexpected))
    return tuple(
        Factor(
            code, cast("Literal['overriding', 'unexpected']", kind), Bilingual(label.zh, label.en), code in standing,
            code in confirmed,
        )
        for kind, labels in kinds
        for code, label in labels.items()
    )  # fmt: skip
