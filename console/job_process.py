"""Owns the job process: the kinds of work there are, and keeping one process alive beside the console while there is work.

Never does a job itself. More machines: ``yunjian hull worker`` on each, with the same PostgreSQL and a shared file store.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time

from core import jobs, logs, processes
from core.context import Services
from core.job_runner import Handler, JobRunner
from core.jobs import JobState
from inspection.hull.jobs import HANDLERS as HULL

_log = logs.get("console")
_LOOK_EVERY_S = 1.0
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


class JobProcess:
    """One child process while there is work; started again when it dies with work left."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.child: subprocess.Popen[str] | None = None
        self.starts = 0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._keep, name="console-jobs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def _keep(self) -> None:
        wait_s = _LOOK_EVERY_S
        while not self._stop.wait(wait_s):
            if not open_work(self._services):
                wait_s = _LOOK_EVERY_S
                continue
            began = time.monotonic()
            child = self.child = processes.spawn(self._command(), env=self._environment(), stdout=sys.stderr)
            self.starts += 1
            while child.poll() is None and not self._stop.wait(0.25):
                pass
            if self._stop.is_set():
                processes.stop(child)
                return
            if child.returncode != 0:
                _log.error("job process ended; it is started again", status=child.returncode)
            wait_s = (
                60.0 if time.monotonic() - began < 5.0 else _LOOK_EVERY_S
            )  # one that cannot start is not tried all the time

    @staticmethod
    def _command() -> list[str]:
        return processes.python_module("console.cli", "hull", "worker", "--until-idle")

    def _environment(self) -> dict[str, str]:
        """The settings in force here, wherever they came from."""
        settings = self._services.settings
        ours = {
            "YUNJIAN_DATA_DIR": str(settings.data_dir.absolute()),
            "YUNJIAN_LANGUAGE": settings.language,
            "YUNJIAN_DATABASE__URL": settings.database.url,
            "YUNJIAN_JOBS__URL": settings.jobs.url,
            **{f"YUNJIAN_HULL__{name.upper()}": str(value) for name, value in settings.hull.model_dump(mode="json").items()},
        }
        return {**os.environ, **ours}
