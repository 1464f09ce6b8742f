"""Owns writing what commands led to: events, rows, outbox, facts and journal of one or many case files in the caller's transaction.

Never decides. One statement a table, however many case files: the sweep of a midnight wakes hundreds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from sqlalchemy.orm import Session

from companion import desk, store, terms
from companion.definition import Definition, EffectTable
from companion.model import Actor, CaseFile, Event, Result
from core import events, journal
from core.clock import rfc3339
from core.context import Services
from core.workdays import local_day

_ENDS = {"effect_withdrawn", "effect_lifted", "effect_expired"}
_EFFECT = {"effect_ordered", "effect_recognised", "effect_objected", "objection_refused", *_ENDS}
_TELL_ALL = {"decided", "effect_ordered", "effect_recognised", "effect_lifted", "effect_withdrawn", "effect_expired", "due_moved",
             "reminded", "overdue", "proposed", "service_defect", "effect_automatic"}  # fmt: skip
_WAITS_ON = {"opened", "moved", "step_taken", "proposed", "proposal_confirmed", "proposal_dismissed", "adopted", *_EFFECT}
_PAYLOAD = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Decided:
    """A result with the definition that led to it and who asked."""

    definition: Definition
    result: Result
    actor: Actor


def write(services: Services, session: Session, decided: Sequence[Decided], effects: EffectTable) -> None:
    """Everything these results change. Later results of one case file stand after earlier ones; its row is locked by the caller."""
    last = {one.result.case.id: one for one in decided}
    happened = [(one.result.case.id, event) for one in decided for event in one.result.events]
    store.add_events(session, happened)
    moved = {case_id for case_id, event in happened if event.type in _WAITS_ON}
    waits = {}
    for case_id, one in last.items():
        case, row = one.result.case, store.case_row(session, case_id)
        row.state, row.outcome, row.klass, row.seq, row.version = case.state, case.outcome, case.klass, case.seq, case.version
        if case_id in moved or not row.waits_known:
            waits[case_id], row.waits_known = desk.waits_of(one.definition, case, effects), True
    if waits:
        store.write_waiting(session, waits)
    _write_obligations(session, last, happened)
    for case_id, event in happened:
        _write_effect(session, last[case_id], event)
        if event.type == "push":
            session.add(_push_row(services, last[case_id].result.case, event))
    session.flush()
    journal.append_many(session, services.clock, [_entry(one) for one in decided])
    told = [_told(last[case_id].result.case, event) for case_id, event in happened if event.type in _TELL_ALL | {"told"}]
    events.publish_many(session, services.clock, told)


def digests(case_id: str, made: Iterable[Event]) -> list[str]:
    """SHA-256 of each event's canonical bytes; the journal keeps them."""
    return [hashlib.sha256(canonical(case_id, event)).hexdigest() for event in made]


def canonical(case_id: str, event: Event) -> bytes:
    """The bytes of one event that are hashed: JSON with sorted keys and no spaces, in ASCII."""
    return (
        f'{{"actor":{quoted(event.actor)},"at":"{_written(event.at)}","case":{quoted(case_id)},'
        f'"payload":{_PAYLOAD.encode(event.payload)},"role":{quoted(event.role)},"seq":{event.seq},"type":{quoted(event.type)}}}'
    ).encode()


_written = lru_cache(maxsize=64)(rfc3339)  # the events of one command have one time


def stream_of(case_id: str) -> str:
    """Journal stream of a case file."""
    return f"companion:{case_id}"


def _write_obligations(session: Session, last: Mapping[str, Decided], happened: Sequence[tuple[str, Event]]) -> None:
    touched = {
        (case_id, event.payload["id"]): last[case_id]
        for case_id, event in happened
        if event.type != "proposed" and event.payload.get("id") in last[case_id].result.case.obligations
    }
    opened = {(case_id, event.payload["id"]): event for case_id, event in happened if event.type == "obligation_opened"}
    known = store.obligation_rows(session, {case_id for case_id, _ in touched.keys() - opened.keys()})
    for (case_id, name), one in touched.items():
        case, row = one.result.case, known.get((case_id, name))
        now = case.obligations[name]
        if row is None:
            owed_by = opened[case_id, name].payload["owed_by"]
            row = store.ObligationRow(case_id=case_id, id=name, subject=case.subject, deadline=now.deadline, owed_by=owed_by,
                                      start=now.start)  # fmt: skip
            session.add(row)
        row.due, row.provisional, row.state, row.overdue = now.due, now.provisional, now.state, now.overdue
        row.wakes_at = terms.wakes_at(one.definition, now)


def _write_effect(session: Session, one: Decided, event: Event) -> None:
    if event.type not in _EFFECT:
        return
    store.write_effect(session, one.result.case, event, one.definition.domain)
    if event.type in _ENDS:
        store.effect_row(session, one.result.case.id, event.payload["ref"]).ended_on = local_day(event.at)


def _entry(one: Decided) -> journal.Draft:
    case_id, made = one.result.case.id, one.result.events
    payload = {"version": f"{one.definition.key}@{one.definition.version}", "first": made[0].seq,
               "events": digests(case_id, made)}  # fmt: skip
    return journal.Draft(stream_of(case_id), one.actor.user_id, made[0].payload["command"]["do"], payload)


def _told(case: CaseFile, event: Event) -> events.Draft:
    name = event.payload["topic"] if event.type == "told" else event.type
    payload: dict[str, Any] = {"case_id": case.id, "procedure": case.key, "subject": case.subject, "seq": event.seq}
    return events.Draft(stream_of(case.id), f"companion.{name}", payload)


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
