"""Fixtures every test shares: settings on a temporary folder, a migrated database, a clock that stands still."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest

from config import Settings, load_settings
from core.clock import ManualClock
from core.db import Database, migrate
from core.files import FileStore

# No test judges time: a machine of CI stands still for seconds now and then.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def shared_data() -> Path:
    """The reference data beside the checkout; tests that need it are skipped where it is missing."""
    if not (SHARED / "data").is_dir():
        pytest.skip("reference data ../shared/data is not on this machine")
    return SHARED / "data"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"data_dir": str(tmp_path / "var")}, environ={})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 24, 2, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the databases at the newest schema, migrated once in a run; never opened, only copied."""
    folder = tmp_path_factory.mktemp("migrated")
    database = Database(folder)
    migrate(database)
    database.close()
    return folder


@pytest.fixture
def db(settings: Settings, migrated: Path) -> Iterator[Database]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    for file in migrated.glob("*.db"):
        shutil.copyfile(file, settings.data_dir / file.name)
    database = Database(settings.data_dir)
    yield database
    database.close()


@pytest.fixture
def files(settings: Settings) -> FileStore:
    return FileStore(settings.data_dir / "files")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI every peer and every data file must be there: a skip is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("a test was skipped in CI", red=True)
        session.exitstatus = 1
