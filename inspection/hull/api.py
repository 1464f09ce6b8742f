"""Owns the HTTP side of hull review: reading a case's photos, the mask at a threshold, a corrected mask.

Never runs a model: that is a job. Who may call what: ``config/access/hull.toml``.
"""

from __future__ import annotations

import base64
from typing import Annotated

import cv2
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from core.context import Services
from core.errors import InputError, NotFound
from inspection.api_actor import actor_of, principal_of, require_scope
from inspection.hull import review, runs
from inspection.hull.runs import Progress

EDIT_LONG_SIDE_PX = 1600


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Correction(_Body):
    """`mask_png`: base64 of a PNG whose first channel holds class ids, in the proportions of the photo."""

    mask_png: str = Field(max_length=20_000_000)
    actions: list[review.Action] = Field(max_length=review.MOST_ACTIONS)
    threshold: float = Field(ge=0.0, le=1.0)


class Kept(_Body):
    correction_id: str


class Running(_Body):
    """Progress of the newest run; `rejected` counts photos that could not be read."""

    run_id: str
    state: str
    done: int
    total: int
    rejected: int

    @classmethod
    def of(cls, told: Progress | None) -> Running:
        if told is None:
            raise NotFound("hull.no_run", case="")
        rejected = sum(one.error is not None for one in told.found)
        return cls(run_id=told.run_id, state=told.state.value, done=told.done, total=told.total, rejected=rejected)


def add_routes(router: APIRouter, services: Services) -> None:
    """Routes under ``/api/v1/inspection/cases/{case_id}/hull``."""

    def told(case_id: str) -> Running:
        with services.db.read() as session:
            return Running.of(runs.progress(session, case_id))

    @router.post("/cases/{case_id}/hull/runs", status_code=202)
    def start(request: Request, case_id: str) -> Running:
        review.read_photos(services, actor_of(request, case_id, None, None), case_id)
        return told(case_id)

    @router.get("/cases/{case_id}/hull/runs/newest")
    def newest(request: Request, case_id: str) -> Running:
        require_scope(principal_of(request), case_id)
        return told(case_id)

    @router.post("/cases/{case_id}/hull/runs/newest/cancel")
    def cancel(request: Request, case_id: str) -> Running:
        require_scope(principal_of(request), case_id)
        with services.db.write() as session:
            runs.cancel(services, session, case_id)
        return told(case_id)

    @router.get("/cases/{case_id}/hull/photos/{evidence_id}/mask", response_class=Response)
    def mask(
        request: Request,
        case_id: str,
        evidence_id: str,
        threshold: Annotated[float | None, Query(ge=0.05, le=0.99)] = None,
    ) -> Response:
        """Class ids as grey levels, reduced to the size the editor works in."""
        require_scope(principal_of(request), case_id)
        with services.db.read() as session:
            photo = review.photo_of(session, case_id, evidence_id)
        png = cv2.imencode(".png", review.mask_of(services, photo, EDIT_LONG_SIDE_PX, threshold))[1]
        return Response(png.tobytes(), media_type="image/png", headers={"cache-control": "no-store"})

    @router.post("/cases/{case_id}/hull/photos/{evidence_id}/corrections", status_code=201)
    def correct(request: Request, case_id: str, evidence_id: str, body: Correction) -> Kept:
        try:
            png = base64.b64decode(body.mask_png, validate=True)
        except ValueError as error:
            raise InputError("hull.mask_does_not_fit", file=evidence_id) from error
        actor = actor_of(request, case_id, None, None)
        done = review.correct(services, actor, case_id, evidence_id, png, body.actions, body.threshold)
        return Kept(correction_id=done)
