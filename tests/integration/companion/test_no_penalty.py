"""The no-penalty list of case 16 beside a ship inspection: about the penalty alone, never a deficiency, a deadline or a detention."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from companion.exemption import Breach, Penalty, exemption_rules
from companion.exemption_desk import judge_breach
from companion.model import Actor, Role
from companion.no_penalty import NoPenaltyRecords
from core import journal
from core.errors import NotFound
from core.workdays import local_day
from inspection import NewDeficiency, add_deficiency
from inspection.penalty import Seen, penalty_advice
from inspection.ports import PenaltyAdvice, PenaltyQuestion
from tests.integration.inspection.conftest import GOLDEN, INSPECTOR, Walk

COMPANY = "1234567"
ITEM = next(one for one in exemption_rules().item if one.codes)
CODE = min(ITEM.codes)


@pytest.fixture
def walk(services, tmp_path, monkeypatch):
    ship = GOLDEN.ship.model_copy(update={"company_imo": COMPANY})
    monkeypatch.setattr("tests.integration.inspection.conftest.GOLDEN", GOLDEN.model_copy(update={"ship": ship}))
    return Walk(services, tmp_path).to_session()


def found(walk, **more):
    made = NewDeficiency(code=CODE, standard_not_met="record book complete", why="an entry is missing", **more)
    return add_deficiency(walk.services, INSPECTOR, walk.id, made).ref


def seen(walk, **changes):
    today = local_day(walk.services.clock.now())
    return replace(Seen(intent=False, harm=False, minor=True, corrected_on=today + timedelta(days=2)), **changes)


def frozen(walk):
    """Everything that the inspection knows, and its journal."""
    with walk.services.db.read() as session:
        return walk.record().model_dump(), journal.head(session, walk.record().journal_stream)


def test_a_first_minor_breach_is_exempt_and_nothing_of_the_inspection_moves(walk):
    ref = found(walk, action_code="16")
    before = frozen(walk)
    source = NoPenaltyRecords(walk.services)
    advice = penalty_advice(walk.services, source, walk.id, ref, seen(walk))
    assert (advice.penalty, advice.item) == ("exempt", ITEM.id)
    breach = Breach(ITEM.id, local_day(walk.services.clock.now()), False, False, True, local_day(walk.services.clock.now()))
    slip = judge_breach(walk.services, Actor("e", Role.ENFORCEMENT), COMPANY, breach, record=True)
    assert slip.answer.penalty is Penalty.EXEMPT
    assert frozen(walk) == before  # open deficiency, its deadline, its action, the case: as they were
    (part,) = walk.record().deficiencies
    assert (part.state, part.due_at is not None) == ("open", True)
    again = penalty_advice(walk.services, source, walk.id, ref, seen(walk))
    assert (again.penalty, again.tests["first_violation"]) == ("ordinary", False)  # the slip was the first


def test_a_ground_for_detention_is_never_put_to_the_list(walk):
    ref = found(walk, ground_for_detention=True, action_code="30")
    before = frozen(walk)

    class Generous:
        def advise(self, question: PenaltyQuestion) -> PenaltyAdvice:
            raise AssertionError("asked about a detention")

    advice = penalty_advice(walk.services, Generous(), walk.id, ref, seen(walk))
    assert advice.penalty == "ordinary"
    assert frozen(walk) == before
    assert walk.record().deficiencies[0].ground_for_detention


@pytest.mark.parametrize(
    ("change", "penalty"), [({"harm": None}, "officer"), ({"intent": True}, "ordinary"), ({"minor": False}, "ordinary")]
)
def test_each_test_is_the_list_own(walk, change, penalty):
    source = NoPenaltyRecords(walk.services)
    assert penalty_advice(walk.services, source, walk.id, found(walk), seen(walk, **change)).penalty == penalty


def test_a_code_on_no_list_is_ordinary_and_an_unknown_deficiency_is_said(walk):
    advice = NoPenaltyRecords(walk.services).advise(
        PenaltyQuestion("99999", COMPANY, local_day(walk.services.clock.now()), False, False, True, None)
    )
    assert (advice.penalty, advice.item) == ("ordinary", None)
    with pytest.raises(NotFound):
        penalty_advice(walk.services, NoPenaltyRecords(walk.services), walk.id, "no such", seen(walk))


def test_neither_question_nor_answer_can_name_a_deadline_or_a_detention():
    names = {one.name for part in (PenaltyQuestion, PenaltyAdvice) for one in fields(part)}
    assert not {name for name in names if any(word in name for word in ("due", "detention", "state", "action", "close"))}
