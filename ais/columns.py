"""Owns the columnar form of decoded messages: one row a message, arrays with their shape, type and unit, and its JSON view.

Never decodes: `batch.py` fills it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from ais.decode import turn_of
from ais.fields import AID, COLUMN, KINDS, LAYOUTS, NONE, TEXT_START, TEXTS, DataField, Kind, TextField
from core.clock import rfc3339

SOURCES = ("tag", "pghp", "suffix", "prefix", "receiver")  # where a time was read, most trusted first
NO_TIME = -1


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """n messages in the order in which their last sentence was read. Missing integers are `fields.NONE`.

    `decoded` holds, by row, what pyais decoded: types without columns, and payloads that are cut behind the last field we
    rely on. Their columns are filled as far as the payload goes.
    """

    msg_type: NDArray[np.uint8]  # (n,) 1 to 28
    mmsi: NDArray[np.int32]  # (n,)
    at_ms: NDArray[np.int64]  # (n,) receive time, epoch milliseconds UTC; NO_TIME where the log has none
    at_source: NDArray[np.int8]  # (n,) place in SOURCES, -1 without time
    station: NDArray[np.int32]  # (n,) place in `stations`, -1 unknown
    own: NDArray[np.bool_]  # (n,) VDO: the receiving station itself
    lines: NDArray[np.int64]  # (n, 2) first and last line, counted from 1
    sentences: NDArray[np.uint8]  # (n,) sentences the message came in
    fast: NDArray[np.bool_]  # (n,) decoded by the columnar path, else by pyais
    layout: NDArray[np.int8]  # (n,) place in fields.LAYOUTS, -1: a type without columns
    serial: NDArray[np.int64]  # (n,) running number of the message in its decoder, from 1
    repeat_of: NDArray[np.int64]  # (n,) serial of the first hearing of the same payload within the window, -1: this is it
    values: NDArray[np.int32]  # (n, len(COLUMNS)) see `column`
    text_row: NDArray[np.int32]  # (n,) row in `texts`, -1 without texts
    texts: NDArray[np.uint8]  # (m, TEXT_WIDTH) ASCII as sent, with its @ and spaces; 0 = not in this type
    six: NDArray[np.uint8]  # (s,) payloads, one six-bit value a byte
    payload: NDArray[np.int64]  # (n, 3) place in `six`, characters, fill bits
    stations: tuple[str, ...]
    decoded: Mapping[int, Mapping[str, JsonValue]]

    def __len__(self) -> int:
        return len(self.msg_type)

    def column(self, key: str) -> NDArray[np.int32]:
        """(n,) int32 by pyais' key. Units: lon, lat 1/10000 minute; speed 0.1 kn; course 0.1 degree; draught 0.1 m; heading
        degrees; turn the raw indicator; to_* m; alt m; flags 0 or 1. NONE where not available or not in the type.
        """
        return self.values[:, COLUMN[key]]

    @property
    def lonlat_deg(self) -> NDArray[np.float64]:
        """(n, 2) float64 WGS84 degrees, NaN without position."""
        raw = self.values[:, [COLUMN["lon"], COLUMN["lat"]]]
        return np.where(raw == NONE, np.nan, raw / 600_000.0)

    def text(self, row: int, key: str) -> str | None:
        """A text of a row as pyais reads it, None where empty."""
        if self.text_row[row] < 0:
            return None
        return _text(self.texts[self.text_row[row]].tobytes(), key)

    def fields(self, row: int) -> dict[str, JsonValue]:
        """All fields of a row: keys as in pyais, None where not available."""
        if row in self.decoded:
            return dict(self.decoded[row])
        place = int(self.layout[row])
        repeat = int(self.values[row, COLUMN["repeat"]])
        out: dict[str, JsonValue] = {"msg_type": int(self.msg_type[row]), "repeat": repeat, "mmsi": int(self.mmsi[row])}
        if place < 0:
            return out
        values = self.values[row].tolist()
        raw = self.texts[self.text_row[row]].tobytes() if self.text_row[row] >= 0 else b""
        for key, column, kind in _plan(place):
            if isinstance(kind, DataField):
                out[key] = self._data(row, kind)
            elif kind is None:
                out[key] = _text(raw, key)
            else:
                value = values[column]
                out[key] = None if value == NONE else _in_unit(value, kind)
        if place == AID:
            out["full_name"] = None if out["name"] is None else f"{out['name']}{out['name_ext'] or ''}"
        return out

    def _data(self, row: int, field: DataField) -> str | None:
        """Application bits as hex, filled up to whole bytes at the end."""
        first, length, fill = self.payload[row].tolist()
        bits = np.unpackbits(self.six[first : first + length, None], axis=1)[:, 2:].ravel()
        data = bits[field.start : min(length * 6 - fill, field.start + field.width)]
        return np.packbits(data).tobytes().hex() if len(data) else None

    def dicts(self) -> Iterator[dict[str, JsonValue]]:
        """The lines of ``yunjian ais decode --jsonl`` (contracts.md, AIS)."""
        times = self.at_ms.tolist()
        sources = self.at_source.tolist()
        stations = self.station.tolist()
        lines = self.lines.tolist()
        fast = self.fast.tolist()
        for row in range(len(self)):
            out = self.fields(row)
            out["_rx"] = None if times[row] == NO_TIME else _time(times[row])
            out["_rx_source"] = SOURCES[sources[row]] if sources[row] >= 0 else None
            out["_station"] = self.stations[stations[row]] if stations[row] >= 0 else None
            out["_lines"] = lines[row]
            out["_path"] = "fast" if fast[row] else "pyais"
            yield out


@cache
def _plan(layout: int) -> tuple[tuple[str, int, Kind | DataField | None], ...]:
    plan: list[tuple[str, int, Kind | DataField | None]] = []
    for part in LAYOUTS[layout].parts:
        match part:
            case DataField():
                plan.append((part.key, -1, part))
            case TextField():
                plan.append((part.key, TEXT_START[part.key], None))
            case _:
                plan.append((part.key, COLUMN[part.key], KINDS[part.key]))
    return tuple(plan)


def _in_unit(value: int, kind: Kind) -> JsonValue:
    match kind:
        case "int":
            return value
        case "bool":
            return bool(value)
        case "tenth":
            return value / 10.0
        case "degrees":  # 1/10000 minute, rounded to 6 decimals: 5/3 of it is never half way between two integers
            return ((10 * value + 3) // 6) / 1e6
        case "turn":
            return _TURNS[value]


_TURNS = {raw: turn_of(raw) for raw in range(-127, 128)}


def _text(raw: bytes, key: str) -> str | None:
    start = TEXT_START[key]
    return raw[start : start + TEXTS[key]].rstrip(b"\0").decode("ascii").rstrip("@").strip() or None


@lru_cache(maxsize=4096)
def _time(at_ms: int) -> str:
    return rfc3339(datetime.fromtimestamp(at_ms / 1000, UTC))
