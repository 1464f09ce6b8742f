"""Owns ``yunjian ais``: decode a log, replay it into the live picture, import register files, write the simulated scenario.

Never holds a rule: it calls `ais` and prints.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ais import BatchDecoder, file_chunks, import_register, replay, write_scenario
from config import load_settings
from console.cli import ais_cameras, ais_live
from console.cli.common import AsJson, guarded, opened, print_json, reading_bar, say
from console.cli.register import print_import
from core import catalogue
from core.clock import SystemClock, parse_rfc3339

app = typer.Typer(help="AIS and ship register. Example: yunjian ais decode log.nmea --jsonl", no_args_is_help=True)
ais_live.register(app)
ais_cameras.register(app)

Jsonl = Annotated[bool, typer.Option("--jsonl", help="Write each message as one JSON line; without it only the count.")]
_TABLES = frozenset((".csv", ".xlsx"))


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
    files: Annotated[
        list[Path], typer.Argument(help="CSV or XLSX of ships, past inspections or lists; or NMEA logs, also .gz.")
    ],
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Import register files (.csv, .xlsx) or archives of AIS logs (anything else). Importing again changes nothing."""
    registers = [file for file in files if file.suffix.lower() in _TABLES]
    logs = [file for file in files if file not in registers]
    with opened() as services:
        for file in registers:
            print_import(services.settings, import_register(services, file), as_json=as_json)
        if logs:
            ais_live.import_archives(services, logs, as_json=as_json)


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
