"""Owns plan files of other programs: KML, GeoJSON, and DJI's WPML .kmz with its printed flight card.

Never says that we flew a DJI aircraft: its file is made from the same triggers, and the import checks that each came back.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Literal
from xml.etree import ElementTree as ET

import numpy as np

from core import catalogue
from core.errors import InputError
from core.geo import LonLat
from drone.model import Leg, Plan, Sortie, Vector
from drone.packs import DjiNumbers, dji_numbers
from drone.planner import home_enu, plan_frame

_KML = "http://www.opengis.net/kml/2.2"
_WPML = "http://www.dji.com/wpmz/1.0.2"


def geojson(plan: Plan) -> str:
    """Passes and ferries as lines, triggers as points (with yaw and gimbal pitch), exclusions as polygons; RFC 7946."""
    features: list[dict[str, Any]] = []
    for number, sortie in enumerate(plan.sorties, start=1):
        for leg in sortie.legs:
            line = [_lonlat_alt(plan, point) for point in leg.points_enu_m]
            about: dict[str, Any] = {"kind": leg.kind, "sortie": number, "speed_m_s": leg.speed_m_s}
            features.append(_feature("LineString", line, about))
        for index, (point, leg) in enumerate(triggers_with_legs(sortie)):
            about = {"kind": "trigger", "sortie": number, "index": index, "yaw_deg_true": leg.yaw_deg_true}
            features.append(_feature("Point", _lonlat_alt(plan, point), {**about, "gimbal_pitch_deg": leg.gimbal_pitch_deg}))
    for zone in plan.exclusion_polygons:
        corners = [_lonlat_alt(plan, (east, north, 0.0))[:2] for east, north in zone.points_enu_m]
        features.append(_feature("Polygon", [[*corners, corners[0]]], {"kind": f"exclusion_{zone.kind}"}))
    return json.dumps({"type": "FeatureCollection", "features": features})


def kml(plan: Plan) -> str:
    """The path with heights above the water, one folder per sortie, and the exclusions."""
    ET.register_namespace("", _KML)
    root = ET.Element(f"{{{_KML}}}kml")
    document = _add(root, "Document")
    _add(document, "name", f"{plan.ship.name} {plan.ship.imo or plan.ship.mmsi or ''}".strip())
    for number, sortie in enumerate(plan.sorties, start=1):
        folder = _add(document, "Folder")
        _add(folder, "name", f"sortie {number}")
        for leg in sortie.legs:
            mark = _add(folder, "Placemark")
            _add(mark, "name", leg.kind)
            line = _add(mark, "LineString")
            _add(line, "altitudeMode", "absolute")
            _add(line, "coordinates", " ".join(_text(_lonlat_alt(plan, point)) for point in leg.points_enu_m))
    for zone in plan.exclusion_polygons:
        mark = _add(document, "Placemark")
        _add(mark, "name", f"exclusion {zone.kind}")
        ring = _add(_add(_add(mark, "Polygon"), "outerBoundaryIs"), "LinearRing")
        points = [*zone.points_enu_m, zone.points_enu_m[0]]
        _add(ring, "coordinates", " ".join(_text(_lonlat_alt(plan, (east, north, 0.0))) for east, north in points))
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def wpml_kmz(plan: Plan, sortie: int) -> bytes:
    """One sortie as wpmz/template.kml and wpmz/waylines.wpml: a waypoint with heading, gimbal pitch and photo per trigger,
    bare waypoints for the ferries. Raises InputError `drone.wpml_size` above the format's number of waypoints.
    """
    numbers = dji_numbers()
    flown = plan.sorties[sortie]
    places = _stops(flown)
    if len(places) > numbers.most_waypoints:
        raise InputError("drone.wpml_size", have=len(places), most=numbers.most_waypoints)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, executable in (("template.kml", False), ("waylines.wpml", True)):
            entry = zipfile.ZipInfo(f"wpmz/{name}", (1980, 1, 1, 0, 0, 0))  # the same plan gives the same bytes
            archive.writestr(entry, _wpml(plan, flown, places, numbers, executable=executable))
    return body.getvalue()


def flight_card(plan: Plan, language: Literal["zh", "en"]) -> str:
    """What the pilot of another maker's aircraft sets and checks by hand; Markdown."""
    say = {
        "name": plan.ship.name, "imo": plan.ship.imo or "-", "home": f"{plan.home_lonlat_alt[1]:.6f}, {plan.home_lonlat_alt[0]:.6f}",
        "rtl": f"{plan.return_altitude_m:.0f}", "standoff": f"{plan.camera.standoff_m:.1f}",
        "safety": f"{plan.safety_distance_m:.1f}", "photos": plan.trigger_count,
    }  # fmt: skip
    lines = [catalogue.text("drone.card.head", language, **say)]
    heights = [
        catalogue.text(
            "drone.card.row", language, number=number, water=f"{row.camera_above_water_m:.1f}",
            baseline=f"{row.camera_above_baseline_m:.1f}", strip=f"{row.strip_above_baseline_m:.1f}",
        )
        for number, row in enumerate(plan.rows, start=1)
    ]  # fmt: skip
    lines.append("\n".join([catalogue.text("drone.card.rows", language), *heights]))
    lines += [note.zh if language == "zh" else note.en for note in (*plan.refusals, *plan.notes)]
    near = [
        catalogue.text(
            "drone.card.close_up", language, item=shot.item_ref, what=catalogue.text(f"drone.close_up.{shot.id}", language),
            side=catalogue.text(f"drone.side.{shot.side}", language), height=f"{shot.above_water_m:.1f}", gsd=f"{shot.gsd_mm:.1f}",
        )
        for shot in plan.close_ups
        if not shot.blocked_by
    ]  # fmt: skip
    if near:
        lines.append("\n".join([catalogue.text("drone.card.close_ups", language), *near]))
    for number, sortie in enumerate(plan.sorties, start=1):
        shown = {"number": number, "minutes": f"{sortie.time_s / 60:.1f}", "photos": len(sortie.triggers_enu_m)}
        lines.append(catalogue.text("drone.card.sortie", language, **shown))
    lines.append(catalogue.text("drone.card.foot", language))
    return "\n\n".join(lines) + "\n"


