"""Owns finding how similar deficiencies were worded before, so that the same thing is said in the same words.

Never fills a box by itself: a person takes over a wording or leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz import fuzz, process
from sqlalchemy.orm import Session

from inspection import store
from inspection.record import DeficiencyPart

_NEWEST = 2000  # wordings looked through; a query over all years would find none that fits better


@dataclass(frozen=True, slots=True)
class Wording:
    """A wording used before. `number`: of the newest inspection with it, `times`: how often it was used."""

    code: str
    standard_not_met: str
    why: str
    convention_ref: str | None
    number: str
    times: int


def similar(session: Session, code: str, words: str, limit: int = 8) -> list[Wording]:
    """Earlier wordings, the same code before all others, then by likeness of the words (order of words does not count)."""
    counted: dict[tuple[str, str, str], Wording] = {}
    for number, part in store.newest_deficiencies(session, _NEWEST):
        one = DeficiencyPart.model_validate(part)
        key = (one.code, one.standard_not_met, one.why)
        known = counted.get(key)
        counted[key] = Wording(
            *key, one.convention_ref, known.number if known else number, known.times + 1 if known else 1
        )  # fmt: skip
    pool = list(counted.values())
    texts = [f"{one.standard_not_met} {one.why}" for one in pool]
    likeness = dict.fromkeys(range(len(pool)), 0.0)
    if words.strip():
        scored = process.extract(words, texts, scorer=fuzz.token_set_ratio, limit=None, processor=str.casefold)
        likeness |= {index: score for _, score, index in scored}
    order = sorted(likeness, key=lambda index: (pool[index].code != code, -likeness[index], -pool[index].times))
    kept = [index for index in order if pool[index].code == code or likeness[index] >= _LEAST_LIKENESS]
    return [pool[index] for index in kept[:limit]]


_LEAST_LIKENESS = 60.0  # of 100: below this two sentences share words by chance
