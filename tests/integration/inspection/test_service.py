"""Service at any hour on a real database: requests climb the roster, notices reach ships in an area, each receipt is ticked."""

from datetime import timedelta

import pytest

from ais.live import LiveShip, Position
from ais.store import save_latest
from core import journal
from core.errors import InputError, NotFound, Refused
from core.geo import LonLat
from core.message_channels import Channel
from core.messages import deliver_due, outbox
from inspection import Actor, helpdesk, notices, roster
from inspection.books_store import of_subject
from inspection.notices import Address, CircleArea, NewNotice, PortArea
from inspection.service_rules import file_of, rules, ship_key
from tests.integration.inspection.conftest import INSPECTOR, SUPERVISOR

SHIP = Actor("seat:ship:1", "crew_guest")
HOUR = timedelta(hours=1)
ANCHORED, BERTHED, OUTSIDE, OLD = 413000001, 413000002, 413000003, 413000004


def shift(services, level, recipient, **more):
    now = services.clock.now()
    values = {
        "officer": f"officer-{level}",
        "level": level,
        "starts_at": now - HOUR,
        "ends_at": now + 8 * HOUR,
        "recipient": recipient,
    }
    return roster.add_shift(services, SUPERVISOR, roster.Shift(**(values | more)))


def told(services):
    with services.db.read() as session:
        return {one.message.recipient for one in outbox(session)}


def test_a_request_that_nobody_answers_climbs(services, clock):
    shift(services, 1, "one@duty.example")
    shift(services, 2, "two@duty.example")
    asked = helpdesk.ask(services, SHIP, "413000001", "TEST", "help", "Engine stopped")
    assert told(services) == {"one@duty.example"}
    assert helpdesk.sweep(services) == 0
    clock.sleep(rules().escalate_minutes * 60)
    assert (helpdesk.sweep(services), helpdesk.sweep(services)) == (1, 0)
    assert told(services) == {"one@duty.example", "two@duty.example"}
    helpdesk.answer(services, INSPECTOR, asked, "A tug is on its way")
    clock.sleep(rules().escalate_minutes * 600)
    assert helpdesk.sweep(services) == 0
    helpdesk.say(services, SHIP, asked, "Thank you")
    helpdesk.finish(services, INSPECTOR, asked, "Towed to the anchorage")
    with pytest.raises(Refused, match="request_closed"):
        helpdesk.answer(services, INSPECTOR, asked, "late")
    with services.db.read() as session:
        found = helpdesk.request(session, asked)
        assert [one.kind for one in found.thread] == ["asked", "escalated", "answer", "said", "closed"]
        assert (found.state, found.level) == ("closed", 2)
        assert len(of_subject(session, file_of("413000001"))) == 5
        actions = [one.action for one in journal.entries(session, file_of("413000001"))]
    assert actions == ["help_asked", "help_escalated", "help_answer", "help_said", "help_closed"]


def test_an_empty_roster_forgets_nobody(services, clock):
    asked = helpdesk.ask(services, SHIP, "413000001", "TEST", "extra_check", "Please look at our new rudder")
    for _ in range(10):
        clock.sleep(rules().escalate_minutes * 60)
        helpdesk.sweep(services)
    with services.db.read() as session:
        found = helpdesk.request(session, asked)
    assert (found.state, found.level) == ("waiting", rules().highest_level)
    with pytest.raises(InputError, match="words_needed"):
        helpdesk.ask(services, SHIP, "413000001", "TEST", "help", "  ")
    with services.db.read() as session, pytest.raises(NotFound):
        helpdesk.request(session, "none")


def test_gaps_of_the_roster_and_a_cancelled_shift(services, clock):
    now = clock.now()
    first = shift(services, 1, "", starts_at=now + HOUR, ends_at=now + 3 * HOUR)
    shift(services, 1, "", starts_at=now + 2 * HOUR, ends_at=now + 5 * HOUR)
    shift(services, 2, "", starts_at=now, ends_at=now + 9 * HOUR)
    with services.db.read() as session:
        listed = [one.shift for one in roster.roster(session, now)]
        assert [one.level for one in roster.on_call(session, now + 2 * HOUR)] == [1, 1, 2]
    assert roster.gaps(listed, now, now + 6 * HOUR) == [(now, now + HOUR), (now + 5 * HOUR, now + 6 * HOUR)]
    roster.cancel_shift(services, SUPERVISOR, first)
    with services.db.read() as session:
        assert len(roster.roster(session, now)) == 2
    with pytest.raises(NotFound):
        roster.cancel_shift(services, SUPERVISOR, "none")


