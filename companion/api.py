"""Owns the HTTP side of the reforms service: ``/api/v1/companion``.

Never holds a rule: who may call what is ``config/access/companion.toml``, and each step's role is in its procedure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Request, UploadFile
from fastapi.responses import FileResponse
from pydantic import Field, JsonValue

from companion import (
    api_books,
    api_checks,
    api_codes,
    api_credit,
    api_practice,
    api_registers,
    benefits,
    registers,
    service,
    store,
)
from companion.api_common import Body, IdempotencyKey, actor_of
from companion.conditions import Value
from companion.definition import Definition, Text, procedures
from companion.figures import platform_rows
from companion.model import (
    Actor,
    Adopt,
    Answer,
    Apply,
    CaseFile,
    Confirm,
    Demand,
    Dismiss,
    Event,
    Lift,
    ObjectTo,
    Recognise,
    Result,
    Role,
    Supply,
    Take,
)
from companion.service import RequestKey
from core.clock import rfc3339
from core.context import Services
from core.errors import AccessDenied, NotFound
from core.workdays import local_day

Asked = Annotated[
    Supply | Demand | Take | Confirm | Dismiss | Recognise | ObjectTo | Answer | Lift | Adopt, Field(discriminator="do")
]
_LARGEST_PAPER = 50_000_000


class Application(Body):
    """An application as it is asked for. What registers answer and what lists say is looked up, never taken from here.

    `subject`: the firm, where a window officer applies for it; a firm's own account applies for itself.
    """

    subject: str | None = None
    facts: dict[str, Value] = Field(default_factory=dict)
    documents: dict[str, str] = Field(default_factory=dict)
    items: tuple[str, ...] = ()
    commitment_signed: bool = False


class RegisterAnswer(Body):
    subject: str = Field(min_length=1, max_length=100)
    document: str = Field(min_length=1, max_length=100)
    answer: str = Field(min_length=1, max_length=500)
    source: str = Field(min_length=1, max_length=200)


class ReasonOut(Body):
    rule: str
    clause: Text
    unknown: bool
    documents: tuple[str, ...]


class EventOut(Body):
    seq: int
    type: str
    at: str
    actor: str
    role: str
    payload: dict[str, JsonValue]


class ObligationOut(Body):
    case_id: str
    id: str
    subject: str
    deadline: str
    owed_by: str
    start: date
    due: date | None
    provisional: bool
    state: str
    overdue: bool


class CaseOut(Body):
    id: str
    procedure: str
    version: str
    subject: str
    state: str
    outcome: str | None
    klass: str | None
    seq: int


class Outcome(Body):
    """What a command led to: the case file after it, what happened, and why nothing was done where a rule stood in the way."""

    case: CaseOut
    events: list[EventOut]
    reasons: list[ReasonOut]


class CaseDetail(Body):
    case: CaseOut
    facts: dict[str, JsonValue]
    documents: dict[str, str]
    events: list[EventOut]


class CasePage(Body):
    items: list[CaseOut]
    next_cursor: str | None


class ObligationPage(Body):
    items: list[ObligationOut]
    next_cursor: None = None


class ProcedureOut(Body):
    key: str
    version: str
    case: int
    title: Text
    published: bool
    commitment: bool


class ProcedurePage(Body):
    items: list[ProcedureOut]
    next_cursor: None = None


class ListedOut(Body):
    subject: str
    effect: Text
    level: int
    list: str | None
    domain: str
    from_day: date | None
    until: date | None


class ListPage(Body):
    on: date
    items: list[ListedOut]
    next_cursor: None = None


class FigureOut(Body):
    case: int
    procedure: str
    id: str
    title: Text
    value: float
    unit: str
    bound: str
    formula: str


class FigurePage(Body):
    items: list[FigureOut]
    next_cursor: None = None


class StoredPaper(Body):
    sha256: str
    size: int


class Kept(Body):
    id: str


def build_router(services: Services) -> APIRouter:
    """All routes; `request.state.principal` is set by console's middleware, None on a public route."""
    router = APIRouter(prefix="/api/v1/companion", tags=["companion"])
    _public(router, services)
    _reading(router, services)
    _writing(router, services)
    for area in (api_books, api_checks, api_credit, api_registers, api_codes, api_practice):
        area.add_routes(router, services)
    return router


