"""The private interview: who gets in, who is told, what is kept and what nobody else can read."""

from __future__ import annotations

import json
import time

from websockets.sync.client import connect

from core import accounts, evidence, journal
from core.auth import Principal, Role
from tests.integration.video.conftest import INSPECTOR, SUBJECT, Site
from tests.integration.video.test_marks import picture, send, until
from video import SeatRole, admit, attend, seat_of

SECOND = Principal("00000000-0000-7000-8000-000000000002", Role.INSPECTOR, "Second inspector")
SUPERVISOR = Principal("00000000-0000-7000-8000-000000000003", Role.SUPERVISOR, "Supervisor")
WORDS = "The third engineer says the oily water separator was bypassed"


def quiet_for(line: object, seconds: float = 1.5) -> list[str]:
    """Kinds of what a line hears in this time."""
    heard, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            heard.append(json.loads(line.recv(timeout=left))["type"])
        except TimeoutError:
            break
    return heard


def nothing_outside(site: Site, apart: str) -> None:
    with site.services.db.read() as session:
        told = json.dumps([one.payload for one in journal.entries(session, SUBJECT)])
        assert apart not in told, "the case's stream does not know of it"
        assert all(one.extra.get("room_id") != apart for one in evidence.of_subject(session, SUBJECT))
    for path in site.services.settings.data_dir.glob("*.db*"):
        assert WORDS.encode() not in path.read_bytes(), f"{path.name} holds the note in clear"


def test_a_private_interview_is_known_to_those_in_it_only(site: Site) -> None:
    room = site.room(SeatRole.CREW, SeatRole.COMPANY, SeatRole.INTERPRETER)
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    key = seat_of(site.services, lead.token)
    tokens, seats = [], [seat.seat_id for seat in room.seats]
    for seat in room.seats:
        with site.client() as http:
            tokens.append(http.post("/api/v1/video/join", json={"code": seat.link}).json()["token"])
        admit(site.services, site.rooms, key, seat.seat_id)
    address = f"{site.url.replace('http', 'ws')}/ws/v1/video/rooms/{room.room_id}"
    place = f"/api/v1/video/rooms/{room.room_id}/interviews"
    with site.client(lead.token) as inspector, connect(address) as crew, connect(address) as company:
        for line, token in ((crew, tokens[0]), (company, tokens[1])):
            line.send(json.dumps({"type": "hello", "token": token}))
            until(line, "welcome")
        assert inspector.post(place, json={"seafarer_seat": seats[1]}).status_code == 422, "the company is not a seafarer"
        order = {"seafarer_seat": seats[0], "interpreter_seat": seats[2]}
        with site.client(tokens[1]) as http:
            assert http.post(place, json=order).status_code == 403
        quiet_for(company)
        apart = inspector.post(place, json=order).json()["room_id"]
        link = until(crew, "interview")["link"]
        assert quiet_for(company) == []

    with site.client() as http:
        seafarer = http.post("/api/v1/video/join", json={"code": link}).json()
    held = attend(site.services, site.rooms, apart, INSPECTOR)
    admit(site.services, site.rooms, seat_of(site.services, held.token), seafarer["seat_id"])
    for stranger in (SECOND, SUPERVISOR):
        with site.client() as http:
            opened = accounts.open_session(site.services, stranger)
            http.cookies.set("yunjian_session", opened.token)
            http.headers["x-csrf-token"] = accounts.csrf_token(opened.token)
            assert http.post(f"/api/v1/video/rooms/{apart}/attend").status_code == 404
            assert http.get(f"/api/v1/video/interviews/{apart}/notes").status_code == 404
    with site.client(tokens[1]) as http:
        assert http.get(f"/api/v1/video/rooms/{apart}").status_code == 403

    here = f"/api/v1/video/rooms/{apart}"
    with site.client(held.token) as inspector, site.client(seafarer["token"]) as phone:
        assert inspector.post(f"{here}/recording").status_code == 409, "the seafarer has not asked"
        assert phone.post(f"{here}/notes", json={"text": "x"}).status_code == 403
        assert inspector.post(f"{here}/notes", json={"text": WORDS}).status_code == 201
        assert send(phone, picture()).status_code == 204
        notice = seafarer["consent"]["version"]
        assert phone.post(f"{here}/consent", json={"version": notice, "language": "en"}).status_code == 204
        assert inspector.post(f"{here}/recording").status_code == 201, "now he has"
        assert inspector.post(f"{here}/close").status_code == 204
    with site.client() as http:
        opened = accounts.open_session(site.services, INSPECTOR)
        http.cookies.set("yunjian_session", opened.token)
        assert [note["text"] for note in http.get(f"/api/v1/video/interviews/{apart}/notes").json()] == [WORDS]
    nothing_outside(site, apart)
