"""Owns collecting what is known about a ship on a day, each fact with its source or the reason why it is unknown.

Never gives points and never fills a gap with a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Generic, TypeVar

from ais.codes import flag_of, ship_types
from ais.join import Join
from ais.live import LiveShip
from ais.performance import flag_rating
from ais.register import Particular
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
    """

    inspections: tuple[Inspection, ...]
    last_on: date | None
    complete: bool
    last_known: bool
    source: str | None
    gap: Bilingual | None


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

    def __init__(self, ratings: Sequence[Rating], on: date, formula: FlagFormula | None = None) -> None:
        self._on = on
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
        self._no_entry = say("targets.unknown.no_entry")
        self._no_value = say("targets.unknown.no_value")
        self._types: dict[tuple[str, str] | int | None, Fact[frozenset[str]]] = {}
        self._built: dict[tuple[str, str], Fact[Built]] = {}
        self._missing: dict[bool, Fact[Any]] = {
            True: Fact(None, unknown=self._no_value),
            False: Fact(None, unknown=self._no_entry),
        }

    def of(self, ship: LiveShip | None, join: Join, inspections: Sequence[Inspection]) -> ShipFacts:
        """The facts of one ship."""
        entry, pack = join.particular, self._pack
        values = {} if entry is None else entry.values
        missing = self._missing[entry is not None]
        built = self._built_of(values.get("build_date"), missing)
        flag = _flag(ship, values.get("flag"))
        ro, company = values.get("ro"), values.get("company_imo")
        overriding, unexpected = _factors(values.get("overriding_factor")), _factors(values.get("unexpected_factor"))
        return ShipFacts(
            types=self._types_of(ship, values.get("ship_type"), missing),
            built=built,
            ratings={
                "flag": missing if flag is None else self._lists.of("flag", flag),
                "ro": missing if ro is None else self._lists.of("ro", ro.value),
                "company": missing if company is None else self._lists.of("company", company.value),
            },
            history=self._history(entry, inspections, built.value),
            overriding=tuple([one for one in overriding if one in pack.overriding]),
            unexpected=tuple([one for one in unexpected if one in pack.unexpected]),
            unknown_factors=(
                *[one for one in overriding if one not in pack.overriding],
                *[one for one in unexpected if one not in pack.unexpected],
            ),
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

    def _history(self, entry: Particular | None, inspections: Sequence[Inspection], built: Built | None) -> History:
        on, start = self._on, self._window_from
        past = [item for item in inspections if item.inspected_on <= on and item.mode == "onboard"]
        last = past[-1] if past else None
        vouched_from = None if entry is None else entry.day("psc_history_from")
        vouched_to = None if entry is None else entry.day("psc_history_to")
        fresh = vouched_to is not None and vouched_to >= self._fresh_from
        needed_from = start if built is None else max(start, built.earliest)
        gap: Bilingual | None = None
        if entry is None:
            gap = self._no_entry
        elif vouched_from is None or vouched_to is None:
            gap = say("targets.unknown.no_history")
        elif not fresh:
            gap = say("targets.unknown.history_stale", last=vouched_to.isoformat())
        elif vouched_from > needed_from:
            gap = say("targets.unknown.history_short", first=vouched_from.isoformat(), needed=needed_from.isoformat())
        return History(
            inspections=tuple([item for item in past if item.inspected_on >= start]),
            last_on=None if last is None else last.inspected_on,
            complete=gap is None,
            last_known=gap is None or (fresh and last is not None),
            source=last.source if last is not None else None if entry is None else entry.source("psc_history_to"),
            gap=gap,
        )


def _factors(said: RegisterValue | None) -> tuple[str, ...]:
    return () if said is None else tuple(part.strip() for part in said.value.split(";") if part.strip())


def _flag(ship: LiveShip | None, registered: RegisterValue | None) -> str | None:
    return registered.value if registered is not None else None if ship is None else flag_of(ship.mmsi)


def _built(text: str) -> Built:
    if len(text) == 4:
        return Built(date(int(text), 1, 1), date(int(text), 12, 31))
    day = date.fromisoformat(text)
    return Built(day, day)
