"""Overlap of tracks: ratios on made trips, clock offsets, pauses, plausibility, copies, and bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core import track_overlap as to
from core.errors import InputError

LIMITS = to.Limits(radius_m=200, window_s=600, max_speed_kmh=150, max_gap_s=600, min_length_m=1000)
LAT = 40.6
EAST_M = (
    math.radians(1)
    * 6_378_137
    / math.sqrt(1 - 6.694379990141e-3 * math.sin(math.radians(LAT)) ** 2)
    * math.cos(math.radians(LAT))
)


def trip(source, *, km=100.0, near_km=None, clock_s=0.0, step_s=30.0, speed_kmh=72.0, side_m=1000.0, shift_m=0.0):
    """East along a parallel; beyond `near_km` the record runs `side_m` beside the road."""
    count = round(km * 1000 / (speed_kmh / 3.6 * step_s)) + 1
    t = np.arange(count) * step_s
    x_m = t * speed_kmh / 3.6
    off_m = np.where(x_m > (math.inf if near_km is None else near_km * 1000), side_m, shift_m)
    return to.Track(source, t + clock_s, 122.0 + x_m / EAST_M, LAT + off_m / 111_000)


@pytest.mark.parametrize("near_km", [0, 50, 84, 90, 100])
def test_ratio_is_the_share_of_the_way_driven_together(near_km):
    found = to.overlap(trip("beidou"), trip("gps", near_km=near_km, shift_m=150), LIMITS)
    assert found.ratio == pytest.approx(near_km / 100, abs=0.012)  # the shifting leg itself is 600 m long
    assert found.offset_s == 0


def test_radius_is_a_limit():
    assert to.overlap(trip("a"), trip("b", shift_m=195), LIMITS).ratio == pytest.approx(1)
    assert to.overlap(trip("a"), trip("b", shift_m=205), LIMITS).ratio == 0


def test_both_directions_count():
    """A record of the first half alone lies wholly beside the other, but does not prove the second half."""
    assert to.overlap(trip("a"), trip("b", km=50), LIMITS).ratio == pytest.approx(0.5, abs=0.15)  # the window reaches 12 km on
    turned = to.overlap(trip("b", km=50), trip("a"), LIMITS)
    assert turned.ratio == pytest.approx(to.overlap(trip("a"), trip("b", km=50), LIMITS).ratio)


@pytest.mark.parametrize("hours", [-3, 3, 8])
def test_a_clock_offset_is_found_and_not_matched_silently(hours):
    found = to.overlap(trip("beidou"), trip("gps", clock_s=hours * 3600), LIMITS)
    assert found.ratio < 0.2 or hours != 3
    assert found.offset_s == pytest.approx(hours * 3600, abs=30)
    assert found.ratio_shifted == pytest.approx(1, abs=0.01)


def test_without_a_window_only_places_count():
    places = to.Limits(200, None, 150, 600, 1000)
    assert to.overlap(trip("log"), trip("plan", clock_s=1e6), places).ratio == pytest.approx(1)


def test_a_pause_in_the_record_covers_nothing():
    whole = trip("phone")
    keep = np.r_[0:40, 140 : len(whole.t_s)]
    holed = to.Track("phone", whole.t_s[keep], whole.lon[keep], whole.lat[keep])
    missing = (140 - 39) / (len(whole.t_s) - 1)
    assert to.overlap(holed, trip("gps"), LIMITS).ratio == pytest.approx(1 - missing, abs=0.01)


def test_implausible_speed_names_the_row():
    fast = trip("phone", speed_kmh=1000)
    found = to.implausible(fast, LIMITS)
    assert found is not None
    assert (found.row, found.speed_kmh) == (2, pytest.approx(1000, rel=0.01))
    assert to.implausible(trip("phone", speed_kmh=149), LIMITS) is None


@pytest.mark.parametrize(("points", "row"), [
    ([], 0), ([[0, 122, 40]], 1), ([[0, 122, 40], [0, 122, 40]], 2), ([[0, 122, 40], [1, 122, 91]], 2), ([[0, 181, 40], [1, 122, 40]], 1),
    ([[0, 122, 40], [1, math.nan, 40]], 2), ([[0, 122, 40], [1, 122]], 2),
])  # fmt: skip
def test_bad_points_name_source_and_row(points, row):
    with pytest.raises(InputError) as error:
        to.Track.of("gps", points)
    assert (error.value.code, error.value.params) == ("track.bad_point", {"source": "gps", "row": row})


def test_too_short_and_too_long_are_said():
    still = to.Track.of("gps", [(0, 122, 40), (60, 122, 40)])
    with pytest.raises(InputError, match="too_short"):
        to.overlap(still, still, LIMITS)
    far = to.Track.of("gps", [(0, 0, 40), (1e6, 90, 40)])
    with pytest.raises(InputError, match="too_long"):
        to.overlap(far, far, LIMITS)


def test_sketches_tell_copies_even_when_cut():
    whole = trip("phone", step_s=5)
    half = to.Track(
        "phone", whole.t_s[: len(whole.t_s) // 2], whole.lon[: len(whole.t_s) // 2], whole.lat[: len(whole.t_s) // 2]
    )
    other = trip("phone", step_s=5, shift_m=20)
    assert to.shared(to.sketch(whole), to.sketch(whole)) == 1
    assert 0.3 < to.shared(to.sketch(whole), to.sketch(half)) < 0.7
    assert to.shared(to.sketch(whole), to.sketch(other)) == 0
    assert to.shared((), ()) == 0


def test_the_date_line_and_the_equator_are_no_edge():
    crossing = to.Track.of("a", [(0, 179.9, 0.0), (300, -179.9, 0.0)])
    assert to.length_m(crossing) == pytest.approx(22_264, rel=0.001)
    assert to.overlap(crossing, crossing, LIMITS).ratio == pytest.approx(1)
