"""Owns the officer's pages of the service to ships: requests, the duty roster, a ship's file with its link and addresses.

Never answers by itself; `inspection.helpdesk` and `inspection.roster` keep what is said.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from console import guest_links, view
from core.auth import Role
from core.catalogue import Lang, text
from core.context import Services
from core.errors import InputError
from core.message_channels import Channel
from inspection import Actor, helpdesk, notices, roster, utc_time
from inspection.books_store import of_subject
from inspection.service_rules import file_of, rules, ship_key
from video import RoomOrder, SeatOrder, SeatRole, create_room

AUDIENCE = "inspection.service"
_LOOK_AHEAD = timedelta(days=7)
_CALL_LASTS = timedelta(hours=2)


def build_router(services: Services) -> APIRouter:
    """Requests, roster, files."""
    router = APIRouter(include_in_schema=False)
    _requests(router, services)
    _roster(router, services)
    _files(router, services)
    return router


def _requests(router: APIRouter, services: Services) -> None:
    @router.get("/service")
    def page(request: Request) -> Response:
        with services.db.read() as session:
            found, duty = helpdesk.requests(session), roster.on_call(session, services.clock.now())
        return view.page(request, "service/requests.html", found=found, duty=duty)

    @router.post("/service/requests/{request_id}")
    def answer(
        request: Request,
        request_id: str,
        what: Annotated[str, Form(max_length=20)],
        words: Annotated[str, Form(max_length=4000)] = "",
    ) -> Response:
        """Answer by message, answer by call, or close."""
        actor = Actor.of(request.state.principal)
        if what == "call":
            _call(services, request, actor, request_id)
        elif what == "close":
            helpdesk.finish(services, actor, request_id, words)
        else:
            helpdesk.answer(services, actor, request_id, words)
        return RedirectResponse(f"/service#{request_id}", status_code=303)


def _call(services: Services, request: Request, actor: Actor, request_id: str) -> None:
    """Open a room for the ship; its link goes into the thread, where only the ship and the authority read it."""
    with services.db.read() as session:
        found = helpdesk.request(session, request_id)
    now = services.clock.now()
    order = RoomOrder(
        subject_ref=file_of(found.ship), not_before=now - timedelta(minutes=1), not_after=now + _CALL_LASTS, shots=(),
        seats=(SeatOrder(role=SeatRole.CREW, name_hint="crew"),),
    )  # fmt: skip
    room = create_room(services, order, request.state.principal)
    words = text("service.call_words", request.state.lang, link=room.seats[0].link)
    helpdesk.answer(services, actor, request_id, words, room.room_id)


def _roster(router: APIRouter, services: Services) -> None:
    @router.get("/duty")
    def page(request: Request) -> Response:
        now = services.clock.now()
        with services.db.read() as session:
            listed = roster.roster(session, now)
        open_spans = roster.gaps([one.shift for one in listed], now, now + _LOOK_AHEAD)
        return view.page(request, "service/duty.html", listed=listed, gaps=open_spans, now=now, levels=rules().highest_level)

    @router.post("/duty")
    def add(
        request: Request,
        officer: Annotated[str, Form(max_length=100)],
        starts_at: Annotated[str, Form(max_length=40)],
        ends_at: Annotated[str, Form(max_length=40)],
        level: Annotated[int, Form(ge=1)] = 1,
        channel: Annotated[Channel, Form()] = Channel.WEBHOOK,
        recipient: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        try:
            shift = roster.Shift(
                officer=officer.strip(), level=level, starts_at=utc_time(starts_at), ends_at=utc_time(ends_at), channel=channel,
                recipient=recipient.strip(), lang=request.state.lang,
            )  # fmt: skip
        except ValidationError as error:
            raise InputError("console.validation", where="shift", reason=error.errors()[0]["msg"]) from error
        roster.add_shift(services, Actor.of(request.state.principal), shift)
        return RedirectResponse("/duty", status_code=303)

    @router.post("/duty/{shift_id}/cancel")
    def cancel(request: Request, shift_id: str) -> Response:
        roster.cancel_shift(services, Actor.of(request.state.principal), shift_id)
        return RedirectResponse("/duty", status_code=303)


def _files(router: APIRouter, services: Services) -> None:
    @router.post("/service/ships")
    def opened(key: Annotated[str, Form(max_length=20)]) -> Response:
        return RedirectResponse(f"/service/ships/{ship_key(key)}", status_code=303)

    @router.get("/service/ships/{key}")
    def ship(request: Request, key: str) -> Response:
        return _file(request, services, ship_key(key))

    @router.post("/service/ships/{key}/link")
    def link(request: Request, key: str) -> Response:
        ship = ship_key(key)
        code = guest_links.issue(services, AUDIENCE, file_of(ship), Role.CREW_GUEST, "ship", timedelta(days=rules().link_days))
        return _file(request, services, ship, f"{services.settings.web.address}/help#{code}")

    @router.post("/service/ships/{key}/address")
    def address(
        request: Request,
        key: str,
        recipient: Annotated[str, Form(min_length=1, max_length=200)],
        channel: Annotated[Channel, Form()] = Channel.EMAIL,
        lang: Annotated[Lang, Form()] = "en",
    ) -> Response:
        made = notices.Address(channel=channel, recipient=recipient.strip() or "-", lang=lang)
        notices.keep_address(services, Actor.of(request.state.principal), ship_key(key), made)
        return RedirectResponse(f"/service/ships/{ship_key(key)}", status_code=303)


def _file(request: Request, services: Services, key: str, link: str = "") -> Response:
    with services.db.read() as session:
        asked, told, reached = (
            helpdesk.requests(session, key),
            notices.notices_for(session, key),
            notices.addresses(session, key),
        )
        entries = of_subject(session, file_of(key))
    return view.page(
        request, "service/ship.html", key=key, asked=asked, told=told, addresses=reached, entries=len(entries), link=link,
        qr=guest_links.picture(link) if link else "", days=rules().link_days,
    )  # fmt: skip
