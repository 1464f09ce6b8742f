"""Owns the HTTP route of a shift's targeting report as PDF, CSV and JSON.

Never keeps a report: each is made from what is stored when it is asked for.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from ais.ports import RiskSources
from ais.shift_csv import shift_csv
from ais.shift_report import HOURS_AHEAD, ShiftReport, shift_at, shift_report, shift_rules, shift_times
from core.catalogue import Lang
from core.context import Services
from core.errors import InputError
from reports.shift import shift_pdf

Form = Literal["pdf", "csv", "json"]


def build_router(services: Services, sources: RiskSources) -> APIRouter:
    """One route under ``/api/v1/reports``."""
    router = APIRouter(prefix="/api/v1/reports", tags=["reports"])

    @router.get("/targets/shift.{form}", response_model=None)
    def shift(
        form: Form,
        shift: Annotated[str | None, Query(max_length=40)] = None,
        on: date | None = None,
        since: Annotated[datetime | None, Query(alias="from")] = None,
        until: Annotated[datetime | None, Query(alias="to")] = None,
        lang: Lang = "zh",
        hours: Annotated[float, Query(ge=0, le=240)] = HOURS_AHEAD,
    ) -> Response | ShiftReport:
        """The ships of a shift in order with reasons, signals and decisions; `from` and `to`, or `shift` and `on`."""
        begin, end, name = period(services, shift, on, since, until, lang)
        found = shift_report(services, sources, begin, end, hours)
        if form == "json":
            return found
        stem = f"targets-{begin:%Y%m%dT%H%M}-{lang}.{form}"
        headers = {"content-disposition": f'attachment; filename="{stem}"', "cache-control": "no-store"}
        if form == "csv":
            return Response(shift_csv(found, lang), media_type="text/csv; charset=utf-8", headers=headers)
        return Response(shift_pdf(found, lang, services.settings, name).pdf, media_type="application/pdf", headers=headers)

    return router


def period(
    services: Services, shift: str | None, on: date | None, since: datetime | None, until: datetime | None, lang: Lang
) -> tuple[datetime, datetime, str]:
    """Begin, end and name in words of what is asked for; nothing asked = the shift that is running.

    Raises:
        InputError: times without a zone, only one of two, or an unknown shift.
    """
    if since is not None or until is not None:
        if since is None or until is None or since.tzinfo is None or until.tzinfo is None:
            raise InputError("ais.shift_period", since=str(since), until=str(until))
        return since, until, ""
    running, day = shift_at(services.clock.now())
    asked, first = shift or running, on or day
    begin, end = shift_times(asked, first)
    label = next(one.name for one in shift_rules() if one.id == asked)
    return begin, end, f"{first.isoformat()} {label.zh if lang == 'zh' else label.en}"
