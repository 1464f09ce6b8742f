"""Owns obligations inside a case file: opening, fulfilling, reminding, overdue, counting again.

Never acts on the clock by itself: the sweep in `companion.obligations` asks with a `Tick`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from companion.conditions import holds
from companion.definition import Deadline, Definition
from companion.model import Obligation
from companion.run import Run
from core.workdays import SHANGHAI, Unit, WorkCalendar

DEFERRED = "deferred_documents"
_EFFECT_END = "effect_end:"


def open_terms(run: Run, step: str) -> None:
    """Open every deadline that starts with this step; one that is already open keeps its due day."""
    for deadline in run.definition.deadlines:
        if deadline.from_ != step or (deadline.only_if and holds(deadline.only_if, run.known()) is not True):
            continue
        same = [known for known in run.case.obligations.values() if known.deadline == deadline.id]
        if any(known.state == "open" for known in same):
            continue
        given = run.case.facts.get(deadline.from_fact) if deadline.from_fact else None
        start = date.fromisoformat(str(given)) if given else run.today
        name = deadline.id if not same else f"{deadline.id}_{len(same) + 1}"
        open_one(run, name, deadline.id, start, deadline)


def open_one(run: Run, name: str, deadline_id: str, start: date, term: Deadline) -> None:
    due = None if term.n is None else run.context.calendar.due(start, term.n, term.unit, term.roll)
    run.automatic(
        "obligation_opened", deadline_id, id=name, deadline=deadline_id, start=start.isoformat(),
        raw=due.raw.isoformat() if due else None, due=due.day.isoformat() if due else None,
        provisional=bool(due and due.provisional), owed_by=term.owed_by,
    )  # fmt: skip


def close_fulfilled(run: Run) -> None:
    """Close what is fulfilled; late fulfilment is closed as late and keeps what was proposed."""
    for known in list(run.case.obligations.values()):
        if known.state != "open":
            continue
        if known.deadline == DEFERRED:
            done = not run.case.deferred
        else:
            term = run.definition.deadline(known.deadline)
            done = bool(term and term.fulfilled and holds(term.fulfilled, run.known()) is True)
        if done:
            late = known.due is not None and run.today > known.due
            run.automatic("obligation_closed", known.deadline, id=known.id, on=run.today.isoformat(), late=late)


def lapse_all(run: Run) -> None:
    """The case file has ended: what is still open is owed no longer."""
    for known in list(run.case.obligations.values()):
        if known.state == "open" and not known.deadline.startswith(_EFFECT_END):
            run.automatic("obligation_lapsed", known.deadline, id=known.id)


def tick(run: Run, known: Obligation) -> bool:
    """Reminders that have come due (said as one) or the first day late. True when it has just become overdue."""
    if known.state != "open" or known.due is None or known.overdue:
        return False
    if run.today > known.due:
        run.automatic("overdue", known.deadline, id=known.id, due=known.due.isoformat())
        return True
    left = (known.due - run.today).days
    due_now = [days for days in reminders(run.definition, known) if days >= left and days not in known.reminded]
    if due_now:
        run.automatic("reminded", known.deadline, id=known.id, days=due_now, left=left, due=known.due.isoformat())
    return False


def reminders(definition: Definition, known: Obligation) -> tuple[int, ...]:
    """Days before the due day on which the obliged party is reminded: those that lie after the start."""
    term = definition.deadline(known.deadline)
    if known.due is None or term is None:
        return ()
    length = (known.due - known.start).days
    return tuple(days for days in term.reminders if days < length)


def wakes_at(definition: Definition, known: Obligation) -> datetime | None:
    """When the sweep has to look at an obligation next: its next reminder (start of that day) or the first late instant."""
    if known.state != "open" or known.due is None or known.overdue:
        return None
    left = [days for days in reminders(definition, known) if days not in known.reminded]
    first = known.due - timedelta(days=max(left)) if left else known.due + timedelta(days=1)
    return datetime.combine(first, time(), SHANGHAI)


def recount(run: Run) -> None:
    """Count provisional due days again; each one that changes, or becomes certain, is one event."""
    for known in list(run.case.obligations.values()):
        term = run.definition.deadline(known.deadline)
        if known.state == "open" and known.provisional and term is not None and term.n is not None:
            due = run.context.calendar.due(known.start, term.n, term.unit, term.roll)
            if (due.day, due.provisional) != (known.due, known.provisional):
                _move(run, known, due.raw, due.day, provisional=due.provisional, why="calendar")


def keep_or_extend(run: Run) -> None:
    """After a change of version: a term that became longer is extended, one that became shorter stays as issued."""
    for known in list(run.case.obligations.values()):
        term = run.definition.deadline(known.deadline)
        if known.state != "open" or known.due is None or term is None or term.n is None:
            continue
        due = run.context.calendar.due(known.start, term.n, term.unit, term.roll)
        if due.day > known.due:
            _move(run, known, due.raw, due.day, provisional=due.provisional, why="version")


def _move(run: Run, known: Obligation, raw: date, due: date, *, provisional: bool, why: str) -> None:
    run.automatic(
        "due_moved", known.deadline, id=known.id, raw=raw.isoformat(), due=due.isoformat(), provisional=provisional, why=why,
        was=known.due.isoformat() if known.due else None,
    )  # fmt: skip


def deferred_term(working_days: int) -> Deadline:
    """The term of papers that come later because of a red list or good credit."""
    title = {"zh": "容缺材料补交", "en": "Deferred papers"}
    return Deadline.model_validate({"id": DEFERRED, "title": title, "from": "application", "n": working_days})


def effect_end(ref: str) -> str:
    return f"{_EFFECT_END}{ref}"


def is_effect_end(known: Obligation) -> str | None:
    """The effect whose end this obligation marks."""
    return known.deadline.removeprefix(_EFFECT_END) if known.deadline.startswith(_EFFECT_END) else None


@dataclass(frozen=True, slots=True)
class Risk:
    """Why a total term is at risk: the part that is late, by how many days, and who owes it."""

    part: str
    days_late: int
    responsible_zh: str
    responsible_en: str


def at_risk(
    definition: Definition, obligations: dict[str, Obligation], total: str, today: date, calendar: WorkCalendar
) -> list[Risk]:
    """Late parts of a total that is still open: closed late, or open past the due day. Working days late."""
    found = []
    for known in obligations.values():
        term = definition.deadline(known.deadline)
        if term is None or term.part_of != total or known.due is None:
            continue
        until = known.closed_on or today
        late = calendar.working_days_between(known.due, until) if term.unit is Unit.WORKING_DAY else (until - known.due).days
        if late > 0:
            who = term.responsible or term.title
            found.append(Risk(known.deadline, late, who.zh, who.en))
    return found
