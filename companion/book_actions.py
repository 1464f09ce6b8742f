"""Owns what a desk does in a book that a service keeps: the form is data (``config/companion/book_actions.toml``), the service does it.

Never checks what the service checks; it turns a form into the service's arguments.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import TypeAlias, cast

from pydantic import BaseModel, ConfigDict

from companion import check_loops, consultation, credit_payouts, drone_orders, medicine_supply, watch, yearly
from companion.books import book_named
from companion.conditions import Value
from companion.definition import Fact, Text
from companion.drone_orders import Payload, SurveyOrder
from companion.facts import checked_form
from companion.model import Actor
from companion.roles import actions, require
from config import pack_path
from core.context import Services
from core.errors import InputError, NotFound
from core.geo import LonLat

Given: TypeAlias = Mapping[str, Value]
_FEN = 100


class Action(BaseModel):
    """The form of one action. `may`: the row of ``actions.toml`` that says who."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    book: str
    may: str
    title: Text
    fields: tuple[Fact, ...]


def run(services: Services, actor: Actor, name: str, given: Given) -> None:
    """Do it.

    Raises:
        NotFound ``books.unknown_action``; AccessDenied; InputError for a field; what the service raises.
    """
    action = book_actions().get(name)
    if action is None:
        raise NotFound("books.unknown_action", action=name)
    require(actor, action.may)
    checked = checked_form(action.fields, given)
    if missing := [field.id for field in action.fields if field.required and field.id not in checked]:
        raise InputError("companion.fact_missing", field=missing[0])
    _RUN[name](services, actor, checked)


def actions_of(book: str) -> dict[str, Action]:
    """The actions of one book by name."""
    return {name: one for name, one in book_actions().items() if one.book == book}


def _attach(services: Services, actor: Actor, given: Given) -> None:
    values = {name: value for name, value in given.items() if name != "case_id"}
    consultation.attach(services, actor, str(given["case_id"]), values)


def _letters(services: Services, actor: Actor, given: Given) -> None:
    amount = round(float(str(given["amount_cny"])) * _FEN)
    wanted = dict.fromkeys(_texts(given, "kinds"), amount)
    credit_payouts.issue_letters(services, actor, str(given["subject"]), wanted, one_for_all=given.get("one_for_all") is True)


def _observe(services: Services, actor: Actor, given: Given) -> None:
    figures = dict(_figure(one) for one in _texts(given, "figures"))
    watch.observe(services, actor, str(given["kind"]), str(given["subject"]), figures, str(given["source"]))


def _figure(written: str) -> tuple[str, float]:
    name, _, value = written.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise InputError("companion.fact_bad", field="figures", type="number", value=written[:80]) from error


def _drone(services: Services, actor: Actor, given: Given) -> None:
    payloads = cast("tuple[Payload, ...]", _texts(given, "payloads"))
    day = date.fromisoformat(str(given["wanted_by"]))
    wanted = SurveyOrder(str(given["case_id"]), str(given["ship"]), str(given["purpose"]), day, payloads)
    drone_orders.order(services, actor, wanted)


def _advise(services: Services, actor: Actor, given: Given) -> None:
    draw, target = str(given["draw"]), str(given["target"])
    check_loops.advise(services, actor, draw, target, _texts(given, "advice"), _texts(given, "asked"))


def _deliver(services: Services, actor: Actor, given: Given) -> None:
    at = LonLat(float(str(given["lon"])), float(str(given["lat"])))
    closed = given.get("closed_district") is True
    medicine_supply.order(services, actor, str(given["payment"]), _texts(given, "items"), at, closed_district=closed)


def _texts(given: Given, field: str) -> tuple[str, ...]:
    values = given.get(field)
    return tuple(str(value) for value in values) if isinstance(values, list) else ()


_RUN: dict[str, Callable[[Services, Actor, Given], object]] = {
    "attach_consultation": _attach,
    "open_arrears": lambda services, actor, _: credit_payouts.open_arrears(services, actor),
    "issue_letters": _letters,
    "pay_month": lambda services, actor, given: credit_payouts.pay_month(
        services, actor, date.fromisoformat(str(given["month"]))
    ),
    "observe": _observe,
    "order_drone": _drone,
    "advise": _advise,
    "review_advice": lambda services, actor, given: check_loops.review(
        services, actor, str(given["ref"]), _texts(given, "accepted")
    ),
    "evaluate_year": lambda services, actor, given: yearly.evaluate_year(
        services, actor, str(given["sector"]), int(str(given["year"]))
    ),
    "order_delivery": _deliver,
    "proceed_delivery": lambda services, actor, given: medicine_supply.proceed(services, actor, str(given["payment"])),
    "refund": lambda services, actor, given: medicine_supply.refund(services, actor, str(given["payment"])),
    "open_instalments": lambda services, actor, given: medicine_supply.open_instalments(services, actor, str(given["payment"])),
    "pay_instalment": lambda services, actor, given: medicine_supply.pay_instalment(
        services, actor, str(given["payment"]), int(str(given["number"]))
    ),
}


@cache
def book_actions() -> dict[str, Action]:
    """Every action, checked against the books, the roles and the code. Raises InputError ``books.bad_actions``."""
    raw = tomllib.loads(pack_path("companion", "book_actions.toml").read_text(encoding="utf-8"))
    found = {name: Action.model_validate(part) for name, part in raw["action"].items()}
    for one in found.values():
        book_named(one.book)
    if lost := sorted(set(found) ^ set(_RUN) | {one.may for one in found.values()} - set(actions())):
        raise InputError("books.bad_actions", names=", ".join(lost))
    return found
