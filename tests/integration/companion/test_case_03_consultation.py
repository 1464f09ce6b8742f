"""Case 3: the standing meeting's record on a disputed case file."""

from __future__ import annotations

import pytest

from companion import books, consultation
from companion.model import Actor, ObjectTo, Role
from core.errors import AccessDenied, InputError, Refused

LAWYER = Actor("lawyer-1", Role.LEGAL)
RECORD = {"held_on": "2026-03-20", "offices": ["approving", "enforcing", "legal"], "conclusion": "hear the firm again"}


def disputed_case(window):
    window.at("2026-03-02")
    case = window.apply("network_freight_licence", {"assessment_level": 3}).case
    window.take(case, "find_false", Role.SUPERVISION, finding="forged")
    return case


def test_case_03_a_consultation_is_attached_to_the_disputed_item(window):
    case = disputed_case(window)
    first = consultation.attach(window.services, LAWYER, case.id, RECORD | {"about": "p1"})
    window.confirm(case)
    ref = next(one.ref for one in window.now(case).effects.values() if one.state == "in_force")
    window.act(case, ObjectTo(effect=ref, reason="the paper is true"), Role.APPLICANT, case.subject)
    assert consultation.disputed(window.now(case)) == (ref,)
    second = consultation.attach(window.services, LAWYER, case.id, RECORD | {"about": ref, "sha256": "0" * 64})
    with window.services.db.read() as session:
        assert {one.ref for one in consultation.records(session, case.id)} == {first.ref, second.ref}
    assert window.now(case).effects[ref].state == "objected"  # the record decides nothing


def test_case_03_what_is_not_disputed_or_one_office_alone_is_refused(window):
    case = disputed_case(window)
    with pytest.raises(Refused, match="not_disputed"):
        consultation.attach(window.services, LAWYER, case.id, RECORD | {"about": "e1"})
    with pytest.raises(InputError, match="one_office"):
        consultation.attach(window.services, LAWYER, case.id, RECORD | {"about": "p1", "offices": ["legal"]})
    with pytest.raises(AccessDenied):
        consultation.attach(window.services, Actor(case.subject, Role.APPLICANT), case.id, RECORD | {"about": "p1"})
    with pytest.raises(AccessDenied):
        books.visible(window.services, Actor("bank", Role.BANK), "consultations")


def test_case_03_scenario_5(services):
    """Low risk and good credit: left out of a routine check; a complaint brings the subject back."""
    from companion import checks
    from companion.credit import credit_rules, stratum_of
    from companion.creditfile import grade_on
    from core import draw
    from core.workdays import local_day
    from tests.unit.core.test_draw import plan_json

    today = local_day(services.clock.now())
    with services.db.read() as session:
        grade = grade_on(session, "quiet-firm", today)
    assert (grade.risk, grade.credit) == ("low", "good")
    strata = {name: one.model_dump(mode="json") for name, one in credit_rules().strata.items()}

    def planned(complaint: bool) -> list[str]:
        stratum = stratum_of(grade, red=False, black=False, cause=complaint)
        rows = [] if stratum is None else [checks.Registered("quiet-firm", stratum, "", {})]
        plan = plan_json(strata=strata, targets=[one.model_dump(mode="json") for one in checks.directory(rows)])
        return [row.id for row in draw.parse_plan(plan).targets]

    assert planned(complaint=False) == []
    assert planned(complaint=True) == ["quiet-firm"]