def _public(router: APIRouter, services: Services) -> None:
    @router.get("/procedures")
    def known() -> ProcedurePage:
        return ProcedurePage(items=[_procedure(part) for part in current_definitions(services)])

    @router.get("/procedures/{key}")
    def one_procedure(key: str) -> dict[str, JsonValue]:
        """The whole definition in force, as the file says it."""
        found = procedures().current(key, local_day(services.clock.now()))
        return found.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @router.get("/lists")
    def lists(on: date | None = None) -> ListPage:
        """The published effects that held on a day."""
        day = on or local_day(services.clock.now())
        return ListPage(on=day, items=listed_on(services, day))

    @router.get("/benefits")
    def figures() -> FigurePage:
        found = [
            FigureOut(
                case=one.case, procedure=part.key, id=one.id, title=part.benefit(one.id).title, value=one.value, unit=one.unit,
                bound=one.bound, formula=one.formula,
            )
            for part in current_definitions(services)
            for one in benefits.figures(part)
        ]  # fmt: skip
        found += [
            FigureOut(case=one.case, procedure="", id=one.id, title=benefit.title, value=one.value, unit=one.unit, bound=one.bound,
                      formula=one.formula) for benefit, one in platform_rows()
        ]  # fmt: skip
        return FigurePage(items=sorted(found, key=lambda one: one.case))


def _reading(router: APIRouter, services: Services) -> None:
    @router.get("/cases")
    def cases(
        request: Request,
        procedure: str | None = None,
        cursor: str = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 100,
    ) -> CasePage:
        actor = actor_of(request)
        subject = actor.user_id if actor.role is Role.APPLICANT else None
        with services.db.read() as session:
            found = store.cases(session, subject=subject, key=procedure, after=cursor, limit=limit)
            items = [
                CaseOut(id=row.id, procedure=row.key, version=row.version, subject=row.subject, state=row.state,
                        outcome=row.outcome, klass=row.klass, seq=row.seq) for row in found
            ]  # fmt: skip
        return CasePage(items=items, next_cursor=items[-1].id if len(items) == limit else None)

    @router.get("/cases/{case_id}")
    def one(request: Request, case_id: str) -> CaseDetail:
        actor = actor_of(request)
        with services.db.read() as session:
            case, events = store.case_file(session, case_id), store.events_of(session, case_id)
        require_own(actor, case)
        return CaseDetail(
            case=_case(case),
            facts=_plain(case.facts),
            documents=dict(case.documents),
            events=[_event(event) for event in events],
        )

    @router.get("/cases/{case_id}/papers/{document}", response_class=FileResponse)
    def paper(request: Request, case_id: str, document: str) -> FileResponse:
        actor = actor_of(request)
        with services.db.read() as session:
            case = store.case_file(session, case_id)
            require_own(actor, case)
            sha256 = case.documents.get(document)
            media_type = registers.paper_type(session, case.subject, sha256) if sha256 else None
        if sha256 is None or media_type is None:
            raise NotFound("companion.paper_missing", document=document)
        return FileResponse(
            services.files.path(sha256), media_type=media_type, filename=f"{document}.{media_type.rsplit('/', 1)[-1]}",
            headers={"x-content-type-options": "nosniff"},
        )  # fmt: skip

    @router.get("/obligations")
    def obligations(request: Request, *, only_open: bool = True) -> ObligationPage:
        actor = actor_of(request)
        subject = actor.user_id if actor.role is Role.APPLICANT else None
        with services.db.read() as session:
            rows = store.obligations(session, subject=subject, only_open=only_open)
            items = [
                ObligationOut(case_id=row.case_id, id=row.id, subject=row.subject, deadline=row.deadline, owed_by=row.owed_by,
                              start=row.start, due=row.due, provisional=row.provisional, state=row.state, overdue=row.overdue)
                for row in rows
            ]  # fmt: skip
        return ObligationPage(items=items)


