"""Case 17, three random, three public: the numbered scenarios."""

from __future__ import annotations

import pytest

from companion import checks
from companion.checks import Registered, VisitResult, directory
from companion.credit import credit_rules
from companion.model import Actor, Role
from core import draw
from core.errors import AccessDenied, InputError, Refused
from tests.unit.core.test_draw import SECRET, plan_json, run_verifier

OFFICER = Actor("officer-1", Role.SUPERVISION)
STRATA = {name: stratum.model_dump(mode="json") for name, stratum in credit_rules().strata.items()}


def test_case_17_scenario_1():
    rows = [
        Registered(f"f{n}", "ordinary", "", {"no_annual_report": n < 3000, "no_tax_registration": 2000 <= n < 4800})
        for n in range(8800)
    ]
    targets = directory(rows)
    assert sum(not one.excluded for one in targets) == 4000
    assert len(targets) == 8800
    assert targets[2500].excluded == ("no_annual_report", "no_tax_registration")


def test_case_17_scenario_2(services, tmp_path):
    plan = draw.parse_plan(plan_json())
    promised = checks.commit(services, OFFICER, plan, SECRET)
    assert "secret" not in checks.public_view(services, plan.id)
    checks.reveal(services, OFFICER, plan.id, "3317.38")
    checks.publish(services, OFFICER, plan.id)
    seen = checks.public_view(services, plan.id)
    assert run_verifier(tmp_path, seen["plan"], seen["result"], seen["secret"], promised).returncode == 0
    less = {**seen["plan"], "targets": seen["plan"]["targets"][1:]}
    assert run_verifier(tmp_path, less, seen["result"], seen["secret"], promised).returncode == 1
    with pytest.raises(Refused, match="drawn"):
        checks.reveal(services, OFFICER, plan.id, "another value")


def test_case_17_scenario_3():
    targets = [
        {"id": f"{name}{n}", "stratum": name}
        for name, count in (("ordinary", 101), ("raised", 101), ("red", 99))
        for n in range(count)
    ]
    plan = draw.parse_plan(plan_json(strata=STRATA, targets=targets))
    assert draw.planned_counts(plan) == {"ordinary": 6, "raised": 11, "red": 1, "for_cause": 0}
    assert draw.planned_counts(plan)["red"] * draw.BASIS_POINTS <= 99 * plan.strata["red"].ratio_bp


def test_case_17_scenario_4():
    """100,000 draws of the pair: the officer with the interest is the least busy and still never comes."""
    pool = draw.Pool(role="officer", per_visit=2, people=tuple(
        draw.Person(id=f"o{n}", conflicts=frozenset({"firm"} if n == 0 else ())) for n in range(4)))  # fmt: skip
    met = set()
    for number in range(100_000):
        order = draw._Order(str(number))
        met.update(draw._people(order, pool, draw.Target(id="firm", stratum="x"), checks.Counter()))
    assert met == {"o1", "o2", "o3"}


def test_case_17_scenario_5(services):
    plan = draw.parse_plan(plan_json())
    checks.commit(services, OFFICER, plan, SECRET, flying=True)
    visits = checks.reveal(services, OFFICER, plan.id, "x")
    assert set(checks.public_view(services, plan.id)) == {"commitment", "state"}
    assert checks.public_view(services, plan.id)["state"] == "committed"
    for visit in visits:
        with pytest.raises(Refused, match="visits_open"):
            checks.publish(services, OFFICER, plan.id)
        checks.record_visit(services, OFFICER, plan.id, VisitResult(visit.target, (), "signed"))
    assert set(checks.public_view(services, plan.id)) == {"commitment", "state"}
    checks.publish(services, OFFICER, plan.id)
    assert {"plan", "items", "result"} <= set(checks.public_view(services, plan.id))


def test_case_17_scenario_6(services):
    plan = draw.parse_plan(plan_json())
    checks.commit(services, OFFICER, plan, SECRET)
    visit = checks.reveal(services, OFFICER, plan.id, "x")[0]
    with pytest.raises(InputError, match="no_witness"):
        checks.record_visit(services, OFFICER, plan.id, VisitResult(visit.target, ("i1",), "refused"))
    checks.record_visit(services, OFFICER, plan.id, VisitResult(visit.target, ("i1", "i2"), "refused", witness_ref="video-1"))
    assert checks.rectify(services, OFFICER, plan.id, visit.target, "i1") == ("i2",)
    with pytest.raises(Refused, match="visit_known"):
        checks.record_visit(services, OFFICER, plan.id, VisitResult(visit.target, ("i1",), "signed"))
    checks.publish(services, OFFICER, plan.id)
    (seen,) = checks.public_view(services, plan.id)["visits"]
    assert (seen["findings"], seen["sign_off"]) == (["i1", "i2"], "refused")


def test_advice_of_an_expert_counts_after_review(services):
    plan = draw.parse_plan(plan_json())
    checks.commit(services, OFFICER, plan, SECRET)
    visit = checks.reveal(services, OFFICER, plan.id, "x")[0]
    assert len(visit.people["expert"]) == 1
    with pytest.raises(InputError, match="advice_unreviewed"):
        checks.record_visit(services, OFFICER, plan.id, VisitResult(visit.target, (), "signed", advice=("fire door",)))
    checks.record_visit(
        services, OFFICER, plan.id, VisitResult(visit.target, (), "signed", advice=("fire door",), reviewed_by="s1")
    )
    with pytest.raises(Refused, match="not_drawn"):
        checks.record_visit(services, OFFICER, plan.id, VisitResult("stranger", (), "signed"))
    with pytest.raises(AccessDenied):
        checks.publish(services, Actor("e", Role.EXPERT), plan.id)


def test_recurring_violations_become_key_items():
    assert checks.key_items([("a", "a", "b"), ("a",), ("b", "c")], times=2) == {"a", "b"}


def test_ships_in_dock_or_without_a_call_are_out_and_a_cause_brings_one_in_for_sure():
    ships = [Registered("9074729", "ordinary", "ship", {"in_dock": True, "no_call": False}),
             Registered("9307839", "ordinary", "ship", {"in_dock": False, "no_call": False})]  # fmt: skip
    targets = directory(ships, named={"9307839": "warning"})
    plan = draw.parse_plan(plan_json(strata=STRATA, targets=[one.model_dump(mode="json") for one in targets]))
    assert [visit.target for visit in draw.draw(plan, SECRET, "x")] == ["9307839"]
