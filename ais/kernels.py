"""Owns the loops over raw bytes: plain lines into frames, frames into columns. Compiled by numba where it is installed.

Never guesses: a line that is not plain is left to `framing.py`, a payload that is not whole to `decode.py`.
Without numba the same functions run as ordinary Python, slowly and with the same results.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ais.fields import (
    APPLICATIONS,
    FIELD_TABLE,
    LAT,
    LAYOUT_OF_TYPE,
    LON,
    LOOKUPS,
    NONE,
    PART_A,
    PART_B,
    PART_B_CRAFT,
    REPEAT,
    SIDES,
    SPAN_TABLE,
    TEXT_TABLE,
)

COMPILED = find_spec("numba") is not None
_F = TypeVar("_F", bound=Callable[..., Any])


def _compiled(function: _F) -> _F:
    if not COMPILED:
        return function
    import numba  # noqa: PLC0415

    return cast("_F", numba.njit(cache=True, nogil=True)(function))


# A frame row, int64: where its six-bit characters stand, fill bits, time, station, lines, number of sentences, own station.
SIX, LENGTH, FILL, AT, SOURCE, ST_HASH, ST_OFF, ST_LEN, FIRST, LAST, PARTS, OWN = range(12)
FRAME_WIDTH = 12
# State of a scan, int64: counters since the caller cleared them, the $PGHP wrapper in force, how full the buffers are.
(
    S_LINES,
    S_SENTENCES,
    S_OTHER,
    S_WRAPPED,
    S_W_AT,
    S_W_CHECK,
    S_W_HASH,
    S_W_OFF,
    S_W_LEN,
    S_SIX,
    S_ROWS,
    S_LINE,
    S_RECEIVED,
    S_AGE,
) = range(14)
STATE_WIDTH = 14
# A sentence as `_sentence` leaves it.
_NEXT, _OWN, _TOTAL, _NUMBER, _SEQ, _CHANNEL, _PAY, _LEN, _FILL, _SUM, _AT, _SOURCE, _HASH, _OFF, _STLEN, _TALKER = range(16)
_TAG, _PGHP, _SUFFIX, _RECEIVER = 0, 1, 2, 4  # places in columns.SOURCES
_EARLIEST_MS, _LATEST_MS = 1_000_000_000_000, 4_102_444_800_000
UNKNOWN_TYPE, SHORT, NO_PART, OTHER = -2, -3, -4, -1  # instead of a layout
MASK63 = 0x7FFFFFFFFFFFFFFF
PRIME, BASIS = 1099511628211, 0x4BF29CE484222325
BUSY_SLOTS = 1024
WAYS = 4


@_compiled
def busy_slot(sequence: int, channel: int, total: int) -> int:
    """Half messages that could be confused with each other share a slot."""
    return (sequence * 31 + channel * 7 + total) & 1023


@_compiled
def _hex(code: int) -> int:
    if 48 <= code <= 57:
        return code - 48
    if 65 <= code <= 70:
        return code - 55
    if 97 <= code <= 102:
        return code - 87
    return -1


@_compiled
def name_hash(buf: NDArray[np.uint8], first: int, length: int) -> int:
    """FNV-1a cut to 63 bits; equal names have equal hashes."""
    h = BASIS
    for i in range(first, first + length):
        h = ((h ^ int(buf[i])) * PRIME) & MASK63
    return h


@_compiled
def _epoch(buf: NDArray[np.uint8], first: int, last: int) -> int:
    """Epoch of 10 (s) or 13 (ms) digits as ms; -1: anything else."""
    length = last - first
    if length not in (10, 13):
        return -1
    value = 0
    for i in range(first, last):
        digit = int(buf[i]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    if length == 10:
        value *= 1000
    return value if _EARLIEST_MS <= value < _LATEST_MS else -1


@_compiled
def _tag_block(buf: NDArray[np.uint8], first: int, out: NDArray[np.int64]) -> int:
    """Read one tag block from its first backslash; returns the place behind it, or -1 if it is not plain."""
    star = -1
    total = 0
    q = first + 1
    while buf[q] != 92 and buf[q] != 10:
        if star < 0:
            if buf[q] == 42:
                star = q
            else:
                total ^= int(buf[q])
        q += 1
    if buf[q] != 92 or star < 0 or q - star != 3:
        return -1
    high, low = _hex(int(buf[star + 1])), _hex(int(buf[star + 2]))
    if high < 0 or low < 0:
        return -1
    given = high * 16 + low
    if given not in (0, total):
        return q + 1  # not believed
    i = first + 1
    while i < star:
        j = i
        while j < star and buf[j] != 44:
            j += 1
        if j - i >= 2 and buf[i + 1] == 58:
            if buf[i] == 99:  # c:
                at = _epoch(buf, i + 2, j)
                if at < 0:
                    return -1
                out[_AT], out[_SOURCE] = at, _TAG
            elif buf[i] == 115 and j > i + 2:  # s:
                if j - i > 42:
                    return -1
                for k in range(i + 2, j):
                    if buf[k] > 126 or buf[k] < 32:
                        return -1
                out[_OFF], out[_STLEN] = i + 2, j - i - 2
            elif buf[i] == 103:  # g:
                return -1
        i = j + 1
    return q + 1


@_compiled
def _suffix(buf: NDArray[np.uint8], first: int, out: NDArray[np.int64]) -> int:
    """Read ``,...,epoch`` behind the checksum, with a station (b or r and 2 to 20 letters or digits) in any field before it.

    Returns the place behind it, or -1.
    """
    i = j = first + 1
    while True:
        j = i
        word = True
        while buf[j] > 33 and buf[j] < 127 and buf[j] != 44:
            word = word and ((48 <= buf[j] <= 57) or (65 <= buf[j] <= 90) or (97 <= buf[j] <= 122))
            j += 1
        if buf[j] != 44:
            break
        if word and (buf[i] == 98 or buf[i] == 114) and 3 <= j - i <= 21 and out[_STLEN] == 0:
            out[_OFF], out[_STLEN] = i, j - i
        i = j + 1
    at = _epoch(buf, i, j)
    if at < 0:
        return -1
    if out[_AT] < 0:
        out[_AT], out[_SOURCE] = at, _SUFFIX
    return j


@_compiled
def _sentence(buf: NDArray[np.uint8], pos: int, out: NDArray[np.int64]) -> bool:
    """Read the line at `pos` if it is one plain sentence, with at most one tag block before and a time behind it."""
    out[_AT] = out[_SOURCE] = -1
    out[_OFF] = out[_STLEN] = out[_HASH] = 0
    p = pos
    if buf[p] == 92:
        p = _tag_block(buf, p, out)
        if p < 0:
            return False
    if buf[p] != 33:
        return False
    total = 0
    for k in range(1, 3):
        c = int(buf[p + k])
        if c < 33 or c > 126 or c == 44:
            return False
        total ^= c
    out[_TALKER] = int(buf[p + 1]) * 256 + int(buf[p + 2])
    if buf[p + 3] != 86 or buf[p + 4] != 68 or (buf[p + 5] != 77 and buf[p + 5] != 79) or buf[p + 6] != 44:
        return False
    out[_OWN] = 1 if buf[p + 5] == 79 else 0
    count, number = int(buf[p + 7]), int(buf[p + 8])
    if not 49 <= count <= 57 or number != 44:
        return False
    number = int(buf[p + 9])
    if not 49 <= number <= count or buf[p + 10] != 44:
        return False
    out[_TOTAL], out[_NUMBER] = count - 48, number - 48
    total ^= 86 ^ 68 ^ int(buf[p + 5]) ^ 44 ^ count ^ 44 ^ number ^ 44
    q = p + 11
    out[_SEQ] = -1
    if 48 <= buf[q] <= 57:
        out[_SEQ] = int(buf[q]) - 48
        total ^= int(buf[q])
        q += 1
    if buf[q] != 44:
        return False
    total ^= 44
    q += 1
    out[_CHANNEL] = 0
    c = int(buf[q])
    if c != 44:
        if c < 33 or c > 126 or c == 42:
            return False
        out[_CHANNEL] = c
        total ^= c
        q += 1
        if buf[q] != 44:
            return False
    total ^= 44
    q += 1
    out[_PAY] = q
    while True:
        c = int(buf[q])
        if c == 44:
            break
        if c < 48 or c > 119 or 87 < c < 96:
            return False
        total ^= c
        q += 1
    out[_LEN] = q - out[_PAY]
    if out[_LEN] == 0:
        return False
    total ^= 44
    q += 1
    out[_FILL] = 0
    c = int(buf[q])
    if 48 <= c <= 53:
        out[_FILL] = c - 48
        total ^= c
        q += 1
    if buf[q] != 42:
        return False
    high = _hex(int(buf[q + 1]))
    if high < 0:
        return False
    low = _hex(int(buf[q + 2]))
    if low < 0 or high * 16 + low != total or _hex(int(buf[q + 3])) >= 0:
        return False
    out[_SUM] = total
    q += 3
    if buf[q] == 44:
        q = _suffix(buf, q, out)
        if q < 0:
            return False
    while buf[q] == 13:
        q += 1
    if buf[q] != 10:
        return False
    if out[_STLEN] > 0:
        out[_HASH] = name_hash(buf, out[_OFF], out[_STLEN])
    out[_NEXT] = q + 1
    return True


@_compiled
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar."""
    y = year - 1 if month <= 2 else year
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@_compiled
def _wrapper(buf: NDArray[np.uint8], pos: int, state: NDArray[np.int64]) -> int:
    """Read a plain $PGHP line into the state; returns the place behind the line, or -1."""
    values = np.zeros(14, np.int64)
    total = 80 ^ 71 ^ 72 ^ 80 ^ 44
    q = pos + 6
    station = station_end = 0
    for field in range(1, 14):
        begin = q
        while buf[q] != 44 and buf[q] != 42:
            c = int(buf[q])
            total ^= c
            if field == 13:
                c = _hex(c)
                if c < 0:
                    return -1
                values[field] = values[field] * 16 + c
            elif 2 <= field <= 8:
                if c < 48 or c > 57:
                    return -1
                values[field] = values[field] * 10 + c - 48
            elif c < 34 or c > 126:
                return -1
            q += 1
        dated = 2 <= field <= 8
        if (dated and not 1 <= q - begin <= 9) or q - begin > 40 or (field == 13 and q - begin != 2):
            return -1
        if (buf[q] == 42) != (field == 13):
            return -1
        if field == 11:
            station, station_end = begin, q
        if field < 13:
            total ^= 44
            q += 1
    high = _hex(int(buf[q + 1]))
    if high < 0:
        return -1
    low = _hex(int(buf[q + 2]))
    if low < 0 or high * 16 + low != total:
        return -1
    q += 3
    while buf[q] == 13:
        q += 1
    if buf[q] != 10:
        return -1
    year, month, day, hour, minute, second = values[2], values[3], values[4], values[5], values[6], values[7]
    if not (1970 <= year <= 2099 and 1 <= month <= 12 and 1 <= day <= 28 + 3 and hour < 24 and minute < 60 and second < 60):
        return -1
    following = _days(year + 1, 1, 1) if month == 12 else _days(year, month + 1, 1)
    if _days(year, month, day) >= following:
        return -1
    state[S_WRAPPED] = 1
    state[S_W_AT] = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000 + values[8] % 1000
    state[S_W_CHECK] = values[13] if values[13] > 0 else -1
    state[S_W_OFF], state[S_W_LEN] = station, station_end - station
    state[S_W_HASH] = name_hash(buf, station, station_end - station)
    return q + 1


