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

from ais.codes import ship_types
from ais.decisions import DecisionKind, NewDecision
from ais.targets_service import ask_what_if, decide_target
from console import view
from console.risk_sources import risk_sources
from console.sources import QueueLine, Sources
from core.context import Services
from core.errors import InputError, NotFound
from core.workdays import local_day

_TYPES = tuple(ship_types().types)
_Changed = Annotated[str, Query(max_length=40)]


def build_router(services: Services, sources: Sources) -> APIRouter:
    """The page, the fragment for one ship, the form by which an officer decides, and the question "what if"."""
    router = APIRouter(include_in_schema=False)

    @router.get("/queue")
    def queue(request: Request, ship: str | None = None) -> Response:
        found = sources.queue()
        chosen = _chosen(found.lines, ship) if ship is not None else (found.lines[0] if found.lines else None)
        return view.page(
            request, "queue.html", lines=found.lines, regime=found.regime, at=found.at, chosen=chosen, ship_type_codes=_TYPES
        )

    @router.get("/queue/ship")
    def one(request: Request, key: str) -> Response:
        return view.page(request, "parts/queue_ship.html", chosen=_chosen(sources.queue().lines, key), ship_type_codes=_TYPES)

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
        return RedirectResponse(f"/queue?{urlencode({'ship': key})}", status_code=303)

    return router


def _chosen(lines: tuple[QueueLine, ...], key: str) -> QueueLine:
    found = next((line for line in lines if line.key == key), None)
    if found is None:
        raise NotFound("console.no_ship")
    return found
