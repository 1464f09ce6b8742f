"""Owns facts that travel up: written in the caller's transaction, read by subscribers with a cursor, at least once.

Never calls a subscriber itself; whoever runs the process does, with `deliver`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from core.clock import Clock
from core.db import Database
from core.store import CursorRow, EventRow


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. Handlers are idempotent by `id`."""

    id: int
    stream: str
    type: str
    v: int
    at_utc: datetime
    payload: dict[str, Any]


def publish(session: Session, clock: Clock, *, stream: str, type: str, payload: dict[str, Any], v: int = 1) -> int:
    """Write an event in the caller's transaction; returns its id."""
    _in_commit_order(session)
    row = EventRow(stream=stream, type=type, v=v, at_utc=clock.now(), payload=payload)
    session.add(row)
    session.flush()
    return row.id


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact that has no number yet."""

    stream: str
    type: str
    payload: dict[str, Any]


def publish_many(session: Session, clock: Clock, drafts: Sequence[Draft], v: int = 1) -> None:
    """As `publish` for many facts, in their order, with one statement."""
    if not drafts:
        return
    _in_commit_order(session)
    at = clock.now()
    rows = [{"stream": one.stream, "type": one.type, "v": v, "at_utc": at, "payload": one.payload} for one in drafts]
    session.execute(insert(EventRow), rows)


def _in_commit_order(session: Session) -> None:
    """Ids must grow in commit order, or a cursor skips one; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('core_event'))"))


def deliver(db: Database, subscriber: str, handler: Callable[[Event], None], limit: int = 100) -> int:
    """Hand the next events to `handler` one by one, moving the cursor after each; returns how many.

    A process killed between handling and moving the cursor sees that event again.
    """
    with db.read() as session:
        done = session.scalar(select(CursorRow.event_id).where(CursorRow.subscriber == subscriber)) or 0
        rows = session.scalars(select(EventRow).where(EventRow.id > done).order_by(EventRow.id).limit(limit)).all()
        pending = [Event(row.id, row.stream, row.type, row.v, row.at_utc, row.payload) for row in rows]
    for event in pending:
        handler(event)
        with db.write() as session:
            session.merge(CursorRow(subscriber=subscriber, event_id=event.id))
    return len(pending)


def since(session: Session, after_id: int, stream: str | None = None, limit: int = 500) -> list[Event]:
    """Events after an id, for pages that follow a stream."""
    query = select(EventRow).where(EventRow.id > after_id).order_by(EventRow.id).limit(limit)
    if stream is not None:
        query = query.where(EventRow.stream == stream)
    return [Event(row.id, row.stream, row.type, row.v, row.at_utc, row.payload) for row in session.scalars(query)]
