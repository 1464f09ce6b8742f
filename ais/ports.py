"""Owns what targeting asks of folders above it: company credit and open deficiencies of earlier remote checks.

Never implements it: `console` hands both in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

CreditGrade = Literal["poor", "ordinary", "good"]


@dataclass(frozen=True, slots=True)
class Credit:
    """A company's credit on a day. `key`: the company's number as the register has it."""

    key: str
    grade: CreditGrade
    source: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True)
class OpenDeficiency:
    """Something that an earlier remote check found and that is not yet put right. `ref`: where its record is."""

    code: str
    ref: str


class CreditSource(Protocol):
    """Where company credit comes from."""

    def credits_of(self, companies: Collection[str], on: date) -> Mapping[str, Credit]:
        """By company; one of which nothing in force is known on that day is left out."""
        ...


class OpenDeficiencies(Protocol):
    """Where earlier remote checks are kept."""

    def open_by_ship(self) -> Mapping[str, Sequence[OpenDeficiency]]:
        """By IMO number, or ``mmsi:`` and the MMSI of a ship without one."""
        ...


@dataclass(frozen=True, slots=True)
class RiskSources:
    """Both, each None where the installation has none."""

    credit: CreditSource | None = None
    deficiencies: OpenDeficiencies | None = None
