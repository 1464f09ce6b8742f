from __future__ import annotations

from math import sqrt

import pytest

from ais.performance import CompanyInspection, RegionAverage, company_rating, flag_rating
from ais.rules import CompanyFormula, FlagFormula, load_rules


def flag_formula() -> FlagFormula:
    formula = load_rules("rules/paris_mou.toml").flag_formula
    assert formula is not None
    return formula


def company_formula(name: str = "paris_mou") -> CompanyFormula:
    formula = load_rules(f"rules/{name}.toml").company_formula
    assert formula is not None
    return formula


def test_flag_list_limits_of_a_hundred_inspections() -> None:
    # N = 100, p = 7 %: black above 7.5 + 4.197 = 11.697, white below 6.5 - 4.197 = 2.303
    assert 7.5 + 1.645 * sqrt(100 * 0.07 * 0.93) == pytest.approx(11.697, abs=1e-3)
    found = [flag_rating(flag_formula(), 100, detentions) for detentions in (2, 3, 11, 12)]
    assert found == ["white", "grey", "grey", "black_medium"]


def test_tiers_of_the_black_list_step_by_three_points() -> None:
    # limits at 10, 13, 16 %: 15.435, 19.032, 22.531
    found = [flag_rating(flag_formula(), 100, detentions) for detentions in (15, 16, 19, 20, 22, 23, 100)]
    assert found == ["black_medium", "black_medium_high", "black_medium_high", "black_high", "black_high", "black_very_high", "black_very_high"]  # fmt: skip


def test_too_few_inspections_give_no_rating_and_impossible_counts_are_refused() -> None:
    assert (flag_rating(flag_formula(), 29, 0), flag_rating(flag_formula(), 30, 3)) == (None, "grey")
    with pytest.raises(ValueError, match="31 detentions"):
        flag_rating(flag_formula(), 30, 31)


AVERAGE = RegionAverage(deficiency_index=3.0, detention_pct=4.0)


def of(deficiencies: int, detained: int, total: int = 50, *, ism: int = 0) -> list[CompanyInspection]:
    return [CompanyInspection(ism, deficiencies, at < detained) for at in range(total)]


@pytest.mark.parametrize(
    ("deficiencies", "detained", "rating"),
    [
        (6, 4, "very_low"), (6, 2, "low"), (6, 0, "low"),
        (3, 4, "low"), (3, 2, "medium"), (3, 0, "medium"),
        (0, 4, "low"), (0, 2, "medium"), (0, 0, "high"),
        (5, 3, "medium"), (1, 1, "medium"),  # exactly at average + 2 and - 2
    ],
)  # fmt: skip
def test_company_matrix(deficiencies: int, detained: int, rating: str) -> None:
    assert company_rating(company_formula(), of(deficiencies, detained), AVERAGE) == rating


def test_an_ism_deficiency_weighs_five_and_a_refusal_of_access_counts_as_above() -> None:
    assert company_rating(company_formula(), of(1, 0, ism=1), AVERAGE) == "low"
    refused = [*of(0, 0), CompanyInspection(0, 0, detained=False, access_refused=True)]
    assert company_rating(company_formula(), refused, AVERAGE) == "low"


def test_no_inspection_differs_by_regime() -> None:
    assert company_rating(company_formula(), [], AVERAGE) == "medium"
    assert company_rating(company_formula("tokyo_mou_nir"), [], AVERAGE) == "no_inspection"
