"""Common scenario 5 and the bar on kill -9: no decision is lost or doubled, each push is at least once on the wire, with one effect.

The script over all cases is a process that SIGKILL ends at a random point (before or after any statement, commit or post), again and
again on the same data until it comes to its end. 200 points with YUNJIAN_TEST_SOAK (`make soak`, prints one JSON line), 5 in CI.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from companion import credit_store, practice_store, replay, store, writing
from config import load_settings
from core import journal
from core.clock import ManualClock
from core.db import Database
from tests.integration.companion import script
from tests.integration.companion.race import FORKED
from tests.integration.companion.receiver import Receiver

KILLS, KILLS_A_RUN = (220, 55) if os.environ.get("YUNJIAN_TEST_SOAK") else (5, 5)
ROUNDS = 1
LOST = 255
POINTS = 60  # about as many as a step has
ADDRESSED = {"supervision", "enforcement", "sector_department"}


def run(data_dir: Path, url: str, kill: tuple[int | None, int]) -> bool:
    """One process of the script. True when it came to its end.

    Code 255 is CPython's for a child whose status the fork server lost (`popen_forkserver.poll`): then only the mark it left counts.
    """
    process = FORKED.Process(target=script.run, args=(str(data_dir), url, ROUNDS, kill))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL, LOST)
    return process.exitcode == 0 or (process.exitcode == LOST and (data_dir / "steps").exists())


@pytest.mark.xdist_group("forked")  # one fork server for all that use it
@pytest.mark.timeout(7200)
def test_common_scenario_5(tmp_path, migrated):
    seed, began = random.Random(20261124), time.monotonic()
    total, steps = Counter[str](), len(list(script.steps(None, ManualClock(script.START), ROUNDS)))  # named, not done
    for lane in range(KILLS // KILLS_A_RUN):
        data_dir = tmp_path / f"lane-{lane}"
        shutil.copytree(migrated, data_dir)
        with Receiver(tmp_path / f"receiver-{lane}") as receiver:
            for step in sorted(seed.randrange(steps) for _ in range(KILLS_A_RUN)):
                total["kills"] += not run(data_dir, receiver.url, (step, seed.randint(1, POINTS)))
            assert run(data_dir, receiver.url, (None, 1)) or run(data_dir, receiver.url, (None, 1))
        check(data_dir, receiver)
        total.update(runs=1, posts=len(receiver.wire()), effects=len(receiver.effects()), receiver_crashes=receiver.crashes)
    assert total["kills"] >= KILLS * 9 // 10  # a step near the end may have fewer points left than were drawn
    assert total["receiver_crashes"]
    print(json.dumps({"schema": "yunjian.bench/1", **total, "wall_s": round(time.monotonic() - began)}))


def check(data_dir: Path, receiver: Receiver) -> None:
    settings = load_settings({"data_dir": str(data_dir)}, environ={})
    db = Database(data_dir)
    try:
        with db.read() as session:
            cases = store.cases(session, limit=10_000)
            expected = {request.firm: 1 + len(request.commands) for request in script.requests(ROUNDS)}
            assert sorted(case.subject for case in cases) == sorted(expected)  # none lost, none doubled
            for case in cases:
                chain = journal.entries(session, writing.stream_of(case.id))
                assert len([entry for entry in chain if entry.action != "tick"]) == expected[case.subject]
            replay.replay_all(session, settings)
            beside_case_files(session)
            pushed = store.pushes(session, limit=100_000)
            keys = {row.key for row in pushed if row.receiver in ADDRESSED}
            assert {row.state for row in pushed} <= {"delivered", "inbox"}
        wire = Counter(receiver.wire())
        assert keys == set(wire)  # each at least once on the wire, and nothing that was not decided
        assert receiver.effects() == keys  # one effect each at a receiver that honours the key
        assert sum(wire.values()) >= len(keys) + receiver.crashes  # what it did not acknowledge came again
    finally:
        db.close()


def beside_case_files(session) -> None:
    """Ledger, pool, credit file, code, draw, medicine, freight: every request once."""
    rows = {table: session.scalar(select(func.count()).select_from(table)) for table in (
        credit_store.DeclarationRow, credit_store.FinancingRow, credit_store.PoolNumberRow, credit_store.PoolWaitRow,
        practice_store.CodeRecordRow, practice_store.PaymentRow, practice_store.DrawRow, practice_store.TripRow)}  # fmt: skip
    assert list(rows.values()) == [ROUNDS, 2 * ROUNDS, 3 * ROUNDS, ROUNDS, ROUNDS, ROUNDS, ROUNDS, 1]
    numbers = session.scalars(select(credit_store.PoolNumberRow.subject)).all()
    assert len(set(numbers)) == 3 * ROUNDS
    assert None not in numbers
    assert session.get_one(credit_store.CreditEventRow, "fact-0")
    for n in range(ROUNDS):
        assert session.get_one(credit_store.DeclarationRow, f"D{n}").open_fen == 40_000
        done = [entry.action for entry in journal.entries(session, f"ledger:D{n}")]
        assert done == ["registered", "lent", "lent", "repaid"]
        assert session.get_one(practice_store.WalletRow, f"person-{n}").insurance_fen == 15_000 - 9_000
        assert session.get_one(practice_store.DrawRow, f"draw-{n}").state == "published"
    issued = [entry.action for entry in journal.entries(session, "pool:accounts")]
    assert issued.count("number_issued") == 3 * ROUNDS
