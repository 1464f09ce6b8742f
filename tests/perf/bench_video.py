"""CPU per forwarded packet against decode + encode of the same frames, measured in one run. Prints JSON.

`python -m tests.perf.bench_video [--frames N]`; seeded by the frame number, no network.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from struct import pack
from typing import cast

from aiortc.codecs import get_decoder, get_encoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtpPacket
from pylibsrtp import Policy, Session

from video.clip import encode_vp8, moving_picture
from video.downlink import Downlink, link_rules
from video.halves import PacketSender
from video.leg import ViewerLeg
from video.source import Source

VP8 = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90_000, payloadType=97)


class _Srtp:
    """A viewer's sender that protects and drops: everything but the socket."""

    ssrc, rtx_ssrc, cname = 1, 2, "bench"
    codecs = (VP8,)
    transport_number_id = 5

    def __init__(self) -> None:
        policy = Policy(key=bytes(range(30)), ssrc_type=Policy.SSRC_ANY_OUTBOUND)
        policy.window_size = 1024
        self._session = Session(policy)

    def rtx_payload_type(self, _codec: RTCRtpCodecParameters) -> None:
        return None

    def watch_arrivals(self, _take: object) -> None:
        return None

    def send(self, data: bytes) -> None:
        self._session.protect(data)


def measure(frames: int) -> dict[str, object]:
    packer = get_encoder(VP8)
    encoded = list(encode_vp8(moving_picture(number) for number in range(frames)))
    raw: list[bytes] = []
    for number, packet in enumerate(encoded):
        payloads = packer.pack(packet)[0]
        for index, payload in enumerate(payloads):
            marker = int(index == len(payloads) - 1)
            raw.append(pack("!BBHLL", 0x80, (marker << 7) | 97, len(raw) % 65536, number * 6000, 7) + payload)

    source = Source("seat", "video", 3.0, 1, lambda _source: None)
    source.codec = VP8
    leg = ViewerLeg(source, Downlink(link_rules()))
    leg.sender = cast("PacketSender", _Srtp())

    async def forward() -> float:
        leg.start()
        before = time.process_time()
        for data in raw:
            packet = RtpPacket.parse(data)
            source.ring.add(packet, 0.0)
            leg.forward(packet, source)
        return time.process_time() - before

    forwarding = asyncio.run(forward())
    decoder, encoder = get_decoder(VP8), get_encoder(VP8)
    before = time.process_time()
    for number, packet in enumerate(encoded):
        for frame in decoder.decode(JitterFrame(data=bytes(packet), timestamp=number * 6000)):
            encoder.encode(frame, force_keyframe=False)
    transcoding = time.process_time() - before
    return {
        "bench": "video.forward_vs_transcode",
        "content": f"VP8 640x480, {frames} frames, {len(raw)} packets, one viewer",
        "forward_us_per_packet": round(forwarding / len(raw) * 1e6, 1),
        "forward_ms_per_frame": round(forwarding / frames * 1e3, 4),
        "transcode_ms_per_frame": round(transcoding / frames * 1e3, 3),
        "ratio": round(transcoding / forwarding, 1),
        "forwarded": leg.packets,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=900)
    parser.add_argument("--small", action="store_true", help="a third of the frames")
    chosen = parser.parse_args()
    sys.stdout.write(json.dumps(measure(chosen.frames // 3 if chosen.small else chosen.frames)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
