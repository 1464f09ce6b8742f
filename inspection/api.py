"""Owns the HTTP side of inspection: ``/api/v1/inspection``.

Never holds a rule; who may call what is data, ``config/access/inspection.toml``, and the state machine's roles.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from core.clock import rfc3339
from core.context import Services
from inspection import api_field, api_followup, assemble, content, service, wording
from inspection.api_actor import IdempotencyKey, actor_of, principal_of, require_scope
from inspection.codes import deficiency_codes
from inspection.hull import api as hull_api
from inspection.model import CaseSummary, NewAnswer, NewDeficiency, Outcome
from inspection.record import CaseRecord, CaseState, Text


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FindingDecision(_Body):
    decision: Literal["confirmed", "rejected"]


class Binding(_Body):
    evidence_id: str


class Reason(_Body):
    reason: str | None = None


class IssueRequest(_Body):
    report_sha256: str | None = None


class DeficiencyAction(_Body):
    action_code: str
    reason: str | None = None
    scheme: str | None = None


class CaseLine(_Body):
    id: str
    number: str
    state: CaseState
    ship_name: str
    imo: str | None
    opened_at: str
    rev: int

    @classmethod
    def of(cls, case: CaseSummary) -> CaseLine:
        return cls(
            id=case.id, number=case.number, state=case.state, ship_name=case.ship_name, imo=case.imo,
            opened_at=rfc3339(case.opened_at), rev=case.rev,
        )  # fmt: skip


class CasePage(_Body):
    items: list[CaseLine]
    next_cursor: str | None


class CodeLine(_Body):
    code: str
    title: Text
    group: Text


class CodePage(_Body):
    scheme: str
    edition: str
    items: list[CodeLine]
    next_cursor: None = None


class WordingLine(_Body):
    code: str
    standard_not_met: str
    why: str
    convention_ref: str | None
    number: str
    times: int


class WordingPage(_Body):
    items: list[WordingLine]
    next_cursor: None = None


def build_router(services: Services) -> APIRouter:
    """All routes of the folder; `request.state.principal` is set by console's middleware."""
    router = APIRouter(prefix="/api/v1/inspection", tags=["inspection"])
    _reading(router, services)
    _content(router, services)
    _steps(router, services)
    api_followup.add_routes(router, services)
    api_field.add_routes(router, services)
    hull_api.add_routes(router, services)
    return router


def _reading(router: APIRouter, services: Services) -> None:
    @router.get("/cases")
    def cases(
        request: Request,
        state: CaseState | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> CasePage:
        scope = principal_of(request).scope_ref
        with services.db.read() as session:
            found = assemble.list_cases(session, state=state, before=cursor, limit=limit)
        seen = [case for case in found if scope in (None, assemble.subject_of(case.id))]
        return CasePage(items=[CaseLine.of(case) for case in seen], next_cursor=found[-1].id if len(found) == limit else None)

    @router.get("/cases/{case_id}", response_model_by_alias=True)
    def one_case(request: Request, case_id: str) -> CaseRecord:
        require_scope(principal_of(request), case_id)
        with services.db.read() as session:
            return assemble.record(session, case_id)

    @router.get("/cases/{case_id}/invitation.ics", response_class=Response)
    def calendar(request: Request, case_id: str) -> Response:
        require_scope(principal_of(request), case_id)
        with services.db.read() as session:
            sent = service.case_invitation(session, case_id)
        return Response(sent.ics, media_type="text/calendar")

    @router.get("/codes/deficiencies")
    def codes(q: Annotated[str, Query(max_length=100)], limit: Annotated[int, Query(ge=1, le=100)] = 20) -> CodePage:
        listed = deficiency_codes()
        found = [CodeLine(code=hit.code, title=hit.title, group=hit.group) for hit in listed.search(q, limit)]
        return CodePage(scheme=listed.scheme, edition=listed.edition, items=found)

    @router.get("/deficiencies/similar")
    def similar(
        code: Annotated[str, Query(max_length=10)] = "",
        q: Annotated[str, Query(max_length=500)] = "",
        limit: Annotated[int, Query(ge=1, le=50)] = 8,
    ) -> WordingPage:
        """Earlier wordings: of the same code first, then the nearest words."""
        with services.db.read() as session:
            found = wording.similar(session, code, q, limit)
        return WordingPage(items=[WordingLine(**asdict(one)) for one in found])


def _content(router: APIRouter, services: Services) -> None:
    @router.post("/cases/{case_id}/items/{item_id}/answers")
    def answer(request: Request, case_id: str, item_id: str, body: NewAnswer, key: IdempotencyKey = None) -> Outcome:
        return content.answer_item(services, actor_of(request, case_id, body, key), case_id, item_id, body)

    @router.post("/cases/{case_id}/items/{item_id}/evidence")
    def evidence(request: Request, case_id: str, item_id: str, body: Binding, key: IdempotencyKey = None) -> Outcome:
        return content.bind_evidence(services, actor_of(request, case_id, body, key), case_id, body.evidence_id, item_id)

    @router.post("/cases/{case_id}/findings/{finding_id}/decision")
    def decide(request: Request, case_id: str, finding_id: str, body: FindingDecision, key: IdempotencyKey = None) -> Outcome:
        return content.decide_finding(services, actor_of(request, case_id, body, key), case_id, finding_id, body.decision)

    @router.post("/cases/{case_id}/deficiencies")
    def deficiency(request: Request, case_id: str, body: NewDeficiency, key: IdempotencyKey = None) -> Outcome:
        return content.add_deficiency(services, actor_of(request, case_id, body, key), case_id, body)

    @router.post("/cases/{case_id}/deficiencies/{deficiency_id}/actions")
    def act(request: Request, case_id: str, deficiency_id: str, body: DeficiencyAction, key: IdempotencyKey = None) -> Outcome:
        actor = actor_of(request, case_id, body, key)
        return content.act_on_deficiency(services, actor, case_id, deficiency_id, body.action_code, body.reason, body.scheme)


def _steps(router: APIRouter, services: Services) -> None:
    @router.post("/cases/{case_id}/approve")
    def approve(request: Request, case_id: str, key: IdempotencyKey = None) -> Outcome:
        return service.approve(services, actor_of(request, case_id, None, key), case_id)

    @router.post("/cases/{case_id}/issue")
    def issue(request: Request, case_id: str, body: IssueRequest, key: IdempotencyKey = None) -> Outcome:
        return service.issue(services, actor_of(request, case_id, body, key), case_id, body.report_sha256)

    @router.post("/cases/{case_id}/attendance")
    def attend(request: Request, case_id: str, body: Reason, key: IdempotencyKey = None) -> Outcome:
        return service.record_attendance(services, actor_of(request, case_id, body, key), case_id, body.reason or "")

    @router.post("/cases/{case_id}/steps/{action}")
    def step(request: Request, case_id: str, action: str, body: Reason, key: IdempotencyKey = None) -> Outcome:
        return service.take_step(services, actor_of(request, case_id, body, key), case_id, action, body.reason)

    @router.post("/cases/{case_id}/submit")
    def submit(request: Request, case_id: str, key: IdempotencyKey = None) -> Outcome:
        return service.submit_for_review(services, actor_of(request, case_id, None, key), case_id)
