"""Owns the question whether a ship may be checked remotely: dated rule packs (``config/eligibility/``) and the judge.

Never guesses: a fact that is not known is never taken as true; each rule says what its absence leads to.

What an unknown fact does is decided in the pack. In ours: what only the ship can say (network, skilled crew, risk accepted)
becomes a condition that the crew must confirm when they agree the appointment; what the authority should know itself
(profile, detention, investigation, trigger) leads to "remote first, then attend".
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from config import ConfigError, pack_path
from core.catalogue import text
from inspection.record import EligibilityPart, RulePart, SelectionPart, Text, Verdict

Purpose = Literal["first_check", "re_inspection", "onsite_supervision", "help"]
Trigger = Literal["normal_selection", "accident", "report", "onsite_escalation"]
Effect = Literal["pass", "confirm", "then_attend", "attend", "none_due"]
FactName = Literal[
    "profile", "profile_best", "profile_worst", "priority", "selection_class", "overriding", "detained", "under_investigation",
    "trigger", "network_ok", "crew_skilled", "risk_accepted", "other_exclusion", "ship_type", "last_remote",
]  # fmt: skip
_FACT_NAMES: tuple[str, ...] = get_args(FactName)


@dataclass(frozen=True, slots=True)
class EligibilityFacts:
    """What is known about the ship; None = not known. `last_remote` maps checklist item ids to the day they were last
    examined remotely (empty = it is known that none was). `today` is the day in Asia/Shanghai.
    """

    today: date
    profile_best: str | None = None
    profile_worst: str | None = None
    priority: str | None = None
    selection_class: str | None = None
    overriding: bool | None = None
    detained: bool | None = None
    under_investigation: bool | None = None
    trigger: Trigger | None = None
    network_ok: bool | None = None
    crew_skilled: bool | None = None
    risk_accepted: bool | None = None
    other_exclusion: bool | None = None
    ship_type: str | None = None
    last_remote: MappingProxyType[str, date] | None = None

    @property
    def profile(self) -> tuple[str, str] | None:
        """Best and worst class, or None if one of them is not known."""
        return None if self.profile_best is None or self.profile_worst is None else (self.profile_best, self.profile_worst)


class Rule(BaseModel):
    """One row of a pack: the fact, how it is tested, what each outcome leads to and how that is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    fact: FactName
    test: Literal["in", "not_in", "range_in", "is_true", "is_false", "contains_none", "months_since"]
    values: list[str] = []
    months: int | None = None
    met: Effect
    not_met: Effect
    unknown: Effect
    met_zh: str
    met_en: str
    not_met_zh: str
    not_met_en: str
    unknown_zh: str
    unknown_en: str

    @model_validator(mode="after")
    def _complete(self) -> Rule:
        if self.test in ("in", "not_in", "range_in", "contains_none") and not self.values:
            raise ValueError(f"rule {self.id}: test {self.test!r} needs values")
        if (self.test == "months_since") != (self.months is not None):
            raise ValueError(f"rule {self.id}: months belong to the test months_since")
        if self.met != "pass":
            raise ValueError(f"rule {self.id}: a rule that is met passes")
        if self.not_met in ("pass", "confirm"):
            raise ValueError(f"rule {self.id}: a rule that is not met must have an effect")
        return self


class Pack(BaseModel):
    """A dated set of rules with its source. `authority` is False for our own drafts."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    version: str
    purpose: Purpose
    authority: bool
    source: str
    label_zh: str
    label_en: str
    rule: list[Rule]

    @model_validator(mode="after")
    def _labelled(self) -> Pack:
        if not self.authority and not ("草案" in self.label_zh and "draft" in self.label_en.lower()):
            raise ValueError("a pack that is no authority's rule must say so in its label, in both languages")
        if len({rule.id for rule in self.rule}) != len(self.rule):
            raise ValueError("two rules have one id")
        return self


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict in the record's form, plus what follows from it: conditions (rule ids) the ship must confirm with the
    appointment, and checklist items that need attendance this time.
    """

    part: EligibilityPart
    conditions: tuple[str, ...]
    attend_items: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        return self.part.verdict


