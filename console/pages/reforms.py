"""Owns the pages of the reforms service: public items and lists, applying, the desk of each role, one case file.

Never decides: `companion.service` does, and says why something is not done; a page shows those reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from companion import benefits, creditfile, desk, registers, service, store
from companion.api import Application, current_definitions, listed_on, require_own, submit
from companion.api_common import actor_of
from companion.conditions import Value
from companion.credit import Rule
from companion.definition import Definition, Fact, Text, procedures
from companion.lists import Entry, list_rules
from companion.model import COMMAND, Apply, Reason, Role
from console.pages.reforms_common import Form, kept, page, text_of
from core.context import Services
from core.errors import InputError
from core.workdays import local_day


@dataclass(frozen=True, slots=True)
class Listing:
    """An entry of a list with the words of its criterion; None where it is the red list's clean years."""

    entry: Entry
    criterion: Rule | None


def criterion_of(entry: Entry) -> Rule | None:
    """The rule of an entry as its sector writes it."""
    return next((rule for rule in list_rules(entry.domain).black if rule.id == entry.criterion), None)


def build_router(services: Services, *, calls: bool) -> APIRouter:
    """Public pages, desks and case files. `calls`: whether this installation serves calls, so that a check by video is one."""
    router = APIRouter(include_in_schema=False)
    _public(router, services)
    _applying(router, services)
    _desk(router, services, calls=calls)
    return router


def _public(router: APIRouter, services: Services) -> None:
    @router.get("/reforms")
    def items(request: Request) -> Response:
        found = current_definitions(services)
        figures = {part.key: benefits.figures(part) for part in found}
        return page(request, "items.html", definitions=found, figures=figures)

    @router.get("/reforms/procedures/{key}")
    def item(request: Request, key: str) -> Response:
        definition = _definition(services, key)
        effects = {effect.id: effect for effect in procedures().effects.effects}
        return page(request, "item.html", d=definition, effects=effects, figures=benefits.figures(definition))

    @router.get("/reforms/lists")
    def lists(request: Request, on: date | None = None) -> Response:
        day = on or local_day(services.clock.now())
        with services.db.read() as session:
            listed = [Listing(one, criterion_of(one)) for one in creditfile.published_entries(session, day)]
        return page(request, "lists.html", on=day, entries=listed_on(services, day), listed=listed)


def _applying(router: APIRouter, services: Services) -> None:
    @router.get("/reforms/procedures/{key}/apply")
    def blank(request: Request, key: str) -> Response:
        return _apply_page(request, _definition(services, key), {}, ())

    @router.post("/reforms/procedures/{key}/apply")
    def apply(request: Request, key: str, form: Form) -> Response:
        definition = _definition(services, key)
        body = Application(
            subject=text_of(form, "subject") or None,
            facts=facts_from(kept(form), [fact for fact in definition.facts if fact.id in _applied_facts(definition)]),
            documents={
                part.id: text_of(form, f"doc.{part.id}") for part in definition.documents if text_of(form, f"doc.{part.id}")
            },
            items=tuple(str(one) for one in form.getlist("items")),
            commitment_signed=text_of(form, "commitment") == "on",
        )
        result = submit(services, actor_of(request), key, body, text_of(form, "request") or None)
        if result.reasons:
            return _apply_page(request, definition, kept(form), result.reasons)
        return RedirectResponse(f"/reforms/cases/{result.case.id}", status_code=303)


def _desk(router: APIRouter, services: Services, *, calls: bool) -> None:
    @router.get("/reforms/desk")
    def mine(request: Request) -> Response:
        actor = actor_of(request)
        firm = actor.user_id if actor.role is Role.APPLICANT else None
        with services.db.read() as session:
            cases = store.newest_cases(session, 100, firm)
            owed = store.obligations(session, subject=firm, limit=100)
            waits = [] if firm else desk.waiting(session, actor.role)
            inbox = [] if firm else store.pushes(session, receiver=actor.role.value, limit=100)
            names = {(row.key, row.version): procedures().version(row.key, row.version) for row in cases}
            current = {part.key: part for part in current_definitions(services)}
            return page(
                request, "desk.html", cases=cases, owed=owed, waits=waits, inbox=inbox, firm=firm, names=names, current=current,
                looked_up=_looked_up(current.values()), words={(one.key, one.kind, one.part): _words(current.get(one.key), one) for one in waits},
                today=local_day(services.clock.now()),
            )  # fmt: skip

    @router.post("/reforms/registers")
    def register(request: Request, form: Form) -> Response:
        """What an authority's register answered about a firm: it counts in that firm's next application."""
        subject, document, answer, source = (text_of(form, name) for name in ("subject", "document", "answer", "source"))
        registers.note_answer(services, actor_of(request), subject, document, answer, source)
        return RedirectResponse("/reforms/desk", status_code=303)

    @router.get("/reforms/cases/{case_id}")
    def case(request: Request, case_id: str) -> Response:
        return _case_page(request, services, case_id, (), calls=calls)

    @router.post("/reforms/cases/{case_id}/{do}")
    def act(request: Request, case_id: str, do: str, form: Form) -> Response:
        actor = actor_of(request)
        with services.db.read() as session:
            known = desk.sheet(session, case_id, actor.role)
        require_own(actor, known.case)
        command: dict[str, Any] = {"do": do} | {
            name: value
            for name in ("document", "sha256", "step", "proposal", "effect", "reason", "version")
            if (value := text_of(form, name))
        }
        if do == "take":
            step = known.definition.step(command.get("step", ""))
            wanted = [] if step is None else [fact for fact in known.definition.facts if fact.id in step.facts]
            command |= {"facts": facts_from(kept(form), wanted), "items": _items(form)}
        if do == "answer":
            command["uphold"] = text_of(form, "uphold") == "yes"
        asked = _command(command)
        result = service.act(services, actor, case_id, asked)
        if result.reasons:
            return _case_page(request, services, case_id, result.reasons, calls=calls)
        return RedirectResponse(f"/reforms/cases/{case_id}", status_code=303)


