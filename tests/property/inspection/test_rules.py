"""Properties: unknown facts never make a verdict milder than knowing the worst; slots stay inside; the sun repeats."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refused
from core.geo import LonLat
from inspection.appointment import PortStay, appointment_rules, propose_slots
from inspection.daylight import sun_elevation_deg
from inspection.eligibility import EligibilityFacts, judge, packs

CLASSES = st.sampled_from(["LRS", "SRS", "HRS", None])
FLAG = st.sampled_from([True, False, None])
INSTANTS = st.integers(0, 48 * 366 * 24 * 60).map(lambda minutes: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
ORDER = ["remote", "remote_then_attend", "attend_only"]
FACTS = st.builds(
    EligibilityFacts,
    today=st.just(date(2026, 11, 24)), profile_best=CLASSES, profile_worst=CLASSES, priority=st.sampled_from(["I", "II", None]),
    selection_class=st.sampled_from(["FP0", "FP1", None]), overriding=FLAG, detained=FLAG, under_investigation=FLAG,
    trigger=st.sampled_from(["normal_selection", "accident", None]), network_ok=FLAG, crew_skilled=FLAG, risk_accepted=FLAG,
    other_exclusion=FLAG, ship_type=st.sampled_from(["bulk carrier", "passenger ship", None]),
    last_remote=st.one_of(st.none(), st.dictionaries(st.sampled_from(["YJ-050", "YJ-061"]), st.dates(date(2020, 1, 1), date(2026, 11, 24))).map(MappingProxyType)),
)  # fmt: skip
WORST = {"network_ok": False, "crew_skilled": False, "risk_accepted": False, "detained": True, "under_investigation": True}


@given(FACTS, st.sampled_from(["first_check", "re_inspection"]), st.sampled_from(sorted(WORST)))
def test_learning_bad_news_never_makes_the_verdict_milder(facts, purpose, field):
    pack = packs()[purpose]
    before = judge(pack, replace(facts, **{field: None}))
    after = judge(pack, replace(facts, **{field: WORST[field]}))
    assert ORDER.index(after.verdict) >= ORDER.index(before.verdict)


@given(FACTS, st.sampled_from(["first_check", "re_inspection"]))
def test_a_plain_remote_verdict_rests_on_no_open_fact_but_conditions(facts, purpose):
    found = judge(packs()[purpose], facts)
    unknown = {rule.id for rule in found.part.rules if rule.met is None}
    assert set(found.conditions) <= unknown
    if found.verdict == "remote":
        assert unknown <= set(found.conditions) | {"inspection_due"}


@given(
    INSTANTS, st.floats(-60, 60), st.floats(-180, 180),
    st.integers(0, 40), st.integers(1, 60), st.integers(15, 200),
)  # fmt: skip
def test_slots_stay_inside_the_stay(now, lat, lon, arrives, stays, minutes):
    rules = appointment_rules()
    stay = PortStay("p", LonLat(lon, lat), now + timedelta(hours=arrives), now + timedelta(hours=arrives + stays))
    try:
        slots = propose_slots(now, stay, timedelta(minutes=minutes), rules)
    except Refused:
        return
    for slot in slots:
        assert slot.starts_at >= now + timedelta(hours=rules.min_notice_h)
        assert slot.starts_at >= stay.arrives_at + timedelta(hours=rules.settle_after_arrival_h)
        assert slot.ends_at <= stay.departs_at - timedelta(hours=rules.clear_before_departure_h)
        assert slot.starts_at.minute % rules.step_minutes == 0
        assert slot.daylight


@given(INSTANTS, st.floats(-89, 89), st.floats(-180, 180))
def test_the_sun_is_never_above_what_the_tropics_allow(at, lat, lon):
    elevation = sun_elevation_deg(LonLat(lon, lat), at)
    assert elevation <= 90.0 - max(0.0, abs(lat) - 23.45) + 1e-6
    tomorrow = sun_elevation_deg(LonLat(lon, lat), at + timedelta(days=1))
    assert tomorrow == pytest.approx(elevation, abs=1.0)
