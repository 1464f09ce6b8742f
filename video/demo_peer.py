"""Owns the scripted crew peer: ``python -m video.demo_peer --base-url URL --link LINK --clip FILE``. A simulation; it says so.

Never uses anything but the public HTTP, websocket and WebRTC that a phone uses.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import resource
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from websockets.asyncio.client import ClientConnection, connect

from core.clock import parse_rfc3339, rfc3339
from video import aiortc_compat
from video.clip import generate_clip, nameplate
from video.links import code_of
from video.player import ClipTrack

API = "/api/v1/video"
MARK = "SIMULATED crew peer"
HEARTBEAT_S = 1.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Script:
    """What the peer does. It leaves after `stills` answered requests and at least `seconds`, or when the room closes."""

    base_url: str
    link: str
    clip: Path
    seconds: float
    stills: int
    name: str
    still: Path | None
    plate: tuple[str, ...]
    wait_s: float


class Peer:
    """One run of the script."""

    def __init__(self, script: Script, http: httpx.AsyncClient, say: Callable[[str], None]) -> None:
        self._script, self._http, self._say = script, http, say
        self._asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._admitted = asyncio.Event()
        self._closed = asyncio.Event()
        self._offset_ms = 0
        self._room = self._seat = ""

    async def run(self) -> dict[str, Any]:
        """Join, wait, agree, publish, answer requests, leave; returns what was done."""
        joined = await self._join()
        url = f"{self._script.base_url.replace('http', 'ws', 1)}/ws/v1/video/rooms/{self._room}"
        async with connect(url, max_size=1 << 20) as line:
            await line.send(json.dumps({"type": "hello", "token": joined["token"]}))
            tasks = [asyncio.create_task(self._listen(line)), asyncio.create_task(self._beat(line))]
            try:
                return await self._take_part(joined)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _join(self) -> dict[str, Any]:
        before = datetime.now(UTC)
        answer = await self._http.post(f"{API}/join", json={"code": code_of(self._script.link), "name": self._script.name})
        joined: dict[str, Any] = _checked(answer).json()
        middle = before + (datetime.now(UTC) - before) / 2
        self._offset_ms = round((middle - parse_rfc3339(joined["server_time"])).total_seconds() * 1000)
        self._room, self._seat = joined["room_id"], joined["seat_id"]
        self._http.headers["authorization"] = f"Bearer {joined['token']}"
        if joined["state"] == "admitted":
            self._admitted.set()
        self._say(f"joined as {joined['role']}, {joined['state']}")
        return joined

    async def _take_part(self, joined: dict[str, Any]) -> dict[str, Any]:
        await asyncio.wait_for(self._first(self._admitted.wait(), self._closed.wait()), self._script.wait_s)
        room = f"{API}/rooms/{self._room}"
        order = {"version": joined["consent"]["version"], "language": "en"}
        _checked(await self._http.post(f"{room}/consent", json=order))
        self._say("admitted, agreed to the recording")
        track = ClipTrack(self._script.clip)
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            connection.addTrack(track)
            resource_url = await self._publish(connection, room)
            self._say("publishing the clip")
            kept = await self._answer_requests()
            frames = track.sent
            if not self._closed.is_set():
                await self._http.delete(resource_url)
        finally:
            await connection.close()
        return {"room_id": self._room, "seat_id": self._seat, "frames_sent": frames, "evidence": kept}

    async def _publish(self, connection: RTCPeerConnection, room: str) -> str:
        await connection.setLocalDescription(await connection.createOffer())
        answer = _checked(
            await self._http.post(
                f"{room}/whip", content=connection.localDescription.sdp, headers={"content-type": "application/sdp"}
            )
        )
        await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        return str(answer.headers["location"])

    async def _answer_requests(self) -> list[str]:
        """Upload a still for each request; returns evidence ids."""
        loop = asyncio.get_running_loop()
        ends, kept = loop.time() + self._script.seconds, list[str]()
        patience = loop.time() + self._script.wait_s
        while not self._closed.is_set():
            until = (ends if len(kept) >= self._script.stills else patience) - loop.time()
            if until <= 0:
                break
            try:
                asked = await asyncio.wait_for(self._first(self._asked.get(), self._closed.wait()), until)
            except TimeoutError:
                continue
            if isinstance(asked, dict):
                kept.append(await self._send_still(asked))
        return kept

    async def _send_still(self, asked: dict[str, Any]) -> str:
        item, code = str(asked["item_ref"]), str(asked.get("note") or "")
        data = self._script.still.read_bytes() if self._script.still else nameplate((*self._script.plate, item[-24:], code))
        facts = {
            "item_ref": item, "media_type": "image/jpeg", "captured_at": rfc3339(datetime.now(UTC)),
            "clock_offset_ms": str(self._offset_ms), "device": MARK, "sha256": hashlib.sha256(data).hexdigest(),
            "filename": "still.jpg", "client_key": str(asked["request_id"]),
        }  # fmt: skip
        evidence_id = await upload(self._http, data, facts)
        self._say(f"sent a still of {len(data)} bytes for {item}")
        return evidence_id

    async def _listen(self, line: ClientConnection) -> None:
        async for text in line:
            message = json.loads(text)
            match message.get("type"):
                case "admitted":
                    self._admitted.set()
                case "welcome" if message.get("state") == "admitted":
                    self._admitted.set()
                case "still_request":
                    await self._asked.put(message)
                case "closed":
                    self._closed.set()
        self._closed.set()

    async def _beat(self, line: ClientConnection) -> None:
        while True:
            await line.send(json.dumps({"type": "heartbeat"}))
            await asyncio.sleep(HEARTBEAT_S)

    @staticmethod
    async def _first(*waits: Awaitable[Any]) -> Any:
        """Result of whichever comes first; the others are given up."""
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()


async def upload(http: httpx.AsyncClient, data: bytes, facts: dict[str, str], piece: int = 256 * 1024) -> str:
    """Send a file by tus in pieces with checksums; returns the upload's (and evidence's) id."""
    tus = {"tus-resumable": "1.0.0"}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in facts.items() if value)
    made = _checked(
        await http.post(f"{API}/uploads", headers={**tus, "upload-length": str(len(data)), "upload-metadata": metadata})
    )
    place = str(made.headers["location"])
    offset = int(made.headers["upload-offset"])
    while offset < len(data):
        part = data[offset : offset + piece]
        checksum = base64.b64encode(hashlib.sha256(part).digest()).decode()
        headers = {**tus, "upload-offset": str(offset), "upload-checksum": f"sha256 {checksum}",
                   "content-type": "application/offset+octet-stream"}  # fmt: skip
        offset = int(_checked(await http.patch(place, headers=headers, content=part)).headers["upload-offset"])
    return place.rsplit("/", 1)[-1]


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise SystemExit(f"{MARK}: {answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return answer


async def play(script: Script, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the script once."""
    if urlsplit(script.base_url).hostname in _LOOPBACK:
        aiortc_compat.restrict_addresses(("127.0.0.1",))
    async with httpx.AsyncClient(base_url=script.base_url, timeout=30.0, trust_env=False) as http:
        return await Peer(script, http, say).run()


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the peer's process; prints one JSON object on stdout, progress on stderr."""
    parser = argparse.ArgumentParser(prog="python -m video.demo_peer", description=MARK)
    parser.add_argument("--base-url", required=True, help="the console, e.g. http://127.0.0.1:8000")
    parser.add_argument("--link", required=True, help="the signed join link (or its code)")
    parser.add_argument("--clip", type=Path, required=True, help="WebM to send; generated if it is not there")
    parser.add_argument("--seconds", type=float, default=12.0, help="stay at least this long after admission")
    parser.add_argument("--stills", type=int, default=1, help="answer this many requests before leaving")
    parser.add_argument("--name", default="SIMULATED crew")
    parser.add_argument("--still", type=Path, help="JPEG to send as still; a generated nameplate if none")
    parser.add_argument("--plate", action="append", default=[], help="line on the generated nameplate; repeatable")
    parser.add_argument("--wait-s", type=float, default=60.0, help="give up after this long without admission or request")
    chosen = parser.parse_args(arguments)
    if not chosen.clip.is_file():
        generate_clip(chosen.clip)
    script = Script(
        chosen.base_url.rstrip("/"), chosen.link, chosen.clip, chosen.seconds, chosen.stills, chosen.name, chosen.still,
        tuple(chosen.plate), chosen.wait_s,
    )  # fmt: skip

    def say(text: str) -> None:
        sys.stderr.write(f"{MARK}: {text}\n")

    done = asyncio.run(play(script, say))
    used = resource.getrusage(resource.RUSAGE_SELF)
    done = {"schema": "yunjian.demo_peer/1", "simulated": True, **done, "cpu_s": round(used.ru_utime + used.ru_stime, 2)}
    sys.stdout.write(json.dumps(done) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
