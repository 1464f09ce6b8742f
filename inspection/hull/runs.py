"""Owns asking for photos to be read through the job engine, and following it: chunks of photos as jobs, their progress, what came out.

Never runs a model: `inspection.hull.jobs` does, in a job process. Photos and results are files of the store, named by their SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from config.settings import HullSettings
from core import jobs
from core.context import Services
from core.errors import NotFound
from core.ids import new_id
from core.jobs import Job, JobState
from inspection.hull import review_store
from inspection.hull.review_store import RunRow
from inspection.hull.weights import expected_sha256

KIND = "hull.detect"
CHUNK = 16  # photos in a job: at most so many are waited for when one machine is slow (design.md: 8-32)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PhotoAsk(_Part):
    """A photo of the store; `gsd_mm` where the pose is known."""

    sha256: str
    file: str
    gsd_mm: float | None = None


class ChunkAsk(_Part):
    """What a job is given. The weights are named, so that a machine with others refuses instead of mixing results."""

    photos: tuple[PhotoAsk, ...]
    weights_sha256: str
    threshold: float
    min_area_px: int
    tile_px: int
    max_megapixels: float


class PhotoDone(_Part):
    """What became of a photo: three files of the store, or the code of the error and its parameters."""

    file: str
    sha256: str
    detection: str | None = None
    mask: str | None = None
    prob: str | None = None
    error: str | None = None
    params: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Progress:
    """`state`: running while any job may still do something, else failed or cancelled if one is, else done."""

    run_id: str
    state: JobState
    done: int
    total: int
    found: tuple[PhotoDone, ...]


def chunks(photos: Sequence[PhotoAsk], settings: HullSettings) -> list[ChunkAsk]:
    """The photos in their order, so many to a job."""
    return [
        ChunkAsk(
            photos=tuple(photos[start : start + CHUNK]),
            weights_sha256=expected_sha256(settings),
            threshold=settings.threshold,
            min_area_px=settings.min_area_px,
            tile_px=settings.tile_px,
            max_megapixels=settings.max_megapixels,
        )
        for start in range(0, len(photos), CHUNK)
    ]


def ask(services: Services, session: Session, case_id: str, by: str, photos: Sequence[PhotoAsk]) -> RunRow:
    """Queue the photos in the caller's transaction. Photos already read with these weights and settings are not read again: a job's key
    is the hash of what it is asked. A job that had failed or was cancelled is queued anew.
    """
    keys = []
    for chunk in chunks(photos, services.settings.hull):
        payload = chunk.model_dump(mode="json")
        key = f"hull-{hashlib.sha256(rfc8785.dumps(payload)).hexdigest()[:32]}"
        job = jobs.enqueue(session, services.clock, KIND, key, payload)
        if job.state in (JobState.FAILED, JobState.CANCELLED):
            jobs.retry(session, key)
        keys.append(key)
    row = RunRow(id=new_id(), case_id=case_id, jobs=keys, photos=len(photos), by=by, at=services.clock.now())
    session.add(row)
    session.flush()
    return row


def cancel(services: Services, session: Session, case_id: str) -> None:
    """Stop the newest run of a case; what is done stays. Raises NotFound."""
    for key in _newest(session, case_id).jobs:
        jobs.cancel(session, services.clock, key)


def progress(session: Session, case_id: str) -> Progress | None:
    """Where the newest run of a case is; None if there was none."""
    row = review_store.newest_run(session, case_id)
    if row is None:
        return None
    found = [jobs.get(session, key) for key in row.jobs]
    return Progress(
        row.id, _state(found), sum(map(_done, found)), row.photos, tuple(one for job in found for one in results(job))
    )


def results(job: Job) -> list[PhotoDone]:
    """What a finished job has to say of its photos."""
    rows: list[Any] = (job.result or {}).get("photos", [])
    return [PhotoDone.model_validate(row) for row in rows]


def _done(job: Job) -> int:
    return len(job.payload["photos"]) if job.state is JobState.DONE else job.done


def _state(found: list[Job]) -> JobState:
    states = {job.state for job in found}
    if states & {JobState.QUEUED, JobState.RUNNING}:
        return JobState.RUNNING
    return next((state for state in (JobState.FAILED, JobState.CANCELLED) if state in states), JobState.DONE)


def _newest(session: Session, case_id: str) -> RunRow:
    row = review_store.newest_run(session, case_id)
    if row is None:
        raise NotFound("hull.no_run", case=case_id)
    return row
