"""Owns the dual evaluation of a subject, risk and credit apart: the level is the worst that a fired rule gives, never a score.

Never stores or changes a record. Rules and letters are data (``config/companion/credit.toml``). Companion spec, cases 3, 4, 16.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from config import pack_path
from core.draw import Stratum
from core.workdays import add_months

Level = Literal["good", "ordinary", "bad", "low", "medium", "high"]
_WORSE = {"good": 0, "ordinary": 1, "bad": 2, "low": 0, "medium": 1, "high": 2}


class Supervision(StrEnum):
    """What a grade does to routine checks (case 16)."""

    NO_COMPLAINT_NO_CHECK = "no_complaint_no_check"
    ORDINARY = "ordinary"
    RAISED = "raised"


@dataclass(frozen=True, slots=True)
class CreditEvent:
    """A fact in the credit file. `domain` is the field of conduct; `repaired_on` ends its weight, never its place in the history."""

    ref: str
    kind: str
    day: date
    domain: str = ""
    source: str = ""
    repaired_on: date | None = None

    def counts_on(self, on: date) -> bool:
        return self.day <= on and (self.repaired_on is None or on < self.repaired_on)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Part):
    """`count` events of these kinds within `months` (0 = ever) fire it."""

    id: str
    kinds: frozenset[str]
    count: int = Field(ge=1)
    months: int = Field(ge=0)
    zh: str
    en: str

    def fired_by(self, events: Iterable[CreditEvent], on: date) -> tuple[CreditEvent, ...]:
        """The newest events that fire the rule, or none. A window of 12 months from 2026-01-10 ends before 2027-01-10 (A18.2)."""
        found = sorted(
            (one for one in events if one.kind in self.kinds and one.counts_on(on)), key=lambda one: (one.day, one.ref)
        )
        if self.months:
            found = [one for one in found if on < add_months(one.day, self.months)]
        return tuple(found) if len(found) >= self.count else ()


class GradeRule(Rule):
    dimension: Literal["credit", "risk"]
    level: Level


class SupervisionRow(_Part):
    credit: frozenset[Level]
    risk: frozenset[Level]
    effect: Supervision


class CreditRules(_Part):
    """One dated edition of the evaluation."""

    version: str
    source: str
    letters: dict[str, str]
    detention_actions: frozenset[str] = Field(description="action codes by which an inspection detains a ship")
    effect_kinds: dict[str, str] = Field(description="effect of a case file -> kind of the credit event it becomes")
    supervision: tuple[SupervisionRow, ...]
    strata: dict[str, Stratum]
    rule: tuple[GradeRule, ...]


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that gave a level, with the events that fired it."""

    rule: str
    dimension: str
    level: Level
    zh: str
    en: str
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grade:
    """Result of an evaluation: everything that led to it is in `reasons`."""

    letter: str
    credit: Level
    risk: Level
    supervision: Supervision
    reasons: tuple[Fired, ...]
    day: date
    version: str


def evaluate(events: Iterable[CreditEvent], on: date, rules: CreditRules | None = None) -> Grade:
    """The grade of a subject on a day; later events and events repaired by then do not count."""
    rules, known = rules or credit_rules(), tuple(events)
    levels: dict[str, Level] = {"credit": "good", "risk": "low"}
    reasons: list[Fired] = []
    for rule in rules.rule:
        if fired := rule.fired_by(known, on):
            reasons.append(Fired(rule.id, rule.dimension, rule.level, rule.zh, rule.en, tuple(one.ref for one in fired)))
            levels[rule.dimension] = max(levels[rule.dimension], rule.level, key=_WORSE.__getitem__)
    credit, risk = levels["credit"], levels["risk"]
    effect = next(row.effect for row in rules.supervision if credit in row.credit and risk in row.risk)
    return Grade(rules.letters[f"{credit},{risk}"], credit, risk, effect, tuple(reasons), on, rules.version)


def stratum_of(grade: Grade, *, red: bool, black: bool, cause: bool) -> str | None:
    """Which stratum of a draw a subject belongs to; None = left out (no complaint, no check). A cause brings anyone back in."""
    if cause:
        return "for_cause"
    if black or grade.supervision is Supervision.RAISED:
        return "raised"
    if grade.supervision is Supervision.NO_COMPLAINT_NO_CHECK:
        return None
    return "red" if red else "ordinary"


def good_credit(grade: Grade, *, black: bool, overdue_commitment: bool) -> bool:
    """Reading A4.1: grade A or B, no active black-list entry, no overdue commitment."""
    return grade.letter in ("A", "B") and not black and not overdue_commitment


@cache
def credit_rules() -> CreditRules:
    """The rules that ship with the product."""
    return CreditRules.model_validate(tomllib.loads(pack_path("companion", "credit.toml").read_text(encoding="utf-8")))
