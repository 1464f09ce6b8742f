"""Owns the compiled reading of what stands around a sentence: tag block, times and stations behind the checksum, $PGHP lines.

Never reads the sentence itself (`kernels_lines.py`), and means nothing else than `stamps.py` does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ais import kernels as k
from ais.kernels import BASIS, MASK63, PRIME, Bytes, Ints, compiled, entry, i64

TAG, PGHP, SUFFIX, RECEIVER = 0, 1, 2, 4  # places in columns.SOURCES
_EARLIEST_MS, _LATEST_MS = 1_000_000_000_000, 4_102_444_800_000


def _hex_values() -> NDArray[np.int64]:
    table = np.full(256, -1, np.int64)
    for code in b"0123456789ABCDEFabcdef":
        table[code] = int(chr(code), 16)
    return table


HEX_OF = _hex_values()


@compiled
def name_hash(buf: Bytes, first: int, length: int) -> int:
    """FNV-1a cut to 63 bits; equal names have equal hashes."""
    h = BASIS
    for i in range(first, first + length):
        h = ((h ^ i64(buf[i])) * PRIME) & MASK63
    return h


@entry
def place_of(buf: Bytes, first: int, length: int, state: Ints, names: Ints, fresh: Ints) -> int:
    """The number of a station's name; a new name gets the next number and waits in `fresh` (number is its order).

    Arrays:
        names: (k.NAME_SLOTS, 2) int64 of hash and number + 1, 0 is free; emptied when half full.
        fresh: (f, 2) int64 out; place and length of each new name in `buf`.
    """
    h = name_hash(buf, first, length)
    slot = h & (k.NAME_SLOTS - 1)
    while names[slot, 1] != 0:
        if names[slot, 0] == h:
            number: int = names[slot, 1] - 1
            return number
        slot = (slot + 1) & (k.NAME_SLOTS - 1)
    if state[k.S_NAMED] >= k.NAME_SLOTS // 2:
        for place in range(k.NAME_SLOTS):
            names[place, 1] = 0
        state[k.S_NAMED] = 0
        slot = h & (k.NAME_SLOTS - 1)
    number = i64(state[k.S_NAMES])
    names[slot, 0], names[slot, 1] = h, number + 1
    state[k.S_NAMES] += 1
    state[k.S_NAMED] += 1
    fresh[state[k.S_FRESH], 0], fresh[state[k.S_FRESH], 1] = first, length
    state[k.S_FRESH] += 1
    return number


@compiled
def _epoch(buf: Bytes, first: int, last: int) -> int:
    """Epoch of 10 (s) or 13 (ms) digits as ms; -1: anything else."""
    length = last - first
    if length != 10 and length != 13:  # noqa: PLR1714
        return -1
    value = 0
    for i in range(first, last):
        digit = i64(buf[i]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    if length == 10:
        value *= 1000
    return value if _EARLIEST_MS <= value < _LATEST_MS else -1


@compiled
def checksum_at(buf: Bytes, star: int) -> int:
    """The two hex digits behind the asterisk, -1 if there are not two."""
    high: int = HEX_OF[buf[star + 1]]
    if high < 0:
        return -1
    low: int = HEX_OF[buf[star + 2]]
    return -1 if low < 0 else high * 16 + low


@compiled
def line_end(buf: Bytes, q: int) -> int:
    """The place behind the line feed if only carriage returns stand before it, else -1."""
    while buf[q] == 13:
        q += 1
    return q + 1 if buf[q] == 10 else -1


@compiled
def _group_name(buf: Bytes, first: int, last: int, out: Ints) -> bool:
    """Remember where "lines-id" of ``line-lines-id`` stands."""
    q = first
    for _ in range(2):
        begin = q
        while 48 <= buf[q] <= 57:
            q += 1
        if not 1 <= q - begin <= 3 or buf[q] != 45:
            return False
        q += 1
    length = last - begin
    for i in range(q, last):
        c = buf[i]
        if not ((48 <= c <= 57) or (65 <= c <= 90) or c == 95 or (97 <= c <= 122)):
            return False
    out[k.L_GROUP], out[k.L_GROUP_LENGTH] = begin, length
    return 1 <= last - q <= 20


@compiled
def tag_block(buf: Bytes, first: int, out: Ints) -> int:
    """Read one tag block from its first backslash; returns the place behind it, or -1 if it is not plain."""
    total = 0
    q = first + 1
    while buf[q] != 42:
        if buf[q] == 92 or buf[q] == 10:
            return -1
        total ^= i64(buf[q])
        q += 1
    star = q
    given = checksum_at(buf, star)
    if given < 0 or buf[star + 3] != 92:
        return -1
    if given not in (0, total):
        return star + 4  # not believed
    i = first + 1
    while i < star:
        j = i
        while buf[j] != 44 and buf[j] != 42:
            j += 1
        if j - i >= 2 and buf[i + 1] == 58:
            if buf[i] == 99:  # c:
                at = _epoch(buf, i + 2, j)
                if at < 0:
                    return -1
                out[k.L_AT], out[k.L_SOURCE] = at, TAG
            elif buf[i] == 115 and j > i + 2:  # s:
                if j - i > 42:
                    return -1
                for place in range(i + 2, j):
                    if buf[place] > 126 or buf[place] < 32:
                        return -1
                out[k.L_NAME], out[k.L_NAME_LENGTH] = i + 2, j - i - 2
            elif buf[i] == 103 and not _group_name(buf, i + 2, j, out):  # g:
                return -1
        i = j + 1
    return star + 4


@compiled
def suffix(buf: Bytes, first: int, out: Ints) -> int:
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
        if word and (buf[i] == 98 or buf[i] == 114) and 3 <= j - i <= 21 and out[k.L_NAME_LENGTH] == 0:
            out[k.L_NAME], out[k.L_NAME_LENGTH] = i, j - i
        i = j + 1
    at = _epoch(buf, i, j)
    if at < 0:
        return -1
    if out[k.L_AT] < 0:
        out[k.L_AT], out[k.L_SOURCE] = at, SUFFIX
    return j


@compiled
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar."""
    y = year - 1 if month <= 2 else year
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@compiled
def wrapper(
    buf: Bytes, pos: int, state: Ints, values: Ints, names: Ints,
    fresh: Ints,
) -> int:  # fmt: skip
    """Read a plain $PGHP line into the state; returns the place behind the line, or -1."""
    total = 80 ^ 71 ^ 72 ^ 80 ^ 44
    q = pos + 6
    station = station_end = 0
    for field in range(1, 14):
        begin = q
        value = 0
        while buf[q] != 44 and buf[q] != 42:
            c = i64(buf[q])
            total ^= c
            if field == 13:
                c = HEX_OF[buf[q]]
                if c < 0:
                    return -1
                value = value * 16 + c
            elif 2 <= field <= 8:
                if c < 48 or c > 57:
                    return -1
                value = value * 10 + c - 48
            elif c < 34 or c > 126:
                return -1
            q += 1
        dated = 2 <= field <= 8
        if (dated and not 1 <= q - begin <= 9) or q - begin > 40 or (field == 13 and q - begin != 2):
            return -1
        if (buf[q] == 42) != (field == 13):
            return -1
        values[field] = value
        if field == 11:
            station, station_end = begin, q
        if field < 13:
            total ^= 44
            q += 1
    if checksum_at(buf, q) != total:
        return -1
    q = line_end(buf, q + 3)
    if q < 0:
        return -1
    year, month, day, hour, minute, second = values[2], values[3], values[4], values[5], values[6], values[7]
    if not (1970 <= year <= 2099 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        return -1
    following = _days(year + 1, 1, 1) if month == 12 else _days(year, month + 1, 1)
    if _days(year, month, day) >= following:
        return -1
    state[k.S_WRAPPED] = 1
    state[k.S_W_AT] = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000 + values[8] % 1000
    state[k.S_W_CHECK] = values[13] if values[13] > 0 else -1
    state[k.S_W_STATION] = -1
    if station_end > station:
        state[k.S_W_STATION] = place_of(buf, station, station_end - station, state, names, fresh)
    return q


@compiled
def stamp(buf: Bytes, out: Ints, state: Ints, names: Ints, fresh: Ints, groups: Ints) -> bool:
    """The time and the station in force for a sentence: its own, its tag group's or the wrapper's; False if framing must say."""
    out[k.L_WRAPPED], out[k.L_CHECK], out[k.L_STATION] = 0, -1, -1
    if state[k.S_WRAPPED] == 1:
        if out[k.L_AT] >= 0 or out[k.L_NAME_LENGTH] > 0 or out[k.L_GROUP_LENGTH] > 0:
            return False
        out[k.L_WRAPPED], out[k.L_CHECK], out[k.L_STATION] = 1, state[k.S_W_CHECK], state[k.S_W_STATION]
        out[k.L_AT], out[k.L_SOURCE] = state[k.S_W_AT], PGHP
        return True
    if out[k.L_NAME_LENGTH] > 0:
        out[k.L_STATION] = place_of(buf, out[k.L_NAME], out[k.L_NAME_LENGTH], state, names, fresh)
    if out[k.L_GROUP_LENGTH] == 0:
        return True
    h = name_hash(buf, out[k.L_GROUP], out[k.L_GROUP_LENGTH])
    last = state[k.S_GROUPS]
    if out[k.L_AT] < 0 and out[k.L_STATION] < 0:
        for g in range(last - 1, -1, -1):
            if groups[g, k.G_HASH] == h:
                out[k.L_AT], out[k.L_STATION] = groups[g, k.G_AT], groups[g, k.G_STATION]
                out[k.L_SOURCE] = TAG if out[k.L_AT] >= 0 else -1
                return True
        return False
    if last == groups.shape[0]:
        return False
    groups[last, k.G_HASH], groups[last, k.G_PLACE], groups[last, k.G_LENGTH] = h, out[k.L_GROUP], out[k.L_GROUP_LENGTH]
    groups[last, k.G_AT], groups[last, k.G_STATION] = out[k.L_AT], out[k.L_STATION]
    state[k.S_GROUPS] += 1
    return True
