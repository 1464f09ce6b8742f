"""Case 20: from the store to the door, also in a closed district; refunds; instalments."""

from __future__ import annotations

from datetime import date

import pytest

from companion import books, medicine, medicine_supply
from companion.medicine import Item
from companion.model import Actor, Role
from core.errors import AccessDenied, InputError, NotFound, Refused
from core.geo import LonLat
from core.workdays import local_day

WINDOW, OFFICE, TREASURY = Actor("w", Role.WINDOW), Actor("a", Role.APPROVAL), Actor("f", Role.FINANCE)
HOME = LonLat(122.20, 40.65)
BASKET = [Item("aspirin", 30_000, insured=True)]


@pytest.fixture
def shop(services):
    for name, lon, filed, stock in (
        ("near-unfiled", 122.201, False, ["aspirin"]), ("near-empty", 122.202, True, ["cough syrup"]),
        ("near", 122.21, True, ["aspirin", "cough syrup"]), ("far", 122.25, True, ["aspirin", "cough syrup", "insulin"]),
    ):  # fmt: skip
        books.write(services, OFFICE, "medicine_stores", name, {"lon": lon, "lat": 40.65, "filed": filed, "stock": stock})
    medicine.open_wallet(services, TREASURY, "p-1", 10_000)
    medicine.pay(services, WINDOW, "pay-1", "p-1", BASKET, seller_filed=True, credit_fen=12_000, parts=3)
    return services


def wallet(services):
    with services.db.read() as session:
        row = medicine.store.wallet(session, "p-1")
        return row.insurance_fen, row.credit_used_fen


def test_case_20_supply_from_the_nearest_filed_store_to_the_door(shop):
    made = medicine_supply.order(shop, WINDOW, "pay-1", ["aspirin"], HOME)
    assert (made.values["store"], made.values["handover"]) == ("near", "door")
    assert medicine_supply.order(shop, WINDOW, "pay-1", ["aspirin"], HOME).seq == 1  # the same payment is the same order
    states = [medicine_supply.proceed(shop, WINDOW, "pay-1").values["state"] for _ in range(3)]
    assert states == ["dispatched", "delivered", "settled"]
    for late in (medicine_supply.proceed, medicine_supply.refund):
        with pytest.raises(Refused, match="order_ended"):
            late(shop, WINDOW, "pay-1")


def test_case_20_supply_reaches_the_gate_of_a_closed_district(shop):
    assert (
        medicine_supply.order(shop, WINDOW, "pay-1", ["aspirin"], HOME, closed_district=True).values["handover"]
        == "district_gate"
    )


def test_case_20_supply_names_what_is_missing(shop):
    for items, at, error in ((["insulin", "plasma"], HOME, "no_store"), (["aspirin"], LonLat(110, 30), "no_store")):
        with pytest.raises(NotFound, match=error):
            medicine_supply.order(shop, WINDOW, "pay-1", items, at)
    with pytest.raises(NotFound, match="unknown_payment"):
        medicine_supply.order(shop, WINDOW, "not paid", ["aspirin"], HOME)
    with pytest.raises(InputError):
        medicine_supply.order(shop, WINDOW, "pay-1", [], HOME)
    with pytest.raises(AccessDenied):
        medicine_supply.order(shop, Actor("bank", Role.BANK), "pay-1", ["aspirin"], HOME)


def test_case_20_an_undelivered_basket_is_refunded_to_insurance_and_credit(shop):
    assert wallet(shop) == (0, 12_000)
    medicine_supply.order(shop, WINDOW, "pay-1", ["aspirin"], HOME)
    medicine_supply.refund(shop, WINDOW, "pay-1")
    assert wallet(shop) == (10_000, 0)
    with pytest.raises(Refused):
        medicine_supply.refund(shop, WINDOW, "pay-1")
    assert wallet(shop) == (10_000, 0)


def test_case_20_instalments_run_by_the_month_and_free_the_line(shop, clock):
    plan = medicine_supply.open_instalments(shop, WINDOW, "pay-1")
    assert sum(one.values["amount_fen"] for one in plan) == 12_000
    assert [one.values["due"] for one in plan] == ["2026-12-24", "2027-01-25", "2027-02-24"]  # the 24th of January is a Sunday
    assert medicine_supply.open_instalments(shop, WINDOW, "pay-1") == []
    assert medicine_supply.pay_instalment(shop, WINDOW, "pay-1", 1) == 8_000
    assert medicine_supply.pay_instalment(shop, WINDOW, "pay-1", 1) == 8_000  # paid once
    with shop.db.read() as session:
        assert medicine_supply.late_instalments(session, local_day(clock.now())) == []
        assert [one.values["number"] for one in medicine_supply.late_instalments(session, date(2027, 1, 26))] == [2]
    with pytest.raises(NotFound):
        medicine_supply.pay_instalment(shop, WINDOW, "pay-1", 4)
