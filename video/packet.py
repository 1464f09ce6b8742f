"""Owns an RTP packet as the forwarder sees it: the fixed header, the transport-wide number, the payload (RFC 3550, RFC 8285).

Never looks at other header extensions and never does I/O: parsing all of them costs more than forwarding the packet.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Protocol

from aiortc.rtp import AnyRtcpPacket

_FIXED = Struct("!BBHLL")
_EXTENSION = Struct("!HH")
_NUMBER = Struct("!H")
_ONE_BYTE, _TWO_BYTE = 0xBEDE, 0x1000


@dataclass(slots=True)
class Packet:
    """One RTP packet. `transport_number`: of draft-holmer-rmcat-transport-wide-cc-extensions-01, if it had one."""

    payload_type: int
    marker: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    transport_number: int | None = None


def parse(data: bytes, number_id: int | None) -> Packet:
    """Read a packet whose transport-wide number, if any, is extension `number_id`.

    Raises:
        ValueError: it is not RTP, or torn.
    """
    if len(data) < _FIXED.size:
        raise ValueError("shorter than an RTP header")
    first, second, seq, stamp, ssrc = _FIXED.unpack_from(data)
    if first >> 6 != 2:
        raise ValueError("not RTP version 2")
    at = _FIXED.size + 4 * (first & 0x0F)
    number = None
    if first & 0x10:
        if len(data) < at + 4:
            raise ValueError("truncated header extension")
        profile, words = _EXTENSION.unpack_from(data, at)
        begins, at = at + 4, at + 4 + 4 * words
        if number_id is not None and at <= len(data):
            number = _number(data, begins, at, profile, number_id)
    end = len(data)
    if first & 0x20:
        end -= data[-1]
        if data[-1] == 0:
            raise ValueError("padding of no length")
    if end < at:
        raise ValueError("header or padding longer than the packet")
    return Packet(second & 0x7F, second >> 7, seq, stamp, ssrc, data[at:end], number)


def _number(data: bytes, at: int, end: int, profile: int, wanted: int) -> int | None:
    """The two-byte value of extension `wanted` (RFC 8285, sections 4.2 and 4.3)."""
    wide = profile == _TWO_BYTE
    if not wide and profile != _ONE_BYTE:
        return None
    while at < end:
        head = data[at]
        if head == 0:  # padding
            at += 1
            continue
        if wide:
            if at + 2 > end:
                return None
            known, size, at = head, data[at + 1], at + 2
        else:
            known, size, at = head >> 4, (head & 0x0F) + 1, at + 1
        if known == wanted:
            return int(_NUMBER.unpack_from(data, at)[0]) if size == _NUMBER.size and at + size <= end else None
        at += size
    return None


class PacketSink(Protocol):
    """Where a receiver's packets go."""

    def on_rtp(self, packet: Packet) -> None: ...

    def on_rtcp(self, packet: AnyRtcpPacket) -> None: ...

    def on_disconnect(self) -> None: ...


class FeedbackSink(Protocol):
    """Where the reports of one viewer about one track go."""

    def on_feedback(self, packet: AnyRtcpPacket) -> None: ...
