"""Owns ``yunjian verify``: the stand-alone verifier of `reports.verify` as a command. Needs no settings and no database.

Never checks anything itself: what runs here is the file that lies in every bundle.
"""

from __future__ import annotations

from typing import Annotated

import typer

from reports import verify

app = typer.Typer(help="Check a report bundle offline. Example: yunjian verify BAG --trust CA.pem")


@app.command()
def verify_command(
    bag: Annotated[str, typer.Argument(help="folder or .zip of a bundle")],
    trust: Annotated[str | None, typer.Option(help="the authority's certificate (PEM file) or its SHA-256")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Exit 0 INTACT and TRUSTED, 3 INTACT but SIGNER UNKNOWN, 1 altered or not trusted, 2 usage.

    Example: yunjian verify var/bundles/YJ-20261124-0001.bag --trust var/keys/demo-ca.pem
    """
    arguments = [bag, *(["--trust", trust] if trust else []), *(["--json"] if as_json else [])]
    raise typer.Exit(verify.main(arguments))
