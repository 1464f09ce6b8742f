"""Owns one published track: its packets from whatever connection carries them now, and what goes back to the publisher.

Never knows viewers beyond the `Leg` protocol, never decodes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSrPacket,
    pack_remb_fci,
)

from video.feedback import ArrivalLog, nack
from video.frames import is_keyframe_start
from video.halves import PacketReceiver
from video.packet import Packet
from video.ring import KeyframeGate, NackTracker, PacketRing

KEYFRAME_WINDOW_S = 0.3  # one PLI upstream per publisher in this time (video spec 4.1)
NACK_RETRY_S = 0.1
SILENT_S = 1.0
_NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SenderReport:
    """The publisher's word on which wall time an RTP timestamp was (RFC 3550, 6.4.1)."""

    rtp_timestamp: int
    ntp: int
    arrived: datetime

    @property
    def wall(self) -> datetime:
        return _NTP_EPOCH + timedelta(seconds=self.ntp / (1 << 32))


class Leg(Protocol):
    """One viewer of one track."""

    def forward(self, packet: Packet, source: Source) -> None: ...

    def report(self, report: SenderReport, source: Source) -> None: ...

    def source_changed(self, source: Source) -> None: ...


class Tap(Protocol):
    """Somebody inside the worker who wants the packets (recorder, snapshot)."""

    def on_packet(self, packet: Packet, codec: RTCRtpCodecParameters) -> None: ...

    def on_report(self, report: SenderReport) -> None: ...

    def on_break(self) -> None: ...


