"""Case 17: experts lead with the officers and count after review; recurring findings become key items and a warning list."""

from __future__ import annotations

import pytest

from companion import check_loops, checks
from companion.checks import VisitResult, directory
from companion.model import Actor, Role
from core import draw
from core.errors import AccessDenied, InputError, NotFound, Refused
from tests.unit.core.test_draw import SECRET, plan_json

OFFICER = Actor("officer-1", Role.SUPERVISION)


def drawn(services, name="plan-1", **changes):
    plan = draw.parse_plan(plan_json(id=name, **changes))
    checks.commit(services, OFFICER, plan, SECRET)
    return plan, checks.reveal(services, OFFICER, plan.id, "x")


def test_case_17_experts_lead_on_site_and_count_after_review(services):
    plan, visits = drawn(services)
    visit = visits[0]
    (name,) = visit.people["expert"]
    expert = Actor(name, Role.EXPERT)
    advice = check_loops.advise(
        services, expert, plan.id, visit.target, ("fire door", "new paint"), ("when was the last drill?",)
    )
    with services.db.read() as session:
        assert check_loops.reviewed(session, plan.id, visit.target) == ()  # not before a supervisor has looked
    with pytest.raises(InputError, match="not_advised"):
        check_loops.review(services, OFFICER, advice.ref, ("lifeboat",))
    check_loops.review(services, OFFICER, advice.ref, ("fire door",))
    with pytest.raises(Refused, match="reviewed"):
        check_loops.review(services, OFFICER, advice.ref, ())
    with services.db.read() as session:
        taken = check_loops.reviewed(session, plan.id, visit.target)
    assert taken == ("fire door",)
    result = VisitResult(visit.target, ("i1",), "signed", advice=taken, reviewed_by=OFFICER.user_id)
    checks.record_visit(services, OFFICER, plan.id, result)
    checks.publish(services, OFFICER, plan.id)
    (seen,) = checks.public_view(services, plan.id)["visits"]
    assert seen["findings"] == ["i1", "fire door"]
    with pytest.raises(Refused, match="visit_known"):
        check_loops.advise(services, expert, plan.id, visit.target, ("too late",))


def test_case_17_only_the_expert_who_was_drawn_advises(services):
    plan, visits = drawn(services)
    for who in (Actor("somebody", Role.EXPERT), OFFICER):
        with pytest.raises(AccessDenied):
            check_loops.advise(services, who, plan.id, visits[0].target, ("x",))
    with pytest.raises(NotFound):
        check_loops.review(services, OFFICER, "no such", ())


def test_case_17_loops_recurring_findings_lead_the_next_period(services):
    ids = []
    for name, left in (("plan-1", ()), ("plan-2", ("blocked_exit",))):
        plan, visits = drawn(services, name)
        ids.append(plan.id)
        for number, visit in enumerate(visits):
            findings = ("blocked_exit",) if number == 0 else ()
            checks.record_visit(services, OFFICER, plan.id, VisitResult(visit.target, findings, "signed"))
            if findings and not left:
                assert checks.rectify(services, OFFICER, plan.id, visit.target, "blocked_exit") == ()
    with services.db.read() as session:
        period = check_loops.next_period(session, ids, times=2)
    assert period.key_items == {"blocked_exit"}
    assert set(period.warned.values()) == {("blocked_exit",)}
    items = check_loops.with_key_items((draw.Item(id="blocked_exit"), draw.Item(id="other")), period)
    assert [one.always for one in items] == [True, False]
    rows = [checks.Registered(target, "ordinary", "", {}) for target in period.warned]
    assert {one.stratum for one in directory(rows, check_loops.causes(period))} == {"for_cause"}
