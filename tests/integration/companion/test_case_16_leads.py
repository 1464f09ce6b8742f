"""Case 16: leads shared with partners, recognised results, soft measures, self-discipline and self-declaration, a drone ordered."""

from __future__ import annotations

from datetime import date

import pytest

from companion import books, drone_orders, obligations, store
from companion.drone_orders import Reading, SurveyOrder
from companion.model import Actor, Role
from core.errors import AccessDenied, Refused
from drone import PayloadLog, PayloadReading
from tests.integration.companion.kit import FIRM, effects, rules
from tests.unit.drone.kit import GEOMETRY, POSE, SHIP

KEY = "enforcement_lead"
OFFICER = Actor("enforcer-1", Role.ENFORCEMENT)
PARTNERS = {"customs", "tax", "land", "police"}


def lead(window, origin="platform"):
    window.at("2026-03-02")
    return window.apply(KEY, {"origin": origin, "about": "oil film beside the berth"}).case


def test_case_16_parts_leads_are_shared_and_results_of_partners_recognised(window):
    case = lead(window, "customs")
    window.take(case, "share_lead", Role.ENFORCEMENT)
    with window.services.db.read() as session:
        assert {row.receiver for row in store.pushes(session, case_id=case.id)} >= PARTNERS
    assert rules(window.take(case, "recognise_result", Role.ENFORCEMENT, partner="customs", breach_found=True)) == ["result"]
    facts = {"partner": "customs", "partner_result": "C-2026-7", "breach_found": True}
    known = window.take(case, "recognise_result", Role.ENFORCEMENT, **facts).case
    assert (known.state, known.obligations["check_due"].state) == ("checked", "closed")  # not checked a second time
    standard = {"partners": ["customs", "police"], "about": "discretion for late reports", "in_force_from": "2026-01-01"}
    books.write(window.services, Actor("lawyer", Role.LEGAL), "shared_standards", "S-1", standard)
    assert [one.ref for one in books.visible(window.services, None, "shared_standards")] == ["S-1"]


@pytest.mark.parametrize("measure", ["prompt", "warning", "interview", "advice"])
def test_case_16_soft_measures_come_before_a_penalty(window, measure):
    case = lead(window)
    assert measure in window.procedure(KEY).fact("measure").values
    warned = window.take(case, "soft_measure", Role.SUPERVISION, measure=measure).case
    assert (warned.state, warned.outcome, dict(warned.effects)) == ("advised", "warned", {})
    assert window.take(case, "propose_penalty", Role.ENFORCEMENT, penalty_cny=1.0).reasons  # not on top of it
    assert window.take(case, "close", Role.SUPERVISION).case.state == "closed"


def test_case_16_a_lead_ends_in_a_slip_or_in_a_penalty_with_a_reward(window):
    slip = lead(window)
    window.take(slip, "check", Role.ENFORCEMENT, breach_found=True, finding="sign missing")
    noticed = window.take(slip, "exempt", Role.ENFORCEMENT, exempt_item="notice_not_displayed", notice_slip="N-1").case
    assert (noticed.outcome, dict(noticed.proposals)) == ("exempted", {})
    told = lead(window, "whistle_blower")
    window.take(told, "check", Role.ENFORCEMENT, breach_found=True, finding="oil discharged")
    window.take(told, "propose_penalty", Role.ENFORCEMENT, penalty_cny=80_000.0)
    assert effects(window.confirm(told, Role.ENFORCEMENT).case) == {"penalise": "in_force"}
    assert window.take(told, "reward", Role.ENFORCEMENT, reward_level=1).case.state == "rewarded"
    other = lead(window)
    window.take(other, "check", Role.ENFORCEMENT, breach_found=True)
    window.take(other, "propose_penalty", Role.ENFORCEMENT, penalty_cny=1.0)
    assert rules(window.take(other, "reward", Role.ENFORCEMENT, reward_level=1)) == ["whistle_blower"]


def test_case_16_parts_industry_self_discipline_is_public(services):
    pact = {"association": "plastic packaging exporters", "kind": "pact", "members": [FIRM], "in_force_from": "2026-01-01"}
    books.write(services, Actor("sector", Role.SECTOR), "self_discipline", "PACT-1", pact)
    books.write(services, Actor("sector", Role.SECTOR), "self_discipline", "PACT-1", pact | {"members": [FIRM, "firm-2"]})
    (seen,) = books.visible(services, None, "self_discipline")
    assert (seen.seq, seen.values["members"]) == (2, [FIRM, "firm-2"])
    with pytest.raises(AccessDenied):
        books.write(services, Actor(FIRM, Role.APPLICANT), "self_discipline", "PACT-2", pact)


