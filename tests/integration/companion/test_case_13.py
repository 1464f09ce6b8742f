"""Case 13, drainage permit by class: the numbered scenarios of the companion spec."""

from __future__ import annotations

from datetime import date

import yaml

from companion import benefits, obligations
from companion.definition import load_procedures
from companion.model import Demand, Role
from config import pack_path
from core.workdays import add_months
from tests.integration.companion.kit import effects, rules

KEY = "drainage_permit"


def apply(window, klass, *, listed=False, process=False, day="2026-03-02", **more):
    window.at(day)
    facts = {"on_city_list": listed, "production_waste_water": process, "household": False}
    more.setdefault("documents", window.papers(KEY, klass=klass))
    return window.apply(KEY, facts, **more)


def test_case_13_scenario_1(window):
    result = apply(window, "domestic_only")
    assert (result.case.klass, result.case.state, result.case.outcome) == ("domestic_only", "filed", "filed")
    assert list(window.papers(KEY, klass="domestic_only")) == ["water_quality_commitment"]


def test_case_13_scenario_2(window):
    papers = window.papers(KEY, "pretreatment_facility_papers", klass="general")
    assert len(papers) == 3
    result = apply(window, "general", process=True, documents=papers)
    assert (result.case.state, rules(result)) == ("not_accepted", ["pretreatment_facility_papers"])


def test_case_13_scenario_3(window):
    case = apply(window, "key_polluter", listed=True).case
    assert (case.klass, case.state) == ("key_polluter", "accepted")
    assert window.take(case, "site_check", site_ok=True).case.state == "permitted"


def test_case_13_scenario_4(window):
    case = apply(window, "general", process=True).case
    term = case.obligations["permit_validity"]
    years = window.procedure(KEY).deadline("permit_validity").n // 12
    assert (years, term.due) == (5, date(2031, 3, 2))
    window.at("2030-12-01")
    obligations.sweep(window.services)
    assert window.now(case).obligations["permit_validity"].reminded == ()
    window.at("2030-12-02", 0)  # 90 days before
    obligations.sweep(window.services)
    assert window.now(case).obligations["permit_validity"].reminded == (90,)
    window.at("2031-03-03", 0)
    obligations.sweep(window.services)
    assert (window.now(case).state, window.now(case).outcome) == ("expired", "expired")


def test_case_13_scenario_5(window):
    case = apply(window, "domestic_only").case
    found = window.take(case, "find_process_water", Role.ENFORCEMENT, production_waste_water=True, finding="dye").case
    assert (found.klass, found.state) == ("general", "filed")
    after = window.confirm(case).case
    assert (after.state, effects(after)) == ("void", {"void_filing": "in_force", "credit_entry": "in_force"})


def test_case_13_scenario_6(window):
    definition = window.procedure(KEY)
    assert benefits.figure(definition, "days_saved").value == 1190
    assert benefits.figure(definition, "cost_saved").value == 510_000
    assert benefits.figure(definition, "days_saved").formula == "7 x 170"


def test_case_13_dropped_for_all_but_key_polluters(window):
    case = apply(window, "general", process=True).case
    asked = window.act(case, Demand(document="water_quality_and_quantity_test_report"), Role.WINDOW)
    assert asked.happened("service_defect")
    households = window.apply(KEY, {"on_city_list": False, "production_waste_water": False, "household": True})
    assert "not_a_household" in rules(households)


def test_case_13_next_step_wider_filing_is_data_only(window, tmp_path):
    """Hotels are filed from a later day on; the running permit keeps its version."""
    running = apply(window, "general", process=True).case
    text = pack_path("procedures", f"{KEY}.yaml").read_text(encoding="utf-8")
    wider = yaml.safe_load(text)
    wider["version"], wider["valid"] = "2026-07-01", {"from": date(2026, 7, 1)}
    wider["facts"].append({"id": "hotel", "type": "flag", "title": {"zh": "宾馆", "en": "Hotel"}})
    wider["classes"][1]["if"] = {
        "all": [{"fact": "production_waste_water", "is": True}, {"none": [{"fact": "hotel", "is": True}]}]
    }
    wider["classes"][2]["if"] = {"any": [{"fact": "production_waste_water", "is": False}, {"fact": "hotel", "is": True}]}
    path = tmp_path / "wider.yaml"
    path.write_text(yaml.safe_dump(wider, allow_unicode=True), encoding="utf-8")
    window.known = load_procedures(extra=[path])
    window.at("2026-07-01")
    facts = {"on_city_list": False, "production_waste_water": True, "household": False, "hotel": True}
    filed = window.apply(KEY, facts, documents=window.papers(KEY, klass="domestic_only")).case
    assert (filed.state, filed.version) == ("filed", "2026-07-01")
    assert window.now(running).version == "2021-01-01"
    assert window.now(running).obligations["permit_validity"].due == add_months(date(2026, 3, 2), 60)
