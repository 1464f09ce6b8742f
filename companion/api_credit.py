"""Owns the HTTP side of credit files and of the red and black lists (cases 4 and 18).

Never lists anyone: `companion.creditfile` does, step by step, with a named officer and a reason.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from companion import credit_store, creditfile
from companion.api_common import Body, actor_of, subject_for
from companion.credit import CreditEvent, Grade
from companion.lists import Entry, list_rules, red_from
from companion.model import Actor
from companion.roles import require, require_own
from core.context import Services
from core.errors import Refused
from core.workdays import local_day


class FiredOut(Body):
    rule: str
    dimension: str
    level: str
    zh: str
    en: str
    refs: tuple[str, ...]


class EventOut(Body):
    ref: str
    kind: str
    day: date
    domain: str
    source: str
    repaired_on: date | None


class NoteOut(Body):
    kind: str
    reason: str
    day: date
    by: str
    role: str


class EntryOut(Body):
    ref: str
    subject: str
    list: str
    domain: str
    criterion: str
    state: str
    proposed_on: date
    effective_on: date | None
    ended_on: date | None
    end_reason: str | None
    expires_on: date | None


class EntryFile(Body):
    entry: EntryOut
    steps: list[NoteOut]


class CreditFileOut(Body):
    """The grade with every rule that fired: there is no score."""

    subject: str
    letter: str
    credit: str
    risk: str
    supervision: str
    version: str
    reasons: list[FiredOut]
    events: list[EventOut]
    entries: list[EntryFile]


class EntryPage(Body):
    on: date
    items: list[EntryOut]
    next_cursor: None = None


class EventIn(Body):
    subject: str = Field(min_length=1, max_length=100)
    ref: str = Field(min_length=1, max_length=200)
    kind: str = Field(min_length=1, max_length=100)
    day: date
    domain: str = Field(default="", max_length=100)
    source: str = Field(default="", max_length=200)


class ProposeIn(Body):
    """`founded`: propose the red list, which needs the day of registration; without it the black list's criteria are tried."""

    subject: str = Field(min_length=1, max_length=100)
    sector: str = Field(min_length=1, max_length=100)
    founded: date | None = None
    grade_a_since: date | None = None


class Reasoned(Body):
    reason: str = Field(min_length=1, max_length=2000)


class AnswerIn(Body):
    reason: str = Field(min_length=1, max_length=2000)
    uphold: bool


class RepairIn(Body):
    means: tuple[str, ...]
    harm_removed: bool


class Recorded(Body):
    new: bool


def add_routes(router: APIRouter, services: Services) -> None:
    @router.get("/lists/entries")
    def public_entries(on: date | None = None) -> EntryPage:
        """The red and black lists as published and in effect on a day."""
        day = on or local_day(services.clock.now())
        with services.db.read() as session:
            return EntryPage(on=day, items=[_entry(one) for one in creditfile.published_entries(session, day)])

    @router.get("/credit")
    def credit(request: Request, subject: str | None = None) -> CreditFileOut:
        """The credit file of a firm: its own for a firm, any for a desk."""
        actor = actor_of(request)
        grade, events, entries = file_of(services, actor, subject_for(actor, subject))
        return CreditFileOut(
            subject=subject_for(actor, subject), letter=grade.letter, credit=grade.credit, risk=grade.risk,
            supervision=grade.supervision, version=grade.version, reasons=[FiredOut(**asdict(one)) for one in grade.reasons],
            events=[EventOut(**asdict(one)) for one in events],
            entries=[EntryFile(entry=_entry(entry), steps=[_note(one) for one in notes]) for entry, notes in entries],
        )  # fmt: skip

    @router.post("/credit/events")
    def record(request: Request, body: EventIn) -> Recorded:
        event = CreditEvent(body.ref, body.kind, body.day, body.domain, body.source)
        return Recorded(new=creditfile.record_event(services, actor_of(request), body.subject, event))

    @router.post("/lists/entries")
    def propose(request: Request, body: ProposeIn) -> EntryPage:
        made = proposed(services, actor_of(request), body.subject, body.sector, body.founded, body.grade_a_since)
        return EntryPage(on=local_day(services.clock.now()), items=[_entry(one) for one in made])

    @router.post("/lists/entries/{ref}/advance")
    def advance(request: Request, ref: str, body: Reasoned) -> EntryOut:
        return _entry(creditfile.advance(services, actor_of(request), ref, body.reason))

    @router.post("/lists/entries/{ref}/object", status_code=204)
    def object_to(request: Request, ref: str, body: Reasoned) -> None:
        creditfile.object_to(services, actor_of(request), ref, body.reason)

    @router.post("/lists/entries/{ref}/answer")
    def answer(request: Request, ref: str, body: AnswerIn) -> EntryOut:
        return _entry(creditfile.answer_objection(services, actor_of(request), ref, body.reason, uphold=body.uphold))

    @router.post("/lists/entries/{ref}/repair")
    def repair(request: Request, ref: str, body: RepairIn) -> EntryOut:
        return _entry(creditfile.request_repair(services, actor_of(request), ref, body.means, harm_removed=body.harm_removed))

    @router.post("/lists/entries/{ref}/confirm-repair")
    def confirm(request: Request, ref: str, body: Reasoned) -> EntryOut:
        return _entry(creditfile.confirm_repair(services, actor_of(request), ref, body.reason))


def file_of(
    services: Services, actor: Actor, subject: str
) -> tuple[Grade, list[CreditEvent], list[tuple[Entry, list[credit_store.ListNoteRow]]]]:
    """Grade, events and list entries with their steps, in four queries. Raises AccessDenied."""
    if actor.role.value != "applicant":
        require(actor, "credit.read")
    require_own(actor, subject)
    with services.db.read() as session:
        events = credit_store.events_of(session, subject)
        entries = credit_store.entries_of(session, subject)
        notes = credit_store.entry_notes(session, [one.ref for one in entries])
        grade = creditfile.grade_on(session, subject, local_day(services.clock.now()))
        session.expunge_all()
    return grade, events, [(one, notes.get(one.ref, [])) for one in reversed(entries)]


def proposed(
    services: Services, actor: Actor, subject: str, sector: str, founded: date | None, grade_a_since: date | None = None
) -> list[Entry]:
    """Proposals of either list. Raises Refused ``lists.not_red`` with the day from which it would hold."""
    if founded is None:
        return creditfile.propose_listings(services, actor, subject, sector)
    made = creditfile.propose_red(services, actor, subject, sector, founded, grade_a_since)
    if made is None:
        with services.db.read() as session:
            known = credit_store.events_of(session, subject)
        today = local_day(services.clock.now())
        day = red_from(list_rules(sector), founded, known, today, grade_a_since)
        raise Refused("lists.listed") if day <= today else Refused("lists.not_red", day=day.isoformat())
    return [made]


def _entry(one: Entry) -> EntryOut:
    return EntryOut(**asdict(one))


def _note(row: credit_store.ListNoteRow) -> NoteOut:
    values: dict[str, Any] = {name: getattr(row, name) for name in NoteOut.model_fields}
    return NoteOut(**values)
