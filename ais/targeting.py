"""Owns applying a risk rule pack to the facts of a ship: points with reasons, profile range, inspection window, priority.

Never reads a database or a clock, holds no threshold, and never counts an unknown as zero: it becomes a range.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from ais.codes import Label, ship_types
from ais.facts import Built, Fact, History, ShipFacts
from ais.register_store import Rating
from ais.rules import (
    Attested,
    CriterionRule,
    DeficientInspections,
    Detentions,
    OlderThanYears,
    Profile,
    RatingIn,
    RulePack,
    TypeIn,
    add_months,
)
from ais.text import Bilingual, say

State = Literal["met", "not_met", "unknown"]
Priority = Literal["I", "II", "none"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One row of the table as it was applied; field names equal `inspection.record.CriterionPart`."""

    id: str
    label: Bilingual
    value: str | None
    source: str | None
    state: State
    points: int | None
    max_points: int
    reason: Bilingual


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """A criterion with the points it gives at least and at most, and whether the low-risk condition holds.

    `about` is what was judged. The words are made when they are read: a ranking orders by the figures alone.
    """

    rule: CriterionRule
    about: Fact[Any] | History
    state: State
    points_low: int
    points_high: int
    max_points: int
    lrs: State

    @property
    def criterion(self) -> Criterion:
        value = _value(self)
        source = None if value is None and isinstance(self.about, Fact) else self.about.source
        points = None if self.state == "unknown" else self.points_low
        return Criterion(self.rule.id, self.rule.words, value, source, self.state, points, self.max_points, self.reason)

    @property
    def reason(self) -> Bilingual:
        """Why it was judged so."""
        return _reason_of_history(self, self.about) if isinstance(self.about, History) else _reason_of_fact(self, self.about)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Judgement) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    @property
    def _content(self) -> tuple[Criterion, int, int, State]:
        return self.criterion, self.points_low, self.points_high, self.lrs


@dataclass(frozen=True, slots=True)
class Window:
    """First and last day on which an inspection is due, both included."""

    opens: date
    closes: date


@dataclass(frozen=True, slots=True)
class Assessment:
    """A ship against one regime on one day. Best and worst differ only by what is unknown."""

    regime: str
    regime_version: str
    on: date
    judgements: tuple[Judgement, ...]
    points_low: int
    points_high: int
    profile_best: Profile
    profile_worst: Profile
    window_best: Window | None
    window_worst: Window | None
    priority: Priority | None
    priority_best: Priority | None
    priority_worst: Priority | None
    facts: ShipFacts = field(compare=False, repr=False)
    pack: RulePack = field(compare=False, repr=False)

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return tuple(item.criterion for item in self.judgements)

    @property
    def known(self) -> int:
        return sum(item.state != "unknown" for item in self.judgements)

    @property
    def total(self) -> int:
        return len(self.judgements)

    @property
    def overriding(self) -> tuple[Bilingual, ...]:
        return tuple(_words(self.pack.overriding[code]) for code in self.facts.overriding)

    @property
    def unexpected(self) -> tuple[Bilingual, ...]:
        return tuple(_words(self.pack.unexpected[code]) for code in self.facts.unexpected)

    @property
    def priority_reason(self) -> Bilingual:
        return _priority_reason(self)

    @property
    def notes(self) -> tuple[Bilingual, ...]:
        return _notes(self.pack, self.facts, self.on)


def assess(pack: RulePack, facts: ShipFacts, on: date) -> Assessment:
    """Apply every criterion of `pack` to one ship."""
    return Assessor(pack, on).assess(facts)


class Assessor:
    """Applies one pack on one day to any number of ships. Ships that share a fact share its judgement."""

    def __init__(self, pack: RulePack, on: date) -> None:
        self._pack, self._on = pack, on
        self._rules: list[tuple[CriterionRule, dict[Fact[Any], Judgement]]] = [(rule, {}) for rule in pack.criteria]
        self._windows: dict[tuple[Profile, date], Window] = {}

    def assess(self, facts: ShipFacts) -> Assessment:
        """Apply every criterion."""
        pack, on = self._pack, self._on
        judgements = tuple([self._judge(rule, judged, facts) for rule, judged in self._rules])
        low = sum([item.points_low for item in judgements])
        high = sum([item.points_high for item in judgements])
        lrs = {item.lrs for item in judgements}
        best: Profile = "HRS" if low >= pack.hrs_points else "SRS" if "not_met" in lrs else "LRS"
        worst: Profile = "HRS" if high >= pack.hrs_points else "LRS" if lrs == _ALL_MET else "SRS"
        window_best = self._window(facts.history, best)
        window_worst = window_best if worst == best else self._window(facts.history, worst)
        priority_best = _priority(facts, window_best, on)
        priority_worst = priority_best if worst == best else _priority(facts, window_worst, on)
        return Assessment(
            regime=pack.regime,
            regime_version=pack.version,
            on=on,
            judgements=judgements,
            points_low=low,
            points_high=high,
            profile_best=best,
            profile_worst=worst,
            window_best=window_best,
            window_worst=window_worst,
            priority=priority_best if priority_best == priority_worst else None,
            priority_best=priority_best,
            priority_worst=priority_worst,
            facts=facts,
            pack=pack,
        )

    def _judge(self, rule: CriterionRule, judged: dict[Fact[Any], Judgement], facts: ShipFacts) -> Judgement:
        if rule.rule == "deficient_inspections":
            return _deficient(rule, facts.history)
        if rule.rule == "detentions":
            return _detentions(rule, facts.history)
        fact: Fact[Any]
        if rule.rule == "type_in":
            fact = facts.types
        elif rule.rule == "older_than_years":
            fact = facts.built
        else:
            fact = facts.ratings[rule.list]
        found = judged.get(fact)
        if found is None:
            found = judged[fact] = _of_fact(rule, fact, self._on)
        return found

    def _window(self, history: History, profile: Profile) -> Window | None:
        last = history.last_on
        if not history.last_known or last is None:
            return None
        found = self._windows.get((profile, last))
        if found is None:
            months = self._pack.windows[profile]
            found = Window(add_months(last, months.opens), add_months(last, months.closes))
            self._windows[profile, last] = found
        return found


