"""Owns the ranked list: ships in scope with their assessment, ordered by what is certain, ties named.

Never orders by an unknown: ships that differ only by unknowns have the same rank.

Order: overriding factor, then certain Priority I, then certain Priority II, then the rest; inside each by the points that are
certain (`points_low`), most first. Equal on both = same rank. Inside a tie the list shows the higher possible points first,
then the MMSI: that is for reading only and changes no rank.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter

from ais.codes import flag_of
from ais.companies import Companies
from ais.facts import FactFinder, RatingLists, ShipFacts
from ais.join import Join, RegisterIndex
from ais.live import LiveShip
from ais.records import Company, PortReport
from ais.register import Particular
from ais.register_store import Inspection, Rating
from ais.rules import RulePack
from ais.targeting import Assessment, Assessor, Criterion
from ais.text import Bilingual


@dataclass(frozen=True, slots=True)
class ShipSheet:
    """What is known of the ship; field names equal `inspection.record.ShipPart`. Metres; register before AIS."""

    name: str
    imo: str | None
    mmsi: str | None
    call_sign: str | None
    flag: str | None
    ship_type: str | None
    year_built: int | None
    gross_tonnage: float | None
    company_imo: str | None
    loa_m: float | None
    beam_m: float | None
    depth_m: float | None
    draught_m: float | None
    estimated: list[str]
    simulated: bool


@dataclass(frozen=True, slots=True)
class RemoteFacts:
    """What a judgement about remote checking needs to know; None = unknown."""

    profile_best: str
    profile_worst: str
    priority: str | None
    overriding: bool
    detained: bool | None
    under_investigation: bool | None
    trigger: str | None
    network_ok: bool | None
    crew_skilled: bool | None
    accepts_remote_risk: bool | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Place in the ranked list at one moment; field names equal `inspection.record.SelectionPart`."""

    regime: str
    regime_version: str
    rank: int
    tied_with: int
    of: int
    points_low: int
    points_high: int
    profile_best: str
    profile_worst: str
    priority: str | None
    known: int
    criteria: list[Criterion]
    ais_source: str
    ais_sentences: int
    at_utc: datetime


@dataclass(frozen=True, slots=True)
class KnownShip:
    """A ship in scope with all that is known of it and what the regime says."""

    live: LiveShip
    join: Join
    assessment: Assessment
    feed: FeedInfo

    @property
    def facts(self) -> ShipFacts:
        return self.assessment.facts

    @property
    def company_imo(self) -> str | None:
        return None if self.join.particular is None else self.join.particular.get("company_imo")

    @property
    def imo(self) -> str | None:
        return _imo(self.live, self.join.particular)

    @property
    def sheet(self) -> ShipSheet:
        return sheet_of(self.live, self.join.particular)

    @property
    def reasons(self) -> tuple[Bilingual, ...]:
        """Why it stands here: priority, then each criterion that gives points."""
        return self.assessment.reasons

    @property
    def remote(self) -> RemoteFacts:
        entry, found = self.join.particular, self.assessment
        return RemoteFacts(
            profile_best=found.profile_best,
            profile_worst=found.profile_worst,
            priority=found.priority,
            overriding=bool(found.overriding),
            detained=None if entry is None else entry.flag("detained"),
            under_investigation=None if entry is None else entry.flag("under_investigation"),
            trigger=None if entry is None else entry.get("trigger"),
            network_ok=None if entry is None else entry.flag("network_ok"),
            crew_skilled=None if entry is None else entry.flag("crew_skilled"),
            accepts_remote_risk=None if entry is None else entry.flag("accepts_remote_risk"),
        )


