"""Common scenario 5 and the bar on kill -9: no decision is lost or doubled, each push is at least once on the wire, with one effect.

The long form kills the script at 200 random points (YUNJIAN_TEST_SOAK set, `make soak`), the form in CI at 5.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from companion import replay, store, writing
from config import load_settings
from core import journal
from core.db import Database
from tests.integration.companion.script import FOLLOW_UP, requests
from tests.integration.companion.test_case_03 import Receiver

KILLS, ROUNDS = (200, 2) if os.environ.get("YUNJIAN_TEST_SOAK") else (5, 1)
ROOT = Path(__file__).resolve().parents[3]
SETTLED = ("delivered", "inbox")


def run_script(data_dir: Path, url: str, kill_after_lines: int | None, more_s: float = 0.0) -> bool:
    """Run the script; with a number, kill -9 after so many lines and a moment more, at whatever it does then. True when it finished."""
    command = [sys.executable, "-m", "tests.integration.companion.script", str(data_dir), url, str(ROUNDS)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for lines, line in enumerate(process.stdout, start=1):
        if line.strip() == "done":
            break
        if kill_after_lines is not None and lines >= kill_after_lines:
            with suppress(subprocess.TimeoutExpired):
                process.wait(more_s)
            process.kill()
            break
    errors = process.communicate(timeout=120)[1]
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode == 0


@pytest.mark.timeout(7200)
def test_common_scenario_5(tmp_path):
    seed = random.Random(20261124)
    kills = runs = 0
    while kills < KILLS:
        runs += 1
        data_dir, receiver = tmp_path / f"run-{runs}", Receiver(crashes=1)
        try:
            finished, reach = False, 0
            while not finished:
                reach += seed.randint(1, 9)
                if kills < KILLS:
                    finished = run_script(data_dir, receiver.url, reach, seed.uniform(0.0, 0.03))
                    kills += not finished
                else:
                    finished = run_script(data_dir, receiver.url, None)
            check(data_dir, receiver)
        finally:
            receiver.close()


def check(data_dir: Path, receiver: Receiver) -> None:
    settings = load_settings({"data_dir": str(data_dir)}, environ={})
    db = Database(data_dir)
    try:
        with db.read() as session:
            cases = store.cases(session, limit=10_000)
            expected = {f"firm-{request}": 1 + len(FOLLOW_UP[key]) for request, key, _, _ in requests(ROUNDS)}
            assert sorted(case.subject for case in cases) == sorted(expected)  # none lost, none doubled
            for case in cases:
                chain = journal.entries(session, writing.stream_of(case.id))
                assert len([entry for entry in chain if entry.action != "tick"]) == expected[case.subject]
            replay.replay_all(session, settings)
            pushed = [(row.key, row.receiver, row.state) for row in store.pushes(session, limit=10_000)]
        assert {state for _, _, state in pushed} <= set(SETTLED)
        addressed = {key for key, receiver_name, _ in pushed if receiver_name in ("supervision", "enforcement")}
        assert addressed <= set(receiver.wire)  # each at least once on the wire
        assert set(receiver.effects) == addressed  # and one effect each at a receiver that honours the key
        assert len(receiver.wire) > len(addressed)  # the receiver did crash before acknowledging
    finally:
        db.close()
