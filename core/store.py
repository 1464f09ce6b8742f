"""Owns the kernel's own tables: journal, events, cursors. Other kernel tables sit beside the code that owns them.

Never used by other folders directly: they go through `core.journal` and `core.events`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Json, UtcDateTime


class JournalRow(Base):
    """One entry of a hash chain; triggers refuse UPDATE and DELETE."""

    __tablename__ = "core_journal"
    __table_args__ = (UniqueConstraint("stream", "seq"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    stream: Mapped[str]
    seq: Mapped[int]
    prev_hash: Mapped[str]
    hash: Mapped[str]
    at_utc: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]
    on_behalf: Mapped[str | None]
    action: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(Json)


class EventRow(Base):
    """A fact that travels up. `id` grows in commit order."""

    __tablename__ = "core_event"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    stream: Mapped[str] = mapped_column(index=True)
    type: Mapped[str]
    v: Mapped[int]
    at_utc: Mapped[datetime] = mapped_column(UtcDateTime)
    payload: Mapped[dict[str, Any]] = mapped_column(Json)


class CursorRow(Base):
    """How far a subscriber has come."""

    __tablename__ = "core_cursor"
    subscriber: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[int]
