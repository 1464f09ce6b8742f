"""The one appointment on a real database: plan, times, invitation of everybody, the ship's answer, what earlier checks say."""

from datetime import UTC, datetime, time, timedelta

import pytest

from core.errors import AccessDenied, Refused
from core.messages import outbox
from inspection import (
    Actor,
    NewAnswer,
    NewCase,
    NewDeficiency,
    add_deficiency,
    agree_appointment,
    answer_item,
    approve,
    issue,
    judge_case,
    judge_for,
    open_case,
    planning,
    record,
    subject_of,
    submit_for_review,
)  # fmt: skip
from inspection.duties import CrewPlan, Daily, Once
from inspection.history import remote_history
from inspection.plan_book import Invitee, Plan, plan_of
from inspection.store import case as case_row
from tests.integration.inspection.conftest import CONDITIONS, INSPECTOR, MASTER, SUPERVISOR

COMPANY = Actor("u-dpa", "company_staff", seat="dpa")
PEOPLE = (
    Invitee(seat="master", role="crew_guest", recipient="master@ship.example", responsible=True),
    Invitee(seat="dpa", role="company_staff", recipient="dpa@company.example", lang="zh"),
    Invitee(seat="class", role="class_surveyor"),
)


def plan(crew=(), **more):
    return Plan(place="A1", lonlat=(122.06, 40.28), crew=crew, invitees=PEOPLE, **more)


def eligible(walk):
    judge_case(walk.services, INSPECTOR, walk.id)
    return walk


def test_from_plan_to_agreement(walk):
    eligible(walk)
    services = walk.services
    watch = CrewPlan(seat="master", daily=(Daily(starts=time(8), ends=time(12)),))
    planning.save_plan(services, INSPECTOR, walk.id, plan((watch,)))
    rev = walk.record().decisions[-1].at and planning.save_plan(services, INSPECTOR, walk.id, plan((watch,))).rev
    found = planning.plan_slots(services, walk.id)
    assert found.slots
    taken = {one.rule for one in found.obstacles}
    assert "daylight" in taken or "watch" in taken
    out = planning.propose(services, INSPECTOR, walk.id, found.slots[0].starts_at)
    assert (out.state, out.rev) == ("invited", rev + 1)
    links = {"master": "https://x/#a", "dpa": "https://x/#b", "class": "https://x/#c"}
    assert planning.send_invitations(services, walk.id, links) == 2
    planning.send_invitations(services, walk.id, {**links, "master": "https://x/#other"})
    with services.db.read() as session:
        sent = {one.message.recipient: one.message for one in outbox(session, subject_ref=subject_of(walk.id))}
    assert set(sent) == {"master@ship.example", "dpa@company.example"}
    assert sent["master@ship.example"].link == "https://x/#a"
    assert "检查" in sent["dpa@company.example"].body
    with pytest.raises(Refused, match="not_responsible"):
        agree_appointment(services, COMPANY, walk.id, CONDITIONS)
    planning.ask_other_time(services, COMPANY, walk.id, "Cargo until the evening")
    with services.db.read() as session:
        assert [one.words for one in planning.wishes(session, walk.id)] == ["Cargo until the evening"]
    assert agree_appointment(services, MASTER, walk.id, CONDITIONS).state == "appointed"


def test_a_duty_that_comes_up_later_stands_against_the_time(walk):
    eligible(walk)
    planning.save_plan(walk.services, INSPECTOR, walk.id, plan())
    slot = planning.plan_slots(walk.services, walk.id).slots[0]
    planning.propose(walk.services, INSPECTOR, walk.id, slot.starts_at)
    sailing = Once(kind="manoeuvring", starts_at=slot.starts_at, ends_at=slot.ends_at)
    planning.state_duties(walk.services, MASTER, walk.id, CrewPlan(seat="master", once=(sailing,)))
    with pytest.raises(Refused, match="slot_clash"):
        agree_appointment(walk.services, MASTER, walk.id, CONDITIONS)
    with pytest.raises(Refused, match="slot_clash"):
        planning.propose(walk.services, INSPECTOR, walk.id, slot.starts_at, "again")
    later = planning.plan_slots(walk.services, walk.id).slots[0]
    assert later.starts_at >= slot.ends_at
    for reason in ("Cargo", "Pilot"):  # a second new time needs no agreement in between
        out = planning.propose(walk.services, INSPECTOR, walk.id, later.starts_at, reason)
    assert out.state == "rescheduled"
    assert [one.reason for one in walk.record().decisions if one.action == "reschedule"] == ["Cargo", "Pilot"]
    assert agree_appointment(walk.services, MASTER, walk.id, CONDITIONS).state == "appointed"


def test_only_ones_own_duties_and_only_with_a_plan(walk):
    eligible(walk)
    with pytest.raises(Refused, match="no_plan"):
        planning.plan_slots(walk.services, walk.id)
    with pytest.raises(Refused, match="no_plan"):
        planning.propose(walk.services, INSPECTOR, walk.id, datetime(2026, 11, 26, tzinfo=UTC))
    planning.save_plan(walk.services, INSPECTOR, walk.id, plan())
    planning.propose(walk.services, INSPECTOR, walk.id, planning.plan_slots(walk.services, walk.id).slots[0].starts_at)
    with pytest.raises(Refused, match="seat_unknown"):
        planning.state_duties(walk.services, MASTER, walk.id, CrewPlan(seat="dpa"))
    with pytest.raises(AccessDenied):
        planning.state_duties(walk.services, COMPANY, walk.id, CrewPlan(seat="dpa"))
    with walk.services.db.read() as session:
        assert plan_of(session, walk.id) == plan()


def closed_case(walk, *, deficiency=True):
    """The walk's case is issued with one remote answer and, if asked for, one deficiency left open."""
    walk.to_session()
    answer_item(walk.services, INSPECTOR, walk.id, "YJ-001", NewAnswer(value="deficient", note="seen on the call"))
    if deficiency:
        new = NewDeficiency(code="02112", standard_not_met="Shell kept fit", why="Corrosion", action_code="16")
        add_deficiency(walk.services, INSPECTOR, walk.id, new)
    walk.step(INSPECTOR, "end_session")
    submit_for_review(walk.services, INSPECTOR, walk.id)
    approve(walk.services, SUPERVISOR, walk.id)
    issue(walk.services, INSPECTOR, walk.id)


def test_open_deficiencies_and_remote_items_of_an_earlier_check_come_along(walk):
    closed_case(walk)
    walk.services.clock.sleep(timedelta(days=300).total_seconds())
    second = open_case(walk.services, INSPECTOR, NewCase(**{**walk.new.model_dump(), "key": "second"})).case_id
    with walk.services.db.read() as session:
        due = planning.due_of(session, second)
        history = remote_history(session, case_row(session, second))
    assert [one.kind for one in due].count("deficiency") == 1
    assert "YJ-001" in history
    judge_for(walk.services, INSPECTOR, second, "first_check")
    with walk.services.db.read() as session:
        found = record(session, second)
        asked = planning.due_of(session, second)
    rule = {one.id: one for one in found.eligibility.rules}["never_two_years_running"]
    assert rule.met is False
    assert "YJ-001" in rule.reason.en
    assert "YJ-001" not in {one.ref for one in asked}


def test_each_purpose_is_judged_by_its_own_pack(walk):
    judge_for(walk.services, INSPECTOR, walk.id, "help")
    assert (walk.record().eligibility.pack, walk.record().state) == ("yunjian_help", "eligible")
