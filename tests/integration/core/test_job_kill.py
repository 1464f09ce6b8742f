"""A job process is killed with SIGKILL in the middle of a job; the next one finishes the job exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from core import jobs, journal
from core.context import Services

ROOT = Path(__file__).resolve().parents[3]


def _child(services: Services, mode: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).with_name("job_child.py")), str(services.settings.data_dir), mode]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def test_killed_job_is_finished_once(services: Services) -> None:
    with services.db.write() as session:
        jobs.enqueue(session, services.clock, "survey", "survey-1", {})

    first = _child(services, "hang")
    assert first.stdout is not None
    assert first.stdout.readline() == "step 0\n"
    assert first.stdout.readline() == "step 1\n"  # the second picture is being looked at
    with services.db.read() as session:
        seen = jobs.get(session, "survey-1")
    assert (seen.state, seen.done, seen.total) == (jobs.JobState.RUNNING, 1, 3)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=30)

    second = _child(services, "go")
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert out.splitlines() == ["step 1", "step 2"]  # the finished step is remembered, the broken one done again

    with services.db.read() as session:
        done = jobs.get(session, "survey-1")
        chain = journal.entries(session, "survey")
    assert (done.state, done.attempts, done.result) == (jobs.JobState.DONE, 2, {"found": [0, 10, 20]})
    assert [entry.action for entry in chain] == ["survey.done"]

    third = _child(services, "go")  # starting once more finds nothing to do
    out, _ = third.communicate(timeout=60)
    assert out == ""
