"""Owns what a regime says beside profile and priority: whether the inspection is an expanded one, whether access is refused.

Never gives a point, never orders a ship, and never refuses access: it says what the table says and what is missing for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ais.facts import ShipFacts
from ais.rules import AccessRefusal, ExpandedInspection, add_months
from ais.targeting import Assessment, State, older_than
from ais.text import Bilingual, say


@dataclass(frozen=True, slots=True)
class Consequence:
    """One thing that follows, or may follow where `state` is unknown. `source`: the rule; `until`: least end of a refusal."""

    id: Literal["expanded_inspection", "access_refusal"]
    label: Bilingual
    state: State
    reason: Bilingual
    source: str
    confidence: Literal["confirmed", "unverified"]
    until: date | None = None


def consequences(found: Assessment) -> tuple[Consequence, ...]:
    """What the regime in use has; nothing where it has none."""
    pack, said = found.pack, []
    if pack.expanded_inspection is not None:
        said.append(_expanded(pack.expanded_inspection, found))
    if pack.access_refusal is not None:
        said.append(_refusal(pack.access_refusal, found.facts, found.on))
    return tuple(said)


def _expanded(rule: ExpandedInspection, found: Assessment) -> Consequence:
    label = Bilingual(rule.label.zh, rule.label.en)
    profiles = {found.profile_best, found.profile_worst}
    by_profile: State = "met" if profiles <= rule.profiles else "unknown" if profiles & rule.profiles else "not_met"
    by_type = _type_and_age(rule, found.facts, found.on)
    state = _either(by_profile, by_type)
    if by_profile == "met":
        reason = say("targets.expanded.profile", profile=found.profile_worst)
    elif by_type == "met":
        reason = say("targets.expanded.type", years=rule.older_than_years)
    else:
        reason = say(f"targets.expanded.{state}", years=rule.older_than_years)
    last = [one.inspected_on for one in found.facts.history.past if one.scope == "expanded"]
    if last:
        reason = say("targets.expanded.last", reason=reason, last=max(last).isoformat())
    return Consequence("expanded_inspection", label, state, reason, rule.source, rule.confidence)


def _type_and_age(rule: ExpandedInspection, facts: ShipFacts, on: date) -> State:
    types, built = facts.types.value, facts.built.value
    risky: State = "unknown"
    if types is not None:
        risky = "met" if types <= rule.types else "unknown" if types & rule.types else "not_met"
    old: State = "unknown" if built is None else older_than(built, rule.older_than_years, on)
    if "not_met" in {risky, old}:
        return "not_met"
    return "met" if risky == old == "met" else "unknown"


def _either(first: State, second: State) -> State:
    if "met" in {first, second}:
        return "met"
    return "unknown" if "unknown" in {first, second} else "not_met"


def _refusal(rule: AccessRefusal, facts: ShipFacts, on: date) -> Consequence:
    def say_it(state: State, reason: Bilingual, until: date | None = None) -> Consequence:
        return Consequence(
            "access_refusal", Bilingual(rule.label.zh, rule.label.en), state, reason, rule.source, rule.confidence, until
        )

    history = facts.history
    refused = [one.inspected_on for one in history.past if one.access_refused]
    if refused and (standing := _standing(rule, refused, on)) is not None:
        return say_it("met", *standing)
    flag = facts.ratings["flag"]
    most = max(rule.months.values())
    in_longest = _detentions(facts, add_months(on, -most))
    if in_longest <= rule.more_than and history.complete:
        return say_it("not_met", say("targets.refusal.few", count=in_longest, months=most, more_than=rule.more_than))
    if flag.value is None or flag.value.rating is None:
        return say_it("unknown", say("targets.refusal.flag", count=in_longest, months=most))
    months = rule.months.get(flag.value.rating)
    rating = say(f"targets.rating.{flag.value.rating}")
    if months is None:
        return say_it("not_met", say("targets.refusal.not_listed", flag=flag.value.key, rating=rating))
    count = _detentions(facts, add_months(on, -months))
    if count > rule.more_than:
        term = _term(rule, len(refused))
        return say_it(
            "met", say("targets.refusal.many", count=count, months=months, flag=flag.value.key, rating=rating, term=term)
        )
    if not history.complete:
        return say_it("unknown", history.gap or say("targets.unknown.no_history"))
    return say_it("not_met", say("targets.refusal.few", count=count, months=months, more_than=rule.more_than))


def _standing(rule: AccessRefusal, refused: list[date], on: date) -> tuple[Bilingual, date | None] | None:
    """The refusal that holds today, if one does."""
    number, last = len(refused), max(refused)
    if number > len(rule.terms_months):
        return say("targets.refusal.for_good", number=number, last=last.isoformat()), None
    until = add_months(last, rule.terms_months[number - 1])
    if on >= until:
        return None
    return say("targets.refusal.standing", number=number, last=last.isoformat(), until=until.isoformat()), until


def _term(rule: AccessRefusal, earlier: int) -> Bilingual:
    if earlier < len(rule.terms_months):
        return say("targets.refusal.term", number=earlier + 1, months=rule.terms_months[earlier])
    return say("targets.refusal.term_for_good", number=earlier + 1)


def _detentions(facts: ShipFacts, since: date) -> int:
    return sum(one.detained and one.inspected_on >= since for one in facts.history.past)
