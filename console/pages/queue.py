"""Owns the ranked queue: which ship first, why, and whether it may be checked from afar.

Never ranks: the list comes from `ais`, the verdict from `inspection`, a decision from the officer.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from ais.backtest import back_test
from ais.backtest_table import FIRSTS, read_table, shipped_table
from ais.codes import ship_types
from ais.decisions import DecisionKind, NewDecision
from ais.shift_report import shift_at, shift_rules
from ais.targets_service import ask_what_if, decide_target
from console import view
from console.queue_source import PRIORITY, WHERE, PriorityFilter, Wanted, WhereFilter
from console.risk_sources import risk_sources
from console.sources import Sources
from core.context import Services
from core.errors import InputError
from core.workdays import local_day

OWN_TABLE = "backtest.csv"
"""In the data folder: past inspections of the authority itself, shown instead of the synthetic table."""
_TYPES = tuple(ship_types().types)
_Changed = Annotated[str, Query(max_length=40)]


def build_router(services: Services, sources: Sources) -> APIRouter:
    """The page, the fragment for one ship, the form by which an officer decides, the question "what if", and the back-test."""
    router = APIRouter(include_in_schema=False)

    @router.get("/queue")
    def queue(
        request: Request,
        ship: Annotated[str | None, Query(max_length=40)] = None,
        where: WhereFilter = "near",
        priority: PriorityFilter = "any",
        q: Annotated[str, Query(max_length=80)] = "",
    ) -> Response:
        found = sources.queue(Wanted(where, priority, q.strip()))
        key = ship or (found.lines[0].key if found.lines else None)
        shift, begins = shift_at(services.clock.now())
        return view.page(
            request, "queue.html", found=found, lines=found.lines, chosen=None if key is None else sources.ship(key),
            ship_type_codes=_TYPES, where_filters=WHERE, priority_filters=PRIORITY, shifts=shift_rules(), shift=shift, begins=begins,
        )  # fmt: skip

    @router.get("/queue/ship")
    def one(request: Request, key: Annotated[str, Query(max_length=40)]) -> Response:
        return view.page(request, "parts/queue_ship.html", chosen=sources.ship(key), ship_type_codes=_TYPES)

    @router.get("/queue/backtest")
    def backtest(request: Request) -> Response:
        own = services.settings.data_dir / OWN_TABLE
        table = read_table(own if own.is_file() else shipped_table())
        return view.page(request, "backtest.html", table=table, found=back_test(table.rows, FIRSTS), own_name=OWN_TABLE)

    @router.get("/queue/what-if")
    def what_if(
        request: Request,
        key: Annotated[str, Query(max_length=40)],
        flag: _Changed = "",
        company_imo: _Changed = "",
        ro: _Changed = "",
        ship_type: _Changed = "",
        on: _Changed = "",
    ) -> Response:
        asked = {"flag": flag.strip().upper(), "company_imo": company_imo.strip(), "ro": ro.strip(), "ship_type": ship_type}
        if ship_type and ship_type not in _TYPES:
            raise InputError("console.validation", where="ship_type", reason=ship_type)
        try:
            day = date.fromisoformat(on) if on else None
        except ValueError as error:
            raise InputError("console.validation", where="on", reason=on) from error
        changes = {name: value for name, value in asked.items() if value}
        found = ask_what_if(services, key, changes, local_day(services.clock.now()), day)
        return view.page(request, "what_if.html", key=key, found=found)

    @router.post("/queue/decide")
    def decide(
        request: Request,
        key: Annotated[str, Form(max_length=40)],
        kind: Annotated[DecisionKind, Form()],
        reason: Annotated[str, Form(max_length=2000)] = "",
        factor: Annotated[str, Form(max_length=80)] = "",
        signal_id: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        try:
            asked = NewDecision(kind=kind, reason=reason or None, factor=factor or None, signal_id=signal_id or None)
        except ValidationError as error:
            raise InputError("console.validation", where="decision", reason=error.errors()[0]["msg"]) from error
        today = local_day(services.clock.now())
        decide_target(services, risk_sources(services), request.state.principal, key, asked, today, None)
        sources.decided()
        return RedirectResponse(f"/queue?{urlencode({'ship': key})}", status_code=303)

    return router
