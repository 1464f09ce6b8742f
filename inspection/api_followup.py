"""Owns the HTTP side of what comes after the report: uploads and rectification by the company, verdicts, the deadline board.

Never holds a rule; ``inspection.followup`` decides with ``config/followup.toml``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from pydantic import BaseModel, ConfigDict, JsonValue

from core.clock import rfc3339
from core.context import Services
from inspection import followup
from inspection.api_actor import IdempotencyKey, actor_of, principal_of
from inspection.followup import AlertKind, NewRectification
from inspection.model import Actor, Outcome
from inspection.record import Text

_CHUNK = 1 << 20


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Verdict(_Body):
    verdict: Literal["accepted", "rejected"]
    reason: str = ""


class MotionOut(_Body):
    sog_kn: float
    at: str
    lonlat: tuple[float, float]


class OpenLineOut(_Body):
    case_id: str
    number: str
    ship_name: str
    imo: str | None
    deficiency_id: str
    code: str
    title: Text
    action_code: str | None
    due_at: str | None
    days_left: int | None
    held: bool
    tone: str
    motion: MotionOut | None


class BoardPage(_Body):
    items: list[OpenLineOut]
    next_cursor: None = None


class AlertOut(_Body):
    id: str
    case_id: str
    number: str
    ship_name: str
    code: str
    kind: AlertKind
    facts: dict[str, JsonValue]
    raised_at: str


class AlertPage(_Body):
    items: list[AlertOut]
    next_cursor: None = None


def add_routes(router: APIRouter, services: Services) -> None:
    """Routes under ``/api/v1/inspection``."""
    _company(router, services)

    @router.post("/cases/{case_id}/rectifications/{rectification_id}/verdict")
    def judge(request: Request, case_id: str, rectification_id: str, body: Verdict, key: IdempotencyKey = None) -> Outcome:
        actor = actor_of(request, case_id, body, key)
        return followup.judge_rectification(services, actor, case_id, rectification_id, body.verdict, body.reason)

    @router.get("/deadlines")
    def deadlines() -> BoardPage:
        return BoardPage(items=[_line(line) for line in followup.board(services)])

    @router.get("/alerts")
    def alerts() -> AlertPage:
        with services.db.read() as session:
            found = followup.alerts(session)
        return AlertPage(
            items=[
                AlertOut(
                    id=one.id, case_id=one.case_id, number=one.number, ship_name=one.ship_name, code=one.deficiency_code,
                    kind=one.kind, facts=one.facts, raised_at=rfc3339(one.raised_at),
                )
                for one in found
            ]
        )  # fmt: skip

    @router.post("/alerts/{alert_id}/seen", status_code=204)
    def seen(request: Request, alert_id: str) -> None:
        followup.acknowledge(services, Actor.of(principal_of(request)), alert_id)


def _company(router: APIRouter, services: Services) -> None:
    @router.post("/cases/{case_id}/deficiencies/{deficiency_id}/evidence")
    def upload(
        request: Request,
        case_id: str,
        deficiency_id: str,
        file: Annotated[UploadFile, File()],
        captured_at: Annotated[datetime | None, Form()] = None,
    ) -> Outcome:
        """One picture, clip or PDF; its type is read from its first bytes. `ref` is the evidence id."""
        actor = actor_of(request, case_id, None, None)
        aware = captured_at if captured_at is not None and captured_at.tzinfo is not None else None
        return followup.keep_upload(services, actor, case_id, deficiency_id, _chunks(file), aware)

    @router.post("/cases/{case_id}/deficiencies/{deficiency_id}/rectifications")
    def submit(
        request: Request, case_id: str, deficiency_id: str, body: NewRectification, key: IdempotencyKey = None
    ) -> Outcome:
        actor = actor_of(request, case_id, body, key)
        return followup.submit_rectification(services, actor, case_id, deficiency_id, body)


def _chunks(file: UploadFile) -> Iterable[bytes]:
    while chunk := file.file.read(_CHUNK):
        yield chunk


def _line(line: followup.OpenLine) -> OpenLineOut:
    part, motion = line.deficiency, line.motion
    return OpenLineOut(
        case_id=line.case_id, number=line.number, ship_name=line.ship.name, imo=line.ship.imo, deficiency_id=part.id,
        code=part.code, title=part.title, action_code=part.action_code, due_at=rfc3339(part.due_at) if part.due_at else None,
        days_left=line.days_left, held=line.held, tone=line.tone,
        motion=None if motion is None else MotionOut(sog_kn=motion.sog_kn, at=rfc3339(motion.at), lonlat=motion.lonlat),
    )  # fmt: skip
