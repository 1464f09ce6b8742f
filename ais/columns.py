"""Owns the columnar form of decoded messages: one row a message, arrays with their shape, type and unit, and its JSON view.

Never decodes: `batch.py` fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from ais.decode import clean, turn_of
from ais.fields import NONE, DataField, Field, Kind, TextField
from ais.message_tables import AID_PLACE, COLUMNS, CORE_LAYOUTS, LAYOUTS, PLACES
from ais.stamps import StampSource
from core.clock import rfc3339

SOURCES: tuple[StampSource, ...] = ("tag", "pghp", "suffix", "prefix", "receiver", "base")  # of a time, most trusted first
NO_TIME = -1


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """n messages in the order in which their last sentence was read. Missing integers are `fields.NONE`."""

    rows: NDArray[np.void]  # (n,) kernels.ROW
    values: NDArray[np.int32]  # (v,) the numbers of each row from its `value_at` on, in the order of its layout's fields
    octets: NDArray[np.uint8]  # (o,) from `octets_at`: texts in ASCII as sent, with @ and spaces; then application data
    stations: tuple[str, ...]  # all that the source has named so far

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def msg_type(self) -> NDArray[np.uint8]:
        """(n,) 1 to 28."""
        return self._of("msg_type")

    @property
    def mmsi(self) -> NDArray[np.int32]:
        """(n,)."""
        return self._of("mmsi")

    @property
    def at_ms(self) -> NDArray[np.int64]:
        """(n,) receive time, epoch milliseconds UTC; NO_TIME where the log has none."""
        return self._of("at_ms")

    @property
    def at_source(self) -> NDArray[np.int8]:
        """(n,) place in SOURCES, -1 without time."""
        return self._of("at_source")

    @property
    def station(self) -> NDArray[np.int32]:
        """(n,) place in `stations`, -1 unknown."""
        return self._of("station")

    @property
    def own(self) -> NDArray[np.bool_]:
        """(n,) VDO: the receiving station itself."""
        return self._of("own")

    @property
    def lines(self) -> NDArray[np.int64]:
        """(n, 2) first and last line, counted from 1."""
        return np.stack([self.rows["first_line"], self.rows["last_line"]], axis=1)

    @property
    def sentences(self) -> NDArray[np.uint8]:
        """(n,) sentences the message came in."""
        return self._of("sentences")

    @property
    def layout(self) -> NDArray[np.int8]:
        """(n,) place in message_tables.LAYOUTS."""
        return self._of("layout")

    @property
    def serial(self) -> NDArray[np.int64]:
        """(n,) running number of the message in its decoder, from 1."""
        return self._of("serial")

    @property
    def repeat_of(self) -> NDArray[np.int64]:
        """(n,) serial of the first hearing of the same payload within the window, -1: this is it."""
        return self._of("repeat_of")

    def _of(self, name: str) -> NDArray[Any]:
        column: NDArray[Any] = self.rows[name]
        return column

    def column(self, key: str) -> NDArray[np.int32]:
        """(n,) int32 by pyais' key, of ship, base station, aircraft and aid reports (types 1-5, 9, 11, 18, 19, 21, 24, 27).

        Units: lon, lat 1/10000 minute; speed 0.1 kn; course 0.1 degree; draught 0.1 m; heading degrees; turn the raw
        indicator; to_* m; alt m; flags 0 or 1. NONE where not available or not in the type.
        """
        place = PLACES[self.rows["layout"], COLUMNS.index(key)]
        there = np.flatnonzero(place >= 0)
        out = np.full(len(place), NONE, np.int32)
        out[there] = self.values[self.rows["value_at"][there] + place[there]]
        return out

    @property
    def lonlat_deg(self) -> NDArray[np.float64]:
        """(n, 2) float64 WGS84 degrees, NaN without position."""
        raw = np.stack([self.column("lon"), self.column("lat")], axis=1)
        return np.where(raw == NONE, np.nan, raw / 600_000.0)

    def text(self, row: int, key: str) -> str | None:
        """A text of a row as pyais reads it, None where empty or not in the type."""
        found = self.fields(row).get(key)
        return found if isinstance(found, str) else None

    def fields(self, row: int) -> dict[str, JsonValue]:
        """All fields of a row: keys as in pyais, None where not available."""
        return next(self.all_fields(slice(row, row + 1)))

    def all_fields(self, rows: slice = slice(None), only: frozenset[str] | None = None) -> Iterator[dict[str, JsonValue]]:
        """`fields` of these rows, one after the other, or `only` these of them: columns are read once, not a record at a time."""
        names = ("layout", "msg_type", "mmsi", "value_at", "octets_at", "octets_end")
        columns = [self.rows[name][rows].tolist() for name in names]
        if not columns[0]:
            return
        first, octet = columns[3][0], columns[4][0]
        last = columns[3][-1] + _plan(columns[0][-1]).numbers
        values, octets = self.values[first:last].tolist(), self.octets[octet : columns[5][-1]].tobytes()
        for place, kind, mmsi, value_at, start, end in zip(*columns, strict=True):
            plan, at = _plan(place, only), value_at - first
            yield _fields(place, kind, mmsi, plan, values[at : at + plan.numbers], octets[start - octet : end - octet])

    def dicts(self) -> Iterator[dict[str, JsonValue]]:
        """The lines of ``yunjian ais decode --jsonl`` (contracts.md, AIS)."""
        names = ("at_ms", "at_source", "station", "first_line", "last_line")
        columns = (self.rows[name].tolist() for name in names)
        for out, at_ms, source, station, first, last in zip(self.all_fields(), *columns, strict=True):
            out["_rx"] = None if at_ms == NO_TIME else _time(at_ms)
            out["_rx_source"] = SOURCES[source] if source >= 0 else None
            out["_station"] = self.stations[station] if station >= 0 else None
            out["_lines"] = [first, last]
            out["_path"] = "fast"
            yield out


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a row of a layout becomes fields: numbers by their place, texts by their octets, data behind `octets`."""

    numbers: int
    numbers_of: tuple[tuple[str, int, Callable[[int], JsonValue]], ...]
    texts: tuple[tuple[str, int, int], ...]
    data: str | None
    octets: int
    order: tuple[str, ...]


