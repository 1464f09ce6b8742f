"""Owns the cut of lanes into batteries: pieces in their best order, the ways between them, and each sortie from home and back.

Never decides where photos are taken. Sorties are cut at the ends of pieces only; after a change the last photos are taken again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.geo import Float
from core.ship import ShipPose
from drone.airspace import Airspace, Ways
from drone.lanes import Lane, Shot, outline_distance_m, simplify
from drone.legs import PassLeg, legs_of_lane
from drone.model import Leg, LegKind, Sortie, Vector
from drone.order import Order, best_order
from drone.packs import Limits, PlannerNumbers
from drone.sizing import fence_speed_m_s

_DIRECT_M = 6.0  # ends this close are joined by a straight turn; both lie a stand-off away from the hull
_APPROACH_M = 10.0


@dataclass(frozen=True, slots=True)
class Route:
    """What every sortie flies around: level areas to stay out of (plan frame), launch point (3,) in the plan frame, pass speed,
    and the deck outline (plan frame), near which passes are slower. Passes may run inside the first `own_areas` areas.
    """

    airspace: Airspace
    home_enu_m: Float
    draught_m: float
    speed_m_s: float
    ferry_speed_m_s: float
    pose: ShipPose
    limits: Limits
    deck: Float
    safety_m: float
    own_areas: int = 1

    @property
    def rules(self) -> PlannerNumbers:
        return self.limits.planner

    def pass_speed_m_s(self, leg: PassLeg) -> float:
        """The speed of passes, or less where the fence around the ship is nearer than the overshoot."""
        ends = np.array([leg.start_enu_m[:2], leg.end_enu_m[:2]])
        room = float(np.min(outline_distance_m(self.deck, ends))) - self.safety_m
        return min(self.speed_m_s, fence_speed_m_s(room, self.limits))

    def legs(self, lane: Lane) -> list[PassLeg]:
        return legs_of_lane(lane, self.pose, self.draught_m, self.rules)


@dataclass(frozen=True, slots=True)
class Flown:
    """The whole flight. `complete` is False when a piece cannot be reached or does not fit into a battery."""

    sorties: list[Sortie]
    passes: list[PassLeg]
    order: Order
    complete: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    ahead: list[PassLeg]
    back: list[PassLeg]

    def legs(self, *, backwards: bool) -> list[PassLeg]:
        return self.back if backwards else self.ahead

    @property
    def ends_enu_m(self) -> list[Float]:
        return [self.ahead[0].start_enu_m, self.ahead[-1].end_enu_m]


@dataclass(frozen=True, slots=True)
class _Joins:
    """Ways between home and all ends of pieces, and the seconds they take."""

    places: Float
    out: Float
    ways: Ways
    route: Route

    @classmethod
    def of(cls, places: Float, route: Route) -> _Joins:
        out = np.array([route.airspace.way_out(place[:2]) for place in places])
        return cls(places, out, route.airspace.ways(out), route)

    def path(self, start: int, end: int) -> Float | None:
        """(n, 3) from place to place: level at the higher of both, then down or up at the end."""
        first, last = self.places[start], self.places[end]
        height = max(float(first[2]), float(last[2]))
        if float(np.hypot(*(last - first)[:2])) < _DIRECT_M:
            return np.array([first, last])
        way = self.ways.between(start, end)
        if way is None:
            return None
        level = np.concatenate([first[None, :2], way, last[None, :2]])
        points = np.column_stack([level, np.full(len(level), height)])
        points[-1, 2] = last[2]
        keep = np.concatenate([[True], np.linalg.norm(np.diff(points, axis=0), axis=1) > 1e-6])
        return simplify(points[keep], 0.2)

    def seconds(self) -> Float:
        """(n, n) at ferry speed, with what a change of direction costs."""
        speed = self.route.ferry_speed_m_s
        stubs = np.linalg.norm(self.places[:, :2] - self.out, axis=1)
        level = self.ways.lengths_m + stubs[:, None] + stubs[None, :]
        flat = np.linalg.norm(self.places[:, None, :2] - self.places[None, :, :2], axis=2)
        climb = np.abs(self.places[:, None, 2] - self.places[None, :, 2])
        near = np.hypot(flat, climb) / (speed / 2.0)
        found = np.where(flat < _DIRECT_M, near, (level + climb) / speed) + self.route.rules.turn_s
        return np.asarray(found)


@dataclass(slots=True)
class _Open:
    """A sortie while it is being filled; `at` = index of the place reached."""

    legs: list[Leg]
    triggers: list[Vector]
    at: int
    time_s: float


def fly_lanes(lanes: list[Lane], route: Route, usable_s: float) -> Flown:
    """All lanes in the order and direction that takes the least time, in as few batteries as they need."""
    parts = [part for lane in lanes for part in _clear_parts(lane, route)]
    longest = usable_s - route.rules.sortie_fixed_s - 2.0 * _farthest_s(parts, route)
    pieces = [_piece(part, route) for whole in parts for part in _split(whole, longest * route.speed_m_s)]
    places = np.array([route.home_enu_m, *(end for piece in pieces for end in piece.ends_enu_m)])
    if not pieces:
        return Flown([], [], best_order(np.zeros((1, 1))), complete=False)
    joins = _Joins.of(np.roll(places, -1, axis=0), route)
    seconds = joins.seconds()
    order = best_order(np.where(np.isfinite(seconds), seconds, 1e6))
    return _cut(pieces, order, joins, usable_s)


def _cut(pieces: list[_Piece], order: Order, joins: _Joins, usable_s: float) -> Flown:
    home = len(joins.places) - 1
    sorties: list[Sortie] = []
    flown: list[PassLeg] = []
    complete = longest_ok = True
    current = _Open([], [], home, 0.0)
    for number, backwards in order.visits:
        legs = pieces[number].legs(backwards=backwards)
        entry, leave = (2 * number + 1, 2 * number) if backwards else (2 * number, 2 * number + 1)
        longer = _append(current, legs, joins, entry, leave)
        if longer is not None and current.triggers and _total_s(longer, joins) > usable_s:
            sorties.append(_close(current, joins))
            current = _resume(flown[-1], current.at, joins)
            longer = _append(current, legs, joins, entry, leave)
        if longer is None:
            complete = False
            continue
        current = longer
        longest_ok = longest_ok and _total_s(current, joins) <= usable_s
        flown += legs
    if current.triggers:
        sorties.append(_close(current, joins))
    return Flown(sorties, flown, order, complete=complete and longest_ok)


def _clear_parts(lane: Lane, route: Route) -> list[Lane]:
    """The lane without what areas other than the ship's own forbid, cut wherever a straight leg would enter one."""
    others = Airspace(route.airspace.areas[route.own_areas :])
    if not others.areas:
        return [lane]
    centres = route.pose.to_enu(np.array([shot.centre_m for shot in lane.shots]), route.draught_m)[:, :2]
    may = others.outside(centres)
    through = others.clear(centres[:-1], centres[1:])
    parts: list[list[Shot]] = [[]]
    for index, shot in enumerate(lane.shots):
        if not may[index] or (index and not through[index - 1]):
            parts.append([])
        if may[index]:
            parts[-1].append(shot)
    whole = len(parts) == 1
    return [replace(lane, shots=tuple(part), closed=lane.closed and whole) for part in parts if len(part) > 1]


