"""Owns what is sent to the vehicle: mission and fence items of a sortie, their hash, and the comparison of a read-back.

Never encodes MAVLink. Command numbers are MAV_CMD, frames MAV_FRAME of the MAVLink common message set.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from core.geo import EnuFrame, LonLat, distance_m
from drone.model import Leg, Plan, Sortie, Vector
from drone.packs import Limits
from drone.packs import limits as load_limits
from drone.planner import home_enu, plan_frame


class Command(IntEnum):
    """MAV_CMD."""

    NAV_WAYPOINT = 16
    NAV_RTL = 20
    NAV_LAND = 21
    NAV_TAKEOFF = 22
    CONDITION_YAW = 115
    DO_SET_MODE = 176
    DO_CHANGE_SPEED = 178
    DO_DIGICAM_CONTROL = 203
    DO_SET_CAM_TRIGG_DIST = 206
    MISSION_START = 300
    COMPONENT_ARM_DISARM = 400
    ILLUMINATOR_ON_OFF = 405
    SET_MESSAGE_INTERVAL = 511
    REQUEST_MESSAGE = 512
    SET_CAMERA_SOURCE = 534
    DO_GIMBAL_MANAGER_PITCHYAW = 1000
    DO_GIMBAL_MANAGER_CONFIGURE = 1001
    FENCE_INCLUSION = 5001
    FENCE_EXCLUSION = 5002
    RALLY_POINT = 5100


class MissionType(IntEnum):
    """MAV_MISSION_TYPE."""

    MISSION = 0
    FENCE = 1
    RALLY = 2


class Frame(IntEnum):
    """MAV_FRAME; the _INT twins 5 and 6 mean the same."""

    GLOBAL = 0
    MISSION = 2
    GLOBAL_RELATIVE_ALT = 3


# MAV_MISSION_RESULT by name, for messages to people.
RESULT_NAMES = {
    0: "ACCEPTED", 1: "ERROR", 2: "UNSUPPORTED_FRAME", 3: "UNSUPPORTED", 4: "NO_SPACE", 5: "INVALID", 6: "INVALID_PARAM1",
    7: "INVALID_PARAM2", 8: "INVALID_PARAM3", 9: "INVALID_PARAM4", 10: "INVALID_PARAM5_X", 11: "INVALID_PARAM6_Y",
    12: "INVALID_PARAM7", 13: "INVALID_SEQUENCE", 14: "DENIED", 15: "OPERATION_CANCELLED",
}  # fmt: skip

_SAME_FRAME = {5: 0, 6: 3}
_POSITION_TOLERANCE_E7 = 2  # 2e-7 degrees: the vehicle stores single precision in places
_HEIGHT_TOLERANCE_M = 0.01
_TRIGGER_STRETCH = 1.002  # the last photo of a leg is taken at its end point, not by distance just before it
_ROUNDING_M = 0.03  # places are sent in 1e-7 degrees: a leg may come out so much longer
_ON_LEG_M = 0.05


@dataclass(frozen=True, slots=True)
class MissionItem:
    """One MISSION_ITEM_INT: x = latitude, y = longitude in 1e-7 degrees (or plain parameters), z in metres."""

    command: int
    frame: int
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    x: int = 0
    y: int = 0
    z: float = 0.0


def mission_items(plan: Plan, sortie: Sortie) -> list[MissionItem]:
    """Items of one sortie; item 0 is home. Yaw stands before every waypoint: ArduCopter forgets it at each one."""
    frame, home = plan_frame(plan), home_enu(plan)
    items = [_place(frame, home, home, Command.NAV_WAYPOINT, Frame.GLOBAL)]
    above_home = (home[0], home[1], sortie.legs[0].points_enu_m[0][2])
    items.append(_place(frame, above_home, home, Command.NAV_TAKEOFF))
    left = list(sortie.triggers_enu_m)
    in_row = False
    for leg in sortie.legs:
        items.append(_do(Command.DO_CHANGE_SPEED, 1.0, leg.speed_m_s, -1.0))
        items.append(_gimbal(leg.gimbal_pitch_deg))
        if leg.kind == "pass":
            items += _pass_items(frame, home, leg, _take(left, leg), shot_at_start=not in_row)
            in_row = True
            continue
        in_row = False
        for index, point in enumerate(leg.points_enu_m[1:], start=2):
            items.append(_yaw(leg.yaw_deg_true))
            settle = 1.0 if index == len(leg.points_enu_m) else 0.0
            items.append(_place(frame, point, home, Command.NAV_WAYPOINT, hold_s=settle))
    items.append(_do(Command.NAV_RTL))
    return items


def rally_items(plan: Plan) -> list[MissionItem]:
    """One rally point: home, at the height that clears everything. Without it a vehicle may choose the take-off spot of a pilot."""
    x, y = _e7(LonLat(*plan.home_lonlat_alt[:2]))
    return [MissionItem(Command.RALLY_POINT, Frame.GLOBAL_RELATIVE_ALT, x=x, y=y, z=plan.return_altitude_m)]


@dataclass(frozen=True, slots=True)
class Progress:
    """What must be true once a navigation item is current: gimbal pitch in degrees, photos taken at least."""

    gimbal_pitch_deg: float
    photos: int


def progress_table(items: list[MissionItem]) -> dict[int, Progress]:
    """Progress by sequence number of the navigation items."""
    found: dict[int, Progress] = {}
    pitch, spacing, photos = 0.0, 0.0, 0
    last: LonLat | None = None
    for seq, item in enumerate(items):
        if item.command == Command.DO_GIMBAL_MANAGER_PITCHYAW:
            pitch = item.params[0]
        elif item.command == Command.DO_DIGICAM_CONTROL:
            photos += 1
        elif item.command == Command.DO_SET_CAM_TRIGG_DIST:
            spacing = item.params[0]
        elif item.command in {Command.NAV_WAYPOINT, Command.NAV_TAKEOFF, Command.NAV_RTL}:
            found[seq] = Progress(pitch, photos)
            here = LonLat(item.y / 1e7, item.x / 1e7) if item.command != Command.NAV_RTL else last
            if spacing > 0 and last is not None and here is not None:
                photos += int(distance_m(last, here) / spacing)
            last = here
    return found


def _pass_items(frame: EnuFrame, home: Vector, leg: Leg, triggers: list[Vector], *, shot_at_start: bool) -> list[MissionItem]:
    shot_at_start = shot_at_start and bool(triggers) and math.dist(triggers[0], leg.points_enu_m[0]) < _ON_LEG_M
    items: list[MissionItem] = [_shoot()] if shot_at_start else []
    rest = triggers[1:] if shot_at_start else triggers
    if len(rest) > 1:
        spacing = math.dist(leg.points_enu_m[0], leg.points_enu_m[-1]) / len(rest)
        items.append(_do(Command.DO_SET_CAM_TRIGG_DIST, max(spacing * _TRIGGER_STRETCH, spacing + _ROUNDING_M / len(rest))))
    items.append(_yaw(leg.yaw_deg_true))
    items.append(_place(frame, leg.points_enu_m[-1], home, Command.NAV_WAYPOINT))
    if len(rest) > 1:
        items.append(_do(Command.DO_SET_CAM_TRIGG_DIST, 0.0))
    if rest:
        items.append(_shoot())
    return items


def _take(left: list[Vector], leg: Leg) -> list[Vector]:
    """Remove from the front of `left` the triggers that lie on this leg."""
    start, end = np.array(leg.points_enu_m[0]), np.array(leg.points_enu_m[-1])
    chord = end - start
    length_sq = max(float(chord @ chord), 1e-9)
    taken: list[Vector] = []
    while left:
        relative = np.array(left[0]) - start
        along = float(np.clip(relative @ chord / length_sq, 0.0, 1.0))
        if float(np.linalg.norm(relative - along * chord)) > _ON_LEG_M:
            break
        taken.append(left.pop(0))
    return taken


def fence_items(plan: Plan, limits: Limits | None = None) -> list[MissionItem]:
    """Exclusion polygons of the plan, and around everything flown an inclusion box that leaves room for overshoot."""
    rules = limits or load_limits()
    frame = plan_frame(plan)
    home = home_enu(plan)
    points = [point for sortie in plan.sorties for leg in sortie.legs for point in leg.points_enu_m] + [home]
    fastest = max((leg.speed_m_s for sortie in plan.sorties for leg in sortie.legs), default=1.0)
    room = rules.overshoot_m(fastest) + rules.monitor.back_off_m + 2.0
    flat = np.array(points)[:, :2]
    low, high = flat.min(axis=0) - room, flat.max(axis=0) + room
    box = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    polygons = [(Command.FENCE_INCLUSION, box)]
    polygons += [(Command.FENCE_EXCLUSION, list(polygon.points_enu_m)) for polygon in plan.exclusion_polygons]
    items: list[MissionItem] = []
    for command, corners in polygons:
        for east, north in corners:
            x, y = _e7(frame.to_lonlat(np.array([east, north])))
            items.append(MissionItem(command, Frame.GLOBAL, (float(len(corners)), 0.0, 0.0, 0.0), x, y, 0.0))
    return items


def home_only(plan: Plan) -> list[MissionItem]:
    """What AUTO would do over a ship that is flown in GUIDED: return."""
    home = home_enu(plan)
    return [_place(plan_frame(plan), home, home, Command.NAV_WAYPOINT, Frame.GLOBAL), _do(Command.NAV_RTL)]


def sweep_fence(plan: Plan, limits: Limits | None = None) -> list[MissionItem]:
    """For a ship that swings: one inclusion box around home and every place the path may be at any heading of the ship about its
    stem. A fence cannot turn with the ship, so the hull is watched by the flight itself.
    """
    rules = limits or load_limits()
    frame, home = plan_frame(plan), np.array(home_enu(plan))[:2]
    if plan.ship.pose is None:
        raise ValueError("the plan has no ship pose")
    stem = plan.ship.pose.pose().ship_to_enu[:2, 0] * plan.ship.geometry.loa_m
    path = np.array([point for sortie in plan.sorties for leg in sortie.legs for point in leg.points_enu_m])[:, :2]
    reach = float(np.max(np.linalg.norm(path - stem, axis=1))) + 2.0 * rules.monitor.back_off_m
    room = rules.overshoot_m(max(leg.speed_m_s for sortie in plan.sorties for leg in sortie.legs)) + 2.0
    low, high = np.minimum(stem - reach, home) - room, np.maximum(stem + reach, home) + room
    box = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    corners = [_e7(frame.to_lonlat(np.array(corner))) for corner in box]
    return [MissionItem(Command.FENCE_INCLUSION, Frame.GLOBAL, (4.0, 0.0, 0.0, 0.0), x, y, 0.0) for x, y in corners]


def mission_hash(mission: list[MissionItem], fence: list[MissionItem]) -> str:
    """SHA-256 over all items but home (which the vehicle sets itself)."""
    lines = [_canonical(item) for item in [*mission[1:], *fence]]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _canonical(item: MissionItem) -> str:
    params = ",".join(f"{value:.4f}" for value in item.params)
    frame = _SAME_FRAME.get(item.frame, item.frame)
    return f"{item.command}|{frame}|{params}|{item.x}|{item.y}|{item.z:.3f}"


def differences(sent: list[MissionItem], read: list[MissionItem], mission_type: MissionType) -> list[int]:
    """Sequence numbers that do not read back as sent; item 0 of a mission is home and is skipped."""
    first = 1 if mission_type is MissionType.MISSION else 0
    if len(sent) != len(read):
        return list(range(first, max(len(sent), len(read))))
    return [seq for seq in range(first, len(sent)) if not _same(sent[seq], read[seq])]


def _same(sent: MissionItem, read: MissionItem) -> bool:
    frames = _SAME_FRAME.get(sent.frame, sent.frame), _SAME_FRAME.get(read.frame, read.frame)
    # ArduPilot stores no frame for commands without a place.
    placed = sent.x != 0 or sent.y != 0
    if sent.command != read.command or (placed and frames[0] != frames[1]):
        return False
    near = abs(sent.x - read.x) <= _POSITION_TOLERANCE_E7 and abs(sent.y - read.y) <= _POSITION_TOLERANCE_E7
    level = abs(sent.z - read.z) <= _HEIGHT_TOLERANCE_M
    params = all(math.isclose(a, b, rel_tol=1e-3, abs_tol=2e-2) for a, b in zip(sent.params, read.params, strict=True))
    return near and level and params


def _place(
    frame: EnuFrame,
    point: Vector,
    home: Vector,
    command: Command,
    where: Frame = Frame.GLOBAL_RELATIVE_ALT,
    hold_s: float = 0.0,
) -> MissionItem:
    x, y = _e7(frame.to_lonlat(np.array(point)))
    return MissionItem(command, where, (hold_s, 0.0, 0.0, 0.0), x, y, round(point[2] - home[2], 2))


def _do(command: Command, *params: float) -> MissionItem:
    first, second, third, fourth = (*params, 0.0, 0.0, 0.0, 0.0)[:4]
    return MissionItem(command, Frame.MISSION, (first, second, third, fourth))


def _shoot() -> MissionItem:
    """DO_DIGICAM_CONTROL, parameter 5 (x) = 1: take one photo."""
    return MissionItem(Command.DO_DIGICAM_CONTROL, Frame.MISSION, x=1)


def _yaw(yaw_deg_true: float) -> MissionItem:
    """CONDITION_YAW: absolute angle, the vehicle's own rate, shortest way."""
    return _do(Command.CONDITION_YAW, yaw_deg_true)


def _gimbal(pitch_deg: float) -> MissionItem:
    return _do(Command.DO_GIMBAL_MANAGER_PITCHYAW, pitch_deg)


def _e7(point: LonLat) -> tuple[int, int]:
    return round(point.lat * 1e7), round(point.lon * 1e7)
