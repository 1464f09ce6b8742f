"""The supervisor's overview over real rows: what waits, what is detained."""

from datetime import timedelta

from inspection import NewDeficiency, add_deficiency, approve, submit_for_review
from inspection.overview import overview
from tests.integration.inspection.conftest import INSPECTOR, SUPERVISOR


def test_a_case_waits_until_the_second_person_has_moved(walk, services, clock):
    walk.to_session()
    new = NewDeficiency(code="02112", standard_not_met="SOLAS I/11", why="corroded through", ground_for_detention=True)
    add_deficiency(services, INSPECTOR, walk.id, new)
    with services.db.read() as session:
        begun = overview(session, clock.now())
    assert begun.waiting == ()
    assert [one.deficiency.code for one in begun.detained] == ["02112"]
    assert begun.weeks[-1].started == 1

    walk.step(INSPECTOR, "end_session")
    submit_for_review(services, INSPECTOR, walk.id)
    clock.advance(3 * 3600)
    with services.db.read() as session:
        (waiting,) = overview(session, clock.now()).waiting
    assert (waiting.id, waiting.moved_by) == (walk.id, INSPECTOR.user_id)
    assert clock.now() - waiting.moved_at >= timedelta(hours=3)


def test_an_approved_case_waits_for_its_report(walk, services, clock):
    walk.to_session()
    walk.step(INSPECTOR, "end_session")
    submit_for_review(services, INSPECTOR, walk.id)
    approve(services, SUPERVISOR, walk.id)
    with services.db.read() as session:
        found = overview(session, clock.now())
    assert (found.waiting, [head.id for head in found.to_issue]) == ((), [walk.id])
    by = {one.user_id: one for one in found.loads}
    assert by[INSPECTOR.user_id].submitted == 1
    assert by[SUPERVISOR.user_id].approved == 1
