"""Case 1, easy power connection on a letter: the numbered scenarios of the companion spec."""

from __future__ import annotations

import pytest

from companion import benefits, store
from companion.model import Role
from core.errors import InputError
from tests.integration.companion.kit import PAPER, rules

KEY = "easy_power"
FORMAL = {"supply": "formal", "project": "new_industrial_project_passed_joint_review", "voltage_kv": 10, "capacity_kva": 630,
          "distance_m": 150.0}  # fmt: skip
PAPERS = {
    "formal": ("took_part_in_land_bidding", "bid_deposit_paid"),
    "temporary": ("investment_agreement_signed", "project_filing_done", "planning_conditions_issued"),
}


def apply(window, day="2026-03-02", without=None, **facts):
    window.at(day)
    chosen = FORMAL | facts
    papers = {name: PAPER for name in PAPERS[chosen["supply"]] if name != without}
    return window.apply(KEY, chosen, documents=papers, verified={"enterprise_certificates": PAPER})


def letter(window, **facts):
    case = apply(window, **facts).case
    return window.take(case, "issue_letter", letter_number="BD-2026-001", customer_manager="m-7").case


def designed(window):
    case = letter(window)
    for step in ("supply_scheme", "preliminary_design", "review_design", "approve_project", "prepare_fund_plan"):
        assert not window.take(case, step, Role.SECTOR).reasons
    return case


@pytest.mark.parametrize(
    ("distance", "klass"), [(200.0, "filing"), (200.1, "confirmation"), (1000.0, "confirmation"), (1000.1, "approval")]
)
def test_case_01_scenario_1(window, distance, klass):
    assert apply(window, distance_m=distance).case.klass == klass


def test_case_01_scenario_2(window):
    cap = int(window.procedure(KEY).thresholds["formal_capacity_kva_max"])
    assert rules(apply(window, capacity_kva=cap + 1)) == ["formal_capacity"]
    assert rules(apply(window, voltage_kv=6)) == ["voltage_10kv"]
    assert apply(window, capacity_kva=cap).case.state == "accepted"
    assert apply(window, supply="temporary", capacity_kva=cap + 1).case.state == "accepted"  # reading A1.1


def test_case_01_scenario_3(window):
    assert rules(apply(window, supply="temporary", without="planning_conditions_issued")) == ["planning_conditions_issued"]


def test_case_01_scenario_4(window):
    case = designed(window)
    assert rules(window.take(case, "release_fund_plan", Role.FINANCE)) == ["title"]
    window.at("2026-05-20")
    window.take(case, "record_title", title_number="T-1")
    assert not window.take(case, "release_fund_plan", Role.FINANCE).reasons


def test_case_01_scenario_5(window):
    case = designed(window)
    window.at("2026-06-01")
    started = window.take(case, "start_works", Role.SECTOR, costs_cny=120_000).case
    assert started.proposals["p1"].effects == ("costs_on_project", "credit_entry", "joint_punishment")
    assert started.proposals["p1"].evidence["costs_cny"] == 120_000
    assert rules(window.take(case, "accept_works", Role.SECTOR)) == ["title"]
    assert "title" in rules(window.take(case, "energise", Role.SECTOR))


@pytest.mark.parametrize("distance", [-5, "far", True, float("nan")])
def test_case_01_scenario_6(window, distance):
    with pytest.raises(InputError) as caught:
        apply(window, distance_m=distance)
    assert caught.value.params["field"] == "distance_m"
    with window.services.db.read() as session:
        assert store.cases(session) == []


def test_case_01_classes_go_their_own_way(window):
    near, middle, far = (letter(window, distance_m=metres) for metres in (100.0, 500.0, 2000.0))
    assert "works_letter" in near.steps
    assert rules(window.take(middle, "supply_scheme", Role.SECTOR)) == ["route_open"]
    assert middle.obligations["reply"].due is None  # A1.3: the age is shown, no default term
    window.take(middle, "reply_letter", Role.SECTOR)
    assert not window.take(middle, "supply_scheme", Role.SECTOR).reasons
    window.take(far, "pipeline_plan")
    assert not window.take(far, "supply_scheme", Role.SECTOR).reasons


def test_case_01_temporary_supply_energises_after_the_title_and_returns_the_transformer(window):
    case = letter(window, supply="temporary")
    assert rules(window.take(case, "energise", Role.SECTOR)) == ["title"]
    window.take(case, "record_title", title_number="T-2")
    assert window.take(case, "energise", Role.SECTOR, project_manager="m-9").case.obligations["rental"].state == "open"
    assert window.take(case, "remove_transformer", Role.SECTOR).case.state == "closed"


def test_case_01_pushes_and_reserve(window):
    case = letter(window)
    with window.services.db.read() as session:
        assert {"grid_company", "green_space", "road"} <= {row.receiver for row in store.pushes(session, case_id=case.id)}
    values = {part.id: part.value for part in benefits.figures(window.procedure(KEY))}
    assert (values["days_saved"], values["temporary_cost"], values["trips"]) == (40, -55, 1)
