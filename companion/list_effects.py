"""Owns what standing on a list means on a day (cases 4 and 18): the effects by name, what they close, who comes first, how often is checked.

Never lists anyone: entries and their recognition are `companion.creditfile`'s.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from companion import credit_store, store
from companion.lists import Entry, list_rules
from config import pack_path
from core.errors import InputError, Refused
from core.workdays import add_months


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EffectText(_Part):
    """`closes`: what this service refuses to a subject with this effect."""

    zh: str
    en: str
    closes: frozenset[str] = frozenset()


class ListEffectRules(_Part):
    """``config/companion/list_effects.toml``."""

    version: str
    source: str
    red: tuple[str, ...]
    black: tuple[str, ...]
    months_between_checks: dict[str, int] = Field(min_length=1)
    effect: dict[str, EffectText]


@dataclass(frozen=True, slots=True)
class Holds:
    """An effect that holds for a subject, with the entry it comes from."""

    effect: str
    zh: str
    en: str
    list: str
    entry: str
    since: date


def effects_on(session: Session, subject: str, on: date) -> tuple[Holds, ...]:
    """Every effect of the lists a subject stands on; an entry that is only proposed has none."""
    rules = list_effect_rules()
    found: dict[str, Holds] = {}
    for entry in credit_store.entries_of(session, subject):
        if not entry.holds_on(on) or entry.effective_on is None:
            continue
        for name in _names(entry, rules):
            text = rules.effect[name]
            found.setdefault(name, Holds(name, text.zh, text.en, entry.list, entry.ref, entry.effective_on))
    for row in store.effects_on(session, subject, on):  # a black list ordered in a case file
        for name in rules.black if row.list == "black" and row.from_day is not None else ():
            text = rules.effect[name]
            found.setdefault(name, Holds(name, text.zh, text.en, "black", f"{row.case_id}/{row.ref}", row.from_day or on))
    return tuple(found.values())


def require_open(session: Session, subject: str, on: date, what: str) -> None:
    """Raises Refused ``lists.closed`` citing the entry, where a list closes this (subsidy, procurement, service_purchase, tender)."""
    rules = list_effect_rules()
    if all(what not in text.closes for text in rules.effect.values()):
        raise InputError("lists.unknown_benefit", what=what)
    for one in effects_on(session, subject, on):
        if what in rules.effect[one.effect].closes:
            raise Refused("lists.closed", what=what, ref=one.entry)


def first_served(session: Session, subjects: Iterable[str], on: date) -> list[str]:
    """Green channel and priority in awards: red-list subjects first, black-list subjects last, else in the order given."""

    def place(subject: str) -> int:
        lists = {one.list for one in effects_on(session, subject, on)}
        return 2 if "black" in lists else 0 if "red" in lists else 1

    return sorted(subjects, key=place)


def checked_recently(last: date | None, stratum: str, on: date) -> bool:
    """True where a routine check would come too soon for this stratum: a test by which `companion.checks.directory` excludes."""
    months = list_effect_rules().months_between_checks[stratum]
    return last is not None and on < add_months(last, months)


def _names(entry: Entry, rules: ListEffectRules) -> tuple[str, ...]:
    sector = list_rules(entry.domain)
    return (*rules.red, *sector.red_effects) if entry.list == "red" else (*rules.black, *sector.black_effects)


@cache
def list_effect_rules() -> ListEffectRules:
    return ListEffectRules.model_validate(
        tomllib.loads(pack_path("companion", "list_effects.toml").read_text(encoding="utf-8"))
    )
