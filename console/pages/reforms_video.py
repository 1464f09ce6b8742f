"""Owns the page on which an officer checks a firm by call instead of a visit (case 10): open the call, then take the step with its recording.

Never lets an officer type a hash or a time: both come from the evidence, in `companion.video_check`.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from companion import desk, video_check
from companion.api_common import actor_of
from console.pages.reforms_common import Form, page, text_of
from core import evidence
from core.context import Services
from core.message_channels import qr_data_uri
from video import Invitation


def build_router(services: Services) -> APIRouter:
    """Pages of a case file whose procedure has the step; only where calls are served."""
    router = APIRouter(include_in_schema=False)

    def show(
        request: Request, case_id: str, *, room_id: str = "", invited: Invitation | None = None, problem: object = ()
    ) -> Response:
        actor = actor_of(request)
        with services.db.read() as session:
            sheet = desk.sheet(session, case_id, actor.role)
            kept = evidence.of_subject(session, video_check.subject_of(case_id))
        return page(
            request, "video_check.html", c=sheet.case, d=sheet.definition, due=any(one.id == video_check.STEP for one in sheet.steps),
            recordings=[one for one in kept if video_check.counts(one)], room_id=room_id, link=invited.link if invited else "",
            qr=qr_data_uri(invited.link) if invited else "", reasons=problem,
        )  # fmt: skip

    @router.get("/reforms/video/{case_id}")
    def check(request: Request, case_id: str) -> Response:
        return show(request, case_id)

    @router.post("/reforms/video/{case_id}/room")
    def opened(request: Request, case_id: str) -> Response:
        """Open the room; the firm's link is shown once, as text and as a QR code."""
        room = video_check.open_room(services, actor_of(request), request.state.principal, case_id)
        return show(request, case_id, room_id=room.room_id, invited=room.seats[0])

    @router.post("/reforms/video/{case_id}/conclude")
    def conclude(request: Request, case_id: str, form: Form) -> Response:
        result = video_check.conclude(
            services, actor_of(request), case_id, text_of(form, "evidence"), equipment_seen=text_of(form, "equipment_seen") == "yes"
        )  # fmt: skip
        if result.reasons:
            return show(request, case_id, problem=result.reasons)
        return RedirectResponse(f"/reforms/cases/{case_id}", status_code=303)

    return router
