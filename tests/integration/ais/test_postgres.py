"""The live picture on PostgreSQL: positions by COPY, ingest, tracks and closed days as on SQLite."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from ais import Ingest, close_days, feed_list, import_archive, parse_sources, track_of, write_scenario
from ais.event_store import events
from ais.store import first_position_ms, track
from core.clock import ManualClock
from core.context import Services
from core.db import Database
from core.files import FileStore
from tests.peers import postgres_cluster, postgres_url

__all__ = ["postgres_cluster", "postgres_url"]


@pytest.mark.peer
def test_ingest_and_tracks_on_postgresql(
    postgres_url: str, services: Services, files: FileStore, clock: ManualClock, tmp_path: Path
) -> None:
    database = Database(tmp_path / "pg", postgres_url)
    database.create_ais_tables()
    other = Services(
        settings=services.settings.model_copy(update={"data_dir": tmp_path / "pg"}), db=database, files=files, clock=clock
    )
    scenario = write_scenario(tmp_path, 4, clock.now())
    try:
        for one in (services, other):
            Ingest(one, parse_sources([f"file://{scenario.nmea}?speed=0&name=live"])).run(threading.Event())
            import_archive(one, scenario.nmea)  # the same positions again: none twice
        here, there = (track_of(one, scenario.target_mmsi) for one in (services, other))
        assert here == there
        assert len(here) > 10
        with services.db.ais_read() as sqlite, database.ais_read() as postgres:
            assert [one.id for one in events(sqlite)] == [one.id for one in events(postgres)]
            assert first_position_ms(sqlite) == first_position_ms(postgres)
        assert {feed.source for feed in feed_list(other)} == {"live", scenario.nmea.name}
        clock.advance(timedelta(days=other.settings.ais.track_days + 2).total_seconds())
        assert len(close_days(other)) == 1
        with database.ais_read() as postgres:
            assert first_position_ms(postgres) is None
            assert track(postgres, scenario.target_mmsi) == []
        assert track_of(other, scenario.target_mmsi) == here
    finally:
        database.close()
