"""Owns the table of issued bundles and the queries on it.

Never holds the bundle itself: that is a folder under ``<data_dir>/bundles``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime


class BundleRow(Base):
    """One edition of a case's bundle. `record_sha256` is the frozen record in the file store; `draft` is what the
    inspector has signed (`reports.draft.Draft`); `sha256` is the tag manifest's, null until the bundle is complete.
    """

    __tablename__ = "reports_bundle"
    __table_args__ = (UniqueConstraint("case_id", "edition"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(index=True)
    edition: Mapped[int]
    number: Mapped[str]
    record_sha256: Mapped[str]
    path: Mapped[str]
    zip_path: Mapped[str]
    sha256: Mapped[str | None]
    pages: Mapped[dict[str, int]] = mapped_column(Json)
    signers: Mapped[dict[str, str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    draft: Mapped[dict[str, Any] | None] = mapped_column(Json)


@dataclass(frozen=True, slots=True)
class Edition:
    """An edition as a value, complete or not; the fields are those of `BundleRow`."""

    id: str
    case_id: str
    edition: int
    number: str
    record_sha256: str
    path: str
    zip_path: str
    sha256: str | None
    created_at: datetime
    draft: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A complete bundle as others read it; the fields are those of `BundleRow`, `sha256` is the tag manifest's."""

    id: str
    case_id: str
    edition: int
    number: str
    record_sha256: str
    path: str
    zip_path: str
    sha256: str
    pages: dict[str, int]
    signers: dict[str, str]
    created_at: datetime


def of_case(session: Session, case_id: str) -> list[BundleRow]:
    """All editions of a case, oldest first, complete or not."""
    return list(session.scalars(select(BundleRow).where(BundleRow.case_id == case_id).order_by(BundleRow.edition)))


def newest(session: Session, case_id: str) -> Edition | None:
    """The newest edition of a case, complete or not."""
    rows = of_case(session, case_id)
    return _edition(rows[-1]) if rows else None


def add(session: Session, row: BundleRow) -> Edition:
    """Begin an edition."""
    session.add(row)
    session.flush()
    return _edition(row)


def finish(session: Session, bundle_id: str, sha256: str, pages: dict[str, int], signers: dict[str, str]) -> bool:
    """Say that an edition is complete; False where that was said already."""
    row = session.get_one(BundleRow, bundle_id)
    if row.sha256 == sha256:
        return False
    row.sha256, row.pages, row.signers = sha256, pages, signers
    return True


def _edition(row: BundleRow) -> Edition:
    return Edition(
        row.id, row.case_id, row.edition, row.number, row.record_sha256, row.path, row.zip_path, row.sha256, row.created_at,
        row.draft,
    )  # fmt: skip


def keep_draft(session: Session, bundle_id: str, draft: dict[str, Any]) -> None:
    """What the inspector has signed; the first stays."""
    row = session.get_one(BundleRow, bundle_id)
    if row.draft is None:
        row.draft = draft


def issued_of_case(session: Session, case_id: str) -> list[Issued]:
    """The complete editions of a case, oldest first."""
    return [
        Issued(
            row.id, row.case_id, row.edition, row.number, row.record_sha256, row.path, row.zip_path, row.sha256, row.pages,
            row.signers, row.created_at,
        )
        for row in of_case(session, case_id)
        if row.sha256 is not None
    ]  # fmt: skip
