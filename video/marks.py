"""Owns drawing on a frozen picture that both sides see: which picture is shown, the strokes, and keeping them as a layer.

Never changes the picture: the strokes are kept beside it as JSON of their own (video spec, section 5).
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from core import evidence
from core.clock import rfc3339
from core.context import Services
from core.errors import NotFound
from core.evidence import Envelope
from core.ids import new_id
from video import keeping, service, store
from video.model import Right, SeatKey
from video.rooms import Rooms

SCHEMA = "yunjian.marks/1"
MEDIA_TYPE = "application/vnd.yunjian.marks+json"
POINTS = 400
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Stroke(BaseModel):
    """One line on a still: points as shares of its width and height, from the top left."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    evidence_id: Annotated[str, Field(max_length=64)]
    points: Annotated[tuple[tuple[Share, Share], ...], Field(min_length=2, max_length=POINTS)]


def picture_of(services: Services, key: SeatKey, evidence_id: str) -> Envelope:
    """A still of the caller's own room. Raises NotFound for any other evidence."""
    service.require(key, Right.VIEW)
    with services.db.read() as session:
        found = evidence.get(session, evidence_id)
    mine = found is not None and found.kind in ("still", "external") and found.extra.get("room_id") == key.room_id
    if found is None or not mine or not found.media_type.startswith("image/"):
        raise NotFound("video.no_still")
    return found


def freeze(services: Services, rooms: Rooms, key: SeatKey, evidence_id: str) -> None:
    """Show everybody this still, to draw on. Raises what `picture_of` raises."""
    service.require(key, Right.LEAD)
    shown = picture_of(services, key, evidence_id)
    strokes = [{"from": one["seat"], "points": one["points"]} for one in _lines(services, shown.id)]
    rooms.hub.tell_room(key.room_id, {"type": "frozen", "evidence_id": shown.id, "strokes": strokes})


def draw(services: Services, rooms: Rooms, key: SeatKey, stroke: Stroke) -> None:
    """Add a line; everybody else sees it at once."""
    service.require(key, Right.CHAT)
    picture_of(services, key, stroke.evidence_id)
    points = [list(point) for point in stroke.points]
    with services.db.write() as session:
        session.add(
            store.StrokeRow(
                id=new_id(), room_id=key.room_id, evidence_id=stroke.evidence_id, seat_id=key.seat_id, role=key.role,
                points=points, drawn_at=services.clock.now(),
            )
        )  # fmt: skip
    message = {"type": "stroke", "evidence_id": stroke.evidence_id, "from": key.seat_id, "points": points}
    rooms.hub.tell_room(key.room_id, message, but=key.seat_id)


def thaw(services: Services, rooms: Rooms, key: SeatKey, evidence_id: str) -> Envelope | None:
    """Back to the live picture. What was drawn is kept as evidence that derives from the still; None if nothing was."""
    service.require(key, Right.LEAD)
    still = picture_of(services, key, evidence_id)
    lines = _lines(services, still.id)
    kept = _keep(services, key, still, lines) if lines else None
    rooms.hub.tell_room(key.room_id, {"type": "thawed", "evidence_id": still.id})
    return kept


def _lines(services: Services, evidence_id: str) -> list[dict[str, Any]]:
    with services.db.read() as session:
        return [
            {"seat": one.seat_id, "role": one.role, "at": rfc3339(one.drawn_at), "points": one.points}
            for one in store.strokes(session, evidence_id)
        ]


def _keep(services: Services, key: SeatKey, still: Envelope, lines: list[dict[str, Any]]) -> Envelope:
    layer: dict[str, Any] = {
        "schema": SCHEMA,
        "still": {"evidence_id": still.id, "sha256": still.sha256},
        "strokes": lines,
    }
    stored = services.files.put_bytes(json.dumps(layer, sort_keys=True, ensure_ascii=False).encode())
    now = services.clock.now()
    envelope = Envelope(
        sha256=stored.sha256, size=stored.size, media_type=MEDIA_TYPE, kind="document", captured_at=now, clock_offset_ms=0,
        received_at=now, device="console", producer="video", subject_ref=key.subject_ref, item_ref=still.item_ref,
        derived_from=still.id, extra={"room_id": key.room_id, "part": "marks", "shot_by": key.actor},
    )  # fmt: skip
    with services.db.write() as session:
        keeping.keep(session, services, envelope, key.actor)
    return envelope
