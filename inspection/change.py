"""Owns how a case is changed: one transaction holds the step, the rows, the journal entry, the event and the stored answer.

Never decides a step itself (`inspection.states` does) and does no file or network work inside the transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from pydantic import JsonValue
from sqlalchemy.orm import Session

from core import events, journal
from core.context import Services
from inspection import books_store, store
from inspection.assemble import subject_of
from inspection.model import Actor, Outcome
from inspection.record import CaseState, Verdict
from inspection.states import Facts, machine

Payload = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Written:
    """What a change leaves behind: journal payload (ids, codes and hashes only), the id made, an event beside the step's."""

    payload: Payload
    ref: str | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What the body of a change works with."""

    session: Session
    case: store.CaseRow
    actor: Actor
    at: datetime


Body = Callable[[Change], Written | None]


@dataclass(frozen=True, slots=True)
class Ask:
    """What the guards need beyond the rows: a reason, a verdict just reached, conditions the ship has just confirmed."""

    reason: str | None = None
    verdict: Verdict | None = None
    confirmed: frozenset[str] = frozenset()


OVERRIDES, DETENTIONS = "override", "detention"  # books whose entries the guards look at


def detained(session: Session, case_id: str) -> bool:
    """True between an order of detention and the order of release."""
    kinds = [one.kind for one in books_store.entries(session, DETENTIONS, case_id) if one.kind in ("order", "release")]
    return bool(kinds) and kinds[-1] == "order"


def _overridden(session: Session, case_id: str, deficiencies: list[store.DeficiencyRow]) -> bool:
    """A supervisor has written why nobody went; a ground that rests on a finding of the drone is not helped by that."""
    if any(row.ground_for_detention and row.part.get("finding_id") for row in deficiencies):
        return False
    return books_store.newest(session, OVERRIDES, case_id) is not None


def facts_of(session: Session, case: store.CaseRow, actor: Actor, ask: Ask) -> Facts:
    """Everything the guards look at, from the rows of one case."""
    deficiencies = store.deficiencies(session, case.id)
    return Facts(
        actor=actor.user_id,
        role=actor.role,
        reason=ask.reason,
        verdict=ask.verdict,
        open_conditions=frozenset(case.conditions) - ask.confirmed,
        undecided_findings=sum(row.state == "proposed" for row in store.findings(session, case.id)),
        detention_grounds=sum(row.ground_for_detention for row in deficiencies),
        attended_by=case.attended_by,
        attendance_overridden=_overridden(session, case.id, deficiencies),
        grounds_open=sum(row.ground_for_detention and row.state == "open" for row in deficiencies),
        detained=detained(session, case.id),
        submitted_by=frozenset(row.by for row in store.decisions(session, case.id) if row.action == "submit"),
        approved_by=case.approved_by,
        open_deficiencies=sum(row.state == "open" for row in deficiencies),
    )


def change(
    services: Services,
    actor: Actor,
    case_id: str,
    action: str,
    body: Body,
    ask: Ask | None = None,
    finish: Callable[[Change], None] | None = None,
) -> Outcome:
    """Take one step with its content. `finish` runs last in the same transaction, after the journal entry.

    A body that returns None has found everything done already (a repeated call): nothing is written. A step that moves the
    case is also "done already" if the last decision is this very step by this very person.

    Raises:
        NotFound: no such case.
        Refused, AccessDenied: as `inspection.states.Machine.step`, or an Idempotency-Key used for something else.
    """
    ask = ask or Ask()
    with services.db.write() as session:
        if (answered := store.replay(session, actor.user_id, actor.request)) is not None:
            return answered
        case = store.case_for_change(session, case_id)
        done = store.decisions(session, case_id)
        repeated = done and (done[-1].action, done[-1].by, done[-1].to_state) == (action, actor.user_id, case.state)
        if repeated and (cast("CaseState", case.state), action) not in machine().rows:
            return Outcome(case_id=case.id, state=cast("CaseState", case.state), rev=case.rev)
        step = machine().step(cast("CaseState", case.state), action, facts_of(session, case, actor, ask))
        at = services.clock.now()
        work = Change(session, case, actor, at)
        written = body(work)
        if written is None and not step.moves:
            outcome = Outcome(case_id=case.id, state=step.to_state, rev=case.rev)
            store.keep_answer(session, actor.user_id, actor.request, outcome)
            return outcome
        case.rev += 1
        payload: Payload = dict(written.payload) if written else {}
        if step.moves:
            case.state = step.to_state
            payload |= {"from": step.from_state, "to": step.to_state}
            session.add(
                store.DecisionRow(
                    case_id=case.id, seq=len(done) + 1, at=at, by=actor.user_id, role=actor.role,
                    from_state=step.from_state, action=action, to_state=step.to_state, reason=ask.reason,
                )
            )  # fmt: skip
        if ask.reason:
            payload["reason_sha256"] = digest(ask.reason)
        _announce(services, session, actor, case, action, payload, written.event if written else None)
        if finish is not None:
            finish(work)
        outcome = Outcome(case_id=case.id, state=step.to_state, rev=case.rev, ref=written.ref if written else None)
        store.keep_answer(session, actor.user_id, actor.request, outcome)
        return outcome


def _announce(
    services: Services, session: Session, actor: Actor, case: store.CaseRow, action: str, payload: Payload, event: str | None
) -> None:
    stream = subject_of(case.id)
    session.flush()
    journal.append(
        session, services.clock, stream=stream, actor=actor.user_id, action=action, payload={"role": actor.role, **payload}
    )
    kind = event or ("inspection.state_changed" if "to" in payload else "inspection.case_changed")
    events.publish(
        session, services.clock, stream=stream, type=kind,
        payload={"case_id": case.id, "action": action, "state": case.state, "rev": case.rev, **payload},
    )  # fmt: skip


def digest(value: str) -> str:
    """SHA-256 of a text that must not stand in the journal itself."""
    return hashlib.sha256(value.encode()).hexdigest()
