"""Owns ``yunjian targets report``: the targeting report of a shift as PDF, CSV or JSON.

Never holds a rule: it calls `ais` and `reports`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ais.shift_csv import shift_csv
from ais.shift_report import HOURS_AHEAD, shift_report
from console.cli.common import AsJson, guarded, opened, print_json, say
from console.risk_sources import risk_sources
from core.catalogue import Lang
from core.clock import rfc3339
from core.workdays import SHANGHAI
from reports.api_shift import period
from reports.shift import shift_pdf

_TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"]


def register(app: typer.Typer) -> None:
    """Add the command to ``yunjian targets``."""
    app.command("report", epilog="Example: yunjian targets report --shift day --on 2026-11-24 --out shift.pdf")(report)


@guarded
def report(
    since: Annotated[
        datetime | None, typer.Option("--from", formats=_TIMES, help="Begin; without a zone the port's time.")
    ] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=_TIMES, help="End; without a zone the port's time.")] = None,
    shift: Annotated[
        str | None, typer.Option(help="Name of a shift (config/reports/shifts.toml); default the running one.")
    ] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day at the port on which the shift begins.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0, max=240, help="Ships that arrive within so many hours.")] = HOURS_AHEAD,
    lang: Annotated[str, typer.Option(help="zh or en; default the language of the settings.")] = "",
    out: Annotated[Path | None, typer.Option(help="File ending in .pdf or .csv; without it CSV on stdout.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Ships of a shift in order, with reasons, signals, decisions by role, and what the list rests on."""
    if lang not in {"", "zh", "en"}:
        raise typer.BadParameter(lang, param_hint="--lang")
    if out is not None and out.suffix.lower() not in {".pdf", ".csv"}:
        raise typer.BadParameter(str(out), param_hint="--out")
    with opened() as services:
        words: Lang = "en" if (lang or services.settings.language) == "en" else "zh"
        begin, end, name = period(services, shift, None if on is None else on.date(), _zoned(since), _zoned(until), words)
        found = shift_report(services, risk_sources(services), begin, end, hours)
        if as_json:
            print_json("yunjian.targets.shift/1", _plain(asdict(found)), [])
        if out is None:
            if not as_json:
                sys.stdout.buffer.write(shift_csv(found, words))
            return
        pdf = out.suffix.lower() == ".pdf"
        out.write_bytes(shift_pdf(found, words, services.settings, name).pdf if pdf else shift_csv(found, words))
        say(services.settings, "targets.report.cli_done", path=out, ships=len(found.lines), decisions=len(found.decisions))


def _zoned(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=SHANGHAI)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value
