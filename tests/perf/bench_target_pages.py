"""The queue page and a dossier with 10,000 ships in the picture and in the register: CPU time of a first and of a later view.

The reference is the first view, which ranks: ``later_to_first`` says what a view costs that finds the ranking made. Counted: the
whole request, with the session, the page and the statements it sends. ``--small`` has 1,000 ships.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import event

import console.wiring  # noqa: F401  # brings every folder's tables
from ais.live import Position
from ais.register_store import save_records, save_register
from ais.rules import load_rules
from ais.service import watched_port
from ais.store import save_latest
from config import load_settings
from console.app import create_app
from console.sessions import PLAIN_COOKIE
from core import accounts
from core.auth import Principal, Role
from core.clock import ManualClock
from core.context import Services
from core.db import Database, migrate
from core.files import FileStore
from core.geo import LonLat
from tests.integration.console.client import Client
from tests.perf.bench_targeting import ON, fleet, ratings

SHIPS = 10_000
NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)


def filled(folder: Path, count: int) -> Services:
    """Every ship lies near the port: all are in the list of the shift."""
    settings = load_settings({"data_dir": str(folder)}, environ={})
    database = Database(folder)
    migrate(database)
    services = Services(settings, database, FileStore(folder / "files"), ManualClock(NOW))
    ships, entries, history = fleet(count, 1)
    lon, lat = watched_port(services).centre
    at_ms = int(NOW.timestamp() * 1000)
    placed = [
        replace(ship, at_ms=at_ms, position=Position(LonLat(lon + at % 100 * 1e-4, lat + at // 100 * 1e-4), at_ms, sog_kn=0.0))
        for at, ship in enumerate(ships)
    ]
    with database.ais_write() as session:
        save_latest(session, placed, "bench")
    with database.write() as session:
        save_register(session, [value for entry in entries for value in entry.values.values()], NOW)
        save_records(session, [one for past in history.values() for one in past], NOW)
        save_records(session, ratings(load_rules(settings.ais.rule_pack)), NOW)
    return services


def main() -> None:
    """Print the figures as one JSON line."""
    logging.disable(logging.CRITICAL)
    count = 1_000 if "--small" in sys.argv else SHIPS
    with tempfile.TemporaryDirectory(prefix="yunjian-pages-") as folder:
        services = filled(Path(folder), count)
        token = accounts.open_session(services, Principal("b", Role.INSPECTOR, "b")).token
        client = Client(create_app(services))
        client.cookies.set(PLAIN_COOKIE, token)
        client.headers["accept"] = "text/html"
        sent = [0]
        for engine in (services.db._read, services.db._ais_read):  # there is no other way to count
            event.listen(engine, "before_cursor_execute", lambda *_: sent.__setitem__(0, sent[0] + 1))

        def timed(path: str) -> tuple[float, int]:
            sent[0], began = 0, time.process_time()
            status = client.get(path).status_code
            if status != 200:
                raise SystemExit(f"{path}: {status}")
            return time.process_time() - began, sent[0]

        client.get("/account")  # templates and texts are read once in the life of a process
        key = fleet(count, 1)[0][count // 2].imo
        first, first_statements = timed("/queue")
        later, later_statements = timed("/queue?where=in_port")
        narrow, _ = timed("/queue?where=all&q=BENCH%20777")
        one, one_statements = timed(f"/queue/ship?key={key}")
        timed(f"/ships/{key}")
        dossier, dossier_statements = timed(f"/ships/{key}")
        services.db.close()
    figures = {
        "ships": count, "on": ON.isoformat(), "queue_first_s": round(first, 3), "queue_later_s": round(later, 3),
        "later_to_first": round(later / first, 3), "queue_search_s": round(narrow, 3), "one_ship_s": round(one, 3),
        "dossier_s": round(dossier, 3),
        "statements": {"first": first_statements, "later": later_statements, "one_ship": one_statements, "dossier": dossier_statements},
    }  # fmt: skip
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
