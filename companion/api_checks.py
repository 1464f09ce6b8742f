"""Owns the HTTP side of random checks: what the public may see of a draw and verify, and the officers' commands (case 17).

Never shows a draw in public but through `companion.checks.public_view`.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import Field, JsonValue

from companion import check_plans, checks
from companion.api_common import Body, actor_of
from companion.check_plans import Wanted
from companion.checks import VisitResult
from core.context import Services
from core.errors import NotFound


class Part(StrEnum):
    """A published part of a draw, as a file for `companion/verify_draw.py`."""

    PLAN = "plan.json"
    RESULT = "result.json"
    SECRET = "secret.txt"  # noqa: S105 - the name of a file
    COMMITMENT = "commitment.txt"


class AnnouncedOut(Body):
    id: str
    state: str
    commitment: str
    committed_at: datetime


class DrawPage(Body):
    items: list[AnnouncedOut]
    next_cursor: None = None


class Preview(Body):
    """How many targets each stratum would give; `excluded` = rows that stay listed and are never drawn."""

    counts: dict[str, int]
    targets: int
    excluded: int


class Promised(Body):
    id: str
    commitment: str


class Reveal(Body):
    public_value: str = Field(min_length=1, max_length=200)


class VisitOut(Body):
    target: str
    people: dict[str, tuple[str, ...]]
    items: tuple[str, ...]


class VisitList(Body):
    items: list[VisitOut]
    next_cursor: None = None


class VisitIn(Body):
    """`advice` of experts counts once a supervisor named in `reviewed_by` has looked at it."""

    target: str = Field(min_length=1, max_length=128)
    findings: tuple[str, ...] = ()
    sign_off: Literal["signed", "refused"]
    witness_ref: str | None = None
    advice: tuple[str, ...] = ()
    reviewed_by: str | None = None


class Rectified(Body):
    target: str
    item: str


class StillOpen(Body):
    open: tuple[str, ...]


class Done(Body):
    id: str


def add_routes(router: APIRouter, services: Services) -> None:
    _public(router, services)
    _officers(router, services)


def _public(router: APIRouter, services: Services) -> None:
    @router.get("/draws")
    def draws() -> DrawPage:
        """Every draw that was committed to, the newest first."""
        rows = checks.announced(services)
        return DrawPage(items=[AnnouncedOut(id=row.id, state=row.state, commitment=row.commitment, committed_at=row.committed_at)
                               for row in rows])  # fmt: skip

    @router.get("/draws/{draw_id}")
    def one(draw_id: str) -> dict[str, JsonValue]:
        """What anyone may see of a draw now."""
        return checks.public_view(services, draw_id)

    @router.get("/draws/{draw_id}/files/{part}", response_class=Response)
    def part(draw_id: str, part: Part) -> Response:
        """A published part as a file. 404 while it is not public."""
        return public_file(services, draw_id, part)

    @router.get("/verify_draw.py", response_class=PlainTextResponse)
    def verifier() -> PlainTextResponse:
        """The program that recomputes a draw: Python alone, no package."""
        text = files("companion").joinpath("verify_draw.py").read_text(encoding="utf-8")
        return PlainTextResponse(text, headers={"content-disposition": 'attachment; filename="verify_draw.py"'})


def public_file(services: Services, draw_id: str, part: Part) -> Response:
    """A published part of a draw. Raises NotFound ``checks.not_public``."""
    seen = checks.public_view(services, draw_id)
    value = seen.get(part.split(".", 1)[0])
    if value is None:
        raise NotFound("checks.not_public", draw=draw_id, part=part.value)
    is_json = part.endswith(".json")
    body = json.dumps(value, ensure_ascii=False, indent=1) if is_json else f"{value}\n"
    return Response(
        body, media_type="application/json" if is_json else "text/plain; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{part.value}"'},
    )  # fmt: skip


def _officers(router: APIRouter, services: Services) -> None:
    @router.post("/draws/preview")
    def preview(request: Request, body: Wanted) -> Preview:
        plan, counts = check_plans.preview(services, actor_of(request), body)
        return Preview(counts=counts, targets=len(plan.targets), excluded=sum(bool(row.excluded) for row in plan.targets))

    @router.post("/draws")
    def announce(request: Request, body: Wanted) -> Promised:
        """Commit to a plan. The service makes the secret and keeps it until the result is public."""
        return Promised(id=body.id, commitment=check_plans.announce(services, actor_of(request), body))

    @router.get("/draws/{draw_id}/desk")
    def desk(request: Request, draw_id: str) -> dict[str, JsonValue]:
        """Plan, result and visits for the officers of the check, a flying one too; never the secret."""
        seen = checks.desk_view(services, actor_of(request), draw_id)
        done: list[JsonValue] = [
            {"target": one.target, "findings": one.findings, "rectified": one.rectified, "sign_off": one.sign_off}
            for one in seen.visits.values()
        ]
        plan: JsonValue = json.loads(json.dumps(seen.plan.as_json()))
        return {"id": seen.id, "state": seen.state, "flying": seen.flying, "commitment": seen.commitment, "plan": plan,
                "result": seen.result, "visits": done}  # fmt: skip

    @router.post("/draws/{draw_id}/reveal")
    def reveal(request: Request, draw_id: str, body: Reveal) -> VisitList:
        visits = checks.reveal(services, actor_of(request), draw_id, body.public_value)
        return VisitList(items=[VisitOut(target=one.target, people=one.people, items=one.items) for one in visits])

    @router.post("/draws/{draw_id}/visits")
    def visit(request: Request, draw_id: str, body: VisitIn) -> Done:
        checks.record_visit(services, actor_of(request), draw_id, VisitResult(**body.model_dump()))
        return Done(id=draw_id)

    @router.post("/draws/{draw_id}/rectified")
    def rectified(request: Request, draw_id: str, body: Rectified) -> StillOpen:
        return StillOpen(open=checks.rectify(services, actor_of(request), draw_id, body.target, body.item))

    @router.post("/draws/{draw_id}/publish")
    def publish(request: Request, draw_id: str) -> Done:
        checks.publish(services, actor_of(request), draw_id)
        return Done(id=draw_id)
