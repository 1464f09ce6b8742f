"""Owns the HTTP of calls: rooms and seats, WHIP and WHEP. Uploads are in `video.api_uploads`, the websocket in `video.api_line`.

Never decides: rights and rules are `video.service`'s. A seat's bearer token is checked here, on every request.
"""

# No postponed annotations here: FastAPI must see dependencies that are made inside a function.

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Depends, Header, Query, Request, Response
from pydantic import BaseModel

from core.auth import Principal
from core.context import Services
from core.errors import AccessDenied, InputError
from core.evidence import Envelope
from video import asking, bringing, interview, inviting, marks, sampling, service
from video.api_line import build_line_router
from video.api_uploads import build_upload_router
from video.bringing import CameraView, ClipOrder
from video.interview import Interview, InterviewOrder, NewNote, Note
from video.inviting import Sheet
from video.model import (
    ConsentOrder,
    Joined,
    JoinOrder,
    LayerWish,
    NewRoom,
    Right,
    RoomOrder,
    RoomView,
    SeatKey,
    SeatOrder,
    SnapshotOrder,
    StillRequest,
    WatchOrder,
)
from video.rooms import Rooms
from video.sampling import Said, Sample, SampleOrder
from video.turn import IceServer, link_headers

DEVICE_COOKIE = "yunjian_device"
_DEVICE_SECONDS = 30 * 24 * 3600
SDP = "application/sdp"
PROBE_BYTES = 1 << 20


class Started(BaseModel):
    recording_id: str


class Asked(BaseModel):
    request_id: str


class Probed(BaseModel):
    bytes: int


class TooLargeProbe(InputError):
    http_status = 413


class TooLargeSdp(InputError):
    http_status = 413


