"""Owns the ranked queue: which ship first, why, and whether it may be checked from afar.

Never ranks: the list comes from `ais`, the verdict from `inspection`, a decision from the officer.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from ais.decisions import DecisionKind, NewDecision
from ais.targets_service import decide_target
from console import view
from console.risk_sources import risk_sources
from console.sources import QueueLine, Sources
from core.context import Services
from core.errors import InputError, NotFound
from core.workdays import local_day


def build_router(services: Services, sources: Sources) -> APIRouter:
    """The page, the fragment for one ship, and the form by which an officer decides."""
    router = APIRouter(include_in_schema=False)

    @router.get("/queue")
    def queue(request: Request, ship: str | None = None) -> Response:
        found = sources.queue()
        chosen = _chosen(found.lines, ship) if ship is not None else (found.lines[0] if found.lines else None)
        return view.page(request, "queue.html", lines=found.lines, regime=found.regime, at=found.at, chosen=chosen)

    @router.get("/queue/ship")
    def one(request: Request, key: str) -> Response:
        return view.page(request, "parts/queue_ship.html", chosen=_chosen(sources.queue().lines, key))

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
