"""Owns the running of jobs in a job process, durably, on DBOS: a killed process goes on where it was when it starts again.

Never decides what a job does: handlers are registered by kind. Nothing here calls home: no conductor, no telemetry export.

DBOS keeps its own state in ``jobs.db`` (or the ``dbos`` schema of PostgreSQL). The row in `core.jobs` is what counts; a lost
``jobs.db`` costs only the remembered steps, since `JobRunner.heal` starts the open jobs again.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import IO, Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from sqlalchemy.orm import Session

from core import jobs, logs
from core.context import Services
from core.errors import EnvironmentFault, YunJianError
from core.jobs import Dispatch, JobState, JobStopped, JsonObject

_QUEUE = "yunjian"
_APPLICATION_VERSION = "yunjian-jobs-1"  # pinned: DBOS recovers only workflows of its own version
_HEAL_EVERY_S = 60.0
_GONE = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED", "SUCCESS")  # for a row that is still open


class JobRun:
    """What a handler gets. Handlers are idempotent: a killed process runs them again from the last finished step."""

    def __init__(self, services: Services, dispatch: Dispatch, job: jobs.Job) -> None:
        self.services = services
        self.key = job.key
        self.kind = job.kind
        self.payload = job.payload
        self.attempt = job.attempts
        self._dispatch = dispatch

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """Do `work` once and remember its JSON result: after a kill the finished steps are not done again.

        Steps come in the same order in every run. A kill inside a step repeats that step.
        """
        return DBOS.run_step({"name": name}, work)

    def progress(self, done: int, total: int) -> None:
        """Show how far the work is. Raises JobStopped if the job was cancelled: let it pass."""
        with self.services.db.write() as session:
            row = jobs.owned(session, self._dispatch)
            row.done, row.total = done, total

    @contextmanager
    def finish(self, result: JsonObject) -> Iterator[Session]:
        """The transaction that makes the job done; what else is written in it happens exactly once with it."""
        with self.services.db.write() as session:
            jobs.owned(session, self._dispatch)
            yield session
            jobs.end(session, self.services.clock, self._dispatch, JobState.DONE, result=result)


Handler = Callable[[JobRun], JsonObject | None]


class JobRunner:
    """One per job process; `executor` names the process and stays the same over restarts: ``job-0``, ``job-1``, …"""

    def __init__(self, services: Services, handlers: Mapping[str, Handler], executor: str = "job-0") -> None:
        self.services = services
        self.handlers = dict(handlers)
        self.executor = executor
        self._lock: IO[str] | None = None
        self._stopping = False
        self._log = logs.get("core.jobs")

    def start(self) -> None:
        """Launch DBOS: takes up what a killed process of this name left.

        Raises:
            EnvironmentFault ``job.executor_taken``: a living process has this name.
        """
        global _running  # noqa: PLW0603 - DBOS calls a module-level function; one runner per process
        self._lock = _locked(self.services, self.executor)
        _running = self
        self._stopping = False
        config: DBOSConfig = {
            "name": "yunjian",
            "system_database_url": _dbos_url(self.services),
            "executor_id": self.executor,
            "application_version": _APPLICATION_VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": self.services.settings.jobs.poll_s,
            "use_listen_notify": False,
            "enable_otlp": False,
        }
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(
            _QUEUE,
            worker_concurrency=self.services.settings.jobs.workers,
            polling_interval_sec=self.services.settings.jobs.poll_s,
            on_conflict="always_update",
        )
        self.heal()

    def stop(self) -> None:
        """End this process' part; a handler still at work finishes or, if the process is killed, is taken up later."""
        global _running  # noqa: PLW0603 - see start
        self._stopping = True
        DBOS.destroy()
        _running = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def run(self, stop: threading.Event) -> None:
        """Dispatch until `stop` is set."""
        poll_s, since_heal_s = self.services.settings.jobs.poll_s, 0.0
        while not stop.wait(poll_s):
            self.dispatch()
            since_heal_s += poll_s
            if since_heal_s >= _HEAL_EVERY_S:
                self.heal()
                since_heal_s = 0.0

    def dispatch(self) -> int:
        """Start a workflow for each job that waits for one; returns how many.

        Started first and marked after: a kill in between starts the same workflow id again, which DBOS ignores.
        """
        with self.services.db.read() as session:
            waiting = jobs.to_dispatch(session)
        for one in waiting:
            with SetWorkflowID(one.workflow_id):
                DBOS.enqueue_workflow(_QUEUE, _workflow, one.key, one.round)
            with self.services.db.write() as session:
                jobs.mark_dispatched(session, one)
        return len(waiting)

    def heal(self) -> int:
        """Give open jobs whose workflow is gone (lost ``jobs.db``, a restore) another one; returns how many."""
        with self.services.db.read() as session:
            open_jobs = jobs.dispatched(session)
        lost = 0
        for one in open_jobs:
            status = DBOS.get_workflow_status(one.workflow_id)
            if status is None or status.status in _GONE:
                with self.services.db.write() as session:
                    jobs.redispatch(session, one)
                lost += 1
        return lost

    def perform(self, dispatch: Dispatch) -> None:
        """Run one round of a job and write how it ended. Called by the workflow only."""
        clock = self.services.clock
        try:
            with self.services.db.write() as session:
                job = jobs.begin(session, clock, dispatch)
            if job.attempts > self.services.settings.jobs.max_attempts:
                self._fail(dispatch, "job.gave_up", {"attempts": job.attempts - 1})
                return
            handler = self.handlers.get(job.kind)
            if handler is None:
                self._fail(dispatch, "job.no_handler", {"kind": job.kind})
                return
            result = handler(JobRun(self.services, dispatch, job))
            with self.services.db.write() as session:
                jobs.end(session, clock, dispatch, JobState.DONE, result=result)
        except JobStopped:
            with self.services.db.write() as session:
                jobs.end(session, clock, dispatch, JobState.CANCELLED)
        except YunJianError as error:
            self._log.warning("job failed", key=dispatch.key, code=error.code)
            self._fail(dispatch, error.code, {name: str(value) for name, value in error.params.items()})
        except Exception as error:  # noqa: BLE001 - the job runner is where a broken handler must stop
            if self._stopping:  # DBOS went away under the handler: the next start takes the job up
                return
            self._log.exception("job crashed", key=dispatch.key)
            self._fail(dispatch, "job.crashed", {"reason": type(error).__name__})

    def _fail(self, dispatch: Dispatch, code: str, params: JsonObject) -> None:
        with self.services.db.write() as session:
            jobs.end(session, self.services.clock, dispatch, JobState.FAILED, error_code=code, error_params=params)


_running: JobRunner | None = None


@DBOS.workflow(name="yunjian_job", max_recovery_attempts=None)
def _workflow(key: str, round_: int) -> None:
    """The one workflow: everything else is data. Attempts are counted in the row, where people see them."""
    if _running is not None:
        _running.perform(Dispatch(key, round_))


def _dbos_url(services: Services) -> str:
    """PostgreSQL by URL, else ``jobs.db``, set to WAL before DBOS opens it for the first time."""
    url = services.settings.jobs.url or services.settings.database.url
    if url:
        return url
    path = services.settings.data_dir / "jobs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    return f"sqlite:///{path}"


def _locked(services: Services, executor: str) -> IO[str]:
    """Two living processes of one name would take each other's running jobs for dead ones."""
    lock = (services.settings.data_dir / f"{executor}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise EnvironmentFault("job.executor_taken", executor=executor) from error
    return lock
