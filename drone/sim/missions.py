"""Owns the vehicle's side of mission transfer as ArduCopter 4.7 behaves (drone spec, section 2b). No I/O.

Deprecated MISSION_REQUEST; item 0 is home; asks again every 1000 ms; gives up after 8000 ms; an item out of order is
answered INVALID_SEQUENCE and the transfer goes on; an unknown command is refused UNSUPPORTED.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from drone.mission import Command, MissionItem, MissionType

_ASK_AGAIN_S = 1.0
_GIVE_UP_S = 8.0
_MAX_ITEMS = 1200
NO_SPACE, UNSUPPORTED, OK, INVALID_SEQUENCE, CANCELLED, DENIED, ERROR = 4, 3, 0, 13, 15, 14, 1


class Nav(IntEnum):
    """MAV_CMD of items that move the vehicle, beside those of `drone.mission`."""

    LOITER_UNLIM = 17
    LOITER_TURNS = 18
    LOITER_TIME = 19
    SPLINE_WAYPOINT = 82
    DELAY = 93


NAV_COMMANDS = frozenset(
    [Command.NAV_WAYPOINT, Command.NAV_RTL, Command.NAV_LAND, Command.NAV_TAKEOFF, *Nav]
)  # what occupies the navigation slot
# CONDITION_DELAY/DISTANCE/YAW, DO_CHANGE_SPEED/SET_ROI_LOCATION/..., as the spec lists them; 196 is not among them.
_DO_COMMANDS = frozenset(
    [112, 114, 115, 178, 179, 181, 183, 184, 188, 189, 195, 197, 201, 203, 205, 206, 207, 530, 531, 1000, 2000]
)
_FENCE_COMMANDS = frozenset([5001, 5002, 5003, 5004])


@dataclass(frozen=True, slots=True)
class Ask:
    """MISSION_REQUEST to the ground station."""

    seq: int
    mission_type: MissionType


@dataclass(frozen=True, slots=True)
class Answer:
    """MISSION_ACK to the ground station, with a STATUSTEXT or an empty text."""

    result: int
    mission_type: MissionType
    text: str = ""


Out = Ask | Answer


@dataclass(slots=True)
class MissionStore:
    """All lists the vehicle holds. `full` refuses every mission for want of space (a fault)."""

    home: MissionItem
    full: bool = False
    stored: dict[MissionType, list[MissionItem]] = field(default_factory=lambda: {kind: [] for kind in MissionType})
    _kind: MissionType | None = None
    _count: int = 0
    _incoming: list[MissionItem] = field(default_factory=list)
    _heard: float = 0.0
    _asked: float = 0.0

    def on_count(self, count: int, kind: MissionType, now: float) -> list[Out]:
        if count > _MAX_ITEMS or (self.full and kind is MissionType.MISSION):
            return [Answer(NO_SPACE, kind, "Mission: not enough space")]
        if count == 0:
            self.stored[kind] = []
            return [Answer(OK, kind)]
        self._kind, self._count, self._incoming = kind, count, []
        self._heard = self._asked = now
        return [Ask(0, kind)]

    def on_item(self, seq: int, item: MissionItem, kind: MissionType, now: float) -> list[Out]:
        if self._kind is not kind:
            return [Answer(ERROR, kind)]
        if seq != len(self._incoming):
            return [Answer(INVALID_SEQUENCE, kind)]
        self._heard = self._asked = now
        known = _FENCE_COMMANDS if kind is MissionType.FENCE else NAV_COMMANDS | _DO_COMMANDS
        if kind is not MissionType.RALLY and item.command not in known:
            self._kind = None
            return [Answer(UNSUPPORTED, kind, f"Mission: command {item.command} not supported")]
        self._incoming.append(item)
        if len(self._incoming) < self._count:
            return [Ask(len(self._incoming), kind)]
        if kind is MissionType.MISSION:
            self._incoming[0] = self.home
        self.stored[kind] = self._incoming
        self._kind = None
        text = "Fence Indexed OK" if kind is MissionType.FENCE else ""
        return [Answer(OK, kind, text)]

    def poll(self, now: float) -> list[Out]:
        if self._kind is None:
            return []
        kind = self._kind
        if now - self._heard >= _GIVE_UP_S:
            self._kind = None
            return [Answer(CANCELLED, kind, "Mission upload timeout")]
        if now - self._asked >= _ASK_AGAIN_S:
            self._asked = now
            return [Ask(len(self._incoming), kind)]
        return []

    def clear(self, kind: MissionType, *, flying_it: bool) -> Out:
        """Empty a list; the mission is not cleared while AUTO flies it."""
        if flying_it and kind is MissionType.MISSION:
            return Answer(ERROR, kind)
        self.stored[kind] = []
        return Answer(OK, kind)
