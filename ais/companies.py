"""Owns the performance of ISM companies as the register's own inspections show it, with what it was reckoned from.

Never rates a company whose inspections nobody vouches for, and never fills a count that is missing: what it may be is tried at
both ends, and only one answer is an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ais.performance import CompanyInspection, company_rating, indices
from ais.records import Company
from ais.register_store import Inspection, Rating
from ais.rules import CompanyFormula, RegionAverage, RulePack, add_months
from ais.text import Bilingual, say


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A rating with the words of its reckoning, or why there is none."""

    rating: Rating | None
    how: Bilingual
    source: str | None = None


class Companies:
    """Performance of companies under one regime on one day, from the inspections of its region in the window of months.

    Only a company for which a source vouches (`Company.psc_history_from`, `psc_history_to`) is rated.
    """

    def __init__(
        self,
        pack: RulePack,
        on: date,
        companies: Iterable[Company],
        history: Mapping[int, Sequence[Inspection]],
        ships: Mapping[str, Iterable[int]],
    ) -> None:
        """`history`: inspections by IMO number; `ships`: IMO numbers of the ships that a company has now."""
        self._pack, self._on = pack, on
        self._from = add_months(on, -pack.history_months)
        stale = on - timedelta(days=pack.history_stale_days)
        self._vouched: dict[str, Company] = {}
        if pack.company_formula is not None:
            for one in companies:
                first, last = one.psc_history_from, one.psc_history_to
                if first is not None and last is not None and first <= self._from and last >= stale:
                    self._vouched[one.company_imo] = one
        self._ships = ships
        self._past: list[Inspection] = []
        self._of_company: dict[str, list[Inspection]] = {}
        self._unnamed: dict[int, int] = {}
        if self._vouched:
            self._gather(history)

    def _gather(self, history: Mapping[int, Sequence[Inspection]]) -> None:
        for inspections in history.values():
            for one in inspections:
                if self._from <= one.inspected_on <= self._on and one.mode == "onboard":
                    self._past.append(one)
                    if one.company_imo is not None:
                        self._of_company.setdefault(one.company_imo, []).append(one)
                    else:
                        self._unnamed[one.imo] = self._unnamed.get(one.imo, 0) + 1

    def of(self, company: str) -> Reckoned | None:
        """None: nobody vouches for this company's inspections, so that nothing is said."""
        vouched, formula = self._vouched.get(company), self._pack.company_formula
        if vouched is None or formula is None:
            return None
        own = self._of_company.get(company, [])
        if unnamed := sum(self._unnamed.get(imo, 0) for imo in self._ships.get(company, ())):
            return Reckoned(None, say("targets.company.unassigned", company=company, count=unnamed))
        average = self._average(formula)
        if own and average is None:
            return Reckoned(None, say("targets.company.no_average", company=company, least=formula.register_least))
        found = {company_rating(formula, tried, average or _NONE) for tried in _ends(formula, own)}
        if len(found) > 1:
            ratings = [say(f"targets.rating.{rating}") for rating in sorted(found)]
            between = Bilingual("、".join(one.zh for one in ratings), ", ".join(one.en for one in ratings))
            return Reckoned(None, say("targets.company.open", company=company, ratings=between))
        how = self._how(formula, own, average)
        sources = sorted({one.source for one in own} | {vouched.source})
        line = Rating(
            "company", self._pack.regime, company, self._from, self._on, found.pop(), None, sources[0], vouched.licence
        )
        return Reckoned(line, how, "; ".join(sources))

    def _average(self, formula: CompanyFormula) -> RegionAverage | None:
        for one in formula.averages:
            if one.valid_from <= self._on <= one.valid_to:
                return one
        counted = [
            CompanyInspection(ism, one.deficiencies - ism, one.detained)
            for one in self._past
            if (ism := _ism(formula, one)) is not None
        ]
        if len(counted) < formula.register_least:
            return None
        index, detained_pct = indices(formula, counted)
        return RegionAverage(
            deficiency_index=index,
            detention_pct=detained_pct,
            valid_from=self._from,
            valid_to=self._on,
            source="",
        )

    def _how(self, formula: CompanyFormula, own: Sequence[Inspection], average: RegionAverage | None) -> Bilingual:
        span = {"first": self._from.isoformat(), "last": self._on.isoformat()}
        if not own or average is None:
            return say("targets.company.none", **span)
        index, detained_pct = indices(formula, _ends(formula, own)[0])
        against = (
            say("targets.company.published", source=average.source)
            if average.source
            else say("targets.company.own_average", count=len(self._past))
        )
        return say(
            "targets.company.reckoned", count=len(own), **span, index=f"{index:.2f}", pct=f"{detained_pct:.1f}",
            mean=f"{average.deficiency_index:.2f}", mean_pct=f"{average.detention_pct:.1f}", against=against,
        )  # fmt: skip


_NONE = RegionAverage(deficiency_index=0.0, detention_pct=0.0)


def _ism(formula: CompanyFormula, one: Inspection) -> int | None:
    """How many of the deficiencies are of the ISM code; by their codes where each has one."""
    if one.ism_deficiencies is not None or one.deficiencies == 0:
        return min(one.ism_deficiencies or 0, one.deficiencies)
    if len(one.deficiency_codes) == one.deficiencies:
        return sum(code.startswith(formula.ism_code) for code in one.deficiency_codes)
    return None


def _ends(formula: CompanyFormula, own: Sequence[Inspection]) -> list[list[CompanyInspection]]:
    """The inspections with every count that is missing at its least and at its most; one list where nothing is missing."""
    tried: list[list[CompanyInspection]] = []
    for most in (False, True):
        for refused in (False, True):
            now: list[CompanyInspection] = []
            for one in own:
                ism = _ism(formula, one)
                counted = (one.deficiencies if most else 0) if ism is None else ism
                access = refused if one.access_refused is None else one.access_refused
                now.append(CompanyInspection(counted, one.deficiencies - counted, one.detained, access))
            if now not in tried:
                tried.append(now)
    return tried
