"""Owns code lists read from `config/codes`: flags by MID, ship types and what AIS type codes may mean, hull defaults.

Never guesses: an AIS code that covers several types gives all of them.
"""

from __future__ import annotations

import csv
import tomllib
from functools import cache, lru_cache

from pydantic import BaseModel, ConfigDict

from config import pack_path
from core.ids import Mmsi


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Label(_Pack):
    """The same words in both languages."""

    zh: str
    en: str


class _AisCodes(_Pack):
    first: int
    last: int
    may_be: frozenset[str]


class ShipTypes(_Pack):
    """`config/codes/ship_types.toml`."""

    version: str
    source: str
    types: dict[str, Label]
    ais: tuple[_AisCodes, ...]

    def from_ais(self, code: int | None) -> frozenset[str]:
        """Every type a ship with this AIS code may be; empty = the code says nothing."""
        if code is None:
            return frozenset()
        return next((row.may_be for row in self.ais if row.first <= code <= row.last), frozenset())


class _Proportions(_Pack):
    depth_per_beam: float
    draught_per_depth: float


class HullDefaults(_Pack):
    """`config/codes/hull_defaults.toml`: estimates only."""

    version: str
    source: str
    default: _Proportions
    types: dict[str, _Proportions]

    def of(self, ship_type: str | None) -> _Proportions:
        return self.types.get(ship_type or "", self.default)


@cache
def ship_types() -> ShipTypes:
    return ShipTypes.model_validate(tomllib.loads(pack_path("codes", "ship_types.toml").read_text(encoding="utf-8")))


@cache
def hull_defaults() -> HullDefaults:
    return HullDefaults.model_validate(tomllib.loads(pack_path("codes", "hull_defaults.toml").read_text(encoding="utf-8")))


@cache
def _flags_by_mid() -> dict[int, str]:
    lines = pack_path("codes", "mid_flags.csv").read_text(encoding="utf-8").splitlines()
    flags: dict[int, str] = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        for part in row["mids"].split():
            first, _, last = part.partition("-")
            for mid in range(int(first), int(last or first) + 1):
                flags[mid] = row["flag"]
    return flags


@cache
def flags() -> frozenset[str]:
    """Every flag that has a MID."""
    return frozenset(_flags_by_mid().values())


@lru_cache(maxsize=65_536)
def flag_of(mmsi: int) -> str | None:
    """ISO-2 flag of a ship's MMSI, None for other stations and unknown MIDs."""
    if not 0 < mmsi <= 999_999_999:
        return None
    mid = Mmsi(mmsi).mid
    return None if mid is None else _flags_by_mid().get(mid)
