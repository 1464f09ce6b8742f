"""Asking people into an open call, moving a seat to another phone, what a person answers, the link check: over real HTTP."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import httpx
import pytest
from icalendar import Calendar

from core import evidence, journal
from core.clock import rfc3339
from core.events import since
from tests.integration.video.conftest import INSPECTOR, ITEM, SUBJECT, Site
from video import SeatRole, admit, attend, seat_of
from video.answers import MEDIA_TYPE, MOST_BYTES

TUS = {"tus-resumable": "1.0.0"}
PIECE = {**TUS, "content-type": "application/offset+octet-stream", "upload-offset": "0"}


def join(site: Site, link: str) -> httpx.Response:
    with site.client() as http:
        return http.post("/api/v1/video/join", json={"code": link, "name": "Bosun"})


def crew_in(site: Site, *roles: SeatRole) -> tuple[str, str, str, str]:
    """Room, the inspector's token, the first seat and its token."""
    room = site.room(*roles)
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    joined = join(site, room.seats[0].link).json()
    admit(site.services, site.rooms, seat_of(site.services, lead.token), joined["seat_id"])
    return room.room_id, lead.token, joined["seat_id"], joined["token"]


def upload(client: httpx.Client, data: bytes, **facts: str) -> httpx.Response:
    facts = {"captured_at": rfc3339(datetime.now(UTC)), "item_ref": ITEM, "media_type": MEDIA_TYPE, **facts}
    header = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in facts.items())
    made = client.post("/api/v1/video/uploads", headers={**TUS, "upload-length": str(len(data)), "upload-metadata": header})
    assert made.status_code == 201, made.text
    return client.patch(made.headers["location"], content=data, headers=PIECE)


def test_an_invitation_comes_as_link_text_code_and_calendar_entry(site: Site) -> None:
    room_id, lead, _, crew = crew_in(site)
    path = f"/api/v1/video/rooms/{room_id}/seats"
    with site.client(lead) as http:
        made = http.post(path, json={"role": "class", "name_hint": "CCS Dalian"})
        assert made.status_code == 201, made.text
        for role in ("inspector", "camera"):
            assert http.post(path, json={"role": role}).json()["code"] == "video.invite_role"
        room = http.get(f"/api/v1/video/rooms/{room_id}").json()
    with site.client(crew) as http:
        assert http.post(path, json={"role": "observer"}).status_code == 403
    sheet = made.json()
    assert sheet["link"] in sheet["text_zh"]
    assert sheet["link"] in sheet["text_en"]
    assert "船级社" in sheet["text_zh"]
    assert sheet["qr"].startswith("data:image/svg+xml;base64,")
    (event,) = Calendar.from_ical(sheet["ics"]).walk("VEVENT")
    assert f"{event.decoded('dtend'):%Y-%m-%dT%H:%M:%S}" == room["not_after"][:19]
    assert str(event["url"]) == sheet["link"]
    joined = join(site, sheet["link"]).json()
    assert (joined["role"], joined["state"]) == ("class", "waiting")
    with site.services.db.read() as session:
        entries = [entry for entry in journal.entries(session, SUBJECT) if entry.action == "video.seat_added"]
    assert "CCS" not in json.dumps([entry.payload for entry in entries])


def test_a_seat_moves_to_another_phone_without_a_second_admission(site: Site) -> None:
    room_id, lead, seat_id, old = crew_in(site)
    with site.client(lead) as http:
        moved = http.post(f"/api/v1/video/rooms/{room_id}/seats/{seat_id}/link").json()
    with site.client(old) as http:
        assert http.get(f"/api/v1/video/rooms/{room_id}").status_code == 403, "the old phone is out at once"
    joined = join(site, moved["link"]).json()
    assert (joined["seat_id"], joined["state"]) == (seat_id, "admitted")
    again = join(site, moved["link"])
    assert again.json()["code"] == "code.replayed", "the new link is bound to the new phone too"


