"""Owns commands on case files: each one is decided by the engine and written in one transaction with its journal entry,
obligations, effects, pushes and events.

Never decides; never calls another system inside a transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import rfc8785
from sqlalchemy.orm import Session

from companion import engine, store, writing
from companion.calendars import calendar_of
from companion.creditfile import list_source
from companion.definition import Definition, Procedures, procedures
from companion.evolve import fold
from companion.model import COMMAND, Actor, Adopt, Apply, CaseFile, Command, Result, Role
from companion.run import Context
from companion.standing import standing_of
from companion.writing import Decided
from core.context import Services
from core.errors import AccessDenied, Refused
from core.ids import new_id
from core.workdays import SHANGHAI, local_day


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
                          state="", outcome=None, klass=None, seq=0, opened_at=at, waits_known=False)
        )  # fmt: skip
        session.flush()
        _write(services, session, Decided(definition, result, actor), known)
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
    _write(services, session, Decided(definition, result, actor), known)
    _keep_answer(session, actor, request, command, case_id, result)
    return result


def act_on_many(
    services: Services,
    session: Session,
    actor: Actor,
    commands: Sequence[tuple[str, Command]],
    known: Procedures | None = None,
) -> None:
    """As `act_in` for many (case file, command), in their order, read and written with one statement a table; no answers are kept.

    Raises what `act` raises for any of them: nothing was recorded then.
    """
    table, at = known or procedures(), _milliseconds(services.clock.now())
    rows = store.lock_cases(session, {case_id for case_id, _ in commands})
    stored = store.events_of_many(session, list(rows))
    now = {case_id: fold(stored[case_id], CaseFile(id=case_id)) for case_id in rows}
    decided = []
    for case_id, command in commands:
        row = rows.get(case_id) or store.case_row(session, case_id)
        definition = table.version(row.key, now[case_id].version)
        result = _decide(services, definition, now[case_id], command, actor, at, known)
        now[case_id] = result.case
        decided.append(Decided(definition, result, actor))
    writing.write(services, session, decided, table.effects)


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


def _write(services: Services, session: Session, decided: Decided, known: Procedures | None) -> None:
    writing.write(services, session, [decided], (known or procedures()).effects)


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
