"""Laws of the kernel's values: ids, geo, ship frame, Base45, working days, waits."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import base45
from core.clock import parse_rfc3339, rfc3339
from core.errors import InputError
from core.geo import EnuFrame, LonLat, distance_m
from core.hullform import HullForm
from core.ids import Imo, Mmsi, imo_check_digit_ok
from core.messages import wait_s
from core.ship import ShipGeometry, ShipPose
from core.workdays import Roll, Unit, add_months, default_calendar

CALENDAR = default_calendar()
DAYS = st.dates(date(2004, 1, 1), date(2035, 12, 31))
PLACES = st.builds(LonLat, st.floats(-179, 179), st.floats(-75, 75))


@given(st.integers(100_000, 999_999))
def test_exactly_one_check_digit_fits(head: int) -> None:
    fitting = [digit for digit in range(10) if imo_check_digit_ok(head * 10 + digit)]
    assert len(fitting) == 1
    number = Imo(head * 10 + fitting[0])
    assert Imo.parse(str(number)) == Imo.parse(f"IMO {number}") == number


@given(st.integers(100_000, 999_999), st.integers(0, 5), st.integers(1, 9))
def test_a_changed_digit_of_an_imo_number_is_found_if_its_weight_allows(head: int, place: int, shift: int) -> None:
    """The scheme's weights 7 to 2: a change by d in a digit of weight w is missed only where w x d is a multiple of 10."""
    number = next(head * 10 + digit for digit in range(10) if imo_check_digit_ok(head * 10 + digit))
    digits = [int(char) for char in str(number)]
    changed = (digits[place] + shift) % 10
    step = changed - digits[place]
    digits[place] = changed
    other = int("".join(map(str, digits)))
    if other >= 1_000_000:
        assert imo_check_digit_ok(other) == (step * (7 - place) % 10 == 0)


@given(st.text(max_size=12))
def test_parsing_ids_gives_an_id_or_our_error(text: str) -> None:
    for kind in (Imo, Mmsi):
        with suppress(InputError):
            assert kind.parse(text).value > 0


@given(st.integers(1, 999_999_999))
def test_mmsi_round_trip(value: int) -> None:
    assert Mmsi.parse(str(Mmsi(value))) == Mmsi(value)


@given(PLACES, st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_enu_round_trip(origin: LonLat, east: float, north: float) -> None:
    frame = EnuFrame(origin)
    point = frame.to_lonlat(np.array([east, north]))
    assert np.allclose(frame.to_enu(point)[:2], [east, north], atol=1e-5)
    assert distance_m(origin, point) == pytest.approx(float(np.hypot(east, north)), rel=0.01, abs=0.01)


@given(PLACES, st.floats(0, 360), st.floats(1, 15), st.lists(st.tuples(*[st.floats(-400, 400)] * 3), min_size=1, max_size=5))
def test_ship_frame_round_trip(
    origin: LonLat, heading: float, draught: float, points: list[tuple[float, float, float]]
) -> None:
    pose = ShipPose(origin, heading, datetime(2026, 1, 1, tzinfo=UTC), "test")
    there = pose.to_enu(np.array(points), draught)
    assert np.allclose(pose.from_enu(there, draught), points, atol=1e-8)
    assert np.linalg.det(pose.ship_to_enu) == pytest.approx(1.0)


@given(st.floats(0, 359), st.floats(1, 300), st.floats(1, 40), st.floats(1, 40))
def test_antenna_lies_where_ais_says(heading: float, to_stern: float, to_port: float, to_starboard: float) -> None:
    antenna = LonLat(122.0, 40.3)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    pose = ShipPose.from_ais(antenna, heading, to_stern, to_port, to_port + to_starboard, at)
    x, y, _z = pose.from_enu(pose.frame.to_enu(antenna), 0.0)[0]
    assert x == pytest.approx(to_stern, abs=0.02)
    assert y == pytest.approx((to_starboard - to_port) / 2, abs=0.02)


@given(st.floats(60, 380), st.floats(0.12, 0.2), st.floats(0.5, 0.9), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
@settings(max_examples=50)
def test_a_ray_from_abeam_ends_on_the_hull(loa: float, slender: float, deep: float, along: float, up: float) -> None:
    hull = HullForm(ShipGeometry(loa, loa * slender, loa * slender * deep, loa * slender * deep * 0.6))
    x, z = np.array([along * float(hull.stem_x(np.array(0.0)))]), np.array([up * hull.geometry.depth_m])
    hits = hull.intersect(np.array([[x[0], 100.0, z[0]]]), np.array([[0.0, -1.0, 0.0]]))
    breadth = float(hull.half_breadth(x, z)[0])
    if breadth > 0.5:
        assert hits.part[0] != 0
        assert hits.point_m[0, 1] == pytest.approx(breadth, abs=0.01)
        assert hits.distance_m[0] == pytest.approx(100.0 - breadth, abs=0.01)


@given(st.binary(max_size=300))
def test_base45_round_trip(data: bytes) -> None:
    assert base45.decode(base45.encode(data)) == data


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=30))
def test_base45_decodes_or_refuses(text: str) -> None:
    try:
        data = base45.decode(text)
    except ValueError:
        return
    assert base45.encode(data) == text


@given(st.integers(0, 4_000_000_000_000_000))
def test_times_round_trip_to_the_millisecond(microseconds: int) -> None:
    at = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert timedelta(0) <= at - parse_rfc3339(rfc3339(at)) < timedelta(milliseconds=1)


@given(DAYS, st.integers(1, 60))
def test_working_days_are_counted_one_by_one(start: date, n: int) -> None:
    due = CALENDAR.add_working_days(start, n)
    assert CALENDAR.is_working_day(due.day)
    assert CALENDAR.working_days_between(start, due.day) == n
    assert (
        CALENDAR.add_working_days(CALENDAR.add_working_days(start, n).day, 1).day == CALENDAR.add_working_days(start, n + 1).day
    )


@given(DAYS, st.integers(0, 60), st.sampled_from([Unit.MONTH, Unit.CALENDAR_DAY]))
def test_rolling_ends_on_the_next_working_day(start: date, n: int, unit: Unit) -> None:
    rolled, raw = CALENDAR.due(start, n, unit), CALENDAR.due(start, n, unit, Roll.NONE)
    assert rolled.raw == raw.day <= rolled.day
    assert CALENDAR.is_working_day(rolled.day)
    between = [rolled.raw + timedelta(days=k) for k in range((rolled.day - rolled.raw).days)]
    assert not any(map(CALENDAR.is_working_day, between))


@given(DAYS, st.integers(0, 240))
def test_months_keep_the_day_or_clamp(start: date, n: int) -> None:
    end = add_months(start, n)
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == n
    assert end.day == start.day or (end + timedelta(days=1)).day == 1


@given(st.integers(1, 200), st.floats(0.1, 100), st.floats(100, 10_000))
def test_waits_grow_up_to_the_longest(attempts: int, first: float, longest: float) -> None:
    assert first <= wait_s(attempts, first, longest) <= wait_s(attempts + 1, first, longest) <= longest
