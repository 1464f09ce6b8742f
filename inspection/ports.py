"""Owns what an inspection asks of folders above it: whether a minor breach is on the no-penalty list.

Never implements it: `console` hands it in. The answer is about a penalty alone; it is asked beside a deficiency and changes nothing
of it: not its state, not its deadline, not whether it is a ground for detention (cross-link of case 16 with case 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class PenaltyQuestion:
    """A breach as an inspector saw it; None = not known. `code`: the deficiency's code, `company`: the company's number."""

    code: str
    company: str
    day: date
    intent: bool | None
    harm: bool | None
    minor: bool | None
    corrected_on: date | None


@dataclass(frozen=True, slots=True)
class PenaltyAdvice:
    """`tests`: each test of the list and its answer. `item` None: the code is on no list."""

    penalty: Literal["exempt", "ordinary", "officer"]
    item: str | None
    tests: Mapping[str, bool | None]


class NoPenaltyList(Protocol):
    """Where first minor breaches that are not penalised are kept."""

    def advise(self, question: PenaltyQuestion) -> PenaltyAdvice:
        """About the penalty and nothing else."""
        ...
