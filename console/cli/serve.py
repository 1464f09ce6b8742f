"""Owns ``yunjian serve``: the console of this installation.

Never serves an open address without TLS; `console.serve` refuses.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from config import load_settings
from console.serve import run_server, tls_files
from console.services import open_services
from console.wiring import Area
from core import catalogue, logs, processes

app = typer.Typer(invoke_without_command=True, add_completion=False)


Host = Annotated[str | None, typer.Option(help="Address to listen on; default: web.host")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 lets the system choose; default: web.port")]
Tls = Annotated[bool, typer.Option("--tls", help="Serve https with the settings' certificate or that of yunjian tls init.")]


@app.callback(epilog="Example: yunjian serve --port 8443 --tls")
def serve(host: Host = None, port: Port = None, tls: Tls = False) -> None:  # noqa: FBT002 - a command-line flag
    """Serve the console until Ctrl-C. The address it listens on is the one line on stdout."""
    serve_area(host, port, tls=tls)


def serve_area(host: str | None, port: int | None, *, tls: bool, area: Area = Area.ALL, page: str = "") -> None:
    """Serve until Ctrl-C what `area` names; `page` is where a person begins."""
    settings = load_settings()
    logs.set_up()
    processes.few_arenas()
    address, number = host or settings.web.host, settings.web.port if port is None else port

    def ready(url: str) -> None:
        sys.stdout.write(url + "\n")
        sys.stdout.flush()
        sys.stderr.write(catalogue.text("cli.serving", settings.language, url=url + page) + "\n")

    with open_services(settings) as services:
        files = tls_files(services) if tls or settings.web.tls_certificate else None
        run_server(services, address, number, tls=files, on_ready=ready, area=area)
