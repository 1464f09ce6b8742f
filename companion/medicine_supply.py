"""Owns how paid medicine reaches a person (case 20): the nearest filed store to the door, or to the gate of a closed district; instalments.

Never delivers what is not paid, and never refunds what was delivered. A person is a number here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from companion import books
from companion import practice_store as store
from companion.books import Entry
from companion.calendars import calendar_of
from companion.conditions import Value
from companion.model import Actor
from companion.roles import require
from config import pack_path
from core.context import Services
from core.errors import InputError, NotFound, Refused
from core.geo import LonLat, distance_m
from core.workdays import Roll, Unit, local_day

STORES, ORDERS, INSTALMENTS = "medicine_stores", "medicine_orders", "instalments"
_NEXT = {"paid": "dispatched", "dispatched": "delivered", "delivered": "settled"}


class SupplyRules(BaseModel):
    """``config/companion/medicine_supply.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    source: str
    radius_m: float = Field(gt=0)


def nearest_store(session: Session, items: Iterable[str], at: LonLat, rules: SupplyRules) -> str:
    """The nearest filed store that has everything within reach.

    Raises:
        NotFound ``medicine.no_store``.
    """
    wanted = set(items)
    near = [
        (distance_m(at, LonLat(float(str(one.values["lon"])), float(str(one.values["lat"])))), one.ref)
        for one in books.entries(session, STORES)
        if one.values["filed"] is True and wanted <= set(_list(one, "stock"))
    ]
    within = [row for row in near if row[0] <= rules.radius_m]
    if not within:
        raise NotFound("medicine.no_store", km=rules.radius_m / 1000)
    return min(within)[1]


def order(
    services: Services, actor: Actor, payment: str, items: Sequence[str], at: LonLat, *, closed_district: bool = False
) -> Entry:
    """Send a paid basket on its way: to the door, in a closed district to its gate. The same payment again is the same order.

    Raises:
        AccessDenied; NotFound ``medicine.unknown_payment``, ``medicine.no_store``; InputError ``medicine.bad_basket``.
    """
    require(actor, "medicine.deliver")
    if not items:
        raise InputError("medicine.bad_basket")
    with services.db.write() as session:
        paid = _payment(session, payment)
        if known := books.history(session, ORDERS, payment):
            return known[-1]
        values: dict[str, Value] = {
            "store": nearest_store(session, items, at, supply_rules()), "items": [*items],
            "handover": "district_gate" if closed_district else "door", "state": "paid",
        }  # fmt: skip
        return books.write_in(services, session, actor, ORDERS, payment, values, paid.person)


def proceed(services: Services, actor: Actor, payment: str) -> Entry:
    """The next state: dispatched, delivered, settled. Raises AccessDenied, NotFound, Refused ``medicine.order_ended``."""
    require(actor, "medicine.deliver")
    with services.db.write() as session:
        known = books.entry(session, ORDERS, payment)
        following = _NEXT.get(str(known.values["state"]))
        if following is None:
            raise Refused("medicine.order_ended", state=str(known.values["state"]))
        return books.write_in(services, session, actor, ORDERS, payment, {**known.values, "state": following}, known.subject)


def refund(services: Services, actor: Actor, payment: str) -> Entry:
    """Give back a basket that was not delivered: insurance and credit as they were; the person's own money is the channel's to return.

    Raises:
        AccessDenied, NotFound; Refused ``medicine.order_ended``: delivered, settled or refunded already.
    """
    require(actor, "medicine.deliver")
    with services.db.write() as session:
        known, paid = books.entry(session, ORDERS, payment), _payment(session, payment)
        if known.values["state"] not in ("paid", "dispatched"):
            raise Refused("medicine.order_ended", state=str(known.values["state"]))
        wallet = store.wallet(session, paid.person)
        wallet.insurance_fen += int(paid.split["insurance_fen"])
        wallet.credit_used_fen -= int(paid.split["credit_fen"])
        return books.write_in(services, session, actor, ORDERS, payment, {**known.values, "state": "refunded"}, known.subject)


def open_instalments(services: Services, actor: Actor, payment: str) -> list[Entry]:
    """Write the plan of a payment in instalments, a month apart from the day it was paid; once."""
    require(actor, "medicine.pay")
    with services.db.write() as session:
        paid = _payment(session, payment)
        start, calendar = local_day(paid.at), calendar_of(services.settings)
        made = []
        for number, amount in enumerate(paid.split["instalments_fen"], start=1):
            if books.history(session, INSTALMENTS, _ref(payment, number)):
                continue
            due = calendar.due(start, number, Unit.MONTH, Roll.NEXT_WORKING_DAY).day
            values: dict[str, Value] = {
                "payment": payment,
                "number": number,
                "due": due.isoformat(),
                "amount_fen": int(amount),
                "state": "open",
            }
            made.append(books.write_in(services, session, actor, INSTALMENTS, _ref(payment, number), values, paid.person))
        return made


def pay_instalment(services: Services, actor: Actor, payment: str, number: int) -> int:
    """Pay one instalment; the revolving line is free again by that much. Paid twice is paid once. Returns the credit still used, in fen."""
    require(actor, "medicine.pay")
    with services.db.write() as session:
        known = books.entry(session, INSTALMENTS, _ref(payment, number))
        wallet = store.wallet(session, known.subject)
        if known.values["state"] == "open":
            wallet.credit_used_fen -= int(str(known.values["amount_fen"]))
            books.write_in(services, session, actor, INSTALMENTS, known.ref, {**known.values, "state": "paid"}, known.subject)
        return wallet.credit_used_fen


def late_instalments(session: Session, on: date) -> list[Entry]:
    """Instalments that are open after their due day."""
    return [
        one for one in books.entries(session, INSTALMENTS)
        if one.values["state"] == "open" and str(one.values["due"]) < on.isoformat()
    ]  # fmt: skip


def _payment(session: Session, payment: str) -> store.PaymentRow:
    row = session.get(store.PaymentRow, payment)
    if row is None:
        raise NotFound("medicine.unknown_payment", payment=payment)
    return row


def _ref(payment: str, number: int) -> str:
    return f"{payment}:{number:02d}"


def _list(one: Entry, field: str) -> list[str]:
    values = one.values.get(field)
    return [str(value) for value in values] if isinstance(values, list) else []


@cache
def supply_rules() -> SupplyRules:
    return SupplyRules.model_validate(tomllib.loads(pack_path("companion", "medicine_supply.toml").read_text(encoding="utf-8")))
