"""Jobs on a running DBOS in this process: how they end, cancelling, and what happens when DBOS' own file is lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator

import pytest

from core import jobs
from core.context import Services
from core.errors import EnvironmentFault, InputError
from core.job_runner import Handler, JobRun, JobRunner
from core.jobs import Job, JobState

Start = Callable[[dict[str, Handler]], JobRunner]


@pytest.fixture
def start(services: Services) -> Iterator[Start]:
    """Starts runners that dispatch in the background, and stops them."""
    started: list[tuple[JobRunner, threading.Event, threading.Thread]] = []

    def go(handlers: dict[str, Handler]) -> JobRunner:
        runner, stop = JobRunner(services, handlers), threading.Event()
        runner.start()
        thread = threading.Thread(target=runner.run, args=(stop,))
        thread.start()
        started.append((runner, stop, thread))
        return runner

    yield go
    for runner, stop, thread in started:
        stop.set()
        thread.join()
        runner.stop()


def ask(services: Services, kind: str, key: str) -> None:
    with services.db.write() as session:
        jobs.enqueue(session, services.clock, kind, key, {})


def ended(services: Services, key: str) -> Job:
    """Wait on an event that never comes, in short turns, until the job has ended."""
    pause = threading.Event()
    for _ in range(600):
        with services.db.read() as session:
            job = jobs.get(session, key)
        if job.state.is_final:
            return job
        pause.wait(0.05)
    raise AssertionError(f"{key} did not end: {job}")


def test_results_errors_and_cancel(services: Services, start: Start) -> None:
    running, go_on = threading.Event(), threading.Event()

    def slow(run: JobRun) -> None:
        running.set()
        go_on.wait(20)
        run.progress(1, 2)  # notices the cancel
        raise AssertionError("a cancelled job went on")

    def bad_input(run: JobRun) -> None:
        raise InputError("id.imo", value=run.key)

    def broken(run: JobRun) -> None:
        raise ZeroDivisionError

    for kind in ("echo", "bad_input", "broken", "unknown", "slow"):
        ask(services, kind, f"{kind}-1")
    start({"echo": lambda run: {"kind": run.kind}, "bad_input": bad_input, "broken": broken, "slow": slow})

    assert ended(services, "echo-1").result == {"kind": "echo"}
    failed = ended(services, "bad_input-1")
    assert (failed.state, failed.error_code, failed.error_params) == (JobState.FAILED, "id.imo", {"value": "bad_input-1"})
    assert ended(services, "broken-1").error_code == "job.crashed"
    assert ended(services, "unknown-1").error_code == "job.no_handler"

    assert running.wait(20)
    with services.db.write() as session:
        assert jobs.cancel(session, services.clock, "slow-1").cancel_requested
    go_on.set()
    assert ended(services, "slow-1").state is JobState.CANCELLED

    with services.db.write() as session:  # a retried job is a new round
        jobs.retry(session, "bad_input-1")
    assert ended(services, "bad_input-1").state is JobState.FAILED


def test_job_that_keeps_killing_its_process_is_given_up(services: Services, start: Start) -> None:
    ask(services, "echo", "echo-1")
    with services.db.write() as session:
        session.get_one(jobs.JobRow, "echo-1").attempts = services.settings.jobs.max_attempts
    start({"echo": lambda _run: {}})
    job = ended(services, "echo-1")
    assert (job.state, job.error_code, job.error_params) == (JobState.FAILED, "job.gave_up", {"attempts": 5})


def test_lost_jobs_db_costs_no_job(services: Services, start: Start) -> None:
    """As after a restore: the row says a workflow was started, but DBOS knows none."""
    ask(services, "echo", "echo-1")
    with services.db.write() as session:
        row = session.get_one(jobs.JobRow, "echo-1")
        row.state, row.dispatched_round = JobState.RUNNING.value, 1
    start({"echo": lambda _run: {"ok": True}})
    assert ended(services, "echo-1").result == {"ok": True}
    mode = sqlite3.connect(services.settings.data_dir / "jobs.db").execute("PRAGMA journal_mode").fetchone()[0]
    assert mode == "wal"


def test_second_process_of_one_name_is_refused(services: Services, start: Start) -> None:
    start({})
    with pytest.raises(EnvironmentFault) as caught:
        JobRunner(services, {}).start()
    assert caught.value.code == "job.executor_taken"
