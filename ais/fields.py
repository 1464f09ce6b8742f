"""Owns the bit tables of the message types that the columnar path decodes, and the names of the columns they fill.

Never reads a payload: the tables are walked by `kernels.py` and `fast_numpy.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pyais.constants import EpfdType, ManeuverIndicator, NavAid, NavigationStatus, ShipType

NONE = -(2**31)  # "not available" or "not in this type" in an integer column

Kind = Literal["int", "bool", "degrees", "tenth", "turn"]


@dataclass(frozen=True, slots=True)
class Field:
    """`width` bits at bit `start` into `column`, times `scale`; outside `low`..`high` (raw) or in `absent` it is NONE.

    `enum`: codes that pyais folds together, e.g. reserved ship types into 0.
    """

    key: str
    start: int
    width: int
    kind: Kind = "int"
    signed: bool = False
    low: int = 0
    high: int = 2**30
    absent: tuple[int, ...] = ()
    scale: int = 1
    enum: Callable[[int], int] | None = None


@dataclass(frozen=True, slots=True)
class TextField:
    """`chars` six-bit characters at bit `start`."""

    key: str
    start: int
    chars: int


@dataclass(frozen=True, slots=True)
class DataField:
    """Application bits from `start` to the end of the payload, at most `width`; they stay in the payload."""

    key: str
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """One message type (or part of one). `bits`: from this length on every field we rely on is there.

    A field that is cut by the end of the payload is the number that its remaining bits make, as in pyais.
    """

    name: str
    bits: int
    parts: tuple[Field | TextField | DataField, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(part for part in self.parts if isinstance(part, Field))

    @property
    def texts(self) -> tuple[TextField, ...]:
        return tuple(part for part in self.parts if isinstance(part, TextField))


def _flag(key: str, start: int) -> Field:
    return Field(key, start, 1, "bool")


def _place(start: int) -> tuple[Field, Field]:
    """Longitude and latitude in 1/10000 minute."""
    return (
        Field("lon", start, 28, "degrees", signed=True, low=-108_000_000, high=108_000_000),
        Field("lat", start + 28, 27, "degrees", signed=True, low=-54_000_000, high=54_000_000),
    )


def _speed(start: int) -> Field:
    return Field("speed", start, 10, "tenth", high=1022)


def _course(start: int) -> Field:
    return Field("course", start, 12, "tenth", high=3599)


def _heading(start: int) -> Field:
    return Field("heading", start, 9, high=359)


def _second(start: int) -> Field:
    return Field("second", start, 6, absent=(60,))


def _epfd(start: int) -> Field:
    return Field("epfd", start, 4, absent=(0,), enum=lambda code: int(EpfdType(code)))


def _ship_type(start: int) -> Field:
    return Field("ship_type", start, 8, absent=(0,), enum=lambda code: int(ShipType(code)))


def _sides(start: int) -> tuple[Field, ...]:
    return (
        Field("to_bow", start, 9), Field("to_stern", start + 9, 9), Field("to_port", start + 18, 6),
        Field("to_starboard", start + 24, 6),
    )  # fmt: skip


_REPEAT = Field("repeat", 6, 2)

# Bit places: ITU-R M.1371-5 annex 8, tables 45 (1-3), 52 (4, 11), 53 (5), 61 (9), 72 (18), 73 (19), 76 (21), 81-83 (24), 88 (27).
_CLASS_A = Layout(
    "class_a", 168,
    (
        _REPEAT, Field("status", 38, 4, absent=(15,)), Field("turn", 42, 8, "turn", signed=True, low=-127), _speed(50),
        _flag("accuracy", 60), *_place(61), _course(116), _heading(128), _second(137),
        Field("maneuver", 143, 2, absent=(0,), enum=lambda code: int(ManeuverIndicator(code))), _flag("raim", 148),
        Field("radio", 149, 19),
    ),
)  # fmt: skip
_BASE = Layout(
    "base", 168,
    (
        _REPEAT, Field("year", 38, 14, low=1), Field("month", 52, 4, low=1), Field("day", 56, 5, low=1),
        Field("hour", 61, 5, absent=(24,)), Field("minute", 66, 6, absent=(60,)), _second(72), _flag("accuracy", 78), *_place(79),
        _epfd(134), _flag("raim", 148), Field("radio", 149, 19),
    ),
)  # fmt: skip
_STATIC_A = Layout(
    "static_a", 423,
    (
        _REPEAT, Field("ais_version", 38, 2), Field("imo", 40, 30, low=1), TextField("callsign", 70, 7),
        TextField("shipname", 112, 20), _ship_type(232), *_sides(240), _epfd(270), Field("month", 274, 4, low=1),
        Field("day", 278, 5, low=1), Field("hour", 283, 5, absent=(24,)), Field("minute", 288, 6, absent=(60,)),
        Field("draught", 294, 8, "tenth", low=1), TextField("destination", 302, 20), _flag("dte", 422),
    ),
)  # fmt: skip
_AIRCRAFT = Layout(
    "aircraft", 168,
    (
        _REPEAT, Field("alt", 38, 12, absent=(), high=4094), Field("speed", 50, 10, "tenth", high=1022, scale=10),
        _flag("accuracy", 60), *_place(61), _course(116), _second(128), Field("reserved_1", 134, 8), _flag("dte", 142),
        _flag("assigned", 146), _flag("raim", 147), Field("radio", 148, 20),
    ),
)  # fmt: skip
_CLASS_B = Layout(
    "class_b", 168,
    (
        _REPEAT, Field("reserved_1", 38, 8), _speed(46), _flag("accuracy", 56), *_place(57), _course(112), _heading(124),
        _second(133), Field("reserved_2", 139, 2), _flag("cs", 141), _flag("display", 142), _flag("dsc", 143),
        _flag("band", 144), _flag("msg22", 145), _flag("assigned", 146), _flag("raim", 147), Field("radio", 148, 20),
    ),
)  # fmt: skip
_CLASS_B_LONG = Layout(
    "class_b_long", 308,
    (
        _REPEAT, Field("reserved_1", 38, 8), _speed(46), _flag("accuracy", 56), *_place(57), _course(112), _heading(124),
        _second(133), Field("reserved_2", 139, 4), TextField("shipname", 143, 20), _ship_type(263), *_sides(271), _epfd(301),
        _flag("raim", 305), _flag("dte", 306), _flag("assigned", 307),
    ),
)  # fmt: skip
_AID = Layout(
    "aid", 271,
    (
        _REPEAT, Field("aid_type", 38, 5, absent=(0,), enum=lambda code: int(NavAid(code))), TextField("name", 43, 20),
        _flag("accuracy", 163), *_place(164), *_sides(219), _epfd(249), _second(253), _flag("off_position", 259),
        Field("reserved_1", 260, 8), _flag("raim", 268), _flag("virtual_aid", 269), _flag("assigned", 270),
        TextField("name_ext", 272, 15),
    ),
)  # fmt: skip
_PART_A = Layout("part_a", 160, (_REPEAT, Field("partno", 38, 2), TextField("shipname", 40, 20)))
_PART_B_HEAD = (
    _REPEAT, Field("partno", 38, 2), Field("ship_type", 40, 8, absent=(0,)), TextField("vendorid", 48, 3),
    Field("model", 66, 4), Field("serial", 70, 20), TextField("callsign", 90, 7),
)  # fmt: skip
_PART_B = Layout("part_b", 162, (*_PART_B_HEAD, *_sides(132)))
_PART_B_CRAFT = Layout("part_b_craft", 162, (*_PART_B_HEAD, Field("mothership_mmsi", 132, 30)))
_LONG_RANGE = Layout(
    "long_range", 95,
    (
        _REPEAT, _flag("accuracy", 38), _flag("raim", 39),
        Field("status", 40, 4, absent=(15,), enum=lambda code: int(NavigationStatus(code))),
        Field("lon", 44, 18, "degrees", signed=True, low=-108_000, high=108_000, scale=1000),
        Field("lat", 62, 17, "degrees", signed=True, low=-54_000, high=54_000, scale=1000),
        Field("speed", 79, 6, "tenth", high=62, scale=10), Field("course", 85, 9, "tenth", high=359, scale=10), _flag("gnss", 94),
    ),
)  # fmt: skip
_INQUIRY = Layout("inquiry", 70, (_REPEAT, Field("dest_mmsi", 40, 30)))
_ACKNOWLEDGE = Layout(
    "acknowledge", 70,
    (
        _REPEAT,
        *(
            field
            for slot in range(4)
            for field in (Field(f"mmsi{slot + 1}", 40 + 32 * slot, 30), Field(f"mmsiseq{slot + 1}", 70 + 32 * slot, 2))
        ),
    ),
)  # fmt: skip
_INTERROGATION = Layout(
    "interrogation", 88,
    (
        _REPEAT, Field("mmsi1", 40, 30), Field("type1_1", 70, 6), Field("offset1_1", 76, 12), Field("type1_2", 90, 6),
        Field("offset1_2", 96, 12), Field("mmsi2", 110, 30), Field("type2_1", 140, 6), Field("offset2_1", 146, 12),
    ),
)  # fmt: skip
_LINK = Layout(
    "link", 70,
    (
        _REPEAT,
        *(
            Field(f"{key}{slot + 1}", start + 30 * slot, width)
            for slot in range(4)
            for key, start, width in (("offset", 40, 12), ("number", 52, 4), ("timeout", 56, 3), ("increment", 59, 11))
        ),
    ),
)  # fmt: skip
_ADDRESSED_DATA = Layout(
    "addressed_data", 88,
    (
        _REPEAT, Field("seqno", 38, 2), Field("dest_mmsi", 40, 30), _flag("retransmit", 70), Field("dac", 72, 10),
        Field("fid", 82, 6), DataField("data", 88, 920),
    ),
)  # fmt: skip
_BROADCAST_DATA = Layout(
    "broadcast_data", 56, (_REPEAT, Field("dac", 40, 10), Field("fid", 50, 6), DataField("data", 56, 952)),
)  # fmt: skip

LAYOUTS: tuple[Layout, ...] = (
    _CLASS_A, _BASE, _STATIC_A, _AIRCRAFT, _CLASS_B, _CLASS_B_LONG, _AID, _PART_A, _PART_B, _PART_B_CRAFT, _LONG_RANGE,
    _INQUIRY, _ACKNOWLEDGE, _INTERROGATION, _LINK, _ADDRESSED_DATA, _BROADCAST_DATA,
)  # fmt: skip
AID = LAYOUTS.index(_AID)
PART_A, PART_B, PART_B_CRAFT = LAYOUTS.index(_PART_A), LAYOUTS.index(_PART_B), LAYOUTS.index(_PART_B_CRAFT)
_OF_TYPE: Mapping[int, Layout] = {
    1: _CLASS_A, 2: _CLASS_A, 3: _CLASS_A, 4: _BASE, 5: _STATIC_A, 9: _AIRCRAFT, 11: _BASE, 18: _CLASS_B, 19: _CLASS_B_LONG,
    21: _AID, 24: _PART_A, 27: _LONG_RANGE, 6: _ADDRESSED_DATA, 7: _ACKNOWLEDGE, 8: _BROADCAST_DATA, 10: _INQUIRY,
    13: _ACKNOWLEDGE, 15: _INTERROGATION, 20: _LINK,
}  # fmt: skip
FAST_TYPES = frozenset(_OF_TYPE)
# Types 6 and 8 with an application (type, area code, function) whose data pyais takes apart: these go to pyais.
APPLICATIONS: NDArray[np.int64] = np.array(
    [
        *((6, 1, function) for function in (16, 18, 20, 23, 25)),
        *((8, 1, function) for function in (0, 11, 16, 17, 19, 20, 21, 22, 24, 26, 27, 29, 31)),
        *((8, 200, function) for function in (10, 23, 24, 40)),
        *((8, 367, function) for function in (33,)),
    ],
    np.int64,
)

KINDS: Mapping[str, Kind] = {field.key: field.kind for layout in LAYOUTS for field in layout.fields}
COLUMNS: tuple[str, ...] = tuple(KINDS)
COLUMN: Mapping[str, int] = {key: place for place, key in enumerate(COLUMNS)}
TEXTS: Mapping[str, int] = {"shipname": 20, "callsign": 7, "destination": 20, "name": 20, "name_ext": 15, "vendorid": 3}
TEXT_START: Mapping[str, int] = {key: sum(list(TEXTS.values())[:place]) for place, key in enumerate(TEXTS)}
TEXT_WIDTH = sum(TEXTS.values())
SIDES = tuple(COLUMN[key] for key in ("to_bow", "to_stern", "to_port", "to_starboard"))
LON, LAT, REPEAT = COLUMN["lon"], COLUMN["lat"], COLUMN["repeat"]


def _tables() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    fields: list[list[int]] = []
    texts: list[list[int]] = []
    spans: list[list[int]] = []
    lookups: list[list[int]] = []
    for layout in LAYOUTS:
        span = [len(fields), 0, len(texts), 0, layout.bits]
        for field in layout.fields:
            lookup = -1
            if field.absent or field.enum is not None:
                fold = field.enum or int
                codes = [fold(code) for code in range(1 << field.width)]
                lookups.append([NONE if code in field.absent else code for code in codes] + [NONE] * (256 - len(codes)))
                lookup = len(lookups) - 1
            fields.append([
                field.start, field.width, field.signed, COLUMN[field.key], field.low, field.high, field.scale, lookup,
            ])  # fmt: skip
        texts += [[text.start, text.chars, TEXT_START[text.key]] for text in layout.texts]
        span[1], span[3] = len(fields), len(texts)
        spans.append(span)
    return np.array(fields), np.array(texts), np.array(spans), np.array(lookups, np.int32)


# fields (f, 8) int64: start, width, signed, column, low, high, scale, lookup row or -1
# texts (t, 3) int64: start, characters, first byte in a text row
# spans (layouts, 5) int64: first and last+1 row in fields, in texts, and the length in bits that is whole
# lookups (k, 256) int32: value for each raw code
FIELD_TABLE, TEXT_TABLE, SPAN_TABLE, LOOKUPS = _tables()
LAYOUT_OF_TYPE: NDArray[np.int64] = np.array(
    [LAYOUTS.index(_OF_TYPE[kind]) if kind in _OF_TYPE else -1 for kind in range(64)], np.int64
)
