"""Case 2, construction on land award plus joint acceptance: the numbered scenarios of the companion spec."""

from __future__ import annotations

from datetime import date

import pytest

from companion import benefits, store
from companion.model import Demand, Role
from core.workdays import local_day
from tests.integration.companion.kit import rules

KEY = "land_to_construction"
FACTS = {"inside_area": True, "fits_area_plan": True, "project_class": "ordinary_industrial", "filing_type_project": True,
         "eia_document": "report_form"}  # fmt: skip
SIX = ("survey", "investigation", "valuation", "deliberation", "mapping", "approval_reply")


def listed(window, day="2026-09-01", areas=("energy_saving",)):
    window.at(day)
    case = window.apply(KEY, FACTS).case
    window.take(case, "guide", plot="P-7", plot_price_cny=1_000_000, agency="agency-3", area_assessments=list(areas))
    window.take(case, "list_land")
    return case


def contracted(window):
    case = listed(window)
    window.take(case, "start_signing")
    window.take(case, "finish_signing")
    return case


def built(window):
    case = contracted(window)
    for step in ("title_ready", "planning_ready", "construction_ready", "issue_three", "finish_works"):
        window.take(case, step)
    return case


def test_case_02_scenario_1(window):
    case = listed(window)
    assert case.obligations["whole_chain"].due is not None
    window.at("2026-09-29")
    term = window.take(case, "start_signing").case.obligations["contract_and_registration"]
    assert term.due == date(2026, 10, 9)


def test_case_02_scenario_2(window):
    case = listed(window)
    asked = window.take(case, "energy_item", outside_energy_negative_list=True)
    assert rules(asked) == ["energy_saving_commitment_form"]  # only the form is asked
    assert window.act(case, Demand(document="energy_assessment_report"), Role.WINDOW).happened("service_defect")
    window.supply(case, "energy_saving_commitment_form")
    done = window.take(case, "energy_item", outside_energy_negative_list=True)
    assert [event.payload["benefit"] for event in done.happened("benefit_credited")] == ["cost_saved"]
    assert done.happened("benefit_credited")[0].payload["part"] == "energy_report"
    assert benefits.figure(window.procedure(KEY), "cost_saved", ("energy_report",)).value == 30_000


def test_case_02_scenario_3(window):
    case = contracted(window)
    window.take(case, "title_ready")
    window.take(case, "planning_ready")
    early = window.take(case, "issue_three")
    assert rules(early) == ["construction"]
    assert early.case.outcome is None
    window.at("2026-10-12")
    window.take(case, "construction_ready")
    issued = window.take(case, "issue_three")
    assert issued.case.state == "permits_issued"
    assert {local_day(event.at) for event in issued.happened("decided")} == {date(2026, 10, 12)}


def test_case_02_scenario_4(window):
    window.at("2026-09-01")
    result = window.apply(KEY, FACTS | {"eia_document": "report"})
    assert rules(result) == ["report_form_or_lower"]
    assert result.happened("not_accepted")[0].payload["ordinary_path"] is True
    assert window.procedure(KEY).ordinary_path is not None


def test_case_02_scenario_5(window):
    case = built(window)
    failed = window.take(case, "fail_jointly", items=("fire",)).case
    assert failed.state == "rectify"

    def registered():
        with window.services.db.read() as session:
            return len(store.pushes(session, case_id=case.id, receiver="property_register"))

    assert registered() == 0
    assert failed.lists["acceptance"] == frozenset({"fire"})  # the re-check covers fire only
    assert window.take(case, "recheck", items=("fire",)).case.state == "completed"
    assert registered() == 1


def test_case_02_scenario_6(window):
    definition = window.procedure(KEY)
    assert benefits.figure(definition, "cost_saved").value == 37_000
    assert benefits.figure(definition, "cost_saved", ("drawing_review",)).value == 5_000


def test_case_02_six_ones_and_power_letter(window):
    case = listed(window)
    window.take(case, "start_six_ones", items=SIX)
    assert window.take(case, "finish_one", items=SIX[:5]).case.lists["six_ones"] == {"approval_reply"}
    assert window.take(case, "power_letter", power_letter="BD-2026-001").case.facts["power_letter"] == "BD-2026-001"


@pytest.mark.parametrize("paper", ["construction_drawing_review_certificate", "land_use_planning_permit"])
def test_case_02_dropped_papers(window, paper):
    assert window.act(listed(window), Demand(document=paper), Role.WINDOW).happened("service_defect")


def test_case_02_breach(window):
    case = built(window)
    found = window.take(case, "find_breach", Role.SUPERVISION, finding="built against the plan").case
    assert set(found.proposals["p1"].effects) == {"penalise", "more_patrols", "publish_bad_behaviour", "joint_punishment"}


def test_case_02_all_pass(window):
    assert window.take(built(window), "accept_jointly").case.state == "completed"
