"""Owns the local rules of a port (`config/rules/local_port.toml`): key ships, ships not inspected for so many months.

Never adds a point to a regime: what it finds stands beside the points.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ais.codes import Label
from ais.facts import History
from ais.register import Particular
from ais.rules import add_months
from ais.text import Bilingual, say
from config import pack_path


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    label: Label


class NamedInRegister(_Rule):
    rule: Literal["named_in_register"]
    field: str


class NotInspected(_Rule):
    rule: Literal["not_inspected_for_months"]
    months: int = Field(ge=1)


class LocalRules(BaseModel):
    """`config/rules/local_port.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    source: str
    rules: tuple[Annotated[NamedInRegister | NotInspected, Field(discriminator="rule")], ...]


@dataclass(frozen=True, slots=True)
class LocalHit:
    """A local rule that a ship meets; `state` unknown = it may."""

    id: str
    label: Bilingual
    state: Literal["met", "unknown"]
    reason: Bilingual
    source: str | None


@cache
def local_rules() -> LocalRules:
    return LocalRules.model_validate(tomllib.loads(pack_path("rules", "local_port.toml").read_text(encoding="utf-8")))


def local_hits(rules: LocalRules, entry: Particular | None, history: History, on: date) -> tuple[LocalHit, ...]:
    """The rules that the ship meets or may meet."""
    found: list[LocalHit] = []
    for rule in rules.rules:
        label = Bilingual(rule.label.zh, rule.label.en)
        if isinstance(rule, NamedInRegister):
            why = None if entry is None else entry.get(rule.field)
            if entry is not None and why is not None:
                found.append(LocalHit(rule.id, label, "met", Bilingual(why, why), entry.source(rule.field)))
        elif not history.last_known:
            found.append(LocalHit(rule.id, label, "unknown", history.gap or say("targets.unknown.no_history"), None))
        elif history.last_on is None or on > add_months(history.last_on, rule.months):
            last = "–" if history.last_on is None else history.last_on.isoformat()
            found.append(LocalHit(rule.id, label, "met", say("targets.local.last", last=last), history.source))
    return tuple(found)
