"""Owns the table of what registers answered about a firm: filled by an officer's look-up, or by an interface later.

Never asks a register.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, UtcDateTime


class RegisterAnswerRow(Base):
    """One answer. A newer answer to the same question replaces nothing: the newest counts."""

    __tablename__ = "companion_register_answer"
    id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    document: Mapped[str]
    answer: Mapped[str]
    source: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def answers(session: Session, subject: str) -> list[RegisterAnswerRow]:
    """Oldest first."""
    return list(
        session.scalars(select(RegisterAnswerRow).where(RegisterAnswerRow.subject == subject).order_by(RegisterAnswerRow.id))
    )
