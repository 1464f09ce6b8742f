"""Owns what every command line area does alike: errors in words with their exit code, one JSON object, one line for a person.

Never prints a result of its own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from config import ConfigError, Settings, load_settings
from core import catalogue
from core.errors import YunJianError

if TYPE_CHECKING:
    from core.context import Services

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object {schema, data, warnings}.")]


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn an error into its sentence and next step on stderr, and its exit code; a reader that went away is no error."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except ConfigError as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(2) from error
        except YunJianError as error:
            words = catalogue.error_text(error, load_settings().language)
            sys.stderr.write(f"[{error.code}] {words.title}\n{words.next}\n")
            raise typer.Exit(error.exit_status) from error
        except BrokenPipeError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error

    return run


@contextmanager
def opened() -> Iterator[Services]:
    """Services of the configured installation."""
    from console.services import open_services  # noqa: PLC0415 - the database's libraries take half a second; many commands need none

    with open_services(load_settings()) as services:
        yield services


@contextmanager
def reading_bar(settings: Settings, path: Path) -> Iterator[Callable[[int], None]]:
    """A bar on stderr; what it yields takes the bytes read so far."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        total = path.stat().st_size if path.is_file() else None
        task = progress.add_task(catalogue.text("ais.cli.reading", settings.language), total=total)
        yield lambda done: progress.update(task, completed=done)


def say(settings: Settings, key: str, **params: object) -> None:
    """One line for a person, on stderr."""
    sys.stderr.write(catalogue.text(key, settings.language, **params) + "\n")


def print_json(schema: str, data: object, warnings: list[str] | None = None) -> None:
    """The result, on stdout."""
    document = {"schema": schema, "data": data, "warnings": warnings or []}
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
