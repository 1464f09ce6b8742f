"""Owns bytes -> sentences -> whole payloads: finds ``!..VDM``/``!..VDO`` anywhere in a line, checks, joins fragments.

Never decodes a payload and never raises on bad input: what cannot be used is counted in the ledger with its reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Literal

from ais.fragments import Assembler, Fragment, Frame
from ais.ledger import Ledger
from ais.stamps import NO_STAMP, Stamp, TagBlocks, from_pghp, from_prefix, from_suffix

RejectReason = Literal[
    "no_checksum", "bad_checksum", "bad_format", "bad_fragment_number", "empty_payload", "bad_payload_character",
]  # fmt: skip

# Any two printable talker bytes: receivers in the field write "--", "B1" and "=I" with right checksums.
_START = re.compile(rb"![\x21-\x2b\x2d-\x7e]{2}VD[MO],")
_CHECK = re.compile(rb"\*([0-9A-Fa-f]{2})(?![0-9A-Fa-f])")
_FIELDS = re.compile(rb"!(..)VD([MO]),(\d{1,3}),(\d{1,3}),(\d{0,3}),([^,]{0,3}),([^,]*),(\d?)")
_PAYLOAD = re.compile(rb"[0-W`-w]+")  # six-bit armour, IEC 61162-1
MAX_LINE = 1 << 16
_MAX_PARTS = 9  # IEC 61162-1: 1 to 9 sentences per message


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: RejectReason


class Framer:
    """Feed it bytes in pieces of any size; it hands back whole payloads. Memory is bounded.

    Args:
        fragment_age_s: a half message older than this (receive time) is given up.
        fragment_age_sentences: the same for logs without times, counted in sentences.
        max_pending: half messages kept at most.

    `received_ms` is the time of a live receiver; None for a log, whose lines have the times that are written in them.
    """

    def __init__(self, *, fragment_age_s: float, fragment_age_sentences: int, max_pending: int) -> None:
        self.ledger = Ledger()
        self.assembler = Assembler(self.ledger, fragment_age_s, fragment_age_sentences, max_pending)
        self.wrapper = NO_STAMP
        self.received_ms: int | None = None
        self.tags = TagBlocks()
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Whole payloads that end in `data`."""
        self.ledger.read_bytes += len(data)
        return self._lines(self.whole_lines(data))

    def whole_lines(self, data: bytes) -> bytes:
        """The lines that `data` completes, each with its end; the rest waits for more."""
        return b"".join(piece[first:last] for piece, first, last in self.pieces(data))

    def pieces(self, data: bytes) -> list[tuple[bytes, int, int]]:
        """The same where it lies: bytes, and from where to where in them whole lines stand."""
        end = data.rfind(b"\n") + 1
        first = data.find(b"\n") + 1 if self._rest else 0
        found = [(line, 0, len(line)) for line in (self._rest + data[:first],) if first]
        if first or not self._rest:
            self._rest = data[end:]
        else:
            self._rest += data
        if first < end:
            found.append((data, first, end))
        if len(self._rest) > MAX_LINE:  # a binary file: no line is that long
            line = self.last_line()
            found.append((line, 0, len(line)))
        return found

    def last_line(self) -> bytes:
        """What is left without an end, with one."""
        rest, self._rest = self._rest, b""
        if not rest:
            return b""
        self.ledger.added_line_ends += 1
        return rest + b"\n"

    def finish(self) -> list[Frame]:
        """The last line without an end, then give up what is still half."""
        frames = self._lines(self.last_line())
        self.assembler.give_up_all()
        return frames

    def _lines(self, lines: bytes) -> list[Frame]:
        return [frame for line in lines.split(b"\n")[:-1] for frame in self.line(line)]

    def line(self, line: bytes) -> list[Frame]:
        """Whole payloads that end in this line, given without its line feed."""
        frames: list[Frame] = []
        self.ledger.read_lines += 1
        starts = [match.start() for match in _START.finditer(line)] if b"VD" in line else []
        if not starts:
            self._other_line(line)
        begin = 0
        for start, end in zip(starts, [*starts[1:], len(line)], strict=False):
            last = end == len(line)
            self._sentence(line, start, end, end + last - begin, frames)
            begin = end
        return frames

    def _other_line(self, line: bytes) -> None:
        blank = not line.strip()
        self.ledger.no_sentence(len(line) + 1, 0 if blank else 1)
        if line.startswith(b"$PGHP,"):
            self.wrapper = from_pghp(line.strip())

    def _sentence(self, line: bytes, start: int, end: int, size: int, frames: list[Frame]) -> None:
        """The text from `start` to `end`; `size` bytes are its own, with what stands before it and the line feed behind it."""
        self.ledger.sentences += 1
        parsed = self._parse(line, start, end, size)
        if isinstance(parsed, _Refusal):
            self.ledger.reject(parsed.reason, size)
            self.wrapper = NO_STAMP
            return
        if parsed.number == parsed.total:
            self.wrapper = NO_STAMP  # it was for this packet only
        frame = self.assembler.add(parsed)
        if frame is not None:
            frames.append(frame)

    def _parse(self, line: bytes, start: int, end: int, size: int) -> Fragment | _Refusal:
        text = line[start:end]
        check = _CHECK.search(text)
        if check is None:
            return _Refusal("no_checksum")
        body = text[: check.start()]
        checksum = int(check.group(1), 16)
        if reduce(xor, body[1:], 0) != checksum:
            return _Refusal("bad_checksum")
        match = _FIELDS.fullmatch(body)
        if match is None:
            return _Refusal("bad_format")
        talker, kind, total, number, sequence, channel, payload, fill = match.groups()
        if not 1 <= int(number) <= int(total) <= _MAX_PARTS:
            return _Refusal("bad_fragment_number")
        if not payload:
            return _Refusal("empty_payload")
        if _PAYLOAD.fullmatch(payload) is None:
            return _Refusal("bad_payload_character")
        fill_bits = int(fill or b"0")
        if fill_bits > 5:
            return _Refusal("bad_format")
        return Fragment(
            talker=talker,
            own=kind == b"O",
            total=int(total),
            number=int(number),
            sequence=sequence,
            channel=channel,
            payload=payload,
            fill=fill_bits,
            checksum=checksum,
            line=self.ledger.read_lines,
            size=size,
            stamp=self._stamp(line[:start], text[check.end() :]),
            received_ms=self.received_ms,
        )

    def _stamp(self, before: bytes, after: bytes) -> Stamp:
        tag = self.tags.read(before) if before else NO_STAMP
        suffix = from_suffix(after) if after else NO_STAMP
        candidates = (tag, self.wrapper, suffix, from_prefix(before) if before else NO_STAMP)
        station = next((stamp.station for stamp in candidates if stamp.station), None)
        dated = next((stamp for stamp in candidates if stamp.at_ms is not None), NO_STAMP)
        if station is None and dated is NO_STAMP:
            return NO_STAMP
        return Stamp(dated.at_ms, dated.source, station, dated.packet_check)
