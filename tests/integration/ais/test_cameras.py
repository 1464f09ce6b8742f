"""Berth cameras against a real HTTP server and real folders; stills at rest; the ship at the berth by AIS."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from ais.camera_service import berth_view, camera_views, still_of, stills, sweep
from ais.camera_sources import CameraFault, take
from ais.cameras import Camera, load_cameras
from ais.codes import Label
from ais.event_store import BerthStay, PortCall, save_port_calls
from config import load_settings
from console.cli import ais as ais_cli
from core.clock import ManualClock
from core.context import Services
from core.errors import NotFound

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
LIMITS = load_cameras("berth_cameras.toml").limits.model_copy(update={"max_kb": 64, "max_megapixels": 1, "timeout_s": 60})


def picture(shade: int = 90, size: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(target, kind)
    return target.getvalue()


class Lens(BaseHTTPRequestHandler):
    """A camera's web server with every fault we know of."""

    asked: list[str] = []  # noqa: RUF012  # one server in a test
    hang = threading.Event()

    def do_GET(self) -> None:
        Lens.asked.append(self.path)
        answer = {"/ok": picture(), "/png": picture(kind="PNG"), "/html": b"<html>", "/cut": picture(size=(400, 400))[:900],
                  "/large": b"\xff\xd8\xff" + b"x" * 70_000, "/pixels": picture(size=(1200, 1200), kind="PNG")}.get(self.path)  # fmt: skip
        if self.path == "/moved":
            self._send(302, b"", location="/ok")
        elif self.path == "/basic":
            wanted = "Basic " + base64.b64encode(b"viewer:open sesame").decode()
            self._send(200 if self.headers.get("Authorization") == wanted else 401, picture())
        elif self.path == "/packed":
            self._send(200, gzip.compress(picture()), **{"content-encoding": "gzip"})
        elif self.path == "/silent":
            Lens.hang.wait(30)
        elif answer is None:
            self._send(404, b"")
        else:
            self._send(200, answer)

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def lens() -> Iterator[str]:
    Lens.asked.clear()
    Lens.hang.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lens)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    Lens.hang.set()
    server.shutdown()
    server.server_close()
    thread.join()


def camera(source: str, **more: str) -> Camera:
    return Camera.model_validate(
        {"id": "c", "berth": "A1", "name": Label(zh="z", en="e"), "source": source, "every_s": 60, **more}
    )


def test_a_still_over_http(lens: str, tmp_path: Path) -> None:
    taken = take(camera(f"{lens}/ok"), LIMITS, NOW)
    assert (taken.media_type, taken.width, taken.height, taken.at) == ("image/jpeg", 64, 48, NOW)
    assert take(camera(f"{lens}/png"), LIMITS, NOW).media_type == "image/png"
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    assert take(camera(f"{lens}/basic", login="basic", user="viewer", password_file=str(secret)), LIMITS, NOW).width == 64


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/moved", "status"), ("/nothing", "status"), ("/html", "not_picture"), ("/cut", "not_picture"), ("/large", "too_large"),
        ("/pixels", "too_large"), ("/packed", "not_picture"), ("/basic", "login"), ("/silent", "too_slow"),
    ],
)  # fmt: skip
def test_each_fault_has_a_name(lens: str, path: str, code: str) -> None:
    limits = LIMITS.model_copy(update={"timeout_s": 0.2}) if path == "/silent" else LIMITS
    with pytest.raises(CameraFault) as caught:
        take(camera(f"{lens}{path}"), limits, NOW)
    assert caught.value.code == code
    assert Lens.asked == [path]  # a redirect is not followed