_ALL_MET: set[State] = {"met"}


def _of_fact(rule: TypeIn | OlderThanYears | RatingIn | Attested, fact: Fact[Any], on: date) -> Judgement:
    if isinstance(rule, TypeIn):
        return _type_in(rule, fact)
    if isinstance(rule, OlderThanYears):
        return _older_than(rule, fact, on)
    if isinstance(rule, RatingIn):
        return _rating_in(rule, fact)
    return _attested(rule, fact)


def _judged(rule: CriterionRule, about: Fact[Any] | History, state: State, lrs: State) -> Judgement:
    """A rule that gives its points, nothing, or, where that is unknown, the range between."""
    low, high = (rule.points, rule.points) if state == "met" else (0, 0 if state == "not_met" else rule.points)
    return Judgement(rule, about, state, low, high, rule.points, "met" if rule.lrs == "any" else lrs)


def _type_in(rule: TypeIn, fact: Fact[frozenset[str]]) -> Judgement:
    types = fact.value
    if types is None or (types & rule.values and not types <= rule.values):
        return _judged(rule, fact, "unknown", "unknown")
    return _judged(rule, fact, "met" if types & rule.values else "not_met", "met")


def _older_than(rule: OlderThanYears, fact: Fact[Built], on: date) -> Judgement:
    state: State = "unknown" if fact.value is None else older_than(fact.value, rule.years, on)
    return _judged(rule, fact, state, "unknown" if state == "unknown" else "met")


def older_than(built: Built, years: int, on: date) -> State:
    """Whether it is more than so many years old; the anniversary itself is not more."""
    months = years * 12
    if on > add_months(built.latest, months):
        return "met"
    return "not_met" if on <= add_months(built.earliest, months) else "unknown"


def _rating_in(rule: RatingIn, fact: Fact[Rating]) -> Judgement:
    line = fact.value
    if line is None or line.rating is None:
        return _judged(rule, fact, "unknown", "unknown")
    lrs: State = "met" if rule.lrs == "any" or line.rating in rule.lrs_values else "not_met"
    low, high = rule.scores.get(line.rating, (0, 0))
    return Judgement(rule, fact, "met" if high > 0 else "not_met", low, high, rule.points, lrs)


def _attested(rule: Attested, fact: Fact[Rating]) -> Judgement:
    line = fact.value
    state: State = "unknown" if line is None or line.attested is None else "met" if line.attested else "not_met"
    return _judged(rule, fact, state, state)


def _deficient(rule: DeficientInspections, history: History) -> Judgement:
    over = 0
    for item in history.inspections:
        over += item.deficiencies > rule.more_than
    points = rule.points * over
    if not over and not history.complete:
        return Judgement(rule, history, "unknown", 0, rule.cap_unknown, rule.cap_unknown, "unknown")
    ceiling = max(points, rule.cap_unknown)
    lrs: State = "met" if history.inspections and not over else "not_met"
    high = points if history.complete else ceiling
    return Judgement(rule, history, "met" if over else "not_met", points, high, ceiling, lrs)


def _detentions(rule: Detentions, history: History) -> Judgement:
    count = 0
    for item in history.inspections:
        count += item.detained
    if count < rule.at_least and not history.complete:
        return Judgement(rule, history, "unknown", 0, rule.points, rule.points, "not_met" if count else "unknown")
    return _judged(rule, history, "met" if count >= rule.at_least else "not_met", "not_met" if count else "met")


