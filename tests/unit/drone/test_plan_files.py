"""A plan from an AIS record on the command line, its pictures, and the signed request for a field laptop."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from console.cli.survey import app
from core.errors import Altered, InputError
from core.signing import KeyKind, KeyStore
from drone.model import Plan
from drone.picture import plan_html, plan_png
from drone.planner import plan_survey
from drone.request import RequestBody, read_request, sign_request
from drone.shipinput import ship_from_record
from tests.unit.drone.judge import Judge
from tests.unit.drone.kit import AT, GEOMETRY, POSE, SHIP, wishes

PLAN = plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())
RECORD = {
    "mmsi": 413000000, "imo": 9074729, "shipname": "YUN TEST", "ship_type": 71, "to_bow": 110, "to_stern": 10, "to_port": 9,
    "to_starboard": 10, "draught": 6.5, "lon": 122.1, "lat": 40.3, "heading": 37, "course": 36.0, "speed": 0.0, "status": 5,
}  # fmt: skip


def test_ais_record_gives_dimensions_pose_and_marked_defaults() -> None:
    given = ship_from_record(RECORD, AT)
    assert (given.geometry.loa_m, given.geometry.beam_m, given.geometry.draught_m) == (120, 19, 6.5)
    assert given.geometry.estimated == {"depth_m"}
    assert given.geometry.form == "general_cargo"
    assert not given.at_anchor
    assert given.pose is not None
    stern = POSE.frame.to_enu(given.pose.origin)  # antenna 10 m before the stern, half a metre to port of the middle
    assert stern[0] == pytest.approx(-10 * np.sin(np.radians(37)) + 0.5 * np.cos(np.radians(37)), abs=0.02)
    known = ship_from_record({**RECORD, "freeboard_m": 4.0, "status": 1, "accuracy": False}, AT)
    assert known.geometry.depth_m == 10.5
    assert not known.geometry.estimated
    assert known.at_anchor
    assert known.pose is not None
    assert known.pose.source == "ais_low"


@pytest.mark.parametrize(
    "change", [{"heading": 511}, {"heading": None, "speed": 2.0}, {"lon": None}, {"to_bow": 0, "to_stern": 120}], ids=str
)
def test_what_cannot_be_known_gives_no_pose(change: dict[str, object]) -> None:
    assert ship_from_record({**RECORD, **change}, AT).pose is None


def test_course_stands_for_the_heading_of_a_ship_that_moves() -> None:
    given = ship_from_record({**RECORD, "heading": 511, "speed": 6.0}, AT)
    assert given.pose is not None
    assert given.pose.heading_deg_true == 36.0


@pytest.mark.parametrize(
    "document",
    [{}, {"mmsi": 413000000}, {**RECORD, "to_port": 0, "to_starboard": 0}, {**RECORD, "draught": 30, "depth_m": 8}],
    ids=repr,
)
def test_a_record_that_is_no_ship_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(InputError):
        ship_from_record(document, AT)


def test_one_command_from_an_ais_record_to_a_plan_that_the_judge_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "ship.json").write_text(json.dumps(RECORD), encoding="utf-8")
    (tmp_path / "cranes.json").write_text(json.dumps([{"kind": "crane", "lonlat": [[122.11, 40.3]]}]), encoding="utf-8")
    out = tmp_path / "plan.json"
    arguments = [
        "plan",
        "--ship",
        str(tmp_path / "ship.json"),
        "--quay",
        "starboard",
        "--camera",
        "full_frame_45mp_35",
        "--gsd",
        "2",
    ]
    arguments += ["--depth", "12", "--tide", "1.0", "--at", "2026-11-24T03:30:00", "--keep-outs", str(tmp_path / "cranes.json")]
    arguments += ["--out", str(out), "--png", str(tmp_path / "p.png"), "--html", str(tmp_path / "p.html")]
    arguments += ["--qgc", str(tmp_path / "p.plan"), "--kml", str(tmp_path / "p.kml"), "--dji", str(tmp_path / "dji")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["notes"] == []
    verdict = Judge({"geometry": document["ship"]["geometry"]}, cells=2500).verdict(document)
    assert verdict.seen2 >= 99.0
    assert verdict.nearest_m >= document["safety_distance_m"]
    assert verdict.behind_quay_m <= -2.9
    assert verdict.lowest_m >= 2.99
    assert sum(sortie["time_s"] for sortie in document["sorties"]) == pytest.approx(verdict.flight_s, rel=0.1)
    for name in ("p.png", "p.html", "p.plan", "p.kml", "dji/flight_card.md", "dji/sortie_1.kmz"):
        assert (tmp_path / name).stat().st_size > 500, name
    again = CliRunner().invoke(app, [*arguments[:3], "--quay", "none", "--json", "--at-anchor"])
    assert again.exit_code == 1
    assert "anchored_needs_beacon" in again.output


def test_picture_shows_ship_path_and_launch_point() -> None:
    image = np.asarray(Image.open(io.BytesIO(plan_png(PLAN, width=600, height=400))).convert("RGB")).reshape(-1, 3)
    for colour in ((0x7D, 0x2F, 0x2F), (0x0B, 0x6E, 0x4F), (0xD1, 0x49, 0x5B), (0x8A, 0x8A, 0x80)):
        assert np.sum(np.all(image == colour, axis=1)) > 30, colour
    page = plan_html(PLAN, "en")
    assert "https:" not in page
    assert "http:" not in page
    assert page.count("<canvas") == 1
    assert f"{PLAN.trigger_count} photos" in page
    hostile = PLAN.model_copy(update={"ship": PLAN.ship.model_copy(update={"name": "</script><b>"})})
    assert "</script><b>" not in plan_html(hostile, "zh")


def test_signed_request_is_read_by_who_trusts_the_key_alone(tmp_path: Path) -> None:
    key = KeyStore(tmp_path).create("survey", KeyKind.DEMO)
    other = KeyStore(tmp_path).create("other", KeyKind.OFFICIAL)
    body = RequestBody(
        subject_ref="case 7", items=["YJ-080"], issued_at=AT, not_after=AT + timedelta(hours=72), issued_by="survey", plan=PLAN
    )
    text = sign_request(body, key)
    assert "DEMO - NOT VALID" in text
    assert read_request(text, [other.public, key.public], AT) == body
    assert Plan.model_validate(json.loads(text)["body"]["plan"]) == PLAN
    with pytest.raises(Altered):
        read_request(text.replace("case 7", "case 8"), [key.public], AT)
    for wrong, trusted, at in (
        (text, [other.public], AT),
        ("{}", [key.public], AT),
        (text, [key.public], AT + timedelta(days=4)),
    ):
        with pytest.raises(InputError):
            read_request(wrong, trusted, at)
