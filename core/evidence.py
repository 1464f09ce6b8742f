"""Owns the evidence envelope that every producer writes (contracts.md) and the table that keeps it.

Never binds evidence to a checklist item or judges it: only `inspection` does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime
from core.ids import new_id


class Position(BaseModel):
    """Where it was captured, how well that is known and by what."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    lonlat: tuple[float, float]
    accuracy_m: float
    source: str


class Envelope(BaseModel):
    """One piece of evidence. `subject_ref` and `item_ref` are opaque to the producer."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(default_factory=new_id)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0)
    media_type: str
    kind: Literal["still", "clip", "recording", "drone_photo", "document", "ais_lines", "flight_log", "external"]
    captured_at: datetime
    clock_offset_ms: int | None
    received_at: datetime
    device: str
    position: Position | None = None
    producer: Literal["ais", "video", "drone", "inspection", "reports", "companion", "console"]
    subject_ref: str
    item_ref: str | None = None
    derived_from: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


class EvidenceRow(Base):
    """An envelope at rest; never changed after it is written."""

    __tablename__ = "core_evidence"
    id: Mapped[str] = mapped_column(primary_key=True)
    subject_ref: Mapped[str] = mapped_column(index=True)
    item_ref: Mapped[str | None]
    sha256: Mapped[str] = mapped_column(index=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    envelope: Mapped[dict[str, Any]] = mapped_column(Json)


def keep(session: Session, envelope: Envelope) -> bool:
    """Store an envelope in the caller's transaction; False if this id is already there (a retry)."""
    if session.get(EvidenceRow, envelope.id) is not None:
        return False
    session.add(
        EvidenceRow(
            id=envelope.id,
            subject_ref=envelope.subject_ref,
            item_ref=envelope.item_ref,
            sha256=envelope.sha256,
            received_at=envelope.received_at,
            envelope=envelope.model_dump(mode="json"),
        )
    )
    session.flush()
    return True


def of_subject(session: Session, subject_ref: str) -> list[Envelope]:
    """All envelopes of a subject in the order they came."""
    rows = session.scalars(select(EvidenceRow).where(EvidenceRow.subject_ref == subject_ref).order_by(EvidenceRow.id))
    return [Envelope.model_validate(row.envelope) for row in rows]


def get(session: Session, evidence_id: str) -> Envelope | None:
    row = session.get(EvidenceRow, evidence_id)
    return None if row is None else Envelope.model_validate(row.envelope)
