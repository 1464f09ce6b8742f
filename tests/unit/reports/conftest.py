"""A built bundle, made once per run: most tests copy it and spoil the copy."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from config import load_settings
from core.clock import ManualClock
from core.context import Services
from core.db import Base, Database
from core.files import FileStore
from inspection.record import CaseRecord
from reports import BuiltBundle, Person, build_from_record, demo_ca_path, demo_signers
from tests.unit.reports.cases import T0, make_case

INSPECTOR, SUPERVISOR = Person("user-1", "Demo Inspector"), Person("user-2", "Demo Supervisor")


@dataclass(frozen=True)
class Issued:
    services: Services
    record: CaseRecord
    bundle: BuiltBundle
    ca: Path


def make_services(root: Path) -> Services:
    settings = load_settings({"data_dir": str(root / "var")}, environ={})
    db = Database(settings.data_dir)
    Base.metadata.create_all(db.engine)
    return Services(settings, db, FileStore(settings.data_dir / "files"), ManualClock(T0))


def issue(root: Path, photos: int = 3) -> Issued:
    services = make_services(root)
    record = make_case(services.db, services.files, services.clock, photos=photos, items=4)
    signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
    bundle = build_from_record(services, record, signers)
    return Issued(services, record, bundle, demo_ca_path(services.settings))


@pytest.fixture(scope="session")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    made = issue(tmp_path_factory.mktemp("issued"))
    yield made
    made.services.db.close()


@pytest.fixture
def bag(issued: Issued, tmp_path: Path) -> Path:
    """A copy to spoil."""
    copy = tmp_path / issued.bundle.path.name
    shutil.copytree(issued.bundle.path, copy)
    return copy
