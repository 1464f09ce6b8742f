"""Owns reading a risk rule pack (`config/rules/*.toml`) and month arithmetic.

Never applies a rule: `ais.targeting` does.
"""

from __future__ import annotations

import calendar
import tomllib
from datetime import date
from functools import cache, cached_property, lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ais.codes import Label
from ais.text import Bilingual
from config import pack_path
from core.errors import InputError, Refused

Profile = Literal["LRS", "SRS", "HRS"]
ListKind = Literal["flag", "ro", "company"]
Level = Literal["above", "average", "below"]
LrsRule = Literal["any", "rating", "attested", "no_such_inspection_and_one_at_least", "none"]


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _CriterionRule(_Pack):
    id: str
    label: Label
    points: int = Field(ge=0)
    lrs: LrsRule
    confidence: Literal["confirmed", "unverified"]

    @cached_property
    def words(self) -> Bilingual:
        return Bilingual(self.label.zh, self.label.en)


class TypeIn(_CriterionRule):
    rule: Literal["type_in"]
    values: frozenset[str]


class OlderThanYears(_CriterionRule):
    rule: Literal["older_than_years"]
    years: int


class RatingIn(_CriterionRule):
    rule: Literal["rating_in"]
    list: ListKind
    scores: dict[str, tuple[int, int]]
    lrs_values: frozenset[str]


class Attested(_CriterionRule):
    rule: Literal["attested"]
    list: ListKind


class DeficientInspections(_CriterionRule):
    rule: Literal["deficient_inspections"]
    more_than: int
    cap_unknown: int


class Detentions(_CriterionRule):
    rule: Literal["detentions"]
    at_least: int


CriterionRule = Annotated[
    TypeIn | OlderThanYears | RatingIn | Attested | DeficientInspections | Detentions, Field(discriminator="rule")
]


class FlagFormula(_Pack):
    """The binomial formula of a flag list: how many detentions of so many inspections make a flag white, grey or black."""

    share: float
    z: float
    step: float
    least_inspections: int
    tiers: tuple[str, ...]


class CompanyFormula(_Pack):
    """How inspections of a company's ships become its performance. Margins: index points, percentage points."""

    ism_weight: int
    other_weight: int
    deficiency_margin: float
    detention_margin_pct: float
    no_inspection: str
    matrix: dict[Level, dict[Level, str]]


class WindowMonths(_Pack):
    """Months after the last inspection."""

    opens: int
    closes: int


class RulePack(_Pack):
    """One regime as it is in force from `valid_from` on."""

    regime: str
    version: str
    name_zh: str
    name_en: str
    valid_from: date
    valid_to: date | None = None
    region: str
    sources: tuple[str, ...]
    history_months: int
    history_stale_days: int
    hrs_points: int
    excluded_types: frozenset[str]
    domestic_flags: frozenset[str]
    windows: dict[Profile, WindowMonths]
    overriding: dict[str, Label]
    unexpected: dict[str, Label] = {}
    flag_formula: FlagFormula | None = None
    company_formula: CompanyFormula | None = None
    unverified: tuple[str, ...] = ()
    template: bool = False
    criteria: tuple[CriterionRule, ...]

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@cache
def load_rules(name: str) -> RulePack:
    """A pack by its path inside ``config/``, e.g. ``rules/tokyo_mou_nir.toml``.

    Raises:
        InputError: missing or wrong; names the place.
        Refused: a template that its authority has not filled in; names what is empty.
    """
    path = pack_path(*name.split("/"))
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError("ais.rule_pack", name=name, reason=str(error)) from error
    try:
        return RulePack.model_validate(tree)
    except ValidationError as error:
        if tree.get("template") is True and all(one["type"] == "missing" for one in error.errors()):
            places = ", ".join(".".join(str(part) for part in one["loc"]) for one in error.errors())
            raise Refused("ais.rules_template", name=name, missing=places) from error
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError("ais.rule_pack", name=name, reason=f"{place}: {first['msg']}") from error


@lru_cache(maxsize=65_536)
def add_months(day: date, months: int) -> date:
    """The same day of another month, or the month's last day where it is shorter (31 January + 1 = 28 or 29 February)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
