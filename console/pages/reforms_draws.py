"""Owns the pages of random checks: the public list and one draw, making a plan, and the officers' desk of a draw (case 17).

Never shows the public anything of a draw but `companion.checks.public_view`.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from companion import check_plans, checks
from companion.api_common import actor_of
from companion.check_plans import Firm, PersonIn, Wanted, check_rules
from companion.checks import VisitResult
from companion.roles import may, require
from console.pages.reforms_common import Form, int_of, lines_of, page, parts_of, role_of, said, text_of
from core.context import Services
from core.draw import Item
from core.errors import InputError, NotFound, YunJianError
from core.workdays import local_day

_EXAMPLE_FIRMS = 40


def build_router(services: Services) -> APIRouter:
    """The plan first: ``new`` is no draw's name."""
    router = APIRouter(include_in_schema=False)
    _planning(router, services)
    _public(router, services)
    _desk(router, services)
    return router


def _public(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/draws")
    def draws(request: Request) -> Response:
        return page(request, "draws.html", draws=checks.announced(services))

    @router.get("/reforms/draws/{draw_id}")
    def one(request: Request, draw_id: str) -> Response:
        seen = checks.public_view(services, draw_id)
        role = role_of(request)
        return page(
            request, "draw.html", id=draw_id, seen=seen, rules=check_rules(), items=_item_texts(seen.get("items", [])),
            officer=role is not None and may(role, "draw.read"),
        )  # fmt: skip


def _planning(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/draws/new")
    def blank(request: Request, *, example: bool = False) -> Response:
        require(actor_of(request), "draw.plan")
        return _plan_page(request, _example(services) if example else _blank(services))

    @router.post("/reforms/draws/new")
    def made(request: Request, form: Form) -> Response:
        """First a look at the plan and its counts, then the promise."""
        actor = actor_of(request)
        try:
            wanted = _wanted(form)
            if text_of(form, "do") == "announce":
                check_plans.announce(services, actor, wanted)
                return RedirectResponse(f"/reforms/draws/{wanted.id}/desk", status_code=303)
            plan, counts = check_plans.preview(services, actor, wanted)
        except YunJianError as error:
            return _plan_page(request, dict(form), problem=said(request, error))
        return _plan_page(request, dict(form), plan=plan, counts=counts)


def _desk(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/draws/{draw_id}/desk")
    def desk(request: Request, draw_id: str) -> Response:
        seen = checks.desk_view(services, actor_of(request), draw_id)
        left = (
            [] if seen.result is None else [one["target"] for one in seen.result["visits"] if one["target"] not in seen.visits]
        )
        key = checks.key_items((one.findings for one in seen.visits.values()), check_rules().recurring_visits)
        return page(
            request, "draw_desk.html", seen=seen, rules=check_rules(), left=left, key_items=sorted(key),
            items=_item_texts([item.model_dump() for item in seen.plan.items]),
            excluded=sum(bool(row.excluded) for row in seen.plan.targets),
        )  # fmt: skip

    @router.post("/reforms/draws/{draw_id}/{do}")
    def act(request: Request, draw_id: str, do: str, form: Form) -> Response:
        actor = actor_of(request)
        if do == "reveal":
            value = text_of(form, "public_value")
            if not value:
                raise InputError("companion.fact_missing", field="public_value")
            checks.reveal(services, actor, draw_id, value)
        elif do == "visit":
            checks.record_visit(services, actor, draw_id, _visit(form, actor.user_id))
        elif do == "rectify":
            checks.rectify(services, actor, draw_id, text_of(form, "target"), text_of(form, "item"))
        elif do == "publish":
            checks.publish(services, actor, draw_id)
        else:
            raise NotFound("console.no_page")
        return RedirectResponse(f"/reforms/draws/{draw_id}/desk", status_code=303)


def _visit(form: FormData, officer: str) -> VisitResult:
    """What a visit found; the officer who writes an expert's advice down has reviewed it and says so by a tick."""
    advice = tuple(line[0] for line in lines_of(form, "advice"))
    reviewed = officer if text_of(form, "reviewed") == "on" else None
    return VisitResult(
        target=text_of(form, "target"), findings=tuple(str(one) for one in form.getlist("findings")),
        sign_off="refused" if text_of(form, "sign_off") == "refused" else "signed",
        witness_ref=text_of(form, "witness_ref") or None, advice=advice, reviewed_by=reviewed if advice else None,
    )  # fmt: skip


def _wanted(form: FormData) -> Wanted:
    """The form as a plan. Raises InputError naming the field."""
    firms = [
        Firm(id=cells[0], kind=_cell(cells, 1), tests=parts_of(cells, 2), cause=_cell(cells, 3) or None)
        for cells in lines_of(form, "firms")
    ]
    people = [
        PersonIn(role=cells[0], id=_cell(cells, 1), conflicts=frozenset(parts_of(cells, 2)))
        for cells in lines_of(form, "people")
    ]
    items = [
        Item(id=cells[0], kinds=frozenset(parts_of(cells, 1)), always=_cell(cells, 2) in ("key", "必查"))
        for cells in lines_of(form, "items")
    ]
    try:
        return Wanted(
            id=text_of(form, "id"), seed_source=text_of(form, "seed_source"), firms=tuple(firms), people=tuple(people),
            per_visit={role: int_of(form, f"per_visit.{role}", 0) for role in check_rules().roles},
            items=tuple(items), items_per_visit=int_of(form, "items_per_visit", check_rules().items_per_visit),
            leave_out_good=text_of(form, "leave_out_good") == "on", flying=text_of(form, "flying") == "on",
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError("draw.bad_plan", reason=f"{first['loc'][0]}: {first['msg']}") from error


def _plan_page(request: Request, given: dict[str, Any], *, problem: str = "", plan: Any = None, counts: Any = None) -> Response:
    excluded = [] if plan is None else [row for row in plan.targets if row.excluded]
    return page(
        request, "draw_plan.html", status=422 if problem else 200, given=given, rules=check_rules(), problem=problem, plan=plan,
        counts=counts, excluded=excluded,
    )  # fmt: skip


def _blank(services: Services) -> dict[str, Any]:
    rules = check_rules()
    items = "\n".join(f"{one.id}, {';'.join(sorted(one.kinds))}" for one in rules.item)
    counts = {f"per_visit.{role}": one.per_visit for role, one in rules.roles.items()}
    day = local_day(services.clock.now())
    return {"id": f"check-{day}", "items": items, "items_per_visit": rules.items_per_visit, "leave_out_good": "on", **counts}


def _example(services: Services) -> dict[str, Any]:
    """Made-up rows, so that a draw can be tried at once."""
    kinds = list(check_rules().kinds)[:4]
    firms = [f"DEMO-{n:03d}, {kinds[n % len(kinds)]}" for n in range(1, _EXAMPLE_FIRMS + 1)]
    firms[2] += ", no_annual_report"
    firms[6] += ", no_annual_report;no_tax_registration"
    firms[9] += ", , complaint"
    people = [f"officer, officer-{n}" + (", DEMO-001;DEMO-010" if n == 1 else "") for n in range(1, 7)]
    return _blank(services) | {
        "firms": "\n".join(firms), "people": "\n".join(people), "leave_out_good": "",
        "seed_source": "SSE Composite closing index of the next trading day / 下一交易日上证综指收盘价",
    }  # fmt: skip


def _item_texts(items: list[dict[str, Any]]) -> dict[str, Any]:
    known = {one.id: one for one in check_rules().item}
    return {str(item["id"]): known.get(str(item["id"])) for item in items}


def _cell(cells: list[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""