@pytest.fixture
def harbour(services):
    at_ms = int(services.clock.now().timestamp() * 1000)

    def ship(mmsi, lon, lat, age_ms=0):
        position = Position(LonLat(lon, lat), at_ms - age_ms, "log", 0.0)
        return LiveShip(mmsi, "A", at_ms - age_ms, "log", 3, position, name=f"SHIP {mmsi % 10}")

    with services.db.ais_write() as session:
        save_latest(
            session,
            [
                ship(ANCHORED, 121.98, 40.305),
                ship(BERTHED, 122.06, 40.282),
                ship(OUTSIDE, 121.5, 40.0),
                ship(OLD, 121.98, 40.305, 10**9),
            ],
            "test",
        )
    return services


def test_a_notice_reaches_every_ship_in_its_area(harbour):
    services = harbour
    notices.keep_address(
        services, INSPECTOR, str(ANCHORED), Address(channel=Channel.EMAIL, recipient="one@ship.example", lang="zh")
    )
    notices.keep_address(
        services, INSPECTOR, str(ANCHORED), Address(channel=Channel.EMAIL, recipient="one@ship.example", lang="zh")
    )
    now = services.clock.now()
    for area, expected in (
        (PortArea(kind="anchorage"), {ANCHORED}),
        (PortArea(kind="port"), {ANCHORED, BERTHED}),
        (PortArea(kind="all"), {ANCHORED, BERTHED, OUTSIDE}),
        (CircleArea(kind="circle", lonlat=(121.5, 40.0), radius_nm=3), {OUTSIDE}),
    ):
        assert {one.mmsi for one in notices.ships_in(services, area)} == expected
    made = notices.issue_notice(
        services,
        INSPECTOR,
        NewNotice(template="gale", area=PortArea(kind="all"), valid_from=now, detail_zh="北风9级", detail_en="N 9"),
    )
    sent = []
    deliver_due(services, {Channel.EMAIL: sent.append})
    assert [(one.recipient, "北风9级" in one.body) for one in sent] == [("one@ship.example", True)]
    notices.mark_seen(services, SHIP, made, str(ANCHORED))
    notices.acknowledge(services, SHIP, made, str(ANCHORED), "link")
    notices.acknowledge(services, INSPECTOR, made, str(OUTSIDE), "vhf", "read out on channel 16")
    notices.acknowledge(services, INSPECTOR, made, str(OUTSIDE), "vhf")
    with services.db.read() as session:
        found = notices.notice(session, made)
        ticks = {int(one.ship): (one.told, one.seen_at is not None, one.how) for one in found.ticks}
        assert [one.id for one in notices.notices_for(session, str(OUTSIDE))] == [made]
    assert ticks == {
        ANCHORED: ("sent", True, "link"),
        BERTHED: ("no_address", False, None),
        OUTSIDE: ("no_address", False, "vhf"),
    }
    assert (found.acknowledged, found.valid_to - found.valid_from) == (2, timedelta(hours=24))
    with pytest.raises(NotFound):
        notices.acknowledge(services, SHIP, made, str(OLD), "link")


@pytest.mark.parametrize("template", [one.id for one in rules().template])
def test_every_template_speaks_both_languages(services, template):
    made = notices.issue_notice(
        services,
        INSPECTOR,
        NewNotice(template=template, area=PortArea(kind="all"), valid_from=services.clock.now(), detail_en="x"),
    )
    with services.db.read() as session:
        found = notices.notice(session, made)
    assert found.body.zh != found.body.en
    assert found.ticks == ()


def test_wrong_notices_are_refused(services):
    now = services.clock.now()
    with pytest.raises(InputError, match="template_unknown"):
        notices.issue_notice(services, INSPECTOR, NewNotice(template="x", area=PortArea(kind="all"), valid_from=now))
    with pytest.raises(InputError, match="notice_times"):
        notices.issue_notice(
            services, INSPECTOR, NewNotice(template="fog", area=PortArea(kind="all"), valid_from=now, valid_to=now)
        )
    with pytest.raises(InputError, match="radius"):
        notices.ships_in(services, CircleArea(kind="circle", lonlat=(0, 0), radius_nm=9999))


@pytest.mark.parametrize(
    ("typed", "key"),
    [("413000001", "413000001"), ("9074729", "imo9074729"), (" IMO9074729 ", "imo9074729"), ("12345", "000012345")],
)
def test_how_a_ship_is_named(typed, key):
    assert ship_key(typed) == key
