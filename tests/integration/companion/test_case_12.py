"""Case 12, water connection, and its announced next step, gas: one YAML file and no code."""

from __future__ import annotations

from datetime import date

import pytest

from companion import benefits, obligations, store, terms
from companion.definition import read_definition
from companion.model import Demand, Role
from config import pack_path
from core.workdays import default_calendar
from tests.integration.companion.kit import rules

KEY = "water_supply"


def request(window, day="2026-04-27", estimate=95_000, key=KEY):
    window.at(day)
    return window.apply(key, {"estimate_cny": estimate})


def build(window, case, *, budget=95_000, damage=()):
    """Survey to acceptance of the works, all in time."""
    window.take(case, "joint_survey")
    window.take(case, "design_done", Role.SECTOR, budget_cny=budget)
    window.take(case, "build_start", Role.SECTOR)
    if damage:
        window.take(case, "record_damage", Role.SECTOR, items=damage)
    return window.take(case, "build_and_accept", Role.SECTOR)


@pytest.mark.parametrize("key", [KEY, "gas_supply"])
def test_case_12_scenario_1(window, key):
    result = request(window, key=key)
    assert result.case.obligations["total"].due == date(2026, 5, 12)
    with window.services.db.read() as session:
        assert {"design_unit", "build_unit", "operate_unit"} <= {
            row.receiver for row in store.pushes(session, case_id=result.case.id)
        }


def test_case_12_scenario_2(window):
    limit = window.procedure(KEY).thresholds["direct_award_cny_max"]
    assert request(window, estimate=limit).case.state == "direct"
    over = request(window, estimate=limit + 0.01).case
    assert (over.klass, over.state, dict(over.obligations)) == ("ordinary", "ordinary_selection", {})


def test_case_12_scenario_3(window):
    case = request(window).case
    window.take(case, "joint_survey")
    stopped = window.take(case, "design_done", Role.SECTOR, budget_cny=104_000).case
    assert stopped.state == "ordinary_selection"
    assert not [term for term in stopped.obligations.values() if term.state == "open"]
    assert rules(window.take(case, "build_start", Role.SECTOR)) == ["build_start"]


def test_case_12_scenario_4(window):
    case = request(window).case
    done = build(window, case, damage=("pavement",)).case
    assert done.obligations["restoration"].state == "open"
    window.take(case, "open_tap", Role.SECTOR)
    window.at("2026-06-01")
    obligations.sweep(window.services)
    late = window.now(case)
    assert late.state == "supplied"
    assert [proposal.effects for proposal in late.proposals.values()] == [("order_to_correct", "credit_entry")]
    assert "credit_entry" in {active.effect for active in window.confirm(case, Role.SUPERVISION).case.effects.values()}


def test_case_12_scenario_5(window):
    case = request(window).case
    window.take(case, "joint_survey")
    window.at("2026-05-07")  # design was due on 2026-04-30
    obligations.sweep(window.services)
    window.take(case, "design_done", Role.SECTOR, budget_cny=95_000)
    now = window.now(case)
    definition = window.procedure(KEY)
    risks = terms.at_risk(definition, dict(now.obligations), "total", date(2026, 5, 7), default_calendar())
    assert [(risk.part, risk.days_late, risk.responsible_en) for risk in risks] == [
        ("design", 2, definition.deadline("design").responsible.en)
    ]
    assert now.obligations["total"].state == "open"


def test_case_12_the_whole_way(window):
    case = request(window).case
    build(window, case)
    window.take(case, "settle_terms")
    window.take(case, "sign_contract")
    window.take(case, "check_budget", Role.FINANCE)
    assert window.take(case, "open_tap", Role.SECTOR).case.state == "closed"
    demanded = window.act(case, Demand(document="completed_payment_proof_of_facility_fee"), Role.WINDOW)
    assert demanded.happened("service_defect")


def test_case_12_benefit(window):
    assert benefits.figure(window.procedure(KEY), "time").formula == "20 - 9"


def test_case_12_next_step_gas_is_one_file_and_no_code():
    gas = read_definition(pack_path("procedures", "gas_supply.yaml"))
    assert (gas.case, gas.key) == (12, "gas_supply")
    code = [path for folder in ("companion", "console") for path in (pack_path("..", folder)).rglob("*.py")]
    assert code
    assert not [path for path in code if "gas_supply" in path.read_text(encoding="utf-8")]
