"""Owns the job process: the kinds of work there are, and keeping one process alive beside the console while there is work.

Never does a job itself. More machines: ``yunjian hull worker`` on each, with the same PostgreSQL and a shared file store.
"""

from __future__ import annotations

import socket
import threading
import time

from console.kept_child import KeptChild
from core import jobs, logs
from core.context import Services
from core.job_runner import Handler, JobRunner
from core.jobs import JobState
from inspection.hull.jobs import HANDLERS as HULL

_log = logs.get("console")
_LOOK_EVERY_S = 1.0
_TOO_SHORT_S, _AFTER_A_FAILURE_S = 5.0, 60.0
IDLE_S = 60.0  # a process that has had nothing to do for so long ends: the next job starts another
HANDLERS: dict[str, Handler] = {**HULL}


def executor_name(number: int = 0) -> str:
    """The same over restarts, different on each machine: DBOS takes up what a process of this name left."""
    return f"job-{socket.gethostname()}-{number}"


def open_work(services: Services) -> bool:
    """Whether any job waits or runs."""
    with services.db.read() as session:
        return any(jobs.jobs(session, state=state, limit=1) for state in (JobState.QUEUED, JobState.RUNNING))


def work(services: Services, stop: threading.Event, executor: str, idle_s: float | None = IDLE_S) -> None:
    """Take jobs until `stop`, or until there was none for `idle_s` (None: for ever).

    Raises:
        EnvironmentFault ``job.executor_taken``: a living process has this name.
    """
    runner = JobRunner(services, HANDLERS, executor)
    runner.start()
    if idle_s is not None:
        threading.Thread(target=_end_when_idle, args=(services, stop, idle_s), name="job-idle", daemon=True).start()
    try:
        runner.run(stop)
    finally:
        runner.stop()


def _end_when_idle(services: Services, stop: threading.Event, idle_s: float) -> None:
    since = time.monotonic()
    while not stop.wait(_LOOK_EVERY_S):
        if open_work(services):
            since = time.monotonic()
        elif time.monotonic() - since > idle_s:
            stop.set()


class JobProcess(KeptChild):
    """One child process while there is work; started again when it dies with work left."""

    def __init__(self, services: Services) -> None:
        super().__init__(services, "console-jobs", "hull", "hull", "worker", "--until-idle")

    def _keep(self) -> None:
        wait_s = _LOOK_EVERY_S
        while not self._stop.wait(wait_s):
            wait_s = _LOOK_EVERY_S
            if not open_work(self._services):
                continue
            began = time.monotonic()
            status = self._run()
            if status is None:
                return
            if status != 0:
                _log.error("job process ended; it is started again", status=status)
            if time.monotonic() - began < _TOO_SHORT_S:  # one that cannot start is not tried all the time
                wait_s = _AFTER_A_FAILURE_S
