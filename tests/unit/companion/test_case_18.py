"""Case 18, red and black lists of the air defence sector: the numbered scenarios of the companion specification."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from companion.credit import CreditEvent
from companion.lists import black_criteria, is_red, list_rules, missing_for_repair, next_step, red_from
from companion.model import Role
from core.errors import AccessDenied, NotFound, Refused
from core.workdays import add_months

RULES = list_rules("air_defence")
BLACK = {rule.id: rule for rule in RULES.black}


def records(kind, *days):
    return [CreditEvent(f"e{n}", kind, date.fromisoformat(day)) for n, day in enumerate(days)]


def met(events, on):
    return {one.criterion for one in black_criteria(RULES, events, date.fromisoformat(on))}


def test_case_18_scenario_1():
    assert BLACK["adverse_records"].count == 3
    assert met(records("adverse_record", "2025-12-01", "2026-03-01", "2026-11-30"), "2026-11-30") == {"adverse_records"}
    assert met(records("adverse_record", "2025-12-01", "2026-03-01", "2026-12-01"), "2026-12-01") == set()


def test_case_18_scenario_2():
    assert BLACK["accidents"].count == 2
    assert met(records("accident", "2026-01-10", "2027-01-09"), "2027-01-09") == {"accidents"}
    assert met(records("accident", "2026-01-10", "2027-01-10"), "2027-01-10") == set()


def test_case_18_scenario_3():
    founded = date(2017, 11, 15)
    first = add_months(founded, 12 * RULES.red_clean_years)
    assert first == date(2020, 11, 15)
    assert is_red(RULES, founded, [], first)
    assert not is_red(RULES, founded, [], first - timedelta(days=1))


def test_case_18_scenario_4():
    state = ""
    for step in RULES.program:
        (role,) = RULES.steps[step]
        with pytest.raises(AccessDenied):
            next_step(RULES, state, Role.APPLICANT)
        state = next_step(RULES, state, role)
        assert state == step
    assert RULES.steps[RULES.effective_from] == {Role.PROVINCE}
    with pytest.raises(Refused):
        next_step(RULES, state, Role.PROVINCE)


def test_case_18_scenario_5():
    founded, fall = date(2017, 11, 15), date(2021, 6, 1)
    events = records("adverse_record", fall.isoformat())
    assert is_red(RULES, founded, events, fall - timedelta(days=1))
    assert not is_red(RULES, founded, events, fall)
    again = add_months(fall, 12 * RULES.red_clean_years)
    assert red_from(RULES, founded, events, fall) == again
    assert is_red(RULES, founded, events, again)
    assert not is_red(RULES, founded, events, again - timedelta(days=1))


def test_case_18_scenario_6():
    """A small fine is one adverse record, not a listing; a major violation lists at once (A18.1)."""
    assert met(records("penalty", "2026-03-01"), "2026-03-01") == set()
    assert met(records("major_violation_penalty", "2026-03-01"), "2026-03-01") == {"major_violation"}


def test_three_years_of_grade_a_are_the_other_way_to_red():
    founded, events = date(2010, 1, 1), records("adverse_record", "2020-01-01")
    assert is_red(RULES, founded, events, date(2022, 6, 1), grade_a_since=date(2019, 6, 1))
    assert not is_red(RULES, founded, events, date(2022, 5, 31), grade_a_since=date(2019, 6, 1))


def test_the_rule_set_is_reused_for_ship_companies():
    ships = list_rules("ship_company")
    events = [
        CreditEvent("a", "detention", date(2026, 1, 10), "ship_company"),
        CreditEvent("b", "accident", date(2026, 9, 1), "ship_company"),
    ]
    assert [one.criterion for one in black_criteria(ships, events, date(2026, 9, 1))] == ["accidents_or_detentions"]
    assert black_criteria(RULES, events, date(2026, 9, 1)) == ()  # another sector's record
    with pytest.raises(NotFound):
        list_rules("no_such_sector")


def test_repair_names_what_is_missing():
    assert missing_for_repair(RULES, ["credit_pledge"], ["training"], harm_removed=False) == (
        "rectification", "verification", "training", "harm_removed")  # fmt: skip
    assert missing_for_repair(RULES, RULES.repair_mandatory, [], harm_removed=True) == ()
    with pytest.raises(NotFound):
        missing_for_repair(RULES, ["gift"], [], harm_removed=True)
