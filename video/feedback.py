"""Owns RTCP feedback on the wire that aiortc packs wrongly or not at all: transport-wide feedback and generic NACK.

Never does I/O and never reads a clock: arrival times are monotonic seconds handed in.
Formats: draft-holmer-rmcat-transport-wide-cc-extensions-01 (section 3), RFC 4585 (section 6.2.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from struct import pack, unpack_from
from typing import NamedTuple

from video.ring import SEQ, seq_ahead

TWCC_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
_RTPFB, _FMT_NACK, _FMT_TWCC = 205, 1, 15
_TICK_S = 0.000_25  # unit of a receive delta
_REFERENCE_S = 0.064  # unit of the reference time
_REFERENCES = 1 << 24
_LOST, _SMALL, _LARGE = 0, 1, 2
_MAX_RUN = (1 << 13) - 1
_MOST_STATUSES = 1000  # fits one datagram even with two octets for each delta


def _rtpfb(fmt: int, own_ssrc: int, media_ssrc: int, fci: bytes) -> bytes:
    padding = -len(fci) % 4
    fci += bytes(padding)
    if padding:
        fci = fci[:-1] + bytes([padding])
    first = 0x80 | (0x20 if padding else 0) | fmt
    return pack("!BBHLL", first, _RTPFB, len(fci) // 4 + 2, own_ssrc, media_ssrc) + fci


def nack(own_ssrc: int, media_ssrc: int, lost: Iterable[int]) -> bytes:
    """Ask for packets again. `lost` in the order of the stream; numbers may wrap (aiortc's own packing fails there)."""
    words: list[list[int]] = []
    for seq in lost:
        ahead = (seq - words[-1][0]) % SEQ if words else 0
        if words and 1 <= ahead <= 16:
            words[-1][1] |= 1 << (ahead - 1)
        elif not words or ahead:
            words.append([seq, 0])
    return _rtpfb(_FMT_NACK, own_ssrc, media_ssrc, b"".join(pack("!HH", pid, mask) for pid, mask in words))


@dataclass
class ArrivalLog:
    """What arrived of one transport, for the sender of it. One per publisher's connection, shared by its tracks."""

    _arrived: dict[int, float] = field(default_factory=dict)
    _next: int | None = None
    _count: int = 0

    def add(self, seq: int, now: float) -> None:
        """Note a packet's transport-wide number; a repeat and one that was reported as lost long ago change nothing."""
        if self._next is None:
            self._next = seq
        if seq_ahead(seq, self._next) >= 0:
            self._arrived.setdefault(seq, now)

    def report(self, own_ssrc: int, media_ssrc: int) -> bytes | None:
        """Feedback on all since the last report, or None if nothing came."""
        if not self._arrived or self._next is None:
            return None
        base = self._next
        order = sorted(self._arrived, key=lambda seq: seq_ahead(seq, base))
        if seq_ahead(order[-1], base) >= _MOST_STATUSES:  # not loss but a new beginning
            base = order[0]
        numbers = [(base + step) % SEQ for step in range(min(seq_ahead(order[-1], base) + 1, _MOST_STATUSES))]
        times = [self._arrived.pop(seq, None) for seq in numbers]
        self._arrived = {seq: at for seq, at in self._arrived.items() if seq_ahead(seq, numbers[-1]) > 0}
        self._next = (numbers[-1] + 1) % SEQ
        self._count = (self._count + 1) % 256
        return _rtpfb(_FMT_TWCC, own_ssrc, media_ssrc, _pack_arrivals(base, times, self._count))


def _pack_arrivals(base: int, times: list[float | None], count: int) -> bytes:
    first = next(at for at in times if at is not None)
    reference = int(first / _REFERENCE_S)
    ticks = round(reference * _REFERENCE_S / _TICK_S)
    symbols: list[int] = []
    deltas = b""
    for at in times:
        if at is None:
            symbols.append(_LOST)
            continue
        delta = max(-32768, min(32767, round(at / _TICK_S) - ticks))
        ticks += delta
        small = 0 <= delta <= 255
        symbols.append(_SMALL if small else _LARGE)
        deltas += pack("!B", delta) if small else pack("!h", delta)
    head = pack("!HHL", base, len(symbols), (reference % _REFERENCES) << 8 | count)
    return head + b"".join(_chunks(symbols)) + deltas


def _chunks(symbols: list[int]) -> Iterator[bytes]:
    """Run-length chunks for seven or more alike, two-bit vectors for the rest."""
    at = 0
    while at < len(symbols):
        run = 1
        while at + run < len(symbols) and run < _MAX_RUN and symbols[at + run] == symbols[at]:
            run += 1
        if run >= 7 or at + run == len(symbols):
            yield pack("!H", symbols[at] << 13 | run)
            at += run
            continue
        word = 0xC000
        for place, symbol in enumerate(symbols[at : at + 7]):
            word |= symbol << (12 - 2 * place)
        yield pack("!H", word)
        at += 7


class Arrival(NamedTuple):
    """One packet's fate; `at_s` on the receiver's clock (wraps after 12 days), None = not received so far."""

    seq: int
    at_s: float | None


def split_feedback(compound: bytes) -> tuple[list[Arrival], bytes]:
    """The transport-wide feedback in a compound RTCP packet, and the rest of it (aiortc refuses what is padded).

    Unreadable feedback is left out; a torn tail stays in the rest for the parser to refuse.
    """
    found: list[Arrival] = []
    rest = b""
    at = 0
    while at + 4 <= len(compound):
        first, kind, words = unpack_from("!BBH", compound, at)
        end = at + 4 + words * 4
        if kind == _RTPFB and first & 0x1F == _FMT_TWCC and end <= len(compound):
            if words >= 4:
                found += _read_arrivals(compound[at + 12 : end])
        else:
            rest += compound[at:end]
        at = end
    return found, rest + compound[at:]


def _read_arrivals(fci: bytes) -> list[Arrival]:
    base, count, packed = unpack_from("!HHL", fci)
    symbols: list[int] = []
    at = 8
    while len(symbols) < count:
        if at + 2 > len(fci):
            return []
        (chunk,) = unpack_from("!H", fci, at)
        symbols += _symbols(chunk)
        at += 2
    time_s = (packed >> 8) * _REFERENCE_S
    out: list[Arrival] = []
    for step, symbol in enumerate(symbols[:count]):
        size = (0, 1, 2, 0)[symbol]
        if at + size > len(fci):
            return []
        if size:
            time_s += unpack_from("!B" if size == 1 else "!h", fci, at)[0] * _TICK_S
            at += size
        out.append(Arrival((base + step) % SEQ, time_s if size else None))
    return out


def _symbols(chunk: int) -> list[int]:
    if not chunk & 0x8000:
        return [chunk >> 13 & 3] * (chunk & 0x1FFF)
    if chunk & 0x4000:
        return [chunk >> shift & 3 for shift in range(12, -1, -2)]
    return [chunk >> shift & 1 for shift in range(13, -1, -1)]
