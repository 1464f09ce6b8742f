"""Owns ``yunjian companion``: the reforms service alone, its procedures, its sweep.

Never decides a case file; `companion.service` does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from companion import obligations, push
from companion.definition import load_procedures, procedures
from config import load_settings
from console.cli.common import AsJson, guarded, opened, print_json, say
from console.cli.serve import Host, Port, Tls, serve_area
from console.wiring import Area

app = typer.Typer(no_args_is_help=True, add_completion=False, epilog="Example: yunjian companion procedures")

SCHEMA = "yunjian.procedures/1"


@app.command(epilog="Example: yunjian companion serve --port 8100")
def serve(host: Host = None, port: Port = None, tls: Tls = False) -> None:  # noqa: FBT002 - a command-line flag
    """Serve the reforms service alone until Ctrl-C: items, applications, desks and public lists."""
    serve_area(host, port, tls=tls, area=Area.REFORMS, page="/reforms")


@app.command("procedures", epilog="Example: yunjian companion procedures --json")
@guarded
def list_procedures(as_json: AsJson = False) -> None:  # noqa: FBT002 - a command-line flag
    """List the procedures with their versions, in the order of the reform cases."""
    known = procedures()
    rows = sorted({(part.case, part.key, part.version, part.title.zh, part.title.en) for part in known.all()})
    if as_json:
        data = [
            {"case": case, "key": key, "version": version, "title_zh": zh, "title_en": en}
            for case, key, version, zh, en in rows
        ]
        print_json(SCHEMA, data)
        return
    zh = load_settings().language == "zh"
    for case, key, version, title_zh, title_en in rows:
        sys.stdout.write(f"{case:>2}  {key:32} {version:12} {title_zh if zh else title_en}\n")


@app.command(epilog="Example: yunjian companion check my_procedure.yaml")
@guarded
def check(files: Annotated[list[Path], typer.Argument(help="Procedure files to check against the engine.")]) -> None:
    """Check procedure files as they would be loaded; says the file and the place of the first error."""
    found = load_procedures(extra=files)
    say(load_settings(), "companion.checked", count=len(files), known=len(found.keys()))


@app.command(epilog="Example: yunjian companion sweep")
@guarded
def sweep() -> None:
    """Wake every obligation that is due and deliver what waits, once: what the service does each minute by itself."""
    with opened() as services:
        swept = obligations.sweep(services)
        sent = push.deliver_due(services)
    say(
        load_settings(),
        "companion.swept",
        woken=swept.woken,
        recounted=swept.recounted,
        acknowledged=sent.acknowledged,
        waiting=sent.waiting,
    )
