"""Records what became of each packet of a real Chromium publisher, and of a real Chromium viewer's reports, on bad paths.

`python -m tests.kit.record_traces [NAME...]` writes ``tests/unit/video/traces/<name>.json.gz`` for `test_estimator`. Never run by tests.
"""

from __future__ import annotations

import asyncio
import gzip
import http.server
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.kit.chromium_media import chromium, noise_y4m
from tests.kit.impairment import Impairment, Link
from tests.kit.udp_proxy import UdpProxy, bad_network
from video.aiortc_compat import restrict_addresses
from video.estimator import Settled
from video.forward import Forwarder, ForwardSettings
from video.netloop import PortRangeLoop

TRACES = Path(__file__).resolve().parents[1] / "unit" / "video" / "traces"
_GATHERED = """await new Promise((done) => { setTimeout(done, 1500);
  pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done(); }); return pc.localDescription.sdp;"""
_PUBLISH = f"""async () => {{
  const stream = await navigator.mediaDevices.getUserMedia({{video: {{width: 640, height: 480, frameRate: 25}}, audio: true}});
  const pc = window.pc = new RTCPeerConnection();
  for (const track of stream.getTracks()) pc.addTransceiver(track, {{direction: 'sendonly',
    sendEncodings: track.kind === 'video' ? [{{maxBitrate: 4000000}}] : undefined}});
  await pc.setLocalDescription(await pc.createOffer()); {_GATHERED} }}"""
_VIEW = f"""async () => {{
  const pc = window.pc = new RTCPeerConnection();
  pc.addTransceiver('video', {{direction: 'recvonly'}}); pc.addTransceiver('audio', {{direction: 'recvonly'}});
  await pc.setLocalDescription(await pc.createOffer()); {_GATHERED} }}"""


@dataclass(frozen=True)
class Case:
    """`link` from the start, `then` from `at_s` on. `who`: whose path is bad, and whose packets are recorded."""

    who: str
    link: Link
    seconds: float = 15.0
    then: Link | None = None
    at_s: float = 8.0


CASES = {
    "up_300k": Case("publisher", Link(rate_bps=300_000, delay_ms=20)),
    "up_1m": Case("publisher", Link(rate_bps=1_000_000, delay_ms=20)),
    "up_2500k": Case("publisher", Link(rate_bps=2_500_000, delay_ms=20)),
    "up_loss": Case("publisher", Link(loss=0.05, delay_ms=350, jitter_ms=8)),
    "down_loss": Case("viewer", Link(loss=0.2, delay_ms=40)),
    "down_shrinks": Case("viewer", Link(delay_ms=40), then=Link(rate_bps=400_000, delay_ms=40, queue_ms=800)),
}


class Watched(Impairment):
    """Notes the fate of what looks like RTP (RFC 7983, RFC 5761)."""

    def __init__(self, link: Link, seed: int) -> None:
        super().__init__(link, seed)
        self.rows: list[tuple[float, float | None, int]] = []

    def fate(self, now_s: float, size_bytes: int) -> float | None:
        out = super().fate(now_s, size_bytes)
        if size_bytes > 60:
            self.rows.append((now_s, out, size_bytes))
        return out


class Sfu:
    """The product's forwarder on a loop of its own thread."""

    def __init__(self) -> None:
        self._loop = PortRangeLoop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.reports: list[tuple[float, list[Settled]]] = []
        self.forwarder: Forwarder = self._run(self._make())

    async def _make(self) -> Forwarder:
        return Forwarder(ForwardSettings(3.0, 4_000_000), lambda _news: None)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def publish(self, sdp: str) -> str:
        return str(self._run(self.forwarder.publish("crew", sdp)).sdp)

    def view(self, sdp: str) -> str:
        answer = self._run(self.forwarder.subscribe("viewer", "crew", sdp))
        estimator = self.forwarder.downlink(answer.resource).estimator
        original = estimator.update

        def update(now_s: float, settled: list[Settled]) -> float:
            self.reports.append((now_s, settled))
            return original(now_s, settled)

        vars(estimator)["update"] = update
        return str(answer.sdp)


def join(browser: Browser, url: str, script: str, network: UdpProxy, ask: Callable[[str], str]) -> Page:
    page = browser.new_context(permissions=["camera", "microphone"]).new_page()
    page.goto(url)
    answer = network.answer(ask(network.offer(page.evaluate(script))))
    page.evaluate("(sdp) => pc.setRemoteDescription({type: 'answer', sdp})", answer)
    return page


def record(case: Case, browser: Browser, url: str) -> dict[str, Any]:
    sfu = Sfu()
    bad, good = case.link, Link(delay_ms=5)
    with bad_network(bad if case.who == "publisher" else good, good) as first, bad_network(good, bad) as second:
        watched = first.up = Watched(first.up.link, 1)
        join(browser, url, _PUBLISH, first, sfu.publish)
        if case.who == "viewer":
            time.sleep(4.0)
            join(browser, url, _VIEW, second, sfu.view)
        began, moved = time.monotonic(), False
        while (passed := time.monotonic() - began) < case.seconds:
            if case.then is not None and not moved and passed > case.at_s:
                moved = True
                (first.up if case.who == "publisher" else second.down).link = case.then
            time.sleep(0.05)
    if case.who == "publisher":
        packets = [(round(sent * 1e4), None if out is None else round(out * 1e4), size) for sent, out, size in watched.rows]
        return {"packets": packets}
    reports = [
        (round(now * 1e4), [(round(one.sent_s * 1e4), None if one.arrived_s is None else round(one.arrived_s * 1e4), one.size_bytes)
                            for one in settled])
        for now, settled in sfu.reports
    ]  # fmt: skip
    return {"reports": reports}


class _Page(http.server.BaseHTTPRequestHandler):
    """An empty page: cameras are for secure origins only, and loopback is one."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>trace</title>")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def main(names: list[str]) -> int:
    restrict_addresses(("127.0.0.1",))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    TRACES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, chromium(noise_y4m(Path(scratch) / "noise.y4m")) as browser:
        for name in names or CASES:
            case = CASES[name]
            data = {
                "unit_s": 1e-4,
                "who": case.who,
                "link": repr(case.link),
                "then": repr(case.then),
                **record(case, browser, url),
            }
            target = TRACES / f"{name}.json.gz"
            target.write_bytes(gzip.compress(json.dumps(data, separators=(",", ":")).encode(), 9, mtime=0))
            print(f"{name}: {target.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
