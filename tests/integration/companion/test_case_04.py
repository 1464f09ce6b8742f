"""Case 4, the credit system: lists, repair and what targeting is told, on a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

import inspection
from companion import creditfile
from companion.credit import CreditEvent, credit_rules, evaluate, stratum_of
from companion.lists import list_rules
from companion.model import Actor, Role
from core import journal
from core.clock import ManualClock
from core.context import Services
from core.errors import InputError, Refused
from core.events import Event
from tests.integration.inspection.conftest import GOLDEN

FIRM = "ship-company-1"
RULES = list_rules("ship_company")


@pytest.fixture
def own_clock():
    return ManualClock(datetime(2026, 4, 10, 2, 0, tzinfo=UTC))


@pytest.fixture
def services(settings, db, files, own_clock):
    return Services(settings, db, files, own_clock)


def actor(role):
    return Actor(f"u-{role}", Role(role))


def blacklist(services):
    creditfile.record_event(
        services, actor("enforcement"), FIRM, CreditEvent("r1", "refused_inspection", date(2026, 4, 1), "ship_company")
    )
    (entry,) = creditfile.propose_listings(services, actor("supervision"), FIRM, "ship_company")
    assert creditfile.propose_listings(services, actor("supervision"), FIRM, "ship_company") == []
    for step in RULES.program:
        (role,) = RULES.steps[step]
        entry = creditfile.advance(services, Actor("officer", role), entry.ref, "the criterion is met")
        if step == RULES.effective_from:
            break
        with services.db.read() as session:
            assert creditfile.list_source(session, FIRM, date(2030, 1, 1))[0] == ()
    return entry


def test_case_4_scenario_4(services, own_clock):
    entry = blacklist(services)
    own_clock.advance((date(2026, 7, 1) - date(2026, 4, 10)).days * 86400)
    creditfile.request_repair(services, Actor(FIRM, Role.APPLICANT), entry.ref, RULES.repair_mandatory, harm_removed=True)
    ended = creditfile.confirm_repair(services, actor("province"), entry.ref, "means verified")
    assert (ended.ended_on, ended.end_reason) == (date(2026, 7, 1), "repaired")
    with services.db.read() as session:
        assert creditfile.list_source(session, FIRM, date(2026, 6, 30))[0] != ()
        assert creditfile.list_source(session, FIRM, date(2026, 7, 1))[0] == ()
        assert [one.end_reason for one in creditfile.store.entries_of(session, FIRM)] == ["repaired"]
        journal.verify(journal.entries(session, creditfile.stream_of(FIRM)))


def test_case_4_scenario_5(services):
    entry = blacklist(services)
    with pytest.raises(Refused) as refused:
        creditfile.request_repair(services, Actor(FIRM, Role.APPLICANT), entry.ref, ("credit_pledge",), harm_removed=False)
    assert refused.value.params["missing"] == "rectification, verification, harm_removed"
    with pytest.raises(Refused) as refused:
        creditfile.confirm_repair(services, actor("province"), entry.ref, "too early")
    assert refused.value.code == "lists.no_repair_request"
    with pytest.raises(InputError):
        creditfile.advance(services, actor("supervision"), entry.ref, " ")


def test_case_4_scenario_6(services):
    """What targeting is told of a company on two days; the order of ships itself is tested where it is made."""
    blacklist(services)
    with services.db.read() as session:
        on, before = (creditfile.company_credit(session, FIRM, day) for day in (date(2026, 4, 10), date(2026, 4, 9)))
    assert on.lists == ("black",)
    assert "refuses to cooperate" in " ".join(on.reasons_en)
    assert before.lists == ()
    source = creditfile.CreditRecords(services)
    assert source.credits_of([FIRM], date(2026, 4, 10))[FIRM].grade == "poor"
    assert source.credits_of([FIRM], date(2026, 4, 9))[FIRM].grade == "good"


def test_a_result_of_an_inspection_becomes_one_credit_event(services):
    ship = GOLDEN.ship.model_copy(update={"company_imo": FIRM})
    case_id = inspection.open_case(services, inspection.Actor("u", "inspector"), inspection.NewCase(key="k", ship=ship)).case_id
    at = services.clock.now()
    found = [
        Event(7, "s", "inspection.deficiency_added", 1, at, {"case_id": case_id, "action": None}),
        Event(8, "s", "inspection.deficiency_changed", 1, at, {"case_id": case_id, "action": "30"}),
        Event(9, "s", "inspection.deficiency_changed", 1, at, {"case_id": case_id, "action": "10"}),
        Event(10, "s", "inspection.deficiency_added", 1, at, {"case_id": "no such case", "action": None}),
        Event(11, "s", "video.room_closed", 1, at, {}),
    ]
    for event in (*found, *found):
        creditfile.on_event(services, event)
    source = creditfile.CreditRecords(services)
    with services.db.read() as session:
        assert [one.kind for one in creditfile.store.events_of(session, FIRM)] == ["deficiency", "detention"]
        assert creditfile.grade_on(session, FIRM, date(2026, 4, 10)).letter == "D"
    credit = source.credits_of([FIRM], date(2026, 4, 10))[FIRM]
    assert (credit.grade, credit.valid_from) == ("poor", date(2026, 4, 10))
    assert FIRM not in source.credits_of([FIRM], date(2026, 4, 9))
    assert source.credits_of(["nobody"], date(2026, 4, 10)) == {}


def test_every_rule_fires_at_its_count_and_not_below():
    for rule in credit_rules().rule:
        day = date(2026, 5, 1)
        kind = min(rule.kinds)
        events = [CreditEvent(f"e{n}", kind, day + timedelta(days=n)) for n in range(rule.count)]
        on = day + timedelta(days=rule.count)
        assert rule.id in {one.rule for one in evaluate(events, on).reasons}
        assert rule.id not in {one.rule for one in evaluate(events[1:], on).reasons}


def test_low_risk_and_good_credit_are_left_out_until_there_is_a_cause():
    grade = evaluate([], date(2026, 5, 1))
    assert (grade.letter, stratum_of(grade, red=False, black=False, cause=False)) == ("A", None)
    assert stratum_of(grade, red=False, black=False, cause=True) == "for_cause"
    assert stratum_of(grade, red=False, black=True, cause=False) == "raised"
