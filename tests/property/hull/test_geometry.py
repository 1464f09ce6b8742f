"""Rays and projections are inverse; tiles cover; findings conserve pixels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.hull.detect import Reading, _spans
from inspection.hull.findings import find
from inspection.hull.survey import SurveyCamera, View, rotation_of

_unit = st.floats(-1.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(_unit, _unit, _unit, _unit).filter(lambda q: sum(v * v for v in q) > 0.01),
    st.tuples(st.floats(1.0, 1999.0), st.floats(1.0, 1499.0)),
    st.floats(2.0, 80.0),
    st.sampled_from([(0.0,) * 5, (-0.05, 0.01, 0.0005, -0.0005, 0.0)]),
)
def test_a_point_on_the_ray_of_a_pixel_projects_to_that_pixel(
    q: tuple[float, float, float, float],
    pixel: tuple[float, float],
    reach: float,
    dist: tuple[float, float, float, float, float],
) -> None:
    camera = SurveyCamera(focal_mm=12.0, pitch_um=3.75, width_px=2000, height_px=1500, dist=dist)
    view = View("a.jpg", "0" * 64, camera, np.array([3.0, -20.0, 8.0]), rotation_of(q), np.eye(6))
    point = view.centre_m + reach * view.in_ship(np.array([pixel]))
    assert view.to_pixels(point)[0] == pytest.approx(pixel, abs=0.05)


@given(st.integers(1, 200).map(lambda n: n * 32), st.integers(64, 1400))
def test_tiles_cover_and_overlap(length: int, tile: int) -> None:
    spans = _spans(length, tile, 96)
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(start % 32 == 0 and end % 32 == 0 and end > start for start, end in spans)
    assert all(second[0] <= first[1] - 96 for first, second in itertools.pairwise(spans))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.3))
def test_findings_hold_every_pixel_of_the_mask(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    mask = np.where(rng.random((48, 64)) < share, rng.integers(2, 8, (48, 64)), 1).astype(np.uint8)
    reading = Reading(np.full((8, 6, 8), 0.125, np.float32), 64, 48, 8)
    found = find(reading, mask, (64, 48), 0, None, "0" * 64)
    for class_id in range(2, 8):
        assert sum(f.area_px for f in found if f.class_id == class_id) == int((mask == class_id).sum())
    for finding in found:
        assert len(finding.polygon_px) >= 3
        assert all(0 <= x <= 64 and 0 <= y <= 48 for x, y in finding.polygon_px)
