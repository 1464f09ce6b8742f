"""Owns the duty roster: who answers now, and who is next if nobody does.

Never lets an hour look covered that is not: a gap is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from core import journal
from core.catalogue import Lang
from core.context import Services
from core.errors import NotFound
from core.ids import new_id
from core.message_channels import Channel
from inspection import books_store
from inspection.model import Actor
from inspection.service_rules import rules

BOOK, STREAM = "duty", "service:roster"


class Shift(BaseModel):
    """Somebody on duty. Level 1 answers first; a request without answer goes to the next level on duty then."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    officer: str = Field(min_length=1, max_length=100)
    level: int = Field(ge=1)
    starts_at: datetime
    ends_at: datetime
    channel: Channel = Channel.WEBHOOK
    recipient: str = Field(default="", max_length=200)
    lang: Lang = "zh"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None or self.ends_at <= self.starts_at:
            raise ValueError("a shift needs a start and a later end, both with a time zone")
        if self.level > rules().highest_level:
            raise ValueError(f"the highest level is {rules().highest_level}")
        return self

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Listed:
    """A shift in the roster with its id."""

    id: str
    shift: Shift


def add_shift(services: Services, actor: Actor, shift: Shift) -> str:
    """Put somebody on the roster; returns the shift's id."""
    shift_id = new_id()
    with services.db.write() as session:
        _note(session, services, actor, shift_id, "shift", shift.model_dump(mode="json"))
    return shift_id


def cancel_shift(services: Services, actor: Actor, shift_id: str) -> None:
    """Take a shift off; it stays readable in the book. Raises NotFound."""
    with services.db.write() as session:
        if books_store.newest(session, BOOK, shift_id, "shift") is None:
            raise NotFound("service.shift_missing", shift_id=shift_id)
        if books_store.newest(session, BOOK, shift_id, "cancelled") is None:
            _note(session, services, actor, shift_id, "cancelled", {})


def roster(session: Session, since: datetime) -> list[Listed]:
    """Shifts that end after `since`, in order of their start and level."""
    found = books_store.entries(session, BOOK)
    gone = {one.ref for one in found if one.kind == "cancelled"}
    listed = [Listed(one.ref, one.read(Shift)) for one in found if one.kind == "shift" and one.ref not in gone]
    return sorted((one for one in listed if one.shift.ends_at > since), key=lambda one: (one.shift.starts_at, one.shift.level))


def on_call(session: Session, at: datetime) -> list[Shift]:
    """Who is on duty at a moment, level 1 first."""
    return sorted((one.shift for one in roster(session, at) if one.shift.covers(at)), key=lambda one: one.level)


def gaps(shifts: Sequence[Shift], start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Stretches in which nobody of level 1 is on duty."""
    open_spans, reached = [], start
    for one in sorted((one for one in shifts if one.level == 1), key=lambda one: one.starts_at):
        if one.starts_at > reached:
            open_spans.append((reached, min(one.starts_at, end)))
        reached = max(reached, one.ends_at)
        if reached >= end:
            break
    if reached < end:
        open_spans.append((reached, end))
    return [(a, b) for a, b in open_spans if b > a]


def _note(session: Session, services: Services, actor: Actor, ref: str, kind: str, part: dict[str, object]) -> None:
    at = services.clock.now()
    books_store.write(session, BOOK, ref, STREAM, kind, part, actor.user_id, at)
    journal.append(
        session, services.clock, stream=STREAM, actor=actor.user_id, action=kind, payload={"shift": ref, "role": actor.role}
    )
