"""Owns what somebody found on board later, item by item, beside the remote answer: how often remote missed or doubted in vain.

Never changes the remote answer. The counts feed the back-test of targeting and the benefits page.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core.context import Services
from core.errors import InputError
from inspection import books_store, store
from inspection.assemble import subject_of
from inspection.change import Change, Written, change
from inspection.model import Actor, Outcome
from inspection.record import AnswerPart

BOOK = "outcome"
Found = Literal["satisfactory", "deficient"]
_Z95 = 1.959963984540054


class ItemOutcome(BaseModel):
    """What was found on board at one item."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    item_id: str = Field(min_length=1)
    found: Found
    note: str = Field(default="", max_length=2000)


@dataclass(frozen=True, slots=True)
class Share:
    """k of n with its 95 % interval (Wilson score); None where n is 0."""

    k: int
    n: int

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.n:
            return None
        share, z2 = self.k / self.n, _Z95 * _Z95
        middle = (share + z2 / (2 * self.n)) / (1 + z2 / self.n)
        half = _Z95 * math.sqrt(share * (1 - share) / self.n + z2 / (4 * self.n * self.n)) / (1 + z2 / self.n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class ItemScore:
    """One item over all inspections: `missed` = remote said satisfactory and on board it was deficient, of all deficient on board
    with a remote judgement; `false_doubts` = remote said deficient and on board it was satisfactory, of all deficient remotely.
    """

    item_id: str
    compared: int
    missed: Share
    false_doubts: Share


def record_outcome(services: Services, actor: Actor, case_id: str, found: list[ItemOutcome]) -> Outcome:
    """Note what was found on board. An item again replaces the earlier note; both are kept.

    Raises:
        InputError ``inspection.outcome_item``: an item that has no remote answer to compare with.
    """

    def body(work: Change) -> Written | None:
        answers = store.answers(work.session, case_id)
        for one in found:
            if one.item_id not in answers:
                raise InputError("inspection.outcome_item", item_id=one.item_id)
            part = {**one.model_dump(), "remote": AnswerPart.model_validate(answers[one.item_id].part).value}
            books_store.write(
                work.session, BOOK, f"{case_id}:{one.item_id}", subject_of(case_id), "onboard", part, actor.user_id, work.at
            )
        if not found:
            return None
        return Written({"items": [one.item_id for one in found]}, event="inspection.outcome_recorded")

    return change(services, actor, case_id, "record_outcome", body)


def scores(session: Session) -> list[ItemScore]:
    """Every item that was ever compared, and all items together as ``*``, which comes first."""
    newest = {one.ref: one for one in books_store.entries(session, BOOK)}
    return score((str(one.part["item_id"]), str(one.part["remote"]), str(one.part["found"])) for one in newest.values())


def score(pairs: Iterable[tuple[str, str, str]]) -> list[ItemScore]:
    """Scores of (item, remote answer, found on board). "needs attendance" and "not applicable" are no judgement."""
    counted: dict[str, Counter[tuple[str, str]]] = {}
    for item, remote, found in pairs:
        if remote in ("satisfactory", "deficient"):
            for key in ("*", item):
                counted.setdefault(key, Counter())[remote, found] += 1
    made = []
    for item, cells in sorted(counted.items()):
        missed, hit = cells["satisfactory", "deficient"], cells["deficient", "deficient"]
        false = cells["deficient", "satisfactory"]
        made.append(ItemScore(item, cells.total(), Share(missed, missed + hit), Share(false, false + hit)))
    return made
