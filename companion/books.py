"""Owns the books (台账) of the reforms service: registers whose forms are data, ``config/companion/books.toml``.

Never changes or removes an entry: a correction is a new edition, and what was written before stays readable. A book is named by its
case; a service may keep one too (payouts, guarantee letters), then nobody writes it by hand.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import rfc8785
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from companion import books_store as store
from companion.conditions import Value
from companion.definition import Fact, Text
from companion.facts import checked_form
from companion.model import Actor, Role
from config import pack_path
from core import events, journal
from core.context import Services
from core.errors import AccessDenied, InputError, NotFound, Refused


class Book(BaseModel):
    """The form of one book. `subject`: what its entries are about, none where an entry is about no firm, ship or case file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    case: int = Field(ge=1, le=21)
    title: Text
    ref: Text
    subject: Text | None = None
    writers: frozenset[Role]
    readers: frozenset[Role] = frozenset()
    public: bool = False
    tells: tuple[str, ...] = Field(
        default=(), description="who is told of a new entry, as receivers of the double push are named"
    )
    fields: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as its newest edition has it."""

    book: str
    ref: str
    seq: int
    subject: str
    values: Mapping[str, Value]
    by: str
    at: datetime


def write(services: Services, actor: Actor, book: str, ref: str, values: Mapping[str, Value], subject: str = "") -> Entry:
    """Write an entry, or a new edition of one that is there.

    Raises:
        NotFound: no such book. AccessDenied: the role does not write it. InputError: a field of another form, or a missing one.
        Refused ``books.subject_moved``: an entry never goes over to another subject.
    """
    if actor.role not in book_named(book).writers:
        raise AccessDenied("companion.not_your_step", role=actor.role.value)
    with services.db.write() as session:
        return write_in(services, session, actor, book, ref, values, subject)


def write_in(
    services: Services, session: Session, actor: Actor, book: str, ref: str, values: Mapping[str, Value], subject: str = "",
) -> Entry:  # fmt: skip
    """The same in the caller's transaction, by a service that has checked who acts."""
    form = book_named(book)
    checked = checked_form(form.fields, values)
    if missing := [field.id for field in form.fields if field.required and field.id not in checked]:
        raise InputError("companion.fact_missing", field=missing[0])
    ref, subject = ref.strip(), subject.strip()
    if not ref or len(ref) > 200 or (form.subject is not None) is not bool(subject):
        raise InputError("books.bad_entry", book=book)
    digest = hashlib.sha256(rfc8785.dumps(checked)).hexdigest()
    payload = {"ref_sha256": hashlib.sha256(ref.encode()).hexdigest(), "values_sha256": digest, "role": actor.role.value}
    # the journal's lock on the stream orders two writers of one entry
    journal.append(session, services.clock, stream=f"book:{book}", actor=actor.user_id, action="book_entry", payload=payload)
    known = store.editions(session, book, ref)
    if known and known[-1].subject != subject:
        raise Refused("books.subject_moved", book=book, ref=ref)
    row = store.BookEntryRow(
        book=book, ref=ref, seq=len(known) + 1, subject=subject, values=checked, by=actor.user_id, at=services.clock.now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    told = {"book": book, "ref": ref, "seq": row.seq, "subject": subject, "to": list(form.tells)}
    events.publish(session, services.clock, stream=f"book:{book}", type="companion.book_entry", payload=told)
    return _entry(row)


def entries(session: Session, book: str, subject: str | None = None) -> list[Entry]:
    """Every entry as it counts now, of one subject or of all."""
    book_named(book)
    return [_entry(row) for row in store.newest(session, book, subject)]


def entry(session: Session, book: str, ref: str) -> Entry:
    """Raises NotFound."""
    if not (found := history(session, book, ref)):
        raise NotFound("books.unknown_entry", book=book, ref=ref)
    return found[-1]


def history(session: Session, book: str, ref: str) -> list[Entry]:
    """Every edition of an entry, oldest first."""
    book_named(book)
    return [_entry(row) for row in store.editions(session, book, ref)]


def visible(services: Services, actor: Actor | None, book: str, subject: str | None = None) -> list[Entry]:
    """The entries this reader may see: all of a public book; of another, all for its readers, and a firm its own.

    Raises:
        AccessDenied.
    """
    form = book_named(book)
    if not form.public:
        if actor is None:
            raise AccessDenied("companion.no_desk")
        if actor.role is Role.APPLICANT and form.subject is not None:
            subject = actor.user_id
        elif actor.role not in form.readers | form.writers:
            raise AccessDenied("companion.not_your_step", role=actor.role.value)
    with services.db.read() as session:
        return entries(session, book, subject)


def book_named(name: str) -> Book:
    """Raises NotFound."""
    found = books().get(name)
    if found is None:
        raise NotFound("books.unknown", book=name)
    return found


def _entry(row: store.BookEntryRow) -> Entry:
    return Entry(row.book, row.ref, row.seq, row.subject, row.values, row.by, row.at)


@cache
def books() -> dict[str, Book]:
    """Every book in the order of the cases."""
    raw = tomllib.loads(pack_path("companion", "books.toml").read_text(encoding="utf-8"))
    found = {name: Book.model_validate(part) for name, part in raw["book"].items()}
    return dict(sorted(found.items(), key=lambda row: (row[1].case, row[0])))
