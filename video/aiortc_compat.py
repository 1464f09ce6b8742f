# ruff: noqa: SLF001 - this one file is where aiortc's private names are allowed (design.md, third-party fences)
"""Owns every use of aiortc's private names: taking RTP from a receiver undecoded and sending RTP without an encoder.

Never holds forwarding rules; those are in `video.forward`. Written against aiortc 1.16 and aioice 0.11 (source read).

aiortc's transport gets our halves (`video.halves`) as its receivers and senders: no decoder thread, no encoder ever starts. SRTP goes
past its queue and its coroutines (`Wire`), because those cost several times what forwarding a packet does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import aioice.ice
import pylibsrtp
from aioice.ice import CandidatePair, Connection
from aiortc import RTCIceTransport, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, RTCRtpTransceiver
from aiortc.rtcdtlstransport import RTCDtlsTransport, RtpRouter
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters, RTCRtpSendParameters
from aiortc.rtp import AnyRtcpPacket, RtcpPacket, RtpPacket, is_rtcp

from core.errors import EnvironmentFault
from video.feedback import Arrival, split_feedback
from video.packet import Packet, parse

PRIVATE_METHODS: tuple[tuple[type, str], ...] = (
    (RTCDtlsTransport, "_register_rtp_receiver"),
    (RTCDtlsTransport, "_unregister_rtp_receiver"),
    (RTCDtlsTransport, "_register_rtp_sender"),
    (RTCDtlsTransport, "_unregister_rtp_sender"),
    (RtpRouter, "route_rtp"),
    (RtpRouter, "route_rtcp"),
)
"""Methods inside that this module calls, or puts its own in front of."""

PRIVATE_ATTRIBUTES: tuple[tuple[type, str], ...] = (
    (RTCRtpSender, "_ssrc"), (RTCRtpSender, "_rtx_ssrc"), (RTCDtlsTransport, "_rtp_router"), (RTCDtlsTransport, "_rx_srtp"),
    (RTCDtlsTransport, "_tx_srtp"), (RTCIceTransport, "_connection"), (Connection, "_nominated"), (Connection, "_protocols"),
)  # fmt: skip
"""Private attributes this module reads; they exist on instances only."""

_WIRE = "_yunjian_wire"
STREAMS_PER_CONNECTION = 32  # SSRCs that aiortc's router may remember: two tracks with their repairs, and room for restarts
REPLACED: tuple[tuple[type, str], ...] = (
    (RTCRtpReceiver, "receive"), (RTCRtpSender, "send"), (RTCRtpReceiver, "transport"), (RTCRtpSender, "transport"),
)  # fmt: skip
"""Public names we put our own in place of, or rely on."""


def missing_names() -> list[str]:
    """Names that this aiortc or aioice no longer has."""
    gone = [f"{owner.__name__}.{name}" for owner, name in (*PRIVATE_METHODS, *REPLACED) if not hasattr(owner, name)]
    inits = ((owner, name, vars(owner)["__init__"].__code__.co_names) for owner, name in PRIVATE_ATTRIBUTES)
    gone += [f"{owner.__name__}.{name}" for owner, name, known in inits if name not in known]
    if not hasattr(aioice.ice, "get_host_addresses"):
        gone.append("aioice.ice.get_host_addresses")
    return gone


def check() -> None:
    """Refuse to start on an aiortc that was rebuilt inside: raises EnvironmentFault naming what is gone."""
    if gone := missing_names():
        raise EnvironmentFault("video.aiortc_changed", names=", ".join(gone))


class Half(Protocol):
    """One of our receivers or senders."""

    def take(self, packet: Packet) -> None: ...

    def take_rtcp(self, packet: AnyRtcpPacket) -> None: ...

    def gone(self) -> None: ...


class _Recipient:
    """What aiortc's transport and router know a half by: the names that they call."""

    def __init__(self, half: Half, ssrc: int) -> None:
        self.half, self._ssrc = half, ssrc

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:  # noqa: ARG002 - aiortc's signature
        """Only what was in aiortc's queue when the wire was laid."""
        number = packet.extensions.transport_sequence_number
        known = (packet.payload_type, packet.marker, packet.sequence_number, packet.timestamp, packet.ssrc, packet.payload)
        self.half.take(Packet(*known, number))

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        self.half.take_rtcp(packet)

    def _handle_disconnect(self) -> None:
        self.half.gone()


