"""Owns the facts of a ship company that the policy match asks for (case 21): which simplified regime could it use, and what is missing.

Never guesses: what nobody has told is unknown and comes back as a question.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from companion import credit_store
from companion.list_effects import effects_on
from companion.policy_match import Match, PolicyRules, Value, package
from core.workdays import add_months

SECTOR = "shipping"
_MONTHS = 36


def facts_of(session: Session, company: str, on: date, ships_with_video: int | None = None) -> dict[str, Value]:
    """The company as a firm of the library; detentions are counted from its credit file, 36 months back."""
    known = [one for one in credit_store.events_of(session, company) if one.day <= on]
    detained = [one for one in known if one.kind == "detention" and on < add_months(one.day, _MONTHS)]
    listed = any(one.list == "black" for one in effects_on(session, company, on))
    return {
        "sector": SECTOR, "detentions_36m": float(len(detained)) if known else None, "on_black_list": float(listed),
        "ships_with_video": None if ships_with_video is None else float(ships_with_video),
    }  # fmt: skip


def regimes_for(
    session: Session, company: str, on: date, rules: PolicyRules, ships_with_video: int | None = None
) -> tuple[Match, ...]:
    """What the company can have now, what it can reach, and what has to be asked."""
    return package(facts_of(session, company, on, ships_with_video), rules)
