"""The whole call over real HTTP, websocket and WebRTC: scripted crew peer, room worker, recording, still."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from core import evidence, journal
from core.events import since
from tests.integration.video.conftest import INSPECTOR, ITEM, SUBJECT, Site
from video import StillRequest, admit, ask_still, attend, close_room, seat_of, start_recording, stop_recording
from video.hub import Line


class Watcher(Line):
    """A line of the test's own: hears what the room is told, without a websocket."""

    def __init__(self, room_id: str, seat_id: str) -> None:
        import queue

        self.room_id, self.seat_id = room_id, seat_id
        self.heard: queue.Queue[dict[str, object]] = queue.Queue()

    def put(self, message: dict[str, object] | None) -> None:
        if message is not None:
            self.heard.put(message)

    def until(self, **wanted: object) -> dict[str, object]:
        while True:
            message = self.heard.get(timeout=90)
            if all(message.get(key) == value for key, value in wanted.items()):
                return message


def probe(path: Path) -> dict[str, object]:
    command = ["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-show_format", "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.peer
def test_a_crew_peer_joins_is_recorded_and_its_still_lands_on_the_item(site: Site, clip: Path) -> None:
    room = site.room()
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    key = seat_of(site.services, lead.token)
    watcher = Watcher(room.room_id, lead.seat_id)
    site.rooms.hub.join(watcher)
    peer = subprocess.Popen(
        [sys.executable, "-m", "video.demo_peer", "--base-url", site.url, "--link", room.seats[0].link, "--clip", str(clip),
         "--seconds", "5", "--plate", "PUMP NO 2"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    crew = room.seats[0].seat_id
    while True:
        seats = {one["seat_id"]: one for one in watcher.until(type="roster")["seats"]}
        if seats[crew]["state"] == "waiting" and seats[crew]["present"]:
            break
    admit(site.services, site.rooms, key, crew)
    watcher.until(type="track", event="track_started", kind="video")
    start_recording(site.services, site.rooms, key)
    ask_still(site.services, site.rooms, key, StillRequest(item_ref=ITEM, note="7Q4-K"))
    kept = watcher.until(type="evidence", kind="still")
    watcher.until(type="track", event="track_ended", kind="video")
    stop_recording(site.services, site.rooms, key)
    close_room(site.services, site.rooms, key)
    out, _ = peer.communicate(timeout=30)
    assert peer.returncode == 0
    report = json.loads(out)
    assert report["simulated"] is True
    assert report["evidence"] == [kept["evidence_id"]]
    assert report["frames_sent"] > 30

    with site.services.db.read() as session:
        mine = [one for one in evidence.of_subject(session, SUBJECT) if one.extra["room_id"] == room.room_id]
        facts = [event for event in since(session, 0) if event.type == "video.evidence_kept"]
        entries = journal.entries(session, SUBJECT)
    journal.verify(entries)
    still = next(one for one in mine if one.kind == "still")
    assert (still.item_ref, still.extra["asked_by"], still.extra["source"]) == (ITEM, INSPECTOR.user_id, "device")
    assert still.extra["recording"]["at_ms"] > 0
    assert hashlib.sha256(site.services.files.read(still.sha256)).hexdigest() == still.sha256
    tracks = [one for one in mine if one.extra.get("part") == "track"]
    segments = [one for one in mine if one.extra.get("part") == "segment"]
    assert len(tracks) == 1
    assert len(segments) >= 1
    found = probe(site.services.files.path(tracks[0].sha256))
    assert found["streams"][0]["codec_name"] == "vp8"
    assert int(found["streams"][0]["nb_read_packets"]) == sum(one.extra["segment"]["frames"] for one in segments)
    assert float(found["format"]["duration"]) > 2
    assert {fact.payload["evidence_id"] for fact in facts} >= {one.id for one in mine}
    names = json.dumps([entry.payload for entry in entries])
    assert "Inspector" not in names
    assert "SIMULATED" not in names
