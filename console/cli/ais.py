"""Owns ``yunjian ais``: decode a log, replay it into the live picture, import register files, write the simulated scenario.

Never holds a rule: it calls `ais` and prints.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ais import BatchDecoder, ImportResult, file_chunks, import_register, replay, write_scenario
from config import Settings, load_settings
from console.cli import ais_live
from console.cli.common import AsJson, guarded, opened, print_json, reading_bar, say
from core import catalogue
from core.clock import SystemClock, parse_rfc3339

app = typer.Typer(help="AIS and ship register. Example: yunjian ais decode log.nmea --jsonl", no_args_is_help=True)
ais_live.register(app)

Jsonl = Annotated[bool, typer.Option("--jsonl", help="Write each message as one JSON line; without it only the count.")]
_MAX_ISSUES = 20


@app.command(epilog="Example: yunjian ais decode port.nmea --jsonl > port.jsonl")
@guarded
def decode(
    file: Annotated[Path, typer.Argument(help="NMEA log, also .gz")],
    jsonl: Jsonl = False,  # noqa: FBT002
) -> None:
    """Decode a log: one JSON line per message on stdout, the ledger of all sentences on stderr."""
    settings = load_settings()
    decoder = BatchDecoder(settings.ais)
    with reading_bar(settings, file) as progress:
        for batch in decoder.batches(file_chunks(file, progress)):
            if jsonl:
                sys.stdout.writelines(
                    json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in batch.dicts()
                )
    sys.stdout.flush()
    sys.stderr.write(json.dumps(decoder.ledger.as_summary()) + "\n")


@app.command("replay", epilog="Example: yunjian ais replay port.nmea")
@guarded
def replay_command(
    file: Annotated[Path, typer.Argument(help="NMEA log, also .gz")],
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Replay a log into the live picture; the ranking and the map then show it."""
    with opened() as services:
        settings = services.settings
        with reading_bar(settings, file) as progress:
            result = replay(services, file, progress)
        ships = len(result.picture.ships())
        times = catalogue.text(f"targets.time.{result.time_source}", settings.language)
        say(
            settings,
            "ais.cli.replay_done",
            source=result.source,
            sentences=result.ledger.sentences,
            messages=result.ledger.messages,
            rejected=result.ledger.rejected_sentences,
            ships=ships,
            stations=len(result.picture),
            times=times,
        )
        if as_json:
            data = {"ledger": result.ledger.as_summary(), "ships": ships, "time_source": result.time_source}
            print_json("yunjian.ais.replay/1", data, [times] if result.time_source == "order" else [])


@app.command("import", epilog="Example: yunjian ais import 2026-11-23.nmea.gz")
@guarded
def import_command(
    files: Annotated[list[Path], typer.Argument(help="CSV of ships, past inspections or lists; or NMEA logs, also .gz.")],
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Import register files (.csv) or archives of AIS logs (anything else). Importing again changes nothing."""
    registers = [file for file in files if file.suffix.lower() == ".csv"]
    for file in registers:
        _import_register(file, as_json=as_json)
    logs = [file for file in files if file not in registers]
    if logs:
        with opened() as services:
            ais_live.import_archives(services, logs, as_json=as_json)


def _import_register(file: Path, *, as_json: bool) -> None:
    """Good rows are loaded, bad cells and rows are named."""
    with opened() as services:
        result = import_register(services, file)
        settings = services.settings
        say(
            settings,
            "ais.cli.import_done",
            file=result.file,
            layout=result.layout,
            rows=result.rows,
            used=result.rows_used,
            added=result.changes.added,
            changed=result.changes.changed,
            unchanged=result.changes.unchanged,
        )
        warnings = _issue_lines(settings, result)
        if as_json:
            data = {
                "file": result.file, "layout": result.layout, "rows": result.rows, "rows_used": result.rows_used,
                "added": result.changes.added, "changed": result.changes.changed, "unchanged": result.changes.unchanged,
                "issues": [{"row": one.row, "column": one.column, "value": one.value, "code": one.code} for one in result.issues],
            }  # fmt: skip
            print_json("yunjian.ais.import/1", data, warnings)
        else:
            sys.stderr.writelines(f"{line}\n" for line in warnings)


def _issue_lines(settings: Settings, result: ImportResult) -> list[str]:
    lang = settings.language
    lines = [
        catalogue.text(
            "ais.cli.import_issue",
            lang,
            row=one.row,
            column=one.column,
            problem=catalogue.text(f"ais.cli.issue.{one.code}", lang, value=one.value),
        )
        for one in result.issues[:_MAX_ISSUES]
    ]
    more = len(result.issues) - len(lines)
    return [*lines, catalogue.text("ais.cli.issues_more", lang, count=more)] if more > 0 else lines


@app.command(epilog="Example: yunjian ais scenario var/scenario --seed 1")
@guarded
def scenario(
    directory: Annotated[Path, typer.Argument(help="Where to write the log and the register files.")],
    seed: Annotated[int, typer.Option(help="Equal seeds give equal files.")] = 1,
    start: Annotated[str, typer.Option(help="Time of the first message, RFC 3339; default now.")] = "",
) -> None:
    """Write the simulated port: a log of real sentences about ships that do not exist, and their register."""
    settings = load_settings()
    try:
        at = parse_rfc3339(start) if start else SystemClock().now()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--start") from error
    made = write_scenario(directory, seed, at, settings.ais.rule_pack)
    say(settings, "ais.cli.scenario_done", directory=str(directory))
    sys.stdout.writelines(f"{path}\n" for path in (made.nmea, *made.register_files))
