"""Case 14 as a case file: number, restriction, verification, freezing."""

from __future__ import annotations

from datetime import date

from companion import obligations
from companion.model import Confirm, Role

FACTS = {"registered_in_area": True, "actual_address": "in_area"}


def opened(window):
    window.at("2026-02-11")
    case = window.apply("bank_account", FACTS).case
    return window.take(case, "issue_number", Role.BANK, account_number="21001").case


def due(case):
    return {one.deadline: one.due for one in case.obligations.values()}


def test_case_14_scenario_1_as_a_case_file(window):
    case = opened(window)
    assert due(case) == {"bank_visit": date(2026, 3, 10), "grace": date(2026, 3, 11)}
    window.at("2026-03-12", 0)
    obligations.sweep(window.services)
    case = window.now(case)
    (proposal,) = [one for one in case.proposals.values() if one.breach == "not_verified_or_unused"]
    assert window.act(case, Confirm(proposal=proposal.id, reason="not verified"), Role.BANK).case.state == "frozen"


def test_case_14_scenario_3_as_a_case_file(window):
    case = opened(window)
    assert window.take(case, "online_payment", Role.BANK).reasons
    case = window.take(case, "verify", Role.BANK).case
    assert not window.take(case, "online_payment", Role.BANK).reasons


def test_case_14_scenario_4_as_a_case_file(window):
    case = window.take(opened(window), "verify", Role.BANK).case
    window.at("2026-03-12", 0)
    obligations.sweep(window.services)
    case = window.now(case)
    assert "not_verified_or_unused" in {one.breach for one in case.proposals.values()}


def test_case_14_scenario_5(window):
    window.at("2026-02-11")
    assert window.apply("bank_account", {**FACTS, "actual_address": "out_of_province"}).case.outcome == "not_accepted"
