"""One appointment for everything due: contents, slots in daylight inside the stay, the sun itself."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar

from core.errors import Refused
from core.geo import LonLat
from inspection.appointment import PortStay, appointment_rules, collect, invitation, length_of, propose_slots
from inspection.checklist import current_edition
from inspection.daylight import sun_elevation_deg
from inspection.record import CaseRecord, Text

YINGKOU = LonLat(122.07, 40.30)
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
GOLDEN = CaseRecord.model_validate(
    json.loads((Path(__file__).parents[2] / "contract/inspection/record.golden.json").read_text(encoding="utf-8"))
)


@pytest.mark.parametrize(
    ("place", "at", "elevation"),
    [
        (LonLat(0.0, 0.0), datetime(2026, 3, 20, 12, 7, tzinfo=UTC), 90.0),
        (LonLat(0.0, 23.44), datetime(2026, 6, 21, 12, 2, tzinfo=UTC), 90.0),
        (LonLat(0.0, 51.48), datetime(2026, 12, 21, 11, 58, tzinfo=UTC), 90.0 - 51.48 - 23.44),
        (LonLat(0.0, 90.0), datetime(2026, 12, 21, 20, 50, tzinfo=UTC), -23.44),
    ],
)
def test_sun_at_noon_of_equinox_and_solstice(place, at, elevation):
    assert sun_elevation_deg(place, at) == pytest.approx(elevation, abs=0.3)


def test_slots_keep_notice_daylight_and_the_stay():
    rules = appointment_rules()
    slots = propose_slots(NOW, PortStay("berth", YINGKOU), timedelta(minutes=90), rules)
    assert len(slots) == rules.proposals
    assert slots[0].starts_at == NOW + timedelta(hours=rules.min_notice_h)
    for slot in slots:
        assert slot.daylight
        assert sun_elevation_deg(YINGKOU, slot.starts_at) >= rules.min_sun_elevation_deg
        assert sun_elevation_deg(YINGKOU, slot.ends_at) >= rules.min_sun_elevation_deg
    assert all(first.ends_at <= second.starts_at for first, second in itertools.pairwise(slots))


def test_a_stay_in_the_dark_has_no_slot_with_drone_but_has_one_without():
    night = PortStay("berth", YINGKOU, arrives_at=NOW + timedelta(hours=7), departs_at=NOW + timedelta(hours=18))
    with pytest.raises(Refused, match="no_slot"):
        propose_slots(NOW, night, timedelta(hours=1), appointment_rules())
    slots = propose_slots(NOW, night, timedelta(hours=1), appointment_rules(), needs_daylight=False)
    assert slots[0].starts_at == night.arrives_at + timedelta(hours=1)
    assert not slots[0].daylight


def test_one_appointment_covers_checklist_papers_and_survey():
    due = collect(GOLDEN.ship, current_edition().as_part(), attend_items=("YJ-050",))
    refs = {item.ref for item in due}
    assert {"YJ-010", "CSSE", "survey"} <= refs
    assert not refs & {"YJ-050", "YJ-090", "PSSC", "CN-SELF", "CLC"}
    papers = sum(item.kind == "certificate" for item in due)
    rules = appointment_rules()
    assert length_of(due, rules) == timedelta(
        minutes=rules.call_minutes + rules.survey_minutes + papers * rules.document_minutes_per_item
    )


def test_an_unknown_size_asks_for_the_paper_and_says_so():
    due = collect(GOLDEN.ship.model_copy(update={"gross_tonnage": None}), current_edition().as_part())
    paper = next(item for item in due if item.ref == "CSSE")
    assert "not known" in paper.reason.en


def test_invitation_says_everything_in_both_languages():
    sent = invitation(GOLDEN, [Text(zh="请确认网络", en="confirm the network")])
    assert GOLDEN.ship.name in sent.subject.zh
    assert "请确认网络" in sent.body.zh
    assert "confirm the network" in sent.body.en
    assert GOLDEN.simulated[0].en in sent.body.en
    event = Calendar.from_ical(sent.ics).walk("VEVENT")[0]
    assert event["dtstart"].dt == GOLDEN.appointment.starts_at
    with pytest.raises(Refused, match="no_appointment"):
        invitation(GOLDEN.model_copy(update={"appointment": None}), [])
