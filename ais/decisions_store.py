"""Owns the table of targeting decisions and its queries. Rows are added, never changed (a trigger refuses it).

Never decides anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime


class TargetDecisionRow(Base):
    """What an officer decided about a ship, with the evidence as it was. `ship`: IMO number, or ``mmsi:`` and the MMSI."""

    __tablename__ = "ais_target_decision"
    id: Mapped[str] = mapped_column(primary_key=True)
    ship: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str]
    factor: Mapped[str | None]
    reason: Mapped[str | None]
    by: Mapped[str]
    request: Mapped[str | None] = mapped_column(unique=True)
    evidence: Mapped[dict[str, Any]] = mapped_column(Json)
    evidence_sha256: Mapped[str]


def add(session: Session, row: TargetDecisionRow) -> None:
    session.add(row)
    session.flush()


def by_request(session: Session, request: str) -> TargetDecisionRow | None:
    return session.scalar(select(TargetDecisionRow).where(TargetDecisionRow.request == request))


def decided(session: Session, until: datetime, ship: str | None = None) -> list[TargetDecisionRow]:
    """Decisions taken up to `until`, the oldest first."""
    query = select(TargetDecisionRow).where(TargetDecisionRow.at <= until).order_by(TargetDecisionRow.at, TargetDecisionRow.id)
    if ship is not None:
        query = query.where(TargetDecisionRow.ship == ship)
    return list(session.scalars(query))
