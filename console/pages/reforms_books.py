"""Owns the pages of the books (台账): which there are, the entries of one with their history, and the forms of those who write.

Never checks a form: `companion.books` and `companion.book_actions` do, and their answer is shown beside the form.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from companion import book_actions, books, books_store
from companion.api_books import reader_of
from companion.api_common import actor_of
from companion.books import Book
from companion.conditions import Value
from companion.definition import Fact
from companion.model import Actor, Role
from companion.roles import may
from console.pages.reforms import facts_from
from console.pages.reforms_common import Form, kept, page, said, text_of
from core.context import Services
from core.errors import YunJianError


def build_router(services: Services) -> APIRouter:
    """Public books for everybody, the others by role."""
    router = APIRouter(include_in_schema=False)

    @router.get("/reforms/books")
    def known(request: Request) -> Response:
        actor = reader_of(request)
        shown = {name: one for name, one in books.books().items() if _reads(one, actor)}
        with services.db.read() as session:
            sizes = books_store.sizes(session, shown)
        return page(request, "books.html", books=shown, sizes=sizes)

    @router.get("/reforms/books/{book}")
    def one_book(request: Request, book: str, ref: str | None = None, subject: str | None = None) -> Response:
        return _page(request, services, book, ref=ref, subject=subject)

    @router.post("/reforms/books/{book}/{do}")
    def act(request: Request, book: str, do: str, form: Form) -> Response:
        actor = actor_of(request)
        try:
            if do == "write":
                values = _given(form, books.book_named(book).fields)
                books.write(services, actor, book, text_of(form, "ref"), values, text_of(form, "subject"))
            else:
                action = book_actions.actions_of(book).get(do)
                values = {} if action is None else _given(form, action.fields)
                book_actions.run(services, actor, do, values)
        except YunJianError as error:
            return _page(request, services, book, problem=said(request, error), given=kept(form), at=do)
        return RedirectResponse(f"/reforms/books/{book}", status_code=303)

    return router


def _given(form: FormData, fields: tuple[Fact, ...]) -> dict[str, Value]:
    return facts_from(kept(form), list(fields))


def _reads(book: Book, actor: Actor | None) -> bool:
    if book.public:
        return True
    if actor is None:
        return False
    return actor.role in book.readers | book.writers or (actor.role is Role.APPLICANT and book.subject is not None)


def _page(
    request: Request, services: Services, name: str, *, ref: str | None = None, subject: str | None = None, problem: str | None = None,
    given: dict[str, str] | None = None, at: str = "",
) -> Response:  # fmt: skip
    """`given` comes back into the form `at` that was refused."""
    actor, book = reader_of(request), books.book_named(name)
    entries = books.visible(services, actor, name, subject)
    seen = {one.ref for one in entries}
    with services.db.read() as session:
        history = books.history(session, name, ref) if ref in seen and ref is not None else []
    offered = {key: one for key, one in book_actions.actions_of(name).items() if actor is not None and may(actor.role, one.may)}
    return page(
        request, "book.html", status=422 if problem else 200, name=name, book=book, entries=entries, history=history, offered=offered,
        writes=actor is not None and actor.role in book.writers, problem=problem, given=given or {}, at=at,
    )  # fmt: skip
