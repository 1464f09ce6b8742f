"""An RTSP camera in a call: forwarded as it comes, looked at, cut into a clip, back after a cut, never asked by address."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import load_settings
from config.settings import VideoSettings
from core import evidence
from core.errors import EnvironmentFault
from tests.integration.video.conftest import INSPECTOR, ITEM, SUBJECT, Site, serving
from tests.integration.video.test_call import Watcher
from tests.kit.rtsp_camera import PASSWORD, USER, Camera, footage, rtsp_camera
from video import SeatRole, admit, attend, seat_of, start_recording, stop_recording
from video.cameras import CameraPack, camera_pack
from video.pull import Job, Unusable, open_camera

HEAD = 'version = "1"\nopen_s = 8.0\nsilent_s = 5.0\nretry_s = 0.2\nretry_max_s = 1.0\nclip_max_s = 20\n'


def camera_file(folder: Path, camera: Camera) -> Path:
    (folder / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    path = folder / "cameras.toml"
    path.write_text(
        HEAD
        + f'[[cameras]]\nid = "quay"\nname = {{ zh = "码头", en = "Quay" }}\nsource = "{camera.address}"\nuser = "{USER}"\n'
        f'password_file = "{folder / "password"}"\n',
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def at_quay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Camera]]:
    folder = tmp_path_factory.mktemp("quay")
    with (
        rtsp_camera(footage(), login=True) as camera,
        serving(folder / "var", **{"video.camera_file": str(camera_file(folder, camera))}) as site,
    ):
        yield site, camera


@pytest.mark.peer
def test_a_camera_is_seen_kept_as_still_and_clip_and_comes_back(at_quay: tuple[Site, Camera]) -> None:
    site, camera = at_quay
    room = site.room(SeatRole.CREW)
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    watcher = Watcher(room.room_id, lead.seat_id)
    site.rooms.hub.join(watcher)
    here = f"/api/v1/video/rooms/{room.room_id}"
    with site.client(lead.token) as http:
        assert [one["seat_id"] for one in http.get(f"{here}/cameras").json()] == [None]
        seat = http.put(f"{here}/cameras/quay").json()["seat_id"]
        started = watcher.until(type="track", event="track_started", kind="video")
        assert (started["seat"], started["codec"]) == (seat, "H264")
        assert http.get(f"{here}/cameras").json()[0]["seat_id"] == seat
        start_recording(site.services, site.rooms, seat_of(site.services, lead.token))  # a camera is nobody to ask
        still = http.post(f"{here}/snapshot", json={"seat_id": seat, "item_ref": ITEM})
        assert still.status_code == 201, still.text
        clip = http.post(f"{here}/clips", json={"seat_id": seat, "item_ref": ITEM, "seconds": 1.0})
        assert clip.status_code == 201, clip.text
        camera.cut()
        watcher.until(type="track", event="track_ended", seat=seat)
        watcher.until(type="track", event="track_started", seat=seat)
        stop_recording(site.services, site.rooms, seat_of(site.services, lead.token))
        assert http.delete(f"{here}/cameras/quay").status_code == 204
        assert http.put(f"{here}/cameras/rtsp:%2f%2fother").status_code == 404
    with site.services.db.read() as session:
        mine = [one for one in evidence.of_subject(session, SUBJECT) if one.extra["room_id"] == room.room_id]
    kept = {one.kind: one for one in mine}
    assert kept["still"].item_ref == kept["clip"].item_ref == ITEM
    assert kept["clip"].extra["recording"]["recording_id"] == kept["recording"].extra["recording_id"]
    assert kept["clip"].extra["asked_by"] == INSPECTOR.user_id
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json",
         str(site.services.files.path(kept["clip"].sha256))],
        capture_output=True, check=True,
    )  # fmt: skip
    stream = json.loads(probe.stdout)["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 640, 480)
    assert int(stream["nb_read_packets"]) >= 5
    assert camera.plays >= 2


def test_only_the_inspector_brings_a_camera_and_a_person_is_asked_before_a_clip(at_quay: tuple[Site, Camera]) -> None:
    site, _ = at_quay
    room = site.room(SeatRole.CREW)
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    here = f"/api/v1/video/rooms/{room.room_id}"
    with site.client() as http:
        crew = http.post("/api/v1/video/join", json={"code": room.seats[0].link}).json()
    admit(site.services, site.rooms, seat_of(site.services, lead.token), crew["seat_id"])
    with site.client(crew["token"]) as http:
        assert http.put(f"{here}/cameras/quay").status_code == 403
        assert http.get(f"{here}/cameras").status_code == 403
    with site.client(lead.token) as http:
        refused = http.post(f"{here}/clips", json={"seat_id": crew["seat_id"], "seconds": 1})
        assert (refused.status_code, refused.json()["code"]) == (409, "video.consent_missing")
        longer = http.post(f"{here}/clips", json={"seat_id": crew["seat_id"], "seconds": 21})
        assert longer.json()["code"] == "video.clip_length"


def test_a_stream_that_no_browser_shows_is_refused_with_its_reason() -> None:
    with rtsp_camera(footage(b_frames=True)) as camera, pytest.raises(Unusable, match="B-frames"):
        open_camera(Job(camera.address, "tcp", 8.0, 5.0, ()))


@pytest.mark.parametrize(
    "line",
    [
        'source = "file:///etc/passwd"',
        'source = "http://127.0.0.1/"',
        'source = "rtsp://a:b@host/"',
        'source = "rtsp://h/"\nuser = "a"',
    ],
)
def test_an_address_that_is_no_camera_is_refused_at_once(tmp_path: Path, line: str) -> None:
    path = tmp_path / "cameras.toml"
    path.write_text(HEAD + f'[[cameras]]\nid = "x"\nname = {{ zh = "x", en = "x" }}\n{line}\n', encoding="utf-8")
    with pytest.raises(EnvironmentFault):
        camera_pack(_settings(str(path)))


def test_the_shipped_file_has_no_camera() -> None:
    pack: CameraPack = camera_pack(_settings("video/cameras.toml"))
    assert pack.cameras == ()


def _settings(name: str) -> VideoSettings:
    return load_settings({"video.camera_file": name}, environ={}).video
