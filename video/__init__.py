"""Owns remote checks by call: rooms, join links, packet forwarding, recording, stills and what people say in a room.

Never knows what a checklist item means: `item_ref` and `subject_ref` are opaque here (contracts.md, Room).
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from video.api import build_router
    from video.asking import ask_still, snapshot
    from video.inviting import Sheet, sheet
    from video.keeping import EVENT_KEPT
    from video.model import (
        Invitation,
        Joined,
        NewRoom,
        RoomOrder,
        RoomView,
        SeatKey,
        SeatOrder,
        SeatRole,
        Shot,
        SnapshotOrder,
        StillRequest,
    )
    from video.rooms import Rooms
    from video.service import (
        admit,
        attend,
        close_room,
        create_room,
        known_room,
        room_view,
        seat_of,
        start_recording,
        stop_recording,
    )

# Found at first use: a room worker needs none of this, and would load the web framework and the database at each start.
_HOMES = {
    "video.api": ("build_router",),
    "video.asking": (
        "ask_still",
        "snapshot",
    ),
    "video.inviting": (
        "Sheet",
        "sheet",
    ),
    "video.keeping": ("EVENT_KEPT",),
    "video.model": (
        "Invitation",
        "Joined",
        "NewRoom",
        "RoomOrder",
        "RoomView",
        "SeatKey",
        "SeatOrder",
        "SeatRole",
        "Shot",
        "SnapshotOrder",
        "StillRequest",
    ),
    "video.rooms": ("Rooms",),
    "video.service": (
        "admit",
        "attend",
        "close_room",
        "create_room",
        "known_room",
        "room_view",
        "seat_of",
        "start_recording",
        "stop_recording",
    ),
}

__all__ = [
    "EVENT_KEPT", "Invitation", "Joined", "NewRoom", "RoomOrder", "RoomView", "Rooms", "SeatKey", "SeatOrder", "SeatRole", "Sheet", "Shot",
    "SnapshotOrder", "StillRequest", "admit", "ask_still", "attend", "build_router", "close_room", "create_room",
    "known_room", "room_view", "seat_of", "sheet", "snapshot", "start_recording", "stop_recording",
]  # fmt: skip


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
