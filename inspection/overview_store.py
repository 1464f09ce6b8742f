"""Owns the queries of the supervisor's overview: a few whole-table reads, never one per inspection.

Never writes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from inspection.store import CaseRow, DecisionRow, DeficiencyRow, FindingRow


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What the overview needs of a case. `moved_at`, `moved_by`: its last step; opening it counts as one."""

    id: str
    number: str
    state: str
    ship_name: str
    simulated: bool
    opened_at: datetime
    moved_at: datetime
    moved_by: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken."""

    case_id: str
    at: datetime
    by: str
    role: str
    action: str


def case_heads(session: Session, states: Collection[str]) -> list[CaseHead]:
    """Cases in these states, the longest waiting first."""
    last = select(DecisionRow.case_id, func.max(DecisionRow.seq).label("seq")).group_by(DecisionRow.case_id).subquery()
    query = (
        select(CaseRow.id, CaseRow.number, CaseRow.state, CaseRow.ship, CaseRow.demo, CaseRow.simulated, CaseRow.opened_at,
               DecisionRow.at, DecisionRow.by)
        .outerjoin(last, last.c.case_id == CaseRow.id)
        .outerjoin(DecisionRow, (DecisionRow.case_id == CaseRow.id) & (DecisionRow.seq == last.c.seq))
        .where(CaseRow.state.in_(states))
    )  # fmt: skip
    heads = [
        CaseHead(one.id, one.number, one.state, str(one.ship["name"]), one.demo or bool(one.simulated), one.opened_at,
                 one.at or one.opened_at, one.by)
        for one in session.execute(query)
    ]  # fmt: skip
    return sorted(heads, key=lambda head: (head.moved_at, head.id))


def appointments(session: Session, states: Collection[str], start: datetime, end: datetime) -> list[tuple[CaseHead, datetime]]:
    """Cases in these states whose appointment begins from `start` to before `end`, the next first."""
    heads = {head.id: head for head in case_heads(session, states)}
    rows = session.execute(
        select(CaseRow.id, CaseRow.appointment).where(CaseRow.id.in_(heads), CaseRow.appointment.is_not(None))
    )
    found = [(heads[row.id], datetime.fromisoformat(row.appointment["starts_at"])) for row in rows if row.appointment]
    return sorted(((head, at) for head, at in found if start <= at < end), key=lambda pair: (pair[1], pair[0].id))


def open_grounds(session: Session) -> list[tuple[str, dict[str, Any]]]:
    """Case and deficiency (the record's form) of every ground for detention that has not ended."""
    query = select(DeficiencyRow.case_id, DeficiencyRow.part).where(
        DeficiencyRow.ground_for_detention, DeficiencyRow.state == "open"
    )
    return [(one.case_id, one.part) for one in session.execute(query.order_by(DeficiencyRow.id))]


def steps_since(session: Session, start: datetime) -> list[Taken]:
    """Every step from `start` on, oldest first."""
    query = select(DecisionRow.case_id, DecisionRow.at, DecisionRow.by, DecisionRow.role, DecisionRow.action)
    rows = session.execute(query.where(DecisionRow.at >= start).order_by(DecisionRow.at, DecisionRow.case_id, DecisionRow.seq))
    return [Taken(one.case_id, one.at, one.by, one.role, one.action) for one in rows]


def findings_by_state(session: Session) -> dict[str, int]:
    """How many findings are in each state."""
    rows = session.execute(select(FindingRow.state, func.count()).group_by(FindingRow.state))
    return dict(rows.tuples().all())
