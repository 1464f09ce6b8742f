"""Owns looking at a whole database from outside: row counts, journal heads, and whether a SQLite file is one of ours.

Never changes a row.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from core.db.triggers import JOURNAL_TRIGGERS, append_only
from core.errors import Altered


def row_counts(connection: Connection) -> dict[str, int]:
    """Rows of every table (of the default schema), by name."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    names = sorted(inspect(connection).get_table_names())
    return {name: int(connection.execute(text(f"SELECT count(*) FROM {quote(name)}")).scalar_one()) for name in names}  # noqa: S608 - quoted


def export_snapshot(session: Session) -> str:
    """Fix what a fresh PostgreSQL session sees and name it, for ``pg_dump --snapshot``; valid while the session lives."""
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    return str(session.execute(text("SELECT pg_export_snapshot()")).scalar_one())


def sqlite_snapshot(source: Path, target: Path) -> None:
    """A consistent copy of a live SQLite file, by its backup API; the copy is one file, without WAL."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def require_own_sqlite(path: Path) -> None:
    """Check a SQLite file that came from outside before anything runs in it.

    Raises:
        Altered ``backup.foreign_schema``: it is damaged, or has a view, a virtual table or a trigger that we never make.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            found = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
            foreign = next((name for kind, name, sql in found if not _is_ours(kind, sql)), None)
            if foreign is not None:
                raise Altered("backup.foreign_schema", name=path.name, reason=foreign)
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise Altered("backup.foreign_schema", name=path.name, reason=type(error).__name__) from error
    if verdict != "ok":
        raise Altered("backup.foreign_schema", name=path.name, reason=str(verdict).splitlines()[0])


def _is_ours(kind: str, sql: str) -> bool:
    if kind == "trigger":
        named = re.match(r"CREATE TRIGGER (\w+)_no_(?:update|delete) ", _plain(sql))
        known = (*JOURNAL_TRIGGERS["sqlite"], *(append_only(named[1], "sqlite") if named else ()))
        return _plain(sql) in {_plain(statement) for statement in known}
    return kind in ("table", "index") and "VIRTUAL" not in sql.upper().split("(")[0]


def _plain(sql: str) -> str:
    return re.sub(r"\s+", " ", sql.replace("IF NOT EXISTS ", "")).strip()