def test_nobody_there(lens: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", lens)  # a proxy of the environment would be an address that nobody configured here
    with pytest.raises(CameraFault) as caught:
        take(camera("http://127.0.0.1:9/still.jpg"), LIMITS, NOW)
    assert (caught.value.code, Lens.asked) == ("unreachable", [])


def put(folder: Path, name: str, data: bytes, at: datetime) -> Path:
    path = folder / name
    path.write_bytes(data)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def test_the_newest_whole_picture_of_a_folder(tmp_path: Path) -> None:
    source = camera(f"folder:{tmp_path}")
    with pytest.raises(CameraFault, match="empty_folder"):
        take(source, LIMITS, NOW)
    put(tmp_path, "old.jpg", picture(10), NOW - timedelta(minutes=9))
    put(tmp_path, "new.JPG", picture(20), NOW - timedelta(minutes=2))
    put(tmp_path, "half.jpg", picture(30, (400, 400))[:700], NOW - timedelta(minutes=1))
    put(tmp_path, "notes.txt", b"x", NOW)
    put(tmp_path.parent, "outside.jpg", picture(99), NOW)
    (tmp_path / "link.jpg").symlink_to(tmp_path.parent / "outside.jpg")
    taken = take(source, LIMITS, NOW)
    assert (taken.data, taken.at) == (picture(20), NOW - timedelta(minutes=2))
    put(tmp_path, "future.jpg", picture(40), NOW + timedelta(hours=5))
    assert take(source, LIMITS, NOW).at == NOW
    with pytest.raises(CameraFault, match="no_folder"):
        take(camera(f"folder:{tmp_path / 'none'}"), LIMITS, NOW)


def installation(services: Services, folder: Path, *sources: str, keep_days: int = 30) -> Services:
    rows = "".join(
        f'[[cameras]]\nid = "c{n}"\nberth = "A1"\nname = {{ zh = "相机", en = "camera" }}\nevery_s = 60\nsource = "{one}"\n'
        for n, one in enumerate(sources)
    )
    path = folder / "cameras.toml"
    path.write_text(
        'version = "1"\n[limits]\nmax_kb = 512\nmax_megapixels = 1\ntimeout_s = 5\ndead_after_s = 900\nfrozen_after_s = 1800\n'
        f"keep_days = {keep_days}\n{rows}"
    )
    settings = services.settings.model_copy(
        update={"ais": services.settings.ais.model_copy(update={"berth_cameras": str(path)})}
    )
    return Services(settings=settings, db=services.db, files=services.files, clock=services.clock)


def test_stills_are_kept_once_and_for_so_long(services: Services, tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "stills of a recorder"
    folder.mkdir()
    here = installation(services, tmp_path, f"folder:{folder}", "folder:/nowhere", keep_days=2)
    put(folder, "1.jpg", picture(1), clock.now())
    assert (sweep(here), sweep(here)) == (1, 0)  # the second time none is due
    first, dead = camera_views(here)
    assert (first.state, dead.state, dead.fault, dead.still) == ("ok", "dead", "no_folder", None)
    assert first.still is not None
    assert still_of(here, first.still.id)[1] == picture(1)
    clock.advance(60)
    put(folder, "2.jpg", picture(1), clock.now())
    sweep(here)
    again = camera_views(here)[0].still
    assert again is not None
    assert (again.id, again.taken_at, again.seen_at) == (first.still.id, first.still.taken_at, clock.now())
    clock.advance(60)
    put(folder, "3.jpg", picture(2), clock.now())
    sweep(here)
    clock.advance(2 * 86_400 - 30)
    put(folder, "4.jpg", picture(3), clock.now())
    sweep(here)
    held = set(stills(here).hashes())
    assert len(held) == 2  # of 1 (two days and a minute old), 2 and 3
    with pytest.raises(NotFound):
        still_of(here, first.still.id)
    clock.advance(901)
    assert [one.state for one in camera_views(here)] == ["dead", "dead"]


def test_the_ship_at_the_berth_sees_its_own_stay_only(services: Services, tmp_path: Path, clock: ManualClock) -> None:
    mmsi, other, since = 413000001, 413000002, datetime(2026, 11, 23, 20, tzinfo=UTC)
    services.db.create_ais_tables()
    with services.db.ais_write() as session:
        save_port_calls(session, [
            PortCall("yunjian_demo_port", ship, since, berths=(BerthStay(berth, since, None),))
            for ship, berth in ((mmsi, "A1"), (other, "A3"))
        ])  # fmt: skip
    folder = tmp_path / "a1"
    folder.mkdir()
    put(folder, "before.jpg", picture(1), datetime(2026, 11, 23, tzinfo=UTC))
    here = installation(services, tmp_path, f"folder:{folder}", "simulated:")
    sweep(here)
    seen = berth_view(here, mmsi, clock.now())
    assert seen is not None
    assert (seen.berth_id, seen.name.en, seen.to_at) == ("A1", "East quay berth 1", None)
    before, drawn = seen.cameras
    assert (before.still, before.state) == (None, "dead")  # a picture from before the ship came is not of it
    assert drawn.still is not None
    assert (drawn.still.simulated, drawn.simulated, drawn.state) == (True, True, "ok")
    elsewhere = berth_view(here, other, clock.now())
    assert elsewhere is not None
    assert (elsewhere.berth_id, elsewhere.cameras) == ("A3", ())
    assert berth_view(here, mmsi, seen.from_at - timedelta(seconds=1)) is None
    assert berth_view(here, 999, clock.now()) is None


def test_the_command_says_which_camera_is_dead(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = installation(services, tmp_path, "simulated:", "folder:/nowhere")
    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(services.settings.data_dir))
    monkeypatch.setenv("YUNJIAN_AIS__BERTH_CAMERAS", here.settings.ais.berth_cameras)
    monkeypatch.setenv("YUNJIAN_LANGUAGE", "en")
    assert load_settings().ais.berth_cameras == here.settings.ais.berth_cameras
    done = CliRunner().invoke(ais_cli.app, ["cameras", "--take", "--json"])
    assert done.exit_code == 1
    assert [(one["state"], one["fault"]) for one in json.loads(done.stdout)["data"]["items"]] == [
        ("ok", None),
        ("dead", "no_folder"),
    ]
    assert "the folder cannot be read" in CliRunner().invoke(ais_cli.app, ["cameras"]).stdout
