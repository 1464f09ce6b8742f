"""Roles x actions of the services of cases 3, 4 and 14 to 20: what is not allowed is denied before anything is looked up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from companion import (
    account_view,
    check_loops,
    consultation,
    credit_payouts,
    drone_orders,
    ledger_watch,
    medicine_supply,
    number_series,
    watch,
    yearly,
)
from companion.model import Actor, Role
from companion.roles import may
from core.geo import LonLat
from tests.unit.companion.test_roles import DAY, NOTHING, let_in

CALLS: dict[str, list[Callable[[Actor], object]]] = {
    "consultation.attach": [lambda who: consultation.attach(NOTHING, who, "c", {})],
    "letters.issue": [lambda who: credit_payouts.issue_letters(NOTHING, who, "f", {})],
    "payout.enter": [
        lambda who: credit_payouts.pay_month(NOTHING, who, DAY), lambda who: credit_payouts.open_arrears(NOTHING, who),
    ],
    "account.view": [lambda who: account_view.view(NOTHING, who, "f")],
    "watch.observe": [lambda who: watch.observe(NOTHING, who, "account", "f", {}, "s")],
    "ledger.watch": [
        lambda who: ledger_watch.steps(NOTHING, who, "n"), lambda who: ledger_watch.monitor(NOTHING, who, "n"),
        lambda who: ledger_watch.of_call(NOTHING, who, "c"),
    ],
    "drone.order": [
        lambda who: drone_orders.hand_over(NOTHING, who, "r", NOTHING, NOTHING, None, None),
        lambda who: drone_orders.flown(NOTHING, who, "r", "s"),
    ],
    "draw.advise": [lambda who: check_loops.advise(NOTHING, who, "d", "t", ("a",))],
    "draw.visit": [lambda who: check_loops.review(NOTHING, who, "r", ())],
    "lists.yearly": [lambda who: yearly.evaluate_year(NOTHING, who, "air_defence", 2025)],
    "lists.watch": [lambda who: yearly.watched(NOTHING, who, "air_defence")],
    "medicine.deliver": [
        lambda who: medicine_supply.order(NOTHING, who, "p", ["i"], LonLat(0, 0)), lambda who: medicine_supply.proceed(NOTHING, who, "p"),
        lambda who: medicine_supply.refund(NOTHING, who, "p"),
    ],
    "medicine.pay": [
        lambda who: medicine_supply.open_instalments(NOTHING, who, "p"), lambda who: medicine_supply.pay_instalment(NOTHING, who, "p", 1),
    ],
    "pool.allot.inspection_numbers": [lambda who: number_series.number_for(NOTHING, who, "inspection_numbers", "i")],
    "pool.allot.seal_numbers": [lambda who: number_series.number_for(NOTHING, who, "seal_numbers", "s")],
}  # fmt: skip


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", sorted(CALLS))
def test_each_role_may_do_its_actions_and_no_other(action: str, role: Role) -> None:
    for call in CALLS[action]:
        assert let_in(call, role) is may(role, action), (action, role)
