"""Owns background work as rows: asked for in the caller's transaction, followed and cancelled by anyone.

Never runs anything: `core.job_runner` does, in a job process. Web processes import only this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import rfc8785
from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.clock import Clock
from core.db import Base, Json, UtcDateTime
from core.errors import NotFound, Refused

JsonObject = dict[str, Any]  # what a job takes and gives: plain JSON, parsed by its handler


class JobState(StrEnum):
    """queued -> running -> done | failed | cancelled; failed -> queued by `retry`."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


_OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)


class JobRow(Base):
    """One piece of work. `round` grows with each retry, `attempts` with each start within a round."""

    __tablename__ = "core_job"
    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    payload: Mapped[JsonObject] = mapped_column(Json)
    state: Mapped[str] = mapped_column(index=True)
    round: Mapped[int] = mapped_column(default=1)
    attempts: Mapped[int] = mapped_column(default=0)
    dispatched_round: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    result: Mapped[JsonObject | None] = mapped_column(Json)
    error_code: Mapped[str | None]
    error_params: Mapped[JsonObject | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as others see it. `total` is None until the handler knows it; `error_code` is in the catalogue."""

    key: str
    kind: str
    payload: JsonObject
    state: JobState
    done: int
    total: int | None
    attempts: int
    cancel_requested: bool
    result: JsonObject | None
    error_code: str | None
    error_params: JsonObject
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def enqueue(session: Session, clock: Clock, kind: str, key: str, payload: JsonObject) -> Job:
    """Ask for work in the caller's transaction. The same key again gives the job that is there.

    Raises:
        Refused ``job.key_taken``: the key belongs to other work.
    """
    row = session.get(JobRow, key)
    if row is None:
        row = JobRow(
            key=key, kind=kind, payload=payload, state=JobState.QUEUED.value, round=1, attempts=0, dispatched_round=0,
            cancel_requested=False, done=0, created_at=clock.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
    elif row.kind != kind or rfc8785.dumps(row.payload) != rfc8785.dumps(payload):
        raise Refused("job.key_taken", key=key)
    return _job(row)


def get(session: Session, key: str) -> Job:
    """Raises NotFound."""
    return _job(_row(session, key))


def jobs(session: Session, *, kind: str | None = None, state: JobState | None = None, limit: int = 200) -> list[Job]:
    """The newest jobs first."""
    query = select(JobRow).order_by(JobRow.created_at.desc(), JobRow.key).limit(limit)
    if kind is not None:
        query = query.where(JobRow.kind == kind)
    if state is not None:
        query = query.where(JobRow.state == state.value)
    return [_job(row) for row in session.scalars(query)]


def cancel(session: Session, clock: Clock, key: str) -> Job:
    """Ask a job to stop: at once if it waits, at its next progress report if it runs; no effect on a finished one.

    Raises NotFound.
    """
    row = _row(session, key)
    if row.state == JobState.QUEUED.value:
        row.state, row.finished_at = JobState.CANCELLED.value, clock.now()
    elif row.state == JobState.RUNNING.value:
        row.cancel_requested = True
    session.flush()
    return _job(row)


def retry(session: Session, key: str) -> Job:
    """Queue a failed or cancelled job again.

    Raises:
        NotFound: no such job.
        Refused ``job.not_finished``: it is still at work, or done.
    """
    row = _row(session, key)
    if row.state not in (JobState.FAILED.value, JobState.CANCELLED.value):
        raise Refused("job.not_finished", key=key, state=row.state)
    _requeue(row)
    session.flush()
    return _job(row)


def _requeue(row: JobRow) -> None:
    """A new round: what is left of an older one may no longer write to the row."""
    row.state, row.round, row.attempts, row.cancel_requested = JobState.QUEUED.value, row.round + 1, 0, False
    row.done, row.error_code, row.error_params, row.started_at, row.finished_at = 0, None, None, None, None


# What the runner needs; other folders do not call these.


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A round of a job that a workflow is wanted for."""

    key: str
    round: int

    @property
    def workflow_id(self) -> str:
        """The key itself; a retried job is a new workflow."""
        return self.key if self.round == 1 else f"{self.key}~{self.round}"


class JobStopped(Exception):
    """The job was cancelled, or its round is over. Handlers let it pass."""


def to_dispatch(session: Session, limit: int = 100) -> list[Dispatch]:
    """Open jobs that no workflow was started for, oldest first."""
    query = select(JobRow).where(JobRow.state.in_(_OPEN), JobRow.dispatched_round < JobRow.round)
    return [Dispatch(row.key, row.round) for row in session.scalars(query.order_by(JobRow.created_at).limit(limit))]


def mark_dispatched(session: Session, dispatch: Dispatch) -> None:
    row = session.get(JobRow, dispatch.key)
    if row is not None and row.round == dispatch.round:
        row.dispatched_round = dispatch.round


def dispatched(session: Session) -> list[Dispatch]:
    """Open jobs that a workflow was started for."""
    query = select(JobRow).where(JobRow.state.in_(_OPEN), JobRow.dispatched_round == JobRow.round)
    return [Dispatch(row.key, row.round) for row in session.scalars(query)]


def redispatch(session: Session, dispatch: Dispatch) -> None:
    """The workflow of an open job is gone: ask for another one, keeping the count of attempts."""
    row = session.get(JobRow, dispatch.key)
    if row is not None and row.round == dispatch.round and row.state in _OPEN:
        row.round += 1


def begin(session: Session, clock: Clock, dispatch: Dispatch) -> Job:
    """Count a start and make the job running. Raises JobStopped if this round is over."""
    row = owned(session, dispatch)
    row.state, row.attempts, row.started_at = JobState.RUNNING.value, row.attempts + 1, clock.now()
    session.flush()
    return _job(row)


def owned(session: Session, dispatch: Dispatch) -> JobRow:
    """The row, if this round may still write to it. Raises JobStopped."""
    row = session.get(JobRow, dispatch.key)
    if row is None or row.round != dispatch.round or row.state not in _OPEN or row.cancel_requested:
        raise JobStopped(dispatch.key)
    return row


def end(
    session: Session,
    clock: Clock,
    dispatch: Dispatch,
    state: JobState,
    *,
    result: JsonObject | None = None,
    error_code: str | None = None,
    error_params: JsonObject | None = None,
) -> None:
    """Write how a round ended, unless the row has moved on."""
    row = session.get(JobRow, dispatch.key)
    if row is None or row.round != dispatch.round or row.state not in _OPEN:
        return
    row.state, row.finished_at = state.value, clock.now()
    row.result, row.error_code, row.error_params = result, error_code, error_params


def _row(session: Session, key: str) -> JobRow:
    row = session.get(JobRow, key)
    if row is None:
        raise NotFound("job.missing", key=key)
    return row


def _job(row: JobRow) -> Job:
    return Job(
        row.key, row.kind, row.payload, JobState(row.state), row.done, row.total, row.attempts, row.cancel_requested,
        row.result, row.error_code, row.error_params or {}, row.created_at, row.started_at, row.finished_at,
    )  # fmt: skip
