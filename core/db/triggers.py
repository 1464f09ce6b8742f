"""Owns the SQL that makes the journal, and any table that asks for it, append-only in the database itself: SQLite and PostgreSQL.

Never applied by itself: the Alembic revision that makes ``core_journal`` runs it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

_REFUSAL = "the journal is append-only"

# SQLite's REPLACE deletes without firing delete triggers (unless recursive_triggers is on), hence the guard on INSERT.
_SQLITE = (
    f"""CREATE TRIGGER IF NOT EXISTS core_journal_no_update BEFORE UPDATE ON core_journal
BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    f"""CREATE TRIGGER IF NOT EXISTS core_journal_no_delete BEFORE DELETE ON core_journal
BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    """CREATE TRIGGER IF NOT EXISTS core_journal_no_replace BEFORE INSERT ON core_journal
WHEN EXISTS (SELECT 1 FROM core_journal WHERE id = NEW.id OR (stream = NEW.stream AND seq = NEW.seq))
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
)

_POSTGRESQL = (
    f"""CREATE OR REPLACE FUNCTION core_journal_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$""",
    "DROP TRIGGER IF EXISTS core_journal_no_change ON core_journal",
    """CREATE TRIGGER core_journal_no_change BEFORE UPDATE OR DELETE ON core_journal
FOR EACH ROW EXECUTE FUNCTION core_journal_refuse()""",
    "DROP TRIGGER IF EXISTS core_journal_no_truncate ON core_journal",
    """CREATE TRIGGER core_journal_no_truncate BEFORE TRUNCATE ON core_journal
FOR EACH STATEMENT EXECUTE FUNCTION core_journal_refuse()""",
)

JOURNAL_TRIGGERS: Mapping[str, tuple[str, ...]] = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
"""Statements by SQLAlchemy dialect name, to be run in order; running them again changes nothing."""


def append_only(table: str, dialect: str) -> tuple[str, ...]:
    """Statements that refuse UPDATE and DELETE on a table of ours; its rows are only ever added."""
    refusal = f"{table} is append-only"
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
            for change in ("UPDATE", "DELETE")
        )
    return (
        f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuse()",
    )


def install_journal_triggers(connection: Connection) -> None:
    """Run the statements for this connection's dialect."""
    for statement in JOURNAL_TRIGGERS[connection.dialect.name]:
        connection.execute(text(statement))
