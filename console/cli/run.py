"""Owns ``yunjian run``: the main job from the command line.

Never does a station's work: `console.demo` does.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from config import load_settings
from console.cli.common import guarded, say
from console.demo.station_ais import opening, ranking
from console.demo.station_call import call
from console.demo.station_hull import findings, survey
from console.demo.station_report import report
from console.demo.walk import Options, Station, walk
from console.services import open_services
from core import catalogue, logs
from core.errors import NotFound

STATIONS: dict[str, Station] = {
    "ais": ranking, "case": opening, "call": call, "drone": survey, "findings": findings, "report": report,
}  # fmt: skip


@guarded
def run(
    ais: Annotated[Path | None, typer.Option(help="AIS log to replay; without it the embedded scenario runs")] = None,
    registry: Annotated[Path | None, typer.Option(help="Ship register (CSV), e.g. the EU MRV list")] = None,
    photos: Annotated[Path | None, typer.Option(help="Folder of own photos to look for defects in")] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the verified report instead of serving the console")] = False,  # noqa: FBT002
    speed: Annotated[float, typer.Option(min=1, max=20, help="How much faster than the wall the simulated drone flies")] = 10.0,
    until: Annotated[str | None, typer.Option(help=f"Stop after a station: {', '.join(STATIONS)}")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object {schema, data, warnings} at the end")] = False,  # noqa: FBT002
) -> None:
    """Walk one ship from radio message to signed report, then serve the console. Example: yunjian run --once

    Killed at any point, the same command goes on where it was.
    """
    settings = load_settings()
    if until is not None and until not in STATIONS:
        raise typer.BadParameter(until, param_hint="--until")
    for path in (ais, registry, photos):
        if path is not None and not path.exists():
            raise NotFound("run.no_such_path", path=path)
    logs.set_up(level=logging.WARNING)
    with open_services(settings) as services:
        lines = Console(stderr=True, width=160) if as_json else None  # with --json the object stands alone on stdout
        result = walk(services, Options(ais, registry, photos, speed, until), STATIONS, lines)
    if as_json:
        data = {
            "stations": result.facts,
            "seconds": result.seconds,
            "wall_s": round(result.wall_s, 1),
            "cpu_s": round(result.cpu_s, 1),
        }
        sys.stdout.write(json.dumps({"schema": "yunjian.run/1", "data": data, "warnings": []}, ensure_ascii=False) + "\n")
    sys.stderr.write(
        catalogue.text("run.total", settings.language, wall=f"{result.wall_s:.0f}", cpu=f"{result.cpu_s:.0f}") + "\n"
    )
    if not once and until is None:
        say(settings, "run.sign_in", path=settings.data_dir / "demo-accounts.txt")
        from console.cli.serve import serve  # noqa: PLC0415 - the console is not needed to end after the report

        serve()
