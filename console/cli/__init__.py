"""Owns the command line's front door: finds the area, imports only that one, and turns errors into words and exit codes.

Never holds a command of its own; those are in the area files.

Exit codes (contracts.md): 0 ok, 1 negative result, 2 usage, 3 undecided, 4 unfinished and resumable, 5 environment.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.main import get_command

from config import ConfigError, load_settings
from core import catalogue
from core.catalogue import Lang
from core.errors import EnvironmentFault, InputError, YunJianError

USAGE, UNFINISHED = 2, 4
_INTERRUPTED_BY_TYPER = 128 + signal.SIGINT
ERROR_SCHEMA = "yunjian.error/1"


@dataclass(frozen=True, slots=True)
class Area:
    """A word after ``yunjian``: the module that has it, and the name of its app or function there."""

    module: str
    attribute: str = "app"


AREAS: dict[str, Area] = {
    "run": Area("console.cli.run", "run"),
    "serve": Area("console.cli.serve"),
    "ais": Area("console.cli.ais"),
    "register": Area("console.cli.register"),
    "targets": Area("console.cli.targets"),
    "survey": Area("console.cli.survey"),
    "hull": Area("console.cli.hull"),
    "report": Area("console.cli.report"),
    "verify": Area("console.cli.verify"),
    "companion": Area("console.cli.companion"),
    "config": Area("console.cli.config"),
    "db": Area("console.cli.db"),
    "backup": Area("console.cli.db", "backup"),
    "restore": Area("console.cli.db", "restore"),
    "tls": Area("console.cli.tls"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line; always ends in SystemExit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in given if not word.startswith("-")), None)
    try:
        if name in AREAS and given[0] == name:
            _command(name)(args=given[1:], prog_name=f"yunjian {name}")
        else:
            _front()(args=given, prog_name="yunjian")
    except SystemExit as end:
        if end.code == _INTERRUPTED_BY_TYPER:
            _interrupted()
        raise
    except KeyboardInterrupt:
        _interrupted()
    except ConfigError as error:
        _fail(InputError("console.config", reason=str(error)), given)
    except YunJianError as error:
        _fail(error, given)
    raise SystemExit(0)


def _command(name: str) -> Callable[..., Any]:
    """The area's command, imported now; its app may be a Typer, or a plain function.

    Raises:
        EnvironmentFault: the area is not in this installation.
    """
    area = AREAS[name]
    try:
        module = import_module(area.module)
    except ModuleNotFoundError as error:
        raise EnvironmentFault("console.area_missing", area=name, reason=str(error)) from error
    found = getattr(module, area.attribute, None)
    if found is None:
        raise EnvironmentFault("console.area_missing", area=name, reason=f"{area.module}.{area.attribute}")
    if isinstance(found, typer.Typer):
        return get_command(found)
    # The same function may also be a command of the module's app; its example is taken from there.
    listed = module.app.registered_commands if hasattr(module, "app") else []
    epilog = next((info.epilog for info in listed if info.callback is found), None)
    alone = typer.Typer(add_completion=False)
    alone.command(help=found.__doc__, epilog=epilog)(found)
    return get_command(alone)


def _front() -> Callable[..., Any]:
    """The list of areas for ``yunjian --help``, without importing any of them."""
    lang = _lang()
    app = typer.Typer(
        name="yunjian",
        help=catalogue.text("cli.about", lang),
        epilog=catalogue.text("cli.example", lang),
        no_args_is_help=True,
        add_completion=False,
    )
    for name in AREAS:
        app.command(name, help=catalogue.text(f"cli.area.{name}", lang))(_never)
    return get_command(app)


def _never() -> None:
    """Only stands in the list; `main` runs the real command before this one is reached."""


def _lang() -> Lang:
    try:
        return load_settings().language
    except ConfigError:
        return "en"


def _fail(error: YunJianError, given: Sequence[str]) -> None:
    """Say what happened and what to do next: words on stderr, and with ``--json`` the same as one object on stdout."""
    words = {lang: catalogue.error_text(error, lang) for lang in catalogue.LANGS}
    lang = _lang()
    if "--json" in given:
        data = {"code": error.code}
        for one, text in words.items():
            data |= {f"title_{one}": text.title, f"next_{one}": text.next}
        sys.stdout.write(json.dumps({"schema": ERROR_SCHEMA, "data": data, "warnings": []}, ensure_ascii=False) + "\n")
    said = (
        words[lang].title,
        catalogue.text("cli.next", lang, next=words[lang].next),
        catalogue.text("cli.code", lang, code=error.code),
    )
    sys.stderr.write("\n".join(said) + "\n")
    raise SystemExit(error.exit_status) from error


def _interrupted() -> None:
    sys.stderr.write(catalogue.text("cli.interrupted", _lang()) + "\n")
    sys.stderr.flush()
    raise SystemExit(UNFINISHED)