@_compiled
def _unarmour(buf: NDArray[np.uint8], sentence: NDArray[np.int64], six: NDArray[np.uint8], at: int) -> int:
    first = sentence[_PAY]
    for i in range(sentence[_LEN]):
        c = int(buf[first + i]) - 48
        six[at + i] = c - 8 if c > 40 else c
    return int(at + sentence[_LEN])


@_compiled
def _stamp(sentence: NDArray[np.int64], check: int, state: NDArray[np.int64], row: NDArray[np.int64]) -> None:
    """Time and station of a message: what its first sentence says, else the wrapper's if it fits, else the receiver's time."""
    row[AT], row[SOURCE] = sentence[_AT], sentence[_SOURCE]
    row[ST_HASH], row[ST_OFF], row[ST_LEN] = sentence[_HASH], sentence[_OFF], sentence[_STLEN]
    if state[S_WRAPPED] == 1 and (state[S_W_CHECK] < 0 or state[S_W_CHECK] == check):
        row[AT], row[SOURCE] = state[S_W_AT], _PGHP
        row[ST_HASH], row[ST_OFF], row[ST_LEN] = state[S_W_HASH], state[S_W_OFF], state[S_W_LEN]
    if row[AT] < 0 and state[S_RECEIVED] >= 0:
        row[AT], row[SOURCE] = state[S_RECEIVED], _RECEIVER


