"""Owns the compiled loop over frames: payload bits into values, texts and application data, and which payload repeats another.

Never reads a line; a payload that is too short or of no known type gets no row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ais import kernels as k
from ais import message_tables as t
from ais.fields import NONE
from ais.kernels import Ints, Row, compiled, entry, i64

UNKNOWN_TYPE, SHORT, NO_PART = -1, -2, -3  # instead of a layout; in the order of the counters from k.R_UNKNOWN_TYPE on


@compiled
def _bits(words: Ints, at: int, start: int, width: int) -> int:
    """`width` bits (up to 31) of the payload whose words begin at `at`."""
    word = start // t.WORD_BITS
    shift = t.WORD_BITS - (start - word * t.WORD_BITS) - width
    mask = (1 << width) - 1
    value: int = (
        words[at + word] >> shift
        if shift >= 0
        else (words[at + word] << -shift) | (words[at + word + 1] >> (t.WORD_BITS + shift))
    )
    return value & mask


@compiled
def _number(words: Ints, at: int, bits: int, start: int, width: int) -> int:
    """As pyais' ``get``: a number cut by the end of the payload is what is left of it, 0 behind the end."""
    if start >= bits:
        return 0
    value = _bits(words, at, start, width)
    return value >> (start + width - bits) if start + width > bits else value


@compiled
def _layout(words: Ints, at: int, bits: int, of_type: Ints, applications: Ints, persons: int, weather: int) -> int:
    """Which layout fits, as pyais chooses it, or why none does."""
    kind = words[at] >> 54
    chosen: int = of_type[kind, 0]
    if chosen < 0:
        return UNKNOWN_TYPE
    if bits < of_type[kind, 1]:
        return SHORT
    if kind == 6 or kind == 8:  # noqa: PLR1714
        place = 72 if kind == 6 else 40
        if kind == 6 and bits <= 72 and _bits(words, at, 40, 10) == 1 and _bits(words, at, 50, 6) == 16:
            return persons
        area, function = _number(words, at, bits, place, 10), _number(words, at, bits, place + 10, 6)
        for a in range(applications.shape[0]):
            if applications[a, 0] == kind and applications[a, 1] == area and applications[a, 2] == function:
                wmo = applications[a, 3] == weather and _number(words, at, bits, 56, 1) == 1
                return chosen if wmo else i64(applications[a, 3])
    elif kind == 16:
        chosen += bits > 96
    elif kind == 22:
        chosen += _number(words, at, bits, 139, 1)
    elif kind == 25 or kind == 26:  # noqa: PLR1714
        chosen += _number(words, at, bits, 38, 2)
    elif kind == 24:
        part = _bits(words, at, 38, 2)
        if part > 1:
            return NO_PART
        if part == 1:
            if bits < 162:
                return SHORT
            chosen += 2 if _bits(words, at, 8, 30) // 10_000_000 == 98 else 1
    return chosen


@compiled
def _fill(
    words: Ints, at: int, bits: int, span: Ints, fields: Ints, lookups: NDArray[np.int32], values: NDArray[np.int32], first: int
) -> int:
    """The numbers of a row from `values[first]` on; returns the place behind them."""
    out = first
    for f in range(span[t.S_FIELD], span[t.S_FIELDS_END]):
        if fields[f, t.F_START] >= bits:
            values[out] = NONE
            out += 1
            continue
        word, shift = at + fields[f, t.F_WORD], fields[f, t.F_SHIFT]
        value = words[word] >> shift if shift >= 0 else (words[word] << -shift) | (words[word + 1] >> (t.WORD_BITS + shift))
        value &= fields[f, t.F_MASK]
        sign = fields[f, t.F_SIGN]
        cut = fields[f, t.F_END] - bits
        if cut > 0:
            value >>= cut
            sign >>= cut
        if fields[f, t.F_LOOKUP] > 0:
            values[out] = lookups[fields[f, t.F_LOOKUP], value]
        else:
            if value & sign:
                value -= sign << 1
            inside = fields[f, t.F_LOW] <= value <= fields[f, t.F_HIGH]
            values[out] = value * fields[f, t.F_SCALE] if inside else NONE
        out += 1
    lon, lat, sides = first + span[t.S_LON], first + span[t.S_LAT], first + span[t.S_SIDES]
    if span[t.S_LON] >= 0 and (values[lon] == NONE or values[lat] == NONE):
        values[lon] = values[lat] = NONE
    if span[t.S_SIDES] >= 0 and (values[sides] | values[sides + 1] | values[sides + 2] | values[sides + 3]) == 0:
        for side in range(sides, sides + 4):
            values[side] = NONE
    return out


