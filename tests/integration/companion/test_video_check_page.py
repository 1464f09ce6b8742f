"""Case 10 in the browser's terms: the officer opens the call of a case file, its recording decides the step, nobody types a hash."""

from __future__ import annotations

import re

import pytest

from companion import video_check
from console.app import create_app
from core import accounts
from core.auth import Principal, Role
from core.errors import NotFound
from tests.integration.companion.test_case_10 import granted
from tests.integration.companion.test_vessel_links import kept
from tests.integration.console.client import Client
from video import attend, seat_of
from video.rooms import Rooms


def desk(app, services, user, role):
    opened = accounts.open_session(services, Principal(user, role, user, None))
    client = Client(app)
    client.cookies.set("yunjian_session", opened.token)
    client.headers["x-csrf-token"] = accounts.csrf_token(opened.token)
    client.headers["accept"] = "text/html"
    return client


def test_a_check_by_video_from_the_open_call_to_the_step(window):
    case = granted(window).case
    services = window.services
    app = create_app(services)
    officer = desk(app, services, "officer-1", Role.APPROVAL)
    assert f"/reforms/video/{case.id}" in officer.get(f"/reforms/cases/{case.id}").text
    place = f"/reforms/video/{case.id}"
    assert desk(app, services, "bank", Role.BANK).get(place).status_code == 403
    opened = officer.post(f"{place}/room")
    assert opened.status_code == 200
    room_id = re.search(r'href="/call/([^"]+)"', opened.text)[1]
    assert "/call/join#" in opened.text
    assert officer.get(f"/call/{room_id}").status_code == 200
    rooms = Rooms(services)
    other = Principal("officer-2", Role.APPROVAL, "Other")
    mine = attend(services, rooms, room_id, Principal("officer-1", Role.APPROVAL, "Mine"))
    assert seat_of(services, mine.token).subject_ref == video_check.subject_of(case.id)
    with pytest.raises(NotFound):  # another officer
        attend(services, rooms, room_id, other)
    window.at("2026-05-20")
    officer = desk(app, services, "officer-1", Role.APPROVAL)
    recording = kept(services, case.id, services.clock.now())
    assert recording.sha256[:16] in officer.get(place).text
    strange = officer.post(f"{place}/conclude", data={"evidence": "no-such", "equipment_seen": "yes"})
    assert strange.status_code == 422
    done = officer.post(f"{place}/conclude", data={"evidence": recording.id, "equipment_seen": "yes"})
    assert done.status_code == 303
    assert "reforms/video" not in officer.get(f"/reforms/cases/{case.id}").text, "the step is taken"
