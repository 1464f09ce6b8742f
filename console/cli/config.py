"""Owns ``yunjian config``: shows each setting with its source.

Never changes a setting: sites do that in their own file.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from config import ConfigError, Settings, load_settings
from core import catalogue

app = typer.Typer(help="Settings. Example: yunjian config show", no_args_is_help=True)

_HIDDEN = "********"


@app.callback()
def _group() -> None:
    """Keeps ``show`` a command of its own."""


@app.command(epilog="Example: YUNJIAN_WEB__PORT=8443 yunjian config show web")
def show(
    section: Annotated[str, typer.Argument(help="Only settings whose name begins like this, e.g. web")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object {schema, data, warnings}.")] = False,  # noqa: FBT002
) -> None:
    """Print each setting, its value and where the value came from. Passwords in URLs are hidden."""
    try:
        settings = load_settings()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from error
    rows = [row for row in rows_of(settings) if row[0].startswith(section)]
    if not rows:
        sys.stderr.write(catalogue.text("config.no_such_section", settings.language, section=section) + "\n")
        raise typer.Exit(2)
    if as_json:
        data = [{"name": name, "value": value, "source": source} for name, value, source in rows]
        sys.stdout.write(json.dumps({"schema": "yunjian.config/1", "data": data, "warnings": []}, ensure_ascii=False) + "\n")
        return
    width = max(len(name) for name, _value, _source in rows)
    for name, value, source in rows:
        sys.stdout.write(f"{name:<{width}} = {json.dumps(value, ensure_ascii=False)}  # {source}\n")


def rows_of(settings: Settings) -> list[tuple[str, Any, str]]:
    """(dotted name, JSON value, source) of every setting, in the order of the tree."""
    rows: list[tuple[str, Any, str]] = []
    for name, value in settings.model_dump(mode="json").items():
        leaves = {f"{name}.{leaf}": inner for leaf, inner in value.items()} if isinstance(value, dict) else {name: value}
        rows += [(leaf, _without_password(inner), settings.source_of.get(leaf, "defaults")) for leaf, inner in leaves.items()]
    return rows


def _without_password(value: Any) -> Any:
    """``scheme://user:password@host`` -> the same with the password hidden."""
    if not isinstance(value, str) or "://" not in value or "@" not in value:
        return value
    scheme, _, rest = value.partition("://")
    login, _, place = rest.rpartition("@")
    user, colon, _password = login.partition(":")
    return f"{scheme}://{user}:{_HIDDEN}@{place}" if colon else value
