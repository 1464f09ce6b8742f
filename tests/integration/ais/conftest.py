from __future__ import annotations

import pytest

import ais.register_store
from config import Settings
from core.clock import ManualClock
from core.context import Services
from core.db import Base, Database
from core.files import FileStore


@pytest.fixture
def services(settings: Settings, db: Database, files: FileStore, clock: ManualClock) -> Services:
    assert ais.register_store.RegisterValueRow.metadata is Base.metadata
    Base.metadata.create_all(db.engine)
    db.create_ais_tables()
    return Services(settings=settings, db=db, files=files, clock=clock)
