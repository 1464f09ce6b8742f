"""Owns what inspection does when another folder reports a fact: evidence kept in a call is bound to its item, a call is noted.

Never fails for ever on one event: what cannot be bound is written to the journal and left for a person.
"""

from __future__ import annotations

from core import evidence, journal
from core.context import Services
from core.errors import NotFound, Refused
from core.events import Event
from inspection import store
from inspection.assemble import subject_of
from inspection.change import Change, Written, change
from inspection.content import bind, record_call
from inspection.model import Actor
from inspection.record import CallPart

SUBSCRIBER = "inspection"
EVIDENCE_KEPT = "video.evidence_kept"
ROOM_CLOSED = "video.room_closed"
_PREFIX = subject_of("")


def on_event(services: Services, event: Event) -> None:
    """Handle one event; the same event again changes nothing. Events of no interest are ignored.

    ``video.evidence_kept`` {evidence_id, subject_ref, item_ref}: binds the evidence to the item.
    ``video.room_closed`` {subject_ref, room_id, started_at, ended_at, consent, recording_ids, gaps}: the call enters the case.
    """
    if event.type == ROOM_CLOSED:
        _note_call(services, event)
    elif event.type == EVIDENCE_KEPT:
        _bind(services, event)


def _note_call(services: Services, event: Event) -> None:
    subject = str(event.payload["subject_ref"])
    if not subject.startswith(_PREFIX):
        return
    call = CallPart.model_validate({name: event.payload[name] for name in CallPart.model_fields})
    case_id = subject.removeprefix(_PREFIX)
    try:
        record_call(services, Actor.system(), case_id, call)
    except (NotFound, Refused) as error:
        _leave(services, event, case_id, call.room_id, error.code)


def _bind(services: Services, event: Event) -> None:
    subject, item_id = str(event.payload["subject_ref"]), event.payload.get("item_ref")
    if not subject.startswith(_PREFIX) or not item_id:
        return
    case_id, evidence_id = subject.removeprefix(_PREFIX), str(event.payload["evidence_id"])

    def body(work: Change) -> Written | None:
        return bind(work, evidence_id, str(item_id)) if store.first_sight(work.session, event.id) else None

    try:
        change(services, Actor.system(), case_id, "bind_evidence", body)
    except (NotFound, Refused) as error:
        _leave(services, event, case_id, evidence_id, error.code)


def _leave(services: Services, event: Event, case_id: str, evidence_id: str, why: str) -> None:
    """Say once in the case's journal that this evidence waits for a person."""
    with services.db.write() as session:
        if not store.first_sight(session, event.id):
            return
        kept = evidence.get(session, evidence_id)
        journal.append(
            session, services.clock, stream=subject_of(case_id), actor=Actor.system().user_id, action="evidence_not_bound",
            payload={"evidence_id": evidence_id, "sha256": kept.sha256 if kept else None, "why": why, "event_id": event.id},
        )  # fmt: skip
