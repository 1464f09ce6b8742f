"""Processes that all want the same thing at once: loans on one declaration, numbers of one pool. Used by tests and the soak.

Children come from a fork server that has imported everything once: real processes, without seconds of imports each.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import OperationalError

from companion import ledger, pool
from companion.model import Actor, Role
from config import Settings
from core.clock import ManualClock
from core.context import Services
from core.db import Database
from core.errors import Refused
from core.files import FileStore

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["tests.integration.companion.race", "tests.integration.companion.script"])
PROCESSES, REQUESTS = (8, 1000) if os.environ.get("YUNJIAN_TEST_SOAK") else (3, 10)
AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
FINANCE = Actor("fx", Role.FINANCE)


@dataclass(frozen=True)
class Place:
    """Where a process finds the database."""

    settings: Settings
    url: str

    def services(self) -> Services:
        data = Path(self.settings.data_dir)
        return Services(self.settings, Database(data, self.url, busy_timeout_s=120), FileStore(data / "files"), ManualClock(AT))


def lender(place: Place, name: int, requests: int, amount_fen: int, start: multiprocessing.synchronize.Event) -> list[str]:
    services, said = place.services(), []
    start.wait()
    for _ in range(requests):
        try:
            loan = ledger.lend(services, Actor(f"bank{name}", Role.BANK), "D1", amount_fen)
        except Refused as error:
            said.append(error.code)
        except OperationalError:
            said.append("busy")
        else:
            said.append("lent")
            if len(said) % 3 == 0:
                ledger.repay(services, Actor(f"bank{name}", Role.BANK), loan)
                said[-1] = "repaid"
    services.db.close()
    return said


def asker(place: Place, name: int, requests: int, start: multiprocessing.synchronize.Event) -> list[str]:
    services, got = place.services(), []
    start.wait()
    for number in range(requests):
        allotted = pool.allot(services, Actor("bank", Role.BANK), "accounts", f"firm-{name}-{number}", reserve=5)
        got.append(allotted.number or "waits")
    services.db.close()
    return got


def _child(work, place, name, args, start, queue):
    queue.put(work(place, name, *args, start))


def race(work, place: Place, processes: int, *args) -> list[list[str]]:
    """Results of `processes` children that start together."""
    queue, start = FORKED.Queue(), FORKED.Event()
    children = [FORKED.Process(target=_child, args=(work, place, name, args, start, queue)) for name in range(processes)]
    for child in children:
        child.start()
    start.set()
    results = [queue.get(timeout=3000) for _ in children]
    for child in children:
        child.join()
    return results


def race_ledger(place: Place, processes: int, requests: int) -> Counter[str]:
    """Everybody borrows 7 of 1000; every third loan is repaid. Raises AssertionError where more than 1000 is open."""
    services = place.services()
    ledger.register(services, FINANCE, "D1", "firm", 100_000)
    said = Counter(word for one in race(lender, place, processes, requests, 700) for word in one)
    seen = ledger.query(services, FINANCE, "D1")
    assert said["busy"] == 0
    assert said["lent"] * 700 == seen["open_fen"] <= seen["amount_fen"]
    services.db.close()
    return said


def race_pool(place: Place, processes: int, requests: int, numbers: int) -> Counter[str]:
    """More subjects than numbers: every number goes out once and the others wait."""
    services = place.services()
    pool.fill(services, FINANCE, "accounts", (f"{number:08d}" for number in range(numbers)))
    got = Counter(word for one in race(asker, place, processes, requests) for word in one)
    waiting = got.pop("waits", 0)
    assert set(got.values()) <= {1}
    assert len(got) == min(numbers, processes * requests)
    assert len(got) + waiting == processes * requests
    services.db.close()
    return Counter(issued=len(got), waiting=waiting)
