"""Case 20, online medicine: the numbered scenarios."""

from __future__ import annotations

import pytest

from companion import medicine
from companion.medicine import Item, Split
from companion.model import Actor, Role
from companion.practice_store import PaymentRow
from core.errors import InputError, Refused

RULES = medicine.medicine_rules()
CHANNEL = Actor("channel", Role.SYSTEM)
YUAN = 100
BASKET = (Item("a", 180 * YUAN, insured=True), Item("b", 120 * YUAN))


def test_case_20_scenario_1():
    assert medicine.split(BASKET, 150 * YUAN, seller_filed=True) == Split(150 * YUAN, 0, 150 * YUAN)
    assert medicine.split(BASKET, 999 * YUAN, seller_filed=True) == Split(180 * YUAN, 0, 120 * YUAN)


def test_case_20_scenario_2(services):
    medicine.open_wallet(services, CHANNEL, "p", 0)
    most = (Item("x", RULES.credit_line_fen),)
    medicine.pay(services, CHANNEL, "c1", "p", most, seller_filed=True, credit_fen=RULES.credit_line_fen - 200 * YUAN)
    with pytest.raises(Refused) as refused:
        medicine.pay(services, CHANNEL, "c2", "p", (Item("y", 201 * YUAN),), seller_filed=True, credit_fen=201 * YUAN)
    assert refused.value.params["left"] == 200
    medicine.pay(services, CHANNEL, "c3", "p", (Item("y", 200 * YUAN),), seller_filed=True, credit_fen=200 * YUAN)
    assert medicine.repay(services, CHANNEL, "p", 300 * YUAN) == RULES.credit_line_fen - 300 * YUAN  # revolving (A20.1)


def test_case_20_scenario_3():
    with pytest.raises(Refused) as refused:
        medicine.split((Item("rx", 100, needs_prescription=True),), 0, seller_filed=True)
    assert refused.value.params["item"] == "rx"
    medicine.split((Item("rx", 100, needs_prescription=True, prescription_ref="r1"),), 0, seller_filed=True)


def test_case_20_scenario_4(services):
    medicine.open_wallet(services, CHANNEL, "p", 150 * YUAN)
    first = medicine.pay(
        services, CHANNEL, "c1", "p", BASKET, seller_filed=True, credit_fen=90 * YUAN, parts=RULES.instalments[0]
    )
    again = medicine.pay(
        services, CHANNEL, "c1", "p", BASKET, seller_filed=True, credit_fen=90 * YUAN, parts=RULES.instalments[0]
    )
    assert first == again
    with services.db.read() as session:
        wallet = medicine.store.wallet(session, "p")
        assert (wallet.insurance_fen, wallet.credit_used_fen) == (0, 90 * YUAN)
        assert session.get(PaymentRow, "c1") is not None


def test_case_20_scenario_5():
    with pytest.raises(Refused, match="seller_not_filed"):
        medicine.split(BASKET, 0, seller_filed=False)


def test_instalments_add_up():
    for count in RULES.instalments:
        parts = medicine.instalments(100_01, count, RULES)
        assert (sum(parts), len(parts)) == (100_01, count)
        assert max(parts) - min(parts) <= 1
    with pytest.raises(InputError):
        medicine.instalments(100, 7, RULES)
