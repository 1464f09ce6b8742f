"""The pages of the appointment, the detention and the service: one walk through each, as people take it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from fastapi import FastAPI

import inspection
from core.auth import Role
from core.context import Services
from inspection import Actor, NewCase, NewDeficiency
from inspection.record import CaseRecord
from tests.integration.console.client import Client
from tests.integration.console.conftest import Opened

INSPECTOR = Actor("u-inspector", "inspector")
_CODE = re.compile(r'value="[^"]+/(appointment|detention|help)#([^"]+)"')


@pytest.fixture
def case_id(services: Services, golden: CaseRecord) -> str:
    new = NewCase(key="page", ship=golden.ship, selection=golden.selection)
    return inspection.open_case(services, INSPECTOR, new).case_id


def enter(app: FastAPI, path: str, code: str) -> Client:
    """A phone that opens a link."""
    guest = Client(app)
    assert guest.get(path).status_code == 200
    answer = guest.post(path, data={"code": code})
    assert answer.status_code == 303, answer.text
    found = re.search(r'name="csrf-token" content="([^"]+)"', guest.get(answer.headers["location"]).text)
    assert found is not None
    guest.headers["x-csrf-token"] = found.group(1)
    return guest


def plan_fields(watches: str) -> dict[str, str]:
    return {
        "berth": "A1", "weather": "", "p0_seat": "master", "p0_role": "crew_guest", "p0_responsible": "on", "p0_watches": watches,
        "p0_zone": "480", "p1_seat": "dpa", "p1_role": "company_staff", "p1_recipient": "dpa@company.example", "p1_lang": "zh",
    }  # fmt: skip


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_from_judging_to_the_ships_agreement(app: FastAPI, opened: Opened, case_id: str, services: Services, lang: str) -> None:
    officer = opened(Role.INSPECTOR)
    officer.get(f"/language/{lang}")
    base = f"/cases/{case_id}/appointment"
    assert officer.get(base).status_code == 200
    assert officer.post(f"/cases/{case_id}/judge", data={"purpose": "help"}).status_code == 303
    refused = officer.post(base, data=plan_fields("4-8"))
    assert refused.status_code == 422
    assert officer.post(base, data=plan_fields("00:00-12:00 12:00-00:00")).status_code == 303
    nothing = officer.get(base).text
    assert "watch" in nothing or "值班" in nothing
    assert 'name="starts_at"' not in nothing
    assert officer.post(base, data=plan_fields("04:00-08:00")).status_code == 303
    slot = re.search(r'name="starts_at" value="([^"]+)"', officer.get(base).text)
    assert slot is not None
    shown = officer.post(f"{base}/propose", data={"starts_at": slot.group(1)})
    assert shown.status_code == 200
    codes = [code for _, code in _CODE.findall(shown.text)]
    assert len(codes) == 2
    master = enter(app, "/appointment", codes[0])
    page = master.get(f"/appointment/{case_id}").text
    assert "confirmed" in page
    busy = {
        "what": "duties",
        "watches": "",
        "zone": "480",
        "once": f"{slot.group(1)} {later(slot.group(1))} cargo",
        "rests": "",
    }
    assert master.post(f"/appointment/{case_id}", data=busy).status_code == 303
    agree = {"what": "agree", "confirmed": re.findall(r'name="confirmed" value="([^"]+)"', page)}
    assert master.post(f"/appointment/{case_id}", data=agree).status_code == 409
    assert master.post(f"/appointment/{case_id}", data=busy | {"once": ""}).status_code == 303
    assert master.post(f"/appointment/{case_id}", data={"what": "other", "words": "After lunch please"}).status_code == 303
    assert "After lunch please" in officer.get(base).text
    assert master.post(f"/appointment/{case_id}", data=agree).status_code == 303
    assert b"BEGIN:VCALENDAR" in master.get(f"/api/v1/inspection/cases/{case_id}/invitation.ics").content
    with services.db.read() as session:
        assert inspection.record(session, case_id).state == "appointed"
    assert master.get("/service").status_code == 403
    asked = master.post("/help/mine", data={"kind": "help", "words": "We need a doctor"})
    assert asked.status_code == 303
    assert "We need a doctor" in officer.get("/service").text


def later(text: str) -> str:
    return (inspection.utc_time(text) + timedelta(minutes=30)).isoformat()


def test_detention_from_order_to_objection(app: FastAPI, opened: Opened, case_id: str, services: Services) -> None:
    inspection.judge_for(services, INSPECTOR, case_id, "help")
    walk_to_review(services, case_id)
    supervisor = opened(Role.SUPERVISOR)
    base = f"/cases/{case_id}/detention"
    assert supervisor.post(base, data={"what": "detain", "reason": "unsafe"}).status_code == 409
    assert supervisor.post(base, data={"what": "override", "reason": "sea too high"}).status_code == 303
    assert supervisor.post(base, data={"what": "detain", "reason": "unsafe"}).status_code == 303
    sent = {
        "what": "notice",
        "party": "flag_state",
        "about": "order",
        "recipient": "flag@state.example",
        "channel": "email",
        "lang": "en",
    }
    assert supervisor.post(base, data=sent).status_code == 303
    assert supervisor.post(base, data=sent | {"recipient": ""}).status_code == 422
    link = supervisor.post(base, data={"what": "link"}).text
    master = enter(app, "/detention", _CODE.findall(link)[0][1])
    assert master.post(f"/detention/{case_id}", data={"what": "object", "words": "It was renewed"}).status_code == 303
    for one in (
        {"what": "delivery", "notice": "2", "note": "read out"},
        {"what": "refusal", "witness1": "a", "witness2": "b"},
        {"what": "appeal", "words": "no"},
    ):
        assert supervisor.post(base, data=one).status_code == 303, one
    for lang in ("zh", "en"):
        supervisor.get(f"/language/{lang}")
        assert "It was renewed" in supervisor.get(base).text


def test_doubts_addenda_and_what_was_found_on_board(opened: Opened, case_id: str, services: Services) -> None:
    inspection.judge_for(services, INSPECTOR, case_id, "help")
    walk_to_review(services, case_id)
    base = f"/cases/{case_id}"
    assert opened(Role.INSPECTOR).get(f"{base}/beside").status_code == 200
    inspection.record_attendance(services, INSPECTOR, case_id, "went on board")
    inspection.approve(services, Actor("u-second", "supervisor"), case_id)
    inspection.issue(services, INSPECTOR, case_id)
    officer, supervisor = opened(Role.INSPECTOR), opened(Role.SUPERVISOR)
    assert (
        officer.post(f"{base}/addenda", data={"about": "place", "was": "A1", "now": "A2", "reason": "wrong berth"}).status_code
        == 303
    )
    assert officer.post(f"{base}/addenda/1/sign").status_code == 403
    assert supervisor.post(f"{base}/addenda/1/sign").status_code == 303
    assert supervisor.post(f"{base}/outcome", data={"YJ-001": "deficient"}).status_code == 422
    assert supervisor.post(f"{base}/outcome", data={}).status_code == 303
    for lang in ("zh", "en"):
        supervisor.get(f"/language/{lang}")
        assert "wrong berth" in supervisor.get(f"{base}/beside").text


def walk_to_review(services: Services, case_id: str) -> None:
    now = services.clock.now()
    seats = [inspection.Seat(seat="master", role="crew_guest", name="M")]
    proposal = inspection.Proposal(
        place="A1", starts_at=now + timedelta(hours=4), ends_at=now + timedelta(hours=6), participants=seats
    )
    inspection.invite(services, INSPECTOR, case_id, proposal)
    inspection.agree_appointment(
        services, Actor("m", "crew_guest", seat="master"), case_id, inspection.conditions_of(services, case_id)
    )
    for step in ("prepare", "start_session"):
        inspection.take_step(services, INSPECTOR, case_id, step)
    new = NewDeficiency(code="02112", standard_not_met="Shell kept fit", why="Corroded", ground_for_detention=True)
    inspection.add_deficiency(services, INSPECTOR, case_id, new)
    for step in ("end_session", "submit"):
        inspection.take_step(services, INSPECTOR, case_id, step)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_service_roster_and_notices(app: FastAPI, opened: Opened, lang: str) -> None:
    supervisor = opened(Role.SUPERVISOR)
    supervisor.get(f"/language/{lang}")
    shift = {
        "officer": "night desk",
        "level": "1",
        "starts_at": "2026-11-23T00:00",
        "ends_at": "2026-11-30T00:00",
        "recipient": "1",
    }
    assert supervisor.post("/duty", data=shift).status_code == 303
    assert supervisor.post("/duty", data=shift | {"ends_at": "2026-11-01T00:00"}).status_code == 422
    assert "night desk" in supervisor.get("/duty").text
    file = supervisor.post("/service/ships", data={"key": "413000001"}).headers["location"]
    assert (
        supervisor.post(f"{file}/address", data={"recipient": "a@b.example", "channel": "email", "lang": "en"}).status_code
        == 303
    )
    link = supervisor.post(f"{file}/link").text
    ship = enter(app, "/help", _CODE.findall(link)[0][1])
    assert ship.post("/help/mine", data={"kind": "extra_check", "words": "New rudder"}).status_code == 303
    queue = supervisor.get("/service").text
    request_id = re.search(r'action="/service/requests/([^"]+)"', queue)
    assert request_id is not None
    for what in ("answer", "call", "close"):
        assert (
            supervisor.post(f"/service/requests/{request_id.group(1)}", data={"what": what, "words": "Coming"}).status_code
            == 303
        )
    assert "/call/join" in ship.get("/help/mine").text
    other = ship.post("/help/mine", data={"words": "more", "request_id": request_id.group(1)})
    assert other.status_code == 409
    assert supervisor.post("/notices", data={"template": "gale", "area": "all"}).status_code == 303
    assert supervisor.post("/notices", data={"template": "gale", "area": "circle", "centre": "x"}).status_code == 422
    assert supervisor.get("/notices").status_code == 200
    assert supervisor.get(file).status_code == 200
