"""Owns the compiled loop over raw bytes: plain lines into frames, with checksum, time, station and fragments.

Never decides about a line that is not plain: it stops there and `framing.py` reads that line.
"""

from __future__ import annotations

import numpy as np

from ais import kernels as k
from ais.kernels import SIX_OF, Bytes, Ints, Row, busy_slot, compiled, entry, i64
from ais.kernels_stamps import HEX_OF, RECEIVER, checksum_at, line_end, stamp, suffix, tag_block, wrapper

_PLAIN, _NOT_PLAIN = 0, -1  # or the counter of a reason to reject

_slot = compiled(busy_slot)


@compiled
def _payload(buf: Bytes, q: int, out: Ints, words: Ints) -> int:
    """Pack the characters from `q` on, ten to a word; returns the place of the comma behind them, or -1. Adds to the sum."""
    carry, count, word, total = out[k.L_CARRY], out[k.L_COUNT], out[k.L_WORD], out[k.L_SUM]
    first = q
    while True:
        code = buf[q]
        six = SIX_OF[code]
        if six < 0:
            break
        total ^= i64(code)
        carry = (carry << 6) | six
        count += 1
        if count == 10:
            words[word] = carry
            word += 1
            carry = count = 0
        q += 1
    out[k.L_CARRY], out[k.L_COUNT], out[k.L_WORD], out[k.L_SUM], out[k.L_LENGTH] = carry, count, word, total, q - first
    return q if buf[q] == 44 else -1


@compiled
def _refused(buf: Bytes, first: int) -> int:
    """Why `framing.py` rejects the sentence from `first` to the end of the line, as far as that is beyond doubt."""
    star = -1
    total = 0
    commas = 0
    empty = False
    q = first + 1
    while buf[q] != 10:
        c = i64(buf[q])
        if c == 33:  # another sentence may begin
            return _NOT_PLAIN
        if star < 0:
            if c == 42:
                star = q
            else:
                total ^= c
                commas += c == 44
                if c == 44 and commas == 6:
                    empty = buf[q - 1] == 44
        q += 1
    if star < 0:
        return k.S_NO_CHECKSUM
    given = checksum_at(buf, star)
    if given < 0 or HEX_OF[buf[star + 3]] >= 0:
        return _NOT_PLAIN
    if given != total:
        return k.S_BAD_CHECKSUM
    short = star - first <= 17 and commas == 6 and 49 <= buf[first + 9] <= buf[first + 7] <= 57
    if not (short and empty and buf[first + 8] == 44 and buf[first + 10] == 44):
        return _NOT_PLAIN
    c = i64(buf[first + 11])
    q = first + 12 if 48 <= c <= 57 else first + 11
    channel = 1 if buf[q + 1] != 44 else 0
    fill = star - (q + channel + 3)
    if buf[q] != 44 or buf[q + 1 + channel] != 44 or not 0 <= fill <= 1 or (fill == 1 and not 48 <= buf[star - 1] <= 57):
        return _NOT_PLAIN
    return k.S_EMPTY


