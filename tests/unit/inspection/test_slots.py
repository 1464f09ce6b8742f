"""Times of an appointment: duties, rest, weather, link and daylight each refuse, and what refused is named."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ais.rest import check_rest
from core.errors import InputError
from core.geo import LonLat
from inspection.appointment import PortStay, appointment_rules
from inspection.duties import CrewPlan, Daily, Once, clashes, duty_spans, planned_rest, rest_scheme, without
from inspection.plan_text import crew_plan_from, utc_time, weather
from inspection.slots import Conditions, LinkTest, Weather, find_slots

NOW = datetime(2026, 11, 24, 22, tzinfo=UTC)  # 06:00 in the port
HOUR = timedelta(hours=1)
STAY = PortStay("berth A1", LonLat(122.06, 40.28))
RULES = appointment_rules()
FOUR_ON = CrewPlan(seat="chief-officer", daily=(Daily(starts=time(4), ends=time(8)), Daily(starts=time(16), ends=time(20))))


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_watch_in_ships_time_also_over_midnight():
    spans = duty_spans(FOUR_ON, at(25, 0), at(26, 0))
    assert [(a, b) for _, a, b in spans] == [(at(24, 20), at(25, 0)), (at(25, 8), at(25, 12)), (at(25, 20), at(26, 0))][1:]
    night = CrewPlan(seat="x", utc_offset_min=0, daily=(Daily(starts=time(20), ends=time(2)),))
    assert [(a, b) for _, a, b in duty_spans(night, at(25, 0), at(25, 12))] == [(at(24, 20), at(25, 2))]


@pytest.mark.parametrize("kind", ["watch", "cargo", "manoeuvring"])
def test_a_duty_refuses_and_names_itself(kind):
    plan = CrewPlan(seat="master", once=(Once(kind=kind, starts_at=at(25, 2), ends_at=at(25, 4)),))
    assert [one.rule for one in clashes(plan, at(25, 3), at(25, 5))] == [kind]
    assert clashes(plan, at(25, 4), at(25, 6)) == []
    assert clashes(plan, at(25, 0), at(25, 2)) == []


def test_rest_is_kept_and_the_rule_is_named():
    """Six on, six off leaves 12 h in two periods: two hours out of one of them break the 6-hour period (R3)."""
    six = CrewPlan(
        seat="second", utc_offset_min=0, daily=(Daily(starts=time(0), ends=time(6)), Daily(starts=time(12), ends=time(18)))
    )
    refused = clashes(six, at(25, 7), at(25, 10))
    assert {one.rule for one in refused} == {"stcw_mlc_rest:R1", "stcw_mlc_rest:R3"} or {one.rule for one in refused} >= {
        "stcw_mlc_rest:R1"
    }
    assert "STCW A-VIII/1" in refused[0].reason.en
    assert clashes(FOUR_ON, at(25, 0), at(25, 2)) == []


def test_a_breach_that_was_there_before_is_not_the_appointments():
    worked = CrewPlan(seat="x", utc_offset_min=0, rests=((at(20, 0), at(20, 4)), (at(22, 0), at(26, 12))))
    assert check_rest(rest_scheme(), worked.rests, (at(20, 0), at(26, 12)))
    assert clashes(worked, at(26, 2), at(26, 4)) == []


def test_where_nothing_is_left_the_rules_are_named():
    busy = CrewPlan(
        seat="master", utc_offset_min=0, daily=(Daily(starts=time(0), ends=time(12)), Daily(starts=time(12), ends=time(0)))
    )
    found = find_slots(NOW, STAY, 2 * HOUR, RULES, Conditions(crew=(busy,)))
    assert found.slots == ()
    assert found.tried > 100
    rules = {one.rule: one for one in found.obstacles}
    assert rules["watch"].times == found.tried
    assert "master" in rules["watch"].example.en
    assert "值班" in rules["watch"].example.zh
    short = PortStay("A1", STAY.position, arrives_at=NOW, departs_at=NOW + 3 * HOUR)
    assert [one.rule for one in find_slots(NOW, short, 2 * HOUR, RULES, Conditions()).obstacles] == ["stay"]


WEATHERS = [
    (Weather(starts_at=at(24, 0), ends_at=at(29, 0), wind_m_s=8.1), "8.1"),
    (Weather(starts_at=at(24, 0), ends_at=at(29, 0), wind_m_s=3, gust_m_s=13), "13"),
    (Weather(starts_at=at(24, 0), ends_at=at(29, 0), visibility_m=900), "900"),
    (Weather(starts_at=at(24, 0), ends_at=at(29, 0), rain=True), "snow"),
]


@pytest.mark.parametrize(("forecast", "said"), WEATHERS)
def test_weather_refuses_the_drone_but_not_a_call(forecast, said):
    found = find_slots(NOW, STAY, HOUR, RULES, Conditions(weather=(forecast,)))
    assert not found.slots
    assert said in {one.rule: one for one in found.obstacles}["weather"].example.en
    assert find_slots(NOW, STAY, HOUR, RULES, Conditions(weather=(forecast,), survey=False)).slots


def test_a_weak_link_refuses_and_unknown_things_are_said():
    weak = LinkTest(at=NOW, up_kbps=180, rtt_ms=300, loss_pct=1)
    assert not find_slots(NOW, STAY, HOUR, RULES, Conditions(link=weak)).slots
    good = find_slots(NOW, STAY, HOUR, RULES, Conditions(link=weak.model_copy(update={"up_kbps": 900.0})))
    assert good.slots
    assert len(good.notes) == 2
    assert len(find_slots(NOW, STAY, HOUR, RULES, Conditions()).notes) == 3
    assert all(slot.daylight for slot in good.slots)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 23), st.integers(1, 8)), min_size=1, max_size=3),
    st.integers(-600, 600),
    st.integers(1, 4),
)
def test_no_offered_time_touches_a_duty_or_breaks_rest(watches, offset, hours):
    plan = CrewPlan(
        seat="x",
        utc_offset_min=offset,
        daily=tuple(Daily(starts=time(start), ends=time((start + long) % 24)) for start, long in watches),
    )
    found = find_slots(NOW, STAY, hours * HOUR, RULES, Conditions(crew=(plan,), survey=False))
    for slot in found.slots:
        assert not duty_spans(plan, slot.starts_at, slot.ends_at)
        around = (slot.starts_at - timedelta(days=7), slot.ends_at + timedelta(days=7))
        rests = planned_rest(plan, *around)
        before = {one.rule for one in check_rest(rest_scheme(), rests, around, utc_offset_min=offset)}
        after = check_rest(rest_scheme(), without(rests, [(slot.starts_at, slot.ends_at)]), around, utc_offset_min=offset)
        assert {one.rule for one in after} <= before


def test_typed_lines():
    plan = crew_plan_from(
        "m", {"watches": "0:00-4:00，12:00-16:00", "zone": "-60", "once": "2026-11-25T08:00 2026-11-25T09:00 Cargo\n\n"}
    )
    assert (plan.utc_offset_min, len(plan.daily), plan.once[0].kind) == (-60, 2, "cargo")
    assert weather("2026-11-25T00:00Z 2026-11-25T06:00Z 7 - 5000 rain")[0].gust_m_s is None
    assert utc_time("2026-11-25T08:00+08:00") == at(25, 0)


@pytest.mark.parametrize(
    "typed",
    [
        {"watches": "4-8"}, {"watches": "25:00-26:00"}, {"once": "2026-11-25T08:00 cargo"}, {"zone": "x"}, {"zone": "900"},
        {"once": "2026-11-25T09:00 2026-11-25T08:00 cargo"}, {"rests": "a b"}, {"watches": "04:00-04:00"},
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_refused(typed):
    with pytest.raises((InputError, ValueError)):
        crew_plan_from("m", typed)
