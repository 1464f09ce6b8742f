"""Owns the order of rows, the ferries between them and the cut into batteries.

Never decides where photos are taken. Sorties are cut at row ends only; after a change the last photos are taken again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.geo import Float
from core.ship import ShipPose
from drone.lanes import Ring, Row, simplify
from drone.legs import PassLeg, legs_of_row
from drone.model import Leg, LegKind, Sortie, Vector
from drone.packs import PlannerNumbers

_DIRECT_M = 6.0  # row ends this close are joined by a straight turn; both lie a stand-off away from a convex hull


@dataclass(frozen=True, slots=True)
class Route:
    """What every sortie flies around: ring, launch point (ship frame, at the waterline), pass speed."""

    ring: Ring
    home_m: Float
    draught_m: float
    speed_m_s: float
    pose: ShipPose
    rules: PlannerNumbers

    def legs(self, row: Row) -> list[PassLeg]:
        return legs_of_row(row, self.pose, self.draught_m, self.rules)

    def enu(self, ship_m: Float) -> Float:
        return self.pose.to_enu(ship_m, self.draught_m)

    @property
    def home_enu_m(self) -> Float:
        return np.asarray(self.enu(self.home_m)[0])

    def join(self, start_enu_m: Float, end_enu_m: Float, like: PassLeg) -> Leg | None:
        """Ferry or turn between two places at the height of `end`, with the view of the leg it leads to."""
        flat = float(np.hypot(*(end_enu_m - start_enu_m)[:2]))
        if flat < _DIRECT_M:
            return _leg("turn", np.array([start_enu_m, end_enu_m]), self.rules.ferry_speed_m_s / 2.0, like)
        ends = self.pose.from_enu(np.array([start_enu_m, end_enu_m]), self.draught_m)
        way = self.ring.way(ends[0, :2], ends[1, :2])
        if way is None:
            return None
        heights = np.full((len(way), 1), max(ends[0, 2], ends[1, 2]))
        heights[-1] = ends[1, 2]
        points = simplify(self.enu(np.hstack([way, heights])), 0.2)
        return _leg("ferry", points, self.rules.ferry_speed_m_s, like)


@dataclass(slots=True)
class _Open:
    """A sortie while it is being filled."""

    legs: list[Leg]
    triggers: list[Vector]
    at_enu_m: Float
    time_s: float


def split_into_sorties(rows: list[Row], route: Route, usable_s: float) -> tuple[list[Sortie], list[PassLeg], bool]:
    """Fly the rows in their order, each entered from its nearer end, in as few batteries as they need.

    Returns the sorties, the pass legs as flown, and False when a row does not fit into one battery or cannot be reached.
    """
    sorties: list[Sortie] = []
    flown: list[PassLeg] = []
    complete = True
    current = _start(route, None)
    for row in rows:
        added = _add(current, row, route)
        if added is not None and current.triggers and _total_s(added[0], route) > usable_s:
            sorties.append(_close(current, route))
            current = _start(route, flown[-1])
            added = _add(current, row, route)
        if added is None:
            complete = False
            continue
        current, legs = added
        complete = complete and _total_s(current, route) <= usable_s
        flown += legs
    if current.triggers:
        sorties.append(_close(current, route))
    return sorties, flown, complete


def _start(route: Route, resume: PassLeg | None) -> _Open:
    fresh = _Open([], [], route.home_enu_m, 0.0)
    if resume is None:
        return fresh
    again = resume.triggers_enu_m[-route.rules.repeat_shots :]
    first = again[0] if len(again) > 1 else resume.start_enu_m
    leg = PassLeg(first, again[-1], again, resume.yaw_deg_true, resume.pitch_deg)
    return _append(fresh, [leg], route) or fresh


def _add(current: _Open, row: Row, route: Route) -> tuple[_Open, list[PassLeg]] | None:
    """The sortie with one more row, flown from the end that is nearer by ferry."""
    best: tuple[_Open, list[PassLeg]] | None = None
    for way in (row, Row(row.side, row.shots[::-1])):
        legs = route.legs(way)
        longer = _append(current, legs, route)
        if longer is not None and (best is None or longer.time_s < best[0].time_s):
            best = (longer, legs)
    return best


def _append(current: _Open, passes: list[PassLeg], route: Route) -> _Open | None:
    join = route.join(current.at_enu_m, passes[0].start_enu_m, passes[0])
    if join is None:
        return None
    legs = [join, *(_leg("pass", np.array([p.start_enu_m, p.end_enu_m]), route.speed_m_s, p) for p in passes)]
    triggers = [_vector(point) for p in passes for point in p.triggers_enu_m]
    time_s = sum(_leg_s(leg) for leg in legs) + route.rules.turn_s
    return _Open([*current.legs, *legs], [*current.triggers, *triggers], passes[-1].end_enu_m, current.time_s + time_s)


def _way_home(current: _Open, route: Route) -> Leg | None:
    last = current.legs[-1]
    like = PassLeg(current.at_enu_m, current.at_enu_m, np.empty((0, 3)), last.yaw_deg_true, last.gimbal_pitch_deg)
    above = route.home_enu_m + np.array([0.0, 0.0, current.at_enu_m[2]])
    return route.join(current.at_enu_m, above, like)


def _total_s(current: _Open, route: Route) -> float:
    """Seconds from take-off to landing, with the fixed part."""
    home = _way_home(current, route)
    climbs = 2.0 * float(current.at_enu_m[2]) / route.rules.climb_speed_m_s
    return current.time_s + (_leg_s(home) if home else 0.0) + climbs + route.rules.sortie_fixed_s


def _close(current: _Open, route: Route) -> Sortie:
    home = _way_home(current, route)
    legs = [*current.legs, home] if home else current.legs
    flight = _total_s(current, route) - route.rules.sortie_fixed_s
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
