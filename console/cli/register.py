"""Owns ``yunjian register``: import a file, write an empty template, list the layouts, show what is held of a ship.

Never holds a rule: it calls `ais` and prints.
"""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ais import ImportResult, import_register
from ais.layouts import layout_path, layouts
from ais.register import template_rows
from ais.register_service import layout_of, ship_values
from config import Settings, load_settings, pack_path
from console.cli.common import AsJson, guarded, opened, print_json, say
from core import catalogue
from core.ids import Imo

app = typer.Typer(help="Ship register. Example: yunjian register template ship_survey > survey.csv", no_args_is_help=True)


_MAX_ISSUES = 20


@app.command("import", epilog="Example: yunjian register import export.csv --layout our_export.toml --as-of 2026-11-20")
@guarded
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX; its headers tell the layout.")],
    layout: Annotated[
        str | None, typer.Option(help="Name of a layout, or your own layout file (.toml); see: yunjian register layout example")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the data, where neither file nor layout has it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and do nothing.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Import a register file. Good rows are loaded, bad cells and rows are named; importing again changes nothing."""
    with opened() as services:
        day = None if as_of is None else as_of.date()
        if dry_run:
            say(services.settings, "ais.cli.import_dry")
        print_import(services.settings, import_register(services, file, layout, as_of=day, write=not dry_run), as_json=as_json)


def print_import(settings: Settings, result: ImportResult, *, as_json: bool) -> None:
    """What a register file gave, and what was wrong by row and column."""
    done = result.changes
    say(
        settings, "ais.cli.import_done", file=result.file, layout=result.layout, rows=result.rows, used=result.rows_used,
        added=done.added, changed=done.changed, unchanged=done.unchanged,
    )  # fmt: skip
    lang = settings.language
    lines = [
        catalogue.text(
            "ais.cli.import_issue", lang, row=one.row, column=one.column,
            problem=catalogue.text(f"ais.cli.issue.{one.code}", lang, value=one.value),
        )
        for one in result.issues[:_MAX_ISSUES]
    ]  # fmt: skip
    if len(result.issues) > _MAX_ISSUES:
        lines.append(catalogue.text("ais.cli.issues_more", lang, count=len(result.issues) - _MAX_ISSUES))
    if not as_json:
        sys.stderr.writelines(f"{line}\n" for line in lines)
        return
    data = {
        "file": result.file, "layout": result.layout, "rows": result.rows, "rows_used": result.rows_used,
        "added": done.added, "changed": done.changed, "unchanged": done.unchanged,
        "issues": [{"row": one.row, "column": one.column, "value": one.value, "code": one.code} for one in result.issues],
    }  # fmt: skip
    print_json("yunjian.ais.import/1", data, lines)


@app.command(epilog="Example: yunjian register template rest_hours --out rest.xlsx")
@guarded
def template(
    name: Annotated[str, typer.Argument(help="Name of a layout (see: yunjian register layouts), or a layout file.")],
    out: Annotated[Path | None, typer.Option(help="File ending in .csv or .xlsx; without it CSV on stdout.")] = None,
) -> None:
    """Write an empty file of a layout, with headers in the language of the settings."""
    headers = template_rows(layout_of(name), load_settings().language)
    if out is None:
        csv.writer(sys.stdout).writerow(headers)
    elif out.suffix.lower() == ".xlsx":
        from openpyxl import Workbook  # noqa: PLC0415 - half a second at every start of any command

        book = Workbook()
        book.worksheets[0].append(headers)
        book.save(out)
    else:
        out.write_text(",".join(headers) + "\n", encoding="utf-8-sig")


@app.command("layout", epilog="Example: yunjian register layout ship_registration > our_export.toml")
@guarded
def layout_command(
    name: Annotated[str, typer.Argument(help="Name of a layout; 'example' is one with every option explained.")] = "example",
) -> None:
    """Print a layout file, to copy and adapt to the columns of your own export; then import with --layout FILE."""
    found = pack_path("register", "examples", "authority_export.toml") if name == "example" else layout_path(name)
    sys.stdout.write(found.read_text(encoding="utf-8"))


@app.command("layouts", epilog="Example: yunjian register layouts --json")
@guarded
def layouts_command(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the layouts that can be imported."""
    lang = load_settings().language
    rows = sorted((one.id, one.label_zh if lang == "zh" else one.label_en) for one in layouts())
    if as_json:
        print_json("yunjian.register.layouts/1", {"items": [{"id": name, "label": label} for name, label in rows]}, [])
        return
    sys.stdout.writelines(f"{name}: {label}\n" for name, label in rows)


@app.command(epilog="Example: yunjian register show 9074729")
@guarded
def show(
    imo: Annotated[str, typer.Argument(help="IMO number")],
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Every value that is held of a ship, from every source; what another source says instead stands beside it."""
    with opened() as services:
        values = ship_values(services, Imo.parse(imo).value)
        items = [
            {"field": one.field, "value": one.value, "source": one.source, "as_of": one.as_of.isoformat(), "licence": one.licence,
             "counts": counts}
            for one, counts in values
        ]  # fmt: skip
        if as_json:
            print_json("yunjian.register.ship/1", {"imo": imo, "items": items}, [])
            return
        for one, counts in values:
            key = "ais.cli.value" if counts else "ais.cli.value_other"
            say(services.settings, key, field=one.field, value=one.value, source=one.source, as_of=one.as_of.isoformat())
