"""Owns the table of issued bundles and the queries on it.

Never holds the bundle itself: that is a folder under ``<data_dir>/bundles``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime


class BundleRow(Base):
    """One edition of a case's bundle. `record_file` is the frozen record in the file store; `sha256` is the tag
    manifest's, null until the bundle is complete.
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
