"""Case 7, environmental approval by commitment: the numbered scenarios of the companion spec."""

from __future__ import annotations

from datetime import date

import yaml

from companion import benefits, obligations, store
from companion.definition import load_procedures
from companion.model import Role
from config import pack_path
from core.workdays import default_calendar, local_day
from tests.integration.companion.kit import PAPER, effects, rules

KEY = "eia_commitment"
FACTS = {"trade": "textiles_and_apparel", "document_type": "report_form", "works_started": False}


def approved(window, day="2026-03-02"):
    window.at(day)
    return window.apply(KEY, FACTS)


def test_case_07_scenario_1(window):
    result = approved(window)
    assert result.case.outcome == "granted_on_commitment"
    assert local_day(result.happened("decided")[0].at) == date(2026, 3, 2)
    old = benefits.old_day(window.procedure(KEY), "approval_time", date(2026, 3, 2), default_calendar())
    assert old.day == date(2026, 3, 12)
    with window.services.db.read() as session:  # approved and published in the same transaction
        assert "public_notice" in {row.receiver for row in store.pushes(session, case_id=result.case.id)}
    assert {event.payload["topic"] for event in result.happened("told")} == {"inspection_directory", "environmental_code"}


def test_case_07_scenario_2(window):
    case = approved(window, "2026-09-01").case
    late = approved(window, "2026-09-01").case
    window.at("2026-09-28")
    for one in (case, late):
        noticed = window.take(one, "notify_findings", items=("noise",), delivered_on="2026-09-28").case
        assert noticed.obligations["revise"].due == date(2026, 11, 13)
    window.at("2026-11-13", 23, 59, 59)
    assert window.take(case, "fix_finding", items=("noise",)).case.state == "closed"
    window.at("2026-11-14", 0)
    obligations.sweep(window.services)
    assert not window.now(case).proposals
    assert window.now(late).proposals["p1"].effects == ("revoke", "env_dishonest_list")
    ordered = window.confirm(late).case
    assert ordered.state == "revoked"
    listed = ordered.effects["e2"]
    assert listed.from_day > date(2026, 11, 14)  # a notice period goes before a listing


def test_case_07_scenario_3(window):
    window.at("2026-03-02")
    result = window.apply(KEY, FACTS | {"trade": "chemicals"})
    assert (result.case.outcome, rules(result)) == ("not_accepted", ["listed_trade"])


def test_case_07_scenario_4(window):
    case = approved(window).case
    window.at("2026-03-20")
    assert rules(window.take(case, "find_built_before", Role.ENFORCEMENT, photo_taken_on="2026-03-02")) == ["before_approval"]
    found = window.take(case, "find_built_before", Role.ENFORCEMENT, photo_taken_on="2026-03-01").case
    assert found.proposals["p1"].effects == ("revoke", "penalise", "env_dishonest_list")
    assert not found.obligations  # no 30-day term


def test_case_07_scenario_5(window):
    case = approved(window, "2026-09-01").case
    window.at("2026-09-28")
    due = (
        window.take(case, "notify_findings", items=("noise", "water"), delivered_on="2026-09-28").case.obligations["revise"].due
    )
    window.at("2026-10-12")
    half = window.take(case, "fix_finding", items=("noise",)).case
    assert (half.state, half.obligations["revise"].state, half.obligations["revise"].due) == ("revising", "open", due)
    again = window.take(case, "notify_findings", items=("dust",), delivered_on="2026-10-12").case
    assert again.obligations["revise"].due == due


def test_case_07_false_report_and_damage(window):
    case = approved(window).case
    window.take(case, "find_false_report", Role.SUPERVISION, finding="invented figures")
    window.take(case, "find_damage", Role.SUPERVISION, finding="no filter, river polluted")
    assert effects(window.confirm(case, Role.ENFORCEMENT).case) == {"refer_to_criminal_authority": "in_force"}
    after = window.confirm(case, Role.ENFORCEMENT, proposal="p2").case
    assert {"stop_order", "restoration_order", "penalise"} <= set(effects(after))


def test_case_07_objection_in_publicity_is_a_finding(window):
    case = approved(window).case
    opened = window.take(case, "public_objection", Role.WINDOW, items=("smell",), delivered_on="2026-03-03").case
    assert (opened.state, opened.lists["findings"]) == ("revising", frozenset({"smell"}))
    assert opened.obligations["revise_objection"].due == default_calendar().add_working_days(date(2026, 3, 3), 30).day


def test_case_07_next_step_exemption_list_is_data_only(window, tmp_path):
    """Projects on the exemption list need no environmental procedure from a later day on."""
    data = yaml.safe_load(pack_path("procedures", f"{KEY}.yaml").read_text(encoding="utf-8"))
    data["version"], data["valid"] = "2026-07-01", {"from": date(2026, 7, 1)}
    text = {"zh": "豁免管理清单", "en": "Exemption list"}
    listed = {"fact": "trade", "in": ["garment_sewing"]}
    data["states"]["exempted"] = text
    data["eligibility"] = [rule | {"if": {"any": [rule["if"], listed]}} for rule in data["eligibility"]]
    data["classes"] = [
        {"id": "exempted", "title": text, "if": listed},
        {"id": "ordinary", "title": text, "if": {"none": [listed]}},
    ]
    for paper in data["documents"]:
        paper["classes"] = ["ordinary"]
    approve = data["steps"][0]
    approve["needs"] = [{"id": "ordinary", "if": {"klass": "ordinary"}, "clause": text}]
    data["steps"].append({"id": "exempt", "title": text, "clause": text, "automatic": True, "from": ["accepted"], "to": "exempted",
                          "outcome": "exempted", "needs": [{"id": "listed", "if": {"klass": "exempted"}, "clause": text}]})  # fmt: skip
    path = tmp_path / "exemption.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    window.known = load_procedures(extra=[path])
    window.at("2026-07-01")
    exempt = window.apply(KEY, FACTS | {"trade": "garment_sewing"}, documents={}).case
    assert (exempt.state, exempt.outcome, dict(exempt.documents)) == ("exempted", "exempted", {})
    assert (
        window.apply(KEY, FACTS, documents=dict.fromkeys(window.papers(KEY, klass="ordinary"), PAPER)).case.state == "publicity"
    )
    assert window.apply(KEY, FACTS | {"trade": "chemicals"}).case.state == "not_accepted"
