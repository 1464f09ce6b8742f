"""Case 6, combined pharmaceutical licences: the numbered scenarios of the companion spec."""

from __future__ import annotations

from datetime import date

from companion import benefits
from companion.acceptance import papers_for
from companion.model import Role
from core.workdays import default_calendar, local_day
from tests.integration.companion.kit import PAPER, effects, rules

KEY = "pharma_bundle"
THREE = ("medical_device_business_licence", "drug_business_licence", "food_business_licence")
FOOD = {"drug_licence_valid_until": "2026-06-30", "special_foods": True, "same_business_address": True,
        "same_warehouse_address": True, "site_conditions_unchanged": True}  # fmt: skip


def apply(window, items, day="2026-03-02", signed=True, **facts):
    window.at(day)
    wanted = [part.id for part in papers_for(window.procedure(KEY), items)] + (["food_business_commitment"] if signed else [])
    return window.apply(KEY, facts, items=items, documents=dict.fromkeys(wanted, PAPER))


def test_case_06_scenario_1(window):
    definition = window.procedure(KEY)
    asked = [part.id for part in papers_for(definition, THREE)]
    shared = set.intersection(*(set(item.documents) for item in definition.items if item.id in THREE))
    assert len(shared) == 5
    assert all(asked.count(name) == 1 for name in asked)
    case = apply(window, THREE, signed=False).case
    assert rules(window.take(case, "decide", items=THREE)) == ["joint_check"]
    window.take(case, "joint_check")
    done = window.take(case, "decide", items=THREE)
    assert [event.payload["item"] for event in done.happened("item_decided")] == list(THREE)
    assert done.case.state == "decided"
    assert rules(window.take(case, "joint_check")) == ["joint_check"]  # there is one check


def test_case_06_scenario_2(window):
    case = apply(window, ("food_business_licence",), day="2026-07-01", **FOOD).case
    assert (case.state, dict(case.items)) == ("accepted", {"food_business_licence": "open"})
    assert apply(window, ("food_business_licence",), day="2026-06-30", **FOOD).case.state == "decided"


def test_case_06_scenario_3(window):
    case = apply(window, ("food_business_licence",), **FOOD | {"same_warehouse_address": False}).case
    assert case.items["food_business_licence"] == "open"
    assert rules(window.take(case, "decide", items=("food_business_licence",))) == ["joint_check"]


def test_case_06_scenario_4(window):
    result = apply(window, ("food_business_licence",), **FOOD)
    assert result.case.items["food_business_licence"] == "granted_on_commitment"
    assert local_day(result.happened("item_decided")[-1].at) == date(2026, 3, 2)
    old = benefits.old_day(window.procedure(KEY), "days_saved", date(2026, 3, 2), default_calendar())
    assert (benefits.figure(window.procedure(KEY), "days_saved").value, old.day) == (20, date(2026, 3, 30))


def test_case_06_scenario_5(window):
    case = apply(window, ("food_business_licence",), **FOOD).case
    window.at("2026-04-20")
    found = window.take(case, "find_changed_before", Role.SUPERVISION, changed_on="2026-02-20", finding="warehouse moved").case
    assert found.proposals["p1"].effects == ("revoke", "credit_entry")
    assert effects(window.confirm(case).case) == {"revoke": "in_force", "credit_entry": "in_force"}


def test_case_06_an_item_may_be_refused(window):
    case = apply(window, THREE, signed=False).case
    window.take(case, "joint_check")
    window.take(case, "refuse", items=THREE[1:2])
    done = window.take(case, "decide", items=(THREE[0], THREE[2])).case
    assert sorted(done.items.values()) == ["granted", "granted", "refused"]
    assert done.state == "decided"


def test_case_06_benefit(window):
    assert benefits.figure(window.procedure(KEY), "site_checks").formula == "3 - 1"