def triggers_with_legs(sortie: Sortie) -> list[tuple[Vector, Leg]]:
    """Each trigger with the pass leg it lies on, in flying order."""
    passes = [leg for leg in sortie.legs if leg.kind == "pass"]
    found: list[tuple[Vector, Leg]] = []
    at = 0
    for point in sortie.triggers_enu_m:
        while at < len(passes) - 1 and not _on(point, passes[at]):
            at += 1
        found.append((point, passes[at]))
    return found


def _on(point: Vector, leg: Leg) -> bool:
    (ax, ay, az), (bx, by, bz) = leg.points_enu_m[0], leg.points_enu_m[-1]
    chord = (bx - ax, by - ay, bz - az)
    off = (point[0] - ax, point[1] - ay, point[2] - az)
    length = max(sum(value * value for value in chord), 1e-9)
    along = min(max(sum(a * b for a, b in zip(off, chord, strict=True)) / length, 0.0), 1.0)
    return sum((o - along * c) ** 2 for o, c in zip(off, chord, strict=True)) < 0.05**2


def _stops(sortie: Sortie) -> list[tuple[Vector, Leg, int | None]]:
    """Waypoints in order: place, view, and the trigger's number where a photo is taken."""
    shots = triggers_with_legs(sortie)
    found: list[tuple[Vector, Leg, int | None]] = []
    taken = 0
    for leg in sortie.legs:
        if leg.kind != "pass":
            found += [(point, leg, None) for point in leg.points_enu_m[1:-1]]
            continue
        while taken < len(shots) and shots[taken][1] is leg:
            found.append((shots[taken][0], leg, taken))
            taken += 1
    return found


