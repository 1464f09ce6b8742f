"""Owns one viewer's copy of one track: header rewriting, repairs from the ring, keyframe requests.

Never decodes and never queues: a packet is rewritten and sent, or not sent.
"""

from __future__ import annotations

from struct import pack

from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)
from aiortc.utils import random16, random32

from video.downlink import Downlink
from video.frames import CLOCK_HZ, is_keyframe_start
from video.halves import PacketSender
from video.packet import Packet
from video.ring import SEQ, TS, seq_ahead, ts_ahead
from video.source import SenderReport, Source

_SWITCH_S = 1 / 30  # time that seems to pass between the last packet of one source and the first of the next
_CNAME = 1


def same_codec(a: RTCRtpCodecParameters, b: RTCRtpCodecParameters) -> bool:
    """True if packets of `a` may be sent as `b`: same name and, for H.264, same profile (not level) and packetisation."""
    if a.name.lower() != b.name.lower():
        return False
    if a.name.upper() != "H264":
        return True

    def key(codec: RTCRtpCodecParameters) -> tuple[str, str]:
        profile = str(codec.parameters.get("profile-level-id", "42e01f")).lower()
        return profile[:2], str(codec.parameters.get("packetization-mode", "0"))

    return key(a) == key(b)


class ViewerLeg:
    """Sends a source's packets as the viewer's own stream: constant SSRC, sequence and time that go on over a switch."""

    def __init__(self, source: Source, downlink: Downlink, thumb: Source | None = None) -> None:
        self.source = source
        self.downlink = downlink
        self.wants_hd = True
        self._hd, self._thumb = source, thumb
        self.sender: PacketSender | None = None
        self.packets = 0
        self.repairs = 0
        self._octets = 0
        self._payload_type: int | None = None
        self._rtx_type: int | None = None
        self._rtx_seq = random16() % (SEQ // 2)
        self._seq_shift: int | None = None
        self._ts_shift = 0
        self._last_seq = random16() % (SEQ // 2)  # lower half: see SRTP rollover note in aiortc's sender
        self._last_ts = random32()
        self._waits_for_key = True
        self._weighed: int | None = None
        self.paused = False

    def start(self) -> None:
        """The viewer's transport is up."""
        self._negotiate()
        if self.sender is not None and self.sender.transport_number_id is not None:
            self.sender.watch_arrivals(self.downlink.on_arrivals)
        for source in self._sources():
            source.legs.append(self)
        self.source.request_keyframe()

    def stop(self) -> None:
        for source in self._sources():
            if self in source.legs:
                source.legs.remove(self)
        if self.sender is not None:
            self.sender.close()

    def _sources(self) -> tuple[Source, ...]:
        return (self._hd,) if self._thumb is None else (self._hd, self._thumb)

    def source_changed(self, source: Source) -> None:
        self._choose()
        if source is self.source:
            self._restart()

    def _restart(self) -> None:
        self._seq_shift = None
        self._waits_for_key = self.source.pictures
        self._negotiate()

    def _negotiate(self) -> None:
        self._payload_type = self._rtx_type = None
        if self.sender is None or self.source.codec is None:
            return
        for codec in self.sender.codecs:
            if same_codec(self.source.codec, codec):
                self._payload_type = codec.payloadType
                self._rtx_type = self.sender.rtx_payload_type(codec)
                return

    def forward(self, packet: Packet, source: Source) -> None:
        sender = self.sender
        if source.pictures and packet.timestamp != self._weighed:  # once a frame: what to send is not changed inside one
            self._weighed = packet.timestamp
            self._choose()
            self._make_room()
        if source is not self.source or sender is None or self._payload_type is None or self.paused or source.codec is None:
            return
        if self._waits_for_key:
            if not is_keyframe_start(source.codec.name, packet.payload):
                source.request_keyframe()
                return
            self._waits_for_key = False
        if self._seq_shift is None:
            step = int(_SWITCH_S * CLOCK_HZ.get(source.codec.name, 90_000))
            self._seq_shift = (self._last_seq + 1 - packet.sequence_number) % SEQ
            self._ts_shift = (self._last_ts + step - packet.timestamp) % TS
        seq = (packet.sequence_number + self._seq_shift) % SEQ
        stamp = (packet.timestamp + self._ts_shift) % TS
        if seq_ahead(seq, self._last_seq) > 0:
            self._last_seq = seq
        if ts_ahead(stamp, self._last_ts) > 0:
            self._last_ts = stamp
        self.packets += 1
        self._octets += len(packet.payload)
        marker_type = (packet.marker << 7) | self._payload_type
        sender.send(self._header(sender, marker_type, seq, stamp, sender.ssrc, packet) + packet.payload)

    def _choose(self) -> None:
        """The small picture where it is wanted, where there is no room for the large one, or where that does not come."""
        thumb, hd = self._thumb, self._hd
        if thumb is None:
            return
        small = thumb.live and (not self.wants_hd or hd.silent or not self.downlink.room_for(hd.rate_bps))
        chosen = thumb if small else hd
        if chosen is not self.source:
            self.source = chosen
            self._restart()

    def _make_room(self) -> None:
        """Sound first: without room for both the picture rests, and goes on with a keyframe."""
        if self.downlink.picture == self.paused:
            self.paused = not self.paused
            self._waits_for_key, self._seq_shift = True, None

    def _header(self, sender: PacketSender, marker_type: int, seq: int, stamp: int, ssrc: int, packet: Packet) -> bytes:
        return self.downlink.header(marker_type, seq, stamp, ssrc, sender.transport_number_id, len(packet.payload))

    def report(self, report: SenderReport, source: Source) -> None:
        """The publisher's sender report in the viewer's numbers, so that sound and picture stay together."""
        if source is not self.source or self.sender is None or self._seq_shift is None:
            return
        info = RtcpSenderInfo(
            ntp_timestamp=report.ntp,
            rtp_timestamp=(report.rtp_timestamp + self._ts_shift) % TS,
            packet_count=self.packets & 0xFFFFFFFF,
            octet_count=self._octets & 0xFFFFFFFF,
        )
        name = RtcpSourceInfo(ssrc=self.sender.ssrc, items=[(_CNAME, self.sender.cname.encode())])
        packets = (RtcpSrPacket(ssrc=self.sender.ssrc, sender_info=info), RtcpSdesPacket(chunks=[name]))
        self.sender.send(b"".join(bytes(packet) for packet in packets))

    def on_feedback(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            for seq in packet.lost:
                self._repair(seq)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            self.source.request_keyframe()

    def _repair(self, seq: int) -> None:
        sender = self.sender
        if sender is None or self._seq_shift is None or self._payload_type is None:
            return
        seq %= SEQ  # aiortc does not wrap what it unpacks from a bit mask
        packet = self.source.ring.get((seq - self._seq_shift) % SEQ)
        if packet is None:
            return
        self.repairs += 1
        stamp = (packet.timestamp + self._ts_shift) % TS
        if self._rtx_type is None:
            header = self._header(sender, (packet.marker << 7) | self._payload_type, seq, stamp, sender.ssrc, packet)
            sender.send(header + packet.payload)
            return
        for _ in range(self.downlink.repair_times):  # RFC 4588: own stream, the original number first in the payload
            self._rtx_seq = (self._rtx_seq + 1) % SEQ
            marker_type = (packet.marker << 7) | self._rtx_type
            header = self._header(sender, marker_type, self._rtx_seq, stamp, sender.rtx_ssrc, packet)
            sender.send(header + pack("!H", seq) + packet.payload)
