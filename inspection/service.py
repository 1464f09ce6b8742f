"""Owns the course of a case: open, judge, invite, agree, session, review, approve, issue, close.

Never holds a rule: states and guards are data, eligibility and slots are pure functions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from core import events, journal
from core.context import Services
from core.errors import Refused
from core.ids import new_id
from core.workdays import local_day
from inspection import store
from inspection.appointment import Invitation, Proposal, collect, invitation
from inspection.assemble import record, subject_of
from inspection.change import Ask, Change, Written, change
from inspection.checklist import current_edition
from inspection.eligibility import EligibilityFacts, Judgement, Pack, Purpose, facts_from_selection, judge, packs
from inspection.history import remote_history, standing_detention
from inspection.model import Actor, NewCase, Outcome
from inspection.plan_book import past_of, require_free, require_responsible
from inspection.record import (
    AppointmentPart,
    CaseState,
    ChecklistPart,
    EligibilityPart,
    ParticipantPart,
    RulePart,
    SelectionPart,
    ShipPart,
    Text,
)
from inspection.states import machine


def open_case(services: Services, actor: Actor, new: NewCase) -> Outcome:
    """Open a case from a ranked ship with the checklist in force; the same `new.key` returns the case already open.

    Raises:
        Refused: an Idempotency-Key used for something else.
    """
    edition = current_edition()
    with services.db.write() as session:
        known = store.replay(session, actor.user_id, actor.request)
        if known is not None:
            return known
        row = store.case_by_key(session, new.key)
        if row is not None:
            return Outcome(case_id=row.id, state=cast("CaseState", row.state), rev=row.rev)
        at = services.clock.now()
        row = store.CaseRow(
            id=new_id(),
            key=new.key,
            number=store.next_number(session, f"{local_day(at):%Y%m%d}"),
            state=machine().initial,
            rev=1,
            demo=new.demo,
            opened_at=at,
            edition=edition.id,
            checklist=edition.as_part().model_dump(mode="json"),
            ship=new.ship.model_dump(mode="json"),
            simulated=[said.model_dump(mode="json") for said in new.simulated],
            selection=new.selection.model_dump(mode="json") if new.selection else None,
            conditions=[],
            attend_items=[],
        )
        session.add(row)
        session.flush()
        facts = {"number": row.number, "edition": edition.id, "imo": new.ship.imo, "mmsi": new.ship.mmsi}
        stream = subject_of(row.id)
        journal.append(
            session, services.clock, stream=stream, actor=actor.user_id, action="open", payload={"role": actor.role, **facts}
        )
        events.publish(
            session, services.clock, stream=stream, type="inspection.opened", payload={"case_id": row.id, "number": row.number}
        )
        outcome = Outcome(case_id=row.id, state=machine().initial, rev=1, ref=row.id)
        store.keep_answer(session, actor.user_id, actor.request, outcome)
        return outcome


def judge_selection(
    ship: ShipPart, selection: SelectionPart | None, at: datetime, facts: EligibilityFacts | None = None
) -> Judgement:
    """The verdict on a ship before any case is opened, by the pack for first checks. Pure."""
    known = facts or facts_from_selection(selection, ship.ship_type, local_day(at))
    return judge(packs()["first_check"], known)


def judge_case(
    services: Services, actor: Actor, case_id: str, facts: EligibilityFacts | None = None, pack: Pack | None = None
) -> Outcome:
    """Judge whether the case may be checked remotely; it becomes `eligible` or `refused`.

    Without `facts` only what the selection says is known; without `pack` the one for first checks applies.
    """
    with services.db.read() as session:
        row = store.case(session, case_id)
        ship = ShipPart.model_validate(row.ship)
        selection = SelectionPart.model_validate(row.selection) if row.selection else None
    known = facts or facts_from_selection(selection, ship.ship_type, local_day(services.clock.now()))
    judgement = judge(pack or packs()["first_check"], known)

    def body(work: Change) -> Written:
        work.case.eligibility = judgement.part.model_dump(mode="json")
        work.case.conditions = list(judgement.conditions)
        work.case.attend_items = list(judgement.attend_items)
        part = judgement.part
        return Written({"pack": part.pack, "pack_version": part.pack_version, "verdict": part.verdict})

    action = "find_eligible" if judgement.verdict in ("remote", "remote_then_attend") else "refuse"
    return change(services, actor, case_id, action, body, Ask(verdict=judgement.verdict))


def judge_for(
    services: Services, actor: Actor, case_id: str, purpose: Purpose, facts: EligibilityFacts | None = None
) -> Outcome:
    """Judge by the pack of a purpose, with what our own earlier inspections of the ship say: which items were examined
    remotely and when, and whether an order of detention of ours stands. A ship without an IMO number has no known history.
    """
    with services.db.read() as session:
        row = store.case(session, case_id)
        ship = ShipPart.model_validate(row.ship)
        selection = SelectionPart.model_validate(row.selection) if row.selection else None
        history = remote_history(session, row)
        held = standing_detention(session, row)
    known = facts or facts_from_selection(selection, ship.ship_type, local_day(services.clock.now()))
    known = replace(known, last_remote=history, detained=held or known.detained)
    return judge_case(services, actor, case_id, known, packs()[purpose])


def conditions_of(services: Services, case_id: str) -> frozenset[str]:
    """Rule ids that the ship has to confirm when it agrees."""
    with services.db.read() as session:
        return frozenset(store.case(session, case_id).conditions)


def invite(services: Services, actor: Actor, case_id: str, proposal: Proposal) -> Outcome:
    """Put one appointment to the ship that covers every item due. The text to send: `case_invitation`."""
    return change(services, actor, case_id, "invite", lambda work: _put(work, proposal))


def reschedule(services: Services, actor: Actor, case_id: str, proposal: Proposal, reason: str) -> Outcome:
    """Propose another time; the ship has to agree again."""
    return change(services, actor, case_id, "reschedule", lambda work: _put(work, proposal), Ask(reason=reason))


def agree_appointment(services: Services, actor: Actor, case_id: str, confirmed: frozenset[str] = frozenset()) -> Outcome:
    """A named seat of the ship agrees to the appointment and confirms the open conditions (rule ids).

    Raises:
        Refused: ``inspection.guard.conditions_confirmed`` while a condition is not confirmed,
            ``inspection.seat_unknown`` for a seat that is not in the appointment, ``inspection.not_responsible`` for one
            whose duties nobody looked at, ``inspection.slot_clash`` where a duty or rest now stands against the time.
    """

    def body(work: Change) -> Written:
        meeting = AppointmentPart.model_validate(work.case.appointment)
        if actor.seat is None or not any(seat.seat == actor.seat and seat.role == actor.role for seat in meeting.participants):
            raise Refused("inspection.seat_unknown", seat=actor.seat or "-")
        require_responsible(work.session, case_id, actor.seat)
        require_free(work.session, case_id, meeting.starts_at, meeting.ends_at)
        agreed = meeting.model_copy(update={"agreed_by": actor.seat, "agreed_at": work.at})
        work.case.appointment = agreed.model_dump(mode="json")
        work.case.eligibility = _confirmed(work.case.eligibility, confirmed & frozenset(work.case.conditions))
        return Written({"seat": actor.seat, "confirmed": [*sorted(confirmed)]})

    return change(services, actor, case_id, "agree", body, Ask(confirmed=confirmed))


def take_step(services: Services, actor: Actor, case_id: str, action: str, reason: str | None = None) -> Outcome:
    """A step without content: prepare, start_session, suspend, resume, end_session, submit, return_to_draft, follow_up, close,
    convert_to_onboard, cancel, void. The others have functions of their own.

    Raises:
        Refused: as the machine decides; ``inspection.step_needs_content`` for a step that is not one of these.
    """
    if action not in _PLAIN:
        raise Refused("inspection.step_needs_content", action=action)
    return change(services, actor, case_id, action, lambda _: None, Ask(reason=reason))


_PLAIN = frozenset(
    {
        "prepare", "start_session", "suspend", "resume", "end_session", "submit", "return_to_draft", "follow_up", "close",
        "convert_to_onboard", "cancel", "void",
    }
)  # fmt: skip


def start_session(services: Services, actor: Actor, case_id: str) -> Outcome:
    return take_step(services, actor, case_id, "start_session")


def submit_for_review(services: Services, actor: Actor, case_id: str) -> Outcome:
    """The inspector hands the draft over; every finding must be decided."""
    return take_step(services, actor, case_id, "submit")


def approve(services: Services, actor: Actor, case_id: str) -> Outcome:
    """A supervisor other than the submitting inspector approves; a ground for detention needs attendance first."""

    def body(work: Change) -> Written:
        work.case.approved_by = actor.user_id
        return Written({})

    return change(services, actor, case_id, "approve", body)


def issue(services: Services, actor: Actor, case_id: str, report_sha256: str | None = None) -> Outcome:
    """Issue the report: from now on the content is frozen; the record as issued is kept beside the case."""

    def freeze(work: Change) -> None:
        work.case.issued_record = record(work.session, case_id).model_dump(mode="json", by_alias=True)

    return change(services, actor, case_id, "issue", lambda _: Written({"report_sha256": report_sha256}), finish=freeze)


def close(services: Services, actor: Actor, case_id: str) -> Outcome:
    """Close after follow-up; every deficiency must have ended."""
    return take_step(services, actor, case_id, "close")


def record_attendance(services: Services, actor: Actor, case_id: str, reason: str) -> Outcome:
    """Somebody went on board: needed for a detention and for items that are not for remote."""

    def body(work: Change) -> Written | None:
        if work.case.attended_by == actor.user_id:
            return None
        work.case.attended_by = actor.user_id
        return Written({"attended": True})

    return change(services, actor, case_id, "record_attendance", body, Ask(reason=reason))


def case_invitation(session: Session, case_id: str) -> Invitation:
    """The invitation in both languages with its calendar file.

    Raises:
        NotFound: no such case.
        Refused: no appointment has been proposed yet.
    """
    row = store.case(session, case_id)
    rules = EligibilityPart.model_validate(row.eligibility).rules if row.eligibility else []
    asked: list[Text] = [rule.reason for rule in rules if rule.id in row.conditions and rule.met is None]
    return invitation(record(session, case_id), asked)


def _put(work: Change, proposal: Proposal) -> Written:
    ship = ShipPart.model_validate(work.case.ship)
    due = collect(
        ship, ChecklistPart.model_validate(work.case.checklist), attend_items=tuple(work.case.attend_items),
        past=past_of(work.session, work.case),
    )  # fmt: skip
    part = AppointmentPart(
        id=new_id(),
        place=proposal.place,
        starts_at=proposal.starts_at,
        ends_at=proposal.ends_at,
        agreed_by=None,
        agreed_at=None,
        item_ids=[item.ref for item in due],
        participants=[ParticipantPart(seat=seat.seat, role=seat.role, name=seat.name) for seat in proposal.participants],
    )
    work.case.appointment = part.model_dump(mode="json")
    return Written({"appointment_id": part.id, "items": len(due), "seats": [seat.seat for seat in part.participants]}, part.id)


def _confirmed(eligibility: dict[str, object] | None, ids: frozenset[str]) -> dict[str, object] | None:
    """The eligibility with the ship's confirmations filled in, in the words of the pack."""
    if eligibility is None:
        return None
    part = EligibilityPart.model_validate(eligibility)
    pack = next((pack for pack in packs().values() if pack.id == part.pack), None)
    words = {rule.id: Text(zh=rule.met_zh, en=rule.met_en) for rule in (pack.rule if pack else [])}
    rules = [
        RulePart(id=rule.id, met=True, reason=words.get(rule.id, rule.reason)) if rule.id in ids else rule
        for rule in part.rules
    ]
    return part.model_copy(update={"rules": rules}).model_dump(mode="json")
