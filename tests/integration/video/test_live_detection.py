"""The detector looks at a live picture: a peer sends a rusty side over WebRTC, outlines come to the room, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from console.live_detection import LiveDetection
from tests.integration.video.conftest import INSPECTOR, Site
from tests.integration.video.test_call import Watcher
from video import admit, attend, seat_of
from video.clip import FPS, HEIGHT_PX, WIDTH_PX, encode_vp8
from video.model import WatchOrder
from video.service import watch

PATCH = (200, 140, 440, 340)  # left, top, right, bottom in px


def rusty_side() -> np.ndarray:
    """A painted side with one patch of rust: (480, 640, 3) RGB."""
    rng = np.random.default_rng(5)
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), (66, 84, 110), np.float32) + rng.normal(0, 3, (HEIGHT_PX, WIDTH_PX, 1))
    left, top, right, bottom = PATCH
    grain = cv2.GaussianBlur(rng.normal(0, 1, (bottom - top, right - left)), (0, 0), 4)
    rust = np.array((132, 70, 34)) + grain[..., None] / grain.std() * np.array((30, 20, 12))
    image[top:bottom, left:right] = rust
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def rusty_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rusty") / "clip.webm"
    picture = rusty_side()
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_mux_stream("vp8", rate=FPS, width=WIDTH_PX, height=HEIGHT_PX)
        for packet in encode_vp8((picture for _ in range(FPS)), bitrate=2_000_000):
            packet.stream = stream
            container.mux(packet)
    return path


@pytest.fixture
def detection(site: Site) -> Iterator[LiveDetection]:
    made = LiveDetection(site.services, site.rooms.hub)
    before, site.rooms.on_picture = site.rooms.on_picture, made.on_picture
    yield made
    site.rooms.on_picture = before
    made.stop()


@pytest.mark.usefixtures("detection")
def test_rust_in_a_live_picture_is_outlined_where_it_is(site: Site, rusty_clip: Path) -> None:
    room = site.room()
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    key = seat_of(site.services, lead.token)
    watcher = Watcher(room.room_id, lead.seat_id)
    site.rooms.hub.join(watcher)
    crew = room.seats[0].seat_id
    peer = subprocess.Popen(
        [sys.executable, "-m", "video.demo_peer", "--base-url", site.url, "--link", room.seats[0].link, "--clip", str(rusty_clip), "--seconds", "170"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while watcher.until(type="roster")["seats"][0]["state"] != "waiting":
            pass
        admit(site.services, site.rooms, key, crew)
        watcher.until(type="track", event="track_started", kind="video")
        watch(site.services, site.rooms, key, crew, WatchOrder(fps=2))
        told = watcher.until(type="proposals")
        watch(site.services, site.rooms, key, crew, WatchOrder(fps=0))
    finally:
        peer.kill()
        peer.wait()
    assert told["seat"] == crew
    best = told["shapes"][0]
    assert best["class_en"]
    xs, ys = [x * WIDTH_PX for x, _ in best["points"]], [y * HEIGHT_PX for _, y in best["points"]]
    overlap = max(0, min(max(xs), PATCH[2]) - max(min(xs), PATCH[0])) * max(0, min(max(ys), PATCH[3]) - max(min(ys), PATCH[1]))
    assert overlap > 0.5 * (PATCH[2] - PATCH[0]) * (PATCH[3] - PATCH[1])