class Source:
    """A publisher's audio, video or thumb (the same picture, small). It outlives connections: a publisher who comes back
    goes on under the same viewers.
    """

    def __init__(self, seat: str, kind: str, keep_s: float, ceiling_bps: int, on_started: Callable[[Source], None]) -> None:
        self.seat = seat
        self.kind = kind
        self.pictures = kind != "audio"
        self.rate_bps = 0.0
        self.ceiling_bps = ceiling_bps
        self.codec: RTCRtpCodecParameters | None = None
        self.ring = PacketRing(keep_s)
        self.legs: list[Leg] = []
        self.taps: list[Tap] = []
        self.packets = 0
        self.bytes = 0
        self.last_arrival: float | None = None
        self._counted = (0.0, 0)
        self._on_started = on_started
        self._receiver: PacketReceiver | None = None
        self._arrivals = ArrivalLog()
        self._nacks = NackTracker(NACK_RETRY_S, keep_s)
        self._gate = KeyframeGate(KEYFRAME_WINDOW_S)
        self._ssrc: int | None = None
        self._own_ssrc = 1
        self._stats: Any = None  # a StreamStatistics of aiortc, which asks a packet for no more than ours has
        self._report: SenderReport | None = None

    @property
    def live(self) -> bool:
        return self._receiver is not None

    @property
    def silent(self) -> bool:
        """Whether nothing has come for `SILENT_S`."""
        return self.last_arrival is None or time.monotonic() - self.last_arrival > SILENT_S

    def connect(self, receiver: PacketReceiver, own_ssrc: int, arrivals: ArrivalLog) -> None:
        """Packets come through `receiver` from now on; what the old connection left is dropped."""
        self.disconnect()
        self._receiver, self._own_ssrc, self._arrivals = receiver, own_ssrc, arrivals

    def disconnect(self) -> None:
        if self._receiver is None:
            return
        self._receiver.close()
        self._receiver = None
        self.ring.clear()
        self._nacks.reset()
        self._ssrc = self._stats = self._report = None
        for tap in list(self.taps):
            tap.on_break()
        for leg in self.legs:
            leg.source_changed(self)

    def on_disconnect(self) -> None:
        """The transport is gone; the owner of the connection calls `disconnect`."""

    def on_rtp(self, packet: Packet) -> None:
        now = time.monotonic()
        if packet.transport_number is not None:
            self._arrivals.add(packet.transport_number, now)
        known = self._recognise(packet)
        if known is None:
            return
        packet, codec = known
        if self._ssrc is None:
            self._begin(packet, codec)
        if not self.ring.add(packet, now):
            return
        self.last_arrival = now
        self.packets += 1
        self.bytes += len(packet.payload)
        if self._stats is not None:
            self._stats.add(packet)
        if self.pictures:
            self._watch_loss(packet, codec, now)
        for tap in tuple(self.taps):
            tap.on_packet(packet, codec)
        for leg in self.legs:
            leg.forward(packet, self)

    def on_rtcp(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket) and packet.ssrc == self._ssrc and packet.sender_info.ntp_timestamp:
            info = packet.sender_info
            self._report = SenderReport(info.rtp_timestamp, info.ntp_timestamp, datetime.now(UTC))
            for tap in list(self.taps):
                tap.on_report(self._report)
            for leg in self.legs:
                leg.report(self._report, self)
        elif isinstance(packet, RtcpByePacket):
            for tap in list(self.taps):
                tap.on_break()

    def request_keyframe(self) -> None:
        """Ask the publisher for a keyframe, at most once per window."""
        if self.pictures and self._gate.ask(time.monotonic()):
            self._pli()

    def tick(self) -> None:
        """Every 50 ms: repeat what was asked for in vain."""
        now = time.monotonic()
        if self._gate.due(now):
            self._pli()
        again = self._nacks.due(now)
        if again:
            self._nack(again)

    def arrival_report(self) -> None:
        """Every 50 ms; the first live source of the connection speaks for all: what has arrived, so that the publisher can find its rate."""
        if self._receiver is None or self._ssrc is None:
            return
        report = self._arrivals.report(self._own_ssrc, self._ssrc)
        if report is not None:
            self._receiver.send_rtcp(report)

    def receiver_report(self) -> None:
        """Every second: loss and jitter (RFC 3550), and the rate we can take (REMB; draft-alvestrand-rmcat-remb)."""
        self._measure(time.monotonic())
        if self._receiver is None or self._stats is None or self._ssrc is None:
            return
        lsr = (self._report.ntp >> 16) & 0xFFFFFFFF if self._report else 0
        since = (datetime.now(UTC) - self._report.arrived).total_seconds() if self._report else 0.0
        info = RtcpReceiverInfo(
            ssrc=self._ssrc,
            fraction_lost=self._stats.fraction_lost,
            packets_lost=self._stats.packets_lost,
            highest_sequence=self._stats.max_seq or 0,
            jitter=self._stats.jitter & 0xFFFFFFFF,
            lsr=lsr,
            dlsr=int(since * 65536) if 0 < since < 65536 else 0,
        )
        self._receiver.send_rtcp(bytes(RtcpRrPacket(ssrc=self._own_ssrc, reports=[info])))
        if self.pictures:
            fci = pack_remb_fci(self.ceiling_bps, [self._ssrc])
            remb = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=self._own_ssrc, media_ssrc=0, fci=fci)
            self._receiver.send_rtcp(bytes(remb))

    def _measure(self, now: float) -> None:
        """The rate of the last second or so, payload only."""
        since, before = self._counted
        if now > since:
            self.rate_bps = 8 * (self.bytes - before) / (now - since) if since else 0.0
        self._counted = (now, self.bytes)

    def _begin(self, packet: Packet, codec: RTCRtpCodecParameters) -> None:
        self._ssrc, self.codec = packet.ssrc, codec
        self._stats = StreamStatistics(codec.clockRate)
        for leg in self.legs:
            leg.source_changed(self)
        self._on_started(self)

    def _recognise(self, packet: Packet) -> tuple[Packet, RTCRtpCodecParameters] | None:
        """The packet as sent first (unwrapped from RTX) with its codec; None for what was not agreed on."""
        receiver = self._receiver
        if receiver is None:
            return None
        codec = receiver.codecs.get(packet.payload_type)
        if codec is not None:
            agreed = receiver.media_ssrc if receiver.media_ssrc is not None else self._ssrc
            return (packet, codec) if agreed is None or agreed == packet.ssrc else None
        base = receiver.repairs.get(packet.payload_type)
        if base is None or base not in receiver.codecs or receiver.media_ssrc is None or len(packet.payload) < 2:
            return None
        first = int.from_bytes(packet.payload[:2], "big")  # RFC 4588: the number it had at first comes before the payload
        repaired = Packet(base, packet.marker, first, packet.timestamp, receiver.media_ssrc, packet.payload[2:])
        return repaired, receiver.codecs[base]

    def _watch_loss(self, packet: Packet, codec: RTCRtpCodecParameters, now: float) -> None:
        if is_keyframe_start(codec.name, packet.payload):
            self._gate.satisfied()
        fresh = self._nacks.add(packet.sequence_number, now)
        if fresh:
            self._nack(fresh)

    def _pli(self) -> None:
        if self._receiver is not None and self._ssrc is not None:
            pli = RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._own_ssrc, media_ssrc=self._ssrc)
            self._receiver.send_rtcp(bytes(pli))

    def _nack(self, lost: list[int]) -> None:
        if self._receiver is not None and self._ssrc is not None:
            self._receiver.send_rtcp(nack(self._own_ssrc, self._ssrc, lost))
