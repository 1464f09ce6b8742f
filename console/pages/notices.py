"""Owns the pages of notices to ships: issuing one to an area and the ticks of its receipts.

Never says that a ship was reached which was not.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

import ais
from console import view
from core.context import Services
from core.errors import InputError
from inspection import Actor, notices
from inspection.plan_text import optional_time, utc_time
from inspection.service_rules import rules


def build_router(services: Services) -> APIRouter:
    """List, issue, and a receipt told to an officer."""
    router = APIRouter(include_in_schema=False)

    @router.get("/notices")
    def page(request: Request) -> Response:
        with services.db.read() as session:
            found = notices.notices(session)
        centre = ais.watched_port(services).centre
        return view.page(
            request, "service/notices.html", found=found, templates=rules().template, now=services.clock.now(), centre=centre
        )

    @router.post("/notices")
    def issue(
        request: Request,
        template: Annotated[str, Form(max_length=40)],
        area: Annotated[Literal["port", "anchorage", "all", "circle"], Form()],
        valid_from: Annotated[str, Form(max_length=40)] = "",
        valid_to: Annotated[str, Form(max_length=40)] = "",
        centre: Annotated[str, Form(max_length=60)] = "",
        radius_nm: Annotated[float, Form(gt=0)] = 12.0,
        detail_zh: Annotated[str, Form(max_length=1000)] = "",
        detail_en: Annotated[str, Form(max_length=1000)] = "",
    ) -> Response:
        new = notices.NewNotice(
            template=template, area=_area(area, centre, radius_nm), detail_zh=detail_zh.strip(), detail_en=detail_en.strip(),
            valid_from=utc_time(valid_from) if valid_from.strip() else services.clock.now(), valid_to=optional_time(valid_to),
        )  # fmt: skip
        notices.issue_notice(services, Actor.of(request.state.principal), new)
        return RedirectResponse("/notices", status_code=303)

    @router.post("/notices/{notice_id}/{ship}")
    def told(
        request: Request,
        notice_id: str,
        ship: str,
        how: Annotated[notices.How, Form()],
        note: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        notices.acknowledge(services, Actor.of(request.state.principal), notice_id, ship, how, note)
        return RedirectResponse(f"/notices#{notice_id}", status_code=303)

    return router


def _area(kind: Literal["port", "anchorage", "all", "circle"], centre: str, radius_nm: float) -> notices.Area:
    if kind != "circle":
        return notices.PortArea(kind=kind)
    try:
        lon, lat = (float(one) for one in centre.replace("，", ",").split(","))
    except ValueError as error:
        raise InputError("console.validation", where="centre", reason=centre[:40]) from error
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise InputError("console.validation", where="centre", reason=centre[:40])
    return notices.CircleArea(kind="circle", lonlat=(lon, lat), radius_nm=radius_nm)
