"""Golden days of both regimes at month ends and leap days, written by hand: windows, 36 months, 12 years, and every factor."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ais.facts import Built, Fact, RatingLists, facts_of
from ais.join import Join
from ais.register import Particular
from ais.register_store import RegisterValue
from ais.rules import RulePack, load_rules
from ais.targeting import Assessment, assess
from tests.unit.ais.kit import TODAY, facts, history, inspection, rating

DAY = timedelta(days=1)
REGIMES = ("tokyo_mou_nir", "paris_mou")


def pack(name: str) -> RulePack:
    return load_rules(f"rules/{name}.toml")


PROFILES: dict[str, dict[str, object]] = {
    "LRS": {},
    "SRS": {"ratings": {**facts().ratings, "flag": rating("flag", "grey")}},
    "HRS": {  # 2 + 1 + 2 points
        "types": Fact(frozenset({"oil_tanker"}), "t"), "built": Fact(Built(date(2000, 1, 1), date(2000, 1, 1)), "t"),
        "ratings": {**facts().ratings, "company": rating("company", "low")},
    },
}  # fmt: skip
# last inspection; opens and closes of HRS, SRS, LRS
WINDOWS = {
    "tokyo_mou_nir": [
        ("2026-12-31", "2027-02-28", "2027-04-30", "2027-05-31", "2027-08-31", "2027-09-30", "2028-06-30"),
        ("2023-12-31", "2024-02-29", "2024-04-30", "2024-05-31", "2024-08-31", "2024-09-30", "2025-06-30"),
        ("2024-02-29", "2024-04-29", "2024-06-29", "2024-07-29", "2024-10-29", "2024-11-29", "2025-08-29"),
        ("2024-08-31", "2024-10-31", "2024-12-31", "2025-01-31", "2025-04-30", "2025-05-31", "2026-02-28"),
        ("2027-08-31", "2027-10-31", "2027-12-31", "2028-01-31", "2028-04-30", "2028-05-31", "2029-02-28"),
        ("2027-02-28", "2027-04-28", "2027-06-28", "2027-07-28", "2027-10-28", "2027-11-28", "2028-08-28"),
    ],
    "paris_mou": [
        ("2026-12-31", "2027-05-31", "2027-06-30", "2027-10-31", "2027-12-31", "2028-12-31", "2029-12-31"),
        ("2023-12-31", "2024-05-31", "2024-06-30", "2024-10-31", "2024-12-31", "2025-12-31", "2026-12-31"),
        ("2024-02-29", "2024-07-29", "2024-08-29", "2024-12-29", "2025-02-28", "2026-02-28", "2027-02-28"),
        ("2024-08-31", "2025-01-31", "2025-02-28", "2025-06-30", "2025-08-31", "2026-08-31", "2027-08-31"),
        ("2027-08-31", "2028-01-31", "2028-02-29", "2028-06-30", "2028-08-31", "2029-08-31", "2030-08-31"),
        ("2027-02-28", "2027-07-28", "2027-08-28", "2027-12-28", "2028-02-28", "2029-02-28", "2030-02-28"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("regime", "row"), [(regime, row) for regime, rows in WINDOWS.items() for row in rows])
def test_windows(regime: str, row: tuple[str, ...]) -> None:
    last, *edges = (date.fromisoformat(day) for day in row)
    for profile, opens, closes in zip(("HRS", "SRS", "LRS"), edges[::2], edges[1::2], strict=True):
        for on, priority in ((opens - DAY, "none"), (opens, "II"), (closes, "II"), (closes + DAY, "I")):
            ship = facts(**{**PROFILES[profile], "history": history(inspection(last))})
            if profile == "LRS":
                ship = replace(ship, built=Fact(Built(last, last), "t"))
            found = assess(pack(regime), ship, on)
            assert (found.profile_best, found.profile_worst) == (profile, profile)
            assert found.window_worst is not None
            assert (found.window_worst.opens, found.window_worst.closes) == (opens, closes)
            assert found.priority == priority, (profile, on)


# the day of the question and the first day of its 36 months
MONTHS_36 = [("2026-11-30", "2023-11-30"), ("2027-02-28", "2024-02-28"), ("2028-02-29", "2025-02-28"), ("2027-02-27", "2024-02-27"),
             ("2024-02-29", "2021-02-28"), ("2027-03-31", "2024-03-31"), ("2028-05-31", "2025-05-31")]  # fmt: skip


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("asked", "first"), MONTHS_36)
def test_thirty_six_months(regime: str, asked: str, first: str) -> None:
    on, start, rules = date.fromisoformat(asked), date.fromisoformat(first), pack(regime)
    needed = 3 if regime == "tokyo_mou_nir" else 2
    later = [inspection(start + (20 + at) * DAY, 0, detained=True) for at in range(needed - 1)]
    for edge, inside in ((start, True), (start - DAY, False), (on, True), (on + DAY, False)):
        past = sorted([*later, inspection(edge, 6, detained=True)], key=lambda one: one.inspected_on)
        found = _asked(rules, [replace(one, region=rules.region) for one in past], on)
        rows = {one.criterion.id: one for one in found.judgements}
        assert (rows["deficiencies"].lrs == "not_met") is inside, edge
        assert rows["deficiencies"].points_low == (rows["deficiencies"].rule.points if inside else 0), edge
        assert rows["detentions"].points_low == (1 if inside else 0), edge


def _asked(rules: RulePack, past: list, on: date) -> Assessment:  # type: ignore[type-arg]  # inspections
    fields = {"imo": "2000000", "psc_history_from": "2000-01-01", "psc_history_to": on.isoformat()}
    values = {key: RegisterValue("imo:2000000", key, value, "t", TODAY, "x", 1) for key, value in fields.items()}
    join = Join(Particular("imo:2000000", values), "imo", 1.0)
    return assess(rules, facts_of(None, join, past, RatingLists([], on), rules, on), on)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(
    ("built", "twelve"),
    [("2014-11-24", "2026-11-24"), ("2012-02-29", "2024-02-29"), ("2014-02-28", "2026-02-28"), ("2016-02-29", "2028-02-29"),
     ("2015-12-31", "2027-12-31"), ("2016-03-01", "2028-03-01")],
)  # fmt: skip
def test_twelve_years(regime: str, built: str, twelve: str) -> None:
    day, on = date.fromisoformat(built), date.fromisoformat(twelve)
    for asked, points in ((on - DAY, 0), (on, 0), (on + DAY, 1)):
        found = assess(pack(regime), facts(built=Fact(Built(day, day), "t")), asked)
        assert next(one for one in found.judgements if one.criterion.id == "age").points_low == points, asked


OVERRIDING = {
    "tokyo_mou_nir": ("reported_by_authority", "accident", "illegal_discharge", "class_suspended", "erratic_manoeuvring",
                      "not_identified", "outstanding_deficiencies", "complaint"),
    "paris_mou": ("reported_by_authority", "accident", "illegal_discharge", "erratic_manoeuvring", "class_suspended", "not_identified"),
}  # fmt: skip
UNEXPECTED = {
    "tokyo_mou_nir": (),
    "paris_mou": ("reported_by_pilot", "reporting_failed", "outstanding_deficiencies", "detained_before", "complaint",
                  "dangerous_operation", "cargo_problem", "ro_recognition_withdrawn", "risk_parameters_differ"),
}  # fmt: skip


@pytest.mark.parametrize("regime", REGIMES)
def test_every_factor_moves_a_ship_that_was_inspected_today(regime: str) -> None:
    rules = pack(regime)
    assert (tuple(rules.overriding), tuple(rules.unexpected)) == (OVERRIDING[regime], UNEXPECTED[regime])
    fresh = history(inspection(TODAY))
    assert assess(rules, facts(history=fresh), TODAY).priority == "none"
    for code in OVERRIDING[regime]:
        assert assess(rules, facts(history=fresh, overriding=(code,)), TODAY).priority == "I", code
    for code in UNEXPECTED[regime]:
        assert assess(rules, facts(history=fresh, unexpected=(code,)), TODAY).priority == "II", code
