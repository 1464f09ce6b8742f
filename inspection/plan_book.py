"""Owns the plan of an appointment as it stands: where and when the ship can be met, weather, link test, who is asked, their duties.

Never agrees anything; each change is a new entry of the book ``plan`` and the newest counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core.catalogue import Lang
from core.errors import Refused
from core.geo import LonLat
from core.message_channels import Channel
from inspection import books_store, store
from inspection.appointment import PastDeficiency, PortStay
from inspection.duties import CrewPlan, clashes
from inspection.record import DeficiencyPart
from inspection.slots import LinkTest, Weather

BOOK = "plan"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Invitee(_Model):
    """Somebody the invitation goes to. `recipient` empty: the link is handed over by other means.

    `responsible`: this crew member's duties and rest decide the time, and one of these has to agree.
    """

    seat: str = Field(min_length=1, max_length=40, pattern=r"^[a-z0-9_-]+$")
    role: Literal["inspector", "crew_guest", "company_staff", "class_surveyor"]
    name: str = Field(default="", max_length=100)
    channel: Channel = Channel.EMAIL
    recipient: str = Field(default="", max_length=200)
    lang: Lang = "en"
    responsible: bool = False


class Plan(_Model):
    """Everything the times are worked out from."""

    place: str = Field(min_length=1, max_length=200)
    lonlat: tuple[float, float]
    arrives_at: datetime | None = None
    departs_at: datetime | None = None
    weather: tuple[Weather, ...] = ()
    link: LinkTest | None = None
    crew: tuple[CrewPlan, ...] = ()
    invitees: tuple[Invitee, ...] = ()

    @property
    def stay(self) -> PortStay:
        return PortStay(self.place, LonLat(*self.lonlat), self.arrives_at, self.departs_at)


def plan_of(session: Session, case_id: str) -> Plan | None:
    """The newest plan of a case."""
    entry = books_store.newest(session, BOOK, case_id, "plan")
    return None if entry is None else entry.read(Plan)


def require_free(session: Session, case_id: str, start: datetime, end: datetime) -> None:
    """Refuse a time that falls into a duty or breaks the rest of a responsible crew member.

    Raises:
        Refused ``inspection.slot_clash``: names the crew member and the rule.
    """
    plan = plan_of(session, case_id)
    for one in plan.crew if plan else ():
        against = clashes(one, start, end)
        if against:
            raise Refused("inspection.slot_clash", seat=one.seat, rule=against[0].rule, reason=against[0].reason.en)


def require_responsible(session: Session, case_id: str, seat: str) -> None:
    """Only a crew member whose duties were looked at may agree, where the plan names one.

    Raises:
        Refused ``inspection.not_responsible``.
    """
    plan = plan_of(session, case_id)
    named = [one.seat for one in plan.invitees if one.responsible] if plan else []
    if named and seat not in named:
        raise Refused("inspection.not_responsible", seat=seat, named=", ".join(named))


def past_of(session: Session, case: store.CaseRow) -> tuple[PastDeficiency, ...]:
    """What is still open from earlier inspections of the same ship, found by its IMO number."""
    imo = case.ship.get("imo")
    if not imo:
        return ()
    return tuple(
        PastDeficiency(part.id, other.number, part.code, part.title)
        for other, part in ((other, DeficiencyPart.model_validate(row.part)) for other, row in store.open_deficiencies(session))
        if other.id != case.id and other.ship.get("imo") == imo
    )
