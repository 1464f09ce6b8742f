"""Owns commands on case files: each one is decided by the engine and written in one transaction with its journal entry,
obligations, effects, pushes and events.

Never decides; never calls another system inside a transaction.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import rfc8785
from sqlalchemy.orm import Session

from companion import engine, store, terms
from companion.calendars import calendar_of
from companion.creditfile import list_source
from companion.definition import Definition, Procedures, procedures
from companion.evolve import fold
from companion.model import COMMAND, Actor, Adopt, Apply, CaseFile, Command, Event, Result, Role
from companion.run import Context
from companion.standing import standing_of
from core import events, journal
from core.clock import rfc3339
from core.context import Services
from core.errors import AccessDenied, Refused
from core.ids import new_id
from core.workdays import SHANGHAI, local_day

_ENDS = {"effect_withdrawn", "effect_lifted", "effect_expired"}
_EFFECT = {"effect_ordered", "effect_recognised", "effect_objected", "objection_refused", *_ENDS}
_TELL_ALL = {"decided", "effect_ordered", "effect_recognised", "effect_lifted", "effect_withdrawn", "effect_expired", "due_moved",
             "reminded", "overdue", "proposed", "service_defect", "effect_automatic"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An Idempotency-Key. What is asked under it is compared by its hash."""

    key: str


def submit(
    services: Services,
    actor: Actor,
    key: str,
    application: Apply,
    request: RequestKey | None = None,
    known: Procedures | None = None,
) -> Result:
    """Open a case file for an application under the version in force today.

    The subject's standing (lists, bars, overdue commitments) is looked up here and kept with the application.

    Raises:
        InputError: a fact, paper or item that the procedure does not know; no case file is made.
        NotFound: no such procedure in force.
        Refused: the item is not published, because the duty list (case 3) lacks one of its four owners.
    """
    at = _milliseconds(services.clock.now())
    definition = (known or procedures()).current(key, local_day(at))
    if missing := definition.owners.missing():
        raise Refused("companion.owner_missing", key=definition.key, owners=", ".join(missing))
    with services.db.write() as session:
        standing = standing_of(session, application.subject, local_day(at), list_source)
        command = application.model_copy(update={"standing": standing})
        if (answered := _answered(session, actor, request, application, key)) is not None:
            return answered
        case = CaseFile(id=new_id())
        result = _decide(services, definition, case, command, actor, at, known)
        session.add(
            store.CaseRow(id=case.id, key=definition.key, version=definition.version, subject=application.subject,
                          state="", outcome=None, klass=None, seq=0, opened_at=at)
        )  # fmt: skip
        session.flush()
        _write(services, session, definition, result, actor)
        _keep_answer(session, actor, request, application, key, result)
        return result


def act(
    services: Services,
    actor: Actor,
    case_id: str,
    command: Command,
    request: RequestKey | None = None,
    known: Procedures | None = None,
) -> Result:
    """One command on a case file. `Result.reasons` says why nothing was done, where a rule blocked it (that is on record).

    Raises:
        NotFound, InputError, Refused, AccessDenied: nothing was recorded.
    """
    with services.db.write() as session:
        return act_in(services, session, actor, case_id, command, request, known)


def act_in(
    services: Services, session: Session, actor: Actor, case_id: str, command: Command, request: RequestKey | None = None,
    known: Procedures | None = None,
) -> Result:  # fmt: skip
    """As `act`, in the caller's transaction."""
    row = store.case_row(session, case_id, for_change=True)
    if actor.role is Role.APPLICANT and actor.user_id != row.subject:
        raise AccessDenied("companion.not_your_case", id=case_id)
    if (answered := _answered(session, actor, request, command, case_id)) is not None:
        return answered
    version = command.version if isinstance(command, Adopt) else row.version
    definition = (known or procedures()).version(row.key, version)
    case = fold(store.events_of(session, case_id), CaseFile(id=case_id))
    result = _decide(services, definition, case, command, actor, _milliseconds(services.clock.now()), known)
    _write(services, session, definition, result, actor)
    _keep_answer(session, actor, request, command, case_id, result)
    return result


def case_file(services: Services, case_id: str, at: datetime | None = None) -> CaseFile:
    """A case file now, or as it was just before an instant. Raises NotFound."""
    with services.db.read() as session:
        store.case_row(session, case_id)
        return fold(store.events_of(session, case_id, before=at), CaseFile(id=case_id))


@dataclass(frozen=True, slots=True)
class ExtractRow:
    """One case file as the public sees it."""

    case_id: str
    procedure: str
    state: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Extract:
    """The public extract as of the end of a day: states of case files and published list entries. No names."""

    day: date
    cases: tuple[ExtractRow, ...]
    listed: tuple[tuple[str, str, date], ...]


def public_extract(services: Services, day: date, known: Procedures | None = None) -> Extract:
    """What the public could see at the end of a day; what was decided later does not show."""
    end = datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
    with services.db.read() as session:
        rows = store.transitions(session, end, (known or procedures()).keys())
        listed = store.published_on(session, day)
        return Extract(
            day,
            tuple(ExtractRow(case_id, key, state, since) for case_id, key, state, since in rows),
            tuple((row.subject, row.effect, row.from_day) for row in listed if row.from_day is not None),
        )