@compiled
def _sentence(buf: Bytes, pos: int, out: Ints, words: Ints) -> int:
    """Read the line at `pos` if it is one plain sentence, with at most one tag block before and a time behind it."""
    out[k.L_AT] = out[k.L_SOURCE] = -1
    out[k.L_NAME_LENGTH] = out[k.L_GROUP_LENGTH] = 0
    p = pos
    if buf[p] == 92:
        p = tag_block(buf, p, out)
        if p < 0:
            return _NOT_PLAIN
    if buf[p] != 33:
        return _NOT_PLAIN
    total = 86 ^ 68 ^ 44  # VD and an odd comma; the other commas come in pairs
    for place in range(1, 3):
        c = i64(buf[p + place])
        if c < 33 or c > 126 or c == 44:
            return _NOT_PLAIN
        total ^= c
    if buf[p + 3] != 86 or buf[p + 4] != 68:
        return _NOT_PLAIN
    kind = i64(buf[p + 5])
    if (kind != 77 and kind != 79) or buf[p + 6] != 44:  # noqa: PLR1714
        return _NOT_PLAIN
    out[k.L_TALKER] = i64(buf[p + 1]) * 256 + i64(buf[p + 2])
    count = i64(buf[p + 7])
    if count < 49 or count > 57 or buf[p + 8] != 44:
        return _refused(buf, p)
    number = i64(buf[p + 9])
    if number < 49 or number > count or buf[p + 10] != 44:
        return _refused(buf, p)
    out[k.L_OWN] = kind == 79
    out[k.L_TOTAL], out[k.L_NUMBER] = count - 48, number - 48
    total ^= kind ^ count ^ number
    q = p + 11
    c = i64(buf[q])
    out[k.L_SEQ] = -1
    if 48 <= c <= 57:
        out[k.L_SEQ] = c - 48
        total ^= c
        q += 1
        c = i64(buf[q])
    if c != 44:
        return _refused(buf, p)
    q += 1
    c = i64(buf[q])
    out[k.L_CHANNEL] = 0
    if c != 44:
        if c < 33 or c > 126 or c == 42:
            return _refused(buf, p)
        out[k.L_CHANNEL] = c
        total ^= c
        q += 1
        if buf[q] != 44:
            return _refused(buf, p)
    out[k.L_SUM] = total
    out[k.L_PAYLOAD] = q + 1
    q = _payload(buf, q + 1, out, words)
    if q < 0:
        return _refused(buf, p)
    total = out[k.L_SUM] ^ 44
    q += 1
    out[k.L_FILL] = 0
    c = i64(buf[q])
    if 48 <= c <= 53:
        out[k.L_FILL] = c - 48
        total ^= c
        q += 1
    if buf[q] != 42 or checksum_at(buf, q) != total or HEX_OF[buf[q + 3]] >= 0 or out[k.L_LENGTH] == 0:
        return _refused(buf, p)
    out[k.L_SUM] = total
    q += 3
    if buf[q] == 44:
        q = suffix(buf, q, out) if out[k.L_GROUP_LENGTH] == 0 else -1
        if q < 0:
            return _NOT_PLAIN
    q = line_end(buf, q)
    if q < 0:
        return _NOT_PLAIN
    out[k.L_NEXT] = q
    return _PLAIN


@compiled
def _emit(one: Ints, last: Ints, check: int, length: int, state: Ints, row: Row, words: Ints) -> None:
    """A whole message into its row. A wrapper's stamp counts only if its check fits; without a time it is the receiver's."""
    word, count = last[k.L_WORD], last[k.L_COUNT]
    if count > 0:
        words[word] = last[k.L_CARRY] << (6 * (10 - count))
        word += 1
    row.word, row.characters, row.fill_bits = state[k.S_WORDS], length, last[k.L_FILL]
    state[k.S_WORDS] = word
    at, source, station = one[k.L_AT], one[k.L_SOURCE], one[k.L_STATION]
    if one[k.L_CHECK] >= 0 and one[k.L_CHECK] != check:
        at = source = station = -1
    if at < 0 and state[k.S_RECEIVED] >= 0:
        at, source = state[k.S_RECEIVED], RECEIVER
    row.at_ms, row.at_source, row.station = at, source, station
    row.sentences, row.own, row.size = one[k.L_TOTAL], one[k.L_OWN] == 1, last[k.L_SIZE]
    state[k.S_ROWS] += 1


@compiled
def _copy(one: Ints, other: Ints) -> None:
    for place in range(k.SENTENCE_WIDTH):
        other[place] = one[place]


@compiled
def _fragment(buf: Bytes, one: Ints, state: Ints, rows: Row, words: Ints, held: Ints, parts: Ints) -> bool:
    """Keep a sentence of several, or join them if it is the last one missing; False if framing must say.

    Arrays:
        held: (k.HELD, k.SENTENCE_WIDTH) int64, sentences that wait, in their order; parts: (10,) int64, scratch.
    """
    last = state[k.S_HELD]
    found = 0
    for h in range(last):
        other = held[h]
        same = True
        for field in range(k.L_KEY):
            same = same and (field == k.L_NUMBER or other[field] == one[field])
        if not same:
            continue
        if other[k.L_NUMBER] == one[k.L_NUMBER] or (other[k.L_AT] < 0) != (one[k.L_AT] < 0):
            return False
        if (
            abs(other[k.L_AT] - one[k.L_AT]) > state[k.S_AGE]
            or one[k.L_SENTENCE] - other[k.L_SENTENCE] > state[k.S_AGE_SENTENCES]
        ):
            return False
        parts[other[k.L_NUMBER]] = h
        found += 1
    total = one[k.L_TOTAL]
    if found + 1 < total:
        if last >= state[k.S_MOST_HELD]:
            return False
        _copy(one, held[last])
        state[k.S_HELD] += 1
        return True
    check = length = 0
    row = rows[state[k.S_ROWS]]
    row.first_line = row.last_line = one[k.L_LINE]
    first = one
    joined = held[k.HELD]  # a row of its own for the words of the whole message
    joined[k.L_WORD], joined[k.L_CARRY], joined[k.L_COUNT], joined[k.L_SIZE] = state[k.S_WORDS], 0, 0, 0
    for number in range(1, total + 1):
        part = one if number == one[k.L_NUMBER] else held[parts[number]]
        if number == 1:
            first = part
        check ^= part[k.L_SUM]
        length += part[k.L_LENGTH]
        joined[k.L_SIZE] += part[k.L_SIZE]
        joined[k.L_SUM], joined[k.L_FILL] = 0, part[k.L_FILL]
        _payload(buf, part[k.L_PAYLOAD], joined, words)
        row.first_line, row.last_line = min(row.first_line, part[k.L_LINE]), max(row.last_line, part[k.L_LINE])
    _emit(first, joined, check, length, state, row, words)
    kept = 0
    for h in range(last):
        of_this = False
        for number in range(1, total + 1):
            of_this = of_this or (number != one[k.L_NUMBER] and parts[number] == h)
        if not of_this:
            if kept != h:
                _copy(held[h], held[kept])
            kept += 1
    state[k.S_HELD] = kept
    return True


