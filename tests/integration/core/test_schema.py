"""The Alembic revisions make exactly the tables that the folders' store files declare, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

import ais.camera_store
import ais.register_store
import ais.store
import companion.books_store
import companion.credit_store
import companion.practice_store
import companion.registers_store
import companion.store
import core.accounts
import core.codes
import core.evidence
import core.jobs
import core.messages
import core.store
import inspection.books_store
import inspection.hull.review_store
import inspection.store
import reports.store
import video.store
from core.db import Database, migrate
from core.db.migrate import alembic_config
from tests.peers import postgres_cluster, postgres_url

__all__ = ["postgres_cluster", "postgres_url"]

STORES = (
    ais.camera_store, ais.register_store, ais.store, companion.books_store, companion.credit_store, companion.practice_store,
    companion.registers_store, companion.store, core.accounts, core.codes, core.evidence, core.jobs, core.messages, core.store, inspection.books_store, inspection.hull.review_store, inspection.store, reports.store, video.store,
)  # fmt: skip


def test_revisions_and_models_agree(db):
    command.check(alembic_config(db))


def test_the_journal_cannot_be_changed(db):
    with db.write() as session:
        session.execute(
            text(
                "INSERT INTO core_journal (stream, seq, prev_hash, hash, at_utc, actor, action, payload)"
                " VALUES ('s', 1, '0', '1', '2026-01-01 00:00:00', 'a', 'b', '{}')"
            )
        )
    for statement in ("UPDATE core_journal SET actor = 'x'", "DELETE FROM core_journal"):
        with pytest.raises(DatabaseError, match="append-only"), db.write() as session:
            session.execute(text(statement))


@pytest.mark.peer
def test_revisions_and_models_agree_on_postgresql(postgres_url, tmp_path):
    database = Database(tmp_path, postgres_url)
    migrate(database)
    command.check(alembic_config(database))
    database.close()
