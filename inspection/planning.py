"""Owns the work on an appointment: the plan, the times it leaves, the invitation of everybody, and what the ship says to it.

Never agrees for the ship and never trades one rule against another; the texts are data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from core import messages
from core.catalogue import Lang
from core.context import Services
from core.errors import InputError, Refused
from core.message_channels import Message
from inspection import books_store, store
from inspection.appointment import DueItem, Proposal, Seat, appointment_rules, collect, length_of
from inspection.assemble import subject_of
from inspection.change import Change, Written, change, digest
from inspection.duties import CrewPlan
from inspection.model import Actor, Outcome
from inspection.plan_book import BOOK, Plan, past_of, plan_of, require_free
from inspection.record import AppointmentPart, ChecklistPart, ShipPart
from inspection.service import case_invitation, invite, reschedule
from inspection.slots import Conditions, SlotPlan, find_slots


@dataclass(frozen=True, slots=True)
class Wish:
    """What the ship said about the time it was offered."""

    seat: str
    at: datetime
    words: str


def save_plan(services: Services, actor: Actor, case_id: str, plan: Plan) -> Outcome:
    """Keep a new state of the plan; the same plan again changes nothing."""

    def body(work: Change) -> Written | None:
        return _keep(work, plan)

    return change(services, actor, case_id, "plan_appointment", body)


def state_duties(services: Services, actor: Actor, case_id: str, crew: CrewPlan) -> Outcome:
    """A crew member says what his duties are; only for his own seat.

    Raises:
        Refused ``inspection.seat_unknown``: another's seat; ``inspection.no_plan``: nothing has been planned yet.
    """

    def body(work: Change) -> Written | None:
        plan = plan_of(work.session, case_id)
        if plan is None:
            raise Refused("inspection.no_plan")
        if actor.seat is None or crew.seat != actor.seat or actor.seat not in {one.seat for one in plan.invitees}:
            raise Refused("inspection.seat_unknown", seat=actor.seat or "-")
        others = tuple(one for one in plan.crew if one.seat != crew.seat)
        return _keep(work, plan.model_copy(update={"crew": (*others, crew)}))

    return change(services, actor, case_id, "state_duties", body)


def ask_other_time(services: Services, actor: Actor, case_id: str, words: str) -> Outcome:
    """The ship cannot make this time and says why; the inspector sees it and proposes another."""
    said = words.strip()
    if not said or len(said) > 2000:
        raise InputError("inspection.words_needed")

    def body(work: Change) -> Written:
        part = {"seat": actor.seat or "-", "words": said}
        books_store.write(work.session, BOOK, case_id, subject_of(case_id), "wish", part, actor.user_id, work.at)
        return Written({"seat": actor.seat or "-", "words_sha256": digest(said)}, event="inspection.other_time_asked")

    return change(services, actor, case_id, "ask_other_time", body)


def wishes(session: Session, case_id: str) -> list[Wish]:
    """What the ship said, oldest first."""
    found = books_store.entries(session, BOOK, case_id, "wish")
    return [Wish(str(one.part["seat"]), one.at, str(one.part["words"])) for one in found]


def due_of(session: Session, case_id: str) -> list[DueItem]:
    """Everything the one appointment of a case covers."""
    case = store.case(session, case_id)
    checklist = ChecklistPart.model_validate(case.checklist)
    ship = ShipPart.model_validate(case.ship)
    return collect(ship, checklist, attend_items=tuple(case.attend_items), past=past_of(session, case))


def plan_slots(services: Services, case_id: str) -> SlotPlan:
    """The times the plan leaves.

    Raises:
        Refused ``inspection.no_plan``.
    """
    with services.db.read() as session:
        plan, due = plan_of(session, case_id), due_of(session, case_id)
    if plan is None:
        raise Refused("inspection.no_plan")
    drone = services.settings.drone
    given = Conditions(
        plan.weather, plan.link, plan.crew, any(one.kind == "survey" for one in due), drone.max_wind_m_s, drone.max_gust_m_s
    )
    rules = appointment_rules()
    return find_slots(services.clock.now(), plan.stay, length_of(due, rules), rules, given)


def propose(services: Services, actor: Actor, case_id: str, starts_at: datetime, reason: str = "") -> Outcome:
    """Put one of the planned times to everybody who is invited; a second time needs a reason and has to be agreed again.

    Raises:
        Refused ``inspection.no_plan``, ``inspection.slot_clash``, ``inspection.nobody_invited``; else as `invite`.
    """
    with services.db.read() as session:
        plan, due = plan_of(session, case_id), due_of(session, case_id)
        state = store.case(session, case_id).state
        if plan is None:
            raise Refused("inspection.no_plan")
        if not any(one.role in ("crew_guest", "company_staff") for one in plan.invitees):
            raise Refused("inspection.nobody_invited")
        ends_at = starts_at + length_of(due, appointment_rules())
        require_free(session, case_id, starts_at, ends_at)
    seats = [Seat(seat=one.seat, role=one.role, name=one.name or one.seat) for one in plan.invitees]
    proposal = Proposal(place=plan.place, starts_at=starts_at, ends_at=ends_at, participants=seats)
    if state == "eligible":
        return invite(services, actor, case_id, proposal)
    return reschedule(services, actor, case_id, proposal, reason)


def send_invitations(services: Services, case_id: str, links: Mapping[str, str]) -> int:
    """Queue one message for each invitee with an address, in his language, with his own link. Sending it again sends nothing.

    Returns how many messages there are for this appointment.
    """
    sent = 0
    with services.db.write() as session:
        plan = plan_of(session, case_id)
        appointment = store.case(session, case_id).appointment
        if plan is None or appointment is None:
            return 0
        meeting = AppointmentPart.model_validate(appointment)
        said = case_invitation(session, case_id)
        for one in plan.invitees:
            if not one.recipient.strip() or one.seat not in links:
                continue
            lang: Lang = one.lang
            message = Message(
                key=f"invite:{meeting.id}:{one.seat}", channel=one.channel, recipient=one.recipient.strip(),
                subject=getattr(said.subject, lang), body=getattr(said.body, lang), link=links[one.seat],
            )  # fmt: skip
            if not _posted(session, message, subject_of(case_id)):
                messages.post(session, services.clock, message, subject_of(case_id))
            sent += 1
    return sent


def _posted(session: Session, message: Message, ref: str) -> bool:
    """A second send would carry a fresh link: the first one stands."""
    return any(one.message.key == message.key for one in messages.outbox(session, subject_ref=ref, limit=1000))


def _keep(work: Change, plan: Plan) -> Written | None:
    if plan_of(work.session, work.case.id) == plan:
        return None
    entry = books_store.write(
        work.session, BOOK, work.case.id, subject_of(work.case.id), "plan", plan, work.actor.user_id, work.at
    )
    return Written({"plan": entry.seq, "crew": [one.seat for one in plan.crew], "invited": len(plan.invitees)})
