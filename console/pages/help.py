"""Owns the ship's own page of the service: ask at any hour, read the answers, confirm notices. It comes by link.

Never shows another ship's words.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

import ais
from console import guest_links, view
from console.pages.service import AUDIENCE
from core.context import Services
from core.errors import NotFound, Refused
from inspection import Actor, helpdesk, notices
from inspection.service_rules import ship_of_scope


def build_router(services: Services) -> APIRouter:
    """The link and the page behind it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/help")
    def enter(request: Request) -> Response:
        return guest_links.remember_device(request, view.page(request, "appointment/enter.html", to="/help"), "/")

    @router.post("/help")
    def opened(request: Request, code: Annotated[str, Form(max_length=5000)] = "") -> Response:
        response = RedirectResponse("/help/mine", status_code=303)
        guest_links.opened(request, services, code, AUDIENCE, response)
        return response

    @router.get("/help/mine")
    def mine(request: Request) -> Response:
        key = _ship(request, services)
        with services.db.read() as session:
            asked, told = helpdesk.requests(session, key), notices.notices_for(session, key)
        actor = Actor.of(request.state.principal)
        for one in told:
            if any(tick.ship == key and tick.seen_at is None for tick in one.ticks):
                notices.mark_seen(services, actor, one.id, key)
        return view.page(
            request, "service/mine.html", key=key, name=_name(services, key), asked=asked, told=told, kinds=helpdesk.KINDS
        )

    @router.post("/help/mine")
    def ask(
        request: Request,
        kind: Annotated[helpdesk.RequestKind, Form()] = "help",
        words: Annotated[str, Form(max_length=4000)] = "",
        request_id: Annotated[str, Form(max_length=40)] = "",
    ) -> Response:
        key, actor = _ship(request, services), Actor.of(request.state.principal)
        if not request_id:
            helpdesk.ask(services, actor, key, _name(services, key), kind, words)
        else:
            with services.db.read() as session:
                own = helpdesk.request(session, request_id).ship == key
            if not own:
                raise NotFound("service.request_missing", request_id=request_id)
            helpdesk.say(services, actor, request_id, words)
        return RedirectResponse("/help/mine", status_code=303)

    @router.post("/help/mine/notices/{notice_id}")
    def confirm(request: Request, notice_id: str) -> Response:
        notices.acknowledge(services, Actor.of(request.state.principal), notice_id, _ship(request, services), "link")
        return RedirectResponse("/help/mine", status_code=303)

    return router


def _ship(request: Request, services: Services) -> str:
    """The ship this guest speaks for. Raises Refused for anybody else."""
    with services.db.read() as session:
        key = ship_of_scope(session, request.state.principal.scope_ref)
    if key is None:
        raise Refused("service.no_ship")
    return key


def _name(services: Services, key: str) -> str:
    """What AIS calls the ship, or its number."""
    try:
        return (ais.live_ship(services, int(key)).name or key) if key.isdecimal() else key
    except NotFound:
        return key
