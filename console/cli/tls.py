"""Owns ``yunjian tls``: makes this installation's own authority and server certificate.

Never replaces a key that is there.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from config import load_settings
from console.tls import TlsFiles, fingerprint, init, own_names
from core import catalogue
from core.clock import SystemClock

app = typer.Typer(help="TLS certificates. Example: yunjian tls init --name console.port.example", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``init`` a command of its own."""


@app.command("init", epilog="Example: yunjian tls init --name console.port.example --name 192.0.2.10")
def make(
    name: Annotated[
        list[str] | None, typer.Option("--name", help="A host name or address people will type; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object {schema, data, warnings}.")] = False,  # noqa: FBT002
) -> None:
    """Make a local authority and a server certificate in <data_dir>/tls; existing files are kept."""
    settings = load_settings()
    folder = settings.data_dir / "tls"
    made = init(folder, list(dict.fromkeys([*(name or []), *own_names()])), SystemClock().now())
    files = TlsFiles.in_folder(folder)
    print_hash = fingerprint(files.authority)
    if as_json:
        data = {"made": made, "authority": str(files.authority), "sha256": print_hash, "certificate": str(files.certificate)}
        sys.stdout.write(json.dumps({"schema": "yunjian.tls/1", "data": data, "warnings": []}) + "\n")
        return
    said = "cli.tls_made" if made else "cli.tls_kept"
    sys.stdout.write(catalogue.text(said, settings.language, folder=folder) + "\n")
    sys.stdout.write(catalogue.text("cli.tls_trust", settings.language, fingerprint=print_hash, path=files.authority) + "\n")
