"""Owns one run of the engine: the events so far, the case file as they leave it, and what conditions may look at.

Never decides; `companion.engine`, `companion.terms` and `companion.effects` do, with this in hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from companion.conditions import Value, holds
from companion.definition import Definition, EffectTable, Rule, Text
from companion.evolve import Working
from companion.model import ENGINE, Actor, CaseFile, Event, Reason, Result, Role
from core.workdays import WorkCalendar, local_day

BY_ENGINE = Actor(ENGINE, Role.SYSTEM)


@dataclass(frozen=True, slots=True)
class Context:
    """What the engine is handed beside the command: who, when, and the calendar and effects in force."""

    actor: Actor
    at: datetime
    calendar: WorkCalendar
    effects: EffectTable


class Run:
    """Collects events; each one changes `case` at once, so that the next decision sees it."""

    def __init__(self, definition: Definition, case: CaseFile, context: Context) -> None:
        self.definition = definition
        self._working = Working(case)
        self.context = context
        self.today: date = local_day(context.at)
        self.events: list[Event] = []
        self.reasons: tuple[Reason, ...] = ()

    @property
    def case(self) -> CaseFile:
        """The case file as the events so far leave it: look, do not keep."""
        return cast("CaseFile", self._working)

    def result(self) -> Result:
        return Result(self._working.case(), tuple(self.events), self.reasons)

    def emit(self, type: str, actor: Actor | None = None, **payload: Any) -> None:  # noqa: A002 - events have a type
        who = actor or self.context.actor
        event = Event(self._working.seq + 1, type, self.context.at, who.user_id, who.role.value, payload)
        self.events.append(event)
        self._working.take(event)

    def automatic(self, type: str, part: str, **payload: Any) -> None:  # noqa: A002
        """An event that no person asked for: it says which clause allowed it."""
        self.emit(type, BY_ENGINE, clause=self.definition.clause_ref(part), **payload)

    def block(self, reasons: Iterable[Reason], what: str) -> None:
        """Nothing is done; the attempt stays on record with the rules that failed."""
        self.reasons = tuple(reasons)
        self.emit("blocked", what=what, rules=[reason.rule for reason in self.reasons])

    def push(self, receivers: Iterable[str], kind: str, **what: Any) -> None:
        """Double push: one event per receiver, its place in the case file is the idempotency key."""
        for receiver in dict.fromkeys(receivers):
            self.emit("push", BY_ENGINE, receiver=receiver, kind=kind, what=what)

    def failed(self, rules: Iterable[Rule], extra: Mapping[str, Value] | None = None) -> list[Reason]:
        """The rules that do not hold, in order; a missing fact is said to be unknown, not failed."""
        known = self.known(extra)
        answers = [(rule, holds(rule.if_, known)) for rule in rules]
        return [reason(rule.id, rule.clause, unknown=answer is None) for rule, answer in answers if answer is not True]

    def known(self, extra: Mapping[str, Value] | None = None) -> Seen:
        return Seen(self, {**self.case.facts, **(extra or {})})


class Seen:
    """A case file as conditions see it (`companion.conditions.Known`)."""

    def __init__(self, run: Run, facts: Mapping[str, Value]) -> None:
        self.facts: Mapping[str, Value] = facts
        self.steps: Mapping[str, datetime] = run.case.steps
        self.documents: Mapping[str, Any] = run.case.documents
        self.klass = run.case.klass
        self.today = run.today
        self._run = run

    def threshold(self, name: str) -> float:
        return self._run.definition.thresholds[name]

    def open_items(self, name: str) -> bool:
        case = self._run.case
        if name == "items":
            return any(outcome == "open" for outcome in case.items.values())
        return bool(case.lists.get(name))

    def is_closed(self, deadline: str) -> bool:
        found = [known for known in self._run.case.obligations.values() if known.deadline == deadline]
        return bool(found) and all(known.state == "closed" for known in found)

    def is_overdue(self, deadline: str) -> bool:
        return any(known.overdue for known in self._run.case.obligations.values() if known.deadline == deadline)


def reason(rule: str, clause: Text, *, unknown: bool = False, documents: tuple[str, ...] = ()) -> Reason:
    return Reason(rule, clause.zh, clause.en, unknown, documents)
