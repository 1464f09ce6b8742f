"""Owns the credit file as a service: record, grade, list, repair, and what other parts may ask of it. Cases 4 and 18.

Never lets an adverse entry have effect without a named officer, a reason and the recognising authority.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

from sqlalchemy.orm import Session

import inspection
from ais.ports import Credit, CreditGrade
from companion import credit_store as store
from companion.calendars import calendar_of
from companion.credit import CreditEvent, Grade, credit_rules, evaluate, good_credit
from companion.lists import Entry, ListRules, black_criteria, is_red, is_sector, list_rules, missing_for_repair, next_step
from companion.model import Actor, ListEntry, Role
from companion.roles import require, require_own
from core import events, journal
from core.context import Services
from core.errors import AccessDenied, InputError, NotFound, Refused
from core.events import Event
from core.ids import new_id
from core.workdays import Unit, WorkCalendar, local_day

SUBSCRIBER = "companion_credit"
SHIP_COMPANY = "ship_company"
OBJECTED = "objected"
_ANSWERS = ("objection_upheld", "objection_rejected")
_ADDED, _CHANGED = "inspection.deficiency_added", "inspection.deficiency_changed"


@dataclass(frozen=True, slots=True)
class CompanyCredit:
    """What targeting is told of a company on a day: it orders ships inside a class and never touches points or windows."""

    subject: str
    letter: str
    credit: Literal["good", "ordinary", "bad"]
    lists: tuple[str, ...]
    reasons_zh: tuple[str, ...]
    reasons_en: tuple[str, ...]
    since: date | None


def stream_of(subject: str) -> str:
    """Journal stream of a credit file; the subject is hashed, since it may be a person."""
    return f"credit:{hashlib.sha256(subject.encode()).hexdigest()[:32]}"


def record_event(services: Services, actor: Actor, subject: str, event: CreditEvent) -> bool:
    """Add a fact once (by `ref`); False where it stood there already."""
    require(actor, "credit.record")
    if not subject.strip() or not event.ref.strip():
        raise InputError("credit.nameless")
    with services.db.write() as session:
        return _record(services, session, actor, subject, event)


def grade_on(session: Session, subject: str, on: date) -> Grade:
    return evaluate(store.events_of(session, subject), on)


def list_source(session: Session, subject: str, on: date) -> tuple[tuple[ListEntry, ...], bool]:
    """What `companion.standing` adds to an applicant: entries in force, and whether the grade is good (A4.1)."""
    held = [one for one in store.entries_of(session, subject) if one.holds_on(on)]
    entries = tuple(ListEntry(ref=one.ref, kind=one.list, domain=one.domain) for one in held)
    black = any(one.list == "black" for one in held)
    return entries, good_credit(grade_on(session, subject, on), black=black, overdue_commitment=False)


def company_credit(session: Session, subject: str, on: date) -> CompanyCredit | None:
    """For `ais.ports.CreditSource`: None where nothing is known of the company."""
    known, entries = store.events_of(session, subject), [one for one in store.entries_of(session, subject) if one.holds_on(on)]
    if not known and not entries:
        return None
    grade = evaluate(known, on)
    rules = {one.domain: list_rules(one.domain) for one in entries}
    said = [rule for one in entries for rule in rules[one.domain].black if rule.id == one.criterion]
    days = [one.effective_on for one in entries if one.effective_on] + [one.day for one in known if one.counts_on(on)]
    return CompanyCredit(
        subject, grade.letter, cast("Literal['good', 'ordinary', 'bad']", grade.credit), tuple(one.list for one in entries),
        (*(one.zh for one in grade.reasons), *(one.zh for one in said)),
        (*(one.en for one in grade.reasons), *(one.en for one in said)), max(days, default=None),
    )  # fmt: skip


def propose_listings(services: Services, actor: Actor, subject: str, sector: str) -> list[Entry]:
    """Write a proposal for every black-list criterion met today, once each and once a day; without effect until recognised."""
    require(actor, "credit.propose")
    rules, today = list_rules(sector), local_day(services.clock.now())
    with services.db.write() as session:
        running = {
            one.criterion for one in store.entries_of(session, subject)
            if one.domain == rules.domain and (one.runs_on(today) or one.proposed_on == today)
        }  # fmt: skip
        made = []
        for met in black_criteria(rules, store.events_of(session, subject), today):
            if met.criterion in running:
                continue
            row = _new_entry(subject, "black", rules, met.criterion, today)
            session.add(row)
            session.flush()
            _note(
                services,
                session,
                actor,
                subject,
                "list_proposed",
                {"ref": row.ref, "criterion": met.criterion, "refs": list(met.refs)},
            )
            made.append(store.as_entry(row))
        return made


def propose_red(
    services: Services, actor: Actor, subject: str, sector: str, founded: date, grade_a_since: date | None = None
) -> Entry | None:
    """Write a proposal for the red list where its condition holds today; None where it does not, or one is running."""
    require(actor, "credit.propose")
    rules, today = list_rules(sector), local_day(services.clock.now())
    with services.db.write() as session:
        running = [one for one in store.entries_of(session, subject) if one.domain == rules.domain and one.ended_on is None]
        if running or not is_red(rules, founded, store.events_of(session, subject), today, grade_a_since):
            return None
        row = _new_entry(subject, "red", rules, "clean_years", today)
        session.add(row)
        session.flush()
        _note(services, session, actor, subject, "list_proposed", {"ref": row.ref, "criterion": row.criterion})
        return store.as_entry(row)


def advance(services: Services, actor: Actor, ref: str, reason: str) -> Entry:
    """Take the program's next step. From the recognising step on, the entry has effect.

    Raises:
        InputError ``credit.reason_missing``; Refused, AccessDenied as `companion.lists.next_step`; Refused ``lists.ended``.
    """
    with services.db.write() as session:
        row = store.entry_for_change(session, ref)
        _reasoned(reason)
        rules, today = list_rules(row.domain), local_day(services.clock.now())
        if not store.as_entry(row).runs_on(today):
            raise Refused("lists.ended", ref=ref)
        row.state = next_step(rules, row.state, actor.role)
        if row.state == rules.effective_from:
            row.effective_on = today
            if row.list == "black":
                _end_red(session, row.subject, row.domain, today, "black_listed")
        payload = {"ref": ref, "state": row.state, "reason_sha256": _sha256(reason)}
        _keep_note(services, session, actor, ref, row.state, reason)
        _note(services, session, actor, row.subject, "list_step", payload)
        return store.as_entry(row)


def request_repair(services: Services, actor: Actor, ref: str, done: tuple[str, ...], *, harm_removed: bool) -> Entry:
    """Ask for repair. Refused, with the missing means named, while any is missing or the harm persists."""
    require(actor, "credit.ask_repair")
    with services.db.write() as session:
        row = store.entry_for_change(session, ref)
        require_own(actor, row.subject)
        if row.ended_on is not None:
            raise Refused("lists.ended", ref=ref)
        if missing := missing_for_repair(list_rules(row.domain), done, (), harm_removed=harm_removed):
            raise Refused("lists.repair_incomplete", missing=", ".join(missing))
        row.repair = {"means": list(done), "asked_on": local_day(services.clock.now()).isoformat()}
        _keep_note(services, session, actor, ref, "repair_requested", ", ".join(done))
        _note(services, session, actor, row.subject, "repair_requested", {"ref": ref, "means": list(done)})
        return store.as_entry(row)


def confirm_repair(services: Services, actor: Actor, ref: str, reason: str) -> Entry:
    """The recognising authority confirms: effects end that day, the entry stays as repaired."""
    with services.db.write() as session:
        row = store.entry_for_change(session, ref)
        _reasoned(reason)
        rules = list_rules(row.domain)
        if actor.role not in rules.steps[rules.effective_from]:
            raise AccessDenied("lists.not_your_step", step="confirm_repair", role=actor.role.value)
        if row.repair is None or row.ended_on is not None:
            raise Refused("lists.no_repair_request", ref=ref)
        row.ended_on, row.end_reason, row.state = local_day(services.clock.now()), "repaired", "removed"
        _keep_note(services, session, actor, ref, "repair_confirmed", reason)
        _note(services, session, actor, row.subject, "repair_confirmed", {"ref": ref, "reason_sha256": _sha256(reason)})
        return store.as_entry(row)


def object_to(services: Services, actor: Actor, ref: str, reason: str) -> None:
    """The firm objects to its black entry, until the term after the notice has run; one objection at a time.

    Raises:
        Refused ``lists.ended``, ``lists.objected``, ``lists.objection_late`` with the last day.
    """
    require(actor, "credit.object")
    with services.db.write() as session:
        row = store.entry_for_change(session, ref)
        require_own(actor, row.subject)
        _reasoned(reason)
        today = local_day(services.clock.now())
        if row.list != "black" or not store.as_entry(row).runs_on(today):
            raise Refused("lists.ended", ref=ref)
        notes = store.entry_notes(session, [ref]).get(ref, [])
        if is_objected(notes):
            raise Refused("lists.objected")
        last = last_day_to_object(notes, list_rules(row.domain), calendar_of(services.settings))
        if last is not None and today > last:
            raise Refused("lists.objection_late", day=last.isoformat())
        _keep_note(services, session, actor, ref, OBJECTED, reason)
        _note(services, session, actor, row.subject, "list_objected", {"ref": ref, "reason_sha256": _sha256(reason)})


def answer_objection(services: Services, actor: Actor, ref: str, reason: str, *, uphold: bool) -> Entry:
    """The legal office answers: upheld ends the entry that day, rejected leaves it as it is.

    Raises:
        Refused ``lists.not_objected``.
    """
    require(actor, "credit.answer")
    with services.db.write() as session:
        row = store.entry_for_change(session, ref)
        _reasoned(reason)
        if not is_objected(store.entry_notes(session, [ref]).get(ref, [])):
            raise Refused("lists.not_objected")
        said = "objection_upheld" if uphold else "objection_rejected"
        if uphold and row.ended_on is None:
            row.ended_on, row.end_reason, row.state = local_day(services.clock.now()), said, "removed"
        _keep_note(services, session, actor, ref, said, reason)
        _note(services, session, actor, row.subject, said, {"ref": ref, "reason_sha256": _sha256(reason)})
        return store.as_entry(row)


def is_objected(notes: Sequence[store.ListNoteRow]) -> bool:
    """True while an objection waits for its answer."""
    said = [one.kind for one in notes if one.kind == OBJECTED or one.kind in _ANSWERS]
    return bool(said) and said[-1] == OBJECTED


def last_day_to_object(notes: Sequence[store.ListNoteRow], rules: ListRules, calendar: WorkCalendar) -> date | None:
    """None before the notice: then the term has not begun."""
    noticed = next((one.day for one in notes if one.kind == "notified"), None)
    if noticed is None:
        return None
    return calendar.due(noticed, rules.objection_working_days, Unit.WORKING_DAY).day


def published_entries(session: Session, on: date) -> list[Entry]:
    """The red and black lists as the public saw them on a day: published by then, and in effect on it."""
    entries = [one for one in store.entries_of(session) if one.holds_on(on)]
    notes = store.entry_notes(session, [one.ref for one in entries])
    return [one for one in entries if any(note.kind == "published" and note.day <= on for note in notes.get(one.ref, []))]


class CreditRecords:
    """`ais.ports.CreditSource` over the credit files of ship companies (key: the company's IMO number)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def credits_of(self, companies: Collection[str], on: date) -> Mapping[str, Credit]:
        """Black list or bad credit is poor; the reasons stand in `source`. A company without a file on that day is left out."""
        with self._services.db.read() as session:
            filed = {*store.credit_subjects(session), *(one.subject for one in store.entries_of(session))}
            found = {company: company_credit(session, company, on) for company in companies if company in filed}
        return {company: _graded(company, known, on) for company, known in found.items() if known is not None and known.since}


def _graded(company: str, known: CompanyCredit, on: date) -> Credit:
    grade: CreditGrade = "poor" if known.credit == "bad" or "black" in known.lists else known.credit
    reasons = "; ".join((known.letter, *known.lists, *known.reasons_zh))
    return Credit(key=company, grade=grade, source=reasons, valid_from=known.since or on, valid_to=on)


def on_event(services: Services, event: Event) -> None:
    """What an inspection found becomes a credit event of the ship's company, once; a ship without a company leaves none.

    ``inspection.deficiency_added`` {case_id, action}: a deficiency; with the action for a detention, a detention.
    ``inspection.deficiency_changed`` {case_id, action}: only where that action is a detention.
    """
    action = event.payload.get("action")
    detained = action in credit_rules().detention_actions
    if event.type not in (_ADDED, _CHANGED) or (event.type == _CHANGED and not detained):
        return
    try:
        with services.db.read() as session:
            company = inspection.company_of(session, str(event.payload["case_id"]))
    except NotFound:
        return
    if company:
        kind = "detention" if detained else "deficiency"
        fact = CreditEvent(f"event-{event.id}", kind, local_day(event.at_utc), SHIP_COMPANY, event.stream)
        record_event(services, Actor("system", Role.SYSTEM), company, fact)


def _record(services: Services, session: Session, actor: Actor, subject: str, event: CreditEvent) -> bool:
    if session.get(store.CreditEventRow, event.ref) is not None:
        return False
    session.add(
        store.CreditEventRow(
            ref=event.ref, subject=subject, kind=event.kind, day=event.day, domain=event.domain, source=event.source,
            repaired_on=event.repaired_on,
        )
    )  # fmt: skip
    session.flush()
    if event.kind in {kind for rules in _sectors(event.domain) for kind in rules.adverse_kinds}:
        _end_red(session, subject, event.domain, event.day, "adverse_record")
    _note(
        services, session, actor, subject, "credit_event", {"ref": event.ref, "kind": event.kind, "day": event.day.isoformat()}
    )
    return True


def _keep_note(services: Services, session: Session, actor: Actor, ref: str, kind: str, reason: str) -> None:
    now = services.clock.now()
    session.add(
        store.ListNoteRow(
            id=new_id(),
            ref=ref,
            kind=kind,
            reason=reason.strip(),
            day=local_day(now),
            at=now,
            by=actor.user_id,
            role=actor.role.value,
        )
    )


def _sectors(domain: str) -> list[ListRules]:
    return [list_rules(domain)] if is_sector(domain) else []


def _new_entry(
    subject: str, kind: Literal["red", "black"], rules: ListRules, criterion: str, today: date
) -> store.ListEntryRow:
    return store.ListEntryRow(
        ref=new_id(), subject=subject, list=kind, domain=rules.domain, criterion=criterion, state="proposed", proposed_on=today
    )


def _end_red(session: Session, subject: str, domain: str, day: date, why: str) -> None:
    """Red entries of one domain end that day."""
    for entry in store.entries_of(session, subject):
        if entry.list == "red" and entry.domain == domain and entry.ended_on is None:
            row = store.entry_for_change(session, entry.ref)
            row.ended_on, row.end_reason, row.state = day, why, "removed"


def _note(services: Services, session: Session, actor: Actor, subject: str, action: str, payload: dict[str, Any]) -> None:
    session.flush()
    stream = stream_of(subject)
    journal.append(session, services.clock, stream=stream, actor=actor.user_id, action=action, payload=payload)
    events.publish(
        session, services.clock, stream=stream, type="companion.credit_changed", payload={"subject": subject, "action": action}
    )


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise InputError("credit.reason_missing")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
