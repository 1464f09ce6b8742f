"""The formats other folders read: exactly the fields of the contracts, and the JSON of a plan and a survey round-trips."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from drone.model import GeometryPart, Leg, Plan, Sortie, Survey, SurveyPhoto
from drone.packs import camera
from drone.planner import plan_survey
from tests.unit.drone.kit import GEOMETRY, POSE, SHIP, wishes


def test_plan_carries_the_fields_of_the_contract() -> None:
    plan = json.loads(plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes()).to_json())
    assert plan["schema"] == "yunjian.plan/1"
    named = {"ship", "sorties", "home_lonlat_alt", "exclusion_polygons", "coverage", "lower_bound_s", "refusals"}
    assert named <= set(plan)
    assert set(Sortie.model_fields) == {"legs", "triggers_enu_m", "time_s"}
    assert set(Leg.model_fields) == {"kind", "points_enu_m", "speed_m_s", "yaw_deg_true", "gimbal_pitch_deg"}
    assert {"seen2_pct", "area_m2"} <= set(plan["coverage"])
    assert Plan.model_validate(plan).ship.geometry.geometry() == GEOMETRY


def test_survey_carries_the_fields_of_the_contract() -> None:
    photo = SurveyPhoto(
        file="a.jpg",
        sha256="0" * 64,
        t_utc=datetime(2026, 11, 24, tzinfo=UTC),
        trigger_idx=None,
        c_ship_m=None,
        q_ship_xyzw=None,
        cov_6x6=None,
        pose_source=None,
    )
    survey = Survey(
        ship=GeometryPart.of(GEOMETRY),
        draught_m=4.5,
        camera=camera("survey_3mp_tele").for_survey(),
        photos=[photo],
        gaps=[],
        simulated=True,
    )
    document = json.loads(survey.model_dump_json(by_alias=True))
    assert document["schema"] == "yunjian.survey/1"
    assert set(document) == {"schema", "ship", "draught_m", "camera", "photos", "gaps", "simulated"}
    assert set(document["camera"]) == {"focal_mm", "pitch_um", "width_px", "height_px", "dist"}
    wanted = {"file", "sha256", "t_utc", "trigger_idx", "c_ship_m", "q_ship_xyzw", "cov_6x6", "pose_source"}
    assert set(document["photos"][0]) == wanted
    assert Survey.model_validate(document) == survey
