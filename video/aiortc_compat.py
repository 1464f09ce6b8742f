# ruff: noqa: SLF001 - this one file is where aiortc's private names are allowed (design.md, third-party fences)
"""Owns every use of aiortc's private names: taking RTP from a receiver undecoded and sending RTP without an encoder.

Never holds forwarding rules; those are in `video.forward`. Written against aiortc 1.16 and aioice 0.11 (source read).

aiortc calls ``receiver.receive(parameters)`` and ``sender.send(parameters)`` (both public) once a transport is connected; ours
stand in their place on the instance. The transport then has us as recipient: no decoder thread, no encoder ever starts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import aioice.ice
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, RTCRtpTransceiver
from aiortc.codecs import is_rtx
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters, RTCRtpSendParameters
from aiortc.rtp import AnyRtcpPacket, RtpPacket

from core.errors import EnvironmentFault
from video.feedback import TWCC_URI, Arrival, split_feedback

PRIVATE_METHODS: tuple[tuple[type, str], ...] = (
    (RTCDtlsTransport, "_register_rtp_receiver"),
    (RTCDtlsTransport, "_unregister_rtp_receiver"),
    (RTCDtlsTransport, "_register_rtp_sender"),
    (RTCDtlsTransport, "_unregister_rtp_sender"),
    (RTCDtlsTransport, "_send_rtp"),
    (RTCDtlsTransport, "_handle_rtcp_data"),
)
"""Private methods this module calls, or puts its own in front of."""

PRIVATE_ATTRIBUTES: tuple[tuple[type, str], ...] = (
    (RTCRtpSender, "_ssrc"), (RTCRtpSender, "_rtx_ssrc"), (RTCDtlsTransport, "_rtp_router"),
)  # fmt: skip
"""Private attributes this module reads; they exist on instances only."""

STREAMS_PER_CONNECTION = 32  # SSRCs that aiortc's router may remember: two tracks with their repairs, and room for restarts
CALLED_ON_US = ("_handle_rtp_packet", "_handle_rtcp_packet", "_handle_disconnect", "_ssrc")
"""Names by which aiortc's transport reaches our objects."""

REPLACED: tuple[tuple[type, str], ...] = (
    (RTCRtpReceiver, "receive"), (RTCRtpSender, "send"), (RTCRtpReceiver, "transport"), (RTCRtpSender, "transport"),
)  # fmt: skip
"""Public names we put our own in place of, or rely on."""


def missing_names() -> list[str]:
    """Names that this aiortc or aioice no longer has."""
    gone = [f"{owner.__name__}.{name}" for owner, name in (*PRIVATE_METHODS, *REPLACED) if not hasattr(owner, name)]
    inits = ((owner, name, vars(owner)["__init__"].__code__.co_names) for owner, name in PRIVATE_ATTRIBUTES)
    gone += [f"{owner.__name__}.{name}" for owner, name, known in inits if name not in known]
    code = RTCDtlsTransport._handle_rtp_data.__code__.co_names if hasattr(RTCDtlsTransport, "_handle_rtp_data") else ()
    if "_handle_rtp_packet" not in code:
        gone.append("RTCDtlsTransport -> _handle_rtp_packet")
    if not hasattr(aioice.ice, "get_host_addresses"):
        gone.append("aioice.ice.get_host_addresses")
    return gone


def check() -> None:
    """Refuse to start on an aiortc that was rebuilt inside: raises EnvironmentFault naming what is gone."""
    if gone := missing_names():
        raise EnvironmentFault("video.aiortc_changed", names=", ".join(gone))


class PacketSink(Protocol):
    """Where a receiver's packets go."""

    async def on_rtp(self, packet: RtpPacket) -> None: ...

    async def on_rtcp(self, packet: AnyRtcpPacket) -> None: ...

    def on_disconnect(self) -> None: ...


class FeedbackSink(Protocol):
    """Where the reports of one viewer about one track go."""

    async def on_feedback(self, packet: AnyRtcpPacket) -> None: ...


