"""Owns the websocket of a participant: roster, chat, requests, heartbeat.

Never carries media or files, and never lets a seat that waits hear more than that it waits.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from core.clock import rfc3339
from core.context import Services
from core.errors import YunJianError
from video import asking, marks, service
from video.hub import Line
from video.marks import Stroke
from video.model import Right, SeatKey, SeatState, StillRequest
from video.rooms import Rooms

HELLO_S = 10.0
SILENT_S = 15.0  # the page sends a heartbeat every second
MAX_CHARS = 16_384
CLOSE_POLICY = 1008


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hello(_In):
    """The first message: the token is never in an address."""

    type: Literal["hello"]
    token: str


class Heartbeat(_In):
    type: Literal["heartbeat"]
    sent_ms: float = 0.0


class Chat(_In):
    type: Literal["chat"]
    text: Annotated[str, Field(min_length=1, max_length=1000)]


class Caption(_In):
    """What somebody types for those who cannot hear: shown large over the picture, for everybody."""

    type: Literal["caption"]
    text: Annotated[str, Field(min_length=1, max_length=200)]


class CameraOrder(_In):
    """The inspector works a phone's camera. `value`: zoom factor."""

    type: Literal["camera_order"]
    seat_id: str
    do: Literal["torch", "flip", "zoom"]
    value: Annotated[float | None, Field(ge=1.0, le=100.0)] = None


class CameraState(_In):
    """What a phone's camera can do, and does."""

    type: Literal["camera_state"]
    torch: bool | None
    zoom: float | None
    zoom_max: float | None


class Ask(_In):
    type: Literal["still_request"]
    item_ref: Annotated[str, Field(min_length=1, max_length=200)]
    seat_id: str | None = None
    unit: Annotated[str | None, Field(max_length=100)] = None
    note: Annotated[str, Field(max_length=500)] = ""


class ItemChanged(_In):
    """Relayed for inspection: an answer on an item has a new revision."""

    type: Literal["item_changed"]
    item_ref: Annotated[str, Field(min_length=1, max_length=200)]
    rev: int


class Current(_In):
    """The inspector shows everybody which item is on now."""

    type: Literal["current_item"]
    item_ref: Annotated[str, Field(min_length=1, max_length=200)]


class Drawn(_In):
    """A line on the frozen still."""

    type: Literal["stroke"]
    stroke: Stroke


Message = Heartbeat | Chat | Caption | CameraOrder | CameraState | Ask | ItemChanged | Current | Drawn
_messages: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def build_line_router(services: Services, rooms: Rooms) -> APIRouter:
    """The route ``/ws/v1/video/rooms/{room_id}``."""
    router = APIRouter()

    @router.websocket("/ws/v1/video/rooms/{room_id}")
    async def line(socket: WebSocket, room_id: str) -> None:
        await socket.accept()
        token = await _hello(socket)
        key = None if token is None else await _seat(services, token, room_id)
        if token is None or key is None:
            await socket.close(CLOSE_POLICY, "video.token")
            return
        mine = Line(room_id, key.seat_id, asyncio.get_running_loop())
        rooms.hub.join(mine)
        writer = asyncio.create_task(_write(socket, mine))
        try:
            await _show_room(services, rooms, key, mine)
            await _read(socket, services, rooms, token, mine)
        finally:
            rooms.hub.leave(mine)
            mine.put(None)
            await asyncio.gather(writer, return_exceptions=True)
            await run_in_threadpool(_tell_roster, services, rooms, room_id)

    return router


async def _hello(socket: WebSocket) -> str | None:
    try:
        first = await asyncio.wait_for(socket.receive_text(), HELLO_S)
        return Hello.model_validate_json(first[:MAX_CHARS]).token
    except (TimeoutError, ValidationError, WebSocketDisconnect, KeyError):
        return None


async def _seat(services: Services, token: str, room_id: str) -> SeatKey | None:
    try:
        key = await run_in_threadpool(service.seat_of, services, token)
    except YunJianError:
        return None
    return key if key.room_id == room_id else None


async def _show_room(services: Services, rooms: Rooms, key: SeatKey, mine: Line) -> None:
    mine.put({"type": "welcome", "seat_id": key.seat_id, "state": key.state, "server_time": rfc3339(services.clock.now())})
    await run_in_threadpool(_tell_roster, services, rooms, key.room_id)
    if key.state == SeatState.ADMITTED and key.may(Right.STILL) and not key.may(Right.LEAD):
        for request in await run_in_threadpool(asking.open_requests, services, key):
            mine.put(request)


def _tell_roster(services: Services, rooms: Rooms, room_id: str) -> None:
    try:
        people = service.room_view(services, rooms, room_id).seats
    except YunJianError:
        return
    waiting = {seat.seat_id for seat in people if seat.state != SeatState.ADMITTED}
    message = {"type": "roster", "seats": [seat.model_dump(mode="json") for seat in people]}
    for seat_id in rooms.hub.present(room_id) - waiting:
        rooms.hub.tell_seat(room_id, seat_id, message)


async def _write(socket: WebSocket, mine: Line) -> None:
    while (message := await mine.queue.get()) is not None:
        await socket.send_json(message)
    await socket.close()


async def _read(socket: WebSocket, services: Services, rooms: Rooms, token: str, mine: Line) -> None:
    while True:
        try:
            text = await asyncio.wait_for(socket.receive_text(), SILENT_S)
            message = _messages.validate_json(text[:MAX_CHARS])
        except (TimeoutError, WebSocketDisconnect, KeyError, RuntimeError):
            return
        except ValidationError:
            mine.put({"type": "error", "code": "video.message"})
            continue
        if isinstance(message, Heartbeat):
            now = rfc3339(services.clock.now())
            mine.put({"type": "heartbeat", "sent_ms": message.sent_ms, "server_time": now})
            continue
        try:
            await run_in_threadpool(_handle, services, rooms, token, message)
        except YunJianError as error:
            mine.put({"type": "error", "code": error.code})


def _handle(services: Services, rooms: Rooms, token: str, message: Message) -> None:
    """Rights are looked up afresh for each message: a removed seat is silent at once."""
    key = service.seat_of(services, token)
    told: dict[str, Any] = {**message.model_dump(), "from": key.seat_id}
    match message:
        case Chat() | Caption():
            service.require(key, Right.CHAT)
            rooms.hub.tell_room(key.room_id, told)
        case CameraState():
            service.require(key, Right.PUBLISH)
            rooms.hub.tell_room(key.room_id, told, but=key.seat_id)
        case CameraOrder():
            service.require(key, Right.LEAD)
            rooms.hub.tell_seat(key.room_id, message.seat_id, told)
        case Ask():
            order = StillRequest(item_ref=message.item_ref, seat_id=message.seat_id, unit=message.unit, note=message.note)
            asking.ask_still(services, rooms, key, order)
        case Drawn():
            marks.draw(services, rooms, key, message.stroke)
        case _:
            service.require(key, Right.LEAD)
            rooms.hub.tell_room(key.room_id, told)
