"""Drawing on a still, and what comes from a call held elsewhere: over real HTTP and the real websocket."""

from __future__ import annotations

import io
import json
import time

import httpx
from PIL import Image
from websockets.sync.client import connect

from core import evidence
from tests.integration.video.conftest import INSPECTOR, ITEM, SUBJECT, Site
from tests.integration.video.test_threats import PIECE, TUS, metadata
from video import SeatRole, admit, attend, seat_of

LINE = [[0.1, 0.2], [0.5, 0.6]]


def picture() -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (320, 240), (90, 30, 20)).save(sink, "JPEG")
    return sink.getvalue()


def send(client: httpx.Client, data: bytes, **facts: str) -> httpx.Response:
    made = client.post(
        "/api/v1/video/uploads", headers={**TUS, "upload-length": str(len(data)), "upload-metadata": metadata(**facts)}
    )
    if made.status_code != 201:
        return made
    return client.patch(made.headers["location"], content=data, headers={**PIECE, "upload-offset": "0"})


def party(site: Site) -> tuple[str, str, str]:
    """Room, the inspector's token, an admitted crew seat's token."""
    room = site.room(SeatRole.CREW)
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    with site.client() as http:
        joined = http.post("/api/v1/video/join", json={"code": room.seats[0].link}).json()
    admit(site.services, site.rooms, seat_of(site.services, lead.token), joined["seat_id"])
    return room.room_id, lead.token, joined["token"]


def kept(site: Site, room_id: str) -> list[evidence.Envelope]:
    with site.services.db.read() as session:
        return [one for one in evidence.of_subject(session, SUBJECT) if one.extra.get("room_id") == room_id]


def test_both_sides_draw_on_the_still_and_the_lines_are_kept_beside_it(site: Site) -> None:
    room_id, lead, crew = party(site)
    other, _, stranger = party(site)
    data = picture()
    with site.client(lead) as inspector, site.client(crew) as phone, site.client(stranger) as elsewhere:
        assert send(phone, data).status_code == 204
        still = kept(site, room_id)[0]
        place = f"/api/v1/video/rooms/{room_id}/stills/{still.id}"
        assert phone.get(place).content == data
        assert elsewhere.get(place).status_code == 403
        assert elsewhere.get(f"/api/v1/video/rooms/{other}/stills/{still.id}").status_code == 404
        assert phone.post(f"{place}/freeze").status_code == 403
        address = f"{site.url.replace('http', 'ws')}/ws/v1/video/rooms/{room_id}"
        with connect(address) as seen, connect(address) as drawing:
            seen.send(json.dumps({"type": "hello", "token": lead}))
            drawing.send(json.dumps({"type": "hello", "token": crew}))
            assert until(drawing, "welcome")["state"] == "admitted"
            assert until(seen, "welcome")["state"] == "admitted"
            assert inspector.post(f"{place}/freeze").status_code == 204
            assert until(drawing, "frozen")["evidence_id"] == still.id
            drawing.send(
                json.dumps({"type": "stroke", "stroke": {"evidence_id": still.id, "points": [[0.1, 2.0], [0.5, 0.6]]}})
            )
            assert until(drawing, "error")["code"] == "video.message", "a point outside the picture"
            drawing.send(json.dumps({"type": "stroke", "stroke": {"evidence_id": still.id, "points": LINE}}))
            assert until(seen, "stroke")["points"] == LINE
            layer = inspector.delete(f"{place}/freeze").json()
            assert until(drawing, "thawed")["evidence_id"] == still.id
    assert (layer["derived_from"], layer["item_ref"], layer["kind"]) == (still.id, ITEM, "document")
    document = json.loads(site.services.files.read(layer["sha256"]))
    assert document["still"] == {"evidence_id": still.id, "sha256": still.sha256}
    assert [(one["role"], one["points"]) for one in document["strokes"]] == [("crew", LINE)]
    assert site.services.files.read(still.sha256) == data, "the still itself is as it came"


def test_a_file_of_a_call_held_elsewhere_is_marked_and_only_the_inspector_brings_one(site: Site) -> None:
    room_id, lead, crew = party(site)
    with site.client(lead) as inspector, site.client(crew) as phone:
        asked = inspector.post(f"/api/v1/video/rooms/{room_id}/requests", json={"item_ref": ITEM})
        assert asked.status_code == 201
        assert send(phone, picture(), held_on="wechat").status_code == 403
        assert send(inspector, picture(), held_on="skype").status_code == 422
        assert send(inspector, picture(), held_on="wechat", captured_at="2026-11-20T08:00:00Z").status_code == 204
    (found,) = kept(site, room_id)
    assert (found.kind, found.item_ref, found.extra["source"]) == ("external", ITEM, "external")
    assert (found.extra["held_on"], found.extra["time_proven"], found.extra["shot_by"]) == ("wechat", False, None)
    assert found.extra["request_id"] is None, "it answers no request"


def until(line: object, kind: str) -> dict[str, object]:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        message = json.loads(line.recv(timeout=30))
        if message["type"] == kind:
            return message
    raise AssertionError(kind)
