"""One test per threat: links, tokens, roles, offers, uploads, a killed worker."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from core import codes, evidence
from core.clock import rfc3339
from core.signing import KeyKind, KeyStore
from tests.integration.video.conftest import INSPECTOR, ITEM, SUBJECT, Site, serving
from tests.integration.video.test_call import Watcher
from video import SeatRole, admit, attend, links, seat_of, start_recording, stop_recording
from video.clip import nameplate

TUS = {"tus-resumable": "1.0.0"}
PIECE = {**TUS, "content-type": "application/offset+octet-stream"}
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
SDP = {"content-type": "application/sdp"}


def code_of(link: str) -> str:
    return links.code_of(link)


def join(site: Site, link: str, client: httpx.Client | None = None) -> httpx.Response:
    with client or site.client() as http:
        return http.post("/api/v1/video/join", json={"code": code_of(link), "name": "x"})


def admitted(site: Site, role: SeatRole = SeatRole.CREW) -> tuple[str, str]:
    room = site.room(role)
    joined = join(site, room.seats[0].link).json()
    key = seat_of(site.services, attend(site.services, site.rooms, room.room_id, INSPECTOR).token)
    admit(site.services, site.rooms, key, joined["seat_id"])
    return room.room_id, joined["token"]


def metadata(**facts: str) -> str:
    facts = {"media_type": "image/jpeg", "captured_at": rfc3339(datetime.now(UTC)), "item_ref": ITEM, **facts}
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in facts.items())


def test_opening_a_link_uses_nothing_up(site: Site) -> None:
    link = site.room().seats[0].link
    with site.client() as http:
        for _ in range(2):
            assert http.get(link.split("#")[0].removeprefix(site.url), headers={"accept": "text/html"}).status_code == 200
        assert http.get("/api/v1/video/join").status_code == 405
    assert join(site, link).status_code == 200


def test_a_link_is_bound_to_the_first_device(site: Site) -> None:
    link = site.room().seats[0].link
    with site.client() as phone:
        body = {"code": code_of(link)}
        first = phone.post("/api/v1/video/join", json=body)
        again = phone.post("/api/v1/video/join", json=body)
        assert (first.status_code, again.status_code) == (200, 200)
        room = f"/api/v1/video/rooms/{first.json()['room_id']}"
        assert phone.get(room, headers={"authorization": f"Bearer {first.json()['token']}"}).status_code == 403
    stolen = join(site, link)
    assert (stolen.status_code, stolen.json()["code"]) == (409, "code.replayed")


def test_expired_foreign_and_altered_links_are_refused(site: Site, tmp_path: Path) -> None:
    room = site.room()
    now = datetime.now(UTC)
    terms = {"not_before": now - timedelta(hours=2), "expires": now - timedelta(hours=1)}
    subject = {"room_id": room.room_id, "seat_id": room.seats[0].seat_id, "role": "crew", "jti": "x"}
    expired = links.issue(site.services, **subject, **terms)
    stranger = KeyStore(tmp_path).create("stranger", KeyKind.OFFICIAL)
    foreign = codes.issue(
        stranger, site.services.clock, issuer="yunjian.video", subject=f"{room.room_id}/{room.seats[0].seat_id}",
        audience=links.AUDIENCE, role="inspector", not_before=now - timedelta(hours=1), expires=now + timedelta(hours=1),
    )  # fmt: skip
    good = code_of(room.seats[0].link)
    altered = good[:-8] + ("A" if good[-8] != "A" else "B") + good[-7:]
    for code, expected in ((expired, "code.expired"), (foreign, "code.foreign_key"), (altered, "code.altered")):
        assert join(site, code).json()["code"] == expected
    assert join(site, "no code").json()["code"] == "code.malformed"


def test_nobody_gets_media_or_the_roster_before_admission(site: Site) -> None:
    room = site.room()
    joined = join(site, room.seats[0].link).json()
    with site.client(joined["token"]) as http:
        for path in ("whip", f"whep?of={joined['seat_id']}"):
            answer = http.post(f"/api/v1/video/rooms/{room.room_id}/{path}", content=OFFER, headers=SDP)
            assert (answer.status_code, answer.json()["code"]) == (403, "video.not_admitted")
            assert "candidate" not in answer.text
        seen = http.get(f"/api/v1/video/rooms/{room.room_id}").json()
        assert [one["seat_id"] for one in seen["seats"]] == [joined["seat_id"]]
        assert seen["shots"] == []
        assert http.post(f"/api/v1/video/rooms/{room.room_id}/recording").status_code == 403


def test_a_role_without_the_right_may_not_publish_or_lead(site: Site) -> None:
    room_id, token = admitted(site, SeatRole.OBSERVER)
    with site.client(token) as http:
        answer = http.post(f"/api/v1/video/rooms/{room_id}/whip", content=OFFER, headers=SDP)
        assert (answer.status_code, answer.json()["code"]) == (403, "video.right")
        assert http.post(f"/api/v1/video/rooms/{room_id}/close").status_code == 403
        made = http.post("/api/v1/video/uploads", headers={**TUS, "upload-length": "9", "upload-metadata": metadata()})
        assert made.status_code == 403


def test_a_seat_of_another_room_is_a_stranger(site: Site) -> None:
    _, token = admitted(site)
    other, _ = admitted(site)
    with site.client(token) as http:
        assert http.get(f"/api/v1/video/rooms/{other}").status_code == 403
        assert http.post(f"/api/v1/video/rooms/{other}/whip", content=OFFER, headers=SDP).status_code == 403


def test_unusable_and_giant_offers_are_refused_and_the_worker_lives(site: Site) -> None:
    room_id, token = admitted(site)
    with site.client(token) as http:
        path = f"/api/v1/video/rooms/{room_id}/whip"
        giant = http.post(path, content="v=0\r\n" + "a=x\r\n" * 40_000, headers=SDP)
        assert (giant.status_code, giant.json()["code"]) == (413, "video.sdp_size")
        for bad in (
            "",
            "hello",
            OFFER,
            OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
            OFFER + "m=video\r\n",
            "v=0\r\nm=video x y",
        ):
            answer = http.post(path, content=bad, headers=SDP)
            assert (answer.status_code, answer.json()["code"]) == (422, "video.sdp"), bad
    assert site.rooms.stats(room_id)["tracks"] == []


def test_recording_needs_everybodys_consent(site: Site) -> None:
    room_id, token = admitted(site)
    lead = attend(site.services, site.rooms, room_id, INSPECTOR)
    with site.client(lead.token) as http, site.client(token) as crew:
        refused = http.post(f"/api/v1/video/rooms/{room_id}/recording")
        assert (refused.status_code, refused.json()["code"]) == (409, "video.consent_missing")
        wrong = crew.post(f"/api/v1/video/rooms/{room_id}/consent", json={"version": "old", "language": "zh"})
        assert wrong.json()["code"] == "video.consent_version"
        good = {"version": lead.consent.version, "language": "zh"}
        assert crew.post(f"/api/v1/video/rooms/{room_id}/consent", json=good).status_code == 204
        assert http.post(f"/api/v1/video/rooms/{room_id}/recording").status_code == 201
        assert http.delete(f"/api/v1/video/rooms/{room_id}/recording").status_code == 204


def test_a_removed_seat_is_out_at_once(site: Site) -> None:
    room_id, token = admitted(site)
    lead = seat_of(site.services, attend(site.services, site.rooms, room_id, INSPECTOR).token)
    seat_id = seat_of(site.services, token).seat_id
    with site.client(attend(site.services, site.rooms, room_id, INSPECTOR).token) as http:
        assert http.post(f"/api/v1/video/rooms/{room_id}/seats/{seat_id}/remove").status_code == 204
    with site.client(token) as crew:
        assert crew.get(f"/api/v1/video/rooms/{room_id}").status_code == 403
    assert lead.room_id == room_id


def test_a_file_name_is_never_a_path(site: Site) -> None:
    _, token = admitted(site)
    data = nameplate(("x",), 64, 48)
    with site.client(token) as http:
        facts = metadata(filename="../../../etc/passwd", client_key="../../k")
        made = http.post("/api/v1/video/uploads", headers={**TUS, "upload-length": str(len(data)), "upload-metadata": facts})
        assert made.status_code == 201
        place = made.headers["location"]
        assert http.patch(place, content=data, headers={**PIECE, "upload-offset": "0"}).status_code == 204
        assert http.patch("/api/v1/video/uploads/..%2f..%2fx", content=b"", headers={**PIECE, "upload-offset": "0"}).is_error
    with site.services.db.read() as session:
        kept = evidence.get(session, place.rsplit("/", 1)[-1])
    assert kept is not None
    assert kept.extra["file_name"] == "passwd"
    assert list((site.services.settings.data_dir / "uploads").glob("*")) == []


def test_quota_checksum_offset_and_kind_are_enforced(site: Site) -> None:
    _, token = admitted(site)
    with site.client(token) as http:
        too_much = str(site.services.settings.video.seat_quota_mb * 1_000_000 + 1)
        full = http.post("/api/v1/video/uploads", headers={**TUS, "upload-length": too_much, "upload-metadata": metadata()})
        assert (full.status_code, full.json()["code"]) == (413, "video.upload_quota")
        made = http.post("/api/v1/video/uploads", headers={**TUS, "upload-length": "5", "upload-metadata": metadata()})
        place = made.headers["location"]
        wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
        sum_ = http.patch(place, content=b"abc", headers={**PIECE, "upload-offset": "0", "upload-checksum": f"sha256 {wrong}"})
        assert (sum_.status_code, sum_.json()["code"]) == (460, "video.upload_checksum")
        off = http.patch(place, content=b"abc", headers={**PIECE, "upload-offset": "3"})
        assert (off.status_code, off.json()["code"]) == (409, "video.upload_offset")
        assert http.patch(place, content=b"abcdef", headers={**PIECE, "upload-offset": "0"}).status_code == 413
        assert http.head(place, headers=TUS).headers["upload-offset"] == "0"
        fake = http.patch(place, content=b"hello", headers={**PIECE, "upload-offset": "0"})
        assert (fake.status_code, fake.json()["code"]) == (422, "video.not_a_picture")
        assert http.head(place, headers=TUS).status_code == 404
        assert http.post("/api/v1/video/uploads", headers={"upload-length": "5"}).status_code == 412


def test_somebody_elses_upload_does_not_exist(site: Site) -> None:
    _, token = admitted(site)
    _, other = admitted(site)
    with site.client(token) as http, site.client(other) as stranger:
        made = http.post("/api/v1/video/uploads", headers={**TUS, "upload-length": "5", "upload-metadata": metadata()})
        assert stranger.head(made.headers["location"], headers=TUS).status_code == 404


@pytest.fixture(scope="module")
def killed_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("killed") / "var", **{"video.segment_s": 60.0}) as made:
        yield made


@pytest.mark.peer
def test_a_killed_worker_loses_at_most_the_tail_and_the_call_comes_back(killed_site: Site, clip: Path) -> None:
    site = killed_site
    room = site.room()
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    key = seat_of(site.services, lead.token)
    watcher = Watcher(room.room_id, lead.seat_id)
    site.rooms.hub.join(watcher)
    peer = subprocess.Popen(
        [sys.executable, "-m", "video.demo_peer", "--base-url", site.url, "--link", room.seats[0].link, "--clip", str(clip),
         "--seconds", "60", "--stills", "0"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    crew = room.seats[0].seat_id
    try:
        while {one["seat_id"]: one for one in watcher.until(type="roster")["seats"]}[crew]["state"] != "waiting":
            pass
        admit(site.services, site.rooms, key, crew)
        watcher.until(type="track", event="track_started", kind="video")
        start_recording(site.services, site.rooms, key)
        directory = next((site.rooms.out / room.room_id).glob("*"), None)
        grown = _wait_for_size(site, room.room_id, 40_000)
        before = site.rooms.stats(room.room_id)["tracks"][0]["packets"]
        (pid,) = site.rooms.worker_pids()
        os.kill(pid, signal.SIGKILL)
        watcher.until(type="media_lost")
        watcher.until(type="media_back")
    finally:
        peer.terminate()
        peer.wait(10)
    site.rooms.settle()
    assert before > 0
    assert directory is None or directory.is_dir()
    with site.services.db.read() as session:
        mine = [one for one in evidence.of_subject(session, SUBJECT) if one.extra["room_id"] == room.room_id]
    cut = next(one for one in mine if one.extra.get("part") == "segment")
    assert cut.extra["segment"]["ended_by"] == "cut"
    assert cut.size >= grown
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0",
         str(site.services.files.path(cut.sha256))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(probe.stdout.strip().rstrip(",")) == cut.extra["segment"]["frames"] > 10
    stop_recording(site.services, site.rooms, key)  # the recording that went on in the new worker
    assert site.rooms.worker_pids() != [pid]


def _wait_for_size(site: Site, room_id: str, size: int) -> int:
    """Follow the open segment until it holds `size` bytes; each look asks the worker, which paces the loop."""
    while True:
        site.rooms.stats(room_id)
        files = [path for path in (site.rooms.out / room_id).glob("*/*.webm") if path.stat().st_size >= size]
        if files:
            return files[0].stat().st_size
