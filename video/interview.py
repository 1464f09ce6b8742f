"""Owns the private interview: one inspector, one seafarer and, if need be, an interpreter, apart from the call they are in.

Never tells the other call that it runs, never writes on the case's stream, and never keeps a readable note: notes are sealed with
a key that is not in a backup, and only the inspector who wrote them reads them (ILO MLC 2006, A5.1.4; STCW; video spec, section 5).
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Annotated

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field

from core.auth import Principal
from core.context import Services
from core.errors import InputError, NotFound
from core.ids import new_id
from core.signing import KeyKind, site_keys
from video import service, store
from video.model import Right, SeatKey, SeatRole, SeatState
from video.rooms import Rooms

_KEY_LABEL = "interview-notes"
_ROLES = {SeatRole.CREW, SeatRole.INTERPRETER}


class InterviewOrder(BaseModel):
    """Who is asked to come: seats of the call that runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seafarer_seat: str
    interpreter_seat: str | None = None


class Interview(BaseModel):
    """The room of the interview; its links went to the two seats and to nobody else."""

    model_config = ConfigDict(frozen=True)

    room_id: str


class NewNote(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[str, Field(min_length=1, max_length=20_000)]


class Note(BaseModel):
    model_config = ConfigDict(frozen=True)

    note_id: str
    written_at: datetime
    text: str


def open_interview(services: Services, rooms: Rooms, key: SeatKey, order: InterviewOrder) -> Interview:
    """A room of its own for the inspector and the chosen seats, each of which is told its link privately.

    Raises:
        InputError: a seat that is not admitted, or of another role than crew and interpreter.
    """
    service.require(key, Right.LEAD)
    wanted = [order.seafarer_seat] + ([order.interpreter_seat] if order.interpreter_seat else [])
    with services.db.write() as session:
        room = service.open_room(session, key.room_id)
        seats = [service.seat_in(session, key.room_id, seat_id) for seat_id in wanted]
        roles = [SeatRole(seat.role) for seat in seats]
        if room.private_of is not None or roles[0] is not SeatRole.CREW or len(set(roles)) < len(roles) or set(roles) - _ROLES:
            raise InputError("video.interview_seats")
        if key.user_id is None or any(seat.state != SeatState.ADMITTED for seat in seats):
            raise InputError("video.interview_seats")
        apart = store.RoomRow(
            id=new_id(), subject_ref=f"interview:{new_id()}", state=room.state, not_before=room.not_before,
            not_after=room.not_after, shots=[], created_by=key.user_id, created_at=services.clock.now(), closed_at=None,
            idempotency_key=None, private_of=room.id,
        )  # fmt: skip
        session.add(apart)
        session.flush()
        codes = {seat.id: service.invite_into(session, services, apart, SeatRole(seat.role), seat.name) for seat in seats}
        service.note(session, services, apart, key.actor, "video.interview_opened")
        found = Interview(room_id=apart.id)
    for seat_id, invitation in codes.items():
        rooms.hub.tell_seat(key.room_id, seat_id, {"type": "interview", "link": invitation.link})
    return found


def write_note(services: Services, key: SeatKey, new: NewNote) -> Note:
    """Seal a note of the interview that the caller leads. The journal gets its hash only.

    Raises:
        NotFound: this is not an interview.
    """
    service.require(key, Right.LEAD)
    now, note_id, data = services.clock.now(), new_id(), new.text.encode()
    with services.db.write() as session:
        room = _of(store.room(session, key.room_id), key.user_id)
        session.add(
            store.NoteRow(id=note_id, room_id=room.id, written_by=key.actor, written_at=now, sealed=_lock(services).encrypt(data).decode())
        )  # fmt: skip
        service.note(
            session, services, room, key.actor, "video.note_sealed", sha256=hashlib.sha256(note_id.encode() + data).hexdigest()
        )
    return Note(note_id=note_id, written_at=now, text=new.text)


def notes(services: Services, room_id: str, principal: Principal) -> list[Note]:
    """The notes of an interview, for the inspector who held it. Raises NotFound for everybody else."""
    lock = _lock(services)
    with services.db.read() as session:
        room = _of(store.room(session, room_id), principal.user_id)
        return [
            Note(note_id=row.id, written_at=row.written_at, text=lock.decrypt(row.sealed.encode()).decode())
            for row in store.notes(session, room.id)
        ]


def _of(room: store.RoomRow | None, user_id: str | None) -> store.RoomRow:
    if room is None or room.private_of is None or room.created_by != user_id:
        raise NotFound("video.no_room")
    return room


def _lock(services: Services) -> Fernet:
    """The key of the notes, derived from a key of the site that no backup holds."""
    secret = site_keys(services.settings).ensure(_KEY_LABEL, KeyKind.OFFICIAL).private_pem()
    return Fernet(urlsafe_b64encode(HKDF(SHA256(), 32, salt=None, info=_KEY_LABEL.encode()).derive(secret)))
