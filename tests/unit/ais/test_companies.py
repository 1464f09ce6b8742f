"""Company performance from the register's own inspections: window edges, margins, what is missing, and the imported list behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ais.companies import Companies
from ais.facts import RatingLists
from ais.records import Company
from ais.register_store import Inspection, Rating
from ais.rules import RegionAverage, RulePack, add_months, load_rules
from tests.unit.ais.kit import TODAY

FROM = add_months(TODAY, -36)
DAY = timedelta(days=1)
REGIMES = ("tokyo_mou_nir", "paris_mou")


def pack(name: str = "paris_mou", *, index: float = 3.0, pct: float = 4.0) -> RulePack:
    """The shipped pack with an average as the regime would publish it for the year of the question."""
    found = load_rules(f"rules/{name}.toml")
    assert found.company_formula is not None
    average = RegionAverage(
        deficiency_index=index,
        detention_pct=pct,
        valid_from=date(2026, 7, 1),
        valid_to=date(2027, 6, 30),
        source="annual report",
    )
    return found.model_copy(update={"company_formula": found.company_formula.model_copy(update={"averages": (average,)})})


def seen(on: date = TODAY, number: int = 0, **changes: object) -> Inspection:
    base = Inspection(
        2000000,
        on,
        "A",
        "paris",
        number,
        False,
        "list B",
        TODAY,
        "x",
        ism_deficiencies=0,
        company_imo="77",
        access_refused=False,
    )
    return replace(base, **changes)


def vouched(first: date = FROM, last: date = TODAY) -> Company:
    return Company(
        company_imo="77", name="C", source="list B", as_of=TODAY, licence="x", psc_history_from=first, psc_history_to=last
    )


def performance(
    past: list[Inspection], by: RulePack | None = None, company: Company | None = None, on: date = TODAY
) -> str | None:
    known = Companies(by or pack(), on, [company or vouched()], {2000000: past}, {"77": [2000000]}).of("77")
    return None if known is None or known.rating is None else known.rating.rating


def fleet(deficiencies: int, detained: int, total: int = 50) -> list[Inspection]:
    return [seen(TODAY - at * DAY, deficiencies, detained=at < detained) for at in range(total)]


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(
    ("deficiencies", "detained", "rating"),
    [
        (6, 4, "very_low"), (6, 2, "low"), (6, 0, "low"), (3, 4, "low"), (3, 2, "medium"), (3, 0, "medium"),
        (0, 4, "low"), (0, 2, "medium"), (0, 0, "high"),
        (5, 3, "medium"), (1, 1, "medium"),  # exactly at the average + 2 and - 2
    ],
)  # fmt: skip
def test_the_matrix_with_the_margins_at_the_boundary(regime: str, deficiencies: int, detained: int, rating: str) -> None:
    assert performance(fleet(deficiencies, detained), pack(regime)) == rating


@pytest.mark.parametrize("on", [TODAY, date(2028, 2, 29), date(2027, 3, 31)])
def test_both_ends_of_thirty_six_months_belong_to_the_window(on: date) -> None:
    start, whole = add_months(on, -36), vouched(date(2020, 1, 1), on)
    by = pack()
    average = by.company_formula.averages[0].model_copy(update={"valid_to": date(2030, 1, 1)})  # type: ignore[union-attr]  # has one
    by = by.model_copy(update={"company_formula": by.company_formula.model_copy(update={"averages": (average,)})})  # type: ignore[union-attr]
    for at, rating in ((start, "low"), (start - DAY, "high"), (on, "low"), (on + DAY, "high")):
        past = [seen(start + 30 * DAY, 0), replace(seen(at, 30), ism_deficiencies=0)]
        assert performance(sorted(past, key=lambda one: one.inspected_on), by, whole, on) == rating, at


def test_no_inspection_differs_by_regime_and_needs_a_source_that_vouches() -> None:
    assert performance([], pack("paris_mou")) == "medium"
    assert performance([], pack("tokyo_mou_nir")) == "no_inspection"
    assert performance([], company=vouched(FROM + DAY)) is None
    assert performance([], company=vouched(FROM, TODAY - 30 * DAY)) == "medium"
    assert performance([], company=vouched(FROM, TODAY - 31 * DAY)) is None


def test_an_ism_deficiency_weighs_five_by_count_or_by_code() -> None:
    assert performance([seen(number=1, ism_deficiencies=1)], pack(index=2.9)) == "low"
    assert performance([seen(number=1, ism_deficiencies=1)], pack(index=3.0)) == "medium"
    assert performance([seen(number=1, ism_deficiencies=None, deficiency_codes=("15150",))], pack(index=2.9)) == "low"
    assert performance([seen(number=1, ism_deficiencies=None, deficiency_codes=("07105",))], pack(index=2.9)) == "medium"


def test_what_is_missing_is_tried_at_both_ends() -> None:
    assert performance([seen(number=2, ism_deficiencies=None)], pack(index=3.0)) is None  # 2 or 10 points
    assert performance([seen(number=2, ism_deficiencies=None)], pack(index=20.0)) == "high"  # below either way
    assert performance([seen(access_refused=None)]) is None
    assert performance([seen(access_refused=None, detained=True)], pack(index=0.5)) == "low"  # above either way


def test_a_refusal_of_access_and_a_remote_check() -> None:
    assert performance([seen(), seen(access_refused=True)]) == "low"
    assert performance([seen(), seen(number=90, detained=True, mode="remote")]) == "high"


def test_an_inspection_that_names_no_company_leaves_it_open() -> None:
    known = Companies(pack(), TODAY, [vouched()], {2000000: [seen(company_imo=None)]}, {"77": [2000000]}).of("77")
    assert known is not None
    assert known.rating is None
    assert "do not name the company" in known.how.en


def test_the_average_of_the_register_needs_enough_inspections() -> None:
    own = load_rules("rules/paris_mou.toml")
    others = [seen(TODAY - at * DAY, 4, company_imo="88") for at in range(28)]
    few = Companies(own, TODAY, [vouched()], {2000000: [*others, seen()]}, {}).of("77")
    enough = Companies(own, TODAY, [vouched()], {2000000: [*others, seen(), seen(TODAY - DAY)]}, {}).of("77")
    assert few is not None
    assert few.rating is None
    assert enough is not None
    assert enough.rating is not None
    assert enough.rating.rating == "medium"  # 0.00 points against 3.73, detentions as all
    assert "average of the register's 30 inspections" in enough.how.en
    assert enough.source == "list B"


def test_reckoned_first_then_the_list_and_the_source_is_said() -> None:
    line = Rating("company", "paris_mou", "77", date(2026, 7, 1), date(2027, 6, 30), "medium", None, "imported list", "x")

    def fact(company: Company, past: list[Inspection], *lines: Rating):
        companies = Companies(pack(), TODAY, [company], {2000000: past}, {})
        return RatingLists(lines, TODAY, None, companies).of("company", "77")

    reckoned = fact(vouched(), [seen(number=9)], line)
    assert (reckoned.value.rating, reckoned.source) == ("low", "list B")
    assert "deficiency index 9.00 (average 3.00)" in reckoned.how.en
    assert "average from annual report" in reckoned.how.en
    unvouched = fact(vouched(FROM + DAY), [seen(number=9)], line)
    assert (unvouched.value.rating, unvouched.source, unvouched.how) == (
        "medium",
        "imported list (2026-07-01 – 2027-06-30)",
        None,
    )
    open_ = fact(vouched(), [seen(number=2, ism_deficiencies=None)], line)
    assert open_.value.rating == "medium"
    assert "depends on what is missing" in open_.how.en
    nothing = fact(vouched(), [seen(number=2, ism_deficiencies=None)])
    assert nothing.value is None
    assert "depends on what is missing" in nothing.unknown.en
