"""Owns red and black lists of a sector: criteria, the program from collected to published, repair. Companion spec, cases 4 and 18.

Never gives an entry an effect before its recognising authority has acted, and never erases one: an ended entry stays as history.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from companion.credit import CreditEvent, Rule
from companion.model import Role
from config import pack_path
from core.errors import AccessDenied, NotFound, Refused
from core.workdays import add_months


class ListRules(BaseModel):
    """One sector's rule set (``config/companion/lists_<sector>.toml``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    source: str
    domain: str
    red_clean_years: int = Field(ge=1)
    red_grade_a_years: int = Field(ge=1)
    program: tuple[str, ...]
    effective_from: str
    steps: dict[str, frozenset[Role]]
    adverse_kinds: frozenset[str]
    red_effects: tuple[str, ...]
    black_effects: tuple[str, ...]
    repair_mandatory: tuple[str, ...]
    repair_optional: tuple[str, ...]
    objection_working_days: int = Field(15, ge=0, description="from the notice; the companion specification's default")
    expires_months: int = Field(0, ge=0, description="a black entry ends by itself after this; 0 = by repair alone")
    black: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a list. It has effect from `effective_on` until the day before `ended_on` or `expires_on`."""

    ref: str
    subject: str
    list: Literal["red", "black"]
    domain: str
    criterion: str
    state: str
    proposed_on: date
    effective_on: date | None = None
    ended_on: date | None = None
    end_reason: str | None = None
    expires_on: date | None = None

    @property
    def end(self) -> date | None:
        """The first day without effect: repaired, removed or run out, whichever is earlier."""
        return min((day for day in (self.ended_on, self.expires_on) if day is not None), default=None)

    def holds_on(self, day: date) -> bool:
        return self.effective_on is not None and self.effective_on <= day and (self.end is None or day < self.end)

    def runs_on(self, day: date) -> bool:
        """True from the proposal on, until it ended."""
        return self.proposed_on <= day and (self.end is None or day < self.end)


@dataclass(frozen=True, slots=True)
class Met:
    """A criterion that is met, with the events that meet it."""

    criterion: str
    zh: str
    en: str
    refs: tuple[str, ...]


def black_criteria(rules: ListRules, events: Iterable[CreditEvent], on: date) -> tuple[Met, ...]:
    """Criteria of the black list that are met on a day: a proposal, not a listing. A lesser penalty is one adverse record (A18.1)."""
    own = [one for one in events if one.domain in ("", rules.domain)]
    met = ((rule, rule.fired_by(own, on)) for rule in rules.black)
    return tuple(Met(rule.id, rule.zh, rule.en, tuple(one.ref for one in fired)) for rule, fired in met if fired)


def red_from(
    rules: ListRules, founded: date, events: Iterable[CreditEvent], on: date, grade_a_since: date | None = None
) -> date:
    """The day from which a subject may stand on the red list, as known on `on`.

    Three full years since registration (A18.3) or since the last adverse record, whichever is later, or three years of grade A.
    """
    bad = rules.adverse_kinds.union(*(rule.kinds for rule in rules.black))
    last = max((one.day for one in events if one.kind in bad and one.day <= on), default=founded)
    clean = add_months(max(founded, last), 12 * rules.red_clean_years)
    if grade_a_since is None:
        return clean
    return min(clean, add_months(max(grade_a_since, founded), 12 * rules.red_grade_a_years))


def is_red(rules: ListRules, founded: date, events: Iterable[CreditEvent], on: date, grade_a_since: date | None = None) -> bool:
    """True where the red list's condition holds on that day; an adverse record ends it the same day."""
    known = tuple(events)
    day = red_from(rules, founded, known, on, grade_a_since)
    fell_today = any(one.day == on and one.kind in rules.adverse_kinds for one in known)
    return day <= on and not fell_today


def next_step(rules: ListRules, state: str, role: Role) -> str:
    """The program's next step, if this role takes it.

    Raises:
        Refused ``lists.no_next_step``: the program is complete.
        AccessDenied ``lists.not_your_step``.
    """
    place = rules.program.index(state) + 1 if state in rules.program else 0
    if place >= len(rules.program):
        raise Refused("lists.no_next_step", state=state)
    step = rules.program[place]
    if role not in rules.steps[step]:
        raise AccessDenied("lists.not_your_step", step=step, role=role.value)
    return step


def expires_on(rules: ListRules, kind: str, effective_on: date | None) -> date | None:
    """The day a black entry runs out by itself, None where only repair ends it."""
    if kind != "black" or effective_on is None or not rules.expires_months:
        return None
    return add_months(effective_on, rules.expires_months)


def sectors() -> list[str]:
    """Every sector that has a rule set."""
    return sorted(path.stem.removeprefix("lists_") for path in pack_path("companion").glob("lists_*.toml"))


def missing_for_repair(
    rules: ListRules, done: Iterable[str], required: Iterable[str], *, harm_removed: bool
) -> tuple[str, ...]:
    """What still stands between a listed subject and repair, by name (A4.2: three means always, others as required)."""
    means, wanted = set(done), {*required}
    if unknown := sorted((means | wanted) - {*rules.repair_mandatory, *rules.repair_optional}):
        raise NotFound("lists.unknown_means", means=unknown[0])
    needed = [
        one for one in (*rules.repair_mandatory, *rules.repair_optional) if one in rules.repair_mandatory or one in wanted
    ]
    return tuple(one for one in needed if one not in means) + (() if harm_removed else ("harm_removed",))


def is_sector(domain: str) -> bool:
    """True where a rule set for this domain is there."""
    return domain.isidentifier() and pack_path("companion", f"lists_{domain}.toml").is_file()


@cache
def list_rules(sector: str) -> ListRules:
    """The rule set of a sector. Raises NotFound."""
    if not is_sector(sector):
        raise NotFound("lists.unknown_sector", sector=sector)
    return ListRules.model_validate(tomllib.loads(pack_path("companion", f"lists_{sector}.toml").read_text(encoding="utf-8")))
