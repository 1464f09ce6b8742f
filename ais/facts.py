"""Owns collecting what is known about a ship on a day, each fact with its source or the reason why it is unknown.

Never gives points and never fills a gap with a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Generic, TypeVar

from ais.codes import flag_of, ship_types
from ais.companies import Companies
from ais.join import Join
from ais.live import LiveShip
from ais.performance import flag_rating
from ais.register_store import Inspection, Rating, RegisterValue
from ais.rules import FlagFormula, ListKind, RulePack, add_months
from ais.text import Bilingual, say

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Fact(Generic[T]):
    """A value with its source, or None with the reason in words. `how`: how the value was reckoned, where it was.

    Compared by identity: ships of which the same is known share one fact, so that it is judged once.
    """

    value: T | None
    source: str | None = None
    unknown: Bilingual | None = None
    how: Bilingual | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """Days between which the ship was built; equal where the day is known."""

    earliest: date
    latest: date


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Inspections inside the window that ends today, both ends included.

    `complete`: the source vouches for the whole window; else the list is a lower bound. `last_known`: so is the last date.
    `past`: every inspection up to today, also those before the window.
    """

    inspections: tuple[Inspection, ...]
    last_on: date | None
    complete: bool
    last_known: bool
    source: str | None
    gap: Bilingual | None
    past: tuple[Inspection, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
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

    def __init__(
        self, ratings: Sequence[Rating], on: date, formula: FlagFormula | None = None, companies: Companies | None = None
    ) -> None:
        """`companies`: what the register's own inspections show; it comes before an imported list of companies."""
        self._on = on
        self._companies = companies
        self._formula = formula
        self._lines: dict[tuple[ListKind, str], Rating] = {}
        self._newest_end: dict[ListKind, date] = {}
        self._in_force: set[ListKind] = set()
        self._found: dict[tuple[ListKind, str], Fact[Rating]] = {}
        for line in ratings:
            end = self._newest_end.get(line.kind)
            self._newest_end[line.kind] = line.valid_to if end is None else max(end, line.valid_to)
            if line.valid_from <= on <= line.valid_to:
                self._in_force.add(line.kind)
                self._lines[line.kind, line.key] = line

    def of(self, kind: ListKind, key: str) -> Fact[Rating]:
        """The line of `key`, or why there is none."""
        found = self._found.get((kind, key))
        if found is None:
            found = self._found[kind, key] = self._line(kind, key)
        return found

    def _line(self, kind: ListKind, key: str) -> Fact[Rating]:
        reckoned = self._companies.of(key) if kind == "company" and self._companies is not None else None
        if reckoned is not None and reckoned.rating is not None:
            return Fact(reckoned.rating, reckoned.source, how=reckoned.how)
        listed = self._listed(kind, key)
        if reckoned is None:
            return listed
        if listed.value is None:
            return Fact(None, unknown=reckoned.how)
        return Fact(listed.value, listed.source, how=reckoned.how)

    def _listed(self, kind: ListKind, key: str) -> Fact[Rating]:
        if kind not in self._in_force:
            end = self._newest_end.get(kind)
            if end is None:
                return Fact(None, unknown=say("targets.unknown.no_list"))
            return Fact(None, unknown=say("targets.unknown.list_expired", valid_to=end.isoformat(), on=self._on.isoformat()))
        line = self._lines.get((kind, key.upper()))
        if line is None:
            return Fact(None, unknown=say("targets.unknown.not_on_list", entry=key))
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
    """Everything the rule table asks for about one ship. `inspections` are its own in the regime's region, oldest first."""
    return FactFinder(lists, pack, on).of(ship, join, inspections)


class FactFinder:
    """Collects the facts of any number of ships for one regime on one day; what is equal is one object."""

    def __init__(self, lists: RatingLists, pack: RulePack, on: date) -> None:
        self._lists, self._pack, self._on = lists, pack, on
        self._window_from = add_months(on, -pack.history_months)
        self._fresh_from = on - timedelta(days=pack.history_stale_days)
        self._no_history = say("targets.unknown.no_history")
        self._days: dict[str, date] = {}
        self._types: dict[tuple[str, str] | int | None, Fact[frozenset[str]]] = {}
        self._built: dict[tuple[str, str], Fact[Built]] = {}
        self._no_entry: Fact[Any] = Fact(None, unknown=say("targets.unknown.no_entry"))
        self._no_value: Fact[Any] = Fact(None, unknown=say("targets.unknown.no_value"))

    def of(self, ship: LiveShip | None, join: Join, inspections: Sequence[Inspection]) -> ShipFacts:
        """The facts of one ship."""
        entry, pack = join.particular, self._pack
        values = {} if entry is None else entry.values
        missing = self._no_entry if entry is None else self._no_value
        built = self._built_of(values.get("build_date"), missing)
        flag = _flag(ship, values.get("flag"))
        ro, company = values.get("ro"), values.get("company_imo")
        overriding = _factors(values.get("overriding_factor"), pack.overriding)
        unexpected = _factors(values.get("unexpected_factor"), pack.unexpected)
        return ShipFacts(
            types=self._types_of(ship, values.get("ship_type"), missing),
            built=built,
            ratings={
                "flag": missing if flag is None else self._lists.of("flag", flag),
                "ro": missing if ro is None else self._lists.of("ro", ro.value),
                "company": missing if company is None else self._lists.of("company", company.value),
            },
            history=self._history(values, inspections, built.value, missing.unknown),
            overriding=overriding[0],
            unexpected=unexpected[0],
            unknown_factors=overriding[1] + unexpected[1],
            flag=flag,
        )

    def _types_of(
        self, ship: LiveShip | None, registered: RegisterValue | None, missing: Fact[frozenset[str]]
    ) -> Fact[frozenset[str]]:
        if registered is not None:
            key = registered.value, registered.said_by
            found = self._types.get(key)
            if found is None:
                found = self._types[key] = Fact(frozenset((registered.value,)), registered.said_by)
            return found
        code = None if ship is None else ship.ship_type
        candidates = ship_types().from_ais(code)
        if not candidates:
            return missing
        heard = self._types.get(code)
        if heard is None:
            heard = self._types[code] = Fact(candidates, f"AIS {code}")
        return heard

    def _built_of(self, registered: RegisterValue | None, missing: Fact[Built]) -> Fact[Built]:
        if registered is None:
            return missing
        key = registered.value, registered.said_by
        found = self._built.get(key)
        if found is None:
            found = self._built[key] = Fact(_built(registered.value), registered.said_by)
        return found

    def _history(
        self,
        values: Mapping[str, RegisterValue],
        inspections: Sequence[Inspection],
        built: Built | None,
        no_value: Bilingual | None,
    ) -> History:
        on, start = self._on, self._window_from
        past = tuple([item for item in inspections if item.inspected_on <= on and item.mode == "onboard"])
        last = past[-1] if past else None
        vouched_from, vouched_to = self._day(values.get("psc_history_from")), self._day(values.get("psc_history_to"))
        fresh = vouched_to is not None and vouched_to >= self._fresh_from
        needed_from = start if built is None or built.earliest < start else built.earliest
        gap: Bilingual | None = None
        if not values:
            gap = no_value
        elif vouched_from is None or vouched_to is None:
            gap = self._no_history
        elif not fresh:
            gap = say("targets.unknown.history_stale", last=vouched_to.isoformat())
        elif vouched_from > needed_from:
            gap = say("targets.unknown.history_short", first=vouched_from.isoformat(), needed=needed_from.isoformat())
        source = last.source if last is not None else values["psc_history_to"].said_by if vouched_to is not None else None
        return History(
            inspections=past
            if not past or past[0].inspected_on >= start
            else tuple([one for one in past if one.inspected_on >= start]),
            last_on=None if last is None else last.inspected_on,
            complete=gap is None,
            last_known=gap is None or (fresh and last is not None),
            source=source,
            gap=gap,
            past=past,
        )

    def _day(self, said: RegisterValue | None) -> date | None:
        if said is None:
            return None
        found = self._days.get(said.value)
        if found is None:
            found = self._days[said.value] = date.fromisoformat(said.value)
        return found


def _factors(said: RegisterValue | None, known: Mapping[str, object]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The factors that the regime has, and what it does not have."""
    if said is None:
        return _NO_FACTORS
    factors = [part.strip() for part in said.value.split(";") if part.strip()]
    return tuple(one for one in factors if one in known), tuple(one for one in factors if one not in known)


_NO_FACTORS: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def _flag(ship: LiveShip | None, registered: RegisterValue | None) -> str | None:
    return registered.value if registered is not None else None if ship is None else flag_of(ship.mmsi)


def _built(text: str) -> Built:
    if len(text) == 4:
        return Built(date(int(text), 1, 1), date(int(text), 12, 31))
    day = date.fromisoformat(text)
    return Built(day, day)