def bearer(authorization: Annotated[str, Header()] = "") -> str:
    """The token of ``Authorization: Bearer …``; raises AccessDenied without one."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AccessDenied("video.token")
    return token.strip()


def caller(request: Request) -> Principal:
    """The logged-in person that the gate let in."""
    principal: Principal | None = request.state.principal
    if principal is None:
        raise AccessDenied("video.token")
    return principal


async def counted(request: Request) -> int:
    """How many bytes the body had; they are not kept."""
    came = 0
    async for chunk in request.stream():
        came += len(chunk)
        if came > PROBE_BYTES:
            raise TooLargeProbe("video.probe_size")
    return came


def build_router(services: Services, rooms: Rooms) -> APIRouter:
    """All routes of calls, with prefix."""
    router = APIRouter()
    main = APIRouter(prefix="/api/v1/video", tags=["video"])

    def seat(token: Annotated[str, Depends(bearer)]) -> SeatKey:
        return service.seat_of(services, token)

    AtSeat = Annotated[SeatKey, Depends(seat)]  # noqa: N806 - a type, made here because it needs the services
    _add_rooms(main, services, rooms, AtSeat)
    _add_leading(main, services, rooms, AtSeat)
    _add_asking(main, services, rooms, AtSeat)
    _add_cameras(main, services, rooms, AtSeat)
    _add_interviews(main, services, rooms, AtSeat)
    _add_media(main, services, rooms, AtSeat)
    main.include_router(build_upload_router(services, rooms, seat))
    router.include_router(main)
    router.include_router(build_line_router(services, rooms))
    return router


def _add_rooms(router: APIRouter, services: Services, rooms: Rooms, at_seat: Any) -> None:
    @router.post("/rooms", status_code=201)
    def create(request: Request, order: RoomOrder, idempotency_key: Annotated[str | None, Header()] = None) -> NewRoom:
        """Open a room for a subject; the answer holds one link per seat, once."""
        return service.create_room(services, order, caller(request), idempotency_key)

    @router.post("/rooms/{room_id}/attend")
    def attend(request: Request, room_id: str) -> Joined:
        """A logged-in inspector takes a seat."""
        return service.attend(services, rooms, room_id, caller(request))

    @router.post("/join")
    def join(response: Response, request: Request, order: JoinOrder, yunjian_device: Annotated[str, Cookie()] = "") -> Joined:
        """Use a join code; it is bound to this device by a cookie."""
        device = yunjian_device or secrets.token_urlsafe(24)
        joined = service.join(services, rooms, order.code, device, order.name)
        response.set_cookie(
            DEVICE_COOKIE, device, max_age=_DEVICE_SECONDS, httponly=True, samesite="strict", path="/api/v1/video",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return joined

    @router.get("/rooms/{room_id}")
    def show(room_id: str, key: at_seat) -> RoomView:
        """The room: shots, people, whether it is being recorded. A seat that waits sees that it waits, not who is in."""
        if key.room_id != room_id:
            raise AccessDenied("video.token")
        found = service.room_view(services, rooms, room_id)
        if key.state != "admitted":
            mine = tuple(one for one in found.seats if one.seat_id == key.seat_id)
            return found.model_copy(update={"seats": mine, "shots": ()})
        return found

    @router.post("/rooms/{room_id}/consent", status_code=204)
    def consent(room_id: str, key: at_seat, order: ConsentOrder) -> None:
        """Agree to be recorded."""
        if key.room_id != room_id:
            raise AccessDenied("video.token")
        service.consent(services, rooms, key, order)


def _add_leading(router: APIRouter, services: Services, rooms: Rooms, at_seat: Any) -> None:
    @router.post("/rooms/{room_id}/seats/{seat_id}/admit", status_code=204)
    def admit(room_id: str, seat_id: str, key: at_seat) -> None:
        """Let a waiting seat in."""
        service.require(key, Right.LEAD, room_id)
        service.admit(services, rooms, key, seat_id)

    @router.post("/rooms/{room_id}/seats/{seat_id}/remove", status_code=204)
    def remove(room_id: str, seat_id: str, key: at_seat) -> None:
        """Refuse a seat or put it out."""
        service.require(key, Right.LEAD, room_id)
        service.remove(services, rooms, key, seat_id)

    @router.post("/rooms/{room_id}/seats", status_code=201)
    def invite(room_id: str, key: at_seat, order: SeatOrder) -> Sheet:
        """Ask one more person into the call; the answer holds the link, once, as text, QR code and calendar entry."""
        service.require(key, Right.LEAD, room_id)
        return inviting.invite(services, rooms, key, order)

    @router.post("/rooms/{room_id}/seats/{seat_id}/link")
    def move(room_id: str, seat_id: str, key: at_seat) -> Sheet:
        """Move a seat to another phone: a new link, good without a second admission; the old phone is out at once."""
        service.require(key, Right.LEAD, room_id)
        return inviting.move(services, rooms, key, seat_id)

    @router.post("/rooms/{room_id}/recording", status_code=201)
    def start(room_id: str, key: at_seat) -> Started:
        """Start recording; everybody must have agreed."""
        service.require(key, Right.LEAD, room_id)
        return Started(recording_id=service.start_recording(services, rooms, key))

    @router.delete("/rooms/{room_id}/recording", status_code=204)
    def stop(room_id: str, key: at_seat) -> None:
        """Stop recording; the files are evidence when this returns."""
        service.require(key, Right.LEAD, room_id)
        service.stop_recording(services, rooms, key)

    @router.put("/rooms/{room_id}/seats/{seat_id}/watch", status_code=204)
    def watch(room_id: str, seat_id: str, key: at_seat, order: WatchOrder) -> None:
        """Have the detector look at a seat's picture, or no longer."""
        service.require(key, Right.LEAD, room_id)
        service.watch(services, rooms, key, seat_id, order)

    @router.post("/rooms/{room_id}/close", status_code=204)
    def close(room_id: str, key: at_seat) -> None:
        """End the call."""
        service.require(key, Right.LEAD, room_id)
        service.close_room(services, rooms, key)

    @router.get("/rooms/{room_id}/stats")
    def stats(room_id: str, key: at_seat) -> dict[str, Any]:
        """Packets per track and viewer."""
        service.require(key, Right.LEAD, room_id)
        return rooms.stats(room_id)


