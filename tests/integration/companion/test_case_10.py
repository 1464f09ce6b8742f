"""Case 10, labour dispatch licence on commitment: the numbered scenarios of the companion spec."""

from __future__ import annotations

from datetime import date

import pytest

from companion import benefits, obligations, store
from companion.model import Demand, Role
from core.errors import InputError
from tests.integration.companion.kit import PAPER, effects, rules

KEY = "labour_dispatch_licence"


def granted(window, day="2026-04-15"):
    window.at(day)
    return window.apply(KEY, {}, verified={"business_licence": PAPER})


def test_case_10_scenario_1(window):
    case = granted(window).case
    assert (case.state, case.outcome) == ("granted", "granted_on_commitment")
    assert case.obligations["truth_check"].due == date(2026, 6, 15)


def test_case_10_scenario_2(window):
    term = granted(window, "2026-08-05").case.obligations["truth_check"]
    assert (term.raw, term.due) == (date(2026, 10, 5), date(2026, 10, 8))


def test_case_10_scenario_3(window):
    window.at("2026-04-15")
    two = window.papers(KEY, without="premises_proof")
    result = window.apply(KEY, {}, documents=two, verified={"business_licence": PAPER})
    assert rules(result) == ["premises_proof"]
    committed = {part.id for part in window.procedure(KEY).documents if part.role == "committed"}
    assert len(committed) == 5
    assert not committed & {name for reason in result.reasons for name in reason.documents}


@pytest.mark.parametrize(
    ("changed", "rule"),
    [({"recorded_at": "2026-04-14T02:00:00Z"}, "recorded_after_decision"), ({"sha256": "f" * 64}, "registered_hash")],
)
def test_case_10_scenario_4(window, changed, rule):
    case = granted(window).case
    window.at("2026-05-20")
    good = {"recorded_at": "2026-05-20T01:00:00Z", "sha256": PAPER, "registered_sha256": PAPER, "equipment_seen": True}
    invalid = window.take(case, "check_by_video", **(good | changed))
    assert rules(invalid) == [rule]
    assert invalid.case.obligations["truth_check"].state == "open"
    assert window.take(case, "check_by_video", **good).case.state == "checked"  # repeated


def test_case_10_scenario_5(window):
    case = granted(window).case
    window.at("2026-05-20")
    seen = window.take(case, "check_by_video", recorded_at="2026-05-20T01:00:00Z", sha256=PAPER, registered_sha256=PAPER,
                       equipment_seen=False, frame_time_s=83.5).case  # fmt: skip
    proposal = seen.proposals["p1"]
    assert {"revoke", "black_list"} <= set(proposal.effects)
    assert proposal.evidence["frame_time_s"] == 83.5
    ordered = window.confirm(case).case
    assert effects(ordered)["black_list"] == "proposed"  # level 6: no effect before the province recognises it


def test_case_10_scenario_6(window):
    case = granted(window).case
    window.at("2026-06-16", 0)
    obligations.sweep(window.services)
    late = window.now(case)
    assert late.obligations["truth_check"].overdue
    assert late.state == "granted"
    assert "check_overdue" not in {proposal.breach for proposal in late.proposals.values()}
    with window.services.db.read() as session:
        assert [row.kind for row in store.pushes(session, case_id=case.id, receiver="supervisor")] == ["warning"]


def test_case_10_a_dropped_paper_is_neither_asked_nor_taken(window):
    case = granted(window).case
    asked = window.act(case, Demand(document="legal_representative_identity"), Role.WINDOW, "clerk-1")
    assert asked.reasons[0].clause_zh == window.procedure(KEY).document("legal_representative_identity").clause.zh
    assert asked.happened("service_defect")[0].payload["by"] == "clerk-1"
    with pytest.raises(InputError, match="document_unknown"):
        window.supply(case, "legal_representative_identity")


def test_case_10_papers_and_check_close_the_case(window):
    case = granted(window).case
    for part in window.procedure(KEY).documents:
        if part.role == "committed":
            window.supply(case, part.id)
    assert window.take(case, "check_on_site", Role.SUPERVISION, equipment_seen=True).case.state == "closed"


def test_case_10_benefit(window):
    saved = benefits.figure(window.procedure(KEY), "approval_time")
    assert (saved.value, saved.formula) == (25, "20 decision + 5 notice")