@_compiled
def _run(
    buf: NDArray[np.uint8], end: int, one: NDArray[np.int64], two: NDArray[np.int64], state: NDArray[np.int64],
    rows: NDArray[np.int64], six: NDArray[np.uint8],
) -> int:  # fmt: skip
    """Join the message that begins with sentence `one` if its other sentences are the next lines; -1 if they are not."""
    at = state[S_SIX]
    end_six = _unarmour(buf, one, six, at)
    pos = one[_NEXT]
    check = one[_SUM]
    fill = one[_FILL]
    for number in range(2, one[_TOTAL] + 1):
        if pos >= end or not _sentence(buf, pos, two):
            return -1
        same = two[_TOTAL] == one[_TOTAL] and two[_SEQ] == one[_SEQ] and two[_CHANNEL] == one[_CHANNEL]
        same = same and two[_TALKER] == one[_TALKER] and two[_OWN] == one[_OWN] and two[_HASH] == one[_HASH]
        if not same or two[_NUMBER] != number or (one[_AT] < 0) != (two[_AT] < 0) or abs(one[_AT] - two[_AT]) > state[S_AGE]:
            return -1
        end_six = _unarmour(buf, two, six, end_six)
        check ^= two[_SUM]
        fill = two[_FILL]
        pos = two[_NEXT]
    row = rows[state[S_ROWS]]
    _stamp(one, check, state, row)
    row[SIX], row[LENGTH], row[FILL] = at, end_six - at, fill
    row[FIRST], row[LAST] = state[S_LINE] + 1, state[S_LINE] + one[_TOTAL]
    row[PARTS], row[OWN] = one[_TOTAL], one[_OWN]
    state[S_SIX] = end_six
    return int(pos)