def _fields(place: int, kind: int, mmsi: int, plan: _Plan, values: list[int], octets: bytes) -> dict[str, JsonValue]:
    """The fields of one message from its numbers and its octets."""
    out: dict[str, JsonValue] = {"msg_type": kind, "repeat": values[0], "mmsi": mmsi}
    for key, at, read in plan.numbers_of:
        value = values[at]
        out[key] = None if value == NONE else read(value)
    for key, start, end in plan.texts:
        out[key] = octets[start:end].decode("ascii").rstrip("@").strip() or None
    if plan.data is not None:
        out[plan.data] = octets[plan.octets :].hex() or None
    if place >= CORE_LAYOUTS:
        clean(kind, out)
    elif place == AID_PLACE and "name_ext" in out:
        out["full_name"] = None if out["name"] is None else f"{out['name']}{out['name_ext'] or ''}"
    return {key: out[key] for key in plan.order} if plan.order else out


@cache
def _plan(layout: int, only: frozenset[str] | None = None) -> _Plan:
    numbers: list[tuple[str, int, Callable[[int], JsonValue]]] = []
    texts: list[tuple[str, int, int]] = []
    data = None
    octets = place = 0
    parts = LAYOUTS[layout].parts
    for part in parts:
        match part:
            case DataField():
                data = part.key
            case TextField():
                texts.append((part.key, octets, octets + part.chars))
                octets += part.chars
            case Field():
                numbers.append((part.key, place, part.read or partial(_in_unit, kind=part.kind)))
                place += 1
    keys = [part.key for part in parts]
    mixed = bool(texts) or data is not None
    order = ("msg_type", "repeat", "mmsi", *(key for key in keys if key != "repeat")) if mixed else ()
    if layout == AID_PLACE:
        order = (*order, "full_name")
    if only is not None:
        numbers = [one for one in numbers if one[0] in only]
        texts, data, order = [one for one in texts if one[0] in only], None, ()
    return _Plan(place, tuple(numbers), tuple(texts), data, octets, order)


def _in_unit(value: int, kind: Kind) -> JsonValue:
    match kind:
        case "int" | "raw":
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


@lru_cache(maxsize=4096)
def _time(at_ms: int) -> str:
    return rfc3339(datetime.fromtimestamp(at_ms / 1000, UTC))
