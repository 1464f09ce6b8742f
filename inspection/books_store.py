"""Owns the append-only books of inspection: dated facts beside a case that only ever grow, each read back by its own module.

Never changes or drops an entry: the database itself refuses (`core.db.triggers.append_only`).

Books: ``plan`` (when a ship can be met, duties of its crew), ``addendum``, ``override``, ``detention``, ``duty`` (roster),
``help`` (requests by a ship), ``notice``, ``address`` (whom notices of a ship go to), ``field`` (operations of devices), ``outcome``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime

M = TypeVar("M", bound=BaseModel)


class EntryRow(Base):
    """One entry. `ref` is what it belongs to inside its book, `seq` counts from 1 there, `subject` is the file it shows up in."""

    __tablename__ = "inspection_entry"
    book: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    part: Mapped[dict[str, Any]] = mapped_column(Json)
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is read."""

    book: str
    ref: str
    seq: int
    subject: str
    kind: str
    part: Mapping[str, Any]
    by: str
    at: datetime

    def read(self, model: type[M]) -> M:
        return model.model_validate(self.part)


def write(
    session: Session, book: str, ref: str, subject: str, kind: str, part: BaseModel | Mapping[str, Any], by: str, at: datetime
) -> Entry:
    """Append an entry in the caller's transaction."""
    seq = (session.scalar(select(func.max(EntryRow.seq)).where(EntryRow.book == book, EntryRow.ref == ref)) or 0) + 1
    values = part.model_dump(mode="json") if isinstance(part, BaseModel) else dict(part)
    session.add(EntryRow(book=book, ref=ref, seq=seq, subject=subject, kind=kind, part=values, by=by, at=at))
    session.flush()
    return Entry(book, ref, seq, subject, kind, values, by, at)


def write_at(
    session: Session, book: str, ref: str, seq: int, subject: str, kind: str, part: Mapping[str, Any], by: str, at: datetime
) -> bool:
    """Append an entry whose number its maker gave; False if that number is there already."""
    if session.get(EntryRow, (book, ref, seq)) is not None:
        return False
    session.add(EntryRow(book=book, ref=ref, seq=seq, subject=subject, kind=kind, part=dict(part), by=by, at=at))
    session.flush()
    return True


def entries(session: Session, book: str, ref: str | None = None, kind: str | None = None) -> list[Entry]:
    """Entries of a book, or of one thing in it, in the order they were made."""
    query = select(EntryRow).where(EntryRow.book == book).order_by(EntryRow.at, EntryRow.ref, EntryRow.seq)
    if ref is not None:
        query = query.where(EntryRow.ref == ref)
    if kind is not None:
        query = query.where(EntryRow.kind == kind)
    return [_entry(row) for row in session.scalars(query)]


def newest(session: Session, book: str, ref: str, kind: str | None = None) -> Entry | None:
    found = entries(session, book, ref, kind)
    return found[-1] if found else None


def of_subject(session: Session, subject: str, book: str | None = None) -> list[Entry]:
    """What a ship's or a case's file holds, in the order it was made."""
    query = select(EntryRow).where(EntryRow.subject == subject).order_by(EntryRow.at, EntryRow.ref, EntryRow.seq)
    if book is not None:
        query = query.where(EntryRow.book == book)
    return [_entry(row) for row in session.scalars(query)]


def _entry(row: EntryRow) -> Entry:
    return Entry(row.book, row.ref, row.seq, row.subject, row.kind, row.part, row.by, row.at)
