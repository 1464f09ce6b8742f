"""Golden cases at every boundary of the Paris MOU table (spec ais.md 5.2), and the template that refuses to score."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ais.facts import Built, Fact
from ais.register_store import RatingKind
from ais.rules import RulePack, add_months, load_rules
from ais.targeting import Judgement, assess
from core.errors import Refused
from tests.unit.ais.kit import TODAY, facts, history, inspection, rating


def paris() -> RulePack:
    return load_rules("rules/paris_mou.toml")


def row(name: str, **changes: object) -> Judgement:
    return next(item for item in assess(paris(), facts(**changes), TODAY).judgements if item.criterion.id == name)


@pytest.mark.parametrize(
    ("ship_type", "points"),
    [("chemical_tanker", 2), ("gas_carrier", 2), ("oil_tanker", 2), ("bulk_carrier", 2), ("passenger_ship", 2),
     ("container_ship", 0), ("general_cargo", 0), ("roro_cargo", 0)],
)  # fmt: skip
def test_ship_type_without_container_ships(ship_type: str, points: int) -> None:
    assert row("ship_type", types=Fact(frozenset({ship_type}), "t")).criterion.points == points


@pytest.mark.parametrize(("built", "points"), [(date(2014, 11, 25), 0), (date(2014, 11, 24), 0), (date(2014, 11, 23), 1)])
def test_age_at_twelve_years(built: date, points: int) -> None:
    assert row("age", built=Fact(Built(built, built), "t")).criterion.points == points


@pytest.mark.parametrize(
    ("criterion", "kind", "value", "low", "high", "lrs"),
    [
        ("flag_list", "flag", "black_very_high", 2, 2, "not_met"), ("flag_list", "flag", "black_high", 2, 2, "not_met"),
        ("flag_list", "flag", "black_medium_high", 2, 2, "not_met"), ("flag_list", "flag", "black_medium", 1, 1, "not_met"),
        ("flag_list", "flag", "black", 1, 2, "not_met"), ("flag_list", "flag", "grey", 0, 0, "not_met"),
        ("flag_list", "flag", "white", 0, 0, "met"),
        ("ro_performance", "ro", "very_low", 1, 1, "not_met"), ("ro_performance", "ro", "low", 1, 1, "not_met"),
        ("ro_performance", "ro", "medium", 0, 0, "not_met"), ("ro_performance", "ro", "high", 0, 0, "met"),
        ("company", "company", "very_low", 2, 2, "not_met"), ("company", "company", "low", 2, 2, "not_met"),
        ("company", "company", "medium", 0, 0, "not_met"), ("company", "company", "high", 0, 0, "met"),
    ],
)  # fmt: skip
def test_ratings(criterion: str, kind: RatingKind, value: str, low: int, high: int, lrs: str) -> None:
    judged = row(criterion, ratings={**facts().ratings, kind: rating(kind, value)})
    assert (judged.points_low, judged.points_high, judged.lrs) == (low, high, lrs)


@pytest.mark.parametrize(("criterion", "kind"), [("flag_audit", "flag"), ("ro_recognised", "ro")])
def test_conditions_for_low_risk_only(criterion: str, kind: RatingKind) -> None:
    for attested, profile in ((True, "LRS"), (False, "SRS")):
        ratings = {**facts().ratings, kind: rating(kind, "white" if kind == "flag" else "high", attested=attested)}
        found = assess(paris(), facts(ratings=ratings), TODAY)
        assert (found.points_high, found.profile_best, found.profile_worst) == (0, profile, profile), criterion


@pytest.mark.parametrize(("numbers", "lrs"), [((), "not_met"), ((5,), "met"), ((6,), "not_met"), ((5, 6), "not_met")])
def test_deficiencies_give_no_points_but_bar_low_risk(numbers: tuple[int, ...], lrs: str) -> None:
    past = [inspection(TODAY - timedelta(days=400 - at), number) for at, number in enumerate(numbers)]
    judged = row("deficiencies", history=history(*past))
    assert (judged.points_low, judged.points_high, judged.lrs) == (0, 0, lrs)


@pytest.mark.parametrize(("count", "points", "lrs"), [(0, 0, "met"), (1, 0, "not_met"), (2, 1, "not_met"), (3, 1, "not_met")])
def test_detentions_at_one_and_two(count: int, points: int, lrs: str) -> None:
    past = [inspection(TODAY - timedelta(days=300 - at), 1, detained=True) for at in range(count)]
    judged = row("detentions", history=history(*past))
    assert (judged.criterion.points, judged.lrs) == (points, lrs)


def test_profile_at_four_and_five_points() -> None:
    tanker, old = Fact(frozenset({"oil_tanker"}), "t"), Fact(Built(date(2000, 1, 1), date(2000, 1, 1)), "t")
    for value, points, profile in (("black_medium", 4, "SRS"), ("black_high", 5, "HRS")):
        found = assess(
            paris(), facts(types=tanker, built=old, ratings={**facts().ratings, "flag": rating("flag", value)}), TODAY
        )
        assert (found.points_low, found.profile_best) == (points, profile)
    unsure = assess(
        paris(), facts(types=tanker, built=old, ratings={**facts().ratings, "flag": rating("flag", "black")}), TODAY
    )
    assert (unsure.profile_best, unsure.profile_worst) == ("SRS", "HRS")


LAST = date(2026, 3, 31)
HRS = {
    "types": Fact(frozenset({"oil_tanker"}), "t"),
    "built": Fact(Built(date(2000, 1, 1), date(2000, 1, 1)), "t"),
    "ratings": {**facts().ratings, "company": rating("company", "low")},
}
SRS = {"ratings": {**facts().ratings, "flag": rating("flag", "grey")}}


@pytest.mark.parametrize(
    ("changes", "last", "opens", "closes"),
    [
        (HRS, LAST, date(2026, 8, 31), date(2026, 9, 30)),
        (HRS, date(2027, 9, 30), date(2028, 2, 29), date(2028, 3, 30)),
        (SRS, LAST, date(2027, 1, 31), date(2027, 3, 31)),
        (SRS, date(2024, 2, 29), date(2024, 12, 29), date(2025, 2, 28)),
        ({}, LAST, date(2028, 3, 31), date(2029, 3, 31)),
    ],
)
def test_window_edges(changes: dict[str, object], last: date, opens: date, closes: date) -> None:
    day = timedelta(days=1)
    for on, priority in ((opens - day, "none"), (opens, "II"), (closes, "II"), (closes + day, "I")):
        found = assess(paris(), facts(history=history(inspection(last)), **changes), on)
        assert found.window_worst is not None
        assert (found.window_worst.opens, found.window_worst.closes, found.priority) == (opens, closes, priority)


def test_an_unexpected_factor_is_priority_two_before_the_window_and_an_overriding_one_wins() -> None:
    past = history(inspection(TODAY))
    found = assess(paris(), facts(history=past, unexpected=("complaint",)), TODAY)
    assert (found.priority, found.unexpected[0].en) == ("II", "complaint")
    assert "unexpected factor" in found.priority_reason.en
    assert assess(paris(), facts(history=past, unexpected=("complaint",), overriding=("accident",)), TODAY).priority == "I"
    late = facts(history=history(inspection(add_months(TODAY, -37))), unexpected=("complaint",))
    assert assess(paris(), late, TODAY).priority == "I"


def test_the_empty_template_refuses_and_names_what_is_missing() -> None:
    with pytest.raises(Refused) as caught:
        load_rules("rules/cn_fsc.toml")
    assert caught.value.code == "ais.rules_template"
    assert all(
        place in str(caught.value.params["missing"]) for place in ("hrs_points", "windows", "criteria", "history_months")
    )