def _value(judged: Judgement) -> str | None:
    """What was seen, as text; None where nothing was."""
    rule, about = judged.rule, judged.about
    if isinstance(about, History):
        if isinstance(rule, Detentions):
            seen = [item.inspected_on.isoformat() for item in about.inspections if item.detained]
        else:
            seen = [f"{item.inspected_on.isoformat()}: {item.deficiencies}" for item in about.inspections]
        return ", ".join(seen) or (None if judged.state == "unknown" else "0")
    if about.value is None:
        return None
    if isinstance(rule, TypeIn):
        return ", ".join(sorted(about.value))
    if isinstance(rule, OlderThanYears):
        return _say_built(about.value)
    if judged.state == "unknown":
        return None
    line: Rating = about.value
    return line.key if isinstance(rule, Attested) else f"{line.key}: {line.rating}"


def _reason_of_history(judged: Judgement, history: History) -> Bilingual:
    rule, state = judged.rule, judged.state
    if state == "unknown":
        return history.gap or say("targets.unknown.no_history")
    if isinstance(rule, Detentions):
        count = sum([item.detained for item in history.inspections])
        return say(f"targets.detentions.{state}", count=count, at_least=rule.at_least)
    key, more_than = (
        state if history.complete else "met_at_least",
        rule.more_than if isinstance(rule, DeficientInspections) else 0,
    )
    over = sum([item.deficiencies > more_than for item in history.inspections])
    return say(f"targets.deficiencies.{key}", over=over, of=len(history.inspections), more_than=more_than)


def _reason_of_fact(judged: Judgement, fact: Fact[Any]) -> Bilingual:
    rule, state, value = judged.rule, judged.state, fact.value
    if value is None:
        return fact.unknown or say("targets.unknown.no_value")
    if isinstance(rule, TypeIn):
        key = "targets.unknown.type_ambiguous" if state == "unknown" else f"targets.type.{state}"
        return say(key, types=_type_names(value))
    if isinstance(rule, OlderThanYears):
        key = "targets.unknown.year_only" if state == "unknown" else f"targets.age.{state}"
        return say(key, built=_say_built(value), years=rule.years)
    if state == "unknown":
        return fact.unknown or say("targets.unknown.no_value")
    line: Rating = value
    if isinstance(rule, Attested):
        return say(f"targets.attested.{rule.list}.{state}", entry=line.key)
    low_risk = state == "not_met" and isinstance(rule, RatingIn) and line.rating in rule.lrs_values
    rating = say(f"targets.rating.{line.rating}")
    reason = say(f"targets.rating_in.{'low_risk' if low_risk else state}", entry=line.key, rating=rating)
    return reason if fact.how is None else say("targets.rating_in.how", reason=reason, how=fact.how)


def _say_built(built: Built) -> str:
    return built.earliest.isoformat() if built.earliest == built.latest else str(built.earliest.year)


@lru_cache(maxsize=1024)
def _type_names(types: frozenset[str]) -> Bilingual:
    labels = [ship_types().types[name] for name in sorted(types) if name in ship_types().types]
    return Bilingual("、".join(label.zh for label in labels), ", ".join(label.en for label in labels))


def _priority(facts: ShipFacts, window: Window | None, on: date) -> Priority | None:
    if facts.overriding:
        return "I"
    if not facts.history.last_known:
        return None
    if window is None or on > window.closes:
        return "I"
    return "II" if on >= window.opens or facts.unexpected else "none"


def _priority_reason(found: Assessment) -> Bilingual:
    history, best, worst = found.facts.history, found.window_best, found.window_worst
    if found.overriding:
        return say("targets.priority.overriding", factors=_listed(found.overriding))
    if not history.last_known:
        return history.gap or say("targets.unknown.no_history")
    if best is None or worst is None:
        return say("targets.priority.never")
    if found.priority is None:
        return say("targets.priority.range", best=best.opens.isoformat(), worst=worst.opens.isoformat())
    if found.priority == "II" and found.on < worst.opens:
        return say("targets.priority.unexpected", factors=_listed(found.unexpected))
    key = {"I": "closed", "II": "open", "none": "not_open"}[found.priority]
    last = "" if history.last_on is None else history.last_on.isoformat()
    return say(f"targets.priority.{key}", last=last, opens=worst.opens.isoformat(), closes=worst.closes.isoformat())


def _words(label: Label) -> Bilingual:
    return Bilingual(label.zh, label.en)


def _listed(items: tuple[Bilingual, ...]) -> Bilingual:
    return Bilingual("、".join(item.zh for item in items), ", ".join(item.en for item in items))


def _notes(pack: RulePack, facts: ShipFacts, on: date) -> tuple[Bilingual, ...]:
    notes: list[Bilingual] = []
    if not pack.in_force(on):
        notes.append(say("targets.note.not_in_force", regime=Bilingual(pack.name_zh, pack.name_en), on=on.isoformat()))
    if facts.flag in pack.domestic_flags:
        notes.append(say("targets.note.domestic", flag=facts.flag))
    notes.extend(say("targets.note.unknown_factor", factor=factor) for factor in facts.unknown_factors)
    return tuple(notes)