@pytest.mark.parametrize("data", [b"{}", b"no", b'{"schema": "yunjian.answer/1", "value": "maybe"}', b" " * (MOST_BYTES + 1)])
def test_an_answer_that_is_none_is_refused(site: Site, data: bytes) -> None:
    _, _, _, crew = crew_in(site)
    with site.client(crew) as http:
        refused = upload(http, data)
    assert (refused.status_code, refused.json()["code"]) == (422, "video.not_an_answer")


def test_every_fact_of_a_capture_is_in_its_envelope(site: Site) -> None:
    room_id, lead, seat_id, crew = crew_in(site)
    with site.client(lead) as http, site.client(crew) as phone:
        notice = join(site, site.room().seats[0].link).json()["consent"]["version"]
        assert (
            phone.post(f"/api/v1/video/rooms/{room_id}/consent", json={"version": notice, "language": "zh"}).status_code == 204
        )
        recording = http.post(f"/api/v1/video/rooms/{room_id}/recording").json()["recording_id"]
        request = http.post(f"/api/v1/video/rooms/{room_id}/requests", json={"item_ref": ITEM, "unit": "door 7"}).json()
        data = json.dumps({"schema": "yunjian.answer/1", "value": "no", "text": "Seal worn 密封条磨损"}).encode()
        captured = "2026-11-24T02:03:04.500Z"
        sent = upload(
            phone, data, captured_at=captured, clock_offset_ms="-1500", device="Phone 1", position="122.1,40.6,8.5,phone",
            order="12", client_key="k1",
        )  # fmt: skip
        assert sent.status_code == 204, sent.text
        assert http.delete(f"/api/v1/video/rooms/{room_id}/recording").status_code == 204
    with site.services.db.read() as session:
        (kept,) = [
            one for one in evidence.of_subject(session, SUBJECT)
            if one.extra["room_id"] == room_id and one.extra.get("part") == "answer"
        ]  # fmt: skip
        facts = [event.payload for event in since(session, 0) if event.type == "video.evidence_kept"]
        entries = journal.entries(session, SUBJECT)
    assert (rfc3339(kept.captured_at), kept.clock_offset_ms, kept.device) == (captured, -1500, "Phone 1")
    assert kept.received_at > kept.captured_at
    assert kept.position is not None
    assert (kept.position.lonlat, kept.position.accuracy_m, kept.position.source) == ((122.1, 40.6), 8.5, "phone")
    assert (kept.item_ref, kept.kind, kept.sha256) == (ITEM, "document", sent.headers["x-sha256"])
    extra = kept.extra
    assert (extra["asked_by"], extra["shot_by"], extra["request_id"]) == (
        INSPECTOR.user_id,
        f"seat:{seat_id}",
        request["request_id"],
    )
    assert (extra["unit"], extra["order"], extra["recording"]["recording_id"]) == ("door 7", 12, recording)
    assert extra["recording"]["at_ms"] >= 0
    assert len(extra["challenge"]) == 4
    assert kept.id in {fact["evidence_id"] for fact in facts}
    journal.verify(entries)
    assert "Seal worn" not in json.dumps([entry.payload for entry in entries])


def test_the_link_check_takes_bytes_of_its_own_room_and_not_too_many(site: Site) -> None:
    room_id, _, _, crew = crew_in(site)
    other, _, _, _ = crew_in(site)
    with site.client(crew) as http:
        assert http.post(f"/api/v1/video/rooms/{room_id}/probe", content=b"x" * 70_000).json() == {"bytes": 70_000}
        assert http.post(f"/api/v1/video/rooms/{room_id}/probe", content=b"x" * ((1 << 20) + 1)).status_code == 413
        assert http.post(f"/api/v1/video/rooms/{other}/probe", content=b"x").status_code == 403


def test_observers_and_drones_are_nobody_to_ask_for_consent(site: Site) -> None:
    for role in (SeatRole.OBSERVER, SeatRole.DRONE):
        room_id, lead, _, _ = crew_in(site, role)
        with site.client(lead) as http:
            assert http.post(f"/api/v1/video/rooms/{room_id}/recording").status_code == 201
            assert http.delete(f"/api/v1/video/rooms/{room_id}/recording").status_code == 204
