"""Owns restoring a backup into an empty data directory and checking that what is there now is what was backed up.

Never trusts the archive: see `core.archive`. A PostgreSQL dump is a program that PostgreSQL runs: restore only your own.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from config import Settings
from core import archive
from core.archive import Manifest, Member
from core.backup import DatabaseState, Progress, database_state, no_progress, run_postgres_tool, sqlite_session
from core.db import Database
from core.db.inspect import require_own_sqlite, row_counts
from core.errors import Altered, EnvironmentFault, InputError, Refused, StorageFull

_STAGING = ".restore-incomplete"
_RESTORED = ("files", "ais.db", "yunjian.db")  # moved in this order: the database last


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored and found equal. `broken` names journal streams that were already broken when backed up."""

    data_dir: Path
    made_at: str
    files: int
    total_bytes: int
    tables: int
    rows: int
    streams: int
    broken: tuple[str, ...]


def restore(settings: Settings, source: Path, progress: Progress = no_progress) -> RestoreReport:
    """Restore a backup. A restore that was killed may simply be run again.

    Every file's hash, the row count of every table, every journal chain and head are checked before the data directory counts.

    Raises:
        InputError ``backup.not_an_archive``: not a backup, cut short, or with members that are not plain files.
        InputError ``backup.wrong_database``: a PostgreSQL backup for a SQLite site, or the other way round.
        Refused ``backup.not_empty``: data directory or database hold something.
        Altered ``backup.altered``, ``backup.foreign_schema``, ``backup.unequal``: the content is not what was backed up.
        StorageFull, EnvironmentFault: as for `core.backup.backup`.
    """
    data_dir = settings.data_dir
    try:
        with source.open("rb") as stream:
            manifest = archive.read_manifest(stream)
            _require_fit(settings, manifest)
            _require_empty(data_dir)
            staging = data_dir / _STAGING
            staging.mkdir(parents=True)
            if shutil.disk_usage(data_dir).free < manifest.total_bytes:
                raise StorageFull("storage_full", name=source.name)
            _unpack(stream, manifest, staging, progress)
        state = _restored_state(settings, manifest, staging)
        _require_equal(manifest, state)
        _move_into_place(staging, data_dir)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("storage_full", name=source.name) from error
        raise EnvironmentFault("backup.cannot_read", path=source, reason=error.strerror or type(error).__name__) from error
    stored = sum(member.name.startswith("files/") for member in manifest.members)
    return RestoreReport(
        data_dir, manifest.made_at.isoformat(), stored, manifest.total_bytes, len(state.rows), sum(state.rows.values()),
        len(state.heads), state.broken,
    )  # fmt: skip


def _require_fit(settings: Settings, manifest: Manifest) -> None:
    wanted = "postgresql" if settings.database.url else "sqlite"
    names = {member.name for member in manifest.members}
    if manifest.database != wanted:
        raise InputError("backup.wrong_database", found=manifest.database, wanted=wanted)
    if ("db/postgresql.dump" if wanted == "postgresql" else "db/yunjian.db") not in names:
        raise InputError("backup.not_an_archive", reason="no database")


def _require_empty(data_dir: Path) -> None:
    """Nothing but the leavings of an earlier restore may be there; those are cleared."""
    if not data_dir.exists():
        return
    found = {path.name for path in data_dir.iterdir()}
    if _STAGING in found and found <= {_STAGING, *_RESTORED}:
        for name in found - {_STAGING}:
            _remove(data_dir / name)
        shutil.rmtree(data_dir / _STAGING)
    elif found:
        raise Refused("backup.not_empty", path=data_dir)


def _unpack(stream: BinaryIO, manifest: Manifest, staging: Path, progress: Progress) -> None:
    (staging / "files").mkdir()
    done = 0
    for member in manifest.members:
        _unpack_one(stream, member, staging / member.name.removeprefix("db/"))
        done += member.size
        progress(done, manifest.total_bytes)
    archive.require_end(stream)


def _unpack_one(stream: BinaryIO, member: Member, target: Path) -> None:
    """`target` is safe: the name has one of the fixed shapes of `archive.Member`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    mode = 0o440 if member.name.startswith("files/") else 0o600
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        for chunk in archive.open_member(stream, member):
            out.write(chunk)
            digest.update(chunk)
        out.flush()
        os.fsync(out.fileno())
    content_named = not member.name.startswith("files/") or target.name == member.sha256
    if digest.hexdigest() != member.sha256 or not content_named:
        raise Altered("backup.altered", name=member.name)


def _restored_state(settings: Settings, manifest: Manifest, staging: Path) -> DatabaseState:
    if manifest.database == "sqlite":
        for path in (staging / "yunjian.db", staging / "ais.db"):
            if path.is_file():
                require_own_sqlite(path)
        with sqlite_session(staging / "yunjian.db") as session:
            return database_state(session)
    database = Database(settings.data_dir, settings.database.url)
    try:
        with database.read() as session:
            if row_counts(session.connection()):
                raise Refused("backup.not_empty", path="PostgreSQL")
        dump = staging / "postgresql.dump"
        run_postgres_tool(
            settings.database.url, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
            str(dump),
        )  # fmt: skip
        dump.unlink()
        with database.read() as session:
            return database_state(session)
    finally:
        database.close()


def _require_equal(manifest: Manifest, state: DatabaseState) -> None:
    if state.rows != manifest.rows:
        names = sorted(name for name in {*state.rows, *manifest.rows} if state.rows.get(name) != manifest.rows.get(name))
        raise Altered("backup.unequal", what=f"rows of {names[0]}")
    if state.heads != manifest.heads or state.broken != manifest.broken:
        raise Altered("backup.unequal", what="journal")


def _move_into_place(staging: Path, data_dir: Path) -> None:
    for name in _RESTORED:
        if (staging / name).exists():
            (staging / name).replace(data_dir / name)
    shutil.rmtree(staging)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
