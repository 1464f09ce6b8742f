"""Owns the page and the table of what remote inspection saved in a period, by port days.

Never computes: `inspection.benefits` does; claimed and measured figures stand in columns of their own.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from console import view
from core.clock import rfc3339
from core.context import Services
from core.spreadsheet import plain
from core.workdays import SHANGHAI, local_day
from inspection import benefits

_COLUMNS = ("number", "ship", "simulated", "issued_at", "attended", "call_minutes", "items", "hours_to_report")


def build_router(services: Services) -> APIRouter:
    """``/benefits?start=&end=`` (port days, both included; by default this year so far) and the same as CSV."""
    router = APIRouter(include_in_schema=False)

    def period(start: date | None, end: date | None) -> tuple[date, date]:
        today = local_day(services.clock.now())
        return start or today.replace(month=1, day=1), end or today

    def measured(first: date, last: date) -> benefits.Measured:
        with services.db.read() as session:
            return benefits.of_period(session, _midnight(first), _midnight(last + timedelta(days=1)))

    @router.get("/benefits")
    def page(request: Request, start: date | None = None, end: date | None = None) -> Response:
        first, last = period(start, end)
        return view.page(request, "benefits.html", first=first, last=last, m=measured(first, last), pack=benefits.pack())

    @router.get("/benefits.csv")
    def table(start: date | None = None, end: date | None = None) -> Response:
        first, last = period(start, end)
        name = f"benefits-{first}-{last}.csv"
        return Response(
            as_csv(measured(first, last)), media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )  # fmt: skip

    return router


def as_csv(measured: benefits.Measured) -> str:
    """A line per inspection; no cell of a ship's name starts a formula. With a byte order mark, for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for one in measured.lines:
        hours = "" if one.hours_to_report is None else f"{one.hours_to_report:.2f}"
        row = (
            one.number,
            plain(one.ship_name),
            one.simulated,
            rfc3339(one.issued_at),
            one.attended,
            f"{one.call_minutes:.1f}",
            one.items,
            hours,
        )
        writer.writerow(str(cell).lower() if isinstance(cell, bool) else cell for cell in row)
    return "\ufeff" + out.getvalue()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)
