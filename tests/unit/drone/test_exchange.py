"""Files for other programs, and cards of other makers: what goes out carries every trigger, what comes back is checked."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from core.geo import LonLat
from drone.capture import CaptureFrame, collect, load_survey, missing_triggers
from drone.exchange import flight_card, geojson, kml, wpml_kmz
from drone.export import qgc_plan
from drone.model import Plan
from drone.packs import camera
from drone.planner import plan_frame, plan_survey
from drone.sim.exif import Stamp, jpeg_with_exif
from drone.xmp import own_pose
from tests.unit.drone.kit import AT, GEOMETRY, POSE, SHIP, wishes

K, W = "{http://www.opengis.net/kml/2.2}", "{http://www.dji.com/wpmz/1.0.2}"


def plan() -> Plan:
    return plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())


def test_geojson_and_kml_carry_the_whole_plan() -> None:
    made = plan()
    features = json.loads(geojson(made))["features"]
    kinds = [feature["properties"]["kind"] for feature in features]
    assert kinds.count("trigger") == made.trigger_count
    assert {"exclusion_hull", "exclusion_quay", "pass", "ferry"} <= set(kinds)
    lons = [feature["geometry"]["coordinates"][0] for feature in features if feature["geometry"]["type"] == "Point"]
    assert all(abs(lon - 122.1) < 0.01 for lon in lons)
    root = ET.fromstring(kml(made))  # noqa: S314 - our own file
    legs = sum(len(sortie.legs) for sortie in made.sorties)
    assert len(root.findall(f".//{K}LineString")) == legs


def test_wpml_has_a_photo_for_each_trigger_with_its_view() -> None:
    made = plan()
    data = wpml_kmz(made, 0)
    assert data == wpml_kmz(made, 0)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["wpmz/template.kml", "wpmz/waylines.wpml"]
        root = ET.fromstring(archive.read("wpmz/waylines.wpml"))  # noqa: S314 - our own file
    functions = [element.text for element in root.iter(f"{W}actionActuatorFunc")]
    assert functions.count("takePhoto") == functions.count("gimbalRotate") == len(made.sorties[0].triggers_enu_m)
    marks = [mark for mark in root.iter(f"{K}Placemark") if mark.find(f".//{W}fileSuffix") is not None]
    places = []
    for mark in marks:
        lon, lat = (float(value) for value in (mark.findtext(f"{K}Point/{K}coordinates") or "").split(","))
        places.append(plan_frame(made).to_enu(LonLat(lon, lat), float(mark.findtext(f"{W}executeHeight") or "nan")))
    assert np.allclose(np.array(places), np.array(made.sorties[0].triggers_enu_m), atol=0.02)
    angles = [float(element.text or "nan") for element in root.iter(f"{W}waypointHeadingAngle")]
    assert all(-180.0 <= angle <= 180.0 for angle in angles)


def test_flight_card_says_that_we_did_not_fly_it() -> None:
    assert "NOT been flown by us" in flight_card(plan(), "en")
    assert "未经本系统飞行验证" in flight_card(plan(), "zh")


def test_card_prints_heights_close_ups_and_what_is_open() -> None:
    made = plan()
    card = flight_card(made, "en")
    for row in made.rows:
        assert (
            f"{row.camera_above_water_m:.1f} m above the waterline, {row.camera_above_baseline_m:.1f} m above the baseline"
            in card
        )
    reachable = [shot for shot in made.close_ups if not shot.blocked_by]
    assert card.count("- [ ] YJ-") == len(reachable) > 0
    assert all(note.en in card for note in made.notes)
    assert "载重线标志" in flight_card(made, "zh")


def test_qgc_plan_has_rally_fence_and_every_sortie_its_items() -> None:
    made = plan()
    document = json.loads(qgc_plan(made, 0))
    lat, lon, height = document["rallyPoints"]["points"][0]
    assert (lon, lat) == pytest.approx(made.home_lonlat_alt[:2], abs=1e-6)
    assert height == made.return_altitude_m
    assert sum(not polygon["inclusion"] for polygon in document["geoFence"]["polygons"]) == len(made.exclusion_polygons)


def test_two_missing_shots_beside_a_photo_are_both_named(tmp_path: Path) -> None:
    made = plan()
    triggers = made.sorties[0].triggers_enu_m
    card = tmp_path / "card"
    card.mkdir()
    for number, point in enumerate(triggers):
        if number not in {0, 1}:
            dji_photo(card / f"DJI_{number:04d}.JPG", plan_frame(made).to_lonlat(np.array(point)), point[2], 10.0, -5.0)
    frame = CaptureFrame(GEOMETRY, POSE, 0.0, camera("survey_3mp_tele"), simulated=False)
    survey = load_survey(collect(card, [], frame, tmp_path / "survey"))
    assert len(missing_triggers(made, survey, 3.0)) == 2


def dji_photo(path: Path, lonlat: LonLat, height: float, yaw: float, pitch: float, rtk: int = 50) -> None:
    """A JPEG with the XMP packet as such cameras write it."""
    jpeg = jpeg_with_exif(np.zeros((24, 32, 3), np.uint8), camera("survey_3mp_tele"), Stamp(AT, lonlat, height))
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description drone-dji:GpsLatitude="{lonlat.lat:+.9f}" drone-dji:GpsLongitude="{lonlat.lon:+.9f}" '
        f'drone-dji:RelativeAltitude="{height:+.2f}" drone-dji:GimbalYawDegree="{yaw:+.2f}" '
        f'drone-dji:GimbalPitchDegree="{pitch:+.2f}" drone-dji:GimbalRollDegree="+0.00" drone-dji:RtkFlag="{rtk}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()
    block = b"http://ns.adobe.com/xap/1.0/\x00" + xmp
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:])


def test_card_of_another_maker_has_poses_and_missing_triggers_are_named(tmp_path: Path) -> None:
    made = plan()
    card = tmp_path / "card"
    card.mkdir()
    yaw = next(leg.yaw_deg_true for leg in made.sorties[0].legs if leg.kind == "pass")
    triggers = made.sorties[0].triggers_enu_m
    for number, point in enumerate(triggers):
        if number == 5:
            continue
        place = plan_frame(made).to_lonlat(np.array(point))
        dji_photo(card / f"DJI_{number:04d}.JPG", place, point[2], yaw, -5.0)
    frame = CaptureFrame(GEOMETRY, POSE, 0.0, camera("survey_3mp_tele"), simulated=False)
    survey = load_survey(collect(card, [], frame, tmp_path / "survey"))
    assert all(photo.c_ship_m is not None for photo in survey.photos)
    assert missing_triggers(made, survey, 1.0) == [5]


@pytest.mark.parametrize("text", [b"", b"<x:xmpmeta></x:xmpmeta>", b'<x:xmpmeta drone-dji:GimbalYawDegree="x"></x:xmpmeta>'])
def test_a_photo_that_does_not_say_has_no_own_pose(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(text)
    assert own_pose(path) is None
