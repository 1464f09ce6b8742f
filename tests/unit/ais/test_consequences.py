"""Expanded inspection and refusal of access of the Paris MOU at each boundary (spec ais.md 5.2); Tokyo has neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ais.consequences import Consequence, consequences
from ais.facts import Built, Fact
from ais.rules import add_months, load_rules
from ais.targeting import assess
from tests.unit.ais.kit import TODAY, facts, history, inspection, rating

DAY = timedelta(days=1)


def said(name: str, on: date = TODAY, **changes: object) -> Consequence:
    found = consequences(assess(load_rules("rules/paris_mou.toml"), facts(**changes), on))
    return next(one for one in found if one.id == name)


def ship(kind: str, built: date | None) -> dict[str, object]:
    return {"types": Fact(frozenset({kind}), "t"), "built": Fact(None if built is None else Built(built, built), "t")}


@pytest.mark.parametrize("kind", ["chemical_tanker", "gas_carrier", "oil_tanker", "bulk_carrier", "passenger_ship"])
@pytest.mark.parametrize(("built", "state"), [(date(2014, 11, 24), "not_met"), (date(2014, 11, 23), "met")])
def test_listed_types_over_twelve_years(kind: str, built: date, state: str) -> None:
    assert said("expanded_inspection", **ship(kind, built)).state == state


def test_other_types_only_with_a_high_risk_profile() -> None:
    old = ship("container_ship", date(1990, 1, 1))
    assert said("expanded_inspection", **old).state == "not_met"
    heavy = {**facts().ratings, "flag": rating("flag", "black_high"), "company": rating("company", "low")}
    found = said("expanded_inspection", **old, ratings=heavy)  # 1 + 2 + 2 points
    assert (found.state, found.reason.en) == ("met", "profile HRS: an expanded inspection")


def test_what_is_unknown_leaves_it_open() -> None:
    assert said("expanded_inspection", **ship("bulk_carrier", None)).state == "unknown"
    assert said("expanded_inspection", **ship("tug", None)).state == "not_met"
    assert said("expanded_inspection", types=Fact(frozenset({"bulk_carrier", "tug"}), "AIS")).state == "not_met"  # built 2020


def test_the_last_expanded_inspection_is_named() -> None:
    past = replace(inspection(date(2026, 1, 24)), scope="expanded")
    found = said("expanded_inspection", history=replace(history(past), past=(past,)))
    assert "last expanded inspection 2026-01-24" in found.reason.en


def held(flag: str | None, days: list[date], *, complete: bool = True) -> dict[str, object]:
    past = tuple(inspection(day, 1, detained=True) for day in sorted(days))
    ratings = {**facts().ratings, "flag": Fact(None) if flag is None else rating("flag", flag)}
    return {"ratings": ratings, "history": replace(history(*past, complete=complete), past=past)}


@pytest.mark.parametrize(
    ("flag", "months"),
    [("black", 36), ("black_medium", 36), ("black_medium_high", 36), ("black_high", 36), ("black_very_high", 36), ("grey", 24)],
)
@pytest.mark.parametrize("on", [TODAY, date(2028, 2, 29), date(2027, 3, 31)])
def test_the_third_detention_at_the_edge_of_the_window(flag: str, months: int, on: date) -> None:
    edge = add_months(on, -months)
    later = [edge + 30 * DAY, edge + 60 * DAY]
    assert said("access_refusal", on, **held(flag, later)).state == "not_met"
    assert said("access_refusal", on, **held(flag, [edge, *later])).state == "met"
    assert said("access_refusal", on, **held(flag, [edge - DAY, *later])).state == "not_met"


def test_a_white_flag_is_not_refused_and_unknowns_are_said() -> None:
    three = [TODAY - day * DAY for day in (300, 200, 100)]
    assert said("access_refusal", **held("white", three)).state == "not_met"
    assert said("access_refusal", **held(None, three)).state == "unknown"
    assert said("access_refusal", **held(None, three[:2])).state == "not_met"
    assert said("access_refusal", **held("black", three[:2], complete=False)).state == "unknown"
    assert said("access_refusal", **held("black", three, complete=False)).state == "met"
    assert "refusal no. 1, at least 3 months" in said("access_refusal", **held("black", three)).reason.en


@pytest.mark.parametrize(("number", "months"), [(1, 3), (2, 12), (3, 24)])
def test_a_refusal_stands_for_its_term(number: int, months: int) -> None:
    last = date(2026, 1, 31)
    days = [last - 400 * at * DAY for at in range(number)]
    past = tuple(replace(inspection(day), access_refused=True) for day in sorted(days))
    ends = add_months(last, months)
    for on, until in ((ends - DAY, ends), (ends, None)):
        found = said("access_refusal", on, history=replace(history(*past), past=past))
        assert (found.state, found.until) == ("met" if until else "not_met", until)


def test_the_fourth_refusal_is_for_good_and_tokyo_has_none() -> None:
    past = tuple(replace(inspection(date(2010 + at, 1, 1)), access_refused=True) for at in range(4))
    found = said("access_refusal", history=replace(history(*past), past=past))
    assert (found.state, found.until) == ("met", None)
    assert "for good" in found.reason.en
    assert consequences(assess(load_rules("rules/tokyo_mou_nir.toml"), facts(), TODAY)) == ()