def _split(lane: Lane, longest_m: float) -> list[Lane]:
    """Halves of a lane until each fits into a battery."""
    shots = lane.shots
    centres = np.array([shot.centre_m for shot in shots])
    length = float(np.sum(np.linalg.norm(np.diff(centres, axis=0), axis=1)))
    if length <= longest_m or len(shots) < 4:
        return [lane]
    middle = len(shots) // 2
    halves = (replace(lane, shots=shots[: middle + 1], closed=False), replace(lane, shots=shots[middle:], closed=False))
    return [part for half in halves for part in _split(half, longest_m)]


def _farthest_s(parts: list[Lane], route: Route) -> float:
    """Seconds from home to the farthest shot, half as much again for the way around the ship; and the climb."""
    centres = [
        route.pose.to_enu(shot.centre_m, route.draught_m)[0] for part in parts for shot in (part.shots[0], part.shots[-1])
    ]
    if not centres:
        return 0.0
    away = max(float(np.hypot(*(centre - route.home_enu_m)[:2])) for centre in centres)
    height = max(float(centre[2]) for centre in centres)
    return min(1.5 * away / route.ferry_speed_m_s + height / route.rules.climb_speed_m_s, 1e6)


def _piece(lane: Lane, route: Route) -> _Piece:
    return _Piece(route.legs(lane), route.legs(replace(lane, shots=lane.shots[::-1])))


def _append(current: _Open, passes: list[PassLeg], joins: _Joins, entry: int, leave: int) -> _Open | None:
    route = joins.route
    join = _join(joins, current.at, entry, passes[0])
    if join is None:
        return None
    legs = [
        *_approach(join, route.speed_m_s),
        *(_leg("pass", np.array([p.start_enu_m, p.end_enu_m]), route.pass_speed_m_s(p), p) for p in passes),
    ]
    triggers = [_vector(point) for p in passes for point in p.triggers_enu_m]
    time_s = sum(_leg_s(leg) for leg in legs) + route.rules.turn_s
    return _Open([*current.legs, *legs], [*current.triggers, *triggers], leave, current.time_s + time_s)