@dataclass(frozen=True, slots=True)
class RankedShip(KnownShip):
    """One line of the ranked list."""

    rank: int
    tied_with: int
    of: int

    @property
    def selection(self) -> Selection:
        """Its place as it is now, to be kept with the case."""
        found = self.assessment
        return Selection(
            regime=found.regime,
            regime_version=found.regime_version,
            rank=self.rank,
            tied_with=self.tied_with,
            of=self.of,
            points_low=found.points_low,
            points_high=found.points_high,
            profile_best=found.profile_best,
            profile_worst=found.profile_worst,
            priority=found.priority,
            known=found.known,
            criteria=list(found.criteria),
            ais_source=self.feed.source,
            ais_sentences=self.feed.sentences,
            at_utc=self.feed.at_utc,
        )


@dataclass(frozen=True, slots=True)
class Ranking:
    """The list, and who is not on it because the regime does not cover them."""

    regime: str
    name: Bilingual
    on: date
    ships: tuple[RankedShip, ...]
    excluded: tuple[LiveShip, ...]


@dataclass(frozen=True, slots=True)
class RegisterData:
    """Everything that the register, the history and the lists hold."""

    index: RegisterIndex
    history: dict[int, list[Inspection]]
    ratings: Sequence[Rating]
    companies: Sequence[Company] = ()
    reports: Sequence[PortReport] = ()

    def lists(self, pack: RulePack, on: date) -> RatingLists:
        """The lists of a regime on a day, company performance from the register's own inspections before an imported list."""
        known = Companies(pack, on, self.companies, self.history, self.index.ships_of_companies()) if self.companies else None
        return RatingLists(self.ratings, on, pack.flag_formula, known)


@dataclass(frozen=True, slots=True)
class FeedInfo:
    """Where the live picture came from."""

    source: str
    sentences: int
    at_utc: datetime


def rank(
    pack: RulePack,
    ships: Iterable[LiveShip],
    register: RegisterData,
    feed: FeedInfo,
    on: date,
    confirmed: Mapping[str, Sequence[str]] | None = None,
) -> Ranking:
    """Assess every ship in scope and put them in order.

    `confirmed`: factors that an officer confirmed, by IMO number or ``mmsi:`` and MMSI; on top of the register's.
    """
    with _without_collector():
        return _rank(pack, ships, register, feed, on, confirmed or {})