def _writing(router: APIRouter, services: Services) -> None:
    @router.post("/papers")
    def keep(request: Request, file: Annotated[UploadFile, File()], subject: str | None = None) -> StoredPaper:
        """A paper of a firm, for an application or a case file; name it by the SHA-256 that comes back."""
        actor = actor_of(request)
        stored = registers.keep_paper(services, actor, _subject(actor, subject), file.file.read(_LARGEST_PAPER))
        return StoredPaper(sha256=stored.sha256, size=stored.size)

    @router.post("/registers")
    def register(request: Request, body: RegisterAnswer) -> Kept:
        found = registers.note_answer(services, actor_of(request), body.subject, body.document, body.answer, body.source)
        return Kept(id=found)

    @router.post("/procedures/{key}/cases")
    def apply(request: Request, key: str, body: Application, idempotency: IdempotencyKey = None) -> Outcome:
        return _outcome(submit(services, actor_of(request), key, body, idempotency))

    @router.post("/cases/{case_id}/commands")
    def command(request: Request, case_id: str, body: Asked, idempotency: IdempotencyKey = None) -> Outcome:
        asked = RequestKey(idempotency) if idempotency else None
        return _outcome(service.act(services, actor_of(request), case_id, body, asked))


def submit(services: Services, actor: Actor, key: str, body: Application, idempotency: str | None = None) -> Result:
    """Apply for the actor's own firm, or for one at the window; register answers are looked up here.

    Raises:
        AccessDenied: neither a firm nor a window officer. Otherwise as `service.submit`.
    """
    if actor.role not in (Role.APPLICANT, Role.WINDOW):
        raise AccessDenied("companion.not_your_step", role=actor.role.value)
    subject = _subject(actor, body.subject)
    definition = procedures().current(key, local_day(services.clock.now()))
    with services.db.read() as session:
        verified = registers.verified_for(session, definition, subject)
    application = Apply(
        subject=subject, facts=body.facts, documents=body.documents, verified=verified, items=body.items,
        commitment_signed=body.commitment_signed,
    )  # fmt: skip
    return service.submit(services, actor, key, application, RequestKey(idempotency) if idempotency else None)


def require_own(actor: Actor, case: CaseFile) -> None:
    """A firm reads its own case files only. Raises AccessDenied."""
    if actor.role is Role.APPLICANT and actor.user_id != case.subject:
        raise AccessDenied("companion.not_your_case", id=case.id)


def current_definitions(services: Services) -> list[Definition]:
    """Every procedure in force today."""
    return procedures().in_force(local_day(services.clock.now()))


def listed_on(services: Services, day: date) -> list[ListedOut]:
    """Published effects on a day."""
    table = procedures().effects
    with services.db.read() as session:
        return [
            ListedOut(subject=row.subject, effect=table.named(row.effect).title, level=row.level, list=row.list, domain=row.domain,
                      from_day=row.from_day, until=row.until) for row in store.published_on(session, day)
        ]  # fmt: skip


def _subject(actor: Actor, given: str | None) -> str:
    if actor.role is Role.APPLICANT:
        return actor.user_id
    if not given:
        raise AccessDenied("companion.no_firm")
    return given


def _procedure(part: Definition) -> ProcedureOut:
    return ProcedureOut(
        key=part.key, version=part.version, case=part.case, title=part.title, published=not part.owners.missing(),
        commitment=part.commitment is not None,
    )  # fmt: skip


def _case(case: CaseFile) -> CaseOut:
    return CaseOut(
        id=case.id, procedure=case.key, version=case.version, subject=case.subject, state=case.state, outcome=case.outcome,
        klass=case.klass, seq=case.seq,
    )  # fmt: skip


def _event(event: Event) -> EventOut:
    return EventOut(
        seq=event.seq, type=event.type, at=rfc3339(event.at), actor=event.actor, role=event.role, payload=_plain(event.payload)
    )


def _plain(values: Mapping[str, Any]) -> dict[str, JsonValue]:
    return dict(values)


def _outcome(result: Result) -> Outcome:
    reasons = [
        ReasonOut(rule=one.rule, clause=Text(zh=one.clause_zh, en=one.clause_en), unknown=one.unknown, documents=one.documents)
        for one in result.reasons
    ]
    return Outcome(case=_case(result.case), events=[_event(event) for event in result.events], reasons=reasons)
