"""Owns the page on which an inspector works through one inspection: checklist, findings, deficiencies, and the next step.

Never changes a case: every button calls `inspection`'s own routes, which decide again.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from console import hullview, view
from console.pages.cases import sections, steps
from console.scope import require_case
from console.sources import Sources
from core.auth import Role
from core.context import Services
from inspection import action_codes, machine
from inspection.record import AnswerValue, CaseRecord
from inspection.states import ActorRole, actor_role
from reports import bundles_of, waiting
from reports.keys import SignerRole

# The one step that leads on, per state; everything else a person may do there stands in the list of other steps.
_ONWARD = (
    "find_eligible",
    "prepare",
    "start_session",
    "resume",
    "end_session",
    "submit",
    "approve",
    "issue",
    "follow_up",
    "close",
)
_NEED_REASON = frozenset({"suspend", "return_to_draft", "convert_to_onboard", "cancel", "void", "record_attendance"})
_ROUTES = {"submit": "submit", "approve": "approve", "issue": "issue", "record_attendance": "attendance"}
# Steps that other pages take, with more than a reason: judging, inviting, agreeing, and all changes of content.
_ELSEWHERE = frozenset({"find_eligible", "refuse", "invite", "reschedule", "agree"})

ANSWERS: tuple[tuple[AnswerValue, str, str, str], ...] = (
    ("satisfactory", "1", "✓", "ok"), ("deficient", "2", "✕", "alarm"),
    ("not_applicable", "3", "–", "plain"), ("needs_attendance", "4", "▲", "warning"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """A step that may be tried now: its action, the route below the case, and whether a reason has to be said."""

    action: str
    route: str
    reason: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be tried from here, by this role; guards are looked at when it is tried."""

    onward: Choice | None
    others: tuple[Choice, ...]
    content: frozenset[str]


@dataclass(frozen=True, slots=True)
class Signing:
    """Whose signature is next, whether that is the person who looks, and who has signed before."""

    turn: SignerRole
    mine: bool
    signed_by: str | None
    demo_keys: bool


def build_router(services: Services, sources: Sources) -> APIRouter:
    """One page; the same address again is how the page brings itself up to date."""
    router = APIRouter(include_in_schema=False)

    @router.get("/cases/{case_id}/work")
    def work(request: Request, case_id: str) -> Response:
        principal = request.state.principal
        require_case(principal, case_id)
        with services.db.read() as session:
            record = sources.case(session, case_id)
        items = record.checklist.items if record.checklist else []
        built = bundles_of(services, case_id)
        return view.page(
            request,
            "work/page.html",
            r=record,
            steps=steps(record),
            choices=choices(record, actor_role(principal.role)),
            report=built[-1] if built else None,
            signing=None if built else signing(services, record, principal.role),
            sections=sections(items),
            evidence={one.id: one for one in record.evidence},
            hull=hullview.build(record),
            answers=ANSWERS,
            actions=[one for one in action_codes().codes.values() if one.scheme == action_codes().default_scheme],
            todo={
                "items": sum(item.answer is None for item in items),
                "findings": sum(one.state == "proposed" for one in record.findings),
                "deficiencies": sum(one.state == "open" for one in record.deficiencies),
            },
        )

    return router


def signing(services: Services, record: CaseRecord, role: Role) -> Signing | None:
    """Who signs next; None outside of the state in which reports are signed. For a case without a bundle."""
    if record.state != "approved":
        return None
    found = waiting(services, record.id)
    turn: SignerRole = "inspector" if found is None else "supervisor"
    return Signing(turn, role.value == turn, found.inspector.name if found else None, services.settings.report.demo_keys)


def choices(record: CaseRecord, role: ActorRole) -> Choices:
    """The steps of a role from the case's state, the one that leads on apart from the others."""
    table = machine()
    allowed = [action for (state, action), row in table.rows.items() if state == record.state and role in row.roles]
    moves = [action for action in allowed if table.rows[record.state, action].to != "=" and action not in _ELSEWHERE]
    onward = next((action for action in _ONWARD if action in moves), None)
    others = [action for action in (*moves, "record_attendance") if action != onward and action in allowed]
    return Choices(
        None if onward is None else _choice(onward),
        tuple(_choice(action) for action in others),
        frozenset(allowed) - set(moves),
    )


def _choice(action: str) -> Choice:
    return Choice(action, _ROUTES.get(action, f"steps/{action}"), action in _NEED_REASON)
