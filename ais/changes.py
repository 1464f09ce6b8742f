"""Owns what would change a ship's place: the next days on which something turns, and the nearest events that would.

Never guesses: each answer is the same engine asked again with one thing different.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from ais.facts import ShipFacts
from ais.register_store import Inspection
from ais.rules import DeficientInspections, OlderThanYears, RulePack, add_months
from ais.targeting import Assessment, Window, assess
from ais.text import Bilingual, say

_DAY = timedelta(days=1)


def what_would_change(pack: RulePack, facts: ShipFacts, now: Assessment, on: date) -> tuple[Bilingual, ...]:
    """Days to come, soonest first, then one more detention, one more deficient inspection, and what to find out."""
    dated = sorted(_dated(pack, facts, now, on), key=lambda item: item[0])
    return (*(said for _, said in dated), *_events(pack, facts, now, on), *_unknowns(now))


def _dated(pack: RulePack, facts: ShipFacts, now: Assessment, on: date) -> list[tuple[date, Bilingual]]:
    found: list[tuple[date, Bilingual]] = []
    built = facts.built.value
    for rule in pack.criteria:
        if isinstance(rule, OlderThanYears) and built is not None and built.earliest == built.latest:
            turns = add_months(built.latest, rule.years * 12) + _DAY
            if turns > on:
                found.append((turns, say("targets.change.age", on=turns.isoformat(), years=rule.years, points=rule.points)))
    for item in facts.history.inspections:
        leaves = _leaves(item.inspected_on, pack.history_months)
        later = _without(facts, item)
        then = assess(pack, later, on)
        if leaves > on and (then.points_low, then.points_high) != (now.points_low, now.points_high):
            found.append(
                (leaves, _points("targets.change.leaves", then, on=leaves.isoformat(), inspected=item.inspected_on.isoformat()))
            )
    for window in _windows(now):
        for day, key in ((window.opens, "opens"), (window.closes + _DAY, "closes")):
            if day > on:
                found.append((day, say(f"targets.change.{key}", on=day.isoformat())))
    return list(dict.fromkeys(found))


def _leaves(inspected: date, months: int) -> date:
    """First day on which the inspection is out of the window."""
    day = add_months(inspected, months)
    while add_months(day, -months) <= inspected:
        day += _DAY
    return day


def _without(facts: ShipFacts, item: Inspection) -> ShipFacts:
    left = tuple(one for one in facts.history.inspections if one is not item)
    return replace(facts, history=replace(facts.history, inspections=left))


def _windows(now: Assessment) -> tuple[Window, ...]:
    return tuple(dict.fromkeys(window for window in (now.window_best, now.window_worst) if window is not None))


def _events(pack: RulePack, facts: ShipFacts, now: Assessment, on: date) -> list[Bilingual]:
    more = max((rule.more_than for rule in pack.criteria if isinstance(rule, DeficientInspections)), default=0) + 1
    found: list[Bilingual] = []
    for key, deficiencies, detained in (("detention", 0, True), ("deficient", more, False)):
        item = Inspection(0, on, "", pack.region, deficiencies, detained, "", on, "")
        then = assess(pack, replace(facts, history=replace(facts.history, inspections=(*facts.history.inspections, item))), on)
        if _standing(then) != _standing(now):
            found.append(_points(f"targets.change.{key}", then, more_than=more - 1))
    return found


def _standing(found: Assessment) -> tuple[object, ...]:
    return found.points_low, found.points_high, found.profile_best, found.profile_worst


def _points(key: str, then: Assessment, **params: str | int) -> Bilingual:
    points = str(then.points_low) if then.points_low == then.points_high else f"{then.points_low}-{then.points_high}"
    best, worst = then.profile_best, then.profile_worst
    return say(key, points=points, profile=best if best == worst else f"{best}-{worst}", **params)


def _unknowns(now: Assessment) -> list[Bilingual]:
    return [
        say("targets.change.unknown", criterion=one.criterion.label, low=one.points_low, high=one.points_high)
        for one in now.judgements
        if one.criterion.state == "unknown" and one.points_high > one.points_low
    ]
