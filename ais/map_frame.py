"""Owns the binary frame of the map (`yunjian.ais.map/1`): every vessel in one message, encoded once for all who watch.

Never sends anything: `ais.api_live` does.

Layout, little-endian. Head of 32 bytes: ``YJM1``, u16 version (1), u16 bytes a record (32), u32 records, u32 zero,
f64 time of the newest position, f64 time of encoding (both epoch ms). A record of 32 bytes: u32 MMSI, i32 lon, i32 lat
(1/10000 minute), u32 age in seconds behind the newest position, u16 speed (0.1 kn), u16 course (0.1 degree), u16 heading
(degrees), u8 navigation status, u8 station class (0 A, 1 B, 2 base, 3 aid, 4 aircraft, 5 other), u16 bow, u16 stern, u8 port,
u8 starboard (metres from the antenna, 0 unknown), u8 ship type, u8 zero. Largest value of a field = not available.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

HEAD = struct.Struct("<4sHHIIdd")
RECORD = np.dtype(
    [
        ("mmsi", "<u4"), ("lon", "<i4"), ("lat", "<i4"), ("age_s", "<u4"), ("sog", "<u2"), ("cog", "<u2"), ("heading", "<u2"),
        ("status", "u1"), ("station_class", "u1"), ("bow", "<u2"), ("stern", "<u2"), ("port", "u1"), ("starboard", "u1"),
        ("type", "u1"), ("zero", "u1"),
    ]
)  # fmt: skip
_CLASSES = {"A": 0, "B": 1, "base": 2, "aid": 3, "aircraft": 4, "other": 5}


def encode(rows: Sequence[tuple[Any, ...]], now_ms: float) -> bytes:
    """Rows of `ais.store.map_rows` as one frame."""
    newest = max((row[8] for row in rows), default=0)
    records = np.array([_record(row, newest) for row in rows], dtype=RECORD)
    return HEAD.pack(b"YJM1", 1, RECORD.itemsize, len(rows), 0, newest, now_ms) + records.tobytes()


def _record(row: tuple[Any, ...], newest: int) -> tuple[int, ...]:
    mmsi, lat, lon, sog, cog, heading, status, station_class, at_ms, sides, ship_type = row
    bow, stern, port, starboard = sides or (0, 0, 0, 0)
    return (
        mmsi, lon, lat, min((newest - at_ms) // 1000, 0xFFFFFFFE),
        0xFFFF if sog is None else round(sog * 10), 0xFFFF if cog is None else round(cog * 10),
        0xFFFF if heading is None else heading, 0xFF if status is None else status, _CLASSES[station_class],
        bow, stern, port, starboard, ship_type or 0, 0,
    )  # fmt: skip
