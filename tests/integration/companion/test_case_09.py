"""Case 9, network freight licence on commitment: the numbered scenarios of the companion spec."""

from __future__ import annotations

from datetime import date

import pytest

from companion import obligations, store
from companion.model import Role
from core import events
from core.errors import AccessDenied
from tests.integration.companion.kit import effects, rules

KEY = "network_freight_licence"
CERTIFICATE = "valid_certificate_of_full_time_safety_staff"


def licence(window, day="2026-03-02", **facts):
    window.at(day)
    level = int(window.procedure(KEY).thresholds["assessment_level"])
    return window.apply(KEY, {"assessment_level": level, **facts})


def test_case_09_scenario_1(window):
    case = licence(window).case
    assert (case.state, case.outcome) == ("obligation_open", "granted_on_commitment")
    assert case.obligations["safety_certificate"].due == date(2026, 9, 2)
    window.at("2026-09-02", 23, 59, 59)
    done = window.supply(case, CERTIFICATE)
    assert done.case.state == "closed"
    assert done.happened("obligation_closed")[0].payload["late"] is False
    window.at("2026-10-08")
    assert obligations.sweep(window.services).woken == 0
    assert not window.now(case).proposals


def test_case_09_scenario_2(window):
    due = licence(window, "2026-08-31").case.obligations["safety_certificate"]
    assert (due.due, due.raw, due.provisional) == (date(2027, 3, 1), date(2027, 2, 28), True)


def test_case_09_scenario_3(window):
    case = licence(window).case
    window.at("2026-09-03", 0)
    for _ in range(3):
        obligations.sweep(window.services)
    overdue = window.now(case)
    assert [proposal.effects for proposal in overdue.proposals.values()] == [("revoke",)]
    assert overdue.state == "obligation_open"  # the engine proposes; the platform goes on until an officer signs
    with pytest.raises(AccessDenied):
        window.confirm(case, Role.WINDOW)
    revoked = window.confirm(case).case
    assert (revoked.state, revoked.outcome, effects(revoked)) == ("revoked", "revoked", {"revoke": "in_force"})
    with window.services.db.read() as session:
        told = [event.type for event in events.since(session, 0) if event.stream.endswith(case.id)]
    assert "companion.effect_ordered" in told  # case 19 closes the platform on this fact


def test_case_09_scenario_4(window):
    window.at("2026-03-02")
    level = int(window.procedure(KEY).thresholds["assessment_level"]) - 1
    result = window.apply(KEY, {"assessment_level": level})
    assert (result.case.state, rules(result)) == ("not_accepted", ["level_3"])


def test_case_09_scenario_5(window):
    case = licence(window).case
    window.supply(case, CERTIFICATE)
    window.at("2026-03-22")
    found = window.take(case, "find_false", Role.SUPERVISION, finding="forged certificate", found_on="2026-03-22")
    proposal = found.case.proposals["p1"]
    assert proposal.evidence == {"finding": "forged certificate", "found_on": "2026-03-22"}
    revoked = window.confirm(case).case
    assert revoked.state == "revoked"
    assert revoked.effects["e1"].from_day == date(2026, 3, 22)
    assert not [term for term in revoked.obligations.values() if term.state == "open"]
    with window.services.db.read() as session:
        sent = {(row.receiver, row.kind) for row in store.pushes(session, case_id=case.id)}
    assert {("information_supervision", "approval_result"), ("enforcement", "penalty")} <= sent


def test_case_09_reminders(window):
    case = licence(window).case
    seen = []
    for day in ("2026-06-04", "2026-08-03", "2026-08-26", "2026-09-01"):
        window.at(day)
        obligations.sweep(window.services)
        seen = list(window.now(case).obligations["safety_certificate"].reminded)
    assert seen == list(window.procedure(KEY).deadline("safety_certificate").reminders)


def test_case_09_missing_papers_are_named(window):
    window.at("2026-03-02")
    result = window.apply(KEY, {"assessment_level": 3}, documents=window.papers(KEY, without="value_added_telecom_licence"))
    assert rules(result) == ["value_added_telecom_licence"]
    assert window.apply(KEY, {"assessment_level": 3}, commitment_signed=False).case.state == "not_accepted"
