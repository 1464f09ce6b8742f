"""Owns joining the sentences of one message, keyed by station, channel and sequence number, with an age and a memory limit.

Never keeps a half message for ever: it is given up and its sentences are counted as rejected.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import reduce
from operator import xor

import numpy as np
from numpy.typing import NDArray

from ais.kernels import BUSY_SLOTS, busy_slot
from ais.ledger import Ledger
from ais.stamps import NO_STAMP, Stamp, StampSource

_Key = tuple[str | None, bytes, bytes, bytes, int, bool]


@dataclass(frozen=True, slots=True)
class Fragment:
    """One sentence with a right checksum. `line` counts from 1; `size`: bytes of input that are its own (`ais.ledger`)."""

    talker: bytes
    own: bool
    total: int
    number: int
    sequence: bytes
    channel: bytes
    payload: bytes
    fill: int
    checksum: int
    line: int
    size: int
    stamp: Stamp
    received_ms: int | None = None

    @property
    def at_ms(self) -> int | None:
        return self.received_ms if self.stamp.at_ms is None else self.stamp.at_ms

    @property
    def slot(self) -> int:
        sequence, channel = int(self.sequence) if self.sequence else -1, self.channel[0] if self.channel else 0
        return busy_slot(int.from_bytes(self.talker), sequence, channel, self.total)

    @property
    def key(self) -> _Key:
        return self.stamp.station, self.talker, self.channel, self.sequence, self.total, self.own


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole payload. `at_ms`: receive time, epoch milliseconds, or None where the log has none."""

    payload: bytes
    fill: int
    own: bool
    channel: str
    at_ms: int | None
    source: StampSource | None
    station: str | None
    first_line: int
    last_line: int
    sentences: int
    size: int

    @property
    def bits(self) -> int:
        return len(self.payload) * 6 - self.fill


@dataclass(slots=True)
class _Half:
    first_sentence: int
    slot: int
    at_ms: int | None
    parts: dict[int, Fragment] = field(default_factory=dict)


class Assembler:
    """Collects fragments in any order. `busy` counts half messages by slot, for `kernels.scan`."""

    def __init__(self, ledger: Ledger, age_s: float, age_sentences: int, max_pending: int) -> None:
        self._ledger = ledger
        self._age_ms = age_s * 1000.0
        self._age_sentences = age_sentences
        self._max_pending = max_pending
        self._pending: OrderedDict[_Key, _Half] = OrderedDict()
        self.busy: NDArray[np.int64] = np.zeros(BUSY_SLOTS, np.int64)

    @property
    def pending(self) -> int:
        return len(self._pending)

    def add(self, fragment: Fragment) -> Frame | None:
        """The whole message if `fragment` completes it."""
        self._expire()
        if fragment.total == 1:
            return _join([fragment])
        key = fragment.key
        half = self._pending.get(key)
        if half is not None and self._is_other_message(half, fragment):
            self._give_up(key, "fragment_incomplete")
            half = None
        if half is None:
            half = self._pending[key] = _Half(self._ledger.sentences, fragment.slot, fragment.at_ms)
            self.busy[half.slot] += 1
            if len(self._pending) > self._max_pending:
                self._give_up(next(iter(self._pending)), "fragment_evicted")
        if fragment.number in half.parts:
            self._ledger.reject("fragment_duplicate", fragment.size)
            return None
        half.parts[fragment.number] = fragment
        if len(half.parts) < fragment.total:
            return None
        del self._pending[key]
        self.busy[half.slot] -= 1
        return _join([half.parts[number] for number in sorted(half.parts)])

    @property
    def free(self) -> int:
        """Half messages that may still be begun."""
        return self._max_pending - len(self._pending)

    def hold(self, fragment: Fragment, sentence: int) -> None:
        """Take over a fragment of a half message that began with the `sentence`th one, from `kernels_lines.scan`."""
        half = self._pending.get(fragment.key)
        if half is None:
            half = self._pending[fragment.key] = _Half(sentence, fragment.slot, fragment.at_ms)
            self.busy[half.slot] += 1
        half.parts[fragment.number] = fragment

    def give_up_all(self) -> None:
        for key in list(self._pending):
            self._give_up(key, "fragment_incomplete")

    def _is_other_message(self, half: _Half, fragment: Fragment) -> bool:
        """The sequence number (0 to 9) was used again: same part with other content, or too far apart in time."""
        same = half.parts.get(fragment.number)
        if same is not None and same.payload != fragment.payload:
            return True
        at_ms = fragment.at_ms
        return half.at_ms is not None and at_ms is not None and abs(at_ms - half.at_ms) > self._age_ms

    def _expire(self) -> None:
        while self._pending:
            key, half = next(iter(self._pending.items()))
            if self._ledger.sentences - half.first_sentence <= self._age_sentences:
                return
            self._give_up(key, "fragment_incomplete")

    def _give_up(self, key: _Key, reason: str) -> None:
        half = self._pending.pop(key)
        self.busy[half.slot] -= 1
        self._ledger.reject(reason, sum(part.size for part in half.parts.values()), len(half.parts))


def _join(parts: list[Fragment]) -> Frame:
    """The stamp is the first one that has a time; a $PGHP time counts only if its packet check fits; else the receiver's."""
    packet_check = reduce(xor, (part.checksum for part in parts), 0)
    stamps = [part.stamp for part in parts if part.stamp.packet_check in (None, packet_check)]
    dated = next((stamp for stamp in stamps if stamp.at_ms is not None), NO_STAMP)
    received_ms = parts[0].received_ms
    if dated.at_ms is None and received_ms is not None:
        dated = Stamp(received_ms, "receiver")
    return Frame(
        payload=b"".join(part.payload for part in parts),
        fill=parts[-1].fill,
        own=parts[0].own,
        channel=parts[0].channel.decode("ascii", "replace"),
        at_ms=dated.at_ms,
        source=dated.source,
        station=next((stamp.station for stamp in stamps if stamp.station), None),
        first_line=min(part.line for part in parts),
        last_line=max(part.line for part in parts),
        sentences=len(parts),
        size=sum(part.size for part in parts),
    )
