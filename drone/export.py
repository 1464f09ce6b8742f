"""Owns plan files other ground stations open: QGroundControl .plan and QGC WPL 110.

Never sends anything to a vehicle.
"""

from __future__ import annotations

import json

from drone.mission import Command, Frame, MissionItem, fence_items, mission_items, rally_items
from drone.model import Plan

_ARDUPILOT, _QUADROTOR = 3, 2  # MAV_AUTOPILOT, MAV_TYPE


def qgc_plan(plan: Plan, sortie: int) -> str:
    """One sortie as a .plan document (version 1; mission version 2, geoFence version 2, rallyPoints version 2)."""
    flown = plan.sorties[sortie]
    items = mission_items(plan, flown)
    lon, lat, alt = plan.home_lonlat_alt
    document = {
        "fileType": "Plan",
        "version": 1,
        "groundStation": "YunJian",
        "mission": {
            "version": 2,
            "firmwareType": _ARDUPILOT,
            "vehicleType": _QUADROTOR,
            "cruiseSpeed": max(leg.speed_m_s for leg in flown.legs),
            "hoverSpeed": min(leg.speed_m_s for leg in flown.legs),
            "plannedHomePosition": [lat, lon, alt],
            "items": [_simple_item(index, item) for index, item in enumerate(items[1:], start=1)],
        },
        "geoFence": {"version": 2, "circles": [], "polygons": _polygons(fence_items(plan))},
        "rallyPoints": {"version": 2, "points": [[item.x / 1e7, item.y / 1e7, item.z] for item in rally_items(plan)]},
    }
    return json.dumps(document, indent=1)


def wpl(plan: Plan, sortie: int) -> str:
    """One sortie as tab-separated rows: index, current, frame, command, p1-p4, latitude, longitude, height, autocontinue."""
    rows = ["QGC WPL 110"]
    for index, item in enumerate(mission_items(plan, plan.sorties[sortie])):
        x, y = _place(item)
        params = "\t".join(f"{value:.8f}" for value in item.params)
        current = 1 if index == 0 else 0
        rows.append(f"{index}\t{current}\t{item.frame}\t{item.command}\t{params}\t{x:.8f}\t{y:.8f}\t{item.z:.6f}\t1")
    return "\n".join(rows) + "\n"


def _simple_item(index: int, item: MissionItem) -> dict[str, object]:
    x, y = _place(item)
    return {
        "type": "SimpleItem",
        "autoContinue": True,
        "command": int(item.command),
        "doJumpId": index,
        "frame": int(item.frame),
        "params": [*item.params, x, y, item.z],
    }


def _place(item: MissionItem) -> tuple[float, float]:
    """Degrees for a place, the bare numbers for parameters 5 and 6 of other commands."""
    scale = 1.0 if item.frame == Frame.MISSION else 1e7
    return item.x / scale, item.y / scale


def _polygons(items: list[MissionItem]) -> list[dict[str, object]]:
    polygons: list[dict[str, object]] = []
    at = 0
    while at < len(items):
        count = int(items[at].params[0])
        corners = [[item.x / 1e7, item.y / 1e7] for item in items[at : at + count]]
        polygons.append({"version": 1, "inclusion": items[at].command == Command.FENCE_INCLUSION, "polygon": corners})
        at += count
    return polygons
