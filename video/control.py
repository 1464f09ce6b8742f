"""Owns the words between the web process and a room worker: JSON lines over a Unix socket, as typed messages.

Never carries media, tokens or names of people.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_LINE = 1 << 20


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CreateRoom(_Message):
    op: Literal["create_room"] = "create_room"
    room: str


class Publish(_Message):
    op: Literal["publish"] = "publish"
    room: str
    seat: str
    sdp: str


class View(_Message):
    """`of`: whose tracks."""

    op: Literal["view"] = "view"
    room: str
    seat: str
    of: str
    sdp: str


class Prefer(_Message):
    """Which picture a view wants: large, or small."""

    op: Literal["prefer"] = "prefer"
    room: str
    resource: str
    hd: bool


class HangUp(_Message):
    op: Literal["hang_up"] = "hang_up"
    room: str
    resource: str


class DropSeat(_Message):
    op: Literal["drop_seat"] = "drop_seat"
    room: str
    seat: str


class StartRecording(_Message):
    op: Literal["start_recording"] = "start_recording"
    room: str
    recording: str


class StopRecording(_Message):
    op: Literal["stop_recording"] = "stop_recording"
    room: str


class Snapshot(_Message):
    op: Literal["snapshot"] = "snapshot"
    room: str
    seat: str


class Clip(_Message):
    """Copy what the seat shows for so many seconds into a file; answered with a `ClipCut`."""

    op: Literal["clip"] = "clip"
    room: str
    seat: str
    seconds: Annotated[float, Field(gt=0.0, le=600.0)]


class ClipCut(_Message):
    """A clip that is on disk. `started_utc` + `start_ms`: when its first picture came."""

    path: str
    started_utc: str
    start_ms: int
    duration_ms: int
    gaps: list[dict[str, Any]]


class Watch(_Message):
    """Write a picture of the seat's track `fps` times a second; 0 ends it."""

    op: Literal["watch"] = "watch"
    room: str
    seat: str
    fps: Annotated[float, Field(ge=0.0, le=5.0)]


class Stats(_Message):
    op: Literal["stats"] = "stats"
    room: str


class CloseRoom(_Message):
    op: Literal["close_room"] = "close_room"
    room: str


class Shutdown(_Message):
    op: Literal["shutdown"] = "shutdown"


Command = (
    CreateRoom | Publish | View | Prefer | HangUp | DropSeat | StartRecording | StopRecording | Snapshot | Clip | Watch | Stats | CloseRoom
    | Shutdown
)  # fmt: skip


class Request(_Message):
    """One call; `id` comes back in the reply."""

    id: int
    command: Annotated[Command, Field(discriminator="op")]


class Reply(_Message):
    """`code` is empty on success; else an error code of the catalogue with its `params`."""

    id: int
    code: str = ""
    params: dict[str, str] = Field(default_factory=dict)
    result: dict[str, Any] = Field(default_factory=dict)


class TrackStarted(_Message):
    event: Literal["track_started"] = "track_started"
    room: str
    seat: str
    kind: str
    codec: str


class TrackEnded(_Message):
    event: Literal["track_ended"] = "track_ended"
    room: str
    seat: str
    kind: str


class SegmentClosed(_Message):
    """A segment is durable; its sidecar lies beside `path` as ``<path>.json``."""

    event: Literal["segment_closed"] = "segment_closed"
    room: str
    recording: str
    path: str
    sha256: str


class TrackJoined(_Message):
    """The whole track as one file, made after the recording stopped."""

    event: Literal["track_joined"] = "track_joined"
    room: str
    recording: str
    seat: str
    kind: str
    path: str
    sha256: str
    segments: list[str]


class RecordingFailed(_Message):
    event: Literal["recording_failed"] = "recording_failed"
    room: str
    seat: str
    kind: str
    reason: str


class PictureReady(_Message):
    """A watched seat has a new picture; the file is replaced with the next one."""

    event: Literal["picture_ready"] = "picture_ready"
    room: str
    seat: str
    path: str
    width_px: int
    height_px: int


class RoomClosed(_Message):
    event: Literal["room_closed"] = "room_closed"
    room: str


News = TrackStarted | TrackEnded | SegmentClosed | TrackJoined | RecordingFailed | PictureReady | RoomClosed
news_adapter: TypeAdapter[News] = TypeAdapter(Annotated[News, Field(discriminator="event")])


def line(message: BaseModel) -> bytes:
    """One message on the wire."""
    return message.model_dump_json().encode() + b"\n"
