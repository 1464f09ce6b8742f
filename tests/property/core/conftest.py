"""Services with the kernel's tables."""

from __future__ import annotations

import pytest

from config import Settings
from core.clock import ManualClock
from core.context import Services
from core.db import Database
from core.files import FileStore
from tests.kernel import make_tables


@pytest.fixture
def services(settings: Settings, db: Database, files: FileStore, clock: ManualClock) -> Services:
    make_tables(db)
    return Services(settings, db, files, clock)
