"""Every choice that a form of the reforms service offers has words in both languages."""

from __future__ import annotations

from companion.book_actions import book_actions
from companion.books import books
from companion.definition import procedures
from core.catalogue import entries


def test_every_choice_has_words() -> None:
    forms = [part.facts for part in procedures().all()]
    forms += [book.fields for book in books().values()] + [action.fields for action in book_actions().values()]
    values = {value for form in forms for fact in form for value in fact.values}
    assert sorted(value for value in values if f"reforms.value_{value}" not in entries()) == []
