"""Golden cases at every boundary of the Tokyo MOU table (spec ais.md 5.1)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ais.facts import Built, Fact, RatingLists, ShipFacts, facts_of
from ais.join import Join
from ais.register import Particular
from ais.register_store import Inspection, Rating, RatingKind, RegisterValue
from ais.rules import add_months
from ais.targeting import Judgement, assess
from tests.unit.ais.kit import TODAY, facts, history, inspection, pack, rating

START = add_months(TODAY, -36)


def row(name: str, on: date = TODAY, **changes: object) -> Judgement:
    found = assess(pack(), facts(**changes), on)
    return next(item for item in found.judgements if item.criterion.id == name)


def marks(judged: Judgement) -> tuple[str, int | None, int, int, str]:
    return judged.criterion.state, judged.criterion.points, judged.points_low, judged.points_high, judged.lrs


@pytest.mark.parametrize(
    ("ship_type", "points"),
    [
        ("chemical_tanker", 2), ("gas_carrier", 2), ("oil_tanker", 2), ("bulk_carrier", 2), ("passenger_ship", 2),
        ("container_ship", 2), ("combination_carrier", 2), ("general_cargo", 0), ("roro_cargo", 0), ("tug", 0), ("other_tanker", 0),
    ],
)  # fmt: skip
def test_ship_type(ship_type: str, points: int) -> None:
    judged = row("ship_type", types=Fact(frozenset({ship_type}), "test"))
    assert (judged.criterion.points, judged.criterion.max_points, judged.lrs) == (points, 2, "met")


def test_an_ais_type_that_covers_both_is_unknown_with_a_range() -> None:
    judged = row("ship_type", types=Fact(frozenset({"bulk_carrier", "general_cargo"}), "AIS 70"))
    assert marks(judged) == ("unknown", None, 0, 2, "met")


@pytest.mark.parametrize(
    ("built", "points"),
    [
        (date(2014, 11, 25), 0),
        (date(2014, 11, 24), 0),  # 12.0 years exactly
        (date(2014, 11, 23), 1),
    ],
)
def test_age_at_twelve_years(built: date, points: int) -> None:
    assert row("age", built=Fact(Built(built, built), "test")).criterion.points == points


def test_age_of_a_leap_day_ship() -> None:
    leap = Fact(Built(date(2012, 2, 29), date(2012, 2, 29)), "test")
    assert row("age", date(2024, 2, 29), built=leap).criterion.points == 0
    assert row("age", date(2024, 3, 1), built=leap).criterion.points == 1
    thirteen = Fact(Built(date(2016, 2, 29), date(2016, 2, 29)), "test")
    assert row("age", date(2028, 2, 29), built=thirteen).criterion.points == 0


def test_age_from_a_year_alone() -> None:
    def year(number: int) -> Fact[Built]:
        return Fact(Built(date(number, 1, 1), date(number, 12, 31)), "test")

    assert row("age", built=year(2013)).criterion.points == 1
    assert marks(row("age", built=year(2014))) == ("unknown", None, 0, 1, "met")
    assert row("age", built=year(2015)).criterion.points == 0


@pytest.mark.parametrize(
    ("criterion", "kind", "value", "points", "lrs"),
    [
        ("flag_list", "flag", "black", 1, "not_met"), ("flag_list", "flag", "grey", 0, "not_met"),
        ("flag_list", "flag", "white", 0, "met"),
        ("ro_performance", "ro", "very_low", 1, "not_met"), ("ro_performance", "ro", "low", 1, "not_met"),
        ("ro_performance", "ro", "medium", 0, "not_met"), ("ro_performance", "ro", "high", 0, "met"),
        ("company", "company", "very_low", 2, "not_met"), ("company", "company", "low", 2, "not_met"),
        ("company", "company", "no_inspection", 2, "not_met"), ("company", "company", "medium", 0, "not_met"),
        ("company", "company", "high", 0, "met"),
    ],
)  # fmt: skip
def test_ratings(criterion: str, kind: RatingKind, value: str, points: int, lrs: str) -> None:
    ratings = {**facts().ratings, kind: rating(kind, value)}
    judged = row(criterion, ratings=ratings)
    assert (judged.criterion.points, judged.lrs) == (points, lrs)


@pytest.mark.parametrize(("criterion", "kind"), [("flag_audit", "flag"), ("ro_recognised", "ro")])
def test_conditions_for_low_risk_only_give_no_points(criterion: str, kind: RatingKind) -> None:
    for attested, state in ((True, "met"), (False, "not_met")):
        ratings = {**facts().ratings, kind: rating(kind, "white" if kind == "flag" else "high", attested=attested)}
        found = assess(pack(), facts(ratings=ratings), TODAY)
        judged = next(item for item in found.judgements if item.criterion.id == criterion)
        assert marks(judged) == (state, 0, 0, 0, state)
        assert found.profile_best == found.profile_worst == ("LRS" if attested else "SRS")


@pytest.mark.parametrize(
    ("numbers", "points", "lrs"),
    [((), 0, "not_met"), ((0,), 0, "met"), ((5,), 0, "met"), ((6,), 1, "not_met"), ((5, 6), 1, "not_met"), ((6, 7, 8), 3, "not_met"),
     ((9, 9, 9, 9, 9), 5, "not_met")],
)  # fmt: skip
def test_deficiencies_at_five_and_six(numbers: tuple[int, ...], points: int, lrs: str) -> None:
    past = [inspection(TODAY - timedelta(days=400 - at), number) for at, number in enumerate(numbers)]
    judged = row("deficiencies", history=history(*past))
    assert (judged.points_low, judged.points_high, judged.lrs) == (points, points, lrs)
    assert judged.criterion.max_points == max(4, points)


@pytest.mark.parametrize(
    ("count", "points", "lrs"), [(0, 0, "met"), (1, 0, "not_met"), (2, 0, "not_met"), (3, 1, "not_met"), (4, 1, "not_met")]
)
def test_detentions_at_two_and_three(count: int, points: int, lrs: str) -> None:
    past = [inspection(TODAY - timedelta(days=300 - at), 1, detained=True) for at in range(count)]
    judged = row("detentions", history=history(*past))
    assert (judged.criterion.points, judged.lrs) == (points, lrs)


def test_an_incomplete_history_is_a_range_and_never_a_silent_zero() -> None:
    nothing = history(complete=False, last_known=False)
    assert marks(row("deficiencies", history=nothing)) == ("unknown", None, 0, 4, "unknown")
    assert marks(row("detentions", history=nothing)) == ("unknown", None, 0, 1, "unknown")
    one = history(inspection(TODAY - timedelta(days=9), 7, detained=True), complete=False, last_known=False)
    assert marks(row("deficiencies", history=one)) == ("met", 1, 1, 4, "not_met")
    assert marks(row("detentions", history=one)) == ("unknown", None, 0, 1, "not_met")


def test_profile_at_three_and_four_points() -> None:
    bulk = Fact(frozenset({"bulk_carrier"}), "test")
    old = Fact(Built(date(2000, 1, 1), date(2000, 1, 1)), "test")
    black = {**facts().ratings, "flag": rating("flag", "black")}
    grey = {**facts().ratings, "flag": rating("flag", "grey")}
    three = assess(pack(), facts(types=bulk, built=old, ratings=grey), TODAY)
    four = assess(pack(), facts(types=bulk, built=old, ratings=black), TODAY)
    assert (three.points_low, three.profile_best, three.profile_worst) == (3, "SRS", "SRS")
    assert (four.points_low, four.profile_best, four.profile_worst) == (4, "HRS", "HRS")


def test_points_do_not_stand_against_low_risk_when_every_condition_is_met() -> None:
    found = assess(pack(), facts(types=Fact(frozenset({"bulk_carrier"}), "test")), TODAY)
    assert (found.points_low, found.profile_best, found.profile_worst) == (2, "LRS", "LRS")


def test_nothing_known_is_the_whole_range() -> None:
    none: dict[RatingKind, Fact[Rating]] = {"flag": Fact(None), "ro": Fact(None), "company": Fact(None)}
    found = assess(
        pack(),
        facts(types=Fact(None), built=Fact(None), ratings=none, history=history(complete=False, last_known=False)),
        TODAY,
    )
    assert (found.known, found.total) == (0, 9)
    assert (found.points_low, found.points_high) == (0, 12)
    assert (found.profile_best, found.profile_worst) == ("LRS", "HRS")
    assert (found.priority, found.priority_best, found.priority_worst) == (None, None, None)


LAST = date(2026, 1, 31)
HRS = {"types": Fact(frozenset({"oil_tanker"}), "t"), "ratings": {**facts().ratings, "company": rating("company", "low")}}
SRS = {"ratings": {**facts().ratings, "flag": rating("flag", "grey")}}
LRS: dict[str, object] = {}


@pytest.mark.parametrize(
    ("profile", "changes", "opens", "closes"),
    [
        ("HRS", HRS, date(2026, 3, 31), date(2026, 5, 31)),
        ("SRS", SRS, date(2026, 6, 30), date(2026, 9, 30)),  # month-end clamp
        ("LRS", LRS, date(2026, 10, 31), date(2027, 7, 31)),
    ],
)
def test_window_edges(profile: str, changes: dict[str, object], opens: date, closes: date) -> None:
    past = history(inspection(LAST))
    day = timedelta(days=1)
    for on, priority in ((opens - day, "none"), (opens, "II"), (closes, "II"), (closes + day, "I")):
        found = assess(pack(), facts(history=past, **changes), on)
        assert (found.profile_best, found.profile_worst) == (profile, profile)
        assert found.window_best is not None
        assert (found.window_best.opens, found.window_best.closes) == (opens, closes)
        assert found.priority == priority, on


def test_window_after_a_leap_day() -> None:
    found = assess(pack(), facts(history=history(inspection(date(2024, 2, 29))), **SRS), date(2024, 8, 1))
    assert found.window_best is not None
    assert (found.window_best.opens, found.window_best.closes) == (date(2024, 7, 29), date(2024, 10, 29))
    assert add_months(date(2024, 8, 31), 6) == date(2025, 2, 28)
    assert add_months(date(2023, 8, 31), 6) == date(2024, 2, 29)


def test_never_inspected_is_priority_one_and_an_overriding_factor_wins() -> None:
    assert assess(pack(), facts(history=history()), TODAY).priority == "I"
    soon = facts(history=history(inspection(TODAY)), overriding=("accident",))
    found = assess(pack(), soon, TODAY)
    assert (found.priority, found.overriding[0].zh) == ("I", "来港途中发生碰撞、搁浅或触礁")
    blind = facts(history=history(complete=False, last_known=False), overriding=("complaint",))
    assert assess(pack(), blind, TODAY).priority == "I"


def test_priority_depends_on_an_unknown() -> None:
    ratings = {**facts().ratings, "flag": Fact(None)}
    found = assess(pack(), facts(ratings=ratings, history=history(inspection(add_months(TODAY, -6)))), TODAY)
    assert (found.profile_best, found.profile_worst) == ("LRS", "SRS")
    assert (found.priority, found.priority_best, found.priority_worst) == (None, "none", "II")


def entry(**fields: str) -> Particular:
    values = {"imo": "2000000", **fields}
    return Particular(
        "imo:2000000", {key: RegisterValue("imo:2000000", key, value, "test", TODAY, "x", 1) for key, value in values.items()}
    )


def gathered(inspections: list[Inspection], ratings: list[Rating] | None = None, **fields: str) -> ShipFacts:
    return facts_of(None, Join(entry(**fields), "imo", 1.0), inspections, RatingLists(ratings or [], TODAY), pack(), TODAY)


@pytest.mark.parametrize(("days", "inside"), [(0, True), (-1, False), (1, True)])
def test_thirty_six_month_edge(days: int, inside: bool) -> None:
    found = gathered(
        [inspection(START + timedelta(days=days), 9)], psc_history_from="2020-01-01", psc_history_to=TODAY.isoformat()
    )
    assert bool(found.history.inspections) is inside
    assert found.history.complete
    assert found.history.last_on == START + timedelta(days=days)


def test_history_must_be_vouched_for() -> None:
    assert not gathered([]).history.complete
    assert gathered(
        [], psc_history_from=START.isoformat(), psc_history_to=(TODAY - timedelta(days=30)).isoformat()
    ).history.complete
    assert not gathered(
        [], psc_history_from=START.isoformat(), psc_history_to=(TODAY - timedelta(days=31)).isoformat()
    ).history.complete
    late = (START + timedelta(days=1)).isoformat()
    assert not gathered([], psc_history_from=late, psc_history_to=TODAY.isoformat()).history.complete
    assert gathered([], psc_history_from=late, psc_history_to=TODAY.isoformat(), build_date=late).history.complete


def test_an_expired_list_is_refused_with_the_reason() -> None:
    def line(valid_to: date) -> Rating:
        return Rating("flag", "tokyo_mou_nir", "PA", date(2025, 7, 1), valid_to, "black", True, "test", "x")

    known = gathered([], [line(TODAY)], flag="PA").ratings["flag"]
    assert known.value is not None
    gone = gathered([], [line(TODAY - timedelta(days=1))], flag="PA").ratings["flag"]
    assert gone.value is None
    assert gone.unknown is not None
    assert "2026-11-23" in gone.unknown.en
    other = gathered([], [line(TODAY)], flag="SG").ratings["flag"]
    assert other.unknown is not None
    assert "SG" in other.unknown.en


def test_factors_outside_the_table_are_named_and_not_counted() -> None:
    found = gathered([], overriding_factor="accident; aliens")
    assert (found.overriding, found.unknown_factors) == (("accident",), ("aliens",))
    assert any("aliens" in note.en for note in assess(pack(), found, TODAY).notes)


def test_domestic_flag_and_a_table_not_in_force_are_noted() -> None:
    assert any("flag State" in note.en for note in assess(pack(), facts(flag="CN"), TODAY).notes)
    assert any("not in force" in note.en for note in assess(pack(), facts(), date(2013, 12, 31)).notes)
    assert assess(pack(), facts(), date(2014, 1, 1)).notes == ()
