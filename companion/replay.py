"""Owns telling a case file again: every stored command is decided once more, byte for byte, and checked against the journal.

Never repairs anything: it names the first event that differs. A case file whose stored texts are those that the engine gives again is
done; only where anything differs, or cannot be read, is it read part by part to say where.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from companion import engine, store, writing
from companion.calendars import calendar_of
from companion.definition import Procedures, procedures
from companion.model import COMMAND, Actor, CaseFile, Event, Result, Role
from companion.run import Context
from config import Settings
from core import journal
from core.errors import Altered, YunJianError
from core.workdays import WorkCalendar

_BATCH = 500
_UNREADABLE = (ValueError, TypeError, KeyError, DatabaseError)  # what a column raises that holds what it cannot hold


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was told again."""

    cases: int = 0
    commands: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True)
class _World:
    """What commands are decided with again."""

    procedures: Procedures
    calendar: WorkCalendar


def replay_all(
    session: Session, settings: Settings, known: Procedures | None = None, first: str = "", last: str = ""
) -> Replayed:
    """Every case file with `first` < id <= `last` (empty: no bound), so that several processes can share the work.

    Raises Altered naming case and event (or journal entry) that does not match.
    """
    world, total, after = _World(known or procedures(), calendar_of(settings)), Replayed(), first
    while rows := [row for row in _cases(session, after) if not last or row.id <= last]:
        names = [row.id for row in rows]
        streams = [writing.stream_of(name) for name in names]
        try:
            stored, chains = store.texts_of_many(session, names), journal.entries_of_many(session, streams)
            journal.check_times(session, streams)
        except (Altered, *_UNREADABLE):
            stored, chains = {}, {}  # somewhere in this batch; case by case says where
        for row in rows:
            one = _same(world, row, stored.get(row.id, []), chains.get(writing.stream_of(row.id), []))
            one = one or _located(session, world, row)
            total = Replayed(total.cases + 1, total.commands + one.commands, total.events + one.events)
        after = rows[-1].id
        session.expunge_all()
    return total


def replay_case(session: Session, settings: Settings, case_id: str, known: Procedures | None = None) -> Replayed:
    """One case file: the journal's chain, each event against the journal, each command decided again.

    Raises:
        Altered: ``journal.broken`` or ``companion.altered`` with case and number of the event.
    """
    world = _World(known or procedures(), calendar_of(settings))
    return _located(session, world, store.case_row(session, case_id))


def _cases(session: Session, after: str) -> list[store.CaseRow]:
    """The next case files. Raises Altered: after which one there is one that cannot be read."""
    try:
        return store.cases(session, after=after, limit=_BATCH)
    except _UNREADABLE as error:
        number = _first_unreadable(lambda limit: store.cases(session, after=after, limit=limit))
        before = store.cases(session, after=after, limit=number - 1)
        raise Altered("companion.altered", case=f"> {before[-1].id if before else after}", seq=0) from error


def _same(
    world: _World, row: store.CaseRow, stored: Sequence[store.EventText], chain: Sequence[journal.Entry]
) -> Replayed | None:
    """The case file told again from its commands alone; None unless every text, hash and column is exactly what comes out."""
    case, done = CaseFile(id=row.id), 0
    try:
        journal.verify(chain)
        for entry in chain:
            _, _, at, actor, role, text = stored[done]
            result = _again(world, case, Event(done + 1, "asked", at, actor, role, json.loads(text)), entry)
            texts = [
                (event.seq, event.type, event.at, event.actor, event.role, json.dumps(event.payload)) for event in result.events
            ]
            if texts != stored[done : done + len(texts)] or entry.payload["events"] != writing.digests(case.id, result.events):
                return None
            if at.microsecond % 1000:  # below what the hash sees
                return None
            done += len(texts)
            case = result.case
    except (YunJianError, IndexError, *_UNREADABLE):
        return None
    return Replayed(1, len(chain), done) if done == len(stored) and _is_row_of(row, case, stored) else None


