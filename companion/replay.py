"""Owns telling a case file again: every stored command is decided once more, byte for byte, and checked against the journal.

Never repairs anything: it names the first event that differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from sqlalchemy.orm import Session

from companion import engine, service, store
from companion.calendars import calendar_of
from companion.definition import Procedures, procedures
from companion.evolve import fold
from companion.model import COMMAND, Actor, CaseFile, Event, Role
from companion.run import Context
from config import Settings
from core import journal
from core.errors import Altered


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was told again."""

    cases: int = 0
    commands: int = 0
    events: int = 0


def replay_all(
    session: Session, settings: Settings, known: Procedures | None = None, first: str = "", last: str = ""
) -> Replayed:
    """Every case file with `first` < id <= `last` (empty: no bound), so that several processes can share the work.

    Raises Altered naming case and event (or journal entry) that does not match.
    """
    total, after = Replayed(), first
    while rows := [row.id for row in store.cases(session, after=after, limit=500) if not last or row.id <= last]:
        for case_id in rows:
            one = replay_case(session, settings, case_id, known)
            total = Replayed(total.cases + 1, total.commands + one.commands, total.events + one.events)
        after = rows[-1]
        session.expunge_all()
    return total


def replay_case(session: Session, settings: Settings, case_id: str, known: Procedures | None = None) -> Replayed:
    """One case file: the journal's chain, each event against the journal, each command decided again.

    Raises:
        Altered: ``journal.broken`` or ``companion.altered`` with case and number of the event.
    """
    stored = store.events_of(session, case_id)
    chain = journal.entries(session, service.stream_of(case_id))
    journal.verify(chain)
    as_bytes = [service.canonical(case_id, event) for event in stored]
    written = [sha256 for entry in chain for sha256 in entry.payload["events"]]
    for number, (event, mark) in enumerate(zip_longest(as_bytes, written), start=1):
        if event is None or hashlib.sha256(event).hexdigest() != mark or stored[number - 1].seq != number:
            raise Altered("companion.altered", case=case_id, seq=number)
    case, commands = CaseFile(id=case_id), 0
    for entry, told in zip(chain, _commands(stored), strict=True):
        again = _again(settings, case, told, entry.payload["version"], known or procedures())
        first = told[0].seq
        for number, (old, new) in enumerate(zip_longest(as_bytes[first - 1 : told[-1].seq], again), start=first):
            if new is None or old != service.canonical(case_id, new):
                raise Altered("companion.altered", case=case_id, seq=number)
        case = fold(told, case)
        commands += 1
    row = store.case_row(session, case_id)
    if (row.state, row.outcome, row.klass, row.seq) != (case.state, case.outcome, case.klass, case.seq):
        raise Altered("companion.altered", case=case_id, seq=case.seq)
    return Replayed(1, commands, len(stored))


def _commands(events: list[Event]) -> Iterator[list[Event]]:
    """The events of each command, the command first."""
    group: list[Event] = []
    for event in events:
        if event.type == "asked" and group:
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def _again(settings: Settings, case: CaseFile, told: list[Event], version: str, known: Procedures) -> tuple[Event, ...]:
    asked = told[0]
    key, _, number = version.partition("@")
    calendar = calendar_of(settings).as_known_until(asked.payload["known_to"])
    context = Context(Actor(asked.actor, Role(asked.role)), asked.at, calendar, known.effects)
    return engine.decide(known.version(key, number), case, COMMAND.validate_python(asked.payload["command"]), context).events
