"""Owns making a backup: one tar with the databases, the file store and the journal heads, from the running product.

Never holds private keys or settings: those are kept apart. Never holds ``jobs.db``: open jobs are rows of ``yunjian.db`` and
start again. Reading a backup is in `core.restore`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from sqlalchemy import create_engine, make_url
from sqlalchemy.orm import Session

from core import archive, journal
from core.archive import Head, Manifest, Member
from core.clock import Clock
from core.context import Services
from core.db.inspect import export_snapshot, row_counts, sqlite_snapshot
from core.errors import Altered, EnvironmentFault, InputError, StorageFull

Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was written. `broken` names journal streams that do not verify: the backup holds them as they are."""

    path: Path
    sha256: str
    size: int
    files: int
    rows: int
    streams: int
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a restored database is compared with."""

    heads: tuple[Head, ...]
    broken: tuple[str, ...]
    rows: dict[str, int]


def no_progress(_done: int, _total: int) -> None:
    """For callers who do not look."""


def backup(services: Services, target: Path, progress: Progress = no_progress) -> BackupReport:
    """Write a backup to `target` (mode 0600) while the product runs.

    Databases first, then files: a file is never deleted or changed, so each one that a row names is in the archive.

    Raises:
        InputError ``backup.target_exists``: there is something at `target`.
        EnvironmentFault ``backup.no_pg_dump``, ``backup.pg_failed``: PostgreSQL's own tools are missing or failed.
        StorageFull: no space; nothing is left behind.
        Altered ``file.altered``: a stored file does not match its name.
    """
    if target.exists():
        raise InputError("backup.target_exists", path=target)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            databases, state = _copy_databases(services, Path(folder))
            manifest, sources = _manifest(services, databases, state)
            sha256 = _write(draft, manifest, sources, progress)
        draft.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("storage_full", name=target.name) from error
        raise EnvironmentFault("backup.cannot_write", path=target, reason=error.strerror or type(error).__name__) from error
    finally:
        draft.unlink(missing_ok=True)
    stored = sum(member.name.startswith("files/") for member in manifest.members)
    rows = sum(state.rows.values())
    return BackupReport(target, sha256, target.stat().st_size, stored, rows, len(state.heads), state.broken)


def database_state(session: Session) -> DatabaseState:
    """Row counts, journal heads and streams that do not verify."""
    heads: list[Head] = []
    broken: list[str] = []
    for stream in journal.streams(session):
        chain = journal.entries(session, stream)
        heads.append(Head(stream=stream, seq=chain[-1].seq, hash=chain[-1].hash))
        try:
            journal.verify(chain)
        except Altered as error:
            broken.append(f"{stream} {error.params['seq']}")
    return DatabaseState(tuple(heads), tuple(broken), row_counts(session.connection()))


@contextmanager
def sqlite_session(path: Path) -> Iterator[Session]:
    """A session on a SQLite file that nobody else uses."""
    engine = create_engine(f"sqlite:///{path}")
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


def run_postgres_tool(url: str, name: str, *arguments: str) -> None:
    """Run ``pg_dump`` or ``pg_restore`` on a database; the password goes by environment, where ``ps`` does not show it.

    Raises:
        EnvironmentFault: the program is not installed, or failed.
    """
    program = shutil.which(name)
    if program is None:
        raise EnvironmentFault("backup.no_pg_dump", name=name)
    parsed = make_url(url)
    plain = parsed.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = {**os.environ, "PGPASSWORD": str(parsed.password)} if parsed.password else dict(os.environ)
    done = subprocess.run(
        [program, f"--dbname={plain}", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[-200:])
        raise EnvironmentFault("backup.pg_failed", name=name, reason=reason)


def _copy_databases(services: Services, folder: Path) -> tuple[list[tuple[str, Path]], DatabaseState]:
    if not services.db.is_sqlite:
        return _dump_postgres(services, folder)
    copies: list[tuple[str, Path]] = []
    for name in ("yunjian.db", "ais.db"):
        source = services.settings.data_dir / name
        if source.is_file():
            sqlite_snapshot(source, folder / name)
            copies.append((f"db/{name}", folder / name))
    with sqlite_session(folder / "yunjian.db") as session:
        return copies, database_state(session)


def _dump_postgres(services: Services, folder: Path) -> tuple[list[tuple[str, Path]], DatabaseState]:
    """Counts and dump see the same snapshot of the database."""
    dump = folder / "postgresql.dump"
    with services.db.read() as session:
        snapshot = export_snapshot(session)
        state = database_state(session)
        run_postgres_tool(
            services.db.url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--exclude-schema=dbos",
            f"--snapshot={snapshot}", f"--file={dump}",
        )  # fmt: skip
    return [("db/postgresql.dump", dump)], state


def _manifest(services: Services, databases: list[tuple[str, Path]], state: DatabaseState) -> tuple[Manifest, dict[str, Path]]:
    sources = dict(databases)
    members = [Member(name=name, sha256=_sha256(path), size=path.stat().st_size) for name, path in databases]
    for sha256 in sorted(services.files.hashes()):
        name = f"files/{sha256[:2]}/{sha256[2:4]}/{sha256}"
        sources[name] = services.files.path(sha256)
        members.append(Member(name=name, sha256=sha256, size=sources[name].stat().st_size))
    manifest = Manifest(
        schema=archive.SCHEMA, made_at=_now(services.clock), database="sqlite" if services.db.is_sqlite else "postgresql",
        members=tuple(members), heads=state.heads, broken=state.broken, rows=state.rows,
    )  # fmt: skip
    return manifest, sources


def _write(draft: Path, manifest: Manifest, sources: dict[str, Path], progress: Progress) -> str:
    total, written = manifest.total_bytes, 0
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        target = _Hashing(stream)
        data = manifest.model_dump_json(by_alias=True).encode()
        target.add((archive.header(archive.MANIFEST, len(data), manifest.made_at), data, archive.padding(len(data))))
        for member in manifest.members:
            target.add((archive.header(member.name, member.size, manifest.made_at),))
            digest, size = hashlib.sha256(), 0
            for chunk in _chunks(sources[member.name]):
                target.add((chunk,))
                digest.update(chunk)
                size += len(chunk)
            if size != member.size or digest.hexdigest() != member.sha256:
                raise Altered("file.altered", sha256=member.sha256)
            target.add((archive.padding(size),))
            written += size
            progress(written, total)
        target.add((archive.end_mark(),))
        stream.flush()
        os.fsync(stream.fileno())
    return target.digest.hexdigest()


class _Hashing:
    """Writes and hashes in one go."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def add(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            self._stream.write(chunk)
            self.digest.update(chunk)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(archive.CHUNK):
            yield chunk


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _now(clock: Clock) -> datetime:
    return clock.now().replace(microsecond=0)
