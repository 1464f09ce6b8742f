"""Owns asking people into a call that is open: a seat with its link as QR code, calendar entry and text, and moving a seat to
another phone.

Never sends anything by itself: what it makes is shown to the inspector, who sends it the way people there talk.
"""

from __future__ import annotations

from icalendar import Calendar, Event
from pydantic import BaseModel, ConfigDict

from core.catalogue import Lang, text
from core.context import Services
from core.errors import InputError, NotFound, Refused
from core.message_channels import qr_data_uri
from core.workdays import SHANGHAI
from video import service, store
from video.model import Invitation, Right, SeatKey, SeatOrder, SeatRole
from video.rooms import Rooms

_NOT_BY_LINK = {SeatRole.INSPECTOR, SeatRole.CAMERA}


class Sheet(BaseModel):
    """An invitation in every form it is sent in. The link is shown once and kept nowhere."""

    model_config = ConfigDict(frozen=True)

    seat_id: str
    role: SeatRole
    name_hint: str
    link: str
    qr: str
    text_zh: str
    text_en: str
    ics: str


def invite(services: Services, rooms: Rooms, key: SeatKey, order: SeatOrder) -> Sheet:
    """A new seat in an open call.

    Raises:
        InputError: an inspector comes by login, a camera by its list. Refused: into a private interview nobody else comes.
    """
    service.require(key, Right.LEAD)
    if order.role in _NOT_BY_LINK:
        raise InputError("video.invite_role", role=order.role.value)
    with services.db.write() as session:
        room = service.open_room(session, key.room_id)
        if room.private_of is not None:
            raise Refused("video.invite_private")
        made = service.invite_into(session, services, room, order.role, order.name_hint)
        service.note(session, services, room, key.actor, "video.seat_added", seat_id=made.seat_id, role=order.role.value)
    service.tell_roster(services, rooms, key.room_id)
    return sheet(services, key.room_id, made)


def move(services: Services, rooms: Rooms, key: SeatKey, seat_id: str) -> Sheet:
    """A seat goes to another phone: a new link, good without a second admission; the old phone is out of the call at once."""
    made = service.renew_link(services, key, seat_id)
    rooms.hub.hang_up(key.room_id, seat_id)
    rooms.drop_seat(key.room_id, seat_id)
    service.tell_roster(services, rooms, key.room_id)
    return sheet(services, key.room_id, made)


def sheet(services: Services, room_id: str, made: Invitation) -> Sheet:
    """All forms of one invitation. Raises NotFound for a room that is not there."""
    with services.db.read() as session:
        room = store.room(session, room_id)
        if room is None:
            raise NotFound("video.no_room")
        return Sheet(
            **made.model_dump(), qr=qr_data_uri(made.link), text_zh=_text(room, made, "zh"), text_en=_text(room, made, "en"),
            ics=_ics(room, made),
        )  # fmt: skip


def _text(room: store.RoomRow, made: Invitation, lang: Lang) -> str:
    begins, ends = room.not_before.astimezone(SHANGHAI), room.not_after.astimezone(SHANGHAI)
    times = {"begin": f"{begins:%Y-%m-%d %H:%M}", "end": f"{ends:%m-%d %H:%M}"}
    return text("video.invite.text", lang, role=text(f"callpage.js.role_{made.role}", lang), link=made.link, **times)


def _ics(room: store.RoomRow, made: Invitation) -> str:
    calendar, event = Calendar(), Event()
    calendar.add("prodid", "-//YunJian//video//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    event.add("uid", f"{made.seat_id}@yunjian")
    event.add("dtstamp", room.created_at)
    event.add("dtstart", room.not_before)
    event.add("dtend", room.not_after)
    event.add("summary", f"{text('video.invite.subject', 'zh')} / {text('video.invite.subject', 'en')}")
    event.add("description", f"{_text(room, made, 'zh')}\n\n{_text(room, made, 'en')}")
    event.add("url", made.link)
    calendar.add_component(event)
    return bytes(calendar.to_ical()).decode()
