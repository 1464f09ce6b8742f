"""Owns the no-penalty list of first minor breaches and the rewards of whistle-blowers (case 16).

Never touches a deficiency, a deadline or a ground for detention: the answer is about the penalty and nothing else.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from config import pack_path
from core.errors import InputError
from core.workdays import add_months

TESTS = ("on_list", "no_subjective_intent", "first_violation", "minor_and_promptly_corrected", "no_harm")


class Penalty(StrEnum):
    """What the list says about a penalty. `EXEMPT` comes with a notice slip (提示单), `OFFICER` with a question."""

    EXEMPT = "exempt"
    ORDINARY = "ordinary"
    OFFICER = "officer"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExemptItem(_Part):
    id: str
    domain: str
    zh: str
    en: str
    codes: frozenset[str] = Field(default=frozenset(), description="deficiency codes of a ship inspection that are this breach")


class RewardRules(_Part):
    cap_fen: int = Field(gt=0)
    levels: dict[int, int]


class ExemptionRules(_Part):
    """``config/companion/exemption.toml``; `complete` is false while items of the published list are missing."""

    version: str
    source: str
    published_items: int
    items_before: int
    complete: bool
    look_back_months: int = Field(ge=0)
    prompt_days: int = Field(ge=0)
    item: tuple[ExemptItem, ...]
    rewards: RewardRules


@dataclass(frozen=True, slots=True)
class Breach:
    """A breach found. None = not known; `corrected_on` None = not corrected yet. `earlier` = days of the same item, same firm."""

    item: str
    day: date
    intent: bool | None
    harm: bool | None
    minor: bool | None
    corrected_on: date | None
    earlier: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """About the penalty alone. `tests` maps each of the five tests to its answer; `asks` = those that are not known."""

    penalty: Penalty
    tests: dict[str, bool | None]

    @property
    def asks(self) -> tuple[str, ...]:
        return tuple(name for name, answer in self.tests.items() if answer is None)

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(name for name, answer in self.tests.items() if answer is False)


def judge(breach: Breach, rules: ExemptionRules) -> Answer:
    """All five tests met: exempt. One not met: ordinary. One not known and none failed: an officer decides."""
    prompt = None if breach.corrected_on is None else (breach.corrected_on - breach.day).days <= rules.prompt_days
    tests = {
        "on_list": any(item.id == breach.item for item in rules.item),
        "no_subjective_intent": None if breach.intent is None else not breach.intent,
        "first_violation": not any(_counts(one, breach.day, rules) for one in breach.earlier),
        "minor_and_promptly_corrected": False
        if False in (breach.minor, prompt)
        else (None if None in (breach.minor, prompt) else True),
        "no_harm": None if breach.harm is None else not breach.harm,
    }
    if False in tests.values():
        return Answer(Penalty.ORDINARY, tests)
    return Answer(Penalty.OFFICER if None in tests.values() else Penalty.EXEMPT, tests)


def missing_items(rules: ExemptionRules) -> int:
    """How many items of the published list are not loaded."""
    return max(0, rules.published_items - len(rules.item))


def with_items(rules: ExemptionRules, items: Iterable[ExemptItem]) -> ExemptionRules:
    """A site's list over ours: the same id replaces."""
    merged = {item.id: item for item in (*rules.item, *items)}
    complete = len(merged) >= rules.published_items
    return rules.model_copy(update={"item": tuple(merged.values()), "complete": complete})


@dataclass(frozen=True, slots=True)
class Reward:
    """`computed_fen` before, `paid_fen` after the cap; the cut is shown."""

    level: int
    computed_fen: int
    paid_fen: int

    @property
    def cut_fen(self) -> int:
        return self.computed_fen - self.paid_fen


def reward(level: int, penalty_fen: int, rules: RewardRules) -> Reward:
    """What a report earns: a share of the penalty by its level, up to the cap. Raises InputError."""
    if level not in rules.levels or penalty_fen < 0:
        raise InputError("rewards.bad_case", level=level, penalty=penalty_fen)
    computed = penalty_fen * rules.levels[level] // 10_000
    return Reward(level, computed, min(computed, rules.cap_fen))


def drone_reading_is_evidence(*, time_calibrated: bool, position_calibrated: bool) -> bool:
    """A gas reading without calibrated time and position is a lead, not evidence."""
    return time_calibrated and position_calibrated


def _counts(earlier: date, day: date, rules: ExemptionRules) -> bool:
    return earlier <= day and (not rules.look_back_months or day < add_months(earlier, rules.look_back_months))


@cache
def exemption_rules() -> ExemptionRules:
    return ExemptionRules.model_validate(tomllib.loads(pack_path("companion", "exemption.toml").read_text(encoding="utf-8")))
