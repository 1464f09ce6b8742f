"""Owns the match of firms to policies in three tiers, with gaps and questions (case 21).

Never takes a missing value for "not met": it is unknown and comes with the question to ask.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config import pack_path
from core.errors import InputError

_MET, _UNMET, _UNKNOWN = 1, 0, -1
Value = float | str | None
Firm = Mapping[str, Value]


class Tier(IntEnum):
    """Available now; reachable when conditions are met; future; a question is open; out of reach."""

    NOW = 1
    REACHABLE = 2
    FUTURE = 3
    UNKNOWN = 4
    NONE = 5


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Part):
    """`changeable`: the firm can do something about it (A21.2)."""

    field: str
    op: Literal["at_least", "at_most", "in"]
    value: float | None = None
    values: frozenset[str] = frozenset()
    changeable: bool
    ask_zh: str
    ask_en: str

    @model_validator(mode="after")
    def _one_bound(self) -> Condition:
        if (self.op == "in") is (self.value is not None) or (self.op == "in") is not bool(self.values):
            raise ValueError(f"{self.field}: '{self.op}' needs {'values' if self.op == 'in' else 'a value'} alone")
        return self


class Policy(_Part):
    id: str
    zh: str
    en: str
    future: bool
    conditions: tuple[Condition, ...] = Field(min_length=1)


class PolicyRules(_Part):
    """``config/companion/policies.toml``; the window is that of the firm library."""

    version: str
    source: str
    max_gaps: int = Field(ge=0)
    library_from: date
    library_to: date
    policy: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A condition that is not met; `amount` = how much is missing, None where it is no number."""

    field: str
    amount: float | None
    changeable: bool


@dataclass(frozen=True, slots=True)
class Match:
    """One policy for one firm."""

    policy: str
    tier: Tier
    gaps: tuple[Gap, ...]
    asks_zh: tuple[str, ...]
    asks_en: tuple[str, ...]


def tiers(firms: Sequence[Firm], rules: PolicyRules) -> NDArray[np.int8]:
    """(firms, policies) tiers, computed a column at a time; agrees with `package` for every firm."""
    columns: dict[str, NDArray[np.float64]] = {}
    words: dict[str, list[Value]] = {}
    answers: dict[Condition, NDArray[np.int8]] = {}

    def answer(condition: Condition) -> NDArray[np.int8]:
        if condition.op == "in":
            if condition.field not in words:
                words[condition.field] = [firm.get(condition.field) for firm in firms]
            return np.array([_test(condition, value) for value in words[condition.field]], dtype=np.int8)
        if condition.field not in columns:
            columns[condition.field] = np.array([_number(firm.get(condition.field)) for firm in firms], dtype=np.float64)
        column, bound = columns[condition.field], condition.value or 0.0
        met = column >= bound if condition.op == "at_least" else column <= bound
        return np.where(np.isnan(column), _UNKNOWN, met).astype(np.int8)

    found = np.empty((len(firms), len(rules.policy)), dtype=np.int8)
    for number, policy in enumerate(rules.policy):
        for condition in policy.conditions:
            if condition not in answers:
                answers[condition] = answer(condition)
        table = np.stack([answers[condition] for condition in policy.conditions])
        fixed = np.array([not condition.changeable for condition in policy.conditions])
        unmet = table == _UNMET
        out = (unmet & fixed[:, None]).any(axis=0) | (unmet.sum(axis=0) > rules.max_gaps)
        tier = np.where(unmet.any(axis=0), Tier.REACHABLE, Tier.FUTURE if policy.future else Tier.NOW)
        tier = np.where((table == _UNKNOWN).any(axis=0), Tier.UNKNOWN, tier)
        found[:, number] = np.where(out, Tier.NONE, tier)
    return found


def package(firm: Firm, rules: PolicyRules) -> tuple[Match, ...]:
    """Everything one firm can have, with gaps, next steps and questions (政策大礼包); what is out of reach is left out."""
    row = tiers([firm], rules)[0]
    return tuple(
        _match(firm, policy, Tier(int(tier))) for policy, tier in zip(rules.policy, row, strict=True) if tier != Tier.NONE
    )


def changes(before: NDArray[np.int8], after: NDArray[np.int8]) -> list[tuple[int, int]]:
    """(firm, policy) whose tier moved between two runs: a firm is told of these only."""
    return [(int(firm), int(policy)) for firm, policy in np.argwhere(before != after)]


def in_library(registered: date, rules: PolicyRules) -> bool:
    return rules.library_from <= registered <= rules.library_to


def find(
    firms: Sequence[Firm], *, sector: str | None = None, keywords: Sequence[str] = (), min_revenue_wan: float = 0,
    max_age_years: float | None = None,
) -> list[Firm]:  # fmt: skip
    """The library's filters: field, innovation keywords, size, age. A firm with an unknown value is not found by that filter."""

    def fits(firm: Firm) -> bool:
        about = str(firm.get("about") or "")
        age = _number(firm.get("age_years"))
        return (
            (sector is None or firm.get("sector") == sector)
            and all(word in about for word in keywords)
            and (not min_revenue_wan or _number(firm.get("revenue_wan")) >= min_revenue_wan)
            and (max_age_years is None or age <= max_age_years)
        )

    return [firm for firm in firms if fits(firm)]


def read_rules(raw: object) -> PolicyRules:
    """Checked policies. Raises InputError naming what is wrong."""
    try:
        return PolicyRules.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError("policy.bad_rules", place=".".join(map(str, first["loc"])), reason=first["msg"]) from error


def _match(firm: Firm, policy: Policy, tier: Tier) -> Match:
    answers = [(condition, _test(condition, firm.get(condition.field))) for condition in policy.conditions]
    gaps = tuple(_gap(condition, firm.get(condition.field)) for condition, answer in answers if answer == _UNMET)
    unknown = [condition for condition, answer in answers if answer == _UNKNOWN]
    return Match(policy.id, tier, gaps, tuple(one.ask_zh for one in unknown), tuple(one.ask_en for one in unknown))


def _gap(condition: Condition, value: Value) -> Gap:
    amount = None if condition.value is None else abs(condition.value - _number(value))
    return Gap(condition.field, amount, condition.changeable)


def _test(condition: Condition, value: Value) -> int:
    if condition.op == "in":
        return _UNKNOWN if value is None else (_MET if value in condition.values else _UNMET)
    number = _number(value)
    if np.isnan(number) or condition.value is None:
        return _UNKNOWN
    return _MET if (number >= condition.value if condition.op == "at_least" else number <= condition.value) else _UNMET


def _number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


@cache
def policy_rules() -> PolicyRules:
    return read_rules(tomllib.loads(pack_path("companion", "policies.toml").read_text(encoding="utf-8")))
