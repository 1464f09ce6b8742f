"""The vessel side of cases 7, 8, 9 and 13: the same patterns as data alone, with the ashore definition's own numbers."""

from __future__ import annotations

from datetime import date

import pytest

from companion import obligations
from companion.model import Role
from core.workdays import Unit, default_calendar
from tests.integration.companion.kit import effects, rules

COMPANY = "9074729"


def test_case_07_vessel_side_a_clearance_is_reviewed_afterwards(window):
    window.at("2026-09-28")
    facts = {"imo": "9074729", "ground_for_detention_open": False}
    case = window.apply("remote_clearance", facts, COMPANY).case
    assert (case.state, case.outcome) == ("cleared", "granted_on_commitment")
    opened = window.take(case, "notify_findings", Role.SUPERVISION, items=("log", "chart"), delivered_on="2026-09-28").case
    ashore = window.procedure("eia_commitment").deadline("revise")
    assert opened.obligations["revise"].due == default_calendar().add_working_days(date(2026, 9, 28), ashore.n).day
    assert window.take(case, "fix_finding", Role.SUPERVISION, items=("log",)).case.state == "revising"
    assert window.take(case, "fix_finding", Role.SUPERVISION, items=("chart",)).case.state == "closed"


def test_case_07_vessel_side_never_with_a_ground_for_detention_and_revoked_when_late(window):
    window.at("2026-09-28")
    refused = window.apply("remote_clearance", {"imo": "9074729", "ground_for_detention_open": True}, COMPANY)
    assert rules(refused) == ["no_ground_for_detention"]
    case = window.apply("remote_clearance", {"imo": "9074729", "ground_for_detention_open": False}, COMPANY).case
    window.take(case, "notify_findings", Role.SUPERVISION, items=("log",), delivered_on="2026-09-28")
    window.at("2026-11-14", 0)
    obligations.sweep(window.services)
    (proposal,) = window.now(case).proposals.values()
    assert proposal.breach == "not_revised"


def test_case_08_vessel_side_both_addresses_of_a_ship_company_are_compared(window):
    window.at("2026-09-01")
    facts = {"company_imo": "1234567", "address": "Yingkou, Road 1", "doc_office": "Yingkou, Road 2"}
    case = window.apply("ship_company_address", facts, COMPANY).case
    manual = window.take(case, "compare", Role.WINDOW, register_match="match", doc_match="no_entry").case
    assert manual.state == "manual"  # one register without an entry: a person looks, it is not refused
    case = window.apply("ship_company_address", facts, COMPANY).case
    case = window.take(case, "compare", Role.WINDOW, register_match="match", doc_match="match").case
    assert (case.state, case.outcome) == ("registered", "granted_on_commitment")
    window.at("2026-09-28")
    differs = window.take(case, "find_differs", Role.SUPERVISION, found_on="2026-09-28", finding="another firm").case
    ashore = window.procedure("address_commitment").deadline("correction")
    assert differs.obligations["correction"].due == default_calendar().add_working_days(date(2026, 9, 28), ashore.n).day


@pytest.mark.parametrize(
    ("term", "due"), [("14_days", date(2026, 9, 15)), ("1_month", date(2026, 10, 8)), ("3_months", date(2026, 12, 1))]
)
def test_case_09_vessel_side_a_promise_runs_on_the_same_clock(window, term, due):
    window.at("2026-09-01")
    facts = {"imo": "9074729", "inspection_case": "I-1", "deficiency": "07105", "term": term}
    case = window.apply("ship_company_promise", facts, COMPANY).case
    (running,) = case.obligations.values()
    assert running.due == due  # the first of October is a holiday: the month rolls to the 8th
    assert rules(window.take(case, "confirm_kept", Role.SUPERVISION)) == ["proof"]
    window.supply(case, "repair_proof")
    kept = window.take(case, "confirm_kept", Role.SUPERVISION).case
    assert (kept.state, kept.obligations[running.id].state) == ("kept", "closed")


def test_case_09_vessel_side_a_broken_promise_is_proposed_once(window):
    window.at("2026-09-01")
    facts = {"imo": "9074729", "inspection_case": "I-1", "deficiency": "07105", "term": "14_days"}
    case = window.apply("ship_company_promise", facts, COMPANY).case
    window.at("2026-09-16", 0)
    obligations.sweep(window.services)
    obligations.sweep(window.services)
    (proposal,) = window.now(case).proposals.values()
    assert (proposal.breach, proposal.effects) == ("broken", ("credit_entry",))
    assert effects(window.confirm(case, Role.SUPERVISION).case) == {"credit_entry": "in_force"}


def test_case_13_vessel_side_ship_waste_has_the_same_classes(window):
    window.at("2026-03-02")
    key, ashore = "ship_waste_reception", window.procedure("drainage_permit")
    assert [part.id for part in window.procedure(key).classes] == [part.id for part in ashore.classes]

    def apply(noxious, oily, klass):
        facts = {"noxious_residues": noxious, "oily_waste": oily}
        return window.apply(key, facts, COMPANY, documents=window.papers(key, klass=klass)).case

    domestic, general, noxious = (
        apply(False, False, "domestic_only"),
        apply(False, True, "general"),
        apply(True, False, "key_polluter"),
    )
    assert [(one.klass, one.state) for one in (domestic, general, noxious)] == [
        ("domestic_only", "filed"), ("general", "permitted"), ("key_polluter", "accepted"),
    ]  # fmt: skip
    validity = ashore.deadline("permit_validity")
    assert (validity.n, validity.unit) == (window.procedure(key).deadline("permit_validity").n, Unit.MONTH)
    assert window.take(noxious, "site_check", site_ok=True).case.state == "permitted"
    found = window.take(domestic, "find_oily", Role.SUPERVISION, oily_waste=True, finding="bilge water").case
    assert (found.klass, set(found.proposals["p1"].effects)) == ("general", {"void_filing", "credit_entry"})
