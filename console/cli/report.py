"""Owns ``yunjian report``: build the signed bundle of a case, show what was issued.

Never holds a rule of the domain: `reports` decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from config import load_settings
from console.services import open_services
from core.catalogue import text
from core.clock import rfc3339
from core.context import Services
from reports import Person, Pkcs12Signer, Signers, build, bundles_of, demo_ca_path, demo_signers
from reports.keys import DEMO_MARK

app = typer.Typer(help="Signed report bundles. Example: yunjian report show CASE_ID", no_args_is_help=True)
_stderr = Console(stderr=True)


@contextmanager
def opened(context: typer.Context) -> Iterator[Services]:
    """The services of the command line: handed in by the caller, else opened from the settings and closed again."""
    if isinstance(context.obj, Services):
        yield context.obj
        return
    with open_services(load_settings()) as services:
        yield services


@app.command("build")
def build_command(
    context: typer.Context,
    case_id: Annotated[str, typer.Argument(help="id of an approved inspection")],
    inspector: Annotated[str, typer.Option(help="user id of the signing inspector")],
    supervisor: Annotated[str, typer.Option(help="user id of the signing supervisor, a different person")],
    inspector_key: Annotated[
        Path | None, typer.Option(help="stem of the inspector's keys: STEM.manifest.p12, STEM.pdf.p12")
    ] = None,
    supervisor_key: Annotated[Path | None, typer.Option(help="stem of the supervisor's keys")] = None,
    *,
    demo_keys: Annotated[bool, typer.Option(help="sign with demonstration keys (DEMO - NOT VALID)")] = False,
    ais_lines: Annotated[Path | None, typer.Option(help="file with the AIS lines used, kept in the bundle")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Set, sign and write the bundle. Passphrases are asked for at each signature.

    Example: yunjian report build 0198c0de-0000-7000-8000-000000000001 --inspector user-1 --supervisor user-2 --demo-keys
    """
    with opened(context) as services:
        people = Person(inspector, inspector), Person(supervisor, supervisor)
        if demo_keys:
            signers = demo_signers(services.settings, services.clock, *people)
        elif inspector_key is None or supervisor_key is None:
            raise typer.BadParameter("give --inspector-key and --supervisor-key, or --demo-keys")
        else:
            signers = Signers(_signer("inspector", people[0], inspector_key), _signer("supervisor", people[1], supervisor_key))
        with _stderr.status("") as status:
            made = build(services, case_id, signers, ais_lines=ais_lines, progress=status.update)
        lang = services.settings.language
        data = {"path": str(made.path), "zip_path": str(made.zip_path), "pages": made.pages, "sha256": made.sha256,
                "seconds": round(made.seconds, 3), "made": made.made}  # fmt: skip
        if as_json:
            warnings = [DEMO_MARK] if demo_keys else []
            typer.echo(json.dumps({"schema": "yunjian.report_build/1", "data": data, "warnings": warnings}, ensure_ascii=False))
            return
        typer.echo(text("reports.cli.built" if made.made else "reports.cli.existing", lang, path=made.path))
        if demo_keys:
            typer.echo(DEMO_MARK)
            typer.echo(text("reports.cli.verify_hint", lang, path=made.path, ca=demo_ca_path(services.settings)))


@app.command("show")
def show_command(
    context: typer.Context,
    case_id: Annotated[str, typer.Argument(help="id of an inspection")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """List the bundles issued for a case; exit 1 if there is none.

    Example: yunjian report show 0198c0de-0000-7000-8000-000000000001 --json
    """
    with opened(context) as services:
        rows = bundles_of(services, case_id)
        items = [
            {"edition": row.edition, "number": row.number, "path": row.path, "zip_path": row.zip_path, "sha256": row.sha256,
             "pages": row.pages, "signers": row.signers, "created_at": rfc3339(row.created_at)}
            for row in rows
        ]  # fmt: skip
        if as_json:
            typer.echo(
                json.dumps({"schema": "yunjian.report_list/1", "data": {"items": items}, "warnings": []}, ensure_ascii=False)
            )
        for row in [] if as_json else rows:
            typer.echo(f"{row.number}  {rfc3339(row.created_at)}  {row.sha256}  {row.path}")
        if not rows:
            _stderr.print(text("error.reports.no_bundle", services.settings.language, case_id=case_id), markup=False)
            raise typer.Exit(1)


def _signer(role: str, person: Person, stem: Path) -> Pkcs12Signer:
    def ask() -> bytes:
        return str(typer.prompt(f"{role} {person.user_id}", hide_input=True, err=True)).encode()

    manifest, pdf = stem.with_name(f"{stem.name}.manifest.p12"), stem.with_name(f"{stem.name}.pdf.p12")
    return Pkcs12Signer("inspector" if role == "inspector" else "supervisor", person, manifest, pdf, ask)
