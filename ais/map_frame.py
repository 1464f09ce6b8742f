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
from numpy.typing import NDArray

from ais.store import parsed

_UNKNOWN_HULL = (0, 0, 0, 0)
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
    records = np.zeros(len(rows), dtype=RECORD)
    newest = 0
    if rows:
        mmsi, lat, lon, sog, cog, heading, status, station_class, at_ms, sides, ship_type = zip(*rows, strict=True)
        newest = max(at_ms)
        records["mmsi"], records["lat"], records["lon"] = mmsi, lat, lon
        records["age_s"] = np.minimum((newest - np.array(at_ms, np.int64)) // 1000, 0xFFFFFFFE)
        records["sog"], records["cog"] = _scaled(sog, 10.0), _scaled(cog, 10.0)
        records["heading"], records["status"] = _scaled(heading, 1.0), np.minimum(_scaled(status, 1.0), 0xFF)
        records["station_class"] = [_CLASSES[one] for one in station_class]
        hull = np.array([parsed(one) or _UNKNOWN_HULL for one in sides])
        for place, side in enumerate(("bow", "stern", "port", "starboard")):
            records[side] = hull[:, place]
        records["type"] = [one or 0 for one in ship_type]
    return HEAD.pack(b"YJM1", 1, RECORD.itemsize, len(rows), 0, newest, now_ms) + records.tobytes()


def _scaled(values: Sequence[float | None], factor: float) -> NDArray[np.float64]:
    """Rounded to whole steps; the largest 16-bit value where there is none."""
    return np.nan_to_num(np.rint(np.array(values, np.float64) * factor), nan=0xFFFF)
