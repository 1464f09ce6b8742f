"""Owns applying a risk rule pack to the facts of a ship: points with reasons, profile range, inspection window, priority.

Never reads a database or a clock, holds no threshold, and never counts an unknown as zero: it becomes a range.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ais.codes import Label, ship_types
from ais.facts import Fact, ShipFacts
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


@dataclass(frozen=True, slots=True)
class Judgement:
    """A criterion with the points it gives at least and at most, and whether the low-risk condition holds."""

    criterion: Criterion
    points_low: int
    points_high: int
    lrs: State


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
    priority_reason: Bilingual
    overriding: tuple[Bilingual, ...]
    unexpected: tuple[Bilingual, ...]
    notes: tuple[Bilingual, ...]

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return tuple(item.criterion for item in self.judgements)

    @property
    def known(self) -> int:
        return sum(item.criterion.state != "unknown" for item in self.judgements)

    @property
    def total(self) -> int:
        return len(self.judgements)


def assess(pack: RulePack, facts: ShipFacts, on: date) -> Assessment:
    """Apply every criterion of `pack`."""
    judgements = tuple(_judge(rule, facts, on) for rule in pack.criteria)
    low = sum(item.points_low for item in judgements)
    high = sum(item.points_high for item in judgements)
    lrs = [item.lrs for item in judgements]
    best: Profile = "HRS" if low >= pack.hrs_points else "SRS" if "not_met" in lrs else "LRS"
    worst: Profile = "HRS" if high >= pack.hrs_points else "LRS" if all(state == "met" for state in lrs) else "SRS"
    window_best, window_worst = _window(pack, facts, best), _window(pack, facts, worst)
    priority_best = _priority(facts, window_best, on)
    priority_worst = _priority(facts, window_worst, on)
    priority = priority_best if priority_best == priority_worst else None
    factors = tuple(_words(pack.overriding[code]) for code in facts.overriding)
    unexpected = tuple(_words(pack.unexpected[code]) for code in facts.unexpected)
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
        priority=priority,
        priority_best=priority_best,
        priority_worst=priority_worst,
        priority_reason=_priority_reason(facts, factors, unexpected, priority, window_best, window_worst, on),
        overriding=factors,
        unexpected=unexpected,
        notes=_notes(pack, facts, on),
    )


def _judge(rule: CriterionRule, facts: ShipFacts, on: date) -> Judgement:
    if isinstance(rule, TypeIn):
        return _type_in(rule, facts)
    if isinstance(rule, OlderThanYears):
        return _older_than(rule, facts, on)
    if isinstance(rule, RatingIn):
        return _rating_in(rule, facts.ratings[rule.list])
    if isinstance(rule, Attested):
        return _attested(rule, facts.ratings[rule.list])
    if isinstance(rule, DeficientInspections):
        return _deficient(rule, facts)
    return _detentions(rule, facts)


def _known(
    rule: CriterionRule, fulfilled: Literal["met", "not_met"], lrs: State, value: str, source: str | None, reason: Bilingual
) -> Judgement:
    points = rule.points if fulfilled == "met" else 0
    row = Criterion(rule.id, rule.words, value, source, fulfilled, points, rule.points, reason)
    return Judgement(row, points, points, "met" if rule.lrs == "any" else lrs)


def _unknown(
    rule: CriterionRule, reason: Bilingual | None, *, value: str | None = None, source: str | None = None
) -> Judgement:
    said = reason or say("targets.unknown.no_value")
    row = Criterion(rule.id, rule.words, value, source, "unknown", None, rule.points, said)
    return Judgement(row, 0, rule.points, "met" if rule.lrs == "any" else "unknown")


def _type_in(rule: TypeIn, facts: ShipFacts) -> Judgement:
    types = facts.types.value
    if types is None:
        return _unknown(rule, facts.types.unknown)
    risky = types & rule.values
    names = sorted(types)
    value = ", ".join(names)
    labels = [ship_types().types[name] for name in names if name in ship_types().types]
    said = Bilingual("、".join(label.zh for label in labels), ", ".join(label.en for label in labels))
    if risky and risky != types:
        return _unknown(rule, say("targets.unknown.type_ambiguous", types=said), value=value, source=facts.types.source)
    if risky:
        return _known(rule, "met", "met", value, facts.types.source, say("targets.type.met", types=said))
    return _known(rule, "not_met", "met", value, facts.types.source, say("targets.type.not_met", types=said))


def _older_than(rule: OlderThanYears, facts: ShipFacts, on: date) -> Judgement:
    built = facts.built.value
    if built is None:
        return _unknown(rule, facts.built.unknown)
    exact = built.earliest == built.latest
    value = built.earliest.isoformat() if exact else str(built.earliest.year)
    months = rule.years * 12
    if on > add_months(built.latest, months):
        return _known(rule, "met", "met", value, facts.built.source, say("targets.age.met", built=value, years=rule.years))
    if on <= add_months(built.earliest, months):
        return _known(
            rule, "not_met", "met", value, facts.built.source, say("targets.age.not_met", built=value, years=rule.years)
        )
    return _unknown(
        rule, say("targets.unknown.year_only", built=value, years=rule.years), value=value, source=facts.built.source
    )


def _rating_in(rule: RatingIn, fact: Fact[Rating]) -> Judgement:
    line = fact.value
    if line is None or line.rating is None:
        return _unknown(rule, fact.unknown)
    value = f"{line.key}: {line.rating}"
    rating = say(f"targets.rating.{line.rating}")
    lrs: State = "met" if line.rating in rule.lrs_values else "not_met"
    low, high = rule.scores.get(line.rating, (0, 0))
    if high > 0:
        reason = say("targets.rating_in.met", entry=line.key, rating=rating)
        return Judgement(
            Criterion(rule.id, rule.words, value, fact.source, "met", low, rule.points, reason), low, high,
            "met" if rule.lrs == "any" else lrs,
        )  # fmt: skip
    key = "targets.rating_in.low_risk" if lrs == "met" else "targets.rating_in.not_met"
    return _known(rule, "not_met", lrs, value, fact.source, say(key, entry=line.key, rating=rating))


def _attested(rule: Attested, fact: Fact[Rating]) -> Judgement:
    line = fact.value
    if line is None or line.attested is None:
        return _unknown(rule, fact.unknown)
    state: Literal["met", "not_met"] = "met" if line.attested else "not_met"
    return _known(rule, state, state, line.key, fact.source, say(f"targets.attested.{rule.list}.{state}", entry=line.key))


def _deficient(rule: DeficientInspections, facts: ShipFacts) -> Judgement:
    history = facts.history
    over = [item for item in history.inspections if item.deficiencies > rule.more_than]
    points = rule.points * len(over)
    value = ", ".join(f"{item.inspected_on.isoformat()}: {item.deficiencies}" for item in history.inspections) or None
    ceiling = max(points, rule.cap_unknown)
    said = {"over": len(over), "of": len(history.inspections), "more_than": rule.more_than}
    if not over and not history.complete:
        row = Criterion(
            rule.id, rule.words, value, history.source, "unknown", None, rule.cap_unknown,
            history.gap or say("targets.unknown.no_history"),
        )  # fmt: skip
        return Judgement(row, 0, rule.cap_unknown, "unknown")
    state: Literal["met", "not_met"] = "met" if over else "not_met"
    key = state if history.complete else "met_at_least"
    row = Criterion(
        rule.id, rule.words, value or "0", history.source, state, points, ceiling, say(f"targets.deficiencies.{key}", **said)
    )
    lrs: State = "met" if history.inspections and not over else "not_met"
    return Judgement(row, points, points if history.complete else ceiling, lrs)


def _detentions(rule: Detentions, facts: ShipFacts) -> Judgement:
    history = facts.history
    days = [item.inspected_on.isoformat() for item in history.inspections if item.detained]
    value = ", ".join(days) or "0"
    enough = len(days) >= rule.at_least
    if not enough and not history.complete:
        judged = _unknown(rule, history.gap, value=value if days else None, source=history.source)
        return Judgement(judged.criterion, judged.points_low, judged.points_high, "not_met" if days else "unknown")
    lrs: State = "not_met" if days else "met"
    key = "met" if enough else "not_met"
    reason = say(f"targets.detentions.{key}", count=len(days), at_least=rule.at_least)
    return _known(rule, "met" if enough else "not_met", lrs, value, history.source, reason)


def _window(pack: RulePack, facts: ShipFacts, profile: Profile) -> Window | None:
    if not facts.history.last_known or facts.history.last_on is None:
        return None
    months = pack.windows[profile]
    return Window(add_months(facts.history.last_on, months.opens), add_months(facts.history.last_on, months.closes))


def _priority(facts: ShipFacts, window: Window | None, on: date) -> Priority | None:
    if facts.overriding:
        return "I"
    if not facts.history.last_known:
        return None
    if window is None or on > window.closes:
        return "I"
    return "II" if on >= window.opens or facts.unexpected else "none"


def _priority_reason(
    facts: ShipFacts,
    factors: tuple[Bilingual, ...],
    unexpected: tuple[Bilingual, ...],
    priority: Priority | None,
    best: Window | None,
    worst: Window | None,
    on: date,
) -> Bilingual:
    if factors:
        return say("targets.priority.overriding", factors=_listed(factors))
    if not facts.history.last_known:
        return facts.history.gap or say("targets.unknown.no_history")
    if best is None or worst is None:
        return say("targets.priority.never")
    if priority is None:
        return say("targets.priority.range", best=best.opens.isoformat(), worst=worst.opens.isoformat())
    if priority == "II" and on < worst.opens:
        return say("targets.priority.unexpected", factors=_listed(unexpected))
    key = {"I": "closed", "II": "open", "none": "not_open"}[priority]
    last = facts.history.last_on
    return say(
        f"targets.priority.{key}",
        last="" if last is None else last.isoformat(),
        opens=worst.opens.isoformat(),
        closes=worst.closes.isoformat(),
    )


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
