"""Packets for tests: one VP8 clip, encoded once, packed as aiortc's sender packs it."""

from __future__ import annotations

from functools import cache

from aiortc.codecs import get_encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtpPacket

from video.clip import encode_vp8, moving_picture

VP8 = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90_000, payloadType=97)
OPUS = RTCRtpCodecParameters(mimeType="audio/opus", clockRate=48_000, channels=2, payloadType=96)
FRAMES = 30


@cache
def vp8_payloads() -> tuple[tuple[bytes, ...], ...]:
    """RTP payloads of each of 30 frames; frames 0 and 15 are keyframes."""
    packer = get_encoder(VP8)
    pictures = (moving_picture(number) for number in range(FRAMES))
    return tuple(tuple(packer.pack(packet)[0]) for packet in encode_vp8(pictures))


def vp8_packets(first_seq: int = 65_500, first_ts: int = 0xFFFF_0000) -> list[RtpPacket]:
    """The clip as RTP; numbers and times wrap on the way."""
    packets = []
    for number, payloads in enumerate(vp8_payloads()):
        for index, payload in enumerate(payloads):
            packets.append(
                RtpPacket(
                    payload_type=97,
                    marker=int(index == len(payloads) - 1),
                    sequence_number=(first_seq + len(packets)) % (1 << 16),
                    timestamp=(first_ts + number * 6000) % (1 << 32),
                    ssrc=7,
                    payload=payload,
                )
            )
    return packets
