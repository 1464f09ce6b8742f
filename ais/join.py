"""Owns joining a ship heard on AIS to a register entry, and the comparison of what both say in three states.

Never calls a missing value a mismatch.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict
from rapidfuzz.distance import Indel

from ais.codes import flag_of, ship_types
from ais.live import LiveShip
from ais.register import Particular
from config import pack_path

MatchedBy = Literal["imo", "mmsi", "call_sign_and_name", "name_and_length", "none"]
CompareState = Literal["match", "mismatch", "not_comparable"]


class _Compare(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name_similarity: float
    length_relative: float
    length_floor_m: float


class _Confidence(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    imo: float
    imo_unconfirmed: float
    imo_contradicted: float
    mmsi: float
    call_sign_and_name: float
    name_and_length: float


class JoinRules(BaseModel):
    """`config/rules/ship_join.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    source: str
    confidence: _Confidence
    compare: _Compare


@cache
def join_rules() -> JoinRules:
    return JoinRules.model_validate(tomllib.loads(pack_path("rules", "ship_join.toml").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One value as AIS and the register have it."""

    field: str
    ais: str | None
    register: str | None
    state: CompareState


@dataclass(frozen=True, slots=True)
class Join:
    """The register entry of a ship, how it was found and how sure that is (0 to 1). `heard`: the ship as AIS has it."""

    particular: Particular | None
    matched_by: MatchedBy
    confidence: float
    heard: LiveShip | None = None

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every field that both sides may have; nothing without an entry or without the ship."""
        if self.heard is None or self.particular is None:
            return ()
        return compare(self.heard, self.particular, join_rules())

    @property
    def mismatches(self) -> tuple[str, ...]:
        return tuple(item.field for item in self.comparisons if item.state == "mismatch")


class RegisterIndex:
    """Finds register entries by number, call sign or name. A key that two ships share finds none of them."""

    def __init__(self, ships: Sequence[Particular]) -> None:
        self._by_imo: dict[int, Particular] = {}
        self._fleets: dict[str, list[int]] | None = None  # made when first asked for
        self._by_mmsi: dict[str, Particular | None] = {}
        self._by_call_sign: dict[str, Particular | None] = {}
        self._by_name: dict[str, Particular | None] = {}
        for ship in ships:
            if ship.imo is not None:
                self._by_imo[ship.imo] = ship
            for table, key in (
                (self._by_mmsi, ship.get("mmsi")),
                (self._by_call_sign, ship.get("call_sign")),
                (self._by_name, normal_name(ship.get("name"))),
            ):
                if key:
                    table[key] = None if key in table else ship

    def has(self, imo: int) -> bool:
        """Whether the register knows this IMO number."""
        return imo in self._by_imo

    def ships_of_companies(self) -> Mapping[str, Sequence[int]]:
        """IMO numbers of the ships that each company has."""
        if self._fleets is None:
            found: dict[str, list[int]] = {}
            for imo, ship in self._by_imo.items():
                if (company := ship.get("company_imo")) is not None:
                    found.setdefault(company, []).append(imo)
            self._fleets = found
        return self._fleets

    def join(self, ship: LiveShip) -> Join:
        """IMO number first, then MMSI, call sign with name, name with length."""
        confidence = join_rules().confidence
        found = None if ship.imo is None else self._by_imo.get(ship.imo)
        if found is not None:  # the register holds valid numbers only
            sure = confidence.imo_unconfirmed if "imo" in ship.unconfirmed else confidence.imo
            if _call_sign(ship, found).state == "mismatch" and _name(ship, found, join_rules()).state == "mismatch":
                sure = confidence.imo_contradicted
            return Join(found, "imo", sure, ship)
        for matched_by, candidate, sure in (
            ("mmsi", self._by_mmsi.get(f"{ship.mmsi:09d}"), confidence.mmsi),
            ("call_sign_and_name", self._by_call_sign.get(ship.call_sign or ""), confidence.call_sign_and_name),
            ("name_and_length", self._by_name.get(normal_name(ship.name)), confidence.name_and_length),
        ):
            if candidate is None or _imo(ship, candidate).state == "mismatch":
                continue
            if matched_by == "call_sign_and_name" and _name(ship, candidate, join_rules()).state != "match":
                continue
            if matched_by == "name_and_length" and _length_of(ship, candidate, join_rules()).state != "match":
                continue
            return Join(candidate, _MATCHED_BY[matched_by], sure, ship)
        return Join(None, "none", 0.0, ship)


_MATCHED_BY: dict[str, MatchedBy] = {
    "mmsi": "mmsi",
    "call_sign_and_name": "call_sign_and_name",
    "name_and_length": "name_and_length",
}


def compare(ship: LiveShip, entry: Particular, rules: JoinRules) -> tuple[Comparison, ...]:
    """Every field that both sides may have, each in one of three states."""
    beam = None if ship.dimensions is None else float(ship.dimensions.beam_m)
    types = ship_types().from_ais(ship.ship_type)
    entry_type = entry.get("ship_type")
    return (
        _imo(ship, entry),
        _exact("mmsi", f"{ship.mmsi:09d}", entry.get("mmsi")),
        _call_sign(ship, entry),
        _exact("flag", flag_of(ship.mmsi), entry.get("flag")),
        _name(ship, entry, rules),
        _length_of(ship, entry, rules),
        _length("beam", beam, entry.number("beam_m"), rules.compare),
        Comparison(
            "ship_type",
            None if ship.ship_type is None else str(ship.ship_type),
            entry_type,
            "not_comparable" if entry_type is None or not types else "match" if entry_type in types else "mismatch",
        ),
    )


def _imo(ship: LiveShip, entry: Particular) -> Comparison:
    return _exact("imo", None if ship.valid_imo is None else str(ship.valid_imo), entry.get("imo"))


def _call_sign(ship: LiveShip, entry: Particular) -> Comparison:
    return _exact("call_sign", ship.call_sign, entry.get("call_sign"))


def _length_of(ship: LiveShip, entry: Particular, rules: JoinRules) -> Comparison:
    length = None if ship.dimensions is None else float(ship.dimensions.length_m)
    return _length("length", length, entry.number("loa_m"), rules.compare)


@lru_cache(maxsize=65_536)
def normal_name(name: str | None) -> str:
    """Upper case letters and digits only, without prefixes such as M/V."""
    if name is None:
        return ""
    upper = re.sub(r"^(M[/.]?[VT]\.?|MT|SS|S\.S\.)\s+", "", name.upper().strip())
    return re.sub(r"[\W_]", "", upper)


def _exact(field: str, ais: str | None, register: str | None) -> Comparison:
    if ais is None or register is None:
        return Comparison(field, ais, register, "not_comparable")
    same = ais == register or ais.replace(" ", "").upper() == register.replace(" ", "").upper()
    return Comparison(field, ais, register, "match" if same else "mismatch")


def _name(ship: LiveShip, entry: Particular, rules: JoinRules) -> Comparison:
    ais, register = ship.name, entry.get("name")
    first, second = normal_name(ais), normal_name(register)
    if not first or not second:
        return Comparison("name", ais, register, "not_comparable")
    alike = first == second or Indel.normalized_similarity(first, second) >= rules.compare.name_similarity
    return Comparison("name", ais, register, "match" if alike else "mismatch")


def _length(field: str, ais: float | None, register: float | None, limits: _Compare) -> Comparison:
    if ais is None or register is None or ais <= 0:
        return Comparison(
            field, None if ais is None else f"{ais:g}", None if register is None else f"{register:g}", "not_comparable"
        )
    allowed = max(limits.length_floor_m, limits.length_relative * max(ais, register))
    return Comparison(field, f"{ais:g}", f"{register:g}", "match" if abs(ais - register) <= allowed else "mismatch")
