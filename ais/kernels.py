"""Owns what the compiled loops share: how they are compiled, the row of a message, the state of a scan.

Never imports numba before a loop is compiled: that costs a second, and most processes decode nothing. Without numba
`kernels_columns.py` runs as ordinary Python over a few messages, and `fast_numpy.py` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Row = Any  # a record of ROW: numba reads its fields as attributes
COMPILED = find_spec("numba") is not None
i64: Callable[[Any], int] = cast("Callable[[Any], int]", np.int64) if COMPILED else int
_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """A part of an entry: compiled with it."""
    return _compiled(function, cache=False)


def entry(function: _F) -> _F:
    """Called from Python; its machine code is kept on disk (`batch.compile_once` refuses one of other sources)."""
    return _compiled(function, cache=True)


def _compiled(function: _F, *, cache: bool) -> _F:
    if not COMPILED:
        return function
    import numba  # noqa: PLC0415

    return cast("_F", numba.njit(cache=cache, nogil=True)(function))


def _sources_mark() -> int:
    """Tells these sources from others: numba itself looks only at the file of an entry, not at what it imports."""
    names = ("kernels.py", "kernels_stamps.py", "kernels_lines.py", "kernels_columns.py", "message_tables.py", "fields.py")
    texts = b"".join(Path(__file__).with_name(name).read_bytes() for name in names)
    return int.from_bytes(blake2b(texts, digest_size=7).digest(), "big")


SOURCES_MARK = _sources_mark()

# One message. A frame fills the fields up to `own`; the columns the rest.
ROW = np.dtype(
    [
        ("at_ms", np.int64),  # receive time, epoch milliseconds UTC; -1 where the log has none
        ("first_line", np.int64), ("last_line", np.int64),  # counted from 1
        ("serial", np.int64),  # running number of the message in its decoder
        ("repeat_of", np.int64),  # serial of the first hearing of the same payload, -1: this is it
        ("word", np.int32), ("characters", np.int32),  # payload: place in the words; six-bit characters
        ("station", np.int32),  # place in the names, -1 unknown
        ("mmsi", np.int32),
        ("value_at", np.int32),  # place of its first value
        ("octets_at", np.int32), ("octets_end", np.int32),  # its texts and its application data
        ("size", np.int32),  # bytes of input that are its own
        ("fill_bits", np.uint8), ("sentences", np.uint8), ("own", np.bool_), ("at_source", np.int8),
        ("msg_type", np.uint8), ("layout", np.int8),
    ],
    align=True,
)  # fmt: skip

# State of a scan, int64: counters since the caller cleared them, the $PGHP wrapper in force, how full the arrays are.
(
    S_LINES, S_SENTENCES, S_OTHER, S_NO_CHECKSUM, S_BAD_CHECKSUM, S_EMPTY,
    S_OTHER_BYTES, S_NO_CHECKSUM_BYTES, S_BAD_CHECKSUM_BYTES, S_EMPTY_BYTES,
    S_WRAPPED, S_W_AT, S_W_CHECK, S_W_STATION,
    S_WORDS, S_ROWS, S_NAMES, S_NAMED, S_FRESH, S_HELD, S_GROUPS,
    S_LINE, S_SENTENCE, S_RECEIVED, S_AGE, S_AGE_SENTENCES, S_MOST_HELD, S_SOURCES,
) = range(28)  # fmt: skip
STATE_WIDTH = 28
S_BYTES = S_OTHER_BYTES - S_OTHER  # from a counter to the one of its bytes
# A sentence, int64: what one line says, and the stamp that is in force for it. Held ones wait for the rest of their message.
(
    L_TOTAL, L_NUMBER, L_SEQ, L_CHANNEL, L_TALKER, L_OWN, L_STATION, L_WRAPPED, L_CHECK, L_AT, L_SOURCE,
    L_PAYLOAD, L_LENGTH, L_FILL, L_SUM, L_LINE, L_SENTENCE, L_NEXT, L_NAME, L_NAME_LENGTH, L_GROUP, L_GROUP_LENGTH,
    L_WORD, L_CARRY, L_COUNT, L_SIZE,
) = range(26)  # fmt: skip
SENTENCE_WIDTH = 26
L_KEY = L_CHECK + 1  # the fields before tell messages apart, except L_NUMBER
HELD = 64
# A tag block group that a scan met, int64: hash, place and length of "lines-id" in the bytes, time, station.
G_HASH, G_PLACE, G_LENGTH, G_AT, G_STATION = range(5)
# Result of `fill`, int64: rows, values, octets, sentences and bytes used, sources it was compiled from, sentences rejected by
# reason and then their bytes.
R_ROWS, R_VALUES, R_OCTETS, R_USED, R_USED_BYTES, R_SOURCES, R_UNKNOWN_TYPE = range(7)
R_REASONS = ("unknown_type", "short_payload", "decode_error")  # from R_UNKNOWN_TYPE on
R_BYTES = R_UNKNOWN_TYPE + len(R_REASONS)
RESULT_WIDTH = R_BYTES + len(R_REASONS)

MASK63 = 0x7FFFFFFFFFFFFFFF
PRIME, BASIS = 1099511628211, 0x4BF29CE484222325
MIX = 0x2545F4914F6CDD1D  # odd, 62 bits: multiplier of xorshift* (Vigna 2016)
BUSY_SLOTS = 1024
WAYS = 4
NAME_SLOTS = 1 << 12


def busy_slot(talker: int, sequence: int, channel: int, total: int) -> int:
    """Half messages that could be confused with each other share a slot. `kernels_lines.py` compiles it."""
    return (talker * 521 + sequence * 31 + channel * 7 + total) & (BUSY_SLOTS - 1)


def _six_values() -> NDArray[np.int64]:
    table = np.full(256, -1, np.int64)
    for code in (*range(48, 88), *range(96, 120)):  # six-bit armour, IEC 61162-1
        table[code] = code - 48 if code < 88 else code - 56
    return table


SIX_OF = _six_values()
