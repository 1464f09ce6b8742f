"""A call with the real pages in real Chromium: join to first picture, network switch to picture, a killed worker, a 12 MB still. JSON.

`python -m tests.perf.bench_video_call [--small] [--only join|kill|still]`. The still is timed against a data channel of the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs import depayload
from playwright.sync_api import Browser, Page, Route

from core import accounts
from tests.integration.video.conftest import INSPECTOR, Site, serving
from tests.kit.chromium_media import CHROMIUM, chromium, noise_y4m
from tests.kit.forwarders import CALL_S, Load, worker
from tests.kit.impairment import Link
from tests.kit.rtp_clip import CODECS, recorded
from tests.kit.udp_proxy import UdpProxy, bad_network
from tests.perf.bench_video_cpu import HD
from video import admit, attend, control, seat_of
from video.aiortc_compat import restrict_addresses

STILL_MB, CHANNEL_MB = 12, 3
_FRAMES = """() => document.querySelector('#pictures video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0"""
_MORE = """(than) => new Promise((done) => {
  const until = performance.now() + 40000;
  const look = () => {
    const count = document.querySelector('#pictures video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
    if (count > than || performance.now() > until) done(Date.now()); else setTimeout(look, 10);
  };
  look();
})"""
_STILL = """async ([token, room, seat, pieceKb, bytes]) => {
  const { Call } = await import('/static/js/call-api.js');
  const { CaptureQueue } = await import('/static/js/call-queue.js');
  const call = new Call('en');
  Object.assign(call, { token, room, seat });
  const data = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(data.subarray(at, Math.min(bytes, at + 65536)));
  data.set([0xff, 0xd8, 0xff, 0xe0]);  // the first bytes of a JPEG
  const blob = new Blob([data], { type: 'image/jpeg' });
  const began = performance.now();
  await new Promise((done) => {
    const queue = new CaptureQueue(call, pieceKb, (waiting, sent) => { if (sent && !waiting) done(); });
    queue.start().then(() => queue.add(blob, { item_ref: 'item:fire-door-7', captured_at: new Date().toISOString(),
      clock_offset_ms: 0, device: 'bench' }));
  });
  return (performance.now() - began) / 1000;
}"""
_CHANNEL = """async ([bytes]) => {
  const pc = window.pc = new RTCPeerConnection();
  const channel = window.channel = pc.createDataChannel('still');
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise((done) => { setTimeout(done, 1500); pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done(); });
  return pc.localDescription.sdp;
}"""
_SEND = """async ([sdp, bytes]) => {
  channel.bufferedAmountLowThreshold = 262144;
  const open = new Promise((done) => { channel.onopen = done; });
  const all = new Promise((done) => { channel.onmessage = done; });
  await pc.setRemoteDescription({ type: 'answer', sdp });
  await open;
  const began = performance.now(), part = new Uint8Array(16384);
  for (let at = 0; at < bytes; at += part.length) {
    if (channel.bufferedAmount > 1048576) await new Promise((done) => { channel.onbufferedamountlow = done; });
    channel.send(part);
  }
  await all;
  return (performance.now() - began) / 1000;
}"""


class MediaPath:
    """The way of the phone's media: the proxy that the next WHIP goes through."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.proxy: UdpProxy = self.renew()

    def renew(self) -> UdpProxy:
        self.proxy = self._stack.enter_context(bad_network(Link(delay_ms=20), Link(delay_ms=20)))
        return self.proxy

    def through(self, route: Route) -> None:
        """Offer and answer with the proxy's candidates in place of their own."""
        proxy = self.proxy
        if route.request.method != "POST":
            route.continue_()
            return
        answer = route.fetch(post_data=proxy.offer(route.request.post_data or ""))
        body = answer.text()
        route.fulfill(response=answer, body=proxy.answer(body) if answer.ok else body)


def p95(values: list[float]) -> float:
    """The nearest rank."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


def one_call(site: Site, browser: Browser, switches: int) -> dict[str, list[float]]:
    """A phone and an inspector on their pages: seconds to the first picture, and from each switch of the phone's network to a picture."""
    room = site.room()
    with ExitStack() as stack:
        way = MediaPath(stack)
        inspector_context = browser.new_context(permissions=["camera", "microphone"])
        opened = accounts.open_session(site.services, INSPECTOR)
        inspector_context.add_cookies([{"name": "yunjian_session", "value": opened.token, "url": site.url}])
        inspector = inspector_context.new_page()
        inspector.goto(f"{site.url}/call/{room.room_id}?lang=en")
        phone_context = browser.new_context(viewport={"width": 390, "height": 844}, permissions=["camera", "microphone"])
        phone = phone_context.new_page()
        phone.route("**/whip", way.through)
        phone.goto(room.seats[0].link.replace("/call/join#", "/call/join?lang=en#"))
        phone.fill("#name", "Chief officer")
        phone.click("#join-form button")
        phone.wait_for_selector("#step-wait:not([hidden])")
        inspector.click("#people button.big")
        phone.wait_for_selector("#step-consent:not([hidden])")
        tapped = float(phone.evaluate("() => { document.getElementById('agree').click(); return Date.now(); }"))
        joined = [_pump(inspector, phone, 0) - tapped]
        again = inspector_context.new_page()  # the inspector opens the call while it runs
        began = time.time() * 1000
        inspector.close()
        again.goto(f"{site.url}/call/{room.room_id}?lang=en")
        joined.append(_pump(again, phone, 0) - began)
        switched = [_switch(way, again, phone, number % 2 == 1) for number in range(switches)]
        still_in = phone.is_visible("#step-call")
        phone_context.close()
        inspector_context.close()
    return {"join_s": [one / 1000 for one in joined], "switch_s": switched, "second_admit": [] if still_in else [1.0]}


def _pump(page: Page, phone: Page, than: int) -> float:
    """When the page has shown more than so many frames (ms). The phone's routes are served while it waits."""
    page.evaluate(f"(than) => {{ window.seen = null; ({_MORE})(than).then((at) => {{ window.seen = at; }}); }}", than)
    while (at := page.evaluate("() => window.seen")) is None:
        phone.wait_for_timeout(20)
    return float(at)


def _switch(way: MediaPath, inspector: Page, phone: Page, rebinding: bool) -> float:
    """Seconds from the old network's end to the next picture. `rebinding`: a new address under a living path, else a dead path."""
    phone.wait_for_timeout(2500)
    old, began = way.proxy, time.time() * 1000
    if rebinding:
        old.change_address()
    else:
        way.renew()
        old.cut()
    phone.wait_for_timeout(250)  # what was under way is over
    return (_pump(inspector, phone, int(inspector.evaluate(_FRAMES)) + 1) - began) / 1000


def calls(site: Site, browser: Browser, rounds: int, switches: int) -> dict[str, Any]:
    joined: list[float] = []
    switched: list[float] = []
    admits = 0
    for _ in range(rounds):
        one = one_call(site, browser, switches)
        joined += one["join_s"]
        switched += one["switch_s"]
        admits += len(one["second_admit"])
    return {
        "joins": len(joined), "join_p50_s": round(sorted(joined)[len(joined) // 2], 2), "join_p95_s": round(p95(joined), 2),
        "switches": len(switched), "switch_s": [round(one, 2) for one in switched], "switch_p95_s": round(p95(switched), 2),
        "second_admits": admits, "bars_s": [3.0, 4.0], "ok": p95(joined) <= 3.0 and p95(switched) <= 4.0 and not admits,
    }  # fmt: skip


def kill(folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds of recording lost to SIGKILL: the last frame in the file against the last frame sent, told apart by their bytes."""
    clip = {"codec": "VP8", **HD}
    known = recorded(**clip)
    lost: list[float] = []
    for number in range(rounds):
        out = folder / f"k{number}"
        out.mkdir()
        with worker(out) as middle, Load(middle) as load:
            load.publish("room", "crew", clip)
            middle.link.call(control.StartRecording(room="room", recording="rec"), CALL_S)
            time.sleep(3.0 + 0.37 * number)
            sent = load.counts()["sent"][0]
            os.kill(middle.pid, signal.SIGKILL)
        lost.append((sent - 1 - _last_frame(next(out.glob("**/*.webm")), known)) % len(known.frames) / known.fps)
    return {"kills": rounds, "lost_s": [round(one, 2) for one in lost], "worst_s": round(max(lost), 2), "bar_s": 1.0,
            "ok": max(lost) <= 1.0}  # fmt: skip


def _last_frame(path: Path, clip: Any) -> int:
    """Which of the clip's frames is the last that can be read."""
    numbers = {
        b"".join(depayload(CODECS[clip.codec], part) for part in parts): index for index, parts in enumerate(clip.frames)
    }
    with av.open(str(path)) as container:
        found = [numbers[bytes(packet)] for packet in container.demux(video=0) if packet.size and bytes(packet) in numbers]
    return found[-1]


def still(site: Site, browser: Browser) -> dict[str, Any]:
    """12 MB by the phone's own queue, once whole and once with the link cut in the middle, and a data channel to aiortc."""
    room = site.room()
    with site.client() as guest:
        joined = guest.post("/api/v1/video/join", json={"code": room.seats[0].link}).raise_for_status().json()
    lead = attend(site.services, site.rooms, room.room_id, INSPECTOR)
    admit(site.services, site.rooms, seat_of(site.services, lead.token), room.seats[0].seat_id)
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.goto("/call/join")
    sent: Counter[tuple[str, str]] = Counter()
    page.on(
        "request", lambda one: sent.update([(one.url, one.headers.get("upload-offset", ""))] if one.method == "PATCH" else [])
    )
    order = [joined["token"], joined["room_id"], joined["seat_id"], joined["piece_kb"], STILL_MB * 1_000_000]
    whole_s = float(page.evaluate(_STILL, order))
    whole_twice = sum(sent.values()) - len(sent)
    sent.clear()
    page.evaluate(f"(order) => {{ window.done = null; ({_STILL})(order).then((s) => {{ window.done = s; }}); }}", order)
    while not sent:
        page.wait_for_timeout(5)
    context.set_offline(True)
    page.wait_for_timeout(700)
    context.set_offline(False)
    while page.evaluate("() => window.done") is None:
        page.wait_for_timeout(50)
    twice = sum(sent.values()) - len(sent)
    channel_s = _channel(page, CHANNEL_MB * 1_000_000)
    context.close()
    http, channel = STILL_MB / whole_s, CHANNEL_MB / channel_s
    return {
        "piece_kb": joined["piece_kb"], "http_mb_per_s": round(http, 2), "data_channel_mb_per_s": round(channel, 3),
        "ratio": round(http / channel, 1), "bar": 40.0, "pieces": len(sent), "sent_twice_after_cut": twice,
        "sent_twice_without_cut": whole_twice, "ok": http >= 40.0 * channel and twice <= 1,
    }  # fmt: skip


def _channel(page: Page, size: int) -> float:
    """Seconds for `size` bytes over a data channel from Chromium to aiortc, until aiortc says that it has them."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def answer(sdp: str) -> tuple[RTCPeerConnection, str]:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))

        @peer.on("datachannel")
        def _open(channel: Any) -> None:
            came = 0

            @channel.on("message")
            def _message(data: bytes) -> None:
                nonlocal came
                came += len(data)
                if came >= size:
                    channel.send("all")

        await peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return peer, peer.localDescription.sdp

    peer, sdp = asyncio.run_coroutine_threadsafe(answer(page.evaluate(_CHANNEL, [size])), loop).result(20)
    seconds = float(page.evaluate(_SEND, [sdp, size]))
    asyncio.run_coroutine_threadsafe(peer.close(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="one call with one switch")
    parser.add_argument("--only", choices=("join", "kill", "still"))
    chosen = parser.parse_args()
    result: dict[str, Any] = {"bench": "video.call", "load_before": round(os.getloadavg()[0], 1)}
    if not Path(CHROMIUM).is_file():
        sys.stdout.write(json.dumps({"bench": "video.call", "not_run": f"{CHROMIUM} is not there"}) + "\n")
        return 0
    restrict_addresses(("127.0.0.1",))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if chosen.only == "kill" or not (chosen.only or chosen.small):
            result["kill"] = kill(folder, 5)
        if chosen.only != "kill":
            with serving(folder / "var") as site, chromium(noise_y4m(folder / "noise.y4m")) as browser:
                if chosen.only in (None, "join"):
                    result["call"] = calls(site, browser, *((1, 1) if chosen.small else (5, 4)))
                if chosen.only == "still" or not (chosen.only or chosen.small):
                    result["still"] = still(site, browser)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
