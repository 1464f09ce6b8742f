"""Owns the numpy route: whole pieces of a log at once, for machines without numba.

Never takes a line that has anything around the sentence: such lines go to `framing.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ais import kernels as k
from ais.fields import APPLICATIONS, LAT, LON, NONE, PART_A, PART_B, PART_B_CRAFT, REPEAT, SIDES

_Ints = NDArray[np.int64]


def _tables() -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    six, hexes = np.full(256, 255, np.uint8), np.full(256, -1, np.int16)
    for code in (*range(48, 88), *range(96, 120)):
        six[code] = code - 48 if code < 88 else code - 56
    for code in b"0123456789ABCDEFabcdef":
        hexes[code] = int(chr(code), 16)
    return six, hexes


SIX_OF, _HEX_OF = _tables()


@dataclass(frozen=True, slots=True)
class PlainLines:
    """Per line of a piece, (lines,): is it one bare single sentence, and where is its payload."""

    six: NDArray[np.uint8]  # (bytes,) six-bit value of each byte
    next_other: _Ints  # (lines,) the first line from here on that is not plain
    payload: _Ints
    length: _Ints
    fill: _Ints
    own: _Ints

    def run_from(self, line: int) -> int:
        """The line after the run of plain lines that begins at `line`; `line` itself if it is not plain."""
        return int(self.next_other[line])

    def copy(self, first: int, last: int, rows: _Ints, six: NDArray[np.uint8], at: int) -> int:
        """Write the frames of lines `first` to `last` - 1; returns how far `six` is filled."""
        lengths, starts = self.length[first:last], self.payload[first:last]
        ends = np.cumsum(lengths)
        total = int(ends[-1])
        source = np.arange(total) + np.repeat(starts - ends + lengths, lengths)
        six[at : at + total] = self.six[source]
        rows[:, k.SIX] = at + ends - lengths
        rows[:, k.LENGTH] = lengths
        rows[:, k.FILL] = self.fill[first:last]
        rows[:, k.OWN] = self.own[first:last]
        return at + total


def plain_lines(data: bytes) -> PlainLines:
    """Find the bare single sentences with a right checksum. `data` ends with a line feed or is empty."""
    raw = np.frombuffer(data + bytes(64), np.uint8)
    ends = np.flatnonzero(raw[: len(data)] == 10)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    ends = ends - ((ends > starts) & (raw[ends - 1] == 13))
    head = raw[starts[:, None] + np.arange(16)]
    good = ends - starts >= 18
    for place, codes in ((0, b"!"), (3, b"V"), (4, b"D"), (5, b"MO"), (6, b","), (7, b"1"), (8, b","), (9, b"1"), (10, b",")):
        good &= np.isin(head[:, place], list(codes))
    for place in (1, 2):
        talker = head[:, place]
        good &= (talker > 32) & (talker < 127) & (talker != 44)
    sequence = (head[:, 11] >= 48) & (head[:, 11] <= 57)
    rows = np.arange(len(starts))
    p = 11 + sequence.astype(np.int64)
    good &= head[rows, p] == 44
    channel = head[rows, p + 1]
    named = channel != 44
    good &= ~named | ((channel > 32) & (channel < 127) & (channel != 42) & (head[rows, p + 2] == 44))
    payload = starts + p + 2 + named
    star = np.maximum(ends - 3, 0)
    filled = raw[star - 1] != 44
    comma = star - 1 - filled
    fill = np.where(filled, raw[star - 1].astype(np.int64) - 48, 0)
    good &= (raw[star] == 42) & (raw[comma] == 44) & (fill >= 0) & (fill <= 5) & (comma > payload)
    six = SIX_OF[raw]
    bad_before = np.concatenate([[0], np.cumsum(six == 255)])
    inside = np.where(good, payload, 0), np.where(good, comma, 0)
    good &= bad_before[inside[1]] == bad_before[inside[0]]
    running = np.bitwise_xor.accumulate(raw)
    high, low = _HEX_OF[raw[star + 1]].astype(np.int64), _HEX_OF[raw[star + 2]].astype(np.int64)
    good &= (high >= 0) & (low >= 0) & (high * 16 + low == (running[star - 1] ^ running[starts]))
    others = np.where(good, len(starts), rows)
    next_other = np.minimum.accumulate(others[::-1])[::-1] if len(others) else others
    return PlainLines(six, next_other, payload, comma - payload, fill, (head[:, 5] == 79).astype(np.int64))


def fill_columns(
    six: NDArray[np.uint8], rows: _Ints, minimum: _Ints, of_type: _Ints, spans: _Ints, fields: _Ints, text_table: _Ints,
    lookups: NDArray[np.int32], layout: NDArray[np.int8], mmsi: NDArray[np.int32], whole: NDArray[np.bool_],
    values: NDArray[np.int32], text_row: NDArray[np.int32], texts: NDArray[np.uint8], hashes: _Ints,
) -> int:  # fmt: skip
    """The same as `kernels.fill_columns`, layout by layout instead of row by row."""
    values[:], text_row[:], whole[:], mmsi[:] = NONE, -1, False, 0
    if not len(rows):
        return 0
    off, length = rows[:, k.SIX], rows[:, k.LENGTH]
    bits = length * 6 - rows[:, k.FILL]
    _hash(six, off, length, hashes)
    kind = six[off].astype(np.int64)
    chosen = of_type[kind]
    short = bits < minimum[kind]
    static = np.flatnonzero((kind == 24) & ~short)
    part = _bits(six, off[static], 38, 2)
    craft = _bits(six, off[static], 8, 30) // 10_000_000 == 98
    cut = np.where(bits[static] < 162, k.SHORT, np.where(craft, PART_B_CRAFT, PART_B))
    chosen[static] = np.where(part == 0, PART_A, np.where(part == 1, cut, k.NO_PART))
    for data, place in ((6, 72), (8, 40)):
        some = np.flatnonzero((kind == data) & ~short)
        area, function = _bits(six, off[some], place, 10), _bits(six, off[some], place + 10, 6)
        apart = (APPLICATIONS[:, 0] == data) & (area[:, None] == APPLICATIONS[:, 1]) & (function[:, None] == APPLICATIONS[:, 2])
        chosen[some[apart.any(axis=1) | (bits[some] < place + 16)]] = k.OTHER
    chosen[short] = k.SHORT
    chosen[minimum[kind] == 0] = k.UNKNOWN_TYPE
    layout[:] = chosen
    known = np.flatnonzero(chosen >= k.OTHER)
    mmsi[known] = _bits(six, off[known], 8, 30)
    values[known, REPEAT] = _bits(six, off[known], 6, 2)
    used = 0
    for place in np.unique(chosen[chosen >= 0]).tolist():
        span = spans[place]
        of_layout = np.flatnonzero(chosen == place)
        whole[of_layout] = bits[of_layout] >= span[4]
        for field in fields[span[0] : span[1]]:
            there = of_layout[bits[of_layout] > field[0]]
            _fill(six, off[there], bits[there], field, lookups, values, there)
        if span[3] > span[2]:
            text_row[of_layout] = used + np.arange(len(of_layout))
            _write_texts(
                six, off[of_layout], bits[of_layout], text_table[span[2] : span[3]], texts[used : used + len(of_layout)]
            )
            used += len(of_layout)
    nowhere = (values[:, LON] == NONE) | (values[:, LAT] == NONE)
    values[nowhere, LON] = values[nowhere, LAT] = NONE
    unsized = np.flatnonzero((values[:, SIDES] == 0).all(axis=1))
    values[unsized[:, None], SIDES] = NONE
    return used


def _hash(six: NDArray[np.uint8], off: _Ints, length: _Ints, hashes: _Ints) -> None:
    h = np.full(len(off), k.BASIS, np.uint64)
    for i in range(int(length.max())):
        more = np.flatnonzero(length > i)
        h[more] = ((h[more] ^ six[off[more] + i]) * np.uint64(k.PRIME)) & np.uint64(k.MASK63)
    hashes[:] = h.astype(np.int64)


def _bits(six: NDArray[np.uint8], off: _Ints, start: int, width: int) -> _Ints:
    first, last = start // 6, (start + width - 1) // 6
    value = np.zeros(len(off), np.int64)
    for i in range(first, last + 1):
        value = (value << 6) | six[off + i]
    return (value >> ((last + 1) * 6 - start - width)) & ((1 << width) - 1)


def _fill(
    six: NDArray[np.uint8],
    off: _Ints,
    bits: _Ints,
    field: _Ints,
    lookups: NDArray[np.int32],
    values: NDArray[np.int32],
    where: _Ints,
) -> None:
    start, width, signed, column, low, high, scale, lookup = field.tolist()
    raw = _bits(six, off, start, width) >> np.maximum(start + width - bits, 0)
    if lookup >= 0:
        values[where, column] = lookups[lookup, raw]
        return
    if signed:
        raw -= (raw >> (width - 1)) << width
    values[where, column] = np.where((raw >= low) & (raw <= high), raw * scale, NONE)


def _write_texts(six: NDArray[np.uint8], off: _Ints, bits: _Ints, table: _Ints, texts: NDArray[np.uint8]) -> None:
    texts[:] = 0
    for start, chars, column in table.tolist():
        there = np.flatnonzero(bits > start)
        for i in range(chars):
            at = start + 6 * i
            code = np.zeros(len(there), np.int64)
            room = np.minimum(bits[there] - at, 6)
            for width in np.unique(room[room > 0]).tolist():
                some = room == width
                code[some] = _bits(six, off[there[some]], at, width)
            texts[there, column + i] = np.where(code < 32, code + 64, code)