def _add_asking(router: APIRouter, services: Services, rooms: Rooms, at_seat: Any) -> None:
    @router.post("/rooms/{room_id}/requests", status_code=201)
    def ask(room_id: str, key: at_seat, order: StillRequest) -> Asked:
        """Ask for a picture of an item."""
        service.require(key, Right.LEAD, room_id)
        return Asked(request_id=asking.ask_still(services, rooms, key, order))

    @router.post("/rooms/{room_id}/samples", status_code=201)
    def plan(room_id: str, key: at_seat, order: SampleOrder) -> Sample:
        """Commit to a random sample; the room is asked to say a number."""
        service.require(key, Right.LEAD, room_id)
        return sampling.plan_sample(services, rooms, key, order)

    @router.get("/rooms/{room_id}/samples")
    def samples(room_id: str, key: at_seat) -> list[Sample]:
        """The samples of this room."""
        service.require(key, Right.VIEW, room_id)
        return sampling.samples(services, key)

    @router.post("/rooms/{room_id}/samples/{sample_id}/draw")
    def say_number(room_id: str, sample_id: str, key: at_seat, said: Said) -> Sample:
        """Draw, with a number that somebody on board says."""
        service.require(key, Right.CHAT, room_id)
        return sampling.say_number(services, rooms, key, sample_id, said)

    @router.get("/rooms/{room_id}/stills/{evidence_id}", response_class=Response)
    def still(room_id: str, evidence_id: str, key: at_seat) -> Response:
        """A still of this room, in full, for those who draw on it."""
        service.require(key, Right.VIEW, room_id)
        shown = marks.picture_of(services, key, evidence_id)
        return Response(services.files.read(shown.sha256), media_type=shown.media_type, headers={"cache-control": "no-store"})

    @router.post("/rooms/{room_id}/stills/{evidence_id}/freeze", status_code=204)
    def freeze(room_id: str, evidence_id: str, key: at_seat) -> None:
        """Show this still to everybody, to draw on."""
        service.require(key, Right.LEAD, room_id)
        marks.freeze(services, rooms, key, evidence_id)

    @router.delete("/rooms/{room_id}/stills/{evidence_id}/freeze")
    def thaw(room_id: str, evidence_id: str, key: at_seat) -> Envelope | None:
        """Back to the live picture; what was drawn is kept beside the still."""
        service.require(key, Right.LEAD, room_id)
        return marks.thaw(services, rooms, key, evidence_id)

    @router.post("/rooms/{room_id}/snapshot", status_code=201)
    def snapshot(room_id: str, key: at_seat, order: SnapshotOrder) -> Envelope:
        """Keep the live picture of a seat as a still."""
        service.require(key, Right.LEAD, room_id)
        return asking.snapshot(services, rooms, key, order)


def _add_cameras(router: APIRouter, services: Services, rooms: Rooms, at_seat: Any) -> None:
    @router.get("/rooms/{room_id}/cameras")
    def cameras(room_id: str, key: at_seat) -> list[CameraView]:
        """The site's RTSP cameras, and which of them are in this call."""
        service.require(key, Right.LEAD, room_id)
        return bringing.cameras(services, rooms, key)

    @router.put("/rooms/{room_id}/cameras/{camera_id}")
    def bring(room_id: str, camera_id: str, key: at_seat) -> CameraView:
        """Bring a camera into the call."""
        service.require(key, Right.LEAD, room_id)
        return bringing.bring(services, rooms, key, camera_id)

    @router.delete("/rooms/{room_id}/cameras/{camera_id}", status_code=204)
    def take_away(room_id: str, camera_id: str, key: at_seat) -> None:
        """Take a camera out of the call."""
        service.require(key, Right.LEAD, room_id)
        bringing.take_away(services, rooms, key, camera_id)

    @router.post("/rooms/{room_id}/clips", status_code=201)
    def clip(room_id: str, key: at_seat, order: ClipOrder) -> Envelope:
        """Keep what a seat shows for the next seconds as a clip of an item."""
        service.require(key, Right.LEAD, room_id)
        return bringing.clip(services, rooms, key, order)


