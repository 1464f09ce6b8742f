"""Every vessel in one frame: each field where the layout says, missing values as the largest, thousands in one message."""

from __future__ import annotations

import numpy as np

from ais.map_frame import HEAD, RECORD, encode

FULL = (413999201, 24_180_000, 73_200_000, 12.3, 359.9, 359, 5, "A", 1_795_485_600_000, "[80, 20, 8, 9]", 70)
EMPTY = (2300047, -24_180_000, -73_200_000, None, None, None, None, "base", 1_795_485_590_000, None, None)


def test_fields_and_missing_values() -> None:
    frame = encode([FULL, EMPTY], 1_795_485_600_500.0)
    assert HEAD.unpack_from(frame) == (b"YJM1", 1, 32, 2, 0, 1_795_485_600_000, 1_795_485_600_500.0)
    full, empty = np.frombuffer(frame, RECORD, offset=HEAD.size).tolist()
    assert full == (413999201, 73_200_000, 24_180_000, 0, 123, 3599, 359, 5, 0, 80, 20, 8, 9, 70, 0)
    assert empty == (2300047, -73_200_000, -24_180_000, 10, 0xFFFF, 0xFFFF, 0xFFFF, 0xFF, 2, 0, 0, 0, 0, 0, 0)
    assert HEAD.unpack_from(encode([], 1.0)) == (b"YJM1", 1, 32, 0, 0, 0.0, 1.0)


def test_two_thousand_vessels_are_one_frame() -> None:
    rows = [(412_000_000 + number, number, -number, *FULL[3:]) for number in range(2000)]
    frame = encode(rows, 1.0)
    assert len(frame) == 32 + 2000 * 32
    records = np.frombuffer(frame, RECORD, offset=HEAD.size)
    assert records["mmsi"].tolist() == [row[0] for row in rows]
    assert records["lat"].tolist() == list(range(2000))
