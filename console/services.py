"""Owns opening the services of one process: database at its newest schema, file store, wall clock.

Never starts anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config import Settings
from core.clock import SystemClock
from core.context import Services
from core.db import Database, migrate
from core.files import FileStore


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Services on the configured database and data folder; closed at the end of the block."""
    database = Database(settings.data_dir, settings.database.url, settings.database.busy_timeout_s)
    try:
        migrate(database)
        yield Services(settings=settings, db=database, files=FileStore(settings.data_dir / "files"), clock=SystemClock())
    finally:
        database.close()
