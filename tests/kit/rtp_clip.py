"""Owns recorded RTP for load publishers: a picture that costs many bits, encoded once as a phone or a drone does, packed and kept.

Never sends anything.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from struct import pack, unpack_from
from typing import Any

import av
import numpy as np
from aiortc.codecs import get_encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

CODECS = {
    "VP8": RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90_000, payloadType=97),
    "H264": RTCRtpCodecParameters(
        mimeType="video/H264",
        clockRate=90_000,
        payloadType=99,
        parameters={"packetization-mode": "1", "profile-level-id": "42e01f"},
    ),
}
_OPTIONS = {
    "VP8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "H264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}),
}
_HEAD = "!HI"


@dataclass(frozen=True, slots=True)
class Clip:
    """RTP payloads of each frame; the first frame, and one each two seconds, is a keyframe."""

    codec: str
    width: int
    height: int
    fps: int
    frames: tuple[tuple[bytes, ...], ...]

    @property
    def bps(self) -> float:
        return 8 * sum(len(part) for frame in self.frames for part in frame) * self.fps / len(self.frames)

    @property
    def packets_per_frame(self) -> float:
        return sum(map(len, self.frames)) / len(self.frames)


def recorded(codec: str, width: int, height: int, fps: int, bps: int, seconds: float = 4.0) -> Clip:
    """The clip, from this machine's temporary folder if it was made before."""
    name = hashlib.sha256(repr((codec, width, height, fps, bps, seconds, 3)).encode()).hexdigest()[:16]
    kept = Path(tempfile.gettempdir()) / f"yunjian-rtp-{name}.bin"
    if not kept.is_file():
        temporary = kept.with_suffix(".tmp")
        temporary.write_bytes(b"".join(_frame_bytes(frame) for frame in _encode(codec, width, height, fps, bps, seconds)))
        temporary.replace(kept)
    return Clip(codec, width, height, fps, tuple(_read(kept.read_bytes())))


def _frame_bytes(parts: list[bytes]) -> bytes:
    return pack("!H", len(parts)) + b"".join(pack("!H", len(part)) + part for part in parts)


def _read(data: bytes) -> list[tuple[bytes, ...]]:
    frames, at = [], 0
    while at < len(data):
        (count,) = unpack_from("!H", data, at)
        at += 2
        parts = []
        for _ in range(count):
            (size,) = unpack_from("!H", data, at)
            parts.append(data[at + 2 : at + 2 + size])
            at += 2 + size
        frames.append(tuple(parts))
    return frames


def _encode(codec: str, width: int, height: int, fps: int, bps: int, seconds: float) -> list[list[bytes]]:
    name, options = _OPTIONS[codec]
    encoder: Any = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
    encoder.bit_rate, encoder.gop_size, encoder.options = bps, 2 * fps, options
    packer = get_encoder(CODECS[codec])
    out: list[list[bytes]] = []
    for number, luma in enumerate(moving_noise(width, height, int(seconds * fps))):
        frame = av.VideoFrame.from_ndarray(np.vstack([luma, np.full((height // 2, width), 128, np.uint8)]), format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, fps)
        out += [packer.pack(packet)[0] for packet in encoder.encode(frame)]
    out += [packer.pack(packet)[0] for packet in encoder.encode(None)]
    return out


def moving_noise(width: int, height: int, frames: int, seed: int = 3) -> list[np.ndarray[Any, Any]]:
    """(height, width) uint8 each: a soft random texture with grain that moves eight pixels a frame."""
    rng = np.random.default_rng(seed)
    soft = rng.integers(60, 190, (height // 8 + 1, width // 8 + frames)).repeat(8, axis=0).repeat(8, axis=1)[:height]
    base = (soft + rng.integers(-14, 15, soft.shape)).astype(np.uint8)
    return [np.ascontiguousarray(base[:, number * 8 : number * 8 + width]) for number in range(frames)]
