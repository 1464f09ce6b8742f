"""Owns putting encoded frames together from RTP payloads: VP8 (RFC 7741), H.264 (RFC 6184), Opus (RFC 7587).

Never decodes a picture, except once per H.264 segment to learn its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aiortc.codecs import depayload
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from video.packet import Packet

CLOCK_HZ = {"VP8": 90_000, "H264": 90_000, "opus": 48_000}
_VP8_START_CODE = b"\x9d\x01\x2a"
_H264_IDR, _H264_SPS = 5, 7
_START_CODE = b"\x00\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One whole frame. `size_px` is known on VP8 keyframes only."""

    data: bytes
    rtp_timestamp: int
    is_keyframe: bool
    size_px: tuple[int, int] | None = None


class Assembler(Protocol):
    """Makes frames from packets that come in order."""

    def push(self, packet: Packet) -> EncodedFrame | None: ...

    def lost(self) -> None: ...


def vp8_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height in px of a VP8 keyframe (RFC 6386, 9.1), else None."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != _VP8_START_CODE:
        return None
    return (int.from_bytes(frame[6:8], "little") & 0x3FFF, int.from_bytes(frame[8:10], "little") & 0x3FFF)


def vp8_data_at(payload: bytes) -> int:
    """Where the VP8 data begins behind the payload descriptor (RFC 7741, 4.2). Own code: this runs for each packet recorded.

    Raises:
        ValueError: the descriptor is torn.
    """
    try:
        at = 1
        if payload[0] & 0x80:  # X: extension bits follow; I: picture id of one or two octets; L: TL0PICIDX; T or K: one octet
            bits, at = payload[1], 2
            if bits & 0x80:
                at += 2 if payload[2] & 0x80 else 1
            at += (bits >> 6 & 1) + (1 if bits & 0x30 else 0)
    except IndexError as error:
        raise ValueError("torn VP8 descriptor") from error
    if at > len(payload):
        raise ValueError("torn VP8 descriptor")
    return at


def starts_vp8_frame(payload: bytes) -> bool:
    """S bit set and partition 0."""
    return bool(payload) and payload[0] & 0x1F == 0x10


def is_keyframe_start(codec: str, payload: bytes) -> bool:
    """True for a packet that begins a keyframe; False for anything unreadable."""
    try:
        if codec == "VP8":
            if not starts_vp8_frame(payload):
                return False
            at = vp8_data_at(payload)
            return at < len(payload) and not payload[at] & 1
        if codec == "H264" and payload:
            return bool(_h264_kinds(payload) & {_H264_IDR, _H264_SPS})
    except ValueError:
        return False
    return codec == "opus"


def _h264_kinds(payload: bytes) -> set[int]:
    kind = payload[0] & 0x1F
    if kind == 28 and len(payload) > 1:  # FU-A: only its first fragment starts a unit
        return {payload[1] & 0x1F} if payload[1] & 0x80 else set()
    if kind == 24:  # STAP-A: length-prefixed units
        kinds, at = set(), 1
        while at + 2 < len(payload):
            kinds.add(payload[at + 2] & 0x1F)
            at += 2 + int.from_bytes(payload[at : at + 2], "big")
        return kinds
    return {kind}


class VideoAssembler:
    """VP8 or H.264: packets of one timestamp up to the marker bit; a frame with a hole is dropped whole."""

    def __init__(self, codec: RTCRtpCodecParameters) -> None:
        self._codec = codec
        self._vp8 = codec.name == "VP8"
        self._parts: list[bytes] = []
        self._timestamp: int | None = None
        self._starts_key = False
        self._broken = True  # until a frame start is seen

    def lost(self) -> None:
        self._parts.clear()
        self._broken = True

    def push(self, packet: Packet) -> EncodedFrame | None:
        payload = packet.payload
        if packet.timestamp != self._timestamp:
            self._timestamp = packet.timestamp
            self._broken = not self._begins(payload)
            self._parts.clear()
            self._starts_key = is_keyframe_start(self._codec.name, payload)
        if self._broken or not payload:
            return None
        try:
            if self._vp8:
                self._parts.append(payload[1 if payload[0] < 0x80 else vp8_data_at(payload) :])
            else:
                self._parts.append(self._h264(payload))
        except ValueError:
            self.lost()
            return None
        if not packet.marker:
            return None
        data = b"".join(self._parts)
        self._parts.clear()
        self._broken = True
        size = vp8_size(data) if self._vp8 else None
        return EncodedFrame(data, packet.timestamp, self._starts_key, size)

    def _h264(self, payload: bytes) -> bytes:
        if not self._starts_key:
            self._starts_key = is_keyframe_start("H264", payload)
        if payload[0] & 0x1F == 28 and len(payload) > 2 and not payload[1] & 0x80:  # FU-A, not its first fragment: as it is
            return payload[2:]
        return depayload(self._codec, payload)

    def _begins(self, payload: bytes) -> bool:
        return starts_vp8_frame(payload) if self._vp8 else True


class OpusAssembler:
    """Every packet is a frame that can be decoded by itself."""

    def lost(self) -> None:
        """Nothing is pending."""

    def push(self, packet: Packet) -> EncodedFrame | None:
        return EncodedFrame(packet.payload, packet.timestamp, is_keyframe=True) if packet.payload else None


def assembler_for(codec: RTCRtpCodecParameters) -> Assembler:
    """The assembler of a room codec."""
    return OpusAssembler() if codec.name == "opus" else VideoAssembler(codec)


def h264_parameter_sets(frame: bytes) -> bytes:
    """The SPS and PPS units of an Annex B frame, with start codes; empty if there are none."""
    units = [unit for unit in frame.split(_START_CODE) if unit]
    return b"".join(_START_CODE + unit for unit in units if unit[0] & 0x1F in (7, 8))
