"""Case 16, supervision after entry: the numbered scenarios."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from companion.credit import CreditEvent, Supervision, credit_rules, evaluate, stratum_of
from companion.exemption import (
    TESTS,
    Breach,
    ExemptItem,
    Penalty,
    drone_reading_is_evidence,
    exemption_rules,
    judge,
    missing_items,
    reward,
    with_items,
)  # fmt: skip
from core.errors import InputError

RULES = exemption_rules()
DAY = date(2026, 6, 1)
GOOD = Breach(RULES.item[0].id, DAY, intent=False, harm=False, minor=True, corrected_on=DAY + timedelta(days=2))


def test_case_16_scenario_1():
    first = judge(GOOD, RULES)
    assert (first.penalty, tuple(first.tests)) == (Penalty.EXEMPT, TESTS)
    again = judge(replace(GOOD, day=date(2027, 6, 1), corrected_on=date(2027, 6, 1), earlier=(DAY,)), RULES)
    assert (again.penalty, again.failed) == (Penalty.ORDINARY, ("first_violation",))


def test_case_16_scenario_2():
    answer = judge(replace(GOOD, harm=None), RULES)
    assert (answer.penalty, answer.asks) == (Penalty.OFFICER, ("no_harm",))


def test_case_16_scenario_3():
    answer = judge(replace(GOOD, item="not on the list"), RULES)
    assert (answer.penalty, answer.failed) == (Penalty.ORDINARY, ("on_list",))


def test_case_16_scenario_4():
    rules = RULES.rewards
    penalty = 620_000 * 100 * 10_000 // rules.levels[1]
    got = reward(1, penalty, rules)
    assert (got.computed_fen, got.paid_fen, got.cut_fen) == (62_000_000, 50_000_000, 12_000_000)
    assert rules.cap_fen == got.paid_fen
    with pytest.raises(InputError):
        reward(4, 1, rules)


def test_case_16_scenario_5():
    assert drone_reading_is_evidence(time_calibrated=True, position_calibrated=True)
    assert not drone_reading_is_evidence(time_calibrated=False, position_calibrated=True)
    assert not drone_reading_is_evidence(time_calibrated=True, position_calibrated=False)


def test_case_16_scenario_6():
    grade = evaluate([CreditEvent("a", "accident", DAY)], DAY)
    assert (grade.risk, grade.supervision) == ("high", Supervision.RAISED)
    strata = credit_rules().strata
    raised = strata[stratum_of(grade, red=False, black=False, cause=False)]
    assert raised.count(1000) > strata["ordinary"].count(1000)


@pytest.mark.parametrize(
    "change",
    [{"intent": True}, {"harm": True}, {"minor": False}, {"corrected_on": DAY + timedelta(days=RULES.prompt_days + 1)}],
)
def test_each_test_alone_stops_the_exemption(change):
    answer = judge(replace(GOOD, **change), RULES)
    assert answer.penalty is Penalty.ORDINARY
    assert len(answer.failed) == 1


def test_the_list_says_that_it_is_not_the_published_one():
    assert not RULES.complete
    assert missing_items(RULES) == RULES.published_items - len(RULES.item)
    full = with_items(RULES, (ExemptItem(id=f"n{n}", domain="x", zh="x", en="x") for n in range(missing_items(RULES))))
    assert full.complete
    assert len(full.item) == RULES.published_items


def test_the_answer_knows_a_penalty_and_nothing_else():
    """It has no field by which a deficiency, a deadline or a detention could be closed."""
    assert set(judge(GOOD, RULES).__dataclass_fields__) == {"penalty", "tests"}
