"""Owns the supervisor's overview: what waits for a second person, what is detained, who has how much, how the weeks went.

Never decides anything; every figure is counted from rows and names the day it is of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from core.workdays import local_day
from inspection import overview_store
from inspection.overview_store import CaseHead, Taken
from inspection.record import DeficiencyPart
from inspection.states import STATES, machine

WEEKS = 12
_ENDED_STATES = frozenset({"issued", "follow_up"})  # work on the check itself is over
_LOOK_BACK_DAYS = 30


@dataclass(frozen=True, slots=True)
class Detention:
    """A ground for detention that has not ended."""

    case: CaseHead
    deficiency: DeficiencyPart


@dataclass(frozen=True, slots=True)
class Load:
    """One person's work. `open_cases`: checks that move next by the person who moved them last; `issued`, `returned`: of 30 days."""

    user_id: str
    open_cases: int
    oldest: datetime | None
    submitted: int
    approved: int
    returned: int


@dataclass(frozen=True, slots=True)
class Week:
    """Steps of one week, Monday to Sunday of the port."""

    monday: date
    started: int
    issued: int
    to_board: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the supervisor's page."""

    waiting: tuple[CaseHead, ...]
    to_issue: tuple[CaseHead, ...]
    detained: tuple[Detention, ...]
    loads: tuple[Load, ...]
    weeks: tuple[Week, ...]
    confirmed: int
    rejected: int
    undecided: int

    @property
    def busiest_week(self) -> int:
        return max((max(week.started, week.issued, week.to_board) for week in self.weeks), default=0)


def overview(session: Session, now: datetime) -> Overview:
    """The state of things at `now` (aware UTC)."""
    open_states = frozenset(STATES) - machine().final
    heads = overview_store.case_heads(session, open_states)
    by_id = {head.id: head for head in heads}
    monday = local_day(now) - timedelta(days=local_day(now).weekday())
    taken = overview_store.steps_since(session, now - timedelta(weeks=WEEKS + 1))
    found = overview_store.findings_by_state(session)
    return Overview(
        waiting=tuple(head for head in heads if head.state == "under_review"),
        to_issue=tuple(head for head in heads if head.state == "approved"),
        detained=tuple(
            Detention(by_id[case_id], DeficiencyPart.model_validate(part))
            for case_id, part in overview_store.open_grounds(session)
            if case_id in by_id
        ),
        loads=loads(heads, [one for one in taken if one.at >= now - timedelta(days=_LOOK_BACK_DAYS)]),
        weeks=weeks(taken, monday),
        confirmed=found.get("confirmed", 0),
        rejected=found.get("rejected", 0),
        undecided=found.get("proposed", 0),
    )


def loads(heads: Iterable[CaseHead], taken: Iterable[Taken]) -> tuple[Load, ...]:
    """Per inspector and supervisor, the busiest first."""
    staff = {one.by for one in taken if one.role in ("inspector", "supervisor")}
    mine: dict[str, list[CaseHead]] = defaultdict(list)
    for head in heads:
        if head.moved_by is not None and head.state not in _ENDED_STATES:
            mine[head.moved_by].append(head)
    steps: dict[tuple[str, str], int] = defaultdict(int)
    for one in taken:
        steps[one.by, one.action] += 1
    made = [
        Load(
            user_id=person,
            open_cases=len(mine.get(person, [])),
            oldest=min((head.moved_at for head in mine.get(person, [])), default=None),
            submitted=steps[person, "submit"],
            approved=steps[person, "approve"],
            returned=steps[person, "return_to_draft"],
        )
        for person in staff
    ]
    return tuple(sorted(made, key=lambda one: (-one.open_cases, -one.submitted - one.approved, one.user_id)))


def weeks(taken: Iterable[Taken], this_monday: date) -> tuple[Week, ...]:
    """The last twelve weeks, the oldest first, also those without any step."""
    counts: dict[tuple[date, str], int] = defaultdict(int)
    for one in taken:
        day = local_day(one.at)
        counts[day - timedelta(days=day.weekday()), one.action] += 1
    mondays = [this_monday - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)]
    return tuple(
        Week(day, counts[day, "start_session"], counts[day, "issue"], counts[day, "convert_to_onboard"]) for day in mondays
    )
