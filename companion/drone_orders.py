"""Owns the order of a drone survey by enforcement (case 16): written on a lead, handed to the drone area's planner, and what it brought.

Never flies and never clears a flight: `drone` plans, its gate decides, an operator flies. A reading that is not calibrated is a lead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast

import drone
from companion import books, service
from companion.books import Entry
from companion.conditions import Value
from companion.exemption import drone_reading_is_evidence
from companion.model import Actor, Take
from companion.roles import require
from core.context import Services
from core.errors import Refused
from core.ids import new_id
from core.ship import ShipGeometry, ShipPose, ShipRef
from drone import PayloadLog, Plan, Task, Wind, Wishes

BOOK, READINGS, STEP = "drone_orders", "drone_readings", "order_drone"
Payload = Literal["night_vision", "gas_detection", "loudspeaker", "lighting"]


@dataclass(frozen=True, slots=True)
class SurveyOrder:
    """What enforcement wants seen. `case_id`: the lead it is for."""

    case_id: str
    ship: str
    purpose: str
    wanted_by: date
    payloads: tuple[Payload, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What an instrument on the drone read, and whether its clock and place were calibrated."""

    what: str
    value: float
    unit: str
    time_calibrated: bool
    position_calibrated: bool
    sha256: str | None = None


def order(services: Services, actor: Actor, wanted: SurveyOrder) -> Entry:
    """Order a survey on a lead: the step and the order are one transaction.

    Raises:
        As `service.act_in`; Refused ``drone_orders.no_lead`` where the lead does not allow it.
    """
    ref = new_id()
    with services.db.write() as session:
        result = service.act_in(services, session, actor, wanted.case_id, Take(step=STEP, facts={"drone_order": ref}))
        if not result.reasons:
            values: dict[str, Value] = {
                "ship": wanted.ship, "purpose": wanted.purpose, "payloads": [*wanted.payloads],
                "wanted_by": wanted.wanted_by.isoformat(), "state": "ordered",
            }  # fmt: skip
            return books.write_in(services, session, actor, BOOK, ref, values, wanted.case_id)
    raise Refused("drone_orders.no_lead", id=wanted.case_id)


def hand_over(
    services: Services, actor: Actor, ref: str, ship: ShipRef, geometry: ShipGeometry, pose: ShipPose | None,
    quay_side: Literal["port", "starboard"] | None, wind: Wind | None = None,
) -> Plan:  # fmt: skip
    """Give the order to the planner of the drone area; the order keeps the plan's digest, or why it cannot be flown.

    Raises:
        AccessDenied, NotFound; Refused ``drone_orders.done``: it was flown already.
    """
    require(actor, "drone.order")
    with services.db.read() as session:
        _open(books.entry(session, BOOK, ref))
    wishes = Wishes.from_settings(services.settings.drone)
    plan = drone.plan_survey(ship, geometry, pose, quay_side, wishes, wind=wind)
    digest = hashlib.sha256(plan.model_dump_json().encode()).hexdigest()
    refusals = [str(one.code) for one in plan.refusals]
    _next(services, actor, ref, "refused" if refusals else "planned", plan_sha256=digest, refusals=refusals)
    return plan


def flown(services: Services, actor: Actor, ref: str, survey_ref: str, readings: Sequence[Reading] = ()) -> list[Entry]:
    """Note the survey that was flown and what it read: evidence where time and place were calibrated, else a lead."""
    require(actor, "drone.order")
    _next(services, actor, ref, "flown", survey_ref=survey_ref)
    with services.db.write() as session:
        return [
            books.write_in(services, session, actor, READINGS, new_id(), _values(one), ref)
            for one in readings
        ]  # fmt: skip


def task_of(order_entry: Entry, words: str = "") -> Task:
    """What the flight takes along for an order; `words` are for the loudspeaker."""
    return Task(frozenset(cast("list[Payload]", order_entry.values["payloads"])), words)


def reported(services: Services, actor: Actor, ref: str, survey_ref: str, log: PayloadLog, sha256: str) -> list[Entry]:
    """Note what the payload of the flight found (`drone.findings`), resting on the log of that digest. An instrument whose
    calibration has lapsed proves no more than one whose clock was wrong.
    """
    told = [
        Reading(
            one.what, one.value, one.unit, one.time_calibrated and one.instrument_calibrated, one.position_calibrated, sha256
        )
        for one in drone.findings(log)
    ]
    return flown(services, actor, ref, survey_ref, told)


def _next(services: Services, actor: Actor, ref: str, state: str, *, refusals: list[str] | None = None, **more: str) -> None:
    with services.db.write() as session:
        known = books.entry(session, BOOK, ref)
        _open(known)
        values: dict[str, Value] = {**known.values, **more, "state": state}
        if refusals is not None:
            values["refusals"] = [*refusals]
        books.write_in(services, session, actor, BOOK, ref, values, known.subject)


def _open(known: Entry) -> None:
    if known.values["state"] == "flown":
        raise Refused("drone_orders.done", ref=known.ref)


def _values(one: Reading) -> dict[str, Value]:
    proven = drone_reading_is_evidence(time_calibrated=one.time_calibrated, position_calibrated=one.position_calibrated)
    values: dict[str, Value] = {
        "what": one.what, "value": one.value, "unit": one.unit, "standing": "evidence" if proven else "lead",
    }  # fmt: skip
    return values if one.sha256 is None else {**values, "sha256": one.sha256}