def test_case_16_parts_a_firm_declares_itself_and_answers_for_it(window):
    window.at("2026-03-02")
    declared = window.apply("self_declaration", {"areas": ["safe_production", "tax"]}).case
    assert (declared.state, declared.outcome) == ("declared", "confirmed")
    assert declared.obligations["renewal"].due == date(2027, 3, 2)
    false = window.take(declared, "find_false", Role.SUPERVISION, finding="no fire drill").case
    assert false.proposals["p1"].effects == ("credit_entry",)
    window.at("2027-03-03", 0)
    obligations.sweep(window.services)
    assert window.now(declared).state == "lapsed"


def test_case_16_a_drone_is_ordered_on_a_lead_and_handed_to_the_planner(window):
    case, services = lead(window, "drone"), window.services
    wanted = SurveyOrder(case.id, "9074729", "oil film", date(2026, 3, 6), ("gas_detection",))
    made = drone_orders.order(services, OFFICER, wanted)
    assert window.now(case).facts["drone_order"] == made.ref
    plan = drone_orders.hand_over(services, OFFICER, made.ref, SHIP, GEOMETRY, POSE, "starboard")
    assert plan.ship.imo == str(SHIP.imo)
    with services.db.read() as session:
        planned = books.entry(session, drone_orders.BOOK, made.ref)
    assert (planned.values["state"], planned.values["refusals"]) == (
        ("refused", [one.code for one in plan.refusals]) if plan.refusals else ("planned", [])
    )
    readings = [Reading("SO2", 812.0, "ppm", True, True, "0" * 64), Reading("SO2", 812.0, "ppm", False, True)]
    kept = drone_orders.flown(services, OFFICER, made.ref, "survey-1", readings)
    assert [one.values["standing"] for one in kept] == ["evidence", "lead"]
    with pytest.raises(Refused, match="done"):
        drone_orders.flown(services, OFFICER, made.ref, "survey-2")


def test_case_16_what_the_payload_read_is_kept_as_evidence_or_as_a_lead(window):
    case, services = lead(window, "drone"), window.services
    wanted = SurveyOrder(case.id, "9074729", "sulphur", date(2026, 3, 6), ("gas_detection", "lighting"))
    made = drone_orders.order(services, OFFICER, wanted)
    assert drone_orders.task_of(made).kinds == {"gas_detection", "lighting"}

    def one(what: str, *, calibrated: bool) -> PayloadReading:
        return PayloadReading(
            what=what, value=90.0, unit="ppb", at_utc=None, lonlat=(122.1, 40.3), height_m=20.0, calibrated_on=None,
            instrument_calibrated=calibrated, time_calibrated=True, position_calibrated=True,
        )  # fmt: skip

    readings = [one("so2", calibrated=True), one("no2", calibrated=False)]
    log = PayloadLog(simulated=True, readings=readings, spoken=[], lit=True, infrared=False, sulphur=None)
    kept = drone_orders.reported(services, OFFICER, made.ref, "survey-1", log, "1" * 64)
    assert {one.values["what"]: one.values["standing"] for one in kept} == {"so2": "evidence", "no2": "lead"}


def test_case_16_a_drone_is_not_ordered_on_a_closed_lead_or_by_anybody(window):
    case, services = lead(window), window.services
    wanted = SurveyOrder(case.id, "9074729", "oil film", date(2026, 3, 6))
    with pytest.raises(AccessDenied):
        drone_orders.order(services, Actor("bank", Role.BANK), wanted)
    window.take(case, "soft_measure", Role.SUPERVISION, measure="prompt")
    with pytest.raises(Refused, match="no_lead"):
        drone_orders.order(services, OFFICER, wanted)
    with services.db.read() as session:
        assert books.entries(session, drone_orders.BOOK) == []
    blind = drone_orders.order(services, OFFICER, SurveyOrder(lead(window).id, "9074729", "night", date(2026, 3, 6)))
    plan = drone_orders.hand_over(services, OFFICER, blind.ref, SHIP, GEOMETRY, None, None)  # nobody knows where the ship lies
    with services.db.read() as session:
        assert (
            books.entry(session, drone_orders.BOOK, blind.ref).values["refusals"] == [one.code for one in plan.refusals] != []
        )