def digest(case_id: str, event: Event) -> str:
    """SHA-256 of an event's canonical bytes; the journal keeps it."""
    return hashlib.sha256(canonical(case_id, event)).hexdigest()


def canonical(case_id: str, event: Event) -> bytes:
    """The bytes of one event that are hashed: JSON with sorted keys and no spaces, in ASCII."""
    body = {
        "case": case_id,
        "seq": event.seq,
        "type": event.type,
        "at": rfc3339(event.at),
        "actor": event.actor,
        "role": event.role,
    }
    return json.dumps({**body, "payload": event.payload}, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def stream_of(case_id: str) -> str:
    return f"companion:{case_id}"


def _decide(
    services: Services,
    definition: Definition,
    case: CaseFile,
    command: Command,
    actor: Actor,
    at: datetime,
    known: Procedures | None,
) -> Result:
    context = Context(actor, at, calendar_of(services.settings), (known or procedures()).effects)
    return engine.decide(definition, case, command, context)


def _write(services: Services, session: Session, definition: Definition, result: Result, actor: Actor) -> None:
    """Events, journal, rows and outbox of one result."""
    case = result.case
    session.add_all(
        store.EventRow(case_id=case.id, seq=event.seq, type=event.type, at=event.at, actor=event.actor, role=event.role,
                       payload=dict(event.payload)) for event in result.events
    )  # fmt: skip
    row = store.case_row(session, case.id)
    row.state, row.outcome, row.klass, row.seq, row.version = case.state, case.outcome, case.klass, case.seq, case.version
    owed_by: dict[str, str] = {}
    touched: dict[str, datetime | None] = {}
    for event in result.events:
        payload = event.payload
        if "id" in payload and payload["id"] in case.obligations and event.type != "proposed":
            touched[payload["id"]] = terms.wakes_at(definition, case.obligations[payload["id"]])
            if event.type == "obligation_opened":
                owed_by[payload["id"]] = payload["owed_by"]
        if event.type in _EFFECT:
            store.write_effect(session, case, event, definition.domain)
            if event.type in _ENDS:
                store.effect_row(session, case.id, payload["ref"]).ended_on = local_day(event.at)
        if event.type == "push":
            session.add(_push_row(services, case, event))
        if event.type == "told" or event.type in _TELL_ALL:
            _tell(services, session, case, event)
    store.write_obligations(session, case, touched, owed_by)
    journal.append(
        session, services.clock, stream=stream_of(case.id), actor=actor.user_id, action=result.events[0].payload["command"]["do"],
        payload={"version": f"{definition.key}@{definition.version}",
                 "first": result.events[0].seq,
            "events": [digest(case.id, event) for event in result.events]},
    )  # fmt: skip


def _push_row(services: Services, case: CaseFile, event: Event) -> store.PushRow:
    """A receiver without an address has its desk in this console: the row is its inbox."""
    receiver = event.payload["receiver"]
    addressed = receiver in services.settings.companion.endpoints
    body = {"case_id": case.id, "procedure": case.key, "subject": case.subject, "kind": event.payload["kind"],
            "what": event.payload["what"], "at": rfc3339(event.at)}  # fmt: skip
    return store.PushRow(
        key=f"{case.id}:{event.seq}", case_id=case.id, receiver=receiver, kind=event.payload["kind"], body=body,
        state="queued" if addressed else "inbox", attempts=0, due_at=event.at, queued_at=event.at,
        delivered_at=None if addressed else event.at, error=None,
    )  # fmt: skip


def _tell(services: Services, session: Session, case: CaseFile, event: Event) -> None:
    name = event.payload["topic"] if event.type == "told" else event.type
    payload: dict[str, Any] = {"case_id": case.id, "procedure": case.key, "subject": case.subject, "seq": event.seq}
    events.publish(session, services.clock, stream=stream_of(case.id), type=f"companion.{name}", payload=payload)


def _answered(session: Session, actor: Actor, request: RequestKey | None, command: Command, target: str) -> Result | None:
    if request is None:
        return None
    row = store.request(session, actor.user_id, request.key, _fingerprint(command, target))
    if row is None:
        return None
    known = store.events_of(session, row.case_id)
    return Result(
        fold(known, CaseFile(id=row.case_id)), tuple(event for event in known if row.first_seq <= event.seq <= row.last_seq)
    )


def _keep_answer(
    session: Session, actor: Actor, request: RequestKey | None, command: Command, target: str, result: Result
) -> None:
    if request is not None:
        session.add(
            store.RequestRow(user_id=actor.user_id, key=request.key, fingerprint=_fingerprint(command, target), case_id=result.case.id,
                             first_seq=result.events[0].seq, last_seq=result.events[-1].seq)
        )  # fmt: skip


def _fingerprint(command: Command, target: str) -> str:
    body = {"target": target, "command": COMMAND.dump_python(command, mode="json")}
    return hashlib.sha256(rfc8785.dumps(body)).hexdigest()


def _milliseconds(at: datetime) -> datetime:
    """Times are kept as the contract writes them, so that a replay has the very same instant."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