@_compiled
def scan(
    buf: NDArray[np.uint8], pos: int, end: int, state: NDArray[np.int64], rows: NDArray[np.int64], six: NDArray[np.uint8],
    busy: NDArray[np.int64],
) -> int:  # fmt: skip
    """Read plain lines from `pos`; stops at `end` or at the first line that is not plain and returns its place.

    Arrays:
        buf: (n,) uint8; the byte before `end` is a line feed.
        state: (STATE_WIDTH,) int64; rows: (r, FRAME_WIDTH) int64; six: (n,) uint8, 0..63.
        busy: (BUSY_SLOTS,) int64, half messages that `fragments.py` holds.
    """
    one = np.zeros(16, np.int64)
    two = np.zeros(16, np.int64)
    while pos < end:
        first = int(buf[pos])
        if (first == 33 or first == 92) and _sentence(buf, pos, one):  # noqa: PLR1714
            if state[S_WRAPPED] == 1 and (one[_AT] >= 0 or one[_STLEN] > 0):
                return pos
            if one[_TOTAL] == 1:
                row = rows[state[S_ROWS]]
                _stamp(one, one[_SUM], state, row)
                row[SIX], row[LENGTH], row[FILL] = state[S_SIX], one[_LEN], one[_FILL]
                row[FIRST] = row[LAST] = state[S_LINE] + 1
                row[PARTS], row[OWN] = 1, one[_OWN]
                state[S_SIX] = _unarmour(buf, one, six, state[S_SIX])
                pos = one[_NEXT]
            elif one[_NUMBER] == 1 and busy[busy_slot(one[_SEQ], one[_CHANNEL], one[_TOTAL])] == 0:
                after = _run(buf, end, one, two, state, rows, six)
                if after < 0:
                    return pos
                pos = after
            else:
                return pos
            state[S_ROWS] += 1
            state[S_WRAPPED] = 0
            state[S_SENTENCES] += one[_TOTAL]
            state[S_LINES] += one[_TOTAL]
            state[S_LINE] += one[_TOTAL]
            continue
        if first == 36 and buf[pos + 1] == 80 and buf[pos + 2] == 71 and buf[pos + 3] == 72 and buf[pos + 4] == 80:
            after = _wrapper(buf, pos, state)
            if after < 0:
                return pos
            state[S_OTHER] += 1
        else:
            after = pos
            blank = True
            while buf[after] != 10:
                c = int(buf[after])
                if c == 33 and after + 4 < end and buf[after + 3] == 86 and buf[after + 4] == 68:  # !..VD
                    return pos
                if c != 32 and not 9 <= c <= 13:
                    blank = False
                after += 1
            after += 1
            state[S_OTHER] += 0 if blank else 1
        state[S_LINES] += 1
        state[S_LINE] += 1
        pos = after
    return pos


