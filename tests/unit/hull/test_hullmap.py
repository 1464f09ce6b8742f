from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from inspection.hull.draw import render_svg, to_geojson
from inspection.hull.hullmap import map_survey, merge, survey_gsd
from inspection.hull.project import project
from tests.unit.hull.kit import SHIP, looking, port_view, rectangle, survey_folder


def test_a_known_rectangle_comes_back_within_centimetres() -> None:
    view = port_view(40.0)
    (seen,) = project(view, [rectangle(view, (38.0, 39.0), (6.0, 6.5))], SHIP)
    assert seen.side == "port"
    assert seen.centre == pytest.approx([38.5, 6.25], abs=0.02)
    assert seen.box == pytest.approx([38.0, 6.0, 39.0, 6.5], abs=0.02)
    assert seen.area_cm2 == pytest.approx(5000.0, rel=0.02)
    assert seen.gsd_mm == pytest.approx(5.0, rel=0.02)
    assert seen.whole


def test_an_oblique_view_gives_the_same_place_and_area() -> None:
    view = looking((24.0, 19.0, 9.0), (1.0, -1.0, -0.2), "oblique.jpg")
    (seen,) = project(view, [rectangle(view, (36.0, 37.0), (6.0, 6.5))], SHIP)
    assert seen.centre == pytest.approx([36.5, 6.25], abs=0.03)
    assert seen.area_cm2 == pytest.approx(5000.0, rel=0.06)


def test_starboard_is_not_port() -> None:
    view = looking((40.0, -23.0, 7.0), (0.0, 1.0, -0.05), "s.jpg")
    (seen,) = project(view, [rectangle(view, (41.0, 42.0), (6.0, 6.5), side="starboard")], SHIP)
    assert seen.side == "starboard"
    assert seen.centre == pytest.approx([41.5, 6.25], abs=0.02)


def test_the_error_ellipse_follows_the_pose() -> None:
    sharp, vague = (looking((40.0, 23.0, 7.0), (0.0, -1.0, -0.05), "v.jpg", sigma) for sigma in (0.05, 0.5))
    one, two = (project(view, [rectangle(view, (38.0, 39.0), (6.0, 6.5))], SHIP)[0].covariance for view in (sharp, vague))
    assert one[0, 0] == pytest.approx(0.05**2 + (16e-3) ** 2 + 1e-4, rel=0.25)
    assert two[0, 0] == pytest.approx(0.25, rel=0.05)
    assert np.linalg.eigvalsh(one).min() > 0


def test_what_lies_in_the_sky_or_the_water_is_dropped() -> None:
    view = port_view(40.0)
    sky = rectangle(view, (38.0, 39.0), (6.0, 6.5)).model_copy(
        update={"polygon_px": [(10.0, 10.0), (60.0, 10.0), (60.0, 60.0), (10.0, 60.0)]}
    )
    assert project(view, [sky], SHIP) == []


def test_overlapping_photos_make_one_finding_and_not_a_sum() -> None:
    views = [port_view(x, f"{index}.jpg") for index, x in enumerate((36.0, 38.0, 40.0))]
    seen = [o for view in views for o in project(view, [rectangle(view, (38.0, 38.6), (6.0, 6.4))], SHIP)]
    placed, dropped = merge(seen, views, SHIP)
    assert dropped == 0
    assert len(placed) == 1
    assert placed[0].views == placed[0].seen == 3
    assert placed[0].area_cm2 == pytest.approx(2400.0, rel=0.03)
    assert placed[0].place is not None
    assert placed[0].place.centre == pytest.approx([38.3, 6.2], abs=0.02)


def test_neighbours_and_other_classes_stay_apart() -> None:
    view = port_view(40.0)
    findings = [
        rectangle(view, (37.0, 37.5), (6.0, 6.4)),
        rectangle(view, (39.0, 39.5), (6.0, 6.4)),
        rectangle(view, (39.0, 39.5), (6.0, 6.4), class_id=4),
    ]
    placed, _ = merge(project(view, findings, SHIP), [view], SHIP)
    assert [int(f.class_id) for f in placed] == [2, 2, 4] or [int(f.class_id) for f in placed] == [2, 4, 2]