class PacketReceiver:
    """Stands in for the decoding half of an RTCRtpReceiver."""

    def __init__(self, receiver: RTCRtpReceiver, sink: PacketSink) -> None:
        self._receiver = receiver
        self._sink = sink
        self.codecs: dict[int | None, RTCRtpCodecParameters] = {}
        self.media_ssrc: int | None = None
        self.rtx_ssrc: int | None = None
        self._transport: RTCDtlsTransport | None = None
        vars(receiver)["receive"] = self._receive

    async def _receive(self, parameters: RTCRtpReceiveParameters) -> None:
        if self._transport is not None:
            return
        self.codecs = {codec.payloadType: codec for codec in parameters.codecs}
        for encoding in parameters.encodings:
            self.media_ssrc = encoding.ssrc
            self.rtx_ssrc = encoding.rtx.ssrc if encoding.rtx else self.rtx_ssrc
        self._transport = self._receiver.transport
        self._transport._register_rtp_receiver(self, parameters)

    async def send_rtcp(self, data: bytes) -> None:
        """Feedback to the publisher; silently dropped while the transport is not up."""
        if self._transport is not None:
            await send_quietly(self._transport, data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport._unregister_rtp_receiver(self)

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:  # noqa: ARG002 - aiortc's signature
        if packet.ssrc not in (self.media_ssrc, self.rtx_ssrc) and self._transport is not None:
            known = self._transport._rtp_router.ssrc_table  # aiortc notes each SSRC it ever saw
            if len(known) > STREAMS_PER_CONNECTION:
                known.pop(packet.ssrc, None)
        await self._sink.on_rtp(packet)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        await self._sink.on_rtcp(packet)

    def _handle_disconnect(self) -> None:
        self._sink.on_disconnect()


class PacketSender:
    """Stands in for the encoding half of an RTCRtpSender."""

    def __init__(self, sender: RTCRtpSender, sink: FeedbackSink, on_ready: Callable[[], Awaitable[None]]) -> None:
        self._sender = sender
        self._sink = sink
        self._on_ready = on_ready
        self._ssrc = sender._ssrc
        self.ssrc: int = sender._ssrc
        self.rtx_ssrc: int = sender._rtx_ssrc
        self.codecs: list[RTCRtpCodecParameters] = []
        self.cname = ""
        self.transport_number_id: int | None = None
        self._transport: RTCDtlsTransport | None = None
        vars(sender)["send"] = self._send

    async def _send(self, parameters: RTCRtpSendParameters) -> None:
        if self._transport is not None:
            return
        self.codecs = [codec for codec in parameters.codecs if not is_rtx(codec)]
        self._rtx_of = {codec.parameters.get("apt"): codec.payloadType for codec in parameters.codecs if is_rtx(codec)}
        self.cname = parameters.rtcp.cname or ""
        self.transport_number_id = next((one.id for one in parameters.headerExtensions if one.uri == TWCC_URI), None)
        self._transport = self._sender.transport
        self._transport._register_rtp_sender(self, parameters)
        await self._on_ready()

    def watch_arrivals(self, take: Callable[[list[Arrival]], None]) -> None:
        """Give transport-wide feedback of this connection to `take`; aiortc's own parser would make losses of it."""
        if self._transport is None or "_handle_rtcp_data" in vars(self._transport):  # one leg watches for all
            return
        original = self._transport._handle_rtcp_data

        async def handle(data: bytes) -> None:
            arrivals, rest = split_feedback(data)
            take(arrivals)
            await original(rest)

        vars(self._transport)["_handle_rtcp_data"] = handle

    def rtx_payload_type(self, codec: RTCRtpCodecParameters) -> int | None:
        """Payload type for repairs of `codec`, or None where the viewer did not agree on RTX (RFC 4588)."""
        return self._rtx_of.get(codec.payloadType)

    async def send(self, data: bytes) -> None:
        """One RTP or RTCP packet, protected by SRTP."""
        if self._transport is not None:
            await send_quietly(self._transport, data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport._unregister_rtp_sender(self)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        await self._sink.on_feedback(packet)


async def send_quietly(transport: RTCDtlsTransport, data: bytes) -> None:
    """Send; a connection that just went away is not an error of the sender."""
    with suppress(ConnectionError):
        await transport._send_rtp(data)


def restrict_addresses(addresses: tuple[str, ...]) -> None:
    """Let ICE offer these local addresses only (aioice leaves out 127.0.0.1 by itself); process-wide."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: list(addresses)  # noqa: ARG005 - aioice's keywords


def transceivers(connection: RTCPeerConnection) -> list[RTCRtpTransceiver]:
    return list(connection.getTransceivers())
