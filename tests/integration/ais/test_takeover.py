"""A data set of the first revision, with its register, inspections and lists, is taken over up to the newest revision."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from ais.live import LiveShip
from ais.register_store import Inspection, Rating, load_inspections, load_ratings, load_records, load_register
from ais.store import save_latest
from ais.targets_service import rank_live
from config import Settings
from core.clock import ManualClock
from core.context import Services
from core.db import Database, migrate
from core.db.migrate import alembic_config
from core.files import FileStore
from tests.peers import postgres_cluster, postgres_url

__all__ = ["postgres_cluster", "postgres_url"]

TODAY, IMO, OTHER = date(2026, 11, 24), 9074729, 9307839
VALUES = {
    "imo": str(IMO), "name": "EVER TEST", "flag": "PA", "ship_type": "bulk_carrier", "build_date": "2010-02-03", "company_imo": "77",
    "psc_history_from": "2020-01-01", "psc_history_to": "2026-11-24",
}  # fmt: skip
INSPECTIONS = [
    Inspection(IMO, date(2025, 3, 1), "Dalian", "tokyo", 6, False, "list B", date(2026, 11, 1), "internal"),
    Inspection(IMO, date(2026, 8, 31), "Yingkou", "tokyo", 0, True, "list B", date(2026, 11, 1), "internal"),
    Inspection(OTHER, date(2026, 1, 1), "Rotterdam", "paris", 3, False, "list P", date(2026, 11, 1), "internal"),
]
RATINGS = [
    Rating("flag", "tokyo_mou_nir", "PA", date(2026, 7, 1), date(2027, 6, 30), "white", True, "list F", "CC0"),
    Rating("flag", "tokyo_mou_nir", "TG", date(2025, 7, 1), date(2026, 6, 30), "black", None, "list F", "CC0"),
    Rating("company", "tokyo_mou_nir", "77", date(2026, 7, 1), date(2027, 6, 30), "low", None, "list F", "CC0"),
]


def fill_first(db: Database) -> None:
    """Write the rows as the first revision kept them."""
    with db.write() as session:
        for field, value in VALUES.items():
            session.execute(
                text("INSERT INTO ais_register_value VALUES (:subject, :field, 'list A', :value, :as_of, 'internal', 10)"),
                {"subject": f"imo:{IMO}", "field": field, "value": value, "as_of": date(2026, 10, 1)},
            )
        for one in INSPECTIONS:
            session.execute(
                text(
                    "INSERT INTO ais_inspection VALUES"
                    " (:imo, :inspected_on, :authority, :region, :deficiencies, :detained, :source, :as_of, :licence)"
                ),
                {name: getattr(one, name) for name in ("imo", "inspected_on", "authority", "region", "deficiencies", "detained",
                                                       "source", "as_of", "licence")},
            )  # fmt: skip
        for line in RATINGS:
            session.execute(
                text(
                    "INSERT INTO ais_rating VALUES (:kind, :regime, :key, :valid_from, :valid_to, :rating, :attested, :source, :licence)"
                ),
                {name: getattr(line, name) for name in ("kind", "regime", "key", "valid_from", "valid_to", "rating", "attested",
                                                        "source", "licence")},
            )  # fmt: skip


def taken_over(db: Database) -> None:
    command.upgrade(alembic_config(db), "0001")
    fill_first(db)
    migrate(db)


def check(services: Services) -> None:
    with services.db.read() as session:
        held = load_register(session)
        assert {one.field: one.value for one in held} == VALUES
        assert {(one.source, one.as_of, one.licence, one.rank) for one in held} == {
            ("list A", date(2026, 10, 1), "internal", 10)
        }
        assert load_records(session, Inspection) == INSPECTIONS
        assert load_inspections(session, "tokyo") == INSPECTIONS[:2]
        assert sorted(load_ratings(session, "tokyo_mou_nir"), key=RATINGS.index) == RATINGS
        assert load_register(session, datetime(2026, 9, 30, 12, tzinfo=UTC)) == []  # entered on the day of its source
    ship = LiveShip(
        mmsi=352000001, station_class="A", at_ms=0, time_source="log", messages=9, imo=IMO, name="EVER TEST", ship_type=70
    )
    with services.db.ais_write() as session:
        save_latest(session, [ship], "test")
    [line] = rank_live(services, TODAY).ships
    found = line.assessment
    # bulk carrier 2, over 12 years 1, company low 2, one inspection with more than 5 deficiencies 1; the RO is not known
    assert (found.points_low, found.points_high, found.profile_best) == (6, 7, "HRS")
    assert (found.facts.history.last_on, found.priority) == (date(2026, 8, 31), "II")
    assert line.join.matched_by == "imo"


def test_takeover_on_sqlite(settings: Settings, files: FileStore, clock: ManualClock, tmp_path: Path) -> None:
    database = Database(tmp_path / "old")
    try:
        taken_over(database)
        database.create_ais_tables()
        check(Services(settings=settings, db=database, files=files, clock=clock))
    finally:
        database.close()


@pytest.mark.peer
def test_takeover_on_postgresql(
    postgres_url: str, settings: Settings, files: FileStore, clock: ManualClock, tmp_path: Path
) -> None:
    database = Database(tmp_path / "pg", postgres_url)
    try:
        taken_over(database)
        database.create_ais_tables()
        check(Services(settings=settings, db=database, files=files, clock=clock))
    finally:
        database.close()