def _add_interviews(router: APIRouter, services: Services, rooms: Rooms, at_seat: Any) -> None:
    @router.post("/rooms/{room_id}/interviews", status_code=201)
    def begin(room_id: str, key: at_seat, order: InterviewOrder) -> Interview:
        """Ask a seafarer of this call for a private interview; nobody else is told."""
        service.require(key, Right.LEAD, room_id)
        return interview.open_interview(services, rooms, key, order)

    @router.post("/rooms/{room_id}/notes", status_code=201)
    def write(room_id: str, key: at_seat, new: NewNote) -> Note:
        """Seal a note of a private interview."""
        service.require(key, Right.LEAD, room_id)
        return interview.write_note(services, key, new)

    @router.get("/interviews/{room_id}/notes")
    def read(request: Request, room_id: str) -> list[Note]:
        """The notes of a private interview, for the inspector who held it."""
        return interview.notes(services, room_id, caller(request))


def _offer_reader(limit: int) -> Callable[[Request], Awaitable[str]]:
    async def offer(request: Request) -> str:
        """The SDP in the body, refused unread where it is too large."""
        if not request.headers.get("content-type", "").startswith(SDP):
            raise InputError("video.sdp", reason="content-type")
        data = b""
        async for chunk in request.stream():
            data += chunk
            if len(data) > limit:
                raise TooLargeSdp("video.sdp_size")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError("video.sdp", reason="encoding") from error

    return offer


def _created(path: str, sdp: str, servers: tuple[IceServer, ...]) -> Response:
    answer = Response(sdp, status_code=201, media_type=SDP, headers={"location": f"/api/v1/video/rooms/{path}"})
    for value in link_headers(servers):
        answer.headers.append("link", value)
    return answer


def _add_media(router: APIRouter, services: Services, rooms: Rooms, at_seat: Any) -> None:
    offer = _offer_reader(services.settings.video.max_sdp_kb * 1024)

    @router.get("/rooms/{room_id}/ice-servers", response_model_exclude_none=True)
    def servers(room_id: str, key: at_seat) -> tuple[IceServer, ...]:
        """STUN and TURN servers for this seat, with credentials that end with the call; a seat that waits gets none."""
        if key.room_id != room_id:
            raise AccessDenied("video.token")
        return service.ice_servers(services, key)

    @router.post("/rooms/{room_id}/probe")
    def probe(room_id: str, key: at_seat, came: Annotated[int, Depends(counted)]) -> Probed:
        """Take some bytes and forget them: the device check measures its link by how long that took."""
        if key.room_id != room_id:
            raise AccessDenied("video.token")
        return Probed(bytes=came)

    @router.post("/rooms/{room_id}/whip", status_code=201, response_class=Response)
    def whip(room_id: str, key: at_seat, sdp: Annotated[str, Depends(offer)]) -> Response:
        """WHIP (RFC 9725): publish this seat's camera and microphone."""
        service.require(key, Right.PUBLISH, room_id)
        resource, answer = service.publish(services, rooms, key, sdp)
        return _created(f"{room_id}/whip/{resource}", answer, service.ice_servers(services, key))

    @router.post("/rooms/{room_id}/whep", status_code=201, response_class=Response)
    def whep(room_id: str, key: at_seat, sdp: Annotated[str, Depends(offer)], of: Annotated[str, Query()]) -> Response:
        """WHEP: view the seat `of`."""
        service.require(key, Right.VIEW, room_id)
        resource, answer = service.view(services, rooms, key, of, sdp)
        return _created(f"{room_id}/whep/{resource}", answer, service.ice_servers(services, key))

    @router.put("/rooms/{room_id}/whep/{resource}/layer", status_code=204)
    def prefer(room_id: str, resource: str, key: at_seat, wish: LayerWish) -> None:
        """Ask for the large or the small picture of a view; where there is no room for the large one, the small one comes anyway."""
        service.require(key, Right.VIEW, room_id)
        rooms.prefer(room_id, resource, wish.layer == "hd")

    @router.delete("/rooms/{room_id}/whip/{resource}", status_code=204)
    def end_whip(room_id: str, resource: str, key: at_seat) -> None:
        """Stop publishing."""
        service.require(key, Right.PUBLISH, room_id)
        rooms.hang_up(room_id, resource)

    @router.delete("/rooms/{room_id}/whep/{resource}", status_code=204)
    def end_whep(room_id: str, resource: str, key: at_seat) -> None:
        """Stop viewing."""
        service.require(key, Right.VIEW, room_id)
        rooms.hang_up(room_id, resource)
