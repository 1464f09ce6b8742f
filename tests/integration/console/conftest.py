"""An application on a real database, one logged-in account per role, and the golden inspection in the case list."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session

import ais
import console.wiring  # noqa: F401  # brings every folder's tables
from ais.text import Bilingual
from config import Settings, load_settings
from console.app import create_app
from console.queue_source import Queue, QueueLine, QueueShip, Wanted
from console.sessions import PLAIN_COOKIE
from console.sources import Sources
from core import accounts, evidence
from core.auth import Principal, Role
from core.clock import ManualClock
from core.context import Services
from core.db import Base, Database
from core.errors import NotFound
from core.files import FileStore
from core.ids import new_id
from inspection import subject_of
from inspection.record import CaseRecord
from tests.integration.console.client import Client

GOLDEN = Path(__file__).resolve().parents[2] / "contract" / "inspection"
PASSWORD = "long enough for a test"


@pytest.fixture
def services(settings: Settings, db: Database, files: FileStore, clock: ManualClock) -> Services:
    Base.metadata.create_all(db.engine)
    return Services(settings, db, files, clock)


@pytest.fixture(scope="session")
def harbour(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """Database files with the simulated port's traffic and ships, without its lists; made once in a run and only copied."""
    folder = tmp_path_factory.mktemp("harbour")
    for file in migrated.glob("*.db"):
        shutil.copyfile(file, folder / file.name)
    settings = load_settings({"data_dir": str(folder)}, environ={})
    database = Database(folder)
    made = Services(settings, database, FileStore(folder / "files"), ManualClock(datetime(2026, 11, 24, 2, tzinfo=UTC)))
    scenario = ais.write_scenario(folder, 1, datetime(2026, 11, 24, 1, tzinfo=UTC), settings.ais.rule_pack)
    ais.replay(made, scenario.nmea)
    for file in scenario.register_files[:2]:
        ais.import_register(made, file)
    database.close()
    return folder


@contextmanager
def harbour_services(harbour: Path, settings: Settings, clock: ManualClock) -> Iterator[Services]:
    """Services on a copy of the simulated port."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    for file in harbour.glob("*.db*"):
        shutil.copyfile(file, settings.data_dir / file.name)
    database = Database(settings.data_dir)
    try:
        yield Services(settings, database, FileStore(settings.data_dir / "files"), clock)
    finally:
        database.close()


@pytest.fixture
def golden() -> CaseRecord:
    return CaseRecord.model_validate(json.loads((GOLDEN / "record.golden.json").read_text(encoding="utf-8")))


class GoldenSources(Sources):
    """The folders' data plus the golden inspection, and a queue made from its selection."""

    def __init__(self, services: Services, record: CaseRecord) -> None:
        super().__init__(services)
        self.record = record
        self._now = services.clock.now()

    def queue(self, wanted: Wanted | None = None) -> Queue:
        line = self.ship("9074729").line
        other = replace(line, key="123", name="OTHER SHIP", imo=None, mmsi="123456789", verdict=None, rank=3, tied_with=0)
        found = wanted or Wanted()
        return Queue(Bilingual("规则", "Rules"), "1", self._now, (line, other), ranked=2, wanted=found)

    def ship(self, key: str) -> QueueShip:
        selection, ship = self.record.selection, self.record.ship
        assert selection is not None
        line = QueueLine(
            key="9074729", name=ship.name, imo=ship.imo, mmsi=ship.mmsi, flag=ship.flag, ship_type=ship.ship_type,
            rank=selection.rank, of=selection.of, tied_with=2, points_low=selection.points_low,
            points_high=selection.points_high, points_most=12, profile_best=selection.profile_best,
            profile_worst=selection.profile_worst, priority=selection.priority, known=selection.known,
            total=len(selection.criteria), verdict=None if self.record.eligibility is None else self.record.eligibility.verdict,
        )  # fmt: skip
        if key == "123":
            line = replace(line, key="123", name="OTHER SHIP", imo=None, mmsi="123456789", verdict=None)
            return QueueShip(line, selection.criteria, None)
        if key != line.key:
            raise NotFound("console.no_ship")
        return QueueShip(line, selection.criteria, self.record.eligibility)

    def case_ids(self, session: Session) -> list[str]:
        return [self.record.id, *super().case_ids(session)]

    def case(self, session: Session, case_id: str) -> CaseRecord:
        return self.record if case_id == self.record.id else super().case(session, case_id)


@pytest.fixture
def golden_files(services: Services, golden: CaseRecord) -> CaseRecord:
    with services.db.write() as session:
        for envelope in golden.evidence:
            evidence.keep(session, envelope)
    for envelope in golden.evidence:
        services.files.put_path(GOLDEN / "evidence" / envelope.sha256)
    return golden


@pytest.fixture
def app(services: Services, golden_files: CaseRecord) -> FastAPI:
    return create_app(services, sources=GoldenSources(services, golden_files))


def scope_of(role: Role, golden: CaseRecord) -> str | None:
    return subject_of(golden.id) if role in {Role.CREW_GUEST, Role.COMPANY_STAFF, Role.CLASS_SURVEYOR} else None


@pytest.fixture
def account(services: Services, golden: CaseRecord) -> Callable[[Role], str]:
    """Makes an account of a role and returns its login name; guests and companies belong to the golden inspection."""

    def make(role: Role) -> str:
        scope = scope_of(role, golden)
        accounts.create_account(
            services, login=role.value, name=f"Test {role.value}", role=role, password=PASSWORD, actor="test", scope_ref=scope
        )
        return role.value

    return make


Opened = Callable[[Role], Client]


@pytest.fixture
def client(app: FastAPI) -> Client:
    return Client(app)


@pytest.fixture
def opened(app: FastAPI, services: Services, golden: CaseRecord) -> Opened:
    """A client with a session of that role (no password to hash), asking for pages as a browser does."""

    def open_as(role: Role) -> Client:
        principal = Principal(new_id(), role, f"Test {role.value}", scope_of(role, golden))
        token = accounts.open_session(services, principal).token
        made = Client(app)
        made.cookies.set(PLAIN_COOKIE, token)
        made.headers["accept"] = "text/html"
        made.headers["x-csrf-token"] = accounts.csrf_token(token)
        return made

    return open_as
