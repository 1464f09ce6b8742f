"""Owns the table of the books (台账) of the reforms service: one row per entry and edition, only ever added.

Never checks an entry: `companion.books` does, against the book's form.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime


class BookEntryRow(Base):
    """One edition of one entry; the newest `seq` of a `ref` counts, the older ones are its history."""

    __tablename__ = "companion_book_entry"
    book: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(index=True)
    values: Mapped[dict[str, Any]] = mapped_column(Json)
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def editions(session: Session, book: str, ref: str) -> list[BookEntryRow]:
    """Every edition of one entry, oldest first."""
    query = select(BookEntryRow).where(BookEntryRow.book == book, BookEntryRow.ref == ref).order_by(BookEntryRow.seq)
    return list(session.scalars(query))


def newest(session: Session, book: str, subject: str | None = None) -> list[BookEntryRow]:
    """The edition that counts of every entry, in the order of their refs."""
    last = (
        select(BookEntryRow.ref, func.max(BookEntryRow.seq).label("seq"))
        .where(BookEntryRow.book == book).group_by(BookEntryRow.ref).subquery()
    )  # fmt: skip
    query = (
        select(BookEntryRow)
        .join(last, (BookEntryRow.ref == last.c.ref) & (BookEntryRow.seq == last.c.seq))
        .where(BookEntryRow.book == book).order_by(BookEntryRow.ref)
    )  # fmt: skip
    if subject is not None:
        query = query.where(BookEntryRow.subject == subject)
    return list(session.scalars(query))


def sizes(session: Session, books: Iterable[str]) -> dict[str, int]:
    """How many entries each book holds."""
    query = (
        select(BookEntryRow.book, func.count(func.distinct(BookEntryRow.ref)))
        .where(BookEntryRow.book.in_(list(books))).group_by(BookEntryRow.book)
    )  # fmt: skip
    return {row[0]: row[1] for row in session.execute(query)}


def first_written(session: Session, book: str) -> datetime | None:
    """When the oldest entry of a book was written."""
    return session.scalar(select(func.min(BookEntryRow.at)).where(BookEntryRow.book == book))


def written_since(session: Session, book: str, start: datetime) -> list[BookEntryRow]:
    """First editions written from `start` on, in the order of their refs."""
    query = select(BookEntryRow).where(BookEntryRow.book == book, BookEntryRow.seq == 1, BookEntryRow.at >= start)
    return list(session.scalars(query.order_by(BookEntryRow.ref)))
