"""Owns the pages of the receivable finance ledger (case 15) and of the number pool (case 14).

Never lends and never gives a number by itself; amounts are written in yuan and kept in fen.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from companion import ledger, pool
from companion.api_common import BANK, actor_of
from companion.calendars import calendar_of
from companion.model import Actor
from companion.pool import Allotted
from console.pages.reforms_common import Form, day_of, fen_of, is_firm, lines_of, page, text_of
from core import accounts
from core.auth import Role as AccountRole
from core.context import Services
from core.errors import InputError, NotFound
from core.workdays import local_day

POOL = "accounts"


def build_router(services: Services) -> APIRouter:
    """Ledger, then pool."""
    router = APIRouter(include_in_schema=False)
    _ledger(router, services)
    _pool(router, services)
    return router


def _ledger(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/ledger")
    def shown(request: Request, number: str = "") -> Response:
        return _ledger_page(request, services, number)

    @router.post("/reforms/ledger/{do}")
    def act(request: Request, do: str, form: Form) -> Response:
        actor, number = actor_of(request), text_of(form, "number")
        if do == "line":
            inputs = {name: fen_of(form, name, 0) for name in ledger.limit_formula().weights_pct}
            return _ledger_page(request, services, "", ledger.credit_line(ledger.limit_formula(), inputs))
        _act_on_ledger(services, actor, do, number, form)
        return RedirectResponse("/reforms/ledger", status_code=303)


def _act_on_ledger(services: Services, actor: Actor, do: str, number: str, form: FormData) -> None:
    if do == "register":
        call = text_of(form, "call_ref") or None
        ledger.register(services, actor, number, text_of(form, "subject"), fen_of(form, "amount"), call)
    elif do == "correct":
        ledger.correct(services, actor, number, fen_of(form, "amount"))
    elif do == "lend":
        ledger.lend(services, actor, number, fen_of(form, "amount"))
    elif do == "repay":
        ledger.repay(services, actor, text_of(form, "loan"))
    elif do == "grant":
        until = day_of(form, "until")
        if until is None:
            raise InputError("companion.fact_missing", field="until")
        ledger.grant(services, actor, text_of(form, "bank"), until)
    elif do == "withdraw":
        ledger.withdraw(services, actor, text_of(form, "bank"))
    else:
        raise NotFound("console.no_page")


def _ledger_page(request: Request, services: Services, number: str, line: ledger.Line | None = None) -> Response:
    actor = actor_of(request)
    seen = ledger.overview(services, actor)
    asked = ledger.query(services, actor, number.strip()) if number.strip() and not is_firm(actor) else None
    return page(
        request, "ledger.html", seen=seen, asked=asked, firm=is_firm(actor), banks=_banks(services), formula=ledger.limit_formula(),
        line=line, today=local_day(services.clock.now()),
    )  # fmt: skip


def _banks(services: Services) -> dict[str, str]:
    """Bank -> its name: the accounts of banks as this service knows them."""
    with services.db.read() as session:
        known = [one for one in accounts.accounts(session) if one.role is AccountRole.BANK and one.active]
    return {(one.scope_ref or "").removeprefix(BANK) or one.id: one.name for one in known}


def _pool(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/pool")
    def shown(request: Request) -> Response:
        return _pool_page(request, services)

    @router.post("/reforms/pool/{do}")
    def act(request: Request, do: str, form: Form) -> Response:
        actor, subject = actor_of(request), text_of(form, "subject")
        if do == "fill":
            pool.fill(services, actor, POOL, [cells[0] for cells in lines_of(form, "numbers")])
        elif do == "allot":
            if not subject:
                raise InputError("companion.fact_missing", field="subject")
            given = pool.allot(services, actor, POOL, subject, pool.account_file().reserve)
            return _pool_page(request, services, given, subject)
        elif do == "diligence":
            verified, used = day_of(form, "verified"), day_of(form, "used")
            pool.note_diligence(services, actor, POOL, subject, verified=verified, used=used)
        else:
            raise NotFound("console.no_page")
        return RedirectResponse("/reforms/pool", status_code=303)


def _pool_page(request: Request, services: Services, given: Allotted | None = None, subject: str = "") -> Response:
    """The pool, with the terms that a number issued today would have."""
    actor = actor_of(request)
    rules = pool.account_file()
    days = pool.AccountRules(rules.visit_working_days, rules.buffer_months)
    today = local_day(services.clock.now())
    terms: Any = pool.account_terms(today, days, calendar_of(services.settings))
    return page(
        request, "pool.html", book=pool.book(services, actor, POOL), rules=rules, terms=terms, given=given, subject=subject,
        today=today,
    )  # fmt: skip
