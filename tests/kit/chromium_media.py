"""Owns real Chromium as publisher and viewer for the network benches: through the site's own WHIP and WHEP and a bad path.

Never judges a figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from tests.integration.video.conftest import INSPECTOR, Site
from tests.kit.udp_proxy import UdpProxy
from video import admit, attend, seat_of

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns", "--autoplay-policy=no-user-gesture-required",
    "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding", "--disable-background-timer-throttling",
]  # fmt: skip
CHROMIUM = "/usr/bin/chromium"
_GATHERED = """await new Promise((done) => {
  if (pc.iceGatheringState === 'complete') done();
  pc.onicegatheringstatechange = () => { if (pc.iceGatheringState === 'complete') done(); };
  setTimeout(done, 1500);
}); return pc.localDescription.sdp;"""
_PUBLISH = (
    """async ([bps, small]) => {
  const stream = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 480, frameRate: 25}, audio: true});
  const pc = window.pc = new RTCPeerConnection();
  for (const track of stream.getTracks()) pc.addTransceiver(track, {direction: 'sendonly',
    sendEncodings: track.kind === 'video' ? [{maxBitrate: bps}] : undefined});
  if (small) pc.addTransceiver(stream.getVideoTracks()[0], {direction: 'sendonly',
    sendEncodings: [{maxBitrate: 120000, scaleResolutionDownBy: 4, maxFramerate: 10}]});
  await pc.setLocalDescription(await pc.createOffer());
"""
    + _GATHERED
    + "}"
)
_VIEW = (
    """async () => {
  const pc = window.pc = new RTCPeerConnection();
  const stream = new MediaStream();
  const video = document.createElement('video');
  video.autoplay = video.muted = video.playsInline = true;
  document.body.append(video);
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.addTransceiver('audio', {direction: 'recvonly'});
  (await import('/static/js/call-api.js')).steady(pc, (path) => { window.path = path; });
  pc.ontrack = ({track}) => { stream.addTrack(track); video.srcObject = stream; };
  await pc.setLocalDescription(await pc.createOffer());
"""
    + _GATHERED
    + "}"
)
_STATS = """async () => {
  const all = [...(await pc.getStats()).values()];
  return all.find((one) => one.kind === 'video' && (one.type === 'inbound-rtp' || one.type === 'outbound-rtp')) ?? {};
}"""


def noise_y4m(path: Path, frames: int = 50, seed: int = 3) -> Path:
    """A 640x480 picture that costs an encoder many bits: a soft random texture with grain, that moves. 25 frames a second."""
    rng = np.random.default_rng(seed)
    soft = rng.integers(60, 190, (60, 80 + frames)).repeat(8, axis=0).repeat(8, axis=1)
    base = (soft + rng.integers(-14, 15, soft.shape)).astype(np.uint8)
    grey = np.full(640 * 480 // 2, 128, dtype=np.uint8).tobytes()
    with path.open("wb") as stream:
        stream.write(b"YUV4MPEG2 W640 H480 F25:1 Ip A1:1 C420jpeg\n")
        for number in range(frames):
            stream.write(b"FRAME\n" + base[:, number * 8 : number * 8 + 640].tobytes() + grey)
    return path


@contextmanager
def chromium(clip: Path) -> Iterator[Browser]:
    with sync_playwright() as kit:
        made = kit.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, f"--use-file-for-fake-video-capture={clip}"])
        yield made
        made.close()


class Party:
    """A room with one publishing crew seat and the inspector who views it."""

    def __init__(self, site: Site, browser: Browser) -> None:
        self.site, self._browser = site, browser
        room = site.room()
        self.room_id, self.crew = room.room_id, room.seats[0].seat_id
        lead = attend(site.services, site.rooms, self.room_id, INSPECTOR)
        self.lead = seat_of(site.services, lead.token)
        self._viewer = site.client(lead.token)
        with site.client() as guest:
            joined = guest.post("/api/v1/video/join", json={"code": room.seats[0].link}).raise_for_status().json()
        admit(site.services, site.rooms, self.lead, self.crew)
        self._publisher = site.client(joined["token"])

    def publish(self, network: UdpProxy, bps: int, *, small: bool = False) -> Page:
        """Sound and picture, with `small` the small picture too, as the phone's page sends them."""
        page = self._page()
        offer = page.evaluate(_PUBLISH, [bps, small])
        self._negotiate(page, self._publisher, f"/api/v1/video/rooms/{self.room_id}/whip", offer, network)
        return page

    def view(self, network: UdpProxy) -> Page:
        page = self._page()
        path = f"/api/v1/video/rooms/{self.room_id}/whep?of={self.crew}"
        self.viewing = self._negotiate(page, self._viewer, path, page.evaluate(_VIEW), network)
        return page

    def prefer(self, layer: str) -> None:
        """Which picture the viewer asks for."""
        self._viewer.put(f"{self.viewing}/layer", json={"layer": layer}).raise_for_status()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._viewer.close()
        self._publisher.close()

    def arrived_bytes(self) -> int:
        """Video bytes that the forwarder has got from the publisher."""
        tracks = self.site.rooms.stats(self.room_id)["tracks"]
        return sum(int(one["bytes"]) for one in tracks if one["kind"] == "video")

    def views(self) -> list[dict[str, Any]]:
        return list(self.site.rooms.stats(self.room_id)["views"])

    def _page(self) -> Page:
        context = self._browser.new_context(permissions=["camera", "microphone"], base_url=self.site.url)
        page = context.new_page()
        page.goto("/call/join")
        return page

    @staticmethod
    def _negotiate(page: Page, http: httpx.Client, path: str, sdp: str, network: UdpProxy) -> str:
        """Returns the address of the connection."""
        answer = http.post(path, content=network.offer(sdp), headers={"content-type": "application/sdp"})
        answer.raise_for_status()
        page.evaluate("(sdp) => pc.setRemoteDescription({type: 'answer', sdp})", network.answer(answer.text))
        return str(answer.headers["location"])


def video_stats(page: Page) -> dict[str, Any]:
    return dict(page.evaluate(_STATS))
