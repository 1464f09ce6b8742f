"""Owns what stands in for the decoding half of an aiortc receiver and the encoding half of a sender, on the instance.

Never decodes or encodes, and never names anything private of aiortc: that is `video.aiortc_compat`'s. aiortc calls
``receiver.receive(parameters)`` and ``sender.send(parameters)`` (both public) once a transport is connected.
"""

from __future__ import annotations

from collections.abc import Callable

from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc.codecs import is_rtx
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters, RTCRtpSendParameters
from aiortc.rtp import AnyRtcpPacket

from video.aiortc_compat import Wire, ssrcs_of, wire_of
from video.feedback import TWCC_URI, Arrival
from video.packet import FeedbackSink, Packet, PacketSink


class PacketReceiver:
    """Hands each packet of a track to `sink`, and what is to be said to its publisher to the wire."""

    def __init__(self, receiver: RTCRtpReceiver, sink: PacketSink) -> None:
        self.codecs: dict[int, RTCRtpCodecParameters] = {}
        self.repairs: dict[int, int] = {}  # payload type of a repair: payload type of what it repairs (RFC 4588)
        self.media_ssrc: int | None = None
        self._rtx_ssrc: int | None = None
        self._receiver, self._sink = receiver, sink
        self._wire: Wire | None = None
        self._leave: Callable[[], None] = _nothing
        vars(receiver)["receive"] = self._receive

    async def _receive(self, parameters: RTCRtpReceiveParameters) -> None:
        if self._wire is not None:
            return
        for codec in parameters.codecs:
            number, base = codec.payloadType or 0, codec.parameters.get("apt")
            if not is_rtx(codec):
                self.codecs[number] = codec
            elif isinstance(base, int):
                self.repairs[number] = base
        for encoding in parameters.encodings:
            self.media_ssrc = encoding.ssrc
            self._rtx_ssrc = encoding.rtx.ssrc if encoding.rtx else self._rtx_ssrc
        self._wire = wire_of(self._receiver.transport)
        self._wire.number_id = next(
            (one.id for one in parameters.headerExtensions if one.uri == TWCC_URI), self._wire.number_id
        )
        self._leave = self._wire.receive(self, parameters)

    def send_rtcp(self, data: bytes) -> None:
        """Feedback to the publisher; silently dropped while the transport is not up."""
        if self._wire is not None:
            self._wire.send(data)

    def close(self) -> None:
        self._leave()

    def take(self, packet: Packet) -> None:
        if packet.ssrc not in (self.media_ssrc, self._rtx_ssrc) and self._wire is not None:
            self._wire.forget(packet.ssrc)
        self._sink.on_rtp(packet)

    def take_rtcp(self, packet: AnyRtcpPacket) -> None:
        self._sink.on_rtcp(packet)

    def gone(self) -> None:
        self._sink.on_disconnect()


class PacketSender:
    """Sends packets as one stream, and hands what the viewer reports about it to `sink`. `on_ready`: the transport is up."""

    def __init__(self, sender: RTCRtpSender, sink: FeedbackSink, on_ready: Callable[[], None]) -> None:
        self.ssrc, self.rtx_ssrc = ssrcs_of(sender)
        self.codecs: list[RTCRtpCodecParameters] = []
        self.cname = ""
        self.transport_number_id: int | None = None
        self._sender, self._sink, self._on_ready = sender, sink, on_ready
        self._rtx_of: dict[object, int | None] = {}
        self._wire: Wire | None = None
        self._leave: Callable[[], None] = _nothing
        vars(sender)["send"] = self._send

    async def _send(self, parameters: RTCRtpSendParameters) -> None:
        if self._wire is not None:
            return
        self.codecs = [codec for codec in parameters.codecs if not is_rtx(codec)]
        self._rtx_of = {codec.parameters.get("apt"): codec.payloadType for codec in parameters.codecs if is_rtx(codec)}
        self.cname = parameters.rtcp.cname or ""
        self.transport_number_id = next((one.id for one in parameters.headerExtensions if one.uri == TWCC_URI), None)
        self._wire = wire_of(self._sender.transport)
        self._leave = self._wire.feed(self, self.ssrc, parameters)
        self._on_ready()

    def watch_arrivals(self, take: Callable[[list[Arrival]], None]) -> None:
        """Give transport-wide feedback of this connection to `take`; its tracks share one."""
        if self._wire is not None:
            self._wire.on_arrivals = take

    def rtx_payload_type(self, codec: RTCRtpCodecParameters) -> int | None:
        """Payload type for repairs of `codec`, or None where the viewer did not agree on RTX (RFC 4588)."""
        return self._rtx_of.get(codec.payloadType)

    def send(self, data: bytes) -> None:
        """One RTP or RTCP packet, protected by SRTP."""
        if self._wire is not None:
            self._wire.send(data)

    def close(self) -> None:
        self._leave()

    def take(self, packet: Packet) -> None:
        """A viewer sends no media."""

    def take_rtcp(self, packet: AnyRtcpPacket) -> None:
        self._sink.on_feedback(packet)

    def gone(self) -> None:
        """The owner of the connection notices."""


def _nothing() -> None:
    """Not registered yet."""