class Wire:
    """SRTP of one connection, straight from and to its sockets. One per transport, shared by its tracks; see `wire_of`."""

    def __init__(self, dtls: RTCDtlsTransport) -> None:
        self.number_id: int | None = None
        self.on_arrivals: Callable[[list[Arrival]], None] | None = None
        self._dtls = dtls
        self._ice = dtls.transport._connection
        self._router = dtls._rtp_router
        self._route: Callable[[Any], Any] = self._router.route_rtp
        self._pair: CandidatePair | None = None
        self._to: tuple[str, int] | None = None
        for protocol in self._ice._protocols:
            vars(protocol)["datagram_received"] = self._taking(protocol.datagram_received)

    def receive(self, half: Half, parameters: RTCRtpReceiveParameters) -> Callable[[], None]:
        """Packets and reports of these parameters go to `half`, until what is returned is called."""
        recipient: Any = _Recipient(half, 0)
        self._dtls._register_rtp_receiver(recipient, parameters)
        return partial(self._dtls._unregister_rtp_receiver, recipient)

    def feed(self, half: Half, ssrc: int, parameters: RTCRtpSendParameters) -> Callable[[], None]:
        """Reports on stream `ssrc` go to `half`, until what is returned is called."""
        recipient: Any = _Recipient(half, ssrc)
        self._dtls._register_rtp_sender(recipient, parameters)
        return partial(self._dtls._unregister_rtp_sender, recipient)

    def forget(self, ssrc: int) -> None:
        """Keep aiortc's table of every SSRC it ever saw from growing."""
        if len(self._router.ssrc_table) > STREAMS_PER_CONNECTION:
            self._router.ssrc_table.pop(ssrc, None)

    def send(self, data: bytes) -> None:
        """One RTP or RTCP packet; a connection that has just gone away is not an error of the sender."""
        pair, srtp = self._ice._nominated.get(1), self._dtls._tx_srtp
        if pair is not self._pair:
            self._pair, self._to = pair, pair.remote_addr if pair is not None else None
        if pair is None or srtp is None:
            return
        sealed = srtp.protect_rtcp(data) if is_rtcp(data) else srtp.protect(data)
        pair.protocol.transport.sendto(sealed, self._to)

    def _taking(self, original: Callable[[bytes, Any], None]) -> Callable[[bytes, Any], None]:
        take = self._take

        def datagram_received(data: bytes, addr: Any) -> None:
            if data and 127 < data[0] < 192:  # SRTP or SRTCP (RFC 7983)
                take(data)
            else:
                original(data, addr)

        return datagram_received

    def _take(self, data: bytes) -> None:
        srtp = self._dtls._rx_srtp
        try:
            if is_rtcp(data):
                self._take_rtcp(srtp.unprotect_rtcp(data))
                return
            packet = parse(srtp.unprotect(data), self.number_id)
        except (ValueError, pylibsrtp.Error):
            return  # not of this connection's peer, torn, or a replay
        recipient = self._route(packet)
        if recipient is not None:
            recipient.half.take(packet)

    def _take_rtcp(self, data: bytes) -> None:
        if self.on_arrivals is not None:  # aiortc's own parser would make losses of transport-wide feedback
            arrivals, data = split_feedback(data)
            if arrivals:
                self.on_arrivals(arrivals)
        for packet in RtcpPacket.parse(data) if data else ():
            recipients: Any = self._router.route_rtcp(packet)
            for recipient in recipients:
                recipient.half.take_rtcp(packet)


def wire_of(dtls: RTCDtlsTransport) -> Wire:
    """The transport's wire, laid when its first track is connected."""
    known = vars(dtls)
    if _WIRE not in known:
        known[_WIRE] = Wire(dtls)
    wire: Wire = known[_WIRE]
    return wire


def ssrcs_of(sender: RTCRtpSender) -> tuple[int, int]:
    """The SSRC that aiortc has chosen and named in the SDP, and that of its repairs."""
    return sender._ssrc, sender._rtx_ssrc


def restrict_addresses(addresses: tuple[str, ...]) -> None:
    """Let ICE offer these local addresses only (aioice leaves out 127.0.0.1 by itself); process-wide."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: list(addresses)  # noqa: ARG005 - aioice's keywords


def transceivers(connection: RTCPeerConnection) -> list[RTCRtpTransceiver]:
    return list(connection.getTransceivers())