@compiled
def _write_octets(words: Ints, at: int, bits: int, span: Ints, texts: Ints, octets: NDArray[np.uint8], out: int) -> int:
    """Texts as ASCII and application data as bytes, as far as the payload goes; returns the place behind them."""
    for text in range(span[t.S_TEXT], span[t.S_TEXTS_END]):
        start = texts[text, 0]
        for _ in range(texts[text, 1]):
            if start >= bits:
                break
            code = _number(words, at, bits, start, 6)
            octets[out] = code + 64 if code < 32 else code
            out += 1
            start += 6
    start = span[t.S_DATA]
    end = min(bits, start + span[t.S_DATA_WIDTH])
    while start < end:
        octets[out] = _number(words, at, end, start, 8) << max(0, start + 8 - end)
        out += 1
        start += 8
    return out


@compiled
def _repeat(row: Row, key: int, window_ms: int, table: Ints) -> None:
    """Point to the first hearing of the payload if it is less than `window_ms` away; without a time nothing is a repeat."""
    row.repeat_of = -1
    at = row.at_ms
    if at < 0:
        return
    bucket = (key >> 7) & (table.shape[0] - 1)
    oldest = 0
    place = -1
    for way in range(k.WAYS):
        if table[bucket, way, 0] == key:
            place = way
            break
        if table[bucket, way, 2] < table[bucket, oldest, 2]:
            oldest = way
    if place >= 0 and abs(at - table[bucket, place, 1]) <= window_ms:
        row.repeat_of = table[bucket, place, 2]
        return
    if place < 0:
        place = oldest
    table[bucket, place, 0], table[bucket, place, 1], table[bucket, place, 2] = key, at, row.serial


@entry
def fill(
    rows: Row, count: int, words: Ints, of_type: Ints, spans: Ints, fields: Ints, texts: Ints, lookups: NDArray[np.int32],
    applications: Ints, persons: int, weather: int, serial: int, window_ms: int, table: Ints, values: NDArray[np.int32],
    octets: NDArray[np.uint8], result: Ints,
) -> None:  # fmt: skip
    """Every frame into its columns; rows of messages move to the front.

    Arrays:
        rows: (r,) ROW, of which `count` hold frames; words: (w,) int64, ten characters each, two more behind the last.
        table: (buckets, k.WAYS, 3) int64 of hash, time, serial number; the number of buckets is a power of two. 0 is free, and
            the oldest way gives room.
        values: (v,) int32 out; octets: (o,) uint8 out; result: (RESULT_WIDTH,) int64 out.
    """
    for place in range(k.RESULT_WIDTH):
        result[place] = 0
    result[k.R_SOURCES] = k.SOURCES_MARK
    kept = value_at = octets_at = 0
    for r in range(count):
        at, bits = i64(rows[r].word), i64(rows[r].characters) * 6 - i64(rows[r].fill_bits)
        chosen = _layout(words, at, bits, of_type, applications, persons, weather)
        if chosen < 0:
            result[k.R_UNKNOWN_TYPE - 1 - chosen] += rows[r].sentences
            result[k.R_BYTES - 1 - chosen] += rows[r].size
            continue
        if kept != r:
            rows[kept] = rows[r]
        row = rows[kept]
        row.layout, row.msg_type, row.mmsi = chosen, words[at] >> 54, _bits(words, at, 8, 30)
        row.value_at, row.octets_at = value_at, octets_at
        value_at = _fill(words, at, bits, spans[chosen], fields, lookups, values, value_at)
        octets_at = _write_octets(words, at, bits, spans[chosen], texts, octets, octets_at)
        row.octets_end = octets_at
        row.serial = serial + kept
        key = i64(row.characters)
        for w in range(at, at + (i64(row.characters) + 9) // 10):
            key = ((key ^ i64(words[w])) * k.MIX) & k.MASK63
            key ^= key >> 29
        _repeat(row, key | 1, window_ms, table)
        result[k.R_USED] += row.sentences
        result[k.R_USED_BYTES] += row.size
        kept += 1
    result[k.R_ROWS], result[k.R_VALUES], result[k.R_OCTETS] = kept, value_at, octets_at
