"""Services on a migrated database and a window to act at."""

from __future__ import annotations

import pytest

from config import Settings
from core.clock import ManualClock
from core.context import Services
from core.db import Database
from core.files import FileStore
from tests.integration.companion.kit import Window


@pytest.fixture
def services(settings: Settings, db: Database, files: FileStore, clock: ManualClock) -> Services:
    return Services(settings, db, files, clock)


@pytest.fixture
def window(services: Services, clock: ManualClock) -> Window:
    return Window(services, clock)
