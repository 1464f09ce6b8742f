"""Owns what an inspector brings into a call besides people: RTSP cameras of the site, and clips cut from what is shown.

Never takes an address (`video.cameras` has them) and never touches RTP.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.clock import parse_rfc3339
from core.context import Services
from core.errors import InputError, Refused
from core.evidence import Envelope
from video import asking, keeping, service, store
from video.cameras import Camera, camera_pack
from video.model import Right, SeatKey, SeatRole, SeatState
from video.pulls import Bringing
from video.rooms import Rooms, ice_addresses
from video.segment import file_sha256


class CameraView(BaseModel):
    """A camera that may be brought; `seat_id` is set while it is in this room."""

    model_config = ConfigDict(frozen=True)

    camera_id: str
    kind: str
    name_zh: str
    name_en: str
    seat_id: str | None


class ClipOrder(BaseModel):
    """A clip of what a seat shows from now on, in s."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seat_id: str
    item_ref: Annotated[str | None, Field(max_length=200)] = None
    seconds: Annotated[float, Field(gt=0, le=600)] = 10.0


def cameras(services: Services, rooms: Rooms, key: SeatKey) -> list[CameraView]:
    """The cameras of the site, for the inspector of a call."""
    service.require(key, Right.LEAD)
    here = rooms.pulls.seats(key.room_id)
    return [
        CameraView(camera_id=one.id, kind=one.kind, name_zh=one.name.zh, name_en=one.name.en, seat_id=here.get(one.id))
        for one in camera_pack(services.settings.video).cameras
    ]


def bring(services: Services, rooms: Rooms, key: SeatKey, camera_id: str) -> CameraView:
    """Give a camera a seat in the call and forward what it sends; it is asked again for as long as it sits there.

    Raises:
        NotFound: no such camera. Refused: into a private interview no camera comes.
    """
    service.require(key, Right.LEAD)
    pack = camera_pack(services.settings.video)
    camera = pack.camera(camera_id)
    role = SeatRole.DRONE if camera.kind == "drone" else SeatRole.CAMERA
    with services.db.write() as session:
        room = service.open_room(session, key.room_id)
        if room.private_of is not None:
            raise Refused("video.camera_private")
        known = (one for one in store.seats(session, room.id) if one.role == role and one.name == _name(camera))
        row = next(known, None)
        if row is None:
            row = service.new_seat(room.id, role, _name(camera))
            session.add(row)
        row.state, row.admitted_at, row.admitted_by = SeatState.ADMITTED, services.clock.now(), key.actor
        session.flush()
        service.note(session, services, room, key.actor, "video.camera_brought", seat_id=row.id, camera_id=camera.id)
        seat_id = row.id
    rooms.pulls.start(Bringing(key.room_id, seat_id, camera), pack, ice_addresses(services.settings))
    service.tell_roster(services, rooms, key.room_id)
    return CameraView(
        camera_id=camera.id, kind=camera.kind, name_zh=camera.name.zh, name_en=camera.name.en, seat_id=seat_id
    )  # fmt: skip


def take_away(services: Services, rooms: Rooms, key: SeatKey, camera_id: str) -> None:
    """End a camera's part in the call; no error where it has none."""
    service.require(key, Right.LEAD)
    seat_id = rooms.pulls.seats(key.room_id).get(camera_id)
    if seat_id is not None:
        service.remove(services, rooms, key, seat_id)


def clip(services: Services, rooms: Rooms, key: SeatKey, order: ClipOrder) -> Envelope:
    """Keep what a seat shows for some seconds as a clip of an item: its packets, copied. Returns when it is evidence.

    Raises:
        Refused: somebody has not agreed to be recorded. Unfinished: no picture came.
    """
    service.require(key, Right.LEAD)
    if order.seconds > camera_pack(services.settings.video).clip_max_s:
        raise InputError("video.clip_length", most_s=camera_pack(services.settings.video).clip_max_s)
    with services.db.read() as session:
        room = service.open_room(session, key.room_id)
        service.require_consent(session, room)
        service.seat_in(session, key.room_id, order.seat_id)
        where = asking.recording_position(session, services, key.room_id)
    cut = rooms.clip(key.room_id, order.seat_id, order.seconds)
    path = Path(cut.path)
    sha256 = file_sha256(path)
    stored = services.files.put_path(path)
    started = parse_rfc3339(cut.started_utc) + timedelta(milliseconds=cut.start_ms)
    envelope = Envelope(
        sha256=stored.sha256, size=stored.size, media_type=keeping.media_type(path, "video"), kind="clip", captured_at=started,
        clock_offset_ms=0, received_at=services.clock.now(), device=f"seat:{order.seat_id}", producer="video",
        subject_ref=key.subject_ref, item_ref=order.item_ref,
        extra={"source": "live_clip", "room_id": key.room_id, "asked_by": key.actor, "shot_by": key.actor,
               "seat_id": order.seat_id, "recording": where, "duration_ms": cut.duration_ms, "gaps": cut.gaps,
               "sha256_at_close": sha256},
    )  # fmt: skip
    with services.db.write() as session:
        keeping.keep(session, services, envelope, key.actor)
    asking.tell_kept(rooms, key.room_id, envelope)
    return envelope


def _name(camera: Camera) -> str:
    return f"{camera.name.zh} / {camera.name.en}"
