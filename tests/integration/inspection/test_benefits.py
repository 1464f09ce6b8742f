"""The figures of a period come from the decisions, calls and answers of real cases."""

from datetime import timedelta

import pytest

from core.errors import InputError
from inspection import approve, issue, record_call, submit_for_review
from inspection.benefits import of_period
from inspection.record import CallPart
from tests.integration.inspection.conftest import INSPECTOR, SUPERVISOR
from tests.integration.inspection.test_followup import issued


def test_a_call_counts_and_an_attendance_takes_the_saved_hour_away(walk):
    walk.to_session()
    start = walk.services.clock.now()
    call = CallPart(
        room_id="room-1", started_at=start, ended_at=start + timedelta(minutes=42), consent=["crew"], recording_ids=[], gaps=[]
    )  # fmt: skip
    record_call(walk.services, INSPECTOR, walk.id, call)
    walk.step(INSPECTOR, "end_session")
    submit_for_review(walk.services, INSPECTOR, walk.id)
    approve(walk.services, SUPERVISOR, walk.id)
    issue(walk.services, INSPECTOR, walk.id)
    end = walk.services.clock.now() + timedelta(hours=1)
    with walk.services.db.read() as session:
        found = of_period(session, start - timedelta(hours=1), end)
        assert (found.issued, found.remote, found.attended, found.call_minutes) == (1, 1, 0, 42)
        assert found.saved_cny == 50_000
        assert of_period(session, start - timedelta(days=9), start - timedelta(days=8)).issued == 0
        with pytest.raises(InputError):
            of_period(session, end, start)


def test_nobody_saves_an_hour_by_going_on_board(walk):
    issued(walk, "30", ground=True)
    now = walk.services.clock.now()
    with walk.services.db.read() as session:
        found = of_period(session, now - timedelta(days=1), now + timedelta(hours=1))
    assert (found.issued, found.remote, found.attended, found.saved_cny) == (1, 0, 1, 0)
