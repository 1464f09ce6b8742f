"""Owns the yearly credit evaluation of a sector, and what the discipline body sees of its lists (case 18).

Never grades by hand and never changes a list: it reads the credit files of the year's last day and the steps that officers took.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from companion import books, credit_store
from companion.books import Entry
from companion.conditions import Value
from companion.credit import evaluate
from companion.lists import list_rules
from companion.model import Actor
from companion.roles import require
from core.context import Services
from core.errors import InputError
from core.workdays import local_day

BOOK = "yearly_evaluations"


def evaluate_year(services: Services, actor: Actor, sector: str, year: int) -> list[Entry]:
    """Write the evaluation of every subject that the sector knows, as of the year's last day; once, after the year has ended.

    Raises:
        AccessDenied; NotFound: no such sector; InputError ``lists.year_open``.
    """
    require(actor, "lists.yearly")
    domain, last = list_rules(sector).domain, date(year, 12, 31)
    if local_day(services.clock.now()) <= last:
        raise InputError("lists.year_open", year=year)
    with services.db.write() as session:
        made = []
        for subject in _subjects(session, domain, last):
            ref = f"{sector}:{year}:{subject}"
            if books.history(session, BOOK, ref):
                continue
            known = [one for one in credit_store.events_of(session, subject) if one.domain in ("", domain)]
            grade = evaluate(known, last)
            held = [
                one.list for one in credit_store.entries_of(session, subject) if one.domain == domain and one.holds_on(last)
            ]
            values: dict[str, Value] = {
                "sector": sector, "year": year, "letter": grade.letter, "reasons": [one.rule for one in grade.reasons], "lists": [*held],
            }  # fmt: skip
            made.append(books.write_in(services, session, actor, BOOK, ref, values, subject))
        return made


@dataclass(frozen=True, slots=True)
class Handled:
    """One entry as the discipline body sees it: who took which step when. `one_hand`: one person took more than one step."""

    entry: str
    subject: str
    steps: tuple[tuple[str, str, datetime], ...]
    one_hand: bool


def watched(services: Services, actor: Actor, sector: str) -> list[Handled]:
    """Every entry of a sector's lists with its steps, the whole way (纪检部门全过程监督). Raises AccessDenied, NotFound."""
    require(actor, "lists.watch")
    rules = list_rules(sector)
    with services.db.read() as session:
        found = [one for one in credit_store.entries_of(session) if one.domain == rules.domain]
        notes = credit_store.entry_notes(session, [one.ref for one in found])
        handled = []
        for one in found:
            steps = tuple((note.kind, note.by, note.at) for note in notes.get(one.ref, []) if note.kind in rules.program)
            people = [by for _, by, _ in steps]
            handled.append(Handled(one.ref, one.subject, steps, len(set(people)) < len(people)))
        return handled


def _subjects(session: Session, domain: str, last: date) -> list[str]:
    known = {
        subject
        for subject in credit_store.credit_subjects(session)
        if any(one.domain == domain and one.day <= last for one in credit_store.events_of(session, subject))
    }
    return sorted(known | {one.subject for one in credit_store.entries_of(session) if one.domain == domain})