@_compiled
def _bits(six: NDArray[np.uint8], off: int, start: int, width: int) -> int:
    first, last = start // 6, (start + width - 1) // 6
    value = 0
    for i in range(first, last + 1):
        value = (value << 6) | int(six[off + i])
    return (value >> ((last + 1) * 6 - start - width)) & ((1 << width) - 1)


@_compiled
def _layout(six: NDArray[np.uint8], off: int, bits: int, minimum: NDArray[np.int64], of_type: NDArray[np.int64]) -> int:
    """Which table fits, or why none does. Type 24 has a table for each part (ITU-R M.1371-5, tables 81 to 83)."""
    kind = int(six[off])
    if minimum[kind] == 0:
        return UNKNOWN_TYPE
    if bits < minimum[kind]:
        return SHORT
    if kind in (6, 8):
        if kind == 6 and bits < 88:
            return OTHER
        area, function = (
            (_bits(six, off, 72, 10), _bits(six, off, 82, 6))
            if kind == 6
            else (_bits(six, off, 40, 10), _bits(six, off, 50, 6))
        )
        for a in range(APPLICATIONS.shape[0]):
            if APPLICATIONS[a, 0] == kind and APPLICATIONS[a, 1] == area and APPLICATIONS[a, 2] == function:
                return OTHER
    if kind != 24:
        return int(of_type[kind])
    part = _bits(six, off, 38, 2)
    if part > 1:
        return NO_PART
    if part == 0:
        return PART_A
    if bits < 162:
        return SHORT
    return PART_B_CRAFT if _bits(six, off, 8, 30) // 10_000_000 == 98 else PART_B


@_compiled
def _fill(
    six: NDArray[np.uint8], off: int, bits: int, span: NDArray[np.int64], fields: NDArray[np.int64], lookups: NDArray[np.int32],
    values: NDArray[np.int32],
) -> None:  # fmt: skip
    for f in range(span[0], span[1]):
        start, width = fields[f, 0], fields[f, 1]
        if start >= bits:
            continue
        value = _bits(six, off, start, width)
        if start + width > bits:
            value >>= start + width - bits
        if fields[f, 7] >= 0:
            values[fields[f, 3]] = lookups[fields[f, 7], value]
            continue
        if fields[f, 2] == 1 and value >= 1 << (width - 1):
            value -= 1 << width
        if fields[f, 4] <= value <= fields[f, 5]:
            values[fields[f, 3]] = value * fields[f, 6]
    if values[LON] == NONE or values[LAT] == NONE:
        values[LON] = values[LAT] = NONE
    if values[SIDES[0]] == 0 and values[SIDES[1]] == 0 and values[SIDES[2]] == 0 and values[SIDES[3]] == 0:
        values[SIDES[0]] = values[SIDES[1]] = values[SIDES[2]] = values[SIDES[3]] = NONE


