"""Owns what a ship asks for at any hour, who answers, and that nobody is forgotten: an unanswered request climbs the roster.

Never opens an inspection by itself; everything lands in the ship's file and in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from pydantic import JsonValue
from sqlalchemy.orm import Session

from core import events, journal, messages
from core.catalogue import text
from core.context import Services
from core.errors import InputError, NotFound, Refused
from core.ids import new_id
from core.message_channels import Message
from inspection import books_store
from inspection.change import digest
from inspection.model import Actor
from inspection.roster import Shift, on_call
from inspection.service_rules import file_of, rules

BOOK = "help"
RequestKind = Literal["help", "extra_check", "report"]
KINDS: tuple[RequestKind, ...] = get_args(RequestKind)
_ANSWERS = frozenset({"answer", "call"})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said or done. `kind`: asked, said (by the ship), answer, call, escalated, closed."""

    kind: str
    by: str
    at: datetime
    words: str
    room_id: str | None = None


@dataclass(frozen=True, slots=True)
class HelpRequest:
    """A request with its thread. `level`: how far it has climbed; `answered_at` None = nobody has answered yet."""

    id: str
    ship: str
    ship_name: str
    kind: RequestKind
    asked_at: datetime
    thread: tuple[Line, ...]
    level: int
    answered_at: datetime | None
    closed_at: datetime | None

    @property
    def state(self) -> Literal["waiting", "answered", "closed"]:
        return "closed" if self.closed_at else "answered" if self.answered_at else "waiting"


def ask(services: Services, actor: Actor, ship: str, ship_name: str, kind: RequestKind, words: str) -> str:
    """A ship or its company asks; whoever is on call is told at once. Returns the request's id.

    Raises:
        InputError ``inspection.words_needed``.
    """
    said, request_id = _said(words), new_id()
    with services.db.write() as session:
        part = {"ship": ship, "ship_name": ship_name[:100], "kind": kind, "words": said}
        _write(services, session, actor, request_id, ship, "asked", part)
        _tell(services, session, request_id, ship_name, kind, said, level=1)
    return request_id


def say(services: Services, actor: Actor, request_id: str, words: str) -> None:
    """The ship adds something to its request. Raises NotFound, Refused ``service.request_closed``."""
    said = _said(words)
    with services.db.write() as session:
        found = _open(session, request_id)
        _write(services, session, actor, request_id, found.ship, "said", {"words": said})


def answer(services: Services, actor: Actor, request_id: str, words: str, room_id: str | None = None) -> None:
    """The officer answers by message, or by call (`room_id`). The ship reads it behind its link."""
    said = _said(words)
    with services.db.write() as session:
        found = _open(session, request_id)
        part = {"words": said} | ({"room_id": room_id} if room_id else {})
        _write(services, session, actor, request_id, found.ship, "call" if room_id else "answer", part)


def finish(services: Services, actor: Actor, request_id: str, words: str) -> None:
    """Close a request with what came of it."""
    said = _said(words)
    with services.db.write() as session:
        found = _open(session, request_id)
        _write(services, session, actor, request_id, found.ship, "closed", {"words": said})


def sweep(services: Services) -> int:
    """Pass on what nobody has answered in time, one level after another. Returns how many requests climbed."""
    now, climbed = services.clock.now(), 0
    with services.db.read() as session:
        waiting = [one for one in requests(session) if one.state == "waiting"]
    for one in waiting:
        due = one.asked_at + timedelta(minutes=rules().escalate_minutes * one.level)
        if now < due or one.level >= rules().highest_level:
            continue
        with services.db.write() as session:
            again = request(session, one.id)
            if again.state != "waiting" or again.level != one.level:
                continue
            told = _tell(services, session, one.id, one.ship_name, one.kind, one.thread[0].words, level=one.level + 1)
            _write(services, session, Actor.system(), one.id, one.ship, "escalated", {"level": one.level + 1, "words": told})
            climbed += 1
    return climbed


def requests(session: Session, ship: str | None = None) -> list[HelpRequest]:
    """All requests, or those of one ship; open ones first, the oldest on top."""
    found = books_store.of_subject(session, file_of(ship), BOOK) if ship else books_store.entries(session, BOOK)
    threads: dict[str, list[books_store.Entry]] = {}
    for entry in found:
        threads.setdefault(entry.ref, []).append(entry)
    made = [_request(thread) for thread in threads.values()]
    order = ("waiting", "answered", "closed")
    return sorted(made, key=lambda one: (order.index(one.state), one.asked_at))


def request(session: Session, request_id: str) -> HelpRequest:
    """Raises NotFound."""
    thread = books_store.entries(session, BOOK, request_id)
    if not thread:
        raise NotFound("service.request_missing", request_id=request_id)
    return _request(thread)


def _request(thread: list[books_store.Entry]) -> HelpRequest:
    thread = sorted(thread, key=lambda one: one.seq)
    first = thread[0]
    return HelpRequest(
        id=first.ref,
        ship=str(first.part["ship"]),
        ship_name=str(first.part["ship_name"]),
        kind=first.part["kind"],
        asked_at=first.at,
        thread=tuple(Line(one.kind, one.by, one.at, str(one.part["words"]), one.part.get("room_id")) for one in thread),
        level=max([1, *(int(one.part["level"]) for one in thread if one.kind == "escalated")]),
        answered_at=next((one.at for one in thread if one.kind in _ANSWERS), None),
        closed_at=next((one.at for one in thread if one.kind == "closed"), None),
    )


def _open(session: Session, request_id: str) -> HelpRequest:
    found = request(session, request_id)
    if found.state == "closed":
        raise Refused("service.request_closed", request_id=request_id)
    return found


def _tell(
    services: Services, session: Session, request_id: str, ship_name: str, kind: RequestKind, words: str, level: int
) -> str:
    """Message to everybody of this level on duty now (of any level if that one is empty); returns whom, for the thread."""
    duty = on_call(session, services.clock.now())
    chosen: list[Shift] = [one for one in duty if one.level == level] or duty
    for one in chosen:
        if not one.recipient.strip():
            continue
        message = Message(
            key=f"help:{request_id}:{level}:{one.officer}", channel=one.channel, recipient=one.recipient.strip(),
            subject=text("service.message.subject", one.lang, ship=ship_name, kind=text(f"service.kind_{kind}", one.lang)),
            body=text("service.message.body", one.lang, ship=ship_name, words=words[:500]),
            link=f"{services.settings.web.address}/service#{request_id}",
        )  # fmt: skip
        messages.post(session, services.clock, message, f"help:{request_id}")
    return ", ".join(one.officer for one in chosen) or "-"


def _write(
    services: Services, session: Session, actor: Actor, request_id: str, ship: str, kind: str, part: Mapping[str, JsonValue]
) -> None:
    subject = file_of(ship)
    books_store.write(session, BOOK, request_id, subject, kind, part, actor.user_id, services.clock.now())
    payload: dict[str, JsonValue] = {
        "request": request_id,
        "role": actor.role,
        "words_sha256": digest(str(part.get("words", ""))),
    }
    journal.append(session, services.clock, stream=subject, actor=actor.user_id, action=f"help_{kind}", payload=payload)
    events.publish(
        session, services.clock, stream=subject, type=f"inspection.help_{kind}", payload={"request": request_id, "ship": ship}
    )


def _said(words: str) -> str:
    said = words.strip()
    if not said or len(said) > 4000:
        raise InputError("inspection.words_needed")
    return said