def _wpml(
    plan: Plan, flown: Sortie, places: list[tuple[Vector, Leg, int | None]], numbers: DjiNumbers, *, executable: bool
) -> bytes:
    ET.register_namespace("", _KML)
    ET.register_namespace("wpml", _WPML)
    root = ET.Element(f"{{{_KML}}}kml")
    document = _add(root, "Document")
    config = _dji(document, "missionConfig")
    home = home_enu(plan)
    fastest = max(leg.speed_m_s for leg in flown.legs)
    for name, value in (
        ("flyToWaylineMode", "safely"), ("finishAction", "goHome"), ("exitOnRCLost", "executeLostAction"),
        ("executeRCLostAction", "goBack"), ("takeOffSecurityHeight", f"{max(20.0, flown.legs[0].points_enu_m[0][2]):.1f}"),
        ("globalRTHHeight", f"{plan.return_altitude_m:.1f}"), ("globalTransitionalSpeed", f"{fastest:.1f}"),
    ):  # fmt: skip
        _dji(config, name, value)
    drone, payload = _dji(config, "droneInfo"), _dji(config, "payloadInfo")
    _dji(drone, "droneEnumValue", str(numbers.drone_enum))
    _dji(drone, "droneSubEnumValue", str(numbers.drone_sub_enum))
    _dji(payload, "payloadEnumValue", str(numbers.payload_enum))
    _dji(payload, "payloadPositionIndex", "0")
    folder = _add(document, "Folder")
    if not executable:
        _dji(folder, "templateType", "waypoint")
    _dji(folder, "templateId", "0")
    if executable:
        _dji(folder, "executeHeightMode", "relativeToStartPoint")
        _dji(folder, "waylineId", "0")
        _dji(folder, "duration", f"{flown.time_s:.0f}")
    _dji(folder, "autoFlightSpeed", f"{fastest:.1f}")
    for index, (point, leg, trigger) in enumerate(places):
        _waypoint(folder, plan, index, point, home[2], leg, trigger, executable=executable)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _waypoint(
    folder: ET.Element,
    plan: Plan,
    index: int,
    point: Vector,
    home_up: float,
    leg: Leg,
    trigger: int | None,
    *,
    executable: bool,
) -> None:
    mark = _add(folder, "Placemark")
    lon, lat, _ = _lonlat_alt(plan, point)
    _add(_add(mark, "Point"), "coordinates", f"{lon:.8f},{lat:.8f}")
    _dji(mark, "index", str(index))
    _dji(mark, "executeHeight" if executable else "height", f"{point[2] - home_up:.2f}")
    _dji(mark, "waypointSpeed", f"{leg.speed_m_s:.2f}")
    heading = _dji(mark, "waypointHeadingParam")
    _dji(heading, "waypointHeadingMode", "smoothTransition")
    _dji(heading, "waypointHeadingAngle", f"{(leg.yaw_deg_true + 180.0) % 360.0 - 180.0:.1f}")
    _dji(heading, "waypointHeadingPathMode", "followBadArc")
    turn = _dji(mark, "waypointTurnParam")
    _dji(turn, "waypointTurnMode", "toPointAndStopWithDiscontinuityCurvature")
    _dji(turn, "waypointTurnDampingDist", "0")
    _dji(mark, "useStraightLine", "1")
    if trigger is None:
        return
    group = _dji(mark, "actionGroup")
    for name, value in (("actionGroupId", index), ("actionGroupStartIndex", index), ("actionGroupEndIndex", index)):
        _dji(group, name, str(value))
    _dji(group, "actionGroupMode", "sequence")
    _dji(_dji(group, "actionTrigger"), "actionTriggerType", "reachPoint")
    gimbal = _dji(group, "action")
    _dji(gimbal, "actionId", "0")
    _dji(gimbal, "actionActuatorFunc", "gimbalRotate")
    rotate = _dji(gimbal, "actionActuatorFuncParam")
    for name, text in (
        ("gimbalRotateMode", "absoluteAngle"), ("gimbalPitchRotateEnable", "1"),
        ("gimbalPitchRotateAngle", f"{leg.gimbal_pitch_deg:.1f}"), ("payloadPositionIndex", "0"),
    ):  # fmt: skip
        _dji(rotate, name, text)
    photo = _dji(group, "action")
    _dji(photo, "actionId", "1")
    _dji(photo, "actionActuatorFunc", "takePhoto")
    shutter = _dji(photo, "actionActuatorFuncParam")
    _dji(shutter, "payloadPositionIndex", "0")
    _dji(shutter, "fileSuffix", f"T{trigger:04d}")


def _feature(kind: str, coordinates: object, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def _lonlat_alt(plan: Plan, point: Vector) -> list[float]:
    place: LonLat = plan_frame(plan).to_lonlat(np.array(point))
    return [round(place.lon, 8), round(place.lat, 8), round(point[2], 2)]


def _text(place: list[float]) -> str:
    return ",".join(f"{value:.8f}".rstrip("0").rstrip(".") for value in place)


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_KML}}}{name}")
    element.text = text
    return element


def _dji(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_WPML}}}{name}")
    element.text = text
    return element
