"""Owns what our own earlier inspections of a ship say: items examined remotely and when, orders that stand.

Never asks another authority: what was done elsewhere comes with the facts.
"""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from sqlalchemy.orm import Session

from core.workdays import local_day
from inspection import store
from inspection.change import detained
from inspection.record import AnswerPart, CaseRecord, ChecklistPart

_EXAMINED = frozenset({"satisfactory", "deficient"})


def remote_history(session: Session, case: store.CaseRow) -> MappingProxyType[str, date] | None:
    """Item -> the last day it was examined remotely in an issued inspection of this ship; None for a ship without IMO number.

    An inspection in which somebody was on board does not count as remote.
    """
    imo = case.ship.get("imo")
    if not imo:
        return None
    last: dict[str, date] = {}
    for other in store.cases_of_ship(session, str(imo)):
        if other.id == case.id or other.issued_record is None or other.attended_by is not None:
            continue
        for item in (CaseRecord.model_validate(other.issued_record).checklist or _EMPTY).items:
            answer: AnswerPart | None = item.answer
            if item.remote and answer is not None and answer.value in _EXAMINED:
                day = local_day(answer.at)
                last[item.id] = max(day, last.get(item.id, day))
    return MappingProxyType(last)


def standing_detention(session: Session, case: store.CaseRow) -> bool:
    """True if an order of detention of ours for this ship has not been lifted."""
    imo = case.ship.get("imo")
    return bool(imo) and any(detained(session, other.id) for other in store.cases_of_ship(session, str(imo)))


_EMPTY = ChecklistPart(edition="", edition_date="", source="", items=[])