@contextmanager
def _without_collector() -> Iterator[None]:
    """A ranking makes a hundred thousand small objects and no cycle: looking for cycles costs a third of the time.

    Freezing and thawing puts what was made among the old objects, so that the first look afterwards does not go through it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def _rank(
    pack: RulePack,
    ships: Iterable[LiveShip],
    register: RegisterData,
    feed: FeedInfo,
    on: date,
    confirmed: Mapping[str, Sequence[str]],
) -> Ranking:
    finder = FactFinder(register.lists(pack, on), pack, on)
    assessor = Assessor(pack, on)
    assessed: list[tuple[int, int, int, int, LiveShip, Join, Assessment]] = []  # the sort key, then what is sorted
    excluded: list[LiveShip] = []
    for ship in ships:
        if not ship.is_ship:
            continue
        join = register.index.join(ship)
        entry = join.particular
        history = register.history.get(entry.imo or 0, ()) if entry is not None else ()
        facts = finder.of(ship, join, history)
        if _out_of_scope(pack, ship, join, facts.types.value):
            excluded.append(ship)
            continue
        if confirmed and (extra := confirmed.get(_imo(ship, entry) or f"mmsi:{ship.mmsi:09d}")):
            facts = with_factors(pack, facts, extra)
        found = assessor.assess(facts)
        group, points = sort_key(found)
        assessed.append((group, points, -found.points_high, ship.mmsi, ship, join, found))
    assessed.sort(key=itemgetter(0, 1, 2, 3))
    same = Counter(item[:2] for item in assessed)
    lines: list[RankedShip] = []
    rank_now, before = 0, None
    for place, (group, points, _, _, ship, join, found) in enumerate(assessed, start=1):
        if (group, points) != before:
            rank_now, before = place, (group, points)
        lines.append(RankedShip(ship, join, found, feed, rank_now, same[group, points] - 1, len(assessed)))
    return Ranking(pack.regime, Bilingual(pack.name_zh, pack.name_en), on, tuple(lines), tuple(excluded))


def explain(
    pack: RulePack,
    ships: Iterable[LiveShip],
    key: str,
    register: RegisterData,
    feed: FeedInfo,
    on: date,
) -> KnownShip | None:
    """The one of `ships` with this IMO number or MMSI, assessed alone and so without a place; None where it is not in scope."""
    for ship in ships:
        if not ship.is_ship:
            continue
        join = register.index.join(ship)
        if key not in {_imo(ship, join.particular), f"{ship.mmsi:09d}", f"mmsi:{ship.mmsi:09d}"}:
            continue
        entry = join.particular
        history = register.history.get(entry.imo or 0, ()) if entry is not None else ()
        facts = FactFinder(register.lists(pack, on), pack, on).of(ship, join, history)
        if _out_of_scope(pack, ship, join, facts.types.value):
            return None
        return KnownShip(ship, join, Assessor(pack, on).assess(facts), feed)
    return None


def reassess(ship: KnownShip, confirmed: Iterable[str]) -> Assessment:
    """The assessment with factors that an officer confirmed."""
    by = ship.assessment.by
    return by.assess(with_factors(by.pack, ship.facts, confirmed))


def with_factors(pack: RulePack, facts: ShipFacts, confirmed: Iterable[str]) -> ShipFacts:
    """The facts with factors that an officer confirmed, each where the regime has it; one that it does not have is named."""
    factors = tuple(confirmed)
    strange = (one for one in factors if one not in pack.overriding and one not in pack.unexpected)
    return replace(
        facts,
        overriding=tuple(dict.fromkeys((*facts.overriding, *(one for one in factors if one in pack.overriding)))),
        unexpected=tuple(dict.fromkeys((*facts.unexpected, *(one for one in factors if one in pack.unexpected)))),
        unknown_factors=tuple(dict.fromkeys((*facts.unknown_factors, *strange))),
    )


def sort_key(assessment: Assessment) -> tuple[int, int]:
    """Only what is certain: group, then points."""
    group = 0 if assessment.facts.overriding else {"I": 1, "II": 2}.get(assessment.priority or "", 3)
    return group, -assessment.points_low


def _out_of_scope(pack: RulePack, ship: LiveShip, join: Join, types: frozenset[str] | None) -> bool:
    """Types the regime does not cover; class B craft unless the register knows them."""
    if types is not None and types <= pack.excluded_types:
        return True
    return ship.station_class == "B" and join.particular is None


def sheet_of(ship: LiveShip, entry: Particular | None) -> ShipSheet:
    """Register values first, what the ship sends where the register has none."""
    sides = ship.dimensions
    built = None if entry is None else entry.get("build_date")
    return ShipSheet(
        name=(None if entry is None else entry.get("name")) or ship.name or f"MMSI {ship.mmsi:09d}",
        imo=_imo(ship, entry),
        mmsi=f"{ship.mmsi:09d}",
        call_sign=ship.call_sign or (None if entry is None else entry.get("call_sign")),
        flag=(None if entry is None else entry.get("flag")) or flag_of(ship.mmsi),
        ship_type=None if entry is None else entry.get("ship_type"),
        year_built=None if built is None else int(built[:4]),
        gross_tonnage=None if entry is None else entry.number("gross_tonnage"),
        company_imo=None if entry is None else entry.get("company_imo"),
        loa_m=_first(None if entry is None else entry.number("loa_m"), None if sides is None else float(sides.length_m)),
        beam_m=_first(None if entry is None else entry.number("beam_m"), None if sides is None else float(sides.beam_m)),
        depth_m=None if entry is None else entry.number("depth_m"),
        draught_m=_first(ship.draught_m, None if entry is None else entry.number("draught_max_m")),
        estimated=[],
        simulated=entry is not None and entry.flag("simulated") is True,
    )


def _imo(ship: LiveShip, entry: Particular | None) -> str | None:
    if entry is not None and entry.imo is not None:
        return f"{entry.imo:07d}"
    return None if ship.valid_imo is None else str(ship.valid_imo)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value), None)
