"""Owns ``yunjian ais ingest``, ``import`` of archives and ``tracks``: the live side of the command line.

Never holds a rule: it calls `ais` and prints.
"""

from __future__ import annotations

import csv
import json
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ais import Ingest, Position, import_archive, parse_sources, track_of, write_track
from console.cli.common import guarded, opened, print_json, reading_bar, say
from core import logs, processes
from core.clock import parse_rfc3339, rfc3339
from core.context import Services
from core.errors import InputError


def register(app: typer.Typer) -> None:
    """Put the commands of this file into ``yunjian ais``."""
    app.command(epilog="Example: yunjian ais ingest udp://0.0.0.0:10110")(ingest)
    app.command(epilog="Example: yunjian ais tracks --mmsi 413999001 --format geojson > track.geojson")(tracks)


@guarded
def ingest(
    sources: Annotated[list[str] | None, typer.Argument(help="Source addresses; default: ais.sources of the settings.")] = None,
) -> None:
    """Receive from all sources until Ctrl-C, or until every source is a file that has ended."""
    logs.set_up()
    processes.few_arenas()
    with opened() as services:
        specs = parse_sources(sources or services.settings.ais.sources)
        if not specs:
            raise InputError("ais.no_sources")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        say(services.settings, "ais.cli.sources_running", count=len(specs))
        Ingest(services, specs).run(stop)


def import_archives(services: Services, files: list[Path], *, as_json: bool) -> None:
    """Logs into tracks and conclusions; each sentence once, also after a kill."""
    done = []
    for file in files:
        with reading_bar(services.settings, file) as progress:
            result = import_archive(services, file, progress)
        if result.known:
            say(services.settings, "ais.cli.archive_known", file=result.name)
        else:
            if result.resumed_at:
                say(services.settings, "ais.cli.archive_resumed", file=result.name, offset=result.resumed_at)
            say(
                services.settings, "ais.cli.archive_done", file=result.name, sentences=result.ledger.sentences,
                messages=result.ledger.messages, positions=result.positions, events=result.events, signals=result.signals,
            )  # fmt: skip
        done.append(
            {
                "file": result.name, "known": result.known, "resumed_at": result.resumed_at, "positions": result.positions,
                "events": result.events, "signals": result.signals, "ledger": result.ledger.as_summary(),
            }
        )  # fmt: skip
    if as_json:
        print_json("yunjian.ais.archive/1", {"files": done}, [])


@guarded
def tracks(
    mmsi: Annotated[int, typer.Option(min=1, max=999_999_999, help="The ship.")],
    since: Annotated[str, typer.Option(help="RFC 3339; default: everything that is kept.")] = "",
    format: Annotated[str, typer.Option(help="geojson, csv or parquet")] = "geojson",  # noqa: A002 - the option's name
    output: Annotated[Path | None, typer.Option(help="File to write; needed for parquet, else stdout.")] = None,
) -> None:
    """Export a ship's track, from live rows and closed days alike."""
    if format not in {"geojson", "csv", "parquet"}:
        raise InputError("ais.format", format=format)
    if format == "parquet" and output is None:
        raise InputError("ais.output_needed")
    with opened() as services:
        points = track_of(services, mmsi, _since(since))
    if format == "parquet" and output is not None:
        write_track(output, mmsi, points)
        return
    stream = sys.stdout if output is None else output.open("w", encoding="utf-8", newline="")
    try:
        if format == "csv":
            writer = csv.writer(stream)
            writer.writerow(("mmsi", "at_utc", "lon", "lat", "sog_kn", "cog_deg_true"))
            writer.writerows(
                (mmsi, rfc3339(one.at_utc), one.lonlat.lon, one.lonlat.lat, one.sog_kn, one.cog_deg_true) for one in points
            )
        else:
            json.dump(_geojson(mmsi, points), stream)
            stream.write("\n")
    finally:
        if output is not None:
            stream.close()


def _since(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise InputError("ais.since", value=text) from error


def _geojson(mmsi: int, points: list[Position]) -> dict[str, object]:
    line = [[one.lonlat.lon, one.lonlat.lat] for one in points]
    geometry = {"type": "LineString", "coordinates": line} if len(line) > 1 else None
    times = [rfc3339(one.at_utc) for one in points]
    properties = {"mmsi": f"{mmsi:09d}", "times": times, "sog_kn": [one.sog_kn for one in points]}
    return {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": geometry, "properties": properties}]}