def _looked_up(definitions: Iterable[Definition]) -> dict[str, Text]:
    """Papers that the authority looks up instead of asking, over every procedure in force."""
    return {part.id: part.title for one in definitions for part in one.documents if part.role == "verified_online"}


def _words(definition: Definition | None, one: desk.Waiting) -> Text | None:
    """What waits in words; None where the procedure in force has no such part any more."""
    if one.kind == "objection":
        return next((effect.title for effect in procedures().effects.effects if effect.id == one.part), None)
    if definition is None:
        return None
    part = definition.step(one.part) if one.kind == "step" else definition.breach(one.part)
    return None if part is None else part.title


def facts_from(form: Mapping[str, Any], facts: list[Fact]) -> dict[str, Value]:
    """Form fields as facts of their types; an empty field is unknown, not zero.

    Raises:
        InputError ``companion.fact_bad``: a field that is not of its type.
    """
    found: dict[str, Value] = {}
    for fact in facts:
        written = text_of(form, f"fact.{fact.id}")
        if written == "":
            continue
        try:
            found[fact.id] = _typed(fact, written)
        except ValueError as error:
            raise InputError("companion.fact_bad", field=fact.id, type=fact.type, value=written[:80]) from error
    return found


def _typed(fact: Fact, written: str) -> Value:
    if fact.type == "integer":
        return int(written)
    if fact.type in ("number", "sum"):
        return float(written)
    if fact.type == "flag":
        if written not in ("yes", "no"):
            raise ValueError(written)
        return written == "yes"
    if fact.type == "list":
        return [part.strip() for part in written.replace("，", ",").split(",") if part.strip()]
    return written


def _apply_page(request: Request, definition: Definition, given: dict[str, Any], reasons: tuple[Reason, ...]) -> Response:
    asked = _applied_facts(definition)
    return page(request, "apply.html", status=422 if reasons else 200, d=definition, given=given, reasons=reasons,
        facts=[fact for fact in definition.facts if fact.id in asked], window=actor_of(request).role is Role.WINDOW,
    )  # fmt: skip


def _case_page(request: Request, services: Services, case_id: str, reasons: tuple[Reason, ...], *, calls: bool) -> Response:
    actor = actor_of(request)
    with services.db.read() as session:
        shown = desk.sheet(session, case_id, actor.role)
    require_own(actor, shown.case)
    return page(request, "case.html", status=422 if reasons else 200, s=shown, d=shown.definition, c=shown.case, reasons=reasons,
        firm=actor.role is Role.APPLICANT, legal=actor.role is Role.LEGAL, today=local_day(services.clock.now()), calls=calls,
    )  # fmt: skip


def _applied_facts(definition: Definition) -> set[str]:
    """Facts that an application states: those no step records later."""
    later = {name for step in definition.steps for name in step.facts}
    return {fact.id for fact in definition.facts if fact.required or fact.id not in later}


def _command(body: dict[str, Any]) -> Any:
    try:
        command = COMMAND.validate_python(body)
    except ValueError as error:
        raise InputError("companion.command_bad", reason=str(error).splitlines()[0][:120]) from error
    if isinstance(command, Apply):
        raise InputError("companion.command_bad", reason="apply")
    return command


def _items(form: FormData) -> tuple[str, ...]:
    return tuple(
        part.strip() for one in form.getlist("items") for part in str(one).replace("，", ",").split(",") if part.strip()
    )


def _definition(services: Services, key: str) -> Definition:
    return procedures().current(key, local_day(services.clock.now()))
