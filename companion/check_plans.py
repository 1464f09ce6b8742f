"""Owns making a plan of random checks: firms graded by their credit files, exclusions, causes, people and items (case 17).

Never draws, and never chooses a stratum by hand: the grade of the day does, and a cause.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from companion import checks, credit_store
from companion.checks import Registered, directory
from companion.credit import credit_rules, evaluate, stratum_of
from companion.definition import Text
from companion.model import Actor
from companion.roles import require
from config import pack_path
from core import draw
from core.context import Services
from core.draw import Item, Person, Pool, Stratum
from core.errors import InputError
from core.workdays import local_day

GOOD = "no_complaint_no_check"
_SECRET_BYTES = 32


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RoleText(_Part):
    zh: str
    en: str
    per_visit: int = Field(ge=0)


class KindText(_Part):
    zh: str
    en: str
    flying: bool


class ItemText(_Part):
    id: str
    zh: str
    en: str
    kinds: frozenset[str]


class CheckRules(_Part):
    """``config/companion/checks.toml``."""

    version: str
    source: str
    items_per_visit: int = Field(ge=0)
    recurring_visits: int = Field(ge=1)
    exclusions: dict[str, Text]
    causes: dict[str, Text]
    roles: dict[str, RoleText]
    kinds: dict[str, KindText]
    item: tuple[ItemText, ...]


class Firm(_Part):
    """A row of the directory; `tests` = exclusions that apply, `cause` = why it is checked for sure."""

    id: str
    kind: str = ""
    tests: tuple[str, ...] = ()
    cause: str | None = None


class PersonIn(_Part):
    role: str
    id: str
    conflicts: frozenset[str] = frozenset()


class Wanted(_Part):
    """A plan as an officer asks for it; strata None = those of the credit rules. `leave_out_good`: no complaint, no check."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    seed_source: str = Field(min_length=1, max_length=500)
    firms: tuple[Firm, ...] = Field(min_length=1)
    people: tuple[PersonIn, ...] = Field(min_length=1)
    per_visit: dict[str, int]
    items: tuple[Item, ...] = Field(min_length=1)
    items_per_visit: int = Field(ge=0)
    strata: dict[str, Stratum] | None = None
    leave_out_good: bool = True
    flying: bool = False


def plan_of(session: Session, wanted: Wanted, on: date, secret_sha256: str) -> draw.Plan:
    """The plan with each firm in the stratum of its grade on that day.

    Raises:
        InputError ``checks.unknown_name`` for an exclusion, cause, kind or role that the rules do not know; ``draw.bad_plan``.
    """
    rules = check_rules()
    _require_known({firm.kind for firm in wanted.firms if firm.kind}, rules.kinds)
    _require_known({test for firm in wanted.firms for test in firm.tests}, rules.exclusions)
    _require_known({firm.cause for firm in wanted.firms if firm.cause}, rules.causes)
    _require_known({one.role for one in wanted.people} | set(wanted.per_visit), rules.roles)
    rows = _graded(session, wanted, on)
    pools = [
        Pool(role=role, per_visit=count, people=tuple(
            Person(id=one.id, conflicts=one.conflicts) for one in wanted.people if one.role == role))
        for role, count in wanted.per_visit.items() if count
    ]  # fmt: skip
    try:
        return draw.Plan(
            schema=draw.SCHEMA, id=wanted.id, seed_source=wanted.seed_source, secret_sha256=secret_sha256,
            strata=wanted.strata or credit_rules().strata,
            targets=directory(rows, {firm.id: firm.cause for firm in wanted.firms if firm.cause}),
            pools=tuple(pools), items=wanted.items, items_per_visit=wanted.items_per_visit,
        )  # fmt: skip
    except ValueError as error:
        raise InputError("draw.bad_plan", reason="; ".join(str(error).splitlines()[1:3])) from error


def preview(services: Services, actor: Actor, wanted: Wanted) -> tuple[draw.Plan, dict[str, int]]:
    """The plan before anything is promised, and how many of each stratum it would give. Raises as `plan_of`."""
    require(actor, "draw.plan")
    with services.db.read() as session:
        plan = plan_of(session, wanted, local_day(services.clock.now()), "0" * 64)
    return plan, draw.planned_counts(plan)


def announce(services: Services, actor: Actor, wanted: Wanted) -> str:
    """Make the secret, commit to the plan and announce it; returns the commitment. The secret never leaves before the result."""
    require(actor, "draw.plan")
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with services.db.read() as session:
        plan = plan_of(session, wanted, local_day(services.clock.now()), draw.secret_hash(secret))
    return checks.commit(services, actor, plan, secret, flying=wanted.flying)


def _graded(session: Session, wanted: Wanted, on: date) -> list[Registered]:
    """Every row in the stratum of its grade; low risk and good credit is left out with that reason, unless a cause brings it in."""
    names = [firm.id for firm in wanted.firms]
    events, entries = credit_store.events_by_subject(session, names), credit_store.entries_by_subject(session, names)
    rows = []
    for firm in wanted.firms:
        held = {one.list for one in entries.get(firm.id, []) if one.holds_on(on)}
        red = "red" in held
        stratum = stratum_of(
            evaluate(events.get(firm.id, []), on), red=red, black="black" in held, cause=firm.cause is not None
        )
        tests = dict.fromkeys(firm.tests, True) | {GOOD: stratum is None and wanted.leave_out_good}
        rows.append(Registered(firm.id, stratum or ("red" if red else "ordinary"), firm.kind, tests))
    return rows


def _require_known(names: Iterable[str | None], table: Mapping[str, object]) -> None:
    if unknown := sorted(str(name) for name in names if name not in table):
        raise InputError("checks.unknown_name", name=unknown[0], names=", ".join(table))


@cache
def check_rules() -> CheckRules:
    return CheckRules.model_validate(tomllib.loads(pack_path("companion", "checks.toml").read_text(encoding="utf-8")))