@_compiled
def _write_texts(
    six: NDArray[np.uint8], off: int, bits: int, span: NDArray[np.int64], table: NDArray[np.int64], text: NDArray[np.uint8]
) -> None:
    """Six-bit characters as ASCII; a character cut by the end of the payload is read as pyais reads it."""
    text[:] = 0
    for t in range(span[2], span[3]):
        start = table[t, 0]
        if start >= bits:
            continue
        for k in range(table[t, 1]):
            at = start + 6 * k
            code = _bits(six, off, at, min(6, bits - at)) if at < bits else 0
            text[table[t, 2] + k] = code + 64 if code < 32 else code


@_compiled
def fill_columns(
    six: NDArray[np.uint8], rows: NDArray[np.int64], minimum: NDArray[np.int64], of_type: NDArray[np.int64],
    spans: NDArray[np.int64], fields: NDArray[np.int64], text_table: NDArray[np.int64], lookups: NDArray[np.int32],
    layout: NDArray[np.int8], mmsi: NDArray[np.int32], whole: NDArray[np.bool_], values: NDArray[np.int32],
    text_row: NDArray[np.int32], texts: NDArray[np.uint8], hashes: NDArray[np.int64],
) -> int:  # fmt: skip
    """Every frame into its row of the columns; returns how many text rows were used. Outputs are the last seven arguments."""
    used = 0
    for r in range(rows.shape[0]):
        off, length = rows[r, SIX], rows[r, LENGTH]
        bits = length * 6 - rows[r, FILL]
        h = BASIS
        for i in range(off, off + length):
            h = ((h ^ int(six[i])) * PRIME) & MASK63
        hashes[r] = h
        text_row[r] = -1
        whole[r] = False
        chosen = _layout(six, off, bits, minimum, of_type)
        layout[r] = chosen
        if chosen < OTHER:
            mmsi[r] = 0
            continue
        mmsi[r] = _bits(six, off, 8, 30)
        values[r, :] = NONE
        if chosen == OTHER:
            values[r, REPEAT] = _bits(six, off, 6, 2)
            continue
        whole[r] = bits >= spans[chosen, 4]
        _fill(six, off, bits, spans[chosen], fields, lookups, values[r])
        if spans[chosen, 3] > spans[chosen, 2]:
            _write_texts(six, off, bits, spans[chosen], text_table, texts[used])
            text_row[r] = used
            used += 1
    return used


@_compiled
def mark_repeats(
    hashes: NDArray[np.int64], at_ms: NDArray[np.int64], serial: int, window_ms: int, table: NDArray[np.int64],
    repeat_of: NDArray[np.int64],
) -> None:  # fmt: skip
    """Find payloads first heard less than `window_ms` away; a message without a time is never a repeat.

    Arrays:
        table: (buckets, WAYS, 3) int64 of hash, time, serial number; 0 buckets are free. The oldest way gives room.
        repeat_of: (n,) int64 out; serial number of the first hearing, -1 if this is it.
    """
    buckets = table.shape[0]
    for r in range(hashes.shape[0]):
        repeat_of[r] = -1
        at = at_ms[r]
        if at < 0:
            continue
        key = hashes[r] | 1
        bucket = (key >> 7) % buckets
        oldest = 0
        place = -1
        for way in range(WAYS):
            if table[bucket, way, 0] == key:
                place = way
                break
            if table[bucket, way, 2] < table[bucket, oldest, 2]:
                oldest = way
        if place >= 0 and abs(at - table[bucket, place, 1]) <= window_ms:
            repeat_of[r] = table[bucket, place, 2]
            continue
        if place < 0:
            place = oldest
        table[bucket, place, 0] = key
        table[bucket, place, 1] = at
        table[bucket, place, 2] = serial + r


TABLES = (LAYOUT_OF_TYPE, SPAN_TABLE, FIELD_TABLE, TEXT_TABLE, LOOKUPS)
