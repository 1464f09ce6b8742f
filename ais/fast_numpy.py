"""Owns the numpy route: whole pieces of a log at once, for machines without numba.

Never takes a line that has anything around the sentence: such lines go to `framing.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ais import kernels as k
from ais import message_tables as t
from ais.fields import NONE
from ais.kernels import SIX_OF
from ais.kernels_columns import NO_PART, SHORT, UNKNOWN_TYPE
from ais.kernels_stamps import HEX_OF

_Ints = NDArray[np.int64]
_PLACE_VALUES: _Ints = 1 << np.arange(54, -1, -6, dtype=np.int64)


def pack(six: _Ints, lengths: _Ints) -> tuple[_Ints, _Ints]:
    """Payloads, one after the other in `six`, as words of ten characters; and the first word of each."""
    counts = (lengths + 9) // 10
    ends = np.cumsum(counts)
    room = np.zeros(10 * int(ends[-1]), np.int64)
    begins = (ends - counts) * 10
    room[np.arange(len(six)) + np.repeat(begins - np.cumsum(lengths) + lengths, lengths)] = six
    return room.reshape(-1, 10) @ _PLACE_VALUES, ends - counts


@dataclass(frozen=True, slots=True)
class PlainLines:
    """Per line of a piece, (lines,): is it one bare single sentence, and where is its payload."""

    six: _Ints  # (bytes,) six-bit value of each byte
    next_other: _Ints  # (lines,) the first line from here on that is not plain
    payload: _Ints
    length: _Ints
    fill: _Ints
    size: _Ints  # with the line feed
    own: NDArray[np.bool_]

    def run_from(self, line: int) -> int:
        """The line after the run of plain lines that begins at `line`; `line` itself if it is not plain."""
        return int(self.next_other[line])

    def copy(self, first: int, last: int, rows: NDArray[np.void], words: _Ints, at: int) -> int:
        """Write the frames of lines `first` to `last` - 1; returns how far `words` is filled."""
        lengths, starts = self.length[first:last], self.payload[first:last]
        ends = np.cumsum(lengths)
        packed, begins = pack(self.six[np.arange(int(ends[-1])) + np.repeat(starts - ends + lengths, lengths)], lengths)
        words[at : at + len(packed)] = packed
        rows["word"], rows["characters"] = at + begins, lengths
        rows["fill_bits"], rows["own"], rows["size"] = self.fill[first:last], self.own[first:last], self.size[first:last]
        return at + len(packed)


def plain_lines(data: bytes) -> PlainLines:
    """Find the bare single sentences with a right checksum. `data` ends with a line feed or is empty."""
    raw = np.frombuffer(data + bytes(64), np.uint8)
    ends = np.flatnonzero(raw[: len(data)] == 10)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    size = ends - starts + 1
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
    bad_before = np.concatenate([[0], np.cumsum(six < 0)])
    inside = np.where(good, payload, 0), np.where(good, comma, 0)
    good &= bad_before[inside[1]] == bad_before[inside[0]]
    running: NDArray[np.uint8] = np.bitwise_xor.accumulate(raw)
    high, low = HEX_OF[raw[star + 1]], HEX_OF[raw[star + 2]]
    good &= (high >= 0) & (low >= 0) & (high * 16 + low == (running[star - 1] ^ running[starts]))
    others = np.where(good, len(starts), rows)
    next_other = np.minimum.accumulate(others[::-1])[::-1] if len(others) else others
    return PlainLines(six, next_other, payload, comma - payload, fill, size, head[:, 5] == 79)


@dataclass(frozen=True, slots=True)
class _Payloads:
    """Some payloads: their words, and (n,) where each begins and how many bits it has."""

    words: _Ints
    at: _Ints
    bits: _Ints

    def of(self, some: _Ints) -> _Payloads:
        return _Payloads(self.words, self.at[some], self.bits[some])

    def number(self, start: int | _Ints, width: int, end: _Ints | None = None) -> _Ints:
        """As `kernels_columns._number`; `end` cuts earlier than the payload does."""
        bits = self.bits if end is None else end
        word = start // t.WORD_BITS
        shift = t.WORD_BITS - (start - word * t.WORD_BITS) - width
        behind = np.minimum(self.at + word + 1, len(self.words) - 1)
        first = np.minimum(self.at + word, len(self.words) - 1)
        both = (self.words[first] << np.maximum(-shift, 0)) | (self.words[behind] >> np.minimum(t.WORD_BITS + shift, 62))
        value = np.where(shift >= 0, self.words[first] >> np.maximum(shift, 0), both) & ((1 << width) - 1)
        return np.where(start < bits, value >> np.clip(start + width - bits, 0, width), 0)


def _layouts(payloads: _Payloads, of_type: _Ints, applications: _Ints, persons: int, weather: int) -> _Ints:
    """As `kernels_columns._layout`."""
    bits = payloads.bits
    kind = payloads.words[payloads.at] >> 54
    chosen: _Ints = of_type[kind, 0].copy()
    known = chosen >= 0
    short = known & (bits < of_type[kind, 1])
    good = known & ~short

    def those(*kinds: int) -> _Ints:
        return np.flatnonzero(np.isin(kind, kinds) & good)

    for data, place in ((6, 72), (8, 40)):
        some = those(data)
        part = payloads.of(some)
        area, function = part.number(place, 10), part.number(place + 10, 6)
        wmo = part.number(56, 1) == 1
        for code, its_area, its_function, layout in applications.tolist():
            if code == data:
                fits = (area == its_area) & (function == its_function)
                chosen[some[fits & ~(wmo if layout == weather else np.zeros_like(wmo))]] = layout
        if data == 6:
            chosen[some[(part.bits <= 72) & (part.number(40, 10) == 1) & (part.number(50, 6) == 16)]] = persons
    some = those(16)
    chosen[some] += payloads.of(some).bits > 96
    some = those(22)
    chosen[some] += payloads.of(some).number(139, 1)
    some = those(25, 26)
    chosen[some] += payloads.of(some).number(38, 2)
    static = those(24)
    part = payloads.of(static)
    number = part.number(38, 2)
    second = np.where(part.bits < 162, SHORT, chosen[static] + 1 + (part.number(8, 30) // 10_000_000 == 98))
    chosen[static] = np.where(number == 0, chosen[static], np.where(number == 1, second, NO_PART))
    chosen[short], chosen[~known] = SHORT, UNKNOWN_TYPE
    return chosen


def _numbers(part: _Payloads, span: _Ints, fields: _Ints, lookups: NDArray[np.int32]) -> NDArray[np.int32]:
    """As `kernels_columns._fill`: (m, fields) values of payloads of one layout."""
    table = fields[span[t.S_FIELD] : span[t.S_FIELDS_END]]
    values = np.empty((len(part.at), len(table)), np.int32)
    for column, field in enumerate(table.tolist()):
        start, width = field[t.F_START], field[t.F_END] - field[t.F_START]
        raw = part.number(start, width)
        if field[t.F_LOOKUP] > 0:
            found = lookups[field[t.F_LOOKUP], raw]
        else:
            sign = field[t.F_SIGN] >> np.maximum(field[t.F_END] - part.bits, 0)
            raw = np.where(raw & sign, raw - (sign << 1), raw)
            inside = (raw >= field[t.F_LOW]) & (raw <= field[t.F_HIGH])
            found = np.where(inside, raw * field[t.F_SCALE], NONE)
        values[:, column] = np.where(start < part.bits, found, NONE)
    lon, lat, sides = span[t.S_LON], span[t.S_LAT], span[t.S_SIDES]
    if lon >= 0:
        nowhere = (values[:, lon] == NONE) | (values[:, lat] == NONE)
        values[nowhere, lon] = values[nowhere, lat] = NONE
    if sides >= 0:
        unsized = (values[:, sides : sides + 4] == 0).all(axis=1)
        values[unsized, sides : sides + 4] = NONE
    return values


def _octets(part: _Payloads, span: _Ints, texts: _Ints) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """As `kernels_columns._write_octets`: (m, octets) of payloads of one layout, and which of them are there."""
    characters = [start + 6 * i for start, count in texts[span[t.S_TEXT] : span[t.S_TEXTS_END]].tolist() for i in range(count)]
    data = range(span[t.S_DATA], span[t.S_DATA] + span[t.S_DATA_WIDTH], 8)
    starts = np.array([*characters, *data], np.int64)
    out = np.zeros((len(part.at), len(starts)), np.uint8)
    there = starts < part.bits[:, None]
    end = np.minimum(part.bits, span[t.S_DATA] + span[t.S_DATA_WIDTH])
    for column, start in enumerate(starts.tolist()):
        if column < len(characters):
            code = part.number(start, 6)
            out[:, column] = np.where(code < 32, code + 64, code)
        else:
            out[:, column] = part.number(start, 8, end) << np.maximum(0, start + 8 - end)
    return out, there


def fill(
    rows: NDArray[np.void], count: int, words: _Ints, of_type: _Ints, spans: _Ints, fields: _Ints, texts: _Ints,
    lookups: NDArray[np.int32], applications: _Ints, persons: int, weather: int, serial: int, window_ms: int, table: _Ints,
    values: NDArray[np.int32], octets: NDArray[np.uint8], result: _Ints,
) -> None:  # fmt: skip
    """The same as `kernels_columns.fill`, layout by layout instead of row by row."""
    result[:] = 0
    frames = rows[:count]
    characters = frames["characters"].astype(np.int64)
    payloads = _Payloads(words, frames["word"].astype(np.int64), characters * 6 - frames["fill_bits"])
    chosen = _layouts(payloads, of_type, applications, persons, weather)
    found: dict[int, tuple[_Ints, NDArray[np.int32], NDArray[np.uint8], NDArray[np.bool_]]] = {}
    used = np.zeros(count, np.int64)
    for layout in np.unique(chosen[chosen >= 0]).tolist():
        some = np.flatnonzero(chosen == layout)
        part = payloads.of(some)
        written, there = _octets(part, spans[layout], texts)
        found[layout] = some, _numbers(part, spans[layout], fields, lookups), written, there
        used[some] = there.sum(axis=1)
    for code in (UNKNOWN_TYPE, SHORT, NO_PART):
        result[k.R_UNKNOWN_TYPE - 1 - code] = frames["sentences"][chosen == code].sum()
        result[k.R_BYTES - 1 - code] = frames["size"][chosen == code].sum()
    kept = chosen >= 0
    widths = np.where(kept, (spans[:, t.S_FIELDS_END] - spans[:, t.S_FIELD])[chosen], 0)
    value_at, octets_at = np.cumsum(widths) - widths, np.cumsum(used) - used
    for some, numbers, written, there in found.values():
        values[value_at[some][:, None] + np.arange(numbers.shape[1])] = numbers
        octets[(octets_at[some][:, None] + np.cumsum(there, axis=1) - 1)[there]] = written[there]
    frames["layout"], frames["value_at"] = chosen, value_at
    frames["octets_at"], frames["octets_end"] = octets_at, octets_at + used
    frames["msg_type"], frames["mmsi"] = words[payloads.at] >> 54, payloads.number(8, 30)
    keys = _keys(payloads, characters)[kept]
    left = int(kept.sum())
    rows[:left] = frames[kept]
    rows["serial"][:left] = serial + np.arange(left)
    rows["repeat_of"][:left] = _repeats(keys, rows["at_ms"][:left], serial, window_ms, table)
    result[k.R_ROWS], result[k.R_VALUES], result[k.R_OCTETS] = left, widths.sum(), used.sum()
    result[k.R_USED], result[k.R_USED_BYTES] = rows["sentences"][:left].sum(), rows["size"][:left].sum()


def _keys(payloads: _Payloads, characters: _Ints) -> _Ints:
    keys = characters.astype(np.uint64)
    counts = (characters + 9) // 10
    for word in range(int(counts.max(initial=0))):
        more = np.flatnonzero(counts > word)
        mixed = ((keys[more] ^ payloads.words[payloads.at[more] + word].astype(np.uint64)) * np.uint64(k.MIX)) & np.uint64(
            k.MASK63
        )
        keys[more] = mixed ^ (mixed >> np.uint64(29))
    return (keys | np.uint64(1)).astype(np.int64)


def _repeats(keys: _Ints, at_ms: _Ints, serial: int, window_ms: int, table: _Ints) -> list[int]:
    """As `kernels_columns._repeat`, row by row."""
    repeat_of: list[int] = []
    for row, (key, at) in enumerate(zip(keys.tolist(), at_ms.tolist(), strict=True)):
        repeat_of.append(-1)
        if at < 0:
            continue
        bucket = table[(key >> 7) & (len(table) - 1)]
        ways = bucket.tolist()
        place = next((way for way, (known, _, _) in enumerate(ways) if known == key), -1)
        if place >= 0 and abs(at - ways[place][1]) <= window_ms:
            repeat_of[row] = ways[place][2]
            continue
        if place < 0:
            place = min(range(k.WAYS), key=lambda way: ways[way][2])
        bucket[place] = key, at, serial + row
    return repeat_of
