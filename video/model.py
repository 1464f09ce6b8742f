"""Owns the nouns of a call: rooms, seats, shots, rights; and what a request has to look like.

Never does I/O, except reading the role and consent packs once.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config import pack_path


class SeatRole(StrEnum):
    """What a seat is for; its rights are data, ``config/video/roles.toml``."""

    INSPECTOR = "inspector"
    CREW = "crew"
    COMPANY = "company"
    CLASS = "class"
    INTERPRETER = "interpreter"
    RELAY = "relay"
    OBSERVER = "observer"
    DRONE = "drone"
    CAMERA = "camera"


class Right(StrEnum):
    PUBLISH = "publish"
    VIEW = "view"
    STILL = "still"
    CHAT = "chat"
    CONSENT = "consent"
    LEAD = "lead"


class SeatState(StrEnum):
    """invited -> waiting (link used) -> admitted; removed is final."""

    INVITED = "invited"
    WAITING = "waiting"
    ADMITTED = "admitted"
    REMOVED = "removed"


class RoomState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time needs a zone")
    return at


AwareTime = Annotated[datetime, AfterValidator(_aware)]
Medium = Literal["live", "clip", "still"]
ShortText = Annotated[str, Field(max_length=500)]


class _Edge(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Shot(_Edge):
    """One thing to show. `item_ref` is opaque here (contracts.md, Room)."""

    item_ref: Annotated[str, Field(min_length=1, max_length=200)]
    label_zh: ShortText
    label_en: ShortText
    prompt_zh: ShortText = ""
    prompt_en: ShortText = ""
    media: tuple[Medium, ...] = ("still",)


class SeatOrder(_Edge):
    role: SeatRole
    name_hint: Annotated[str, Field(max_length=80)] = ""


class RoomOrder(_Edge):
    """Body of ``POST /api/v1/video/rooms``."""

    subject_ref: Annotated[str, Field(min_length=1, max_length=200)]
    not_before: AwareTime
    not_after: AwareTime
    shots: Annotated[tuple[Shot, ...], Field(max_length=300)] = ()
    seats: Annotated[tuple[SeatOrder, ...], Field(min_length=1, max_length=30)]


class Invitation(_Edge):
    """One seat of a new room. `link` is shown once and kept nowhere."""

    seat_id: str
    role: SeatRole
    name_hint: str
    link: str


class NewRoom(_Edge):
    room_id: str
    seats: tuple[Invitation, ...]


class JoinOrder(_Edge):
    """Body of ``POST /api/v1/video/join``."""

    code: Annotated[str, Field(min_length=1, max_length=4096)]
    name: Annotated[str, Field(max_length=80)] = ""


class Consent(_Edge):
    """The notice and its version."""

    version: str
    zh: str
    en: str


class Joined(_Edge):
    """What a seat holds after joining. The token lives in the page's memory only."""

    room_id: str
    seat_id: str
    role: SeatRole
    state: SeatState
    token: str
    expires_at: datetime
    rights: tuple[Right, ...]
    consent: Consent
    consented: bool
    server_time: datetime
    piece_kb: int
    sound_kbps: float
    """Below this a link carries sound only, below `picture_kbps` a small picture (config/video/link.toml)."""
    picture_kbps: float


class Seat(_Edge):
    """A seat as others in the room see it. `present`: its websocket is up (told by the hub)."""

    seat_id: str
    role: SeatRole
    name: str
    state: SeatState
    consented: bool
    present: bool = False


class RoomView(_Edge):
    room_id: str
    subject_ref: str
    state: RoomState
    not_before: datetime
    not_after: datetime
    shots: tuple[Shot, ...]
    seats: tuple[Seat, ...]
    recording: bool
    private: bool = False


class SeatKey(_Edge):
    """Who holds a valid seat token: enough to decide everything a seat may do."""

    room_id: str
    seat_id: str
    subject_ref: str
    role: SeatRole
    state: SeatState
    user_id: str | None
    consented: bool

    @property
    def actor(self) -> str:
        """For journal entries: an id, never a name."""
        return self.user_id or f"seat:{self.seat_id}"

    def may(self, right: Right) -> bool:
        return right in rights_of(self.role)


class StillRequest(_Edge):
    """The inspector asks for a picture of an item, or of one `unit` of it ("fire door 7")."""

    item_ref: Annotated[str, Field(min_length=1, max_length=200)]
    seat_id: str | None = None
    unit: Annotated[str | None, Field(max_length=100)] = None
    note: Annotated[str, Field(max_length=500)] = ""


class SnapshotOrder(_Edge):
    seat_id: str
    item_ref: Annotated[str | None, Field(max_length=200)] = None


class LayerWish(_Edge):
    """Which picture a viewer wants."""

    layer: Literal["hd", "thumb"]


class WatchOrder(_Edge):
    """How many pictures a second the detector sees; 0 = none."""

    fps: Annotated[float, Field(ge=0.0, le=5.0)] = 2.0


class ConsentOrder(_Edge):
    version: str
    language: Literal["zh", "en"]


@cache
def _roles() -> dict[SeatRole, tuple[Right, ...]]:
    pack = tomllib.loads(pack_path("video", "roles.toml").read_text(encoding="utf-8"))
    return {SeatRole(name): tuple(Right(right) for right in table["rights"]) for name, table in pack.items()}


def rights_of(role: SeatRole) -> tuple[Right, ...]:
    """Rights of a role; a role without a table has none."""
    return _roles().get(role, ())


@cache
def consent_notice() -> Consent:
    """The notice in force."""
    return Consent.model_validate(tomllib.loads(pack_path("video", "consent.toml").read_text(encoding="utf-8")))
