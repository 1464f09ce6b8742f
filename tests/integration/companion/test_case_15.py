"""Case 15, the receivable finance ledger: the numbered scenarios."""

from __future__ import annotations

import json
import time
from datetime import date

import pytest

from companion import ledger
from companion.credit_store import QueryGrantRow
from companion.model import Actor, Role
from core.context import Services
from core.db import Database, migrate
from core.errors import AccessDenied, InputError, Refused
from core.events import since
from tests.integration.companion.race import FINANCE, PROCESSES, REQUESTS, Place, race_ledger
from tests.peers import postgres_cluster, postgres_url

__all__ = ["postgres_cluster", "postgres_url"]

A, B = Actor("bank-a", Role.BANK), Actor("bank-b", Role.BANK)
YUAN = 100


@pytest.fixture
def services(settings, db, files, clock):
    made = Services(settings, db, files, clock)
    ledger.register(made, FINANCE, "D9", "firm", 1_000_000 * YUAN)
    return made


def test_case_15_scenario_1(services):
    ledger.lend(services, A, "D9", 600_000 * YUAN)
    with pytest.raises(Refused) as refused:
        ledger.lend(services, B, "D9", 400_001 * YUAN)
    assert refused.value.params["room"] == 400_000
    ledger.lend(services, B, "D9", 400_000 * YUAN)


@pytest.mark.xdist_group("forked")
@pytest.mark.timeout(7200)
def test_case_15_scenario_2(settings, db):
    raced(settings, "")


@pytest.mark.peer
@pytest.mark.timeout(7200)
def test_case_15_scenario_2_on_postgresql(settings, postgres_url, tmp_path):
    database = Database(tmp_path, postgres_url)
    migrate(database)
    database.close()
    raced(settings, postgres_url)


def raced(settings, url):
    """Banks that borrow and repay at once: what is open never passes the declaration, and is the sum of the open loans."""
    began = time.monotonic()
    said = race_ledger(Place(settings, url), PROCESSES, REQUESTS)
    assert said["ledger.no_room"] + said["lent"] + said["repaid"] == PROCESSES * REQUESTS
    print(json.dumps({"ledger": url.partition(":")[0] or "sqlite", **said, "wall_s": round(time.monotonic() - began, 1)}))


def test_case_15_scenario_3(services):
    loan = ledger.lend(services, A, "D9", 1_000_000 * YUAN)
    with pytest.raises(AccessDenied):
        ledger.repay(services, B, loan)
    ledger.repay(services, A, loan)
    ledger.repay(services, A, loan)
    assert ledger.query(services, A, "D9")["open_fen"] == 0
    ledger.lend(services, B, "D9", 1_000_000 * YUAN)


def test_case_15_scenario_4(services):
    loan = ledger.lend(services, A, "D9", 500_000 * YUAN)
    assert ledger.correct(services, FINANCE, "D9", 400_000 * YUAN) == [loan]
    assert ledger.correct(services, FINANCE, "D9", 0) == [loan]
    with services.db.read() as session:
        flagged = [event.payload for event in since(session, 0) if event.type == "companion.loan_flagged"]
    assert [one["flag"] for one in flagged] == ["declaration_corrected", "declaration_withdrawn"]
    assert flagged[0]["to"] == ["bank-a", "foreign_exchange_authority"]
    with pytest.raises(Refused, match="not_valid"):
        ledger.lend(services, B, "D9", 1)


def test_case_15_scenario_5(services):
    assert "supervision_credit" not in ledger.query(services, A, "D9")
    with services.db.write() as session:
        session.add(QueryGrantRow(subject="firm", bank="bank-a", until=date(2026, 11, 24)))
    assert ledger.query(services, A, "D9")["supervision_credit"] == {"class": "A", "on_list": []}
    assert "supervision_credit" not in ledger.query(services, B, "D9")


def test_the_credit_line_shows_its_inputs():
    formula = ledger.limit_formula()
    line = ledger.credit_line(formula, dict.fromkeys(formula.weights_pct, 1_000_000))
    assert line.amount_fen == sum(line.parts_fen.values()) == sum(formula.weights_pct.values()) * 10_000
    assert ledger.credit_line(formula, dict.fromkeys(formula.weights_pct, 10**12)).capped
    with pytest.raises(InputError):
        ledger.credit_line(formula, {})


@pytest.mark.parametrize("amount", [0, -1])
def test_amounts_are_positive(services, amount):
    with pytest.raises(InputError):
        ledger.lend(services, A, "D9", amount)
