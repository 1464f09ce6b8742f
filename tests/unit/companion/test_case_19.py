"""Case 19, freight supervision: the numbered scenarios (scenario 6, the revoked licence, is in the integration tests)."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from companion.freight import Known, Outcome, Trip, freight_rules, judge, phone_sketch
from core.track_overlap import Track
from tests.unit.core.test_track_overlap import trip

RULES = freight_rules()
PHOTOS = frozenset(RULES.photos)


def track(source, *, km=20.0, **more):
    """Short trips: how long they are matters to the share alone."""
    return trip(source, km=km, **more)


def order(*tracks, order_id="o1", phone="13800000000", photos=PHOTOS):
    return Trip(order_id, phone, tracks, photos)


def outcome(trip, others=()):
    return judge(trip, others, RULES)


@pytest.mark.parametrize(("near_km", "expected"), [(90, Outcome.PASSED), (84, Outcome.MANUAL)])
def test_case_19_scenario_1(near_km, expected):
    judged = outcome(
        order(track("beidou", km=100), track("gps", km=100, near_km=near_km, shift_m=RULES.limits["radius_m"] - 20))
    )
    assert judged.outcome is expected
    assert judged.pairs[0].ratio == pytest.approx(near_km / 100, abs=0.006)


def test_case_19_scenario_2():
    assert outcome(order(track("gps"))).reasons == (("too_few_sources", "1"),)


def test_case_19_scenario_3():
    first = order(track("phone"), track("gps", shift_m=30), order_id="o1")
    known = Known("o1", first.phone, datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(5000, UTC), phone_sketch(first))
    again = order(track("phone"), track("beidou", shift_m=60), order_id="o2")
    assert outcome(again, [known]).outcome is Outcome.DUPLICATE
    assert outcome(again, [known]).reasons == (("same_track", "o1"),)
    under_another_number = Trip("o3", "13900000000", again.tracks, PHOTOS)
    assert outcome(under_another_number, [known]).outcome is Outcome.DUPLICATE
    same_phone_other_road = order(track("phone", shift_m=90), track("beidou", shift_m=60), order_id="o4")
    assert outcome(same_phone_other_road, [known]).outcome is Outcome.DUPLICATE
    later = order(track("phone", clock_s=9000), track("beidou", clock_s=9000, shift_m=30), order_id="o5")
    assert outcome(later, [known]).outcome is Outcome.PASSED


def test_case_19_scenario_4():
    judged = outcome(order(track("gps", speed_kmh=1000), track("beidou", speed_kmh=1000, shift_m=10)))
    assert judged.outcome is Outcome.IMPLAUSIBLE
    assert "1000" in judged.reasons[0][1] or "99" in judged.reasons[0][1]


def test_case_19_scenario_5():
    judged = outcome(order(track("beidou"), track("gps", clock_s=3 * 3600, shift_m=10)))
    assert judged.outcome is Outcome.CLOCK_OFFSET
    assert "+10800 s" in judged.reasons[0][1]


def test_a_copied_source_is_not_a_second_source():
    copied = track("gps")
    judged = outcome(order(copied, Track("beidou", copied.t_s, copied.lon, copied.lat)))
    assert judged.reasons[0] == ("too_few_sources", "1")


def test_both_photos_are_needed():
    judged = outcome(order(track("gps"), track("beidou", shift_m=10), photos=frozenset(RULES.photos[:1])))
    assert judged.reasons == (("photo_missing", RULES.photos[1]),)


def test_every_pair_has_to_overlap():
    astray = Track("phone", track("x").t_s, np.asarray(track("x").lon), track("x").lat + 0.1)
    assert outcome(order(track("gps"), track("beidou", shift_m=10), astray)).outcome is Outcome.MANUAL
