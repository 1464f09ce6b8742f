"""Owns pools of numbers made beforehand: each goes to one subject, once (case 14; also inspection and seal numbers).

Never frees a number for another subject, also after the account is frozen or closed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from companion import credit_store as store
from companion.calendars import calendar_of
from companion.model import Actor
from companion.roles import actions, require
from config import pack_path
from core import events, journal
from core.context import Services
from core.errors import InputError, NotFound
from core.workdays import Unit, WorkCalendar, local_day


@dataclass(frozen=True, slots=True)
class Allotted:
    """`number` None = the subject waits its turn. `left` = numbers still free; `low` = below the reserve."""

    number: str | None
    left: int
    low: bool


def fill(services: Services, actor: Actor, pool: str, numbers: Iterable[str]) -> int:
    """Add numbers, but for those that are there already, and serve who waits; returns how many are free. Raises AccessDenied."""
    require(actor, _action("pool.fill", pool))
    with services.db.write() as session:
        known = store.pool_numbers(session, pool)
        new = [number for number in dict.fromkeys(numbers) if number not in known]
        session.add_all(store.PoolNumberRow(pool=pool, number=number) for number in new)
        session.flush()
        _journal(services, session, actor, pool, "pool_filled", {"count": len(new)})
        for wait in store.waiting(session, pool):
            row = store.free_number(session, pool)
            if row is None:
                break
            row.subject, row.issued_at = wait.subject, services.clock.now()
            session.delete(wait)
            session.flush()
            _journal(services, session, actor, pool, "number_issued", {"number": row.number})
        return store.free_numbers(session, pool)


def allot(services: Services, actor: Actor, pool: str, subject: str, reserve: int) -> Allotted:
    """The subject's number: the one it has, or the lowest free one, or a place in the queue. Below `reserve` an alert is published."""
    require(actor, _action("pool.allot", pool))
    with services.db.write() as session:
        held = store.number_of(session, pool, subject)
        if held is not None:
            return Allotted(held.number, left := store.free_numbers(session, pool), left < reserve)
        row = store.free_number(session, pool)
        if row is None:
            if not store.is_waiting(session, pool, subject):
                session.add(store.PoolWaitRow(pool=pool, subject=subject, asked_at=services.clock.now()))
            _alert(services, session, pool, 0)
            return Allotted(None, 0, low=True)
        row.subject, row.issued_at = subject, services.clock.now()
        session.flush()
        _journal(services, session, actor, pool, "number_issued", {"number": row.number})
        left = store.free_numbers(session, pool)
        if left < reserve:
            _alert(services, session, pool, left)
        return Allotted(row.number, left, left < reserve)


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """Days of an account opened before its checks: `frozen_after` is the later of both (A14.2)."""

    visit_due: date
    month_end: date
    frozen_after: date
    provisional: bool


@dataclass(frozen=True, slots=True)
class AccountRules:
    visit_working_days: int
    buffer_months: int


def account_terms(issued: date, rules: AccountRules, calendar: WorkCalendar) -> AccountTerms:
    visit = calendar.due(issued, rules.visit_working_days, Unit.WORKING_DAY)
    month = calendar.due(issued, rules.buffer_months, Unit.MONTH)
    return AccountTerms(visit.day, month.day, max(visit.day, month.day), visit.provisional or month.provisional)


def account_state(terms: AccountTerms, on: date, verified: date | None, first_transaction: date | None) -> str:
    """restricted, verified, active or frozen on a day: unverified or unused at the end of the buffer is frozen (A14.3)."""
    is_verified = verified is not None and verified <= min(on, terms.frozen_after)
    is_used = first_transaction is not None and first_transaction <= min(on, terms.frozen_after)
    if on > terms.frozen_after and not (is_verified and is_used):
        return "frozen"
    return ("active" if is_used else "verified") if is_verified else "restricted"


def note_diligence(
    services: Services, actor: Actor, pool: str, subject: str, *, verified: date | None, used: date | None
) -> None:
    """Keep the day the bank verified the firm, and of its first transaction; a day that is known stays.

    Raises:
        NotFound ``pool.no_number``; InputError ``pool.bad_day`` for a day before the issue or to come.
    """
    require(actor, "pool.diligence")
    with services.db.write() as session:
        row = store.number_of(session, pool, subject)
        if row is None or row.issued_at is None:
            raise NotFound("pool.no_number", subject=subject)
        first, today = local_day(row.issued_at), local_day(services.clock.now())
        for day in (verified, used):
            if day is not None and not first <= day <= today:
                raise InputError("pool.bad_day", day=day.isoformat())
        row.verified_on, row.used_on = row.verified_on or verified, row.used_on or used
        payload: dict[str, object] = {"number": row.number, "verified": str(row.verified_on), "used": str(row.used_on)}
        _journal(services, session, actor, pool, "due_diligence", payload)


@dataclass(frozen=True, slots=True)
class Held:
    """A number that was issued, with the terms of its account and its state today."""

    number: str
    subject: str
    terms: AccountTerms
    verified_on: date | None
    used_on: date | None
    state: str


@dataclass(frozen=True, slots=True)
class Book:
    """A pool as the bank sees it."""

    free: int
    waiting: tuple[str, ...]
    held: tuple[Held, ...]


def book(services: Services, actor: Actor, pool: str) -> Book:
    """Free numbers, who waits, and the newest accounts. Raises AccessDenied."""
    require(actor, "pool.read")
    today, calendar, rules = local_day(services.clock.now()), calendar_of(services.settings), account_file()
    days = AccountRules(rules.visit_working_days, rules.buffer_months)
    with services.db.read() as session:
        held = []
        for row in store.issued_numbers(session, pool):
            terms = account_terms(local_day(row.issued_at or services.clock.now()), days, calendar)
            state = account_state(terms, today, row.verified_on, row.used_on)
            held.append(Held(row.number, row.subject or "", terms, row.verified_on, row.used_on, state))
        return Book(store.free_numbers(session, pool), tuple(one.subject for one in store.waiting(session, pool)), tuple(held))


class AccountFile(BaseModel):
    """``config/companion/account.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    source: str
    visit_working_days: int
    buffer_months: int
    reserve: int
    offered: tuple[str, ...]


@cache
def account_file() -> AccountFile:
    return AccountFile.model_validate(tomllib.loads(pack_path("companion", "account.toml").read_text(encoding="utf-8")))


def online_payment_allowed(state: str) -> bool:
    """Online transactions are off until the account is verified."""
    return state in ("verified", "active")


def _action(base: str, pool: str) -> str:
    """A pool with a row of its own (inspection and seal numbers) is served by other desks than the accounts' bank."""
    own = f"{base}.{pool}"
    return own if own in actions() else base


def _journal(services: Services, session: Session, actor: Actor, pool: str, action: str, payload: dict[str, object]) -> None:
    journal.append(session, services.clock, stream=f"pool:{pool}", actor=actor.user_id, action=action, payload=payload)


def _alert(services: Services, session: Session, pool: str, left: int) -> None:
    day = local_day(services.clock.now()).isoformat()
    payload = {"pool": pool, "left": left, "day": day}
    events.publish(session, services.clock, stream=f"pool:{pool}", type="companion.pool_low", payload=payload)
