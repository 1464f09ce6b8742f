"""Owns the pages of credit files and lists: a firm's file with every rule that fired, and each step of an entry (cases 4 and 18).

Never shows a score: there is none; and never another firm's file to a firm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from companion import credit_store, creditfile
from companion.api_common import actor_of, subject_for
from companion.api_credit import file_of, proposed
from companion.calendars import calendar_of
from companion.credit import CreditEvent, Rule, credit_rules
from companion.lists import Entry, list_rules, sectors
from companion.model import Actor, Role
from companion.roles import may, require
from console.pages.reforms import criterion_of
from console.pages.reforms_common import Form, day_of, is_firm, page, text_of
from core.catalogue import entries
from core.context import Services
from core.errors import InputError, NotFound
from core.ids import new_id
from core.workdays import local_day

_KIND = "reforms.credit_kind_"


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry with its words and with what the viewer may do now."""

    entry: Entry
    criterion: Rule | None
    notes: list[credit_store.ListNoteRow]
    next_step: str | None
    may_advance: bool
    may_object: bool
    may_answer: bool
    may_ask_repair: bool
    may_confirm_repair: bool
    object_until: date | None
    means: tuple[tuple[str, bool], ...]


@cache
def _named_kinds() -> frozenset[str]:
    """Kinds of credit events that have words; another kind is shown as it is written."""
    return frozenset(key.removeprefix(_KIND) for key in entries() if key.startswith(_KIND))


def build_router(services: Services) -> APIRouter:
    """The list of files, one file, and the actions."""
    router = APIRouter(include_in_schema=False)

    @router.get("/reforms/credit")
    def credit(request: Request, subject: str = "") -> Response:
        actor = actor_of(request)
        if not is_firm(actor) and not subject.strip():
            return _index(request, services, actor)
        name = subject_for(actor, subject)
        grade, events, listed = file_of(services, actor, name)
        today = local_day(services.clock.now())
        return page(
            request, "credit.html", subject=name, grade=grade, events=events, firm=is_firm(actor), today=today,
            entries=[_shown(services, actor, entry, notes, today) for entry, notes in listed],
            credit_kinds=_named_kinds(), kinds=sorted({kind for rule in credit_rules().rule for kind in rule.kinds}), sectors=sectors(),
        )  # fmt: skip

    @router.post("/reforms/credit/{do}")
    def act(request: Request, do: str, form: Form) -> Response:
        actor = actor_of(request)
        subject = subject_for(actor, text_of(form, "subject"))
        _act(services, actor, subject, do, form)
        return RedirectResponse(f"/reforms/credit?subject={quote(subject)}", status_code=303)

    return router


def _index(request: Request, services: Services, actor: Actor) -> Response:
    """Every subject with a file, and the entries that wait for this desk."""
    require(actor, "credit.read")
    today = local_day(services.clock.now())
    with services.db.read() as session:
        subjects = credit_store.credit_subjects(session)
        running = [one for one in credit_store.entries_of(session) if one.runs_on(today)]
        notes = credit_store.entry_notes(session, [one.ref for one in running])
        session.expunge_all()
    waits = [_shown(services, actor, one, notes.get(one.ref, []), today) for one in running]
    waits.sort(key=lambda one: not (one.may_advance or one.may_answer or one.may_confirm_repair))
    return page(request, "credit_files.html", subjects=subjects, waits=waits)


def _act(services: Services, actor: Actor, subject: str, do: str, form: FormData) -> None:
    ref, reason = text_of(form, "ref"), text_of(form, "reason")
    if do == "event":
        day = day_of(form, "day")
        if day is None:
            raise InputError("companion.fact_missing", field="day")
        kind, domain = text_of(form, "kind"), text_of(form, "domain")
        event = CreditEvent(f"desk:{new_id()}", kind, day, domain, text_of(form, "source"))
        creditfile.record_event(services, actor, subject, event)
    elif do == "propose":
        red = text_of(form, "list") == "red"
        founded = day_of(form, "founded") if red else None
        if red and founded is None:
            raise InputError("companion.fact_missing", field="founded")
        proposed(services, actor, subject, text_of(form, "sector"), founded, day_of(form, "grade_a_since"))
    elif do == "advance":
        creditfile.advance(services, actor, ref, reason)
    elif do == "object":
        creditfile.object_to(services, actor, ref, reason)
    elif do == "answer":
        creditfile.answer_objection(services, actor, ref, reason, uphold=text_of(form, "uphold") == "yes")
    elif do == "repair":
        means = tuple(str(one) for one in form.getlist("means"))
        creditfile.request_repair(services, actor, ref, means, harm_removed=text_of(form, "harm_removed") == "on")
    elif do == "confirm-repair":
        creditfile.confirm_repair(services, actor, ref, reason)
    else:
        raise NotFound("console.no_page")


def _shown(services: Services, actor: Actor, entry: Entry, notes: list[credit_store.ListNoteRow], today: date) -> Shown:
    rules = list_rules(entry.domain)
    place = rules.program.index(entry.state) + 1 if entry.state in rules.program else 0
    runs = entry.runs_on(today)
    step = rules.program[place] if runs and place < len(rules.program) else None
    until = creditfile.last_day_to_object(notes, rules, calendar_of(services.settings))
    objected = creditfile.is_objected(notes)
    asked = bool(notes) and any(one.kind == "repair_requested" for one in notes)
    recognisers: Any = rules.steps[rules.effective_from]
    black = entry.list == "black"
    return Shown(
        entry=entry, criterion=criterion_of(entry), notes=notes, next_step=step,
        may_advance=step is not None and actor.role in rules.steps[step],
        may_object=runs and black and actor.role is Role.APPLICANT and not objected and (until is None or today <= until),
        may_answer=objected and may(actor.role, "credit.answer"),
        may_ask_repair=runs and black and entry.effective_on is not None and not asked and may(actor.role, "credit.ask_repair"),
        may_confirm_repair=runs and asked and actor.role in recognisers, object_until=until,
        means=tuple((one, True) for one in rules.repair_mandatory) + tuple((one, False) for one in rules.repair_optional),
    )  # fmt: skip
