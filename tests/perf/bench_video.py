"""CPU of the media path alone, in one run, no network: forwarding against decode + encode, recording against MediaRecorder. JSON.

`python -m tests.perf.bench_video [--small] [--codec VP8|H264]`. Both sides get the same recorded RTP of 720p30 at 2 Mbit/s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from struct import pack
from typing import Any, cast

import av
from aiortc.codecs import depayload, get_decoder, get_encoder
from aiortc.contrib.media import MediaRecorder
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from pylibsrtp import Policy, Session

from tests.kit.rtp_clip import CODECS, Clip, recorded
from video.downlink import Downlink, link_rules
from video.halves import PacketSender
from video.leg import ViewerLeg
from video.packet import parse
from video.record import RecordPlan, TrackRecorder
from video.segment import Segment
from video.source import Source

SEQ = 1 << 16
FORWARD_BAR, RECORD_BAR = 150.0, 500.0


class _Srtp:
    """A viewer's sender that protects and drops: everything but the socket. The profile is what browsers and aiortc agree on."""

    ssrc, rtx_ssrc, cname = 1, 2, "bench"
    transport_number_id = 5

    def __init__(self, codec: str) -> None:
        self.codecs = (CODECS[codec],)
        policy = Policy(key=bytes(44), ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_256_GCM)
        policy.window_size = 1024
        self._session = Session(policy)

    def rtx_payload_type(self, _codec: object) -> None:
        return None

    def watch_arrivals(self, _take: object) -> None:
        return None

    def send(self, data: bytes) -> None:
        self._session.protect(data)


def cpu_s() -> float:
    """Of this process with all its threads: MediaRecorder encodes in one of its own."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def spent(work: Callable[[], object]) -> float:
    before = cpu_s()
    work()
    return cpu_s() - before


def rtp(clip: Clip, frames: int) -> list[bytes]:
    """The clip's packets as they come off SRTP."""
    out: list[bytes] = []
    for number in range(frames):
        parts = clip.frames[number % len(clip.frames)]
        for index, payload in enumerate(parts):
            second = (int(index == len(parts) - 1) << 7) | (CODECS[clip.codec].payloadType or 0)
            out.append(pack("!BBHLL", 0x80, second, len(out) % SEQ, number * 90_000 // clip.fps, 7) + payload)
    return out


def pictures(clip: Clip, frames: int) -> list[Any]:
    """The same frames decoded."""
    decoder, out = get_decoder(CODECS[clip.codec]), []
    for number in range(frames):
        parts = clip.frames[number % len(clip.frames)]
        data = b"".join(depayload(CODECS[clip.codec], part) for part in parts)
        out += decoder.decode(JitterFrame(data=data, timestamp=number * 90_000 // clip.fps))
    return out


def forwarding(clip: Clip, frames: int) -> dict[str, Any]:
    """Read, keep for repairs, rewrite for one viewer, protect; against decode and encode for one viewer."""
    raw = rtp(clip, frames)
    source = Source("seat", "video", 3.0, 1, lambda _source: None)
    source.codec = CODECS[clip.codec]
    leg = ViewerLeg(source, Downlink(link_rules()))
    leg.sender = cast("PacketSender", _Srtp(clip.codec))
    leg.start()

    def forward() -> None:
        for data in raw:
            packet = parse(data, None)
            source.ring.add(packet, time.monotonic())
            leg.forward(packet, source)

    def transcode() -> None:
        encoder = get_encoder(CODECS[clip.codec])
        for frame in pictures(clip, frames):
            encoder.encode(frame, force_keyframe=False)

    ours, theirs = spent(forward), spent(transcode)
    return {
        "forward_us_per_packet": round(ours / len(raw) * 1e6, 1), "forward_ms_per_frame": round(ours / frames * 1e3, 4),
        "transcode_ms_per_frame": round(theirs / frames * 1e3, 3), "ratio": round(theirs / ours, 1),
        "all_forwarded": leg.packets == len(raw), "bar": FORWARD_BAR, "ok": theirs >= FORWARD_BAR * ours,
    }  # fmt: skip


class _Decoded(MediaStreamTrack):
    """What MediaRecorder takes: a track of pictures, as fast as it takes them."""

    kind = "video"

    def __init__(self, clip: Clip, frames: int) -> None:
        super().__init__()
        self._frames = iter(pictures(clip, frames))
        self.taken = asyncio.Event()

    async def recv(self) -> Any:
        try:
            return next(self._frames)
        except StopIteration:
            self.taken.set()
            raise MediaStreamError from None


def recording(clip: Clip, frames: int, folder: Path) -> dict[str, Any]:
    """Packets to closed, synced, hashed segments by copy; against decode and MediaRecorder. Both files are counted afterwards."""
    packets = [parse(data, None) for data in rtp(clip, frames)]  # as the forwarder has them in any case
    closed: list[Segment] = []
    plan = RecordPlan("room", "seat", "video", folder / "ours", 60.0, datetime.now(UTC))

    def copy() -> None:
        recorder = TrackRecorder(plan, lambda job: closed.append(job()), lambda: None)
        for packet in packets:
            recorder.on_packet(packet, CODECS[clip.codec])
        recorder.stop()

    async def record() -> None:
        recorder = MediaRecorder(str(folder / "theirs.mp4"))
        track = _Decoded(clip, frames)
        recorder.addTrack(track)
        await recorder.start()
        await track.taken.wait()
        await recorder.stop()

    ours, theirs = spent(copy), spent(lambda: asyncio.run(record()))
    return {
        "copy_ms_per_frame": round(ours / frames * 1e3, 4), "media_recorder_ms_per_frame": round(theirs / frames * 1e3, 3),
        "ratio": round(theirs / ours, 1), "frames": [sum(one.frames for one in closed), count_frames(folder / "theirs.mp4")],
        "bar": RECORD_BAR, "ok": theirs >= RECORD_BAR * ours,
    }  # fmt: skip


def count_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="60 frames in place of 900")
    parser.add_argument("--codec", choices=tuple(CODECS), default="VP8")
    chosen = parser.parse_args()
    frames = 60 if chosen.small else 900
    clip = recorded(chosen.codec, 1280, 720, 30, 2_000_000)
    with tempfile.TemporaryDirectory() as scratch:
        parts = {"forward": forwarding(clip, frames), "record": recording(clip, frames, Path(scratch))}
    content = f"{chosen.codec} 720p30, {frames} frames, {clip.packets_per_frame:.1f} packets a frame"
    sys.stdout.write(json.dumps({"bench": "video.media_path", "content": content, **parts}) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
