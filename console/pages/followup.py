"""Owns the pages after the report: the deadline board for inspectors, the company's link, and the page behind it.

Never judges: `inspection.followup` does. A GET of a link uses nothing up; the code is in the fragment and a button sends it.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

import inspection
from console import sessions, view
from console.scope import require_case
from console.sources import Sources
from core import accounts, codes
from core.auth import Principal, Role
from core.context import Services
from core.errors import InputError, Refused
from core.ids import new_id
from core.message_channels import Channel, qr_data_uri
from core.signing import KeyKind, SigningKey, site_keys
from inspection import Actor, subject_of

_AUDIENCE = "inspection.followup"
_DEVICE_COOKIE = "yunjian_device"
_AFTER_ISSUE = frozenset({"issued", "follow_up", "closed"})


def build_router(services: Services, sources: Sources) -> APIRouter:
    """Board, link and company page."""
    router = APIRouter(include_in_schema=False)
    _board(router, services)
    _link(router, services)

    @router.get("/follow-up/{case_id}")
    def mine(request: Request, case_id: str) -> Response:
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            record = sources.case(session, case_id)
            shown = inspection.rectifications(session, case_id)
        latest = {one.deficiency_id: one for one in shown}
        return view.page(
            request, "followup/mine.html", r=record, latest=latest, accepted=",".join(inspection.followup_rules().media)
        )

    return router


def _board(router: APIRouter, services: Services) -> None:
    @router.get("/deadlines")
    def board(request: Request) -> Response:
        with services.db.read() as session:
            alerts = inspection.alerts(session)
            waiting = inspection.rectifications(session, waiting=True)
        lines = inspection.board(services)
        return view.page(
            request, "followup/board.html", alerts=alerts, waiting=waiting, lines=lines,
            by_deficiency={line.deficiency.id: line for line in lines},
        )  # fmt: skip

    @router.post("/deadlines/alerts/{alert_id}")
    def seen(request: Request, alert_id: str) -> Response:
        inspection.acknowledge(services, Actor.of(request.state.principal), alert_id)
        return RedirectResponse("/deadlines", status_code=303)

    @router.post("/deadlines/{case_id}/{rectification_id}")
    def judge(
        request: Request,
        case_id: str,
        rectification_id: str,
        verdict: Annotated[Literal["accepted", "rejected"], Form()],
        reason: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        inspection.judge_rectification(services, Actor.of(request.state.principal), case_id, rectification_id, verdict, reason)
        return RedirectResponse("/deadlines", status_code=303)


def _link(router: APIRouter, services: Services) -> None:
    @router.post("/cases/{case_id}/follow-up-link")
    def made(request: Request, case_id: str, contact: Annotated[str, Form(max_length=200)] = "") -> Response:
        """A link for the company; it is shown once, as text and as a QR code."""
        principal: Principal = request.state.principal
        with services.db.read() as session:
            record = inspection.record(session, case_id)
        if record.state not in _AFTER_ISSUE:
            raise Refused("followup.not_out", state=record.state)
        if contact.strip():
            inspection.name_contact(services, Actor.of(principal), case_id, Channel.EMAIL, contact, request.state.lang)
        link = f"{services.settings.web.address}/follow-up#{issue_code(services, case_id)}"
        days = inspection.followup_rules().link_days
        return view.page(request, "followup/link.html", record=record, link=link, qr=qr_data_uri(link), days=days)

    @router.get("/follow-up")
    def enter(request: Request) -> Response:
        response = view.page(request, "followup/enter.html")
        if _DEVICE_COOKIE not in request.cookies:
            response.set_cookie(
                _DEVICE_COOKIE, secrets.token_urlsafe(32), max_age=400 * 86_400, httponly=True, samesite="lax",
                secure=request.url.scheme == "https", path="/follow-up",
            )  # fmt: skip
        return response

    @router.post("/follow-up")
    def opened(request: Request, code: Annotated[str, Form(max_length=5000)] = "") -> Response:
        device = request.cookies.get(_DEVICE_COOKIE)
        if not code or device is None:
            raise InputError("followup.no_code")
        found = codes.read(code, [_key(services).public], services.clock, _AUDIENCE)
        with services.db.write() as session:
            codes.consume(session, services.clock, found, device)
        guest = Principal(f"link:{found.jti}", Role(found.role), "-", subject_of(found.subject))
        session_of = accounts.open_session(services, guest, found.expires)
        response = RedirectResponse(f"/follow-up/{found.subject}", status_code=303)
        sessions.set_cookie(request, response, session_of.token, services)
        return response


def issue_code(services: Services, case_id: str) -> str:
    """A signed code that lets one device act for the company in one case."""
    now = services.clock.now()
    return codes.issue(
        _key(services), services.clock, issuer="yunjian.inspection", subject=case_id, audience=_AUDIENCE,
        role=Role.COMPANY_STAFF.value, not_before=now, expires=now + timedelta(days=inspection.followup_rules().link_days),
        jti=new_id(),
    )  # fmt: skip


def _key(services: Services) -> SigningKey:
    return site_keys(services.settings).ensure("followup-links", KeyKind.OFFICIAL)