def test_one_view_of_many_is_a_doubtful_finding() -> None:
    views = [port_view(x, f"{index}.jpg") for index, x in enumerate((37.0, 37.5, 38.0, 38.5, 39.0))]
    seen = project(views[0], [rectangle(views[0], (38.0, 38.6), (6.0, 6.4))], SHIP)
    placed, dropped = merge(seen, views, SHIP)
    assert (len(placed), dropped) == (0, 1)


def test_a_survey_becomes_a_map(tmp_path: Path) -> None:
    views = [port_view(36.0, "a.jpg"), port_view(39.0, "b.jpg")]
    found = {view.file: [rectangle(view, (37.0, 38.0), (6.0, 6.5))] for view in views}
    found["bare.jpg"] = [rectangle(views[0], (37.0, 38.0), (6.0, 6.5))]
    survey, detections = survey_folder(tmp_path, views, found, bare=("bare.jpg",))
    made = map_survey(survey, detections)
    assert [(f.place is None, f.views) for f in made.findings] == [(False, 2), (True, 1)]
    assert made.simulated
    assert survey_gsd(survey)["a.jpg"] == pytest.approx(5.0, rel=0.02)
    hit = [cell for cell in made.cells if (cell.defect_pct or 0) > 0]
    assert {cell.side for cell in hit} == {"port"}
    assert sum((cell.defect_pct or 0) / 100 * cell.area_m2 for cell in hit) == pytest.approx(0.5, rel=0.05)
    assert any(cell.defect_pct is None for cell in made.cells if cell.side == "starboard")


def test_the_same_map_has_the_same_ids(tmp_path: Path) -> None:
    view = port_view(40.0)
    survey, detections = survey_folder(tmp_path, [view], {view.file: [rectangle(view, (38.0, 39.0), (6.0, 6.5))]})
    first, second = map_survey(survey, detections), map_survey(survey, detections)
    assert first.findings[0].id == second.findings[0].id


def test_a_finding_becomes_a_part_of_the_record(tmp_path: Path) -> None:
    view = port_view(40.0)
    survey, detections = survey_folder(tmp_path, [view], {view.file: [rectangle(view, (38.0, 39.0), (6.0, 6.5))]})
    (finding,) = map_survey(survey, detections).findings
    part = finding.part(SHIP, "photo-id", "crop-id")
    assert part.place is not None
    assert part.place.above_waterline_m == pytest.approx(1.25, abs=0.03)
    assert part.place.x_origin == "stern_end"
    assert part.proposed_codes == ["02112"]
    assert part.state == "proposed"
    assert len(part.polygon_hull_m) >= 4


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_drawing_is_well_formed_and_tells_severity_without_colour(tmp_path: Path, lang: str) -> None:
    view = port_view(40.0)
    findings = [rectangle(view, (38.0, 39.0), (6.0, 6.5)), rectangle(view, (40.0, 41.0), (6.0, 6.5), class_id=4)]
    survey, detections = survey_folder(tmp_path, [view], {view.file: findings})
    made = map_survey(survey, detections)
    root = ET.fromstring(render_svg(made, "zh" if lang == "zh" else "en"))  # noqa: S314  # our own drawing
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "R1" in texts
    assert "L2" in texts
    assert any("模拟" in (t or "") for t in texts) == (lang == "zh")
    geojson = json.loads(to_geojson(made))
    kinds = [feature["properties"]["kind"] for feature in geojson["features"]]
    assert kinds.count("finding") == 2
    assert geojson["features"][0]["geometry"]["coordinates"][0][0] == geojson["features"][0]["geometry"]["coordinates"][0][-1]


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "yunjian.survey/1"}', "[1"])
def test_a_broken_survey_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"hull\.survey_missing"):
        map_survey(tmp_path, tmp_path)
    (tmp_path / "survey.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"hull\.survey_broken"):
        map_survey(tmp_path, tmp_path)
