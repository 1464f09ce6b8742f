"""Owns the plan of a flight through a ship's plume: passes across the wind, so far down the wind from the funnel.

Never flies: the plan goes through the same gate, fence and monitor as a survey. It has no photos and no lanes.
"""

from __future__ import annotations

import math

import numpy as np

from core.errors import Refused
from core.geo import Float
from drone.guard import inside_polygon
from drone.model import Coverage, Leg, Plan, Sortie, Vector, Wind
from drone.packs import limits
from drone.payload import payload_rules
from drone.planner import home_enu


def sniff_plan(plan: Plan, wind: Wind) -> Plan:
    """A plan for the same ship and launch point. Everything flown is above what stands on the ship, or clear of it down the wind.

    Raises:
        Refused: `drone.sniff.wind`, too little wind to carry a plume; `drone.sniff.exclusion`, the plume drifts over the quay or
            another place the drone may not enter.
    """
    rules, numbers = payload_rules(), limits().planner
    if plan.ship.pose is None:
        raise Refused("drone.plan.refused", reasons="no ship pose")
    if wind.speed_m_s < rules.sniff_least_wind_m_s:
        raise Refused("drone.sniff.wind", speed=f"{wind.speed_m_s:.1f}", least=f"{rules.sniff_least_wind_m_s:g}")
    geometry = plan.ship.geometry
    funnel = np.array([rules.funnel_x_share * geometry.loa_m, 0.0, geometry.depth_m + rules.funnel_above_deck_m])
    top = plan.ship.pose.pose().to_enu(funnel, geometry.draught_m)[0]
    towards = math.radians(wind.from_deg_true + 180.0)
    down, across = np.array([math.sin(towards), math.cos(towards), 0.0]), np.array([math.cos(towards), -math.sin(towards), 0.0])
    middle = top + down * rules.sniff_distance_m + np.array([0.0, 0.0, rules.plume_rise_m])
    ends = [middle - across * rules.sniff_half_width_m, middle + across * rules.sniff_half_width_m]
    home = np.array(home_enu(plan))
    over = max(plan.return_altitude_m, float(middle[2]))
    if any(inside_polygon(point, zone.points_enu_m) for point in _along(ends) for zone in plan.exclusion_polygons):
        raise Refused("drone.sniff.exclusion")
    yaw = (wind.from_deg_true + 180.0) % 360.0
    start, last = ends[0], ends[rules.sniff_passes % 2]
    legs = [
        _leg([_at(home, over), _at(start, over), start], numbers.ferry_speed_m_s, yaw),
        *(_leg([ends[n % 2], ends[(n + 1) % 2]], rules.sniff_speed_m_s, yaw) for n in range(rules.sniff_passes)),
        _leg([last, _at(last, over), _at(home, over)], numbers.ferry_speed_m_s, yaw),
    ]
    metres = [
        float(np.sum(np.linalg.norm(np.diff(np.array(leg.points_enu_m), axis=0), axis=1))) / leg.speed_m_s for leg in legs
    ]
    climbs = 2.0 * (over - float(home[2])) / numbers.climb_speed_m_s
    sortie = Sortie(legs=legs, triggers_enu_m=[], time_s=round(sum(metres) + climbs + numbers.turn_s * len(legs), 1))
    nothing = Coverage(seen2_pct=0.0, seen1_pct=0.0, area_m2=0.0)
    return plan.model_copy(update={"sorties": [sortie], "coverage": nothing, "lower_bound_s": 0.0, "refusals": []})


def _along(ends: list[Float]) -> list[Float]:
    return [ends[0] + share * (ends[1] - ends[0]) for share in np.linspace(0.0, 1.0, 15)]


def _at(place: Float, height: float) -> Float:
    return np.array([place[0], place[1], height])


def _leg(points: list[Float], speed: float, yaw: float) -> Leg:
    corners: list[Vector] = [(round(float(p[0]), 3), round(float(p[1]), 3), round(float(p[2]), 3)) for p in points]
    return Leg(kind="ferry", points_enu_m=corners, speed_m_s=speed, yaw_deg_true=round(yaw, 2), gimbal_pitch_deg=0.0)
