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
from companion.model import COMMAND, Actor, CaseFile, Event, Result, Role
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
    while rows := [row for row in store.cases(session, after=after, limit=500) if not last or row.id <= last]:
        stored = store.events_of_many(session, [row.id for row in rows])
        chains = journal.entries_of_many(session, [service.stream_of(row.id) for row in rows])
        for row in rows:
            one = _told(row, stored[row.id], chains[service.stream_of(row.id)], settings, known or procedures())
            total = Replayed(total.cases + 1, total.commands + one.commands, total.events + one.events)
        after = rows[-1].id
        session.expunge_all()
    return total


def replay_case(session: Session, settings: Settings, case_id: str, known: Procedures | None = None) -> Replayed:
    """One case file: the journal's chain, each event against the journal, each command decided again.

    Raises:
        Altered: ``journal.broken`` or ``companion.altered`` with case and number of the event.
    """
    row, stored = store.case_row(session, case_id), store.events_of(session, case_id)
    return _told(row, stored, journal.entries(session, service.stream_of(case_id)), settings, known or procedures())


def _told(
    row: store.CaseRow, stored: list[Event], chain: list[journal.Entry], settings: Settings, known: Procedures
) -> Replayed:
    case_id = row.id
    journal.verify(chain)
    as_bytes = [service.canonical(case_id, event) for event in stored]
    written = [sha256 for entry in chain for sha256 in entry.payload["events"]]
    for number, (event, mark) in enumerate(zip_longest(as_bytes, written), start=1):
        if event is None or hashlib.sha256(event).hexdigest() != mark or stored[number - 1].seq != number:
            raise Altered("companion.altered", case=case_id, seq=number)
    case, commands = CaseFile(id=case_id), 0
    for entry, told in zip(chain, _commands(stored), strict=True):
        result = _again(settings, case, told[0], entry.payload["version"], known)
        first = told[0].seq
        for number, (old, new) in enumerate(zip_longest(as_bytes[first - 1 : told[-1].seq], result.events), start=first):
            if new is None or old != service.canonical(case_id, new):
                raise Altered("companion.altered", case=case_id, seq=number)
        case = result.case  # the same events, so the same state as folding what is stored
        commands += 1
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


def _again(settings: Settings, case: CaseFile, asked: Event, version: str, known: Procedures) -> Result:
    key, _, number = version.partition("@")
    calendar = calendar_of(settings).as_known_until(asked.payload["known_to"])
    context = Context(Actor(asked.actor, Role(asked.role)), asked.at, calendar, known.effects)
    return engine.decide(known.version(key, number), case, COMMAND.validate_python(asked.payload["command"]), context)
