"""Owns the pages of the smaller services: published figures, no-penalty list and rewards (16), freight (19), medicine (20), policies (21).

Never decides; each page shows what a service answers, with its reasons.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from companion import benefits, exemption_desk, freight_filing, medicine, policy_match
from companion.api import current_definitions
from companion.api_common import actor_of, subject_for
from companion.definition import Text
from companion.exemption import TESTS, Breach, exemption_rules, missing_items, reward
from companion.figures import platform_rows
from companion.freight import Judged, Trip, freight_rules
from companion.policy_match import Condition
from companion.roles import may, require
from console.pages.reforms_common import Form, answer_of, day_of, fen_of, int_of, lines_of, page, role_of, said, text_of
from core.catalogue import entries
from core.context import Services
from core.errors import InputError, NotFound, YunJianError
from core.track_overlap import Track
from core.workdays import local_day

_FIELD = "reforms.field_"
BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A published figure beside its title and where its definition stands."""

    title: Text
    figure: benefits.Figure
    procedure: str


@cache
def _labelled() -> frozenset[str]:
    """Fields of a firm that have words; another one is shown by its name."""
    return frozenset(key.removeprefix(_FIELD) for key in entries() if key.startswith(_FIELD))


def build_router(services: Services) -> APIRouter:
    """One group of routes per service."""
    router = APIRouter(include_in_schema=False)
    _figures(router, services)
    _exemptions(router, services)
    _freight(router, services)
    _policies(router)
    _medicine(router, services)
    return router


