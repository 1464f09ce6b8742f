"""After issue: an addendum by two people, and what was found on board beside the remote answer."""

import pytest

from core.errors import AccessDenied, InputError, NotFound, Refused
from inspection import Actor, issued_record
from inspection.addendum import NewAddendum, addenda, sign_addendum, write_addendum
from inspection.outcome import ItemOutcome, Share, record_outcome, score, scores
from tests.integration.inspection.conftest import INSPECTOR, SUPERVISOR
from tests.integration.inspection.test_planning import closed_case

NEW = NewAddendum(about="ship.gross_tonnage", was="12345", now="12354", reason="two figures were swapped")
OTHER = Actor("u-other", "supervisor")


def test_an_addendum_needs_two_people_and_leaves_the_record(walk):
    services = walk.services
    with pytest.raises(Refused, match="step_refused"):
        write_addendum(services, INSPECTOR, walk.id, NEW)
    closed_case(walk)
    with services.db.read() as session:
        before = issued_record(session, walk.id)
    assert write_addendum(services, SUPERVISOR, walk.id, NEW).ref == "1"
    for who, number, error in ((SUPERVISOR, 1, "same_person"), (INSPECTOR, 1, "role_refused"), (OTHER, 7, "addendum_missing")):
        with pytest.raises((Refused, AccessDenied, NotFound), match=error):
            sign_addendum(services, who, walk.id, number)
    sign_addendum(services, OTHER, walk.id, 1)
    with pytest.raises(Refused, match="addendum_signed"):
        sign_addendum(services, Actor("u-third", "supervisor"), walk.id, 1)
    with services.db.read() as session:
        (one,) = addenda(session, walk.id)
        assert issued_record(session, walk.id) == before
    assert (one.number, one.written_by, one.signed_by, len(one.sha256)) == (1, "u-supervisor", "u-other", 64)


def test_what_was_found_on_board_stands_beside_the_remote_answer(walk):
    closed_case(walk, deficiency=False)
    record_outcome(walk.services, INSPECTOR, walk.id, [ItemOutcome(item_id="YJ-001", found="deficient")])
    record_outcome(
        walk.services, INSPECTOR, walk.id, [ItemOutcome(item_id="YJ-001", found="satisfactory", note="looked again")]
    )
    with pytest.raises(InputError, match="outcome_item"):
        record_outcome(walk.services, INSPECTOR, walk.id, [ItemOutcome(item_id="YJ-002", found="deficient")])
    with walk.services.db.read() as session:
        found = {one.item_id: one for one in scores(session)}
    assert set(found) == {"*", "YJ-001"}
    assert (found["*"].compared, found["*"].false_doubts, found["*"].missed) == (1, Share(1, 1), Share(0, 0))


def test_shares_and_their_intervals():
    pairs = (
        [("a", "satisfactory", "deficient")] * 2 + [("a", "deficient", "deficient")] * 8 + [("b", "deficient", "satisfactory")]
    )
    found = {one.item_id: one for one in score([*pairs, ("a", "needs_attendance", "deficient")])}
    assert (found["a"].missed, found["a"].false_doubts, found["*"].false_doubts) == (Share(2, 10), Share(0, 8), Share(1, 9))
    low, high = found["a"].missed.interval
    assert (round(low, 3), round(high, 3)) == (0.057, 0.510)
    assert Share(0, 0).interval is None