def _join(joins: _Joins, start: int, end: int, like: PassLeg) -> Leg | None:
    """Ferry or turn between two places, with the view of the leg it leads to."""
    points = joins.path(start, end)
    if points is None:
        return None
    speed = joins.route.ferry_speed_m_s
    short = len(points) == 2 and float(np.hypot(*(points[1] - points[0])[:2])) < _DIRECT_M
    return _leg("turn", points, speed / 2.0, like) if short else _leg("ferry", points, speed, like)


def _approach(join: Leg, slow_m_s: float) -> list[Leg]:
    """A ferry whose last metres are flown at the speed of passes: it would shoot past the start of a lane, towards ship or quay."""
    if join.kind != "ferry":
        return [join]
    before, end = np.array(join.points_enu_m[-2]), np.array(join.points_enu_m[-1])
    length = float(np.linalg.norm(end - before))
    if length <= _APPROACH_M:
        slow = [join.points_enu_m[-2], join.points_enu_m[-1]]
        head = join.points_enu_m[:-1]
    else:
        brake = _vector(end + (before - end) * (_APPROACH_M / length))
        slow, head = [brake, join.points_enu_m[-1]], [*join.points_enu_m[:-1], brake]
    ending = join.model_copy(update={"points_enu_m": slow, "speed_m_s": round(min(slow_m_s, join.speed_m_s), 2)})
    return [ending] if len(head) < 2 else [join.model_copy(update={"points_enu_m": head}), ending]


def _resume(last: PassLeg, at: int, joins: _Joins) -> _Open:
    """A new sortie that takes the last photos again and then stands where the one before ended."""
    again = last.triggers_enu_m[-joins.route.rules.repeat_shots :]
    first = again[0] if len(again) > 1 else last.start_enu_m
    leg = PassLeg(first, again[-1], again, last.yaw_deg_true, last.pitch_deg)
    own = _Joins.of(np.array([joins.places[-1], first]), joins.route)
    join = _join(own, 0, 1, leg)
    if join is None:
        return _Open([], [], len(joins.places) - 1, 0.0)
    legs = [*_approach(join, joins.route.speed_m_s), _leg("pass", np.array([first, again[-1]]), joins.route.speed_m_s, leg)]
    time_s = sum(_leg_s(one) for one in legs) + joins.route.rules.turn_s
    return _Open(legs, [_vector(point) for point in again], at, time_s)


def _way_home(current: _Open, joins: _Joins) -> Leg | None:
    last = current.legs[-1]
    at = joins.places[current.at]
    like = PassLeg(at, at, np.empty((0, 3)), last.yaw_deg_true, last.gimbal_pitch_deg)
    leg = _join(joins, current.at, len(joins.places) - 1, like)
    if leg is None:
        return None
    up = float(at[2])
    return leg.model_copy(update={"points_enu_m": [*leg.points_enu_m[:-1], (*leg.points_enu_m[-1][:2], round(up, 3))]})


def _total_s(current: _Open, joins: _Joins) -> float:
    """Seconds from take-off to landing, with the fixed part."""
    home, rules = _way_home(current, joins), joins.route.rules
    heights = current.legs[0].points_enu_m[0][2] + float(joins.places[current.at][2]) - 2.0 * float(joins.places[-1][2])
    return current.time_s + (_leg_s(home) if home else 0.0) + heights / rules.climb_speed_m_s + rules.sortie_fixed_s


def _close(current: _Open, joins: _Joins) -> Sortie:
    home = _way_home(current, joins)
    legs = [*current.legs, home] if home else current.legs
    flight = _total_s(current, joins) - joins.route.rules.sortie_fixed_s
    return Sortie(legs=legs, triggers_enu_m=current.triggers, time_s=round(flight, 1))


def _leg(kind: LegKind, points: Float, speed: float, like: PassLeg) -> Leg:
    return Leg(
        kind=kind,
        points_enu_m=[_vector(point) for point in points],
        speed_m_s=round(speed, 2),
        yaw_deg_true=round(like.yaw_deg_true, 2) % 360.0,
        gimbal_pitch_deg=round(like.pitch_deg, 2),
    )


def _leg_s(leg: Leg) -> float:
    points = np.array(leg.points_enu_m)
    return float(np.sum(np.linalg.norm(np.diff(points, axis=0), axis=1))) / leg.speed_m_s


def _vector(point: Float) -> Vector:
    return (round(float(point[0]), 3), round(float(point[1]), 3), round(float(point[2]), 3))
