"""Owns early warning over observed figures (cases 14, 15 and 16): a rule that fires gives a hint with its reasons.

Never orders or grades anything: a hint is told to who watches (the bank, the authority, supervision), and a person decides.
Rules are data, ``config/companion/watch.toml``; figures come from the data platform and stay in a book, append-only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from companion import books
from companion.conditions import Value
from companion.model import Actor
from companion.roles import require
from config import pack_path
from core.context import Services
from core.errors import InputError
from core.workdays import local_day

OBSERVED, HINTS = "observations", "hints"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WatchRule(_Part):
    """`drop_pct` and `rise_pct` compare with the observation before; without one they do not fire."""

    id: str
    kinds: frozenset[str] = Field(min_length=1)
    field: str
    test: Literal["at_least", "at_most", "drop_pct", "rise_pct"]
    value: float
    zh: str
    en: str


class Watched(_Part):
    """What is observed of one kind of subject, and who is told of a hint."""

    zh: str
    en: str
    fields: tuple[str, ...]
    tells: tuple[str, ...]


class WatchRules(_Part):
    """``config/companion/watch.toml``."""

    version: str
    source: str
    kind: dict[str, Watched]
    rule: tuple[WatchRule, ...]


@dataclass(frozen=True, slots=True)
class Hint:
    """A rule that fired, with the figures it fired on. `before` None: the rule looks at one observation only."""

    rule: str
    zh: str
    en: str
    field: str
    now: float
    before: float | None


def hints(rules: WatchRules, kind: str, now: Mapping[str, float], before: Mapping[str, float] | None) -> tuple[Hint, ...]:
    """Every rule of this kind that the figures fire. A missing figure fires nothing."""
    found = []
    for rule in rules.rule:
        if kind not in rule.kinds or rule.field not in now:
            continue
        earlier = (before or {}).get(rule.field) if rule.test in ("drop_pct", "rise_pct") else None
        if _fires(rule, now[rule.field], earlier):
            found.append(Hint(rule.id, rule.zh, rule.en, rule.field, now[rule.field], earlier))
    return tuple(found)


def observe(
    services: Services, actor: Actor, kind: str, subject: str, values: Mapping[str, float], source: str
) -> tuple[Hint, ...]:
    """Keep today's figures of a subject and tell what they hint at; a second report of the day replaces the first.

    Raises:
        AccessDenied; InputError ``watch.unknown`` for a kind or field that is not watched.
    """
    require(actor, "watch.observe")
    rules, today = watch_rules(), local_day(services.clock.now())
    watched = rules.kind.get(kind)
    if watched is None or not values or (lost := sorted(set(values) - set(watched.fields))):
        raise InputError("watch.unknown", kind=kind, field=lost[0] if watched and values else "")
    with services.db.write() as session:
        fired = hints(rules, kind, values, _before(session, kind, subject, today))
        _keep(services, session, actor, OBSERVED, f"{kind}:{subject}:{today}", {
            "kind": kind, "day": today.isoformat(), "source": source, "figures": [f"{name}={value}" for name, value in sorted(values.items())],
        }, subject)  # fmt: skip
        for hint in fired:
            ref = f"{kind}:{subject}:{today}:{hint.rule}"
            if not books.history(session, HINTS, ref):
                _keep(services, session, actor, HINTS, ref, _hint(hint, kind, today, watched), subject)
        return fired


def _before(session: Session, kind: str, subject: str, today: date) -> dict[str, float] | None:
    earlier = [
        one for one in books.entries(session, OBSERVED, subject)
        if one.values["kind"] == kind and str(one.values["day"]) < today.isoformat()
    ]  # fmt: skip
    if not earlier:
        return None
    figures = max(earlier, key=lambda one: str(one.values["day"])).values["figures"]
    pairs = [str(figure).split("=") for figure in figures] if isinstance(figures, list) else []
    return {name: float(value) for name, value in pairs}


def _fires(rule: WatchRule, now: float, before: float | None) -> bool:
    if rule.test == "at_least":
        return now >= rule.value
    if rule.test == "at_most":
        return now <= rule.value
    if before is None or before <= 0:
        return False
    change_pct = (now - before) / before * 100
    return change_pct <= -rule.value if rule.test == "drop_pct" else change_pct >= rule.value


def _hint(hint: Hint, kind: str, today: date, watched: Watched) -> dict[str, Value]:
    known: dict[str, Value] = {
        "kind": kind, "day": today.isoformat(), "rule": hint.rule, "reason_zh": hint.zh, "reason_en": hint.en, "field": hint.field,
        "now": hint.now, "to": [*watched.tells],
    }  # fmt: skip
    return known if hint.before is None else {**known, "before": hint.before}


def _keep(
    services: Services, session: Session, actor: Actor, book: str, ref: str, values: Mapping[str, Value], subject: str
) -> None:
    books.write_in(services, session, actor, book, ref, values, subject)


@cache
def watch_rules() -> WatchRules:
    return WatchRules.model_validate(tomllib.loads(pack_path("companion", "watch.toml").read_text(encoding="utf-8")))
