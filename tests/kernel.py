"""Help for tests that need the kernel's tables: services on a database that has them, with the journal's triggers."""

from __future__ import annotations

import core.accounts
import core.codes
import core.evidence
import core.jobs
import core.messages
import core.store  # noqa: F401 - these modules own tables
from config import Settings
from core.clock import Clock
from core.context import Services
from core.db import Base, Database
from core.db.triggers import install_journal_triggers
from core.files import FileStore


def make_tables(db: Database) -> None:
    """All tables known in this process, and the triggers; changes nothing where a revision made them."""
    Base.metadata.create_all(db.engine)
    with db.engine.begin() as connection:
        install_journal_triggers(connection)


def make_services(settings: Settings, clock: Clock) -> Services:
    """Services of their own, e.g. a second process on the same data directory."""
    db = Database(settings.data_dir, settings.database.url)
    make_tables(db)
    return Services(settings, db, FileStore(settings.data_dir / "files"), clock)