def load_pack(path: Path) -> Pack:
    """Read a pack.

    Raises:
        ConfigError: naming the file and what is wrong.
    """
    try:
        return Pack.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError, OSError) as error:
        raise ConfigError(f"eligibility pack {path.name}: {error}") from error


@cache
def packs() -> MappingProxyType[str, Pack]:
    """All packs in force, one for each purpose."""
    found = [load_pack(path) for path in sorted(pack_path("eligibility").glob("*.toml"))]
    return MappingProxyType({pack.purpose: pack for pack in found})


def facts_from_selection(
    selection: SelectionPart | None, ship_type: str | None, today: date, trigger: Trigger = "normal_selection"
) -> EligibilityFacts:
    """What a ranked ship tells. Everything the ranking does not know stays unknown."""
    return EligibilityFacts(
        today=today,
        profile_best=selection.profile_best if selection else None,
        profile_worst=selection.profile_worst if selection else None,
        priority=selection.priority if selection else None,
        trigger=trigger,
        ship_type=ship_type,
    )


def judge(pack: Pack, facts: EligibilityFacts) -> Judgement:
    """Apply every rule. The verdict is the strongest effect: none due > attend > remote then attend > remote."""
    parts: list[RulePart] = []
    effects: set[Effect] = set()
    conditions: list[str] = []
    recent = _recent_items(pack, facts)
    for rule in pack.rule:
        met = _test(rule, facts)
        effect = rule.unknown if met is None else rule.met if met else rule.not_met
        effects.add(effect)
        if effect == "confirm":
            conditions.append(rule.id)
        parts.append(RulePart(id=rule.id, met=met, reason=_reason(rule, met, recent)))
    verdict = _verdict(effects)
    part = EligibilityPart(
        pack=pack.id,
        pack_version=pack.version,
        purpose=pack.purpose,
        verdict=verdict,
        summary=_summary(pack, verdict, len(conditions)),
        rules=parts,
    )
    return Judgement(part, tuple(conditions), recent)


def _verdict(effects: set[Effect]) -> Verdict:
    if "none_due" in effects:
        return "none_due"
    if "attend" in effects:
        return "attend_only"
    return "remote_then_attend" if "then_attend" in effects else "remote"


def _test(rule: Rule, facts: EligibilityFacts) -> bool | None:
    """True, False or None (the fact is not known)."""
    value = getattr(facts, rule.fact)
    if value is None:
        return None
    match rule.test:
        case "in":
            return value in rule.values
        case "not_in":
            return value not in rule.values
        case "is_true":
            return value is True
        case "is_false":
            return value is False
        case "contains_none":
            return not any(word.casefold() in str(value).casefold() for word in rule.values)
        case "months_since":
            return not _recent(value, facts.today, rule.months or 0)
        case "range_in":
            inside = {end in rule.values for end in value}
            return inside.pop() if len(inside) == 1 else None


def _recent(last_remote: MappingProxyType[str, date], today: date, months: int) -> tuple[str, ...]:
    """Items whose last remote day is less than `months` calendar months ago; the same day of the month counts as past."""
    limit = today.year * 12 + today.month - months
    return tuple(sorted(item for item, day in last_remote.items() if (day.year * 12 + day.month, day.day) > (limit, today.day)))


def _recent_items(pack: Pack, facts: EligibilityFacts) -> tuple[str, ...]:
    rule = next((rule for rule in pack.rule if rule.test == "months_since"), None)
    return () if rule is None or facts.last_remote is None else _recent(facts.last_remote, facts.today, rule.months or 0)


def _reason(rule: Rule, met: bool | None, items: tuple[str, ...]) -> Text:  # noqa: FBT001 - three-valued outcome, not a switch
    if met is None:
        return Text(zh=rule.unknown_zh, en=rule.unknown_en)
    if met:
        return Text(zh=rule.met_zh, en=rule.met_en)
    return Text(zh=rule.not_met_zh.format(items="、".join(items)), en=rule.not_met_en.format(items=", ".join(items)))


def _summary(pack: Pack, verdict: Verdict, conditions: int) -> Text:
    key = f"inspection.verdict.{verdict}" + (".conditions" if conditions and verdict.startswith("remote") else "")
    return Text(
        zh=text(key, "zh", pack=pack.label_zh, count=conditions), en=text(key, "en", pack=pack.label_en, count=conditions)
    )