@entry
def scan(
    buf: Bytes,
    pos: int,
    end: int,
    state: Ints,
    rows: Row,
    words: Ints,
    busy: Ints,
    names: Ints,
    fresh: Ints,
    held: Ints,
    groups: Ints,
) -> int:
    """Read plain lines from `pos`; stops at `end` or at the first line that is not plain and returns its place.

    Arrays:
        buf: (n,) uint8; the byte before `end` is a line feed.
        state: (STATE_WIDTH,) int64; rows: (r,) ROW; words: (w,) int64, ten characters each.
        busy: (k.BUSY_SLOTS,) int64, half messages that `fragments.py` holds.
        names, fresh: see `place_of`.
        held: (k.HELD + 1, k.SENTENCE_WIDTH) int64, sentences of messages that are not whole; groups: (g, 5) int64, tag groups met.
            The caller hands both to framing after each call.
    """
    state[k.S_SOURCES] = k.SOURCES_MARK
    one = np.zeros(k.SENTENCE_WIDTH, np.int64)
    parts = np.zeros(16, np.int64)
    while pos < end:
        first = buf[pos]
        if first == 33 or first == 92:  # noqa: PLR1714
            one[k.L_WORD], one[k.L_CARRY], one[k.L_COUNT] = state[k.S_WORDS], 0, 0
            found = _sentence(buf, pos, one, words)
            if found >= _PLAIN:
                if found > _PLAIN:
                    begin = pos
                    while buf[pos] != 10:
                        pos += 1
                    pos += 1
                    state[found] += 1
                    state[found + k.S_BYTES] += pos - begin
                    state[k.S_WRAPPED] = 0
                else:
                    total = one[k.L_TOTAL]
                    one[k.L_SIZE] = one[k.L_NEXT] - pos
                    if total > 1 and busy[_slot(one[k.L_TALKER], one[k.L_SEQ], one[k.L_CHANNEL], total)] != 0:
                        return pos
                    if not stamp(buf, one, state, names, fresh, groups):
                        return pos
                    line = state[k.S_LINE] + 1
                    if total == 1:
                        row = rows[state[k.S_ROWS]]
                        row.first_line = row.last_line = line
                        _emit(one, one, one[k.L_SUM], one[k.L_LENGTH], state, row, words)
                    else:
                        one[k.L_LINE], one[k.L_SENTENCE] = line, state[k.S_SENTENCE] + 1
                        if not _fragment(buf, one, state, rows, words, held, parts):
                            return pos
                    if one[k.L_NUMBER] == total:
                        state[k.S_WRAPPED] = 0
                    pos = one[k.L_NEXT]
                state[k.S_SENTENCES] += 1
                state[k.S_SENTENCE] += 1
                state[k.S_LINES] += 1
                state[k.S_LINE] += 1
                continue
        if first == 36 and buf[pos + 1] == 80 and buf[pos + 2] == 71 and buf[pos + 3] == 72 and buf[pos + 4] == 80:
            after = wrapper(buf, pos, state, parts, names, fresh)
            if after < 0:
                return pos
            state[k.S_OTHER] += 1
        else:
            after = pos
            blank = True
            while buf[after] != 10:
                c = buf[after]
                if c == 33 and after + 4 < end and buf[after + 3] == 86 and buf[after + 4] == 68:  # !..VD
                    return pos
                blank = blank and (c == 32 or 9 <= c <= 13)
                after += 1
            after += 1
            state[k.S_OTHER] += 0 if blank else 1
        state[k.S_OTHER_BYTES] += after - pos
        state[k.S_LINES] += 1
        state[k.S_LINE] += 1
        pos = after
    return pos
