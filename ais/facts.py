"""Owns collecting what is known about a ship on a day, each fact with its source or the reason why it is unknown.

Never gives points and never fills a gap with a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Generic, TypeVar

from ais.codes import flag_of, ship_types
from ais.join import Join
from ais.live import LiveShip
from ais.performance import flag_rating
from ais.register import Particular
from ais.register_store import Inspection, Rating
from ais.rules import FlagFormula, ListKind, RulePack, add_months
from ais.text import Bilingual, say

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """A value with its source, or None with the reason in words."""

    value: T | None
    source: str | None = None
    unknown: Bilingual | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """Days between which the ship was built; equal where the day is known."""

    earliest: date
    latest: date


@dataclass(frozen=True, slots=True)
class History:
    """Inspections inside the window that ends today, both ends included.

    `complete`: the source vouches for the whole window; else the list is a lower bound. `last_known`: so is the last date.
    """

    inspections: tuple[Inspection, ...]
    last_on: date | None
    complete: bool
    last_known: bool
    source: str | None
    gap: Bilingual | None


@dataclass(frozen=True, slots=True)
class ShipFacts:
    """Input of the engine."""

    types: Fact[frozenset[str]]
    built: Fact[Built]
    ratings: Mapping[ListKind, Fact[Rating]]
    history: History
    overriding: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    unknown_factors: tuple[str, ...] = ()
    flag: str | None = None


class RatingLists:
    """Lists of a regime on a day; a list whose term has run out is refused."""

    def __init__(self, ratings: Sequence[Rating], on: date, formula: FlagFormula | None = None) -> None:
        self._on = on
        self._formula = formula
        self._lines: dict[tuple[ListKind, str], Rating] = {}
        self._newest_end: dict[ListKind, date] = {}
        self._in_force: set[ListKind] = set()
        for line in ratings:
            end = self._newest_end.get(line.kind)
            self._newest_end[line.kind] = line.valid_to if end is None else max(end, line.valid_to)
            if line.valid_from <= on <= line.valid_to:
                self._in_force.add(line.kind)
                self._lines[line.kind, line.key] = line

    def of(self, kind: ListKind, key: Fact[str]) -> Fact[Rating]:
        """The line of `key`, or why there is none."""
        if key.value is None:
            return Fact(None, unknown=key.unknown)
        if kind not in self._in_force:
            end = self._newest_end.get(kind)
            if end is None:
                return Fact(None, unknown=say("targets.unknown.no_list"))
            return Fact(None, unknown=say("targets.unknown.list_expired", valid_to=end.isoformat(), on=self._on.isoformat()))
        line = self._lines.get((kind, key.value.upper()))
        if line is None:
            return Fact(None, unknown=say("targets.unknown.not_on_list", entry=key.value))
        if line.rating is None and self._formula and line.inspections is not None and line.detentions is not None:
            line = replace(line, rating=flag_rating(self._formula, line.inspections, line.detentions))
        return Fact(line, f"{line.source} ({line.valid_from.isoformat()} – {line.valid_to.isoformat()})")


def facts_of(
    ship: LiveShip | None,
    join: Join,
    inspections: Sequence[Inspection],
    lists: RatingLists,
    pack: RulePack,
    on: date,
) -> ShipFacts:
    """Everything the rule table asks for. `inspections` are this ship's in the regime's region, oldest first."""
    entry = join.particular
    built = _built(entry)
    flag = _flag(ship, entry)
    factors = _factors(entry, "overriding_factor")
    unexpected = _factors(entry, "unexpected_factor")
    return ShipFacts(
        types=_types(ship, entry),
        built=built,
        ratings={
            "flag": lists.of("flag", flag),
            "ro": lists.of("ro", _field(entry, "ro")),
            "company": lists.of("company", _field(entry, "company_imo")),
        },
        history=_history(entry, inspections, built.value, pack, on),
        overriding=tuple(factor for factor in factors if factor in pack.overriding),
        unexpected=tuple(factor for factor in unexpected if factor in pack.unexpected),
        unknown_factors=(
            *(factor for factor in factors if factor not in pack.overriding),
            *(factor for factor in unexpected if factor not in pack.unexpected),
        ),
        flag=flag.value,
    )


def _value(entry: Particular | None, name: str) -> str | None:
    return None if entry is None else entry.get(name)


def _factors(entry: Particular | None, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in (_value(entry, name) or "").split(";") if part.strip())


def _field(entry: Particular | None, name: str) -> Fact[str]:
    if entry is None:
        return Fact(None, unknown=say("targets.unknown.no_entry"))
    value = entry.get(name)
    if value is None:
        return Fact(None, unknown=say("targets.unknown.no_value"))
    return Fact(value, entry.source(name))


def _types(ship: LiveShip | None, entry: Particular | None) -> Fact[frozenset[str]]:
    registered = _field(entry, "ship_type")
    if registered.value is not None:
        return Fact(frozenset((registered.value,)), registered.source)
    code = None if ship is None else ship.ship_type
    candidates = ship_types().from_ais(code)
    if not candidates:
        return Fact(None, unknown=registered.unknown)
    return Fact(candidates, f"AIS {code}")


def _flag(ship: LiveShip | None, entry: Particular | None) -> Fact[str]:
    registered = _field(entry, "flag")
    if registered.value is not None or ship is None:
        return registered
    flag = flag_of(ship.mmsi)
    return Fact(flag, "AIS MMSI (MID)") if flag is not None else registered


def _built(entry: Particular | None) -> Fact[Built]:
    fact = _field(entry, "build_date")
    if fact.value is None:
        return Fact(None, unknown=fact.unknown)
    if len(fact.value) == 4:
        year = int(fact.value)
        return Fact(Built(date(year, 1, 1), date(year, 12, 31)), fact.source)
    day = date.fromisoformat(fact.value)
    return Fact(Built(day, day), fact.source)


def _history(
    entry: Particular | None, inspections: Sequence[Inspection], built: Built | None, pack: RulePack, on: date
) -> History:
    start = add_months(on, -pack.history_months)
    past = [item for item in inspections if item.inspected_on <= on and item.mode == "onboard"]
    inside = tuple(item for item in past if item.inspected_on >= start)
    first = None if entry is None else entry.day("psc_history_from")
    last = None if entry is None else entry.day("psc_history_to")
    needed_from = start if built is None else max(start, built.earliest)
    gap: Bilingual | None = None
    if entry is None:
        gap = say("targets.unknown.no_entry")
    elif first is None or last is None:
        gap = say("targets.unknown.no_history")
    elif last < on - timedelta(days=pack.history_stale_days):
        gap = say("targets.unknown.history_stale", last=last.isoformat())
    elif first > needed_from:
        gap = say("targets.unknown.history_short", first=first.isoformat(), needed=needed_from.isoformat())
    ends_today = last is not None and last >= on - timedelta(days=pack.history_stale_days)
    return History(
        inspections=inside,
        last_on=past[-1].inspected_on if past else None,
        complete=gap is None,
        last_known=gap is None or (ends_today and bool(past)),
        source=past[-1].source if past else None if entry is None else entry.source("psc_history_to"),
        gap=gap,
    )
