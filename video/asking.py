"""Owns what the inspector asks to see during a call: stills of items, and the live picture kept as one.

Never judges who is in the room (`video.service`) and never takes an upload (`video.uploads`).
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy.orm import Session

from core import events
from core.context import Services
from core.evidence import Envelope
from core.ids import new_id
from video import keeping, service, store
from video.answers import CrewAnswer
from video.model import Right, SeatKey, SnapshotOrder, StillRequest
from video.rooms import Rooms

EVENT_ASKED = "video.still_asked"
CHALLENGE_LETTERS = "ACDEFHJKLMNPRTUVWXY3479"  # none that is taken for another in bad light
CHALLENGE_LENGTH = 4


def ask_still(services: Services, rooms: Rooms, key: SeatKey, order: StillRequest) -> str:
    """Ask for a picture of an item; everybody (or one seat) is told. Returns the request's id.

    With the request goes a challenge: a code that did not exist before, to be shown beside the thing.
    """
    service.require(key, Right.LEAD)
    with services.db.write() as session:
        room = service.open_room(session, key.room_id)
        row = store.RequestRow(
            id=new_id(), room_id=room.id, item_ref=order.item_ref, seat_id=order.seat_id, note=order.note,
            unit=order.unit, challenge=_challenge(), asked_by=key.actor, asked_at=services.clock.now(), evidence_id=None,
        )  # fmt: skip
        session.add(row)
        fact = {"room_id": room.id, "request_id": row.id, "item_ref": order.item_ref}
        events.publish(session, services.clock, stream=room.subject_ref, type=EVENT_ASKED, payload=fact)
        service.note(session, services, room, key.actor, EVENT_ASKED, request_id=row.id, **_told(row))
        request_id, message = row.id, {"type": "still_request", "request_id": row.id, **_told(row)}
    if order.seat_id is not None:
        rooms.hub.tell_seat(key.room_id, order.seat_id, message)
    else:
        rooms.hub.tell_room(key.room_id, message, but=key.seat_id)
    return request_id


def _told(row: store.RequestRow) -> dict[str, str | None]:
    return {"item_ref": row.item_ref, "note": row.note, "unit": row.unit, "challenge": row.challenge}


def _challenge() -> str:
    return "".join(secrets.choice(CHALLENGE_LETTERS) for _ in range(CHALLENGE_LENGTH))


def open_requests(services: Services, key: SeatKey) -> list[dict[str, Any]]:
    """What is still asked of this seat, as it was told: for a page that was not there when it was."""
    with services.db.read() as session:
        return [
            {"type": "still_request", "request_id": row.id, **_told(row)}
            for row in store.open_requests(session, key.room_id)
            if row.seat_id in (None, key.seat_id)
        ]


def snapshot(services: Services, rooms: Rooms, key: SeatKey, order: SnapshotOrder) -> Envelope:
    """Keep the live picture of a seat as a still (`extra.source` = live_frame): small, for when no full still can come.

    Raises:
        Unfinished: no picture within a few seconds.
    """
    service.require(key, Right.LEAD)
    with services.db.read() as session:
        service.seat_in(session, key.room_id, order.seat_id)
        where = recording_position(session, services, key.room_id)
    path, width, height = rooms.picture(key.room_id, order.seat_id)
    now = services.clock.now()
    stored = services.files.put_path(path)
    path.unlink(missing_ok=True)
    envelope = Envelope(
        sha256=stored.sha256, size=stored.size, media_type="image/jpeg", kind="still", captured_at=now, clock_offset_ms=0,
        received_at=now, device=f"seat:{order.seat_id}", producer="video", subject_ref=key.subject_ref,
        item_ref=order.item_ref,
        extra={"source": "live_frame", "room_id": key.room_id, "asked_by": key.actor, "shot_by": key.actor,
               "seat_id": order.seat_id, "recording": where, "width_px": width, "height_px": height},
    )  # fmt: skip
    with services.db.write() as session:
        keeping.keep(session, services, envelope, key.actor)
    tell_kept(rooms, key.room_id, envelope)
    return envelope


def tell_kept(rooms: Rooms, room_id: str, envelope: Envelope, answer: CrewAnswer | None = None) -> None:
    """Say in the room that a piece of evidence has arrived; what somebody answered is told in full."""
    rooms.hub.tell_room(
        room_id,
        {
            "type": "evidence",
            "evidence_id": envelope.id,
            "item_ref": envelope.item_ref,
            "kind": envelope.kind,
            "sha256": envelope.sha256,
            **({} if answer is None else {"answer": {"value": answer.value, "text": answer.text}}),
        },
    )


def recording_position(session: Session, services: Services, room_id: str) -> dict[str, Any] | None:
    """Where the running recording is now, or None."""
    running = store.running_recording(session, room_id)
    if running is None:
        return None
    at_ms = int((services.clock.now() - running.started_at).total_seconds() * 1000)
    return {"recording_id": running.id, "at_ms": at_ms}
