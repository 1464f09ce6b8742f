"""An RTSP camera for tests (RFC 2326): DESCRIBE, SETUP over TCP interleaved, PLAY, with a login; serves H.264 in a loop.

Debian ships no RTSP server program that runs by itself (only libraries), so this is ours; the client under test is libav's.
"""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.rtp import RtpPacket

from video.clip import FPS, HEIGHT_PX, WIDTH_PX, moving_picture

USER, PASSWORD = "viewer", "p@ss word"
_CLOCK = 90_000
_START = b"\x00\x00\x00\x01"
_PARAMETERS = (7, 8)  # SPS, PPS


@dataclass
class Footage:
    """Access units with the parameter sets taken out, as many cameras send them: those stand in the SDP only."""

    units: list[bytes]
    parameter_sets: list[bytes]


def footage(frames: int = 30, b_frames: bool = False) -> Footage:
    """Encode the moving test picture once."""
    codec: Any = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    codec.time_base, codec.framerate, codec.gop_size = Fraction(1, FPS), Fraction(FPS), FPS // 2
    codec.options = {"preset": "ultrafast", "profile": "main"} | (
        {"bf": "2", "b-adapt": "0"} if b_frames else {"tune": "zerolatency"}
    )
    packets = []
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(moving_picture(number), format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        packets += codec.encode(frame)
    packets += codec.encode(None)
    sets = [unit for unit in H264Encoder._split_bitstream(bytes(packets[0])) if unit[0] & 0x1F in _PARAMETERS]
    pictures = [
        b"".join(_START + unit for unit in H264Encoder._split_bitstream(bytes(one)) if unit[0] & 0x1F not in _PARAMETERS)
        for one in packets
    ]
    return Footage(pictures, sets)


@dataclass
class Camera:
    """What the test may look at and do."""

    port: int = 0
    login: bool = False
    plays: int = 0
    refused: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/quay"

    def cut(self) -> None:
        """Break all connections, as a camera that loses its power does."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: [one.transport.abort() for one in list(self._writers)])


@contextmanager
def rtsp_camera(film: Footage, *, login: bool = False) -> Iterator[Camera]:
    """Serve on loopback until the block ends."""
    camera, ready, stopped = Camera(login=login), threading.Event(), asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(lambda r, w: _client(camera, film, r, w), "127.0.0.1", 0)
        camera.port, camera._loop = server.sockets[0].getsockname()[1], asyncio.get_running_loop()
        ready.set()
        await stopped.wait()
        server.close()
        for writer in list(camera._writers):
            writer.transport.abort()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield camera
    finally:
        if camera._loop is not None:
            camera._loop.call_soon_threadsafe(stopped.set)
        thread.join(10)


async def _client(camera: Camera, film: Footage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    camera._writers.add(writer)
    playing: asyncio.Task[None] | None = None
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head[:1] == b"$":  # RTCP from the client
                continue
            method, headers = head.split(b" ", 1)[0].decode(), _headers(head)
            status, extra, body = _answer(camera, film, method, headers)
            answer = (
                f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"
            )
            writer.write(answer.encode())
            if method == "PLAY" and status.startswith("200"):
                camera.plays += 1
                playing = asyncio.ensure_future(_play(film, writer))
            if method == "TEARDOWN":
                break
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        return
    finally:
        if playing is not None:
            playing.cancel()
        camera._writers.discard(writer)
        writer.close()


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if ":" in line)}


def _answer(camera: Camera, film: Footage, method: str, headers: dict[str, str]) -> tuple[str, str, str]:
    wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    if camera.login and method != "OPTIONS" and headers.get("authorization") != wanted:
        camera.refused += 1
        return "401 Unauthorized", 'WWW-Authenticate: Basic realm="quay"\r\n', ""
    if method == "OPTIONS":
        return "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", ""
    if method == "DESCRIBE":
        sets = ",".join(base64.b64encode(one).decode() for one in film.parameter_sets)
        sdp = (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=quay\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n"
            f"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track1\r\n"
        )
        return "200 OK", "Content-Type: application/sdp\r\n", sdp
    if method == "SETUP":
        return "200 OK", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n", ""
    return "200 OK", "Session: 1\r\n", ""


async def _play(film: Footage, writer: asyncio.StreamWriter) -> None:
    loop, number, sequence = asyncio.get_running_loop(), 0, 1
    began = loop.time()
    while not writer.is_closing():
        unit = film.units[number % len(film.units)]
        packet = av.Packet(unit)
        packet.pts, packet.time_base = number, Fraction(1, FPS)
        payloads, _ = H264Encoder().pack(packet)
        for index, payload in enumerate(payloads):
            rtp = RtpPacket(
                payload_type=96, marker=int(index == len(payloads) - 1), sequence_number=sequence % 65536,
                timestamp=number * _CLOCK // FPS, ssrc=7,
            )  # fmt: skip
            rtp.payload = payload
            data = rtp.serialize()
            writer.write(b"$\x00" + len(data).to_bytes(2, "big") + data)
            sequence += 1
        await writer.drain()
        number += 1
        await asyncio.sleep(max(0.0, began + number / FPS - loop.time()))
