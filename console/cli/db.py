"""Owns ``yunjian db``: migrate, verify-journal, backup, restore. `backup` and `restore` are mounted at the top level too.

Never holds a rule: it reads settings, calls `core` and prints.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from config import ConfigError, Settings, load_settings
from core import catalogue
from core.backup import backup as make_backup
from core.backup import database_state
from core.catalogue import Lang
from core.clock import SystemClock
from core.context import Services
from core.db import Database
from core.db import migrate as upgrade
from core.errors import YunJianError
from core.files import FileStore
from core.restore import restore as put_back

app = typer.Typer(help="Database: schema, journal, backup. Example: yunjian db verify-journal", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object {schema, data, warnings}.")]
Target = Annotated[Path, typer.Argument(help="File to write, e.g. yunjian-2026-11-24.tar")]
Archive = Annotated[Path, typer.Argument(help="A file that yunjian backup wrote.")]


@app.command("migrate", epilog="Example: yunjian db migrate")
def migrate_command(as_json: AsJson = False) -> None:  # noqa: FBT002 - a command-line flag
    """Bring the database to the newest schema."""
    with _reporting():
        settings = _settings()
        database = Database(settings.data_dir, settings.database.url)
        try:
            upgrade(database)
        finally:
            database.close()
        place = "PostgreSQL" if settings.database.url else str(settings.data_dir)
        _print(as_json, "yunjian.db.migrate/1", {"database": place}, _say("db.migrated", place=place), [])


@app.command("verify-journal", epilog="Example: yunjian db verify-journal --json")
def verify_journal(as_json: AsJson = False) -> None:  # noqa: FBT002 - a command-line flag
    """Recompute every journal chain. Exit 0: whole; 1: broken, naming stream and entry."""
    with _reporting():
        services = _services()
        try:
            with services.db.read() as session:
                state = database_state(session)
        finally:
            services.db.close()
        entries = sum(head.seq for head in state.heads)
        data = {"streams": len(state.heads), "entries": entries, "broken": list(state.broken)}
        warnings = _broken(state.broken)
        _print(as_json, "yunjian.db.journal/1", data, _say("db.journal", streams=len(state.heads), entries=entries), warnings)
        if state.broken:
            raise typer.Exit(1)


@app.command("backup", epilog="Example: yunjian backup /mnt/safe/yunjian-2026-11-24.tar")
def backup(target: Target, as_json: AsJson = False) -> None:  # noqa: FBT002 - a command-line flag
    """Write databases, files and journal heads into one tar while the product runs. Private keys are not in it.

    Exit 1: written, but a journal stream is broken.
    """
    with _reporting():
        services = _services()
        try:
            with _bar(_say("db.backup_running")) as step:
                report = make_backup(services, target, step)
        finally:
            services.db.close()
        data = {
            "path": str(report.path), "sha256": report.sha256, "size": report.size, "files": report.files, "rows": report.rows,
            "streams": report.streams, "broken": list(report.broken),
        }  # fmt: skip
        text = _say("db.backed_up", path=report.path, files=report.files, rows=report.rows, sha256=report.sha256)
        keys = services.settings.data_dir / "keys"
        _print(as_json, "yunjian.backup-report/1", data, text, [_say("db.keys_apart", path=keys), *_broken(report.broken)])
        if report.broken:
            raise typer.Exit(1)


@app.command("restore", epilog="Example: YUNJIAN_DATA_DIR=/srv/yunjian yunjian restore yunjian-2026-11-24.tar")
def restore(archive: Archive, as_json: AsJson = False) -> None:  # noqa: FBT002 - a command-line flag
    """Restore a backup into the empty data directory of the settings and check every hash, row count and journal chain."""
    with _reporting():
        settings = _settings()
        with _bar(_say("db.restore_running")) as step:
            report = put_back(settings, archive, step)
        data = {
            "data_dir": str(report.data_dir), "made_at": report.made_at, "files": report.files, "bytes": report.total_bytes,
            "tables": report.tables, "rows": report.rows, "streams": report.streams, "broken": list(report.broken),
        }  # fmt: skip
        text = _say("db.restored", path=report.data_dir, files=report.files, rows=report.rows, streams=report.streams)
        _print(as_json, "yunjian.restore-report/1", data, text, _broken(report.broken))
        if report.broken:
            raise typer.Exit(1)


def _settings() -> Settings:
    return load_settings()


def _services() -> Services:
    settings = _settings()
    database = Database(settings.data_dir, settings.database.url, settings.database.busy_timeout_s)
    return Services(settings, database, FileStore(settings.data_dir / "files"), SystemClock())


def _language() -> Lang:
    try:
        return load_settings().language
    except ConfigError:
        return "en"


def _say(key: str, **params: object) -> str:
    return catalogue.text(key, _language(), **params)


def _broken(streams: tuple[str, ...]) -> list[str]:
    return [_say("db.broken", stream=stream) for stream in streams]


def _print(as_json: bool, schema: str, data: dict[str, object], text: str, warnings: list[str]) -> None:  # noqa: FBT001
    if as_json:
        sys.stdout.write(json.dumps({"schema": schema, "data": data, "warnings": warnings}, ensure_ascii=False) + "\n")
        return
    sys.stdout.write(text + "\n")
    for warning in warnings:
        sys.stderr.write(warning + "\n")


@contextmanager
def _bar(label: str) -> Iterator[_Bar]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress, label)


class _Bar:
    """Feeds `core.backup.Progress` into a rich bar on stderr."""

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=None)

    def __call__(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)


@contextmanager
def _reporting() -> Iterator[None]:
    """Turn our errors into a sentence, a next step and the exit status of contracts.md."""
    try:
        yield
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from error
    except YunJianError as error:
        said = catalogue.error_text(error, _language())
        sys.stderr.write(f"{said.title}\n{said.next}\n")
        raise typer.Exit(error.exit_status) from error
