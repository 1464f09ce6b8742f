"""Owns how counted inspections become a performance: flags by the binomial formula, ISM companies by two indices.

Never rates from figures that are not there: too few inspections of a flag give no rating.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from ais.rules import CompanyFormula, FlagFormula, Level, RegionAverage


@dataclass(frozen=True, slots=True)
class CompanyInspection:
    """One inspection of a ship of the company."""

    ism_deficiencies: int
    other_deficiencies: int
    detained: bool
    access_refused: bool = False


def flag_rating(formula: FlagFormula, inspections: int, detentions: int) -> str | None:
    """``white``, ``grey`` or a tier of black; None below the least number of inspections.

    Raises:
        ValueError: more detentions than inspections, or a negative count.
    """
    if not 0 <= detentions <= inspections:
        raise ValueError(f"{detentions} detentions of {inspections} inspections")
    if inspections < formula.least_inspections:
        return None
    if detentions < _limit(inspections, formula.share, -formula.z):
        return "white"
    exceeded = sum(
        detentions > _limit(inspections, formula.share + step * formula.step, formula.z) for step in range(len(formula.tiers))
    )
    return formula.tiers[exceeded - 1] if exceeded else "grey"


def _limit(inspections: int, share: float, z: float) -> float:
    half = 0.5 if z > 0 else -0.5
    return inspections * share + half + z * sqrt(inspections * share * (1 - share))


def company_rating(formula: CompanyFormula, inspections: Sequence[CompanyInspection], average: RegionAverage) -> str:
    """Performance of a company from all inspections of its ships in the window."""
    if not inspections:
        return formula.no_inspection
    index, detained_pct = indices(formula, inspections)
    deficiency = _level(index, average.deficiency_index, formula.deficiency_margin)
    detention = _level(detained_pct, average.detention_pct, formula.detention_margin_pct)
    if any(item.access_refused for item in inspections):
        detention = "above"
    return formula.matrix[deficiency][detention]


def indices(formula: CompanyFormula, inspections: Sequence[CompanyInspection]) -> tuple[float, float]:
    """Deficiency points per inspection, and detentions in per cent of the inspections, of which there is at least one."""
    points = sum(
        formula.ism_weight * item.ism_deficiencies + formula.other_weight * item.other_deficiencies for item in inspections
    )
    return points / len(inspections), 100 * sum(item.detained for item in inspections) / len(inspections)


def _level(value: float, average: float, margin: float) -> Level:
    if value > average + margin:
        return "above"
    return "below" if value < average - margin else "average"
