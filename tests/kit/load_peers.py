"""Owns load peers in a process of their own: publishers that replay recorded RTP, viewers that answer RTCP and never decode.

Never a measure of itself: what it costs is not in the forwarder's figure. `python -m tests.kit.load_peers`, JSON lines both ways.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from struct import pack
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RTCP_RTPFB_NACK, AnyRtcpPacket, RtcpRtpfbPacket, RtcpSenderInfo, RtcpSrPacket

from tests.kit.rtp_clip import Clip, recorded
from video.aiortc_compat import restrict_addresses
from video.downlink import offer_transport_feedback
from video.feedback import ArrivalLog
from video.forward import codec_preferences
from video.halves import PacketReceiver, PacketSender
from video.netloop import PortRangeLoop
from video.source import SenderReport, Source

SEQ, TS = 1 << 16, 1 << 32
KEPT = 2048
REPORT_S = 0.05  # as Chromium does
_NTP_UNIX_S = 2_208_988_800


class Publisher:
    """Sends the clip in a loop, at its own pace, a frame spread over half its time; answers NACK from what it sent last."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.frames = 0
        self.connection = _connection()
        transceiver = self.connection.addTransceiver("video", direction="sendonly")
        transceiver.setCodecPreferences(codec_preferences("video", clip.codec))
        self.sender = PacketSender(transceiver.sender, self, self._ready)
        self._sent: dict[int, bytes] = {}
        self._seq, self._number, self._octets = 1, 0, 0
        self._task: asyncio.Task[None] | None = None

    def _ready(self) -> None:
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        began, codec = loop.time(), self.sender.codecs[0]
        while True:
            parts = self.clip.frames[self.frames % len(self.clip.frames)]
            stamp = self.frames * 90_000 // self.clip.fps % TS
            await asyncio.sleep(max(0.0, began + self.frames / self.clip.fps - loop.time()))
            if self.frames % self.clip.fps == 0:
                self._report(stamp)
            for index, part in enumerate(parts):
                if index and index % 4 == 0:
                    await asyncio.sleep(0.002)
                self._send(part, (int(index == len(parts) - 1) << 7) | codec.payloadType, stamp)
            self.frames += 1

    def _send(self, payload: bytes, marker_type: int, stamp: int) -> None:
        self._seq = (self._seq + 1) % SEQ
        self._sent[self._seq] = pack("!BBHLL", 0x90, marker_type, self._seq, stamp, self.sender.ssrc)
        data, known = self._sent[self._seq], self.sender.transport_number_id
        self._number = (self._number + 1) % SEQ
        number = pack("!HHBHB", 0xBEDE, 1, (known or 15) << 4 | 1, self._number, 0)
        self._sent[self._seq] = data + number + payload
        self._sent.pop((self._seq - KEPT) % SEQ, None)
        self._octets += len(payload)
        self.sender.send(self._sent[self._seq])

    def _report(self, stamp: int) -> None:
        now = time.time()
        ntp = (int(now) + _NTP_UNIX_S) << 32 | int(now % 1 * (1 << 32))
        info = RtcpSenderInfo(ntp_timestamp=ntp, rtp_timestamp=stamp, packet_count=self._number, octet_count=self._octets % TS)
        self.sender.send(bytes(RtcpSrPacket(ssrc=self.sender.ssrc, sender_info=info)))

    def on_feedback(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            for seq in packet.lost:
                if seq % SEQ in self._sent:
                    self.sender.send(self._sent[seq % SEQ])


@dataclass
class Viewer:
    """Counts whole frames: all packets from the one after the last marker up to a marker."""

    packets: int = 0
    frames: int = 0
    _frame: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = _connection()
        transceiver = self.connection.addTransceiver("video", direction="recvonly")
        self.source = Source("load", "video", 0.5, 20_000_000, lambda _source: None)
        self.source.taps.append(self)
        self.receiver = PacketReceiver(transceiver.receiver, self.source)
        self.source.connect(self.receiver, id(self) & 0xFFFFFFFF, ArrivalLog())
        self._task = asyncio.ensure_future(self._tick())

    async def _tick(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(REPORT_S)
            count += 1
            self.source.tick()
            self.source.arrival_report()
            if count % 20 == 0:
                self.source.receiver_report()

    def on_packet(self, packet: Any, _codec: RTCRtpCodecParameters) -> None:
        self.packets += 1
        frame = self._frame.setdefault(packet.timestamp, [0, packet.sequence_number, -1])
        frame[0] += 1
        if (packet.sequence_number - frame[1]) % SEQ > SEQ // 2:
            frame[1] = packet.sequence_number
        if packet.marker:
            frame[2] = packet.sequence_number
        if frame[2] >= 0 and (frame[2] - frame[1]) % SEQ + 1 == frame[0]:
            self.frames += 1
        if len(self._frame) > 64:
            self._frame.pop(next(iter(self._frame)))

    def on_report(self, report: SenderReport) -> None:
        """Not looked at."""

    def on_break(self) -> None:
        """Nothing is kept."""


def _connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


class Peers:
    """One command per line: publish, view, answer, counts."""

    def __init__(self) -> None:
        self.all: list[Publisher | Viewer] = []

    async def do(self, order: dict[str, Any]) -> dict[str, Any]:
        match order["do"]:
            case "publish":
                return await self._offer(Publisher(recorded(**order["clip"])))
            case "view":
                return await self._offer(Viewer())
            case "answer":
                await self.all[order["id"]].connection.setRemoteDescription(RTCSessionDescription(order["sdp"], "answer"))
                return {}
            case "counts":
                return {
                    "sent": [one.frames for one in self.all if isinstance(one, Publisher)],
                    "seen": [one.frames for one in self.all if isinstance(one, Viewer)],
                    "packets": [one.packets for one in self.all if isinstance(one, Viewer)],
                }
        raise ValueError(order["do"])

    async def _offer(self, peer: Publisher | Viewer) -> dict[str, Any]:
        self.all.append(peer)
        await peer.connection.setLocalDescription(await peer.connection.createOffer())
        return {"id": len(self.all) - 1, "sdp": peer.connection.localDescription.sdp}


async def serve() -> None:
    offer_transport_feedback()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(0), "rb"))
    peers = Peers()
    while line := await reader.readline():
        sys.stdout.write(json.dumps(await peers.do(json.loads(line))) + "\n")
        sys.stdout.flush()


def main() -> int:
    restrict_addresses(("127.0.0.1",))
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=PortRangeLoop) as runner:
        runner.run(serve())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
