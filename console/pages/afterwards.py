"""Owns the page of what comes beside the record of a case: doubts about evidence, addenda, what was found on board later.

Never edits the record.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

import inspection
from console import view
from console.form_fields import Fields
from core.auth import Role
from core.context import Services
from core.errors import InputError
from inspection import Actor, addendum, outcome
from inspection.doubt_material import doubts_of
from inspection.field_service import conflicts

_FOUND = {"satisfactory", "deficient"}


def build_router(services: Services) -> APIRouter:
    """One page and its three forms."""
    router = APIRouter(include_in_schema=False)

    @router.get("/cases/{case_id}/beside")
    def page(request: Request, case_id: str) -> Response:
        with services.db.read() as session:
            record = inspection.record(session, case_id)
            added, scores, disagree = addendum.addenda(session, case_id), outcome.scores(session), conflicts(session, case_id)
        items = [one for one in (record.checklist.items if record.checklist else []) if one.answer is not None]
        after = record.state in ("issued", "follow_up", "closed")
        return view.page(
            request, "case_beside.html", r=record, doubts=doubts_of(services, case_id), addenda=added, items=items,
            scores={one.item_id: one for one in scores}, conflicts=disagree, after=after,
            may_compare=after or record.state == "converted_to_onboard",
            may_act=request.state.principal.role is not Role.AUDITOR, may_sign=request.state.principal.role is Role.SUPERVISOR,
        )  # fmt: skip

    @router.post("/cases/{case_id}/addenda")
    def write(
        request: Request,
        case_id: str,
        about: Annotated[str, Form(max_length=200)],
        now: Annotated[str, Form(max_length=4000)],
        reason: Annotated[str, Form(max_length=2000)],
        was: Annotated[str, Form(max_length=4000)] = "",
    ) -> Response:
        try:
            new = addendum.NewAddendum(about=about.strip(), was=was.strip(), now=now.strip(), reason=reason.strip())
        except ValidationError as error:
            raise InputError("console.validation", where="addendum", reason=error.errors()[0]["msg"]) from error
        addendum.write_addendum(services, Actor.of(request.state.principal), case_id, new)
        return RedirectResponse(f"/cases/{case_id}/beside", status_code=303)

    @router.post("/cases/{case_id}/addenda/{number}/sign")
    def sign(request: Request, case_id: str, number: int) -> Response:
        addendum.sign_addendum(services, Actor.of(request.state.principal), case_id, number)
        return RedirectResponse(f"/cases/{case_id}/beside", status_code=303)

    @router.post("/cases/{case_id}/outcome")
    def compare(request: Request, case_id: str, form: Fields) -> Response:
        """A field per item: what was found on board, or nothing."""
        found = [
            outcome.ItemOutcome.model_validate({"item_id": str(key), "found": str(value)})
            for key, value in form.items()
            if value in _FOUND
        ]
        outcome.record_outcome(services, Actor.of(request.state.principal), case_id, found)
        return RedirectResponse(f"/cases/{case_id}/beside", status_code=303)

    return router
