"""Owns the HTTP side of the books: what there is, their entries with history, writing one, and the actions of kept books.

Never decides who reads or writes: each book and ``actions.toml`` do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from companion import book_actions, books
from companion.api_common import Body, actor_of
from companion.books import Entry
from companion.conditions import Value
from companion.definition import Text
from companion.model import Actor, Role
from core.auth import Principal
from core.context import Services
from core.errors import NotFound


class BookOut(Body):
    book: str
    case: int
    title: Text
    public: bool
    actions: list[str]


class BookPage(Body):
    items: list[BookOut]
    next_cursor: None = None


class EntryOut(Body):
    ref: str
    edition: int
    subject: str
    values: dict[str, Value]
    by: str
    at: datetime


class EntryPage(Body):
    items: list[EntryOut]
    next_cursor: None = None


class EntryIn(Body):
    """`values` as the book's form; the same number again is a new edition."""

    ref: str = Field(min_length=1, max_length=200)
    subject: str = Field(default="", max_length=200)
    values: dict[str, Value]


class ActionIn(Body):
    action: str = Field(min_length=1, max_length=60)
    values: dict[str, Value] = Field(default_factory=dict)


def add_routes(router: APIRouter, services: Services) -> None:
    """Under ``/api/v1/companion/books``."""

    @router.get("/books")
    def known() -> BookPage:
        return BookPage(items=[
            BookOut(book=name, case=one.case, title=one.title, public=one.public, actions=sorted(book_actions.actions_of(name)))
            for name, one in books.books().items()
        ])  # fmt: skip

    @router.get("/books/{book}")
    def entries(request: Request, book: str, subject: str | None = None) -> EntryPage:
        """All of a public book; of another, all for its readers, and a firm its own."""
        return EntryPage(items=[_out(one) for one in books.visible(services, reader_of(request), book, subject)])

    @router.post("/books/{book}")
    def write(request: Request, book: str, body: EntryIn) -> EntryOut:
        return _out(books.write(services, actor_of(request), book, body.ref, body.values, body.subject))

    @router.post("/books/{book}/actions")
    def act(request: Request, book: str, body: ActionIn) -> EntryPage:
        """Do an action of a kept book; answers with the entries that the actor sees then."""
        actor = actor_of(request)
        if body.action not in book_actions.actions_of(book):
            raise NotFound("books.unknown_action", action=body.action)
        book_actions.run(services, actor, body.action, body.values)
        return EntryPage(items=[_out(one) for one in books.visible(services, actor, book)])


def reader_of(request: Request) -> Actor | None:
    """Who reads; None for the public and for people without a desk here."""
    who: Any = getattr(request.state, "principal", None)
    return actor_of(request) if isinstance(who, Principal) and who.role.value in set(Role) - {Role.SYSTEM} else None


def _out(one: Entry) -> EntryOut:
    return EntryOut(ref=one.ref, edition=one.seq, subject=one.subject, values=dict(one.values), by=one.by, at=one.at)
