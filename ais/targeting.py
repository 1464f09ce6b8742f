"""Owns applying a risk rule pack to the facts of a ship: points with reasons, profile range, inspection window, priority.

Never reads a database or a clock, holds no threshold, and never counts an unknown as zero: it becomes a range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import groupby
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


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """A ship against one regime on one day. Best and worst differ only by what is unknown."""

    by: Assessor = field(repr=False)
    facts: ShipFacts = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)
    points_low: int
    points_high: int
    profile_best: Profile
    profile_worst: Profile
    window_best: Window | None
    window_worst: Window | None
    priority_best: Priority | None
    priority_worst: Priority | None

    @property
    def pack(self) -> RulePack:
        return self.by.pack

    @property
    def regime(self) -> str:
        return self.pack.regime

    @property
    def regime_version(self) -> str:
        return self.pack.version

    @property
    def on(self) -> date:
        return self.by.on

    @property
    def priority(self) -> Priority | None:
        """None: it depends on what is unknown, or nothing is known of the last inspection."""
        return self.priority_best if self.priority_best == self.priority_worst else None

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """Every criterion in the order of the table."""
        return self.by.judgements(self.facts)

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return tuple(item.criterion for item in self.judgements)

    @property
    def reasons(self) -> tuple[Bilingual, ...]:
        """Why the ship stands where it does: the priority, then each criterion that gives points."""
        return (self.priority_reason, *(reason for part in self.parts if part.low > 0 for reason in part.reasons))

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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Assessment) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    @property
    def _content(self) -> tuple[object, ...]:
        figures = self.points_low, self.points_high, self.profile_best, self.profile_worst
        dates = self.on, self.window_best, self.window_worst, self.priority_best, self.priority_worst
        return self.regime, self.regime_version, figures, dates, self.judgements, self.priority_reason, self.notes


class Part:
    """What the rules that ask for one fact make of it together; ships that share the fact share it.

    `open`: a low-risk condition is not known to be met; `lost`: one is known not to be met.
    """

    __slots__ = ("high", "lost", "low", "open", "reasons")

    def __init__(self, judgements: Sequence[Judgement]) -> None:
        self.low = sum(item.points_low for item in judgements)
        self.high = sum(item.points_high for item in judgements)
        self.open = any(item.lrs != "met" for item in judgements)
        self.lost = any(item.lrs == "not_met" for item in judgements)
        self.reasons = tuple(item.reason for item in judgements if item.points_low > 0)


def assess(pack: RulePack, facts: ShipFacts, on: date) -> Assessment:
    """Apply every criterion of `pack` to one ship."""
    return Assessor(pack, on).assess(facts)


class Assessor:
    """Applies one pack on one day to any number of ships. What ships share is judged once."""

    def __init__(self, pack: RulePack, on: date) -> None:
        self.pack, self.on = pack, on
        self._groups = [(name, tuple(rules)) for name, rules in groupby(pack.criteria, _input_of)]
        self._facts: list[tuple[str, tuple[CriterionRule, ...], dict[object, Part]]] = [(*group, {}) for group in self._groups]
        self._windows: dict[tuple[Profile, date], Window] = {}

    def assess(self, facts: ShipFacts) -> Assessment:
        """Apply every criterion."""
        pack, history = self.pack, facts.history
        ratings = facts.ratings
        inputs: dict[str, Fact[Any]] = {
            "types": facts.types, "built": facts.built, "flag": ratings["flag"], "ro": ratings["ro"], "company": ratings["company"],
        }  # fmt: skip
        parts: list[Part] = []
        low = high = 0
        lrs_open = lrs_lost = False
        for name, rules, held in self._facts:
            key = _counts(rules, history) if name == _HISTORY else inputs[name]
            part = held.get(key)
            if part is None:
                part = held[key] = Part([self._judge(rule, facts) for rule in rules])
            parts.append(part)
            low += part.low
            high += part.high
            lrs_open = lrs_open or part.open
            lrs_lost = lrs_lost or part.lost
        best: Profile = "HRS" if low >= pack.hrs_points else "SRS" if lrs_lost else "LRS"
        worst: Profile = "HRS" if high >= pack.hrs_points else "SRS" if lrs_open else "LRS"
        window_best = self._window(history, best)
        window_worst = window_best if worst == best else self._window(history, worst)
        priority_best = _priority(facts, window_best, self.on)
        priority_worst = priority_best if worst == best else _priority(facts, window_worst, self.on)
        return Assessment(
            self, facts, tuple(parts), low, high, best, worst, window_best, window_worst, priority_best, priority_worst
        )

    def judgements(self, facts: ShipFacts) -> tuple[Judgement, ...]:
        """Every criterion applied, in the order of the table."""
        return tuple(self._judge(rule, facts) for rule in self.pack.criteria)

    def _judge(self, rule: CriterionRule, facts: ShipFacts) -> Judgement:
        if isinstance(rule, TypeIn):
            return _type_in(rule, facts.types)
        if isinstance(rule, OlderThanYears):
            return _older_than(rule, facts.built, self.on)
        if isinstance(rule, RatingIn):
            return _rating_in(rule, facts.ratings[rule.list])
        if isinstance(rule, Attested):
            return _attested(rule, facts.ratings[rule.list])
        if isinstance(rule, DeficientInspections):
            return _deficient(rule, facts.history)
        return _detentions(rule, facts.history)

    def _window(self, history: History, profile: Profile) -> Window | None:
        last = history.last_on
        if not history.last_known or last is None:
            return None
        found = self._windows.get((profile, last))
        if found is None:
            months = self.pack.windows[profile]
            found = Window(add_months(last, months.opens), add_months(last, months.closes))
            self._windows[profile, last] = found
        return found


_HISTORY = "history"


def _input_of(rule: CriterionRule) -> str:
    """Which fact the rule asks for."""
    if isinstance(rule, RatingIn | Attested):
        return rule.list
    return {"type_in": "types", "older_than_years": "built"}.get(rule.rule, _HISTORY)


def _counts(rules: Sequence[CriterionRule], history: History) -> tuple[object, ...]:
    """All of a history that the figures and the reasons of these rules rest on."""
    past = history.inspections
    if not past:
        return history.complete, history.gap
    counted: list[int] = []
    for rule in rules:
        count = 0
        if isinstance(rule, DeficientInspections):
            for item in past:
                count += item.deficiencies > rule.more_than
        else:
            for item in past:
                count += item.detained
        counted.append(count)
    return history.complete, history.gap, len(past), *counted


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
