"""Case 8, address by commitment: the numbered scenarios."""

from __future__ import annotations

from datetime import date

from companion import obligations
from companion.model import Confirm, Demand, Role

KEY = "address_commitment"
FACTS = {"entity": "limited_company", "address": "Yingkou, Road 1"}


def proposals(case):
    return {one.breach: one for one in case.proposals.values()}


def registered(window, day="2026-09-01"):
    window.at(day)
    return window.take(window.apply(KEY, FACTS).case, "compare", Role.WINDOW, register_match="match").case


def test_case_8_scenario_1(window):
    case = registered(window)
    assert (case.state, case.outcome) == ("registered", "granted_on_commitment")
    assert window.procedure(KEY).step("register").tells == ("address_ledger",)
    assert window.take(case, "compare", Role.WINDOW, register_match="match").reasons
    for dropped in ("title_proof", "lease_agreement", "third_party_address_certificate"):
        assert window.act(case, Demand(document=dropped), Role.WINDOW).reasons


def test_case_8_scenario_2(window):
    window.at("2026-09-01")
    case = window.take(window.apply(KEY, FACTS).case, "compare", Role.WINDOW, register_match="no_entry").case
    assert case.state == "manual"
    assert window.take(case, "register_by_hand").case.state == "registered"


def test_case_8_scenario_3(window):
    case = registered(window)
    window.at("2026-09-28")
    case = window.take(case, "find_differs", Role.SUPERVISION, found_on="2026-09-28", finding="another firm").case
    (term,) = [one for one in case.obligations.values() if one.deadline == "correction"]
    assert term.due == date(2026, 10, 16)
    assert "differs" in proposals(case)
    window.at("2026-10-17", 0)
    obligations.sweep(window.services)
    case = window.now(case)
    assert proposals(case)["not_corrected"].effects == ["penalise"] or tuple(proposals(case)["not_corrected"].effects) == (
        "penalise",
    )


def test_case_8_scenario_4(window):
    case = window.take(registered(window), "find_false", Role.SUPERVISION, finding="no such house").case
    case = window.act(case, Confirm(proposal=proposals(case)["false_address"].id, reason="false"), Role.SUPERVISION).case
    listed = next(one for one in case.effects.values() if one.effect == "abnormal_list")
    assert listed.state == "in_force"
    again = window.apply(KEY, FACTS)
    assert again.case.state != "registered"
    assert again.case.outcome in ("refused", "not_accepted")


def test_case_8_scenario_5(window):
    window.at("2026-09-01")
    assert window.apply(KEY, {**FACTS, "entity": "listed_company"}).case.outcome == "not_accepted"
