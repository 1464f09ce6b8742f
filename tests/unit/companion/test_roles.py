"""Roles x actions: who may do what in the services beside the engine. Everything that is not allowed is denied."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from companion import (
    check_plans,
    checks,
    creditfile,
    exemption_desk,
    freight_filing,
    ledger,
    medicine,
    pool,
    signed_codes,
)
from companion.checks import VisitResult
from companion.credit import CreditEvent
from companion.exemption import Breach
from companion.freight import Trip
from companion.model import Actor, Role
from companion.roles import actions, may, require, require_own
from core.errors import AccessDenied

DAY = date(2026, 11, 24)
NOTHING: Any = None  # a service that is let past its role check fails on this; one that denies never touches it
CALLS: dict[str, Callable[[Actor], object]] = {
    "draw.plan": lambda who: checks.commit(NOTHING, who, NOTHING, "s"),
    "draw.reveal": lambda who: checks.reveal(NOTHING, who, "d", "v"),
    "draw.visit": lambda who: checks.record_visit(NOTHING, who, "d", VisitResult("t", (), "signed")),
    "draw.publish": lambda who: checks.publish(NOTHING, who, "d"),
    "draw.read": lambda who: checks.desk_view(NOTHING, who, "d"),
    "credit.record": lambda who: creditfile.record_event(NOTHING, who, "f", CreditEvent("r", "penalty", DAY)),
    "credit.propose": lambda who: creditfile.propose_listings(NOTHING, who, "f", "ship_company"),
    "credit.object": lambda who: creditfile.object_to(NOTHING, who, "r", "why"),
    "credit.answer": lambda who: creditfile.answer_objection(NOTHING, who, "r", "why", uphold=True),
    "credit.ask_repair": lambda who: creditfile.request_repair(NOTHING, who, "r", (), harm_removed=True),
    "pool.fill": lambda who: pool.fill(NOTHING, who, "accounts", ["1"]),
    "pool.allot": lambda who: pool.allot(NOTHING, who, "accounts", "f", 1),
    "pool.diligence": lambda who: pool.note_diligence(NOTHING, who, "accounts", "f", verified=None, used=None),
    "pool.read": lambda who: pool.book(NOTHING, who, "accounts"),
    "ledger.register": lambda who: ledger.register(NOTHING, who, "n", "f", 1),
    "ledger.lend": lambda who: ledger.lend(NOTHING, who, "n", 1),
    "ledger.query": lambda who: ledger.query(NOTHING, who, "n"),
    "ledger.grant": lambda who: ledger.grant(NOTHING, who, "b", DAY),
    "ledger.read": lambda who: ledger.overview(NOTHING, who),
    "code.read": lambda who: signed_codes.issued(NOTHING, who),
    "code.revoke": lambda who: signed_codes.revoke(NOTHING, who, "j", "why"),
    "exemption.judge": lambda who: exemption_desk.judge_breach(NOTHING, who, "f", Breach("i", DAY, None, None, None, None), record=False),
    "reward.decide": lambda who: exemption_desk.decide_reward(NOTHING, who, "l", 1, 1),
    "reward.read": lambda who: exemption_desk.rewards(NOTHING, who),
    "freight.submit": lambda who: freight_filing.submit(NOTHING, who, who.user_id, Trip("o", "p", (NOTHING,), frozenset())),
    "freight.read": lambda who: freight_filing.judged_trips(NOTHING, who),
    "medicine.wallet": lambda who: medicine.open_wallet(NOTHING, who, "p", 1),
    "medicine.pay": lambda who: medicine.pay(NOTHING, who, "c", "p", (), seller_filed=True),
}  # fmt: skip
SAME_CHECK: dict[str, list[Callable[[Actor], object]]] = {
    "draw.plan": [lambda who: check_plans.preview(NOTHING, who, NOTHING), lambda who: check_plans.announce(NOTHING, who, NOTHING)],
    "draw.visit": [lambda who: checks.rectify(NOTHING, who, "d", "t", "i")],
    "credit.propose": [lambda who: creditfile.propose_red(NOTHING, who, "f", "ship_company", DAY)],
    "ledger.register": [lambda who: ledger.correct(NOTHING, who, "n", 1)],
    "ledger.lend": [lambda who: ledger.repay(NOTHING, who, "l")],
    "ledger.grant": [lambda who: ledger.withdraw(NOTHING, who, "b")],
    "code.revoke": [lambda who: signed_codes.revoke_key(NOTHING, who, "k", "why")],
    "medicine.pay": [lambda who: medicine.repay(NOTHING, who, "p", 1)],
}  # fmt: skip
# Checked by the page or route that does it, since no service function stands alone for it.
ELSEWHERE = {"credit.read", "credit.compare", "credit.guarantee"}


def let_in(call: Callable[[Actor], object], role: Role) -> bool:
    try:
        call(Actor("somebody", role))
    except AccessDenied:
        return False
    except Exception:  # noqa: BLE001 - past the role check there is no service to work with
        return True
    return True


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", sorted(CALLS))
def test_each_role_may_do_its_actions_and_no_other(action: str, role: Role) -> None:
    for call in [CALLS[action], *SAME_CHECK.get(action, [])]:
        assert let_in(call, role) is may(role, action), (action, role)


def test_every_action_of_this_table_is_tried() -> None:
    first = {name for name in actions() if name.split(".")[0] in {one.split(".")[0] for one in CALLS} and name.count(".") == 1}
    assert first - set(CALLS) - ELSEWHERE <= {
        "draw.advise",
        "ledger.watch",
        "medicine.deliver",
    }  # tried in tests of cases 15, 17, 20


def test_an_action_without_a_row_is_denied_to_everyone() -> None:
    for role in Role:
        with pytest.raises(AccessDenied):
            require(Actor("x", role), "no.such_action")


def test_a_firm_is_itself_alone() -> None:
    require_own(Actor("f", Role.APPLICANT), "f")
    require_own(Actor("officer", Role.SUPERVISION), "f")
    with pytest.raises(AccessDenied):
        require_own(Actor("f", Role.APPLICANT), "g")
