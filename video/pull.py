"""Owns bringing one RTSP camera to a room worker: ``python -m video.pull``. Encoded pictures in, encoded pictures out.

Never decodes. A camera's stream is read by libav in this process, apart from calls and pages; it is published as any other sender
publishes (an SDP offer on standard output, the answer on standard input), so the forwarder knows nothing of RTSP. It ends with
its standard input, when the camera is silent, and when the connection is gone; `video.pulls` then starts it anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av.bitstream import BitStreamFilterContext

from video import aiortc_compat

ENDED, UNREACHABLE, UNUSABLE = 1, 2, 3
"""Exit codes: the stream ended; no stream; a stream that no browser can show."""
PROBE_US = "1000000"  # how much of a stream libav looks at before it says what it is
MOST_WAITING = 120  # packets; a sender that is slower than its camera leaves out whole groups of pictures


@dataclass(frozen=True, slots=True)
class Job:
    """`address` may hold a password: it comes by standard input and is never printed. Times in s."""

    address: str
    transport: str
    open_s: float
    silent_s: float
    addresses: tuple[str, ...]


class Unusable(Exception):
    """A stream that cannot be forwarded as it is; the text is its reason, for the log."""


class PulledTrack(MediaStreamTrack):
    """Encoded pictures as they came."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._home = asyncio.get_running_loop()
        self._skips = True  # until a keyframe

    def put(self, packet: Any) -> None:
        """From the reading thread; None ends the track."""
        self._home.call_soon_threadsafe(self._put, packet)

    def _put(self, packet: Any) -> None:
        if packet is not None:
            if self._queue.qsize() > MOST_WAITING:
                self._skips = True
            if self._skips and not packet.is_keyframe:
                return
            self._skips = False
        self._queue.put_nowait(packet)

    async def recv(self) -> Any:
        packet = await self._queue.get()
        if packet is None:
            self.stop()
            raise MediaStreamError
        return packet


def open_camera(job: Job) -> tuple[Any, Any]:
    """The container and its H.264 stream.

    Raises:
        av.FFmpegError: unreachable, refused, too slow. Unusable: no H.264, or B-frames, which WebRTC cannot carry.
    """
    options = {
        "rtsp_transport": job.transport,
        "protocol_whitelist": "rtsp,rtp,udp,tcp,tls,crypto",
        "analyzeduration": PROBE_US,
    }
    container = av.open(job.address, options=options, timeout=(job.open_s, job.silent_s))
    stream: Any = next((one for one in container.streams.video if one.codec_context.name == "h264"), None)
    if stream is None:
        names = ",".join(one.codec_context.name for one in container.streams.video)
        container.close()
        raise Unusable(f"no H.264 ({names})")
    if stream.codec_context.has_b_frames:
        container.close()
        raise Unusable("B-frames")
    return container, stream


def read(container: Any, stream: Any, put: Callable[[Any], None]) -> None:
    """Hand out whole pictures until the stream ends; each keyframe carries its parameter sets, which many cameras send once."""
    whole = BitStreamFilterContext("dump_extra=freq=keyframe", stream)
    try:
        for packet in container.demux(stream):
            if packet.pts is None or not packet.size:
                continue
            for one in whole.filter(packet):
                put(one)
    except av.FFmpegError as error:
        _tell({"event": "ended", "why": type(error).__name__})
    finally:
        put(None)


async def publish(job: Job) -> int:
    """Read, offer, send; returns the exit code."""
    if job.addresses:
        aiortc_compat.restrict_addresses(job.addresses)
    try:
        container, stream = await asyncio.to_thread(open_camera, job)
    except Unusable as error:
        _tell({"event": "unusable", "why": str(error)})
        return UNUSABLE
    except (av.FFmpegError, OSError) as error:  # its text holds the address: only its kind is told
        _tell({"event": "unreachable", "why": type(error).__name__})
        return UNREACHABLE
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    track, ended = PulledTrack(), asyncio.Event()
    transceiver = connection.addTransceiver(track, direction="sendonly")
    transceiver.setCodecPreferences(
        [one for one in RTCRtpSender.getCapabilities("video").codecs if one.name in ("H264", "rtx")]
    )
    track.on("ended", ended.set)

    @connection.on("connectionstatechange")
    async def _changed() -> None:
        if connection.connectionState in ("failed", "closed"):
            ended.set()

    await connection.setLocalDescription(await connection.createOffer())
    _tell({"event": "offer", "sdp": connection.localDescription.sdp})
    answer = await asyncio.to_thread(sys.stdin.readline)
    if not answer:
        return ENDED
    await connection.setRemoteDescription(RTCSessionDescription(json.loads(answer)["sdp"], "answer"))
    threading.Thread(target=read, args=(container, stream, track.put), daemon=True).start()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_until_end_of_input, args=(loop, ended), daemon=True).start()
    await ended.wait()
    await connection.close()
    return ENDED


def _until_end_of_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    sys.stdin.readline()
    loop.call_soon_threadsafe(ended.set)


def _tell(fact: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def main() -> int:
    """The first line of standard input is the job."""
    av.logging.set_level(av.logging.PANIC)  # libav's own messages hold the address
    given = json.loads(sys.stdin.readline())
    return asyncio.run(publish(Job(**{**given, "addresses": tuple(given["addresses"])})))


if __name__ == "__main__":
    _code = main()
    os._exit(_code)  # the reading thread may sit in libav for `silent_s` yet; there is nothing left to save
