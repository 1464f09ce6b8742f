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


class RegionAverage(_Pack):
    """What a regime publishes for all companies, good from `valid_from` to `valid_to`, both included."""

    deficiency_index: float
    detention_pct: float
    valid_from: date = date.min
    valid_to: date = date.max
    source: str = ""


class CompanyFormula(_Pack):
    """How inspections of a company's ships become its performance. Margins: index points, percentage points.

    `averages`: as published; on a day without one the register's own inspections give it, if there are `register_least` or more.
    `ism_code`: how the code of an ISM deficiency begins.
    """

    ism_weight: int
    other_weight: int
    deficiency_margin: float
    detention_margin_pct: float
    no_inspection: str
    matrix: dict[Level, dict[Level, str]]
    ism_code: str
    register_least: int
    averages: tuple[RegionAverage, ...] = ()


class ExpandedInspection(_Pack):
    """Which ships get an expanded inspection when they are inspected: by profile, or by type and age."""

    label: Label
    profiles: frozenset[Profile]
    types: frozenset[str]
    older_than_years: int
    source: str
    confidence: Literal["confirmed", "unverified"]


class AccessRefusal(_Pack):
    """When a ship is refused access: more than so many detentions in so many months, by the rating of its flag.

    `terms_months`: least duration of the first refusal, the second and so on; one after the last of them is for good.
    """

    label: Label
    more_than: int
    months: dict[str, int]
    terms_months: tuple[int, ...]
    source: str
    confidence: Literal["confirmed", "unverified"]


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
    expanded_inspection: ExpandedInspection | None = None
    access_refusal: AccessRefusal | None = None
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


def rules_in_force(name: str, on: date) -> RulePack:
    """The version in force on that day of the regime that the pack `name` is of: of all packs beside it the newest that holds.

    Raises:
        InputError, Refused: as `load_rules`.
        Refused: no version holds on that day; names those there are.
    """
    versions = _versions(name)
    holding = [pack for pack in versions if pack.in_force(on)]
    if not holding:
        known = "; ".join(f"{pack.version}: {pack.valid_from.isoformat()} – {pack.valid_to or ''}" for pack in versions)
        raise Refused("ais.rules_not_in_force", regime=versions[0].regime, on=on.isoformat(), known=known)
    return max(holding, key=lambda pack: pack.valid_from)


@cache
def _versions(name: str) -> tuple[RulePack, ...]:
    """The pack and every other one in its folder that is of the same regime."""
    asked = load_rules(name)
    folder, _, own = name.rpartition("/")
    others = (path for path in sorted(pack_path(*folder.split("/")).glob("*.toml")) if path.name != own)
    same = [path for path in others if tomllib.loads(path.read_text(encoding="utf-8")).get("regime") == asked.regime]
    found = [asked, *(load_rules(f"{folder}/{path.name}") for path in same)]
    return tuple(sorted(found, key=lambda pack: pack.valid_from))


@lru_cache(maxsize=65_536)
def add_months(day: date, months: int) -> date:
    """The same day of another month, or the month's last day where it is shorter (31 January + 1 = 28 or 29 February)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
