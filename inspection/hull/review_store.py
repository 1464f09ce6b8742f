"""Owns the tables of hull review: which jobs read a case's photos, and the masks that inspectors corrected.

Never changes a correction: a later one stands beside it and counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime


class RunRow(Base):
    """One request to read photos of a case: `jobs` are the keys of its jobs in `core_job`, in the order of the photos."""

    __tablename__ = "hull_run"
    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(index=True)
    jobs: Mapped[list[str]] = mapped_column(Json)
    photos: Mapped[int]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class CorrectionRow(Base):
    """A corrected mask: `base` says what it was drawn over (model, threshold), `actions` what the hand did, in order."""

    __tablename__ = "hull_correction"
    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(index=True)
    photo_sha256: Mapped[str] = mapped_column(index=True)
    mask_sha256: Mapped[str]
    file: Mapped[str]
    base: Mapped[dict[str, Any]] = mapped_column(Json)
    actions: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Correction:
    """A row, for use after the transaction."""

    id: str
    case_id: str
    photo_sha256: str
    mask_sha256: str
    file: str
    base: dict[str, Any]
    actions: tuple[dict[str, Any], ...]
    by: str
    at: datetime


def newest_run(session: Session, case_id: str) -> RunRow | None:
    """The latest request for a case."""
    return session.scalars(select(RunRow).where(RunRow.case_id == case_id).order_by(RunRow.at.desc(), RunRow.id.desc())).first()


def newest_corrections(session: Session, case_id: str | None = None) -> list[Correction]:
    """The one that counts of each photo, of one case or all, in the order of the photos' hashes."""
    query = select(CorrectionRow).order_by(CorrectionRow.at, CorrectionRow.id)
    rows = session.scalars(query if case_id is None else query.where(CorrectionRow.case_id == case_id))
    newest = {
        row.photo_sha256: Correction(
            row.id, row.case_id, row.photo_sha256, row.mask_sha256, row.file, row.base, tuple(row.actions), row.by, row.at
        )
        for row in rows
    }
    return [newest[sha256] for sha256 in sorted(newest)]
