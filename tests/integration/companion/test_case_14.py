"""Case 14, account first, checks after: the numbered scenarios."""

from __future__ import annotations

import json
import time
import tomllib
from datetime import date, timedelta

import pytest

from companion import pool
from companion.model import Actor, Role
from config import pack_path
from core.context import Services
from core.events import since
from core.workdays import default_calendar
from tests.integration.companion.race import PROCESSES, REQUESTS, Place, race_pool
from tests.peers import postgres_cluster, postgres_url

__all__ = ["postgres_cluster", "postgres_url"]

DATA = tomllib.loads(pack_path("companion", "account.toml").read_text(encoding="utf-8"))
RULES = pool.AccountRules(DATA["visit_working_days"], DATA["buffer_months"])
TERMS = pool.account_terms(date(2026, 2, 11), RULES, default_calendar())
BANK = Actor("bank", Role.BANK)


@pytest.fixture
def services(settings, db, files, clock):
    return Services(settings, db, files, clock)


def test_case_14_scenario_1():
    assert (TERMS.visit_due, TERMS.month_end, TERMS.frozen_after) == (date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 11))
    assert pool.account_state(TERMS, date(2026, 3, 11), None, None) == "restricted"
    assert pool.account_state(TERMS, date(2026, 3, 12), None, None) == "frozen"


@pytest.mark.xdist_group("forked")
@pytest.mark.timeout(7200)
def test_case_14_scenario_2(settings, db):
    raced(settings, "")


@pytest.mark.peer
@pytest.mark.timeout(7200)
def test_case_14_scenario_2_on_postgresql(settings, postgres_url, tmp_path):
    from core.db import Database, migrate

    database = Database(tmp_path, postgres_url)
    migrate(database)
    database.close()
    raced(settings, postgres_url)


def raced(settings, url):
    """More subjects than numbers, in processes at once: nobody has two, no number goes out twice."""
    began, wanted = time.monotonic(), PROCESSES * REQUESTS
    got = race_pool(Place(settings, url), PROCESSES, REQUESTS, numbers=wanted * 2 // 3)
    assert got == {"issued": wanted * 2 // 3, "waiting": wanted - wanted * 2 // 3}
    print(json.dumps({"pool": url.partition(":")[0] or "sqlite", **got, "wall_s": round(time.monotonic() - began, 1)}))


def test_a_filled_pool_serves_who_waits_in_order(services):
    assert pool.allot(services, BANK, "accounts", "first", 1).number is None
    assert pool.allot(services, BANK, "accounts", "second", 1).number is None
    assert pool.fill(services, BANK, "accounts", ["2", "1", "3"]) == 1
    assert [pool.allot(services, BANK, "accounts", firm, 1).number for firm in ("first", "second", "first")] == ["1", "2", "1"]


def test_case_14_scenario_3():
    assert not pool.online_payment_allowed(pool.account_state(TERMS, date(2026, 2, 20), None, None))
    assert pool.online_payment_allowed(pool.account_state(TERMS, date(2026, 2, 20), date(2026, 2, 20), None))


def test_case_14_scenario_4():
    verified = date(2026, 3, 5)
    assert pool.account_state(TERMS, TERMS.frozen_after, verified, None) == "verified"
    assert pool.account_state(TERMS, TERMS.frozen_after + timedelta(days=1), verified, None) == "frozen"
    assert pool.account_state(TERMS, TERMS.frozen_after + timedelta(days=1), verified, verified) == "active"


def test_case_14_scenario_6(services):
    reserve = DATA["reserve"]
    pool.fill(services, BANK, "accounts", (f"{n:04d}" for n in range(reserve + 1)))
    assert not pool.allot(services, BANK, "accounts", "a", reserve).low
    assert pool.allot(services, BANK, "accounts", "b", reserve).low
    with services.db.read() as session:
        low = [event.payload["left"] for event in since(session, 0) if event.type == "companion.pool_low"]
    assert low == [reserve - 1]
