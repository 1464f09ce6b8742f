"""Case 21: one-off rewards and digital upgrade projects as case files, paid with the month (case 4)."""

from __future__ import annotations

import pytest

from companion.model import Demand, Role
from tests.integration.companion.kit import rules

KEY = "policy_reward"


@pytest.mark.parametrize("reward", ["below_to_above_scale_industry", "below_to_above_limit_trade", "newly_counted_key_service"])
def test_case_21_rewards_follow_the_statistics_and_ask_no_paper_for_them(window, reward):
    window.at("2026-03-02")
    case = window.apply(KEY, {"reward": reward, "registered_in_area": True}, documents={"reward_application": "0" * 64}).case
    assert window.act(case, Demand(document="statistics_record"), Role.WINDOW).happened("service_defect")
    assert rules(window.take(case, "grant", amount_cny=100_000.0)) == ["compared"]
    window.take(case, "compare_counts", counted_on="2026-01-31")
    granted = window.take(case, "grant", amount_cny=100_000.0)
    assert (granted.case.state, granted.case.outcome) == ("granted", "granted")
    assert "finance" in {event.payload["receiver"] for event in granted.happened("push")}


def test_case_21_rewards_an_upgrade_project_brings_its_report_and_a_false_claim_is_taken_back(window):
    window.at("2026-03-02")
    facts = {"reward": "digital_upgrade", "registered_in_area": True}
    assert rules(window.apply(KEY, facts, documents={"reward_application": "0" * 64})) == ["project_report"]
    case = window.apply(KEY, facts).case
    window.take(case, "grant", amount_cny=500_000.0)
    found = window.take(case, "find_false", Role.SUPERVISION, finding="machines were never bought").case
    assert set(found.proposals["p1"].effects) == {"revoke", "credit_entry"}
    assert window.confirm(case).case.state == "revoked"


def test_case_21_rewards_are_for_firms_of_the_area(window):
    window.at("2026-03-02")
    assert rules(window.apply(KEY, {"reward": "digital_upgrade", "registered_in_area": False})) == ["registered"]