def _figures(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/figures")
    def figures(request: Request) -> Response:
        rows = [
            FigureRow(part.benefit(one.id).title, one, part.key)
            for part in current_definitions(services) for one in benefits.figures(part)
        ] + [FigureRow(benefit.title, one, "") for benefit, one in platform_rows()]  # fmt: skip
        return page(request, "figures.html", rows=sorted(rows, key=lambda row: row.figure.case))


def _exemptions(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/exemptions")
    def shown(request: Request) -> Response:
        return _exemption_page(request, services)

    @router.post("/reforms/exemptions/{do}")
    def act(request: Request, do: str, form: Form) -> Response:
        actor = actor_of(request)
        if do == "judge":
            day = day_of(form, "day")
            if day is None:
                raise InputError("companion.fact_missing", field="day")
            breach = Breach(
                text_of(form, "item"), day, answer_of(form, "intent"), answer_of(form, "harm"), answer_of(form, "minor"),
                day_of(form, "corrected_on"),
            )  # fmt: skip
            record = text_of(form, "record") == "on"
            found = exemption_desk.judge_breach(services, actor, text_of(form, "subject"), breach, record=record)
            return _exemption_page(request, services, given=dict(form), judged=found)
        if do == "reward":
            earned = exemption_desk.decide_reward(
                services, actor, text_of(form, "lead"), int_of(form, "level"), fen_of(form, "penalty")
            )
            return _exemption_page(request, services, earned=earned)
        raise NotFound("console.no_page")


def _exemption_page(
    request: Request, services: Services, *, given: Any = None, judged: Any = None, earned: Any = None
) -> Response:
    rules, role = exemption_rules(), role_of(request)
    reads = role is not None and may(role, "reward.read")
    most = {level: reward(level, 0, rules.rewards) for level in rules.rewards.levels}
    return page(
        request, "exemptions.html", rules=rules, missing=missing_items(rules), tests=TESTS, given=given or {}, judged=judged,
        earned=earned, levels=list(most), rewards=exemption_desk.rewards(services, actor_of(request)) if reads else [],
        today=local_day(services.clock.now()),
    )  # fmt: skip


def _freight(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/freight")
    def shown(request: Request) -> Response:
        return _freight_page(request, services)

    @router.post("/reforms/freight")
    def judge(request: Request, form: Form) -> Response:
        actor = actor_of(request)
        try:
            trip = Trip(
                text_of(form, "order"),
                text_of(form, "phone"),
                _tracks(form),
                frozenset(str(one) for one in form.getlist("photos")),
            )
            found = freight_filing.submit(services, actor, subject_for(actor, text_of(form, "platform")), trip)
        except YunJianError as error:
            return _freight_page(request, services, given=dict(form), problem=said(request, error))
        return _freight_page(request, services, judged=found, order=trip.order_id)


def _tracks(form: FormData) -> tuple[Track, ...]:
    """Tracks out of a CSV table with the columns source, t, lon, lat. Raises InputError."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    try:
        for row in csv.DictReader(io.StringIO(text_of(form, "tracks").removeprefix(BOM))):
            rows.setdefault(row["source"].strip(), []).append((float(row["t"]), float(row["lon"]), float(row["lat"])))
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error) as error:
        raise InputError("freight.bad_file") from error
    return tuple(Track.of(source, points) for source, points in rows.items())


def _freight_page(
    request: Request, services: Services, *, judged: Judged | None = None, order: str = "", given: Any = None, problem: str = ""
) -> Response:
    return page(
        request, "freight.html", status=422 if problem else 200, rules=freight_rules(), judged=judged, order=order,
        given=given or {}, problem=problem, trips=freight_filing.judged_trips(services, actor_of(request)),
    )  # fmt: skip


def _policies(router: APIRouter) -> None:
    @router.get("/reforms/policies")
    def policies(request: Request) -> Response:
        """Every policy, and with values in the address what a firm with these can have. Nothing is kept."""
        rules = policy_match.policy_rules()
        fields: dict[str, Condition] = {one.field: one for policy in rules.policy for one in policy.conditions}
        given = {name: request.query_params.get(name, "").strip()[:40] for name in fields}
        firm = {name: _value(fields[name], written) for name, written in given.items() if written}
        found = policy_match.package(firm, rules) if firm else ()
        return page(
            request, "policies.html", rules=rules, fields=fields, given=given, found=found, asked=bool(firm),
            named={policy.id: policy for policy in rules.policy}, choices=_choices(rules),
            labelled=_labelled(),
        )  # fmt: skip


def _value(condition: Condition, written: str) -> float | str | None:
    """A value of the form; what is no number where one belongs stays unknown."""
    if condition.op == "in":
        return written
    try:
        return float(written)
    except ValueError:
        return None


def _choices(rules: policy_match.PolicyRules) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for policy in rules.policy:
        for one in policy.conditions:
            if one.op == "in":
                found.setdefault(one.field, set()).update(one.values)
    return {field: sorted(values) for field, values in found.items()}


def _medicine(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/medicine")
    def shown(request: Request) -> Response:
        require(actor_of(request), "medicine.pay")
        return _medicine_page(request)

    @router.post("/reforms/medicine/{do}")
    def act(request: Request, do: str, form: Form) -> Response:
        actor, person = actor_of(request), text_of(form, "person")
        if do == "pay":
            parts = int_of(form, "parts", 0)
            try:
                paid = medicine.pay(
                    services, actor, text_of(form, "callback"), person, _basket(form),
                    seller_filed=text_of(form, "seller_filed") == "on", credit_fen=fen_of(form, "credit", 0), parts=parts or None,
                )  # fmt: skip
            except YunJianError as error:
                return _medicine_page(request, given=dict(form), problem=said(request, error))
            return _medicine_page(request, given=dict(form), paid=paid)
        if do == "wallet":
            medicine.open_wallet(services, actor, person, fen_of(form, "amount"))
        elif do == "repay":
            medicine.repay(services, actor, person, fen_of(form, "amount"))
        else:
            raise NotFound("console.no_page")
        return RedirectResponse("/reforms/medicine", status_code=303)


def _basket(form: FormData) -> list[medicine.Item]:
    """Lines of: name, price in yuan, insured, prescription number or '?' where one is needed and missing."""
    items = []
    for cells in lines_of(form, "items"):
        padded = [*cells, "", "", ""]
        rx = padded[3]
        insured = padded[2] in ("insured", "医保")
        price = fen_of({"price": padded[1]}, "price")
        items.append(medicine.Item(padded[0], price, insured, bool(rx), None if rx in ("?", "？") else rx or None))
    return items


def _medicine_page(request: Request, *, given: Any = None, paid: medicine.Split | None = None, problem: str = "") -> Response:
    return page(
        request, "medicine.html", status=422 if problem else 200, rules=medicine.medicine_rules(), given=given or {}, paid=paid,
        problem=problem,
    )  # fmt: skip