def _is_row_of(row: store.CaseRow, case: CaseFile, stored: Sequence[tuple[int, str, datetime, str, str, object]]) -> bool:
    kept = (row.key, row.version, row.subject, row.state, row.outcome, row.klass, row.seq)
    told = (case.key, case.version, case.subject, case.state, case.outcome, case.klass, case.seq)
    return bool(stored) and kept == told and row.opened_at == stored[0][2]


def _located(session: Session, world: _World, row: store.CaseRow) -> Replayed:
    """The same with every part looked at by itself. Raises Altered at the first that differs."""
    case_id = row.id
    chain = _chain(session, case_id)
    stored = _events(session, case_id, chain)
    as_bytes = [writing.canonical(case_id, event) for event in stored]
    case, commands = CaseFile(id=case_id), 0
    for entry, told in zip_longest(chain, _commands(stored)):
        if entry is None or told is None:
            raise Altered("companion.altered", case=case_id, seq=told[0].seq if told else len(stored) + 1)
        first = told[0].seq
        try:
            result = _again(world, case, told[0], entry)
        except (YunJianError, *_UNREADABLE) as error:
            raise Altered("companion.altered", case=case_id, seq=first) from error
        for number, (old, new) in enumerate(zip_longest(as_bytes[first - 1 : told[-1].seq], result.events), start=first):
            if new is None or old != writing.canonical(case_id, new):
                raise Altered("companion.altered", case=case_id, seq=number)
        case = result.case  # the same events, so the same state as folding what is stored
        commands += 1
    columns = [(event.seq, event.type, event.at, event.actor, event.role, None) for event in stored]
    if not _is_row_of(row, case, columns):
        raise Altered("companion.altered", case=case_id, seq=case.seq)
    return Replayed(1, commands, len(stored))


def _chain(session: Session, case_id: str) -> list[journal.Entry]:
    """The journal of a case file. Raises Altered."""
    stream = writing.stream_of(case_id)
    try:
        chain = journal.entries(session, stream)
    except _UNREADABLE as error:
        bad = _first_unreadable(lambda seq: journal.entries(session, stream, only=seq))
        raise Altered("journal.broken", stream=stream, seq=bad) from error
    journal.verify(chain)
    journal.check_times(session, [stream])
    return chain


def _events(session: Session, case_id: str, chain: Sequence[journal.Entry]) -> list[Event]:
    """The events of a case file, each as the journal has it. Raises Altered."""
    try:
        rows = store.texts_of_many(session, [case_id])[case_id]
    except _UNREADABLE as error:
        bad = _first_unreadable(lambda seq: store.texts_of_many(session, [case_id], only=seq)[case_id])
        raise Altered("companion.altered", case=case_id, seq=bad) from error
    marks = [mark for entry in chain for mark in entry.payload["events"]]
    events = [_as_marked(case_id, number, *pair) for number, pair in enumerate(zip_longest(rows, marks), start=1)]
    if None in events:
        raise Altered("companion.altered", case=case_id, seq=events.index(None) + 1)
    return [event for event in events if event is not None]


def _as_marked(case_id: str, number: int, row: store.EventText | None, mark: str | None) -> Event | None:
    """The event of a row; None where it is not the one that the journal has under this number, to the letter."""
    if row is None:
        return None
    seq, kind, at, actor, role, written = row
    try:
        event = Event(seq, kind, at, actor, role, json.loads(written))
        same = json.dumps(event.payload) == written and writing.digests(case_id, [event]) == [mark]
    except ValueError:
        return None
    return event if same and seq == number and at.microsecond % 1000 == 0 else None


def _first_unreadable(read: Callable[[int], Sequence[object]]) -> int:
    """The number of the first row that cannot be read, or that is not there."""
    number = 1
    try:
        while read(number):
            number += 1
    except _UNREADABLE:
        pass
    return number


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


def _again(world: _World, case: CaseFile, asked: Event, entry: journal.Entry) -> Result:
    key, _, number = entry.payload["version"].partition("@")
    calendar = world.calendar.as_known_until(asked.payload["known_to"])
    context = Context(Actor(asked.actor, Role(asked.role)), asked.at, calendar, world.procedures.effects)
    command = COMMAND.validate_python(asked.payload["command"])
    return engine.decide(world.procedures.version(key, number), case, command, context)
