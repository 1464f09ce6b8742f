"""Owns the question whether a deficiency's breach is penalised (case 16), asked of the no-penalty list.

Never writes: the deficiency, its deadline and a detention stay what the inspection made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from core.context import Services
from core.errors import NotFound
from core.workdays import local_day
from inspection.assemble import record
from inspection.ports import NoPenaltyList, PenaltyAdvice, PenaltyQuestion


@dataclass(frozen=True, slots=True)
class Seen:
    """What the inspector knows of a breach beyond the deficiency; None = not known."""

    intent: bool | None
    harm: bool | None
    minor: bool | None
    corrected_on: date | None


def penalty_advice(services: Services, source: NoPenaltyList, case_id: str, deficiency_id: str, seen: Seen) -> PenaltyAdvice:
    """Ask the list about one deficiency. A ground for detention is never minor, and a ship without a company has no record to be first in.

    Raises:
        NotFound: no such case or deficiency.
    """
    with services.db.read() as session:
        case = record(session, case_id)
    part = next((one for one in case.deficiencies if one.id == deficiency_id), None)
    if part is None:
        raise NotFound("inspection.deficiency_missing", deficiency_id=deficiency_id)
    company = case.ship.company_imo
    if part.ground_for_detention or not company:
        return PenaltyAdvice(
            "ordinary" if part.ground_for_detention else "officer", None, {"minor": not part.ground_for_detention}
        )
    question = PenaltyQuestion(
        code=part.code, company=company, day=local_day(services.clock.now()), intent=seen.intent, harm=seen.harm, minor=seen.minor,
        corrected_on=seen.corrected_on,
    )  # fmt: skip
    return source.advise(question)
