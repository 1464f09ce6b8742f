"""Owns the pages of a detention: orders, notices and their delivery for the authority; receipt or objection for the master.

Never orders by itself: `inspection.detention` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

import inspection
from console import guest_links, view
from console.form_fields import Fields
from console.scope import require_case
from core.auth import Role
from core.context import Services
from core.errors import InputError
from inspection import Actor, Outcome, detention, subject_of

AUDIENCE = "inspection.detention"
_LINK_DAYS = 30
_ORDERS: Mapping[str, Callable[[Services, Actor, str, str], Outcome]] = {
    "override": detention.override_attendance,
    "detain": detention.detain,
    "release": detention.release,
}
M = TypeVar("M", bound=BaseModel)


def build_router(services: Services) -> APIRouter:
    """The authority's page, the link, and the master's page."""
    router = APIRouter(include_in_schema=False)
    _authority(router, services)
    _master(router, services)
    return router


def _authority(router: APIRouter, services: Services) -> None:
    @router.get("/cases/{case_id}/detention")
    def page(request: Request, case_id: str) -> Response:
        return _page(request, services, case_id)

    @router.post("/cases/{case_id}/detention")
    def act(request: Request, case_id: str, form: Fields) -> Response:
        """One form for each thing that can be done; `what` says which."""
        actor, what = Actor.of(request.state.principal), _text(form, "what")
        if what == "link":
            link = master_link(services, case_id)
            return _page(request, services, case_id, link, guest_links.picture(link))
        if what in _ORDERS:
            _ORDERS[what](services, actor, case_id, _text(form, "reason"))
        else:
            _tell(services, actor, case_id, what, form)
        return RedirectResponse(f"/cases/{case_id}/detention", status_code=303)


def _tell(services: Services, actor: Actor, case_id: str, what: str, form: FormData) -> None:
    """Notices, their delivery, and what was said to an order."""
    if what == "notice":
        new = _read(detention.NewNotice, {name: _text(form, name) for name in detention.NewNotice.model_fields if name in form})
        detention.serve_notice(services, actor, case_id, new, master_link(services, case_id) if new.party == "master" else None)
    elif what == "delivery":
        detention.record_delivery(services, actor, case_id, _number(form, "notice"), _text(form, "note"))
    elif what == "refusal":
        values = {
            "witnesses": [_text(form, "witness1"), _text(form, "witness2")],
            "video_evidence_id": _text(form, "video") or None,
        }
        detention.record_refusal(services, actor, case_id, _read(detention.Refusal, values))
    elif what == "appeal":
        detention.record_appeal(services, actor, case_id, _text(form, "words"))
    else:
        raise InputError("console.validation", where="what", reason=what[:40])


def _master(router: APIRouter, services: Services) -> None:
    @router.get("/detention")
    def enter(request: Request) -> Response:
        return guest_links.remember_device(request, view.page(request, "appointment/enter.html", to="/detention"), "/")

    @router.post("/detention")
    def opened(request: Request, form: Fields) -> Response:
        response = RedirectResponse("/detention", status_code=303)
        found = guest_links.opened(request, services, _text(form, "code"), AUDIENCE, response)
        response.headers["location"] = f"/detention/{found.subject.removeprefix(subject_of(''))}"
        return response

    @router.get("/detention/{case_id}")
    def mine(request: Request, case_id: str) -> Response:
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            found = detention.package(session, case_id)
        return view.page(request, "detention/master.html", d=found, may_answer=request.state.principal.role is Role.CREW_GUEST)

    @router.post("/detention/{case_id}")
    def answer(request: Request, case_id: str, form: Fields) -> Response:
        principal = request.state.principal
        require_case(principal, case_id)
        actor = Actor.of(principal).at_seat(guest_links.seat_of(principal))
        objects = _text(form, "what") == "object"
        detention.receive_order(services, actor, case_id, objects=objects, words=_text(form, "words"))
        return RedirectResponse(f"/detention/{case_id}", status_code=303)


def master_link(services: Services, case_id: str) -> str:
    """A link by which the master signs receipt or objects."""
    code = guest_links.issue(services, AUDIENCE, subject_of(case_id), Role.CREW_GUEST, "master", timedelta(days=_LINK_DAYS))
    return f"{services.settings.web.address}/detention#{code}"


def _page(request: Request, services: Services, case_id: str, link: str = "", qr: str = "") -> Response:
    with services.db.read() as session:
        found, record = detention.package(session, case_id), inspection.record(session, case_id)
        attended = inspection.attended(session, case_id)
    return view.page(
        request, "detention/page.html", d=found, r=record, grounds=[one for one in record.deficiencies if one.ground_for_detention],
        parties=[one.id for one in detention.rules().party], link=link, qr=qr, attended=attended,
        may_order=request.state.principal.role is Role.SUPERVISOR, may_act=request.state.principal.role is not Role.AUDITOR,
    )  # fmt: skip


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


def _number(form: FormData, name: str) -> int:
    value = _text(form, name)
    if not value.isdecimal():
        raise InputError("console.validation", where=name, reason=value[:40])
    return int(value)


def _read(model: type[M], values: Mapping[str, object]) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError("console.validation", where=".".join(map(str, first["loc"])), reason=first["msg"]) from error
