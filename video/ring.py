"""Owns what is remembered of a packet stream: the ring for repairs, what is missing, and when to ask for a keyframe.

Never does I/O and never reads a clock: times are monotonic seconds handed in.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from video.packet import Packet

SEQ = 1 << 16
TS = 1 << 32
MAX_PACKETS = 8192


def seq_ahead(a: int, b: int) -> int:
    """How far sequence number `a` is ahead of `b`, -32768..32767 (RFC 3550 arithmetic modulo 2^16)."""
    return (a - b + SEQ // 2) % SEQ - SEQ // 2


def ts_ahead(a: int, b: int) -> int:
    """How far RTP timestamp `a` is ahead of `b`, modulo 2^32."""
    return (a - b + TS // 2) % TS - TS // 2


class PacketRing:
    """The last `keep_s` seconds of one stream, found by sequence number."""

    def __init__(self, keep_s: float, max_packets: int = MAX_PACKETS) -> None:
        self.keep_s = keep_s
        self._max = max_packets
        self._by_seq: dict[int, Packet] = {}
        self._order: deque[tuple[float, int]] = deque()

    def __len__(self) -> int:
        return len(self._by_seq)

    def add(self, packet: Packet, now: float) -> bool:
        """Keep a packet; False if it is a repeat."""
        known = self._by_seq.get(packet.sequence_number)
        if known is not None and known.timestamp == packet.timestamp:
            return False
        self._by_seq[packet.sequence_number] = packet
        self._order.append((now, packet.sequence_number))
        while self._order and (now - self._order[0][0] > self.keep_s or len(self._order) > self._max):
            _, old = self._order.popleft()
            self._by_seq.pop(old, None)
        return True

    def get(self, seq: int) -> Packet | None:
        return self._by_seq.get(seq)

    def clear(self) -> None:
        self._by_seq.clear()
        self._order.clear()


@dataclass
class _Missing:
    since: float
    asked_at: float
    times: int = 0


@dataclass
class NackTracker:
    """Which packets to ask for again: at once, then every `retry_s`, at most `max_times` within `give_up_s`."""

    retry_s: float
    give_up_s: float
    max_times: int = 10
    max_gap: int = 512
    highest: int | None = None
    _missing: dict[int, _Missing] = field(default_factory=dict)

    def add(self, seq: int, now: float) -> list[int]:
        """Note an arrival; returns numbers that are newly missing."""
        if self.highest is None:
            self.highest = seq
            return []
        ahead = seq_ahead(seq, self.highest)
        if ahead <= 0:
            self._missing.pop(seq, None)
            return []
        fresh: list[int] = []
        if ahead <= self.max_gap:
            fresh = [(self.highest + step) % SEQ for step in range(1, ahead)]
        else:  # not loss but a new beginning
            self._missing.clear()
        for lost in fresh:
            self._missing[lost] = _Missing(now, now, 1)
        self.highest = seq
        return fresh

    def due(self, now: float) -> list[int]:
        """Numbers to ask for again now; forgets those that come too late to matter."""
        for seq in [s for s, m in self._missing.items() if now - m.since > self.give_up_s or m.times >= self.max_times]:
            del self._missing[seq]
        again = [seq for seq, missing in self._missing.items() if now - missing.asked_at >= self.retry_s]
        for seq in again:
            self._missing[seq].asked_at = now
            self._missing[seq].times += 1
        return sorted(again, key=lambda seq: seq_ahead(seq, self.highest or 0))

    def reset(self) -> None:
        self.highest = None
        self._missing.clear()


@dataclass
class KeyframeGate:
    """One keyframe request upstream per `window_s`, however many viewers ask; the last one is not forgotten."""

    window_s: float
    _last: float | None = None
    _owed: bool = False

    def ask(self, now: float) -> bool:
        """True if a request may go upstream now; else it is owed."""
        if self._last is None or now - self._last >= self.window_s:
            self._last, self._owed = now, False
            return True
        self._owed = True
        return False

    def due(self, now: float) -> bool:
        """True once the window is over and somebody asked meanwhile."""
        return self._owed and self.ask(now)

    def satisfied(self) -> None:
        """A keyframe came; nobody waits any more."""
        self._owed = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Packets that never came: `first` to `last` inclusive."""

    first: int
    count: int


class Reorder:
    """Gives packets out in order; a hole is waited for `hold_s` seconds and then reported."""

    def __init__(self, hold_s: float) -> None:
        self.hold_s = hold_s
        self._next: int | None = None
        self._held: dict[int, tuple[float, Packet]] = {}

    def push(self, packet: Packet, now: float) -> list[Packet | Gap]:
        if self._next is None:
            self._next = packet.sequence_number
        ahead = seq_ahead(packet.sequence_number, self._next)
        if ahead < 0:
            return []  # a repeat, or later than we could wait
        if ahead == 0 and not self._held:  # as it nearly always is
            self._next = (packet.sequence_number + 1) % SEQ
            return [packet]
        self._held[packet.sequence_number] = (now, packet)
        out: list[Packet | Gap] = self._in_order()
        while self._held and now - min(at for at, _ in self._held.values()) > self.hold_s:
            out += self._skip()
        return out

    def flush(self) -> list[Packet | Gap]:
        """All that is held, with the holes named; start anew after it."""
        out: list[Packet | Gap] = []
        while self._held:
            out += self._skip()
        self._next = None
        return out

    def _in_order(self) -> list[Packet | Gap]:
        out: list[Packet | Gap] = []
        while self._next in self._held:
            out.append(self._held.pop(self._next)[1])
            self._next = (self._next + 1) % SEQ
        return out

    def _skip(self) -> list[Packet | Gap]:
        expected = self._next or 0
        nearest = min(self._held, key=lambda seq: seq_ahead(seq, expected))
        missing = seq_ahead(nearest, expected)
        self._next = nearest
        holes: list[Packet | Gap] = [Gap(expected, missing)] if missing else []
        return holes + self._in_order()
