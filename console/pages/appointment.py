"""Owns the pages of the one appointment: the inspector's plan and times, the links of the invitation, the ship's answer.

Never decides a time: `inspection` does; a GET of a link uses nothing up.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

import ais
import inspection
from ais.targets_service import target
from console import guest_links, view
from console.form_fields import Fields
from console.plan_form import NO_PLAN, plan_from, rows_of, weather_lines
from console.risk_sources import risk_sources
from console.scope import require_case, sees_all_cases
from console.selection import eligibility_facts, selection_part, ship_part
from core.auth import Role
from core.context import Services
from core.errors import NotFound
from core.workdays import local_day
from inspection import Actor, NewCase, planning, subject_of
from inspection.plan_book import plan_of

AUDIENCE = "inspection.appointment"
_LINK_DAYS = 14
_SLOT_STATES = frozenset({"eligible", "invited", "rescheduled", "appointed"})


def build_router(services: Services) -> APIRouter:
    """Opening a case, the plan, the links and the ship's page."""
    router = APIRouter(include_in_schema=False)
    _case(router, services)
    _plan(router, services)
    _link(router, services)
    _ship(router, services)
    return router


def _case(router: APIRouter, services: Services) -> None:
    @router.post("/cases/open")
    def open_case(request: Request, key: Annotated[str, Form(max_length=40)]) -> Response:
        """A ship of the ranked list becomes a case; on one day it becomes one case only."""
        actor, today = Actor.of(request.state.principal), local_day(services.clock.now())
        ship = target(services, risk_sources(services), key, today).ship
        new = NewCase(key=f"queue:{key}:{today}", ship=ship_part(ship), selection=selection_part(ship))
        case_id = inspection.open_case(services, actor, new).case_id
        return RedirectResponse(f"/cases/{case_id}/appointment", status_code=303)

    @router.post("/cases/{case_id}/judge")
    def judge(request: Request, case_id: str, purpose: Annotated[inspection.Purpose, Form()]) -> Response:
        """Judge by the pack of the purpose, with what the ranked list and our own earlier inspections know."""
        actor = Actor.of(request.state.principal)
        with services.db.read() as session:
            ship = inspection.record(session, case_id).ship
        today = local_day(services.clock.now())
        try:
            ranked = target(services, risk_sources(services), ship.imo or ship.mmsi or "-", today).ship
            facts = eligibility_facts(ranked, today)
        except NotFound:
            facts = None
        inspection.judge_for(services, actor, case_id, purpose, facts)
        return RedirectResponse(f"/cases/{case_id}/appointment", status_code=303)


def _plan(router: APIRouter, services: Services) -> None:
    @router.get("/cases/{case_id}/appointment")
    def page(request: Request, case_id: str) -> Response:
        with services.db.read() as session:
            record = inspection.record(session, case_id)
            plan, due = plan_of(session, case_id), planning.due_of(session, case_id)
            asked = planning.wishes(session, case_id)
        found = planning.plan_slots(services, case_id) if plan is not None and record.state in _SLOT_STATES else None
        minutes = round(inspection.length_of(due, inspection.appointment_rules()).total_seconds() / 60)
        return view.page(
            request, "appointment/plan.html", r=record, plan=plan, empty=NO_PLAN, due=due, kinds=Counter(one.kind for one in due),
            found=found, asked=asked, minutes=minutes, berths=ais.watched_port(services).berths, rows=rows_of(plan),
            weather=weather_lines(plan), may_plan=record.state in _SLOT_STATES, purposes=inspection.packs(),
        )  # fmt: skip

    @router.post("/cases/{case_id}/appointment")
    def saved(request: Request, case_id: str, form: Fields) -> Response:
        plan = plan_from({key: str(value) for key, value in form.items()}, ais.watched_port(services))
        planning.save_plan(services, Actor.of(request.state.principal), case_id, plan)
        return RedirectResponse(f"/cases/{case_id}/appointment#times", status_code=303)

    @router.post("/cases/{case_id}/appointment/propose")
    def propose(
        request: Request,
        case_id: str,
        starts_at: Annotated[str, Form(max_length=40)],
        reason: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        """Invite everybody: what has an address is queued, every link is shown once."""
        planning.propose(services, Actor.of(request.state.principal), case_id, inspection.utc_time(starts_at), reason)
        with services.db.read() as session:
            plan, record = plan_of(session, case_id), inspection.record(session, case_id)
        links = {
            one.seat: f"{services.settings.web.address}/appointment#{issue_code(services, case_id, Role(one.role), one.seat)}"
            for one in (plan.invitees if plan else ())
            if one.role != "inspector"
        }
        planning.send_invitations(services, case_id, links)
        shown = (
            [(one, links[one.seat], guest_links.picture(links[one.seat])) for one in plan.invitees if one.seat in links]
            if plan
            else []
        )
        return view.page(request, "appointment/links.html", r=record, shown=shown)


def _link(router: APIRouter, services: Services) -> None:
    @router.get("/appointment")
    def enter(request: Request) -> Response:
        return guest_links.remember_device(request, view.page(request, "appointment/enter.html", to="/appointment"), "/")

    @router.post("/appointment")
    def opened(request: Request, code: Annotated[str, Form(max_length=5000)] = "") -> Response:
        response = RedirectResponse("/appointment", status_code=303)
        found = guest_links.opened(request, services, code, AUDIENCE, response)
        response.headers["location"] = f"/appointment/{found.subject.removeprefix(subject_of(''))}"
        return response


def _ship(router: APIRouter, services: Services) -> None:
    @router.get("/appointment/{case_id}")
    def ship(request: Request, case_id: str) -> Response:
        principal = request.state.principal
        require_case(principal, case_id)
        with services.db.read() as session:
            record = inspection.record(session, case_id)
            plan, due = plan_of(session, case_id), planning.due_of(session, case_id)
            asked = planning.wishes(session, case_id)
        seat = guest_links.seat_of(principal) or ""
        rules = record.eligibility.rules if record.eligibility else []
        return view.page(
            request, "appointment/ship.html", r=record, due=due, seat=seat, asked=asked, plan=plan,
            mine=next((row for row in rows_of(plan) if row.seat == seat), None),
            open_conditions=[rule for rule in rules if rule.met is None and rule.id in inspection.conditions_of(services, case_id)],
            may_answer=not sees_all_cases(principal) and record.state in ("invited", "rescheduled"),
            may_state=principal.role is Role.CREW_GUEST and plan is not None,
        )  # fmt: skip

    @router.post("/appointment/{case_id}")
    def answer(request: Request, case_id: str, form: Fields) -> Response:
        """Agree (with the conditions ticked), ask for another time, or say what one's duties are."""
        principal = request.state.principal
        require_case(principal, case_id)
        actor = Actor.of(principal).at_seat(guest_links.seat_of(principal))
        what = str(form.get("what", ""))
        if what == "agree":
            inspection.agree_appointment(services, actor, case_id, frozenset(str(one) for one in form.getlist("confirmed")))
        elif what == "duties":
            values = {key: str(value) for key, value in form.items()}
            planning.state_duties(services, actor, case_id, inspection.crew_plan_from(actor.seat or "-", values))
        else:
            planning.ask_other_time(services, actor, case_id, str(form.get("words", "")))
        return RedirectResponse(f"/appointment/{case_id}", status_code=303)


def issue_code(services: Services, case_id: str, role: Role, seat: str) -> str:
    """The code of one seat of one appointment."""
    return guest_links.issue(services, AUDIENCE, subject_of(case_id), role, seat, timedelta(days=_LINK_DAYS))
