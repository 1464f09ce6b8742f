"""The golden examples that both sides of a contract read (contracts.md)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from inspection.hull.classes import ClassId, class_table
from inspection.hull.findings import Detection
from inspection.hull.survey import Survey, views_of

GOLDEN = Path(__file__).parent


def test_detection_golden_is_read_and_written_unchanged() -> None:
    text = (GOLDEN / "detection.json").read_text(encoding="utf-8")
    detection = Detection.model_validate_json(text)
    assert json.loads(detection.to_json()) == json.loads(text)
    assert [f.class_id for f in detection.findings] == [2, 4]


def test_a_detection_with_another_field_is_another_version() -> None:
    document = json.loads((GOLDEN / "detection.json").read_text(encoding="utf-8"))
    with pytest.raises(ValidationError):
        Detection.model_validate({**document, "extra": 1})
    with pytest.raises(ValidationError):
        Detection.model_validate({**document, "schema": "yunjian.detection/2"})


def test_survey_golden_is_read() -> None:
    survey = Survey.model_validate_json((GOLDEN / "survey.json").read_text(encoding="utf-8"))
    (view,) = views_of(survey)
    assert len(survey.photos) == 2  # the other one has no pose
    assert view.camera.focal_px == pytest.approx(3200.0)
    assert survey.geometry.draught_m == 5.0


def test_every_class_id_has_both_names() -> None:
    table = class_table()
    assert set(table) == set(ClassId)
    assert all(info.zh and info.en for info in table.values())
    assert not table[ClassId.CORROSION].experimental
    assert all(info.experimental for class_id, info in table.items() if class_id >= ClassId.RUST_STAIN)
