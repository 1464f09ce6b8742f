"""The live picture in its database: several sources together, imports exactly once, closed days in Parquet."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

from pyais import encode_dict
from sqlalchemy import event, select, text

from ais import Ingest, close_days, feed_list, import_archive, live_ships, parse_sources, track_of, write_scenario
from ais.store import LatestRow, PositionRow, delete_positions, first_position_ms, positions_between
from config import load_settings
from console.services import open_services
from core.clock import ManualClock
from core.context import Services
from tests.integration.ais.test_sources import free_port, until

KILLED = """
import sys
from pathlib import Path
import ais.importing
from ais.importing import import_archive
from config import load_settings
from console.services import open_services
import os, signal
ais.importing._STRETCH_BYTES = 40_000
count = 0
store = ais.importing.save_import
def counted(session, row):
    global count
    store(session, row)
    count += 1
    if count == 4:
        session.flush()
        os.kill(os.getpid(), signal.SIGKILL)
ais.importing.save_import = counted
ais.importing.file_chunks.__globals__["_CHUNK"] = 10_000
with open_services(load_settings({"data_dir": sys.argv[1]}, environ={})) as services:
    import_archive(services, Path(sys.argv[2]))
"""


def rows(services: Services) -> tuple[list[tuple[int, ...]], list[tuple[int, int]]]:
    with services.db.ais_read() as session:
        positions = [tuple(row) for row in session.execute(select(PositionRow.mmsi, PositionRow.at_ms, PositionRow.lat_i))]
        latest = [(row.mmsi, row.messages) for row in session.execute(select(LatestRow.mmsi, LatestRow.messages))]
    return sorted(positions), sorted(latest)


def test_two_sources_live_together(services: Services, tmp_path: Path) -> None:
    one = write_scenario(tmp_path / "a", 1, services.clock.now()).nmea
    two = tmp_path / "two.nmea"
    two.write_bytes(b"!AIVDM,1,1,,A,15RTgt0PAso;90TKcjM8h6g208CQ,0*4A\n")
    Ingest(services, parse_sources([f"file://{one}?speed=0&name=one", f"file://{two}?speed=0&name=two"])).run(threading.Event())
    assert len(live_ships(services)) > 30
    assert 371798000 in {ship.mmsi for ship in live_ships(services)}
    feeds = {feed.source: feed for feed in feed_list(services)}
    assert set(feeds) == {"one", "two"}
    for feed in feeds.values():
        assert feed.health is not None
        assert (feed.health.condition, feed.health.dropped_lines) == ("ended", 0)
        assert feed.ledger["sentences"] == feed.ledger["fragments_used"] + sum(feed.ledger["rejected"].values())
    assert feeds["one"].ledger["rejected"]["bad_checksum"] > 0


def test_importing_again_adds_nothing(services: Services, tmp_path: Path) -> None:
    path = write_scenario(tmp_path, 2, services.clock.now()).nmea
    first = import_archive(services, path)
    before = rows(services)
    again = import_archive(services, path)
    assert (first.known, again.known) == (False, True)
    assert first.positions == again.positions == len(before[0])
    assert rows(services) == before


def test_an_import_killed_half_way_goes_on_with_each_sentence_once(services: Services, tmp_path: Path) -> None:
    plain = write_scenario(tmp_path, 3, services.clock.now()).nmea
    path = tmp_path / "day.nmea.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(path)], check=False, env={**os.environ}
    )
    assert killed.returncode == -signal.SIGKILL
    with open_services(load_settings({"data_dir": str(tmp_path / "killed")}, environ={})) as other:
        half, _ = rows(other)
        result = import_archive(other, path)
        assert result.resumed_at > 0
        assert 0 < len(half) < result.positions
        went_on = rows(other)
    whole = import_archive(services, path)
    assert went_on == rows(services)
    assert result.positions == whole.positions == len(went_on[0])
    assert result.ledger.as_summary() == whole.ledger.as_summary()


def test_closed_days_leave_for_parquet_and_are_still_read(services: Services, tmp_path: Path, clock: ManualClock) -> None:
    scenario = write_scenario(tmp_path, 1, services.clock.now())
    import_archive(services, scenario.nmea)
    before = track_of(services, scenario.target_mmsi)
    assert close_days(services) == []
    clock.advance(timedelta(days=services.settings.ais.track_days + 2).total_seconds())
    moved = close_days(services)
    assert len(moved) == 1
    assert rows(services)[0] == []
    assert track_of(services, scenario.target_mmsi) == before
    late = before[0].at_utc + timedelta(minutes=20)
    assert track_of(services, scenario.target_mmsi, late) == [one for one in before if one.at_utc >= late]
    assert close_days(services) == []


def test_an_older_log_does_not_overwrite_a_newer_state(services: Services, tmp_path: Path) -> None:
    start = services.clock.now()
    newer, older = (write_scenario(tmp_path / str(hours), 1, start - timedelta(hours=hours)).nmea for hours in (0, 5))
    import_archive(services, newer)
    before = live_ships(services)
    older = older.rename(older.with_name("older.nmea"))
    import_archive(services, older)
    assert [ship.at_ms for ship in live_ships(services)] == [ship.at_ms for ship in before]


def test_days_are_closed_without_a_walk_through_the_table(services: Services) -> None:
    asked: list[tuple[str, Any]] = []
    with services.db.ais_write() as session:

        def hear(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
            asked.append((statement, values))

        session.connection()  # BEGIN is not what is looked at
        event.listen(session.get_bind(), "before_cursor_execute", hear)
        try:
            first_position_ms(session)
            list(positions_between(session, 0, 1))
            delete_positions(session, 0, 1)
        finally:
            event.remove(session.get_bind(), "before_cursor_execute", hear)
        assert len(asked) == 3
        for statement, values in asked:
            plan = [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert any("SEARCH ais_position" in step for step in plan), plan
            assert not any("SCAN ais_position" in step for step in plan), plan


def test_each_source_has_its_own_counts_and_a_clock_ahead_makes_nobody_late(services: Services) -> None:
    ports = [free_port(socket.SOCK_DGRAM) for _ in range(2)]
    ingest = Ingest(services, parse_sources([f"udp://127.0.0.1:{port}?name=udp{n}" for n, port in enumerate(ports)]))
    stop = threading.Event()
    running = threading.Thread(target=ingest.run, args=(stop,))
    running.start()
    try:
        until(lambda: [feed.health and feed.health.condition for feed in feed_list(services)] == ["up", "up"])
        now_s = int(services.clock.now().timestamp())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for number in range(20):
                body = b"c:%d" % (now_s + number + (86_400 if number == 5 else 0))
                report: dict[str, str | int | float | bytes | bool] = {
                    "msg_type": 1, "mmsi": 413999200 + number % 4, "lon": 121.9, "lat": 40.3 + number * 1e-4, "speed": 9.0,
                    "second": number,
                }  # fmt: skip
                line = b"\\%b*%02X\\" % (body, reduce(xor, body)) + encode_dict(report, sentence_type="VDM")[0].encode()
                out.sendto(line, ("127.0.0.1", ports[0]))
                if number < 3:
                    out.sendto(line, ("127.0.0.1", ports[1]))
        until(lambda: sum(feed.ledger["messages"] for feed in feed_list(services)) == 23)
    finally:
        stop.set()
        running.join()
    feeds = {feed.source: feed for feed in feed_list(services)}
    assert [feed.health and (feed.health.future, feed.health.late) for feed in (feeds["udp0"], feeds["udp1"])] == [
        (1, 0),
        (0, 0),
    ]
    assert [feeds[name].ledger["messages"] for name in ("udp0", "udp1")] == [20, 3]
    assert sum(feed.duplicates for feed in feeds.values()) == 3
    assert feeds["udp1"].duplicates <= 3
    newest = max(ship.at_ms for ship in live_ships(services)) / 1000
    assert newest <= now_s + 19


def test_a_database_of_an_earlier_version_gets_the_columns_that_are_new(services: Services, tmp_path: Path) -> None:
    with services.db.ais_write() as session:
        session.execute(text("ALTER TABLE ais_feed_health DROP COLUMN future"))
    services.db.create_ais_tables()
    path = write_scenario(tmp_path, 1, services.clock.now()).nmea
    Ingest(services, parse_sources([f"file://{path}?speed=0&name=one"])).run(threading.Event())
    (feed,) = feed_list(services)
    assert feed.health is not None
    assert feed.health.future == 0
