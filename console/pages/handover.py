"""Owns the handover sheet of a shift: what is under way, what comes, what waits and which ships are held, on one printable page.

Never decides what matters: it gathers what other pages show, in the order in which a relief needs it.
"""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

import inspection
from console import view
from core.context import Services
from inspection import helpdesk, overview_store, roster

AHEAD = timedelta(hours=24)
_UNDER_WAY = frozenset({"in_session", "suspended"})
_TO_COME = frozenset({"appointed", "rescheduled", "preparing"})
_WAITING = frozenset({"under_review", "approved"})


def build_router(services: Services) -> APIRouter:
    """One page; the browser prints it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/handover")
    def page(request: Request) -> Response:
        now = services.clock.now()
        with services.db.read() as session:
            duty = [one.shift for one in roster.roster(session, now) if one.shift.starts_at < now + AHEAD]
            under_way = overview_store.case_heads(session, _UNDER_WAY)
            to_come = overview_store.appointments(session, _TO_COME, now - AHEAD, now + AHEAD)
            waiting = overview_store.case_heads(session, _WAITING)
            asked = [one for one in helpdesk.requests(session) if one.state != "closed"]
            alerts = inspection.alerts(session)
        lines = inspection.board(services)
        return view.page(
            request, "handover.html", now=now, duty=duty, under_way=under_way, to_come=to_come, waiting=waiting, asked=asked,
            alerts=alerts, held=[one for one in lines if one.held],
            due=[one for one in lines if not one.held and one.days_left is not None and one.days_left <= 1],
        )  # fmt: skip

    return router
