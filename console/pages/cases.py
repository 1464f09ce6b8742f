"""Owns the list of inspections and the page of one.

Never changes a case: steps go through `inspection`'s own routes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import get_args

from fastapi import APIRouter, Request
from starlette.responses import Response

from console import hullview, view
from console.scope import require_case, sees_all_cases
from console.sources import Sources, case_line
from core.auth import Role
from core.context import Services
from inspection import subject_of
from inspection.record import CaseRecord, CaseState, ItemPart, Text
from reports import bundles_of

_MAIN_LINE: tuple[CaseState, ...] = (
    "selected", "eligible", "invited", "appointed", "preparing", "in_session",
    "drafting", "under_review", "approved", "issued", "follow_up", "closed",
)  # fmt: skip
# Blocks from top to bottom; a block of several sections flows in columns, a block of one takes the whole width.
_BLOCKS = (
    ("ship", "eligibility", "appointment", "selection"),
    ("checklist",),
    ("calls", "survey"),
    ("hull",),
    ("deficiencies", "report", "decisions"),
    ("evidence",),
)
_DEFICIENCY_STATES = frozenset({"open", "rectified", "closed", "waived", "handed_over"})


@dataclass(frozen=True, slots=True)
class Step:
    """One state of the main line: done, now, or still to come; `out` for a state beside the line."""

    state: CaseState
    tone: str


@dataclass(frozen=True, slots=True)
class Part:
    """One section of the case page, with how many things are in it."""

    key: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """Checklist items under one heading."""

    title: Text
    entries: list[ItemPart]


@dataclass(frozen=True, slots=True)
class Download:
    """A file of the report that can be fetched."""

    key: str
    href: str
    note: str


def build_router(services: Services, sources: Sources) -> APIRouter:
    """List and page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/cases")
    def cases(request: Request) -> Response:
        principal = request.state.principal
        with services.db.read() as session:
            ids = sources.case_ids(session)
            mine = [one for one in ids if sees_all_cases(principal) or principal.scope_ref == subject_of(one)]
            lines = [case_line(sources.case(session, one)) for one in mine]
        return view.page(request, "cases.html", lines=lines)

    @router.get("/cases/{case_id}")
    def case(request: Request, case_id: str) -> Response:
        require_case(request.state.principal, case_id)
        with services.db.read() as session:
            record = sources.case(session, case_id)
        items = record.checklist.items if record.checklist else []
        return view.page(
            request,
            "case.html",
            r=record,
            steps=steps(record),
            blocks=[[Part(key, _count(record, key)) for key in block] for block in _BLOCKS],
            sections=sections(items),
            answered=sum(item.answer is not None for item in items),
            evidence={one.id: one for one in record.evidence},
            hull=hullview.build(record),
            downloads=downloads(services, case_id) if sees_all_cases(request.state.principal) else [],
            may_replay=sees_all_cases(request.state.principal),
            may_work=request.state.principal.role in (Role.INSPECTOR, Role.SUPERVISOR),
            may_link=record.state in ("issued", "follow_up", "closed")
            and request.state.principal.role in (Role.INSPECTOR, Role.SUPERVISOR),
            known_roles=frozenset(role.value for role in Role),
            known_states=frozenset(get_args(CaseState)),
            known_deficiency_states=_DEFICIENCY_STATES,
        )

    return router


def steps(record: CaseRecord) -> list[Step]:
    """The main line with the present state marked; states that were passed are done."""
    passed = {decision.to_state for decision in record.decisions}
    line = [Step(state, "now" if state == record.state else "done" if state in passed else "ahead") for state in _MAIN_LINE]
    return line if record.state in _MAIN_LINE else [*(one for one in line if one.tone == "done"), Step(record.state, "out")]


def sections(items: list[ItemPart]) -> list[Section]:
    """Items grouped under their headings, in the checklist's order."""
    return [Section(title, list(group)) for title, group in groupby(items, key=lambda item: item.section)]


def downloads(services: Services, case_id: str) -> list[Download]:
    """What can be fetched of the newest report; nothing before one was built."""
    found = bundles_of(services, case_id)
    if not found:
        return []
    newest, base = found[-1], f"/api/v1/reports/{case_id}"
    pages = [Download(f"pdf_{lang}", f"{base}/report.{lang}.pdf", str(count)) for lang, count in sorted(newest.pages.items())]
    return [*pages, Download("bundle", f"{base}/bundle.zip", newest.sha256 or "")]


def _count(record: CaseRecord, key: str) -> int | None:
    counted = {
        "checklist": len(record.checklist.items) if record.checklist else 0,
        "calls": len(record.calls),
        "survey": len(record.surveys),
        "hull": len(record.findings),
        "deficiencies": len(record.deficiencies),
        "decisions": len(record.decisions),
        "evidence": len(record.evidence),
    }
    return counted.get(key)
