"""Owns the random sample of a call: which of many equal things (fire doors, extinguishers) has to be shown.

Neither side can choose alone: the plan and the hash of a secret are told to the room first, then somebody of the ship says
any number, and `core.draw` makes the choice of both. Anyone recomputes it from what the journal keeps (companion spec, case 17).
"""

from __future__ import annotations

import secrets
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from core import draw
from core.context import Services
from core.errors import NotFound, Refused
from core.ids import new_id
from video import service, store
from video.model import Right, SeatKey
from video.rooms import Rooms

UNITS = 500
_SOURCE = "a number said aloud on board, after the plan was told to the room"


class SampleOrder(BaseModel):
    """Draw `take` of `units`. A unit is what a person calls it: "fire door 7"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_ref: Annotated[str, Field(min_length=1, max_length=200)]
    units: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(min_length=2, max_length=UNITS)
    take: Annotated[int, Field(ge=1, le=UNITS)]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.take > len(self.units) or len(set(self.units)) < len(self.units):
            raise ValueError("take: more than there are, or a unit stands twice")
        return self


class Said(BaseModel):
    """The number that a person on board says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[str, Field(pattern=r"^[0-9]{1,12}$")]


class Sample(BaseModel):
    """A sample as the room sees it; `secret` and `drawn` are there once the number was said."""

    model_config = ConfigDict(frozen=True)

    sample_id: str
    item_ref: str
    units: tuple[str, ...]
    take: int
    commitment: str
    said: str | None
    secret: str | None
    drawn: tuple[str, ...]


def plan_sample(services: Services, rooms: Rooms, key: SeatKey, order: SampleOrder) -> Sample:
    """Commit to a sample and ask the room for a number. Raises InputError ``draw.bad_plan`` for units that are no ids."""
    service.require(key, Right.LEAD)
    secret, sample_id = secrets.token_hex(16), new_id()
    plan = _plan(sample_id, order, draw.secret_hash(secret))
    with services.db.write() as session:
        room = service.open_room(session, key.room_id)
        row = store.SampleRow(
            id=sample_id, room_id=room.id, item_ref=order.item_ref, plan=plan.as_json(), secret=secret, said=None, drawn=[],
            asked_by=key.actor, asked_at=services.clock.now(), said_by=None,
        )  # fmt: skip
        session.add(row)
        promise = draw.commitment(plan)
        service.note(session, services, room, key.actor, "video.sample_planned", plan=plan.as_json(), commitment=promise)
        found = _view(row)
    rooms.hub.tell_room(key.room_id, {"type": "sample", "sample": found.model_dump(mode="json")})
    return found


def say_number(services: Services, rooms: Rooms, key: SeatKey, sample_id: str, said: Said) -> Sample:
    """Draw with the number that was said; by anybody in the room, and only once.

    Raises:
        NotFound: no such sample in this room. Refused ``video.sample_drawn``: it has been drawn.
    """
    service.require(key, Right.CHAT)
    with services.db.write() as session:
        room = service.open_room(session, key.room_id)
        row = _in_room(session, key.room_id, sample_id)
        if row.said is not None:
            raise Refused("video.sample_drawn")
        plan = draw.parse_plan(row.plan)
        visits = draw.draw(plan, row.secret, said.number)
        row.said, row.said_by, row.drawn = said.number, key.actor, [visit.target for visit in visits]
        service.note(
            session, services, room, key.actor, "video.sample_drawn", sample_id=row.id, secret=row.secret,
            result=draw.result_json(plan, said.number, visits),
        )  # fmt: skip
        found = _view(row)
    rooms.hub.tell_room(key.room_id, {"type": "sample", "sample": found.model_dump(mode="json")})
    return found


def samples(services: Services, key: SeatKey) -> list[Sample]:
    """The samples of the caller's room, oldest first."""
    service.require(key, Right.VIEW)
    with services.db.read() as session:
        return [_view(row) for row in store.samples(session, key.room_id)]


def _plan(sample_id: str, order: SampleOrder, secret_sha256: str) -> draw.Plan:
    """One stratum; its ratio in basis points, rounded up again by the draw, is exactly `take` (at most 500 units)."""
    share = order.take * draw.BASIS_POINTS // len(order.units)
    return draw.parse_plan(
        {
            "schema": draw.SCHEMA, "id": sample_id, "seed_source": _SOURCE, "secret_sha256": secret_sha256,
            "strata": {"all": {"ratio_bp": share, "rounding": "up"}},
            "targets": [{"id": unit, "stratum": "all"} for unit in order.units],
            "pools": [], "items": [], "items_per_visit": 0,
        }
    )  # fmt: skip


def _in_room(session: Session, room_id: str, sample_id: str) -> store.SampleRow:
    row = store.sample(session, sample_id)
    if row is None or row.room_id != room_id:
        raise NotFound("video.no_sample")
    return row


def _view(row: store.SampleRow) -> Sample:
    plan = draw.parse_plan(row.plan)
    return Sample(
        sample_id=row.id, item_ref=row.item_ref, units=tuple(target.id for target in plan.targets),
        take=draw.planned_counts(plan)["all"], commitment=draw.commitment(plan), said=row.said,
        secret=row.secret if row.said is not None else None, drawn=tuple(row.drawn),
    )  # fmt: skip
