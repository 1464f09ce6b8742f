"""Owns the bit layouts of ship, base station, aircraft and aid reports, and the columns with units that they share.

Never reads a payload, and never lays out the other types: `message_tables.py` takes those from pyais' own descriptions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pyais.constants import EpfdType, ManeuverIndicator, NavAid, NavigationStatus, ShipType
from pydantic import JsonValue

NONE = -(2**31)  # "not available" or "not in this type" in an integer column


Kind = Literal["int", "bool", "degrees", "tenth", "turn", "raw"]


@dataclass(frozen=True, slots=True)
class Field:
    """`width` bits at bit `start` into `column`, times `scale`; outside `low`..`high` (raw) or in `absent` it is NONE.

    `enum`: codes that pyais folds together, e.g. reserved ship types into 0.
    `read`: for the kind "raw", what pyais makes of the number.
    """

    key: str
    start: int
    width: int
    kind: Kind = "int"
    signed: bool = False
    low: int = 0
    high: int = 2**31 - 1
    absent: tuple[int, ...] = ()
    scale: int = 1
    enum: Callable[[int], int] | None = None
    read: Callable[[int], JsonValue] | None = None


@dataclass(frozen=True, slots=True)
class TextField:
    """`chars` six-bit characters at bit `start`."""

    key: str
    start: int
    chars: int


@dataclass(frozen=True, slots=True)
class DataField:
    """Application bits from `start` to the end of the payload, at most `width`."""

    key: str
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """One message type (or part of one), in pyais' order of keys.

    A field that is cut by the end of the payload is the number that its remaining bits make, as in pyais.
    """

    name: str
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
    "class_a",
    (
        _REPEAT, Field("status", 38, 4, absent=(15,)), Field("turn", 42, 8, "turn", signed=True, low=-127), _speed(50),
        _flag("accuracy", 60), *_place(61), _course(116), _heading(128), _second(137),
        Field("maneuver", 143, 2, absent=(0,), enum=lambda code: int(ManeuverIndicator(code))), _flag("raim", 148),
        Field("radio", 149, 19),
    ),
)  # fmt: skip
_BASE = Layout(
    "base",
    (
        _REPEAT, Field("year", 38, 14, low=1), Field("month", 52, 4, low=1), Field("day", 56, 5, low=1),
        Field("hour", 61, 5, absent=(24,)), Field("minute", 66, 6, absent=(60,)), _second(72), _flag("accuracy", 78), *_place(79),
        _epfd(134), _flag("raim", 148), Field("radio", 149, 19),
    ),
)  # fmt: skip
_STATIC_A = Layout(
    "static_a",
    (
        _REPEAT, Field("ais_version", 38, 2), Field("imo", 40, 30, low=1), TextField("callsign", 70, 7),
        TextField("shipname", 112, 20), _ship_type(232), *_sides(240), _epfd(270), Field("month", 274, 4, low=1),
        Field("day", 278, 5, low=1), Field("hour", 283, 5, absent=(24,)), Field("minute", 288, 6, absent=(60,)),
        Field("draught", 294, 8, "tenth", low=1), TextField("destination", 302, 20), _flag("dte", 422),
    ),
)  # fmt: skip
_AIRCRAFT = Layout(
    "aircraft",
    (
        _REPEAT, Field("alt", 38, 12, absent=(), high=4094), Field("speed", 50, 10, "tenth", high=1022, scale=10),
        _flag("accuracy", 60), *_place(61), _course(116), _second(128), Field("reserved_1", 134, 8), _flag("dte", 142),
        _flag("assigned", 146), _flag("raim", 147), Field("radio", 148, 20),
    ),
)  # fmt: skip
_CLASS_B = Layout(
    "class_b",
    (
        _REPEAT, Field("reserved_1", 38, 8), _speed(46), _flag("accuracy", 56), *_place(57), _course(112), _heading(124),
        _second(133), Field("reserved_2", 139, 2), _flag("cs", 141), _flag("display", 142), _flag("dsc", 143),
        _flag("band", 144), _flag("msg22", 145), _flag("assigned", 146), _flag("raim", 147), Field("radio", 148, 20),
    ),
)  # fmt: skip
_CLASS_B_LONG = Layout(
    "class_b_long",
    (
        _REPEAT, Field("reserved_1", 38, 8), _speed(46), _flag("accuracy", 56), *_place(57), _course(112), _heading(124),
        _second(133), Field("reserved_2", 139, 4), TextField("shipname", 143, 20), _ship_type(263), *_sides(271), _epfd(301),
        _flag("raim", 305), _flag("dte", 306), _flag("assigned", 307),
    ),
)  # fmt: skip
AID = Layout(
    "aid",
    (
        _REPEAT, Field("aid_type", 38, 5, absent=(0,), enum=lambda code: int(NavAid(code))), TextField("name", 43, 20),
        _flag("accuracy", 163), *_place(164), *_sides(219), _epfd(249), _second(253), _flag("off_position", 259),
        Field("reserved_1", 260, 8), _flag("raim", 268), _flag("virtual_aid", 269), _flag("assigned", 270),
        TextField("name_ext", 272, 15),
    ),
)  # fmt: skip
PART_A = Layout("part_a", (_REPEAT, Field("partno", 38, 2), TextField("shipname", 40, 20)))
_PART_B_HEAD = (
    _REPEAT, Field("partno", 38, 2), Field("ship_type", 40, 8, absent=(0,)), TextField("vendorid", 48, 3),
    Field("model", 66, 4), Field("serial", 70, 20), TextField("callsign", 90, 7),
)  # fmt: skip
PART_B = Layout("part_b", (*_PART_B_HEAD, *_sides(132)))
PART_B_CRAFT = Layout("part_b_craft", (*_PART_B_HEAD, Field("mothership_mmsi", 132, 30)))
_LONG_RANGE = Layout(
    "long_range",
    (
        _REPEAT, _flag("accuracy", 38), _flag("raim", 39),
        Field("status", 40, 4, absent=(15,), enum=lambda code: int(NavigationStatus(code))),
        Field("lon", 44, 18, "degrees", signed=True, low=-108_000, high=108_000, scale=1000),
        Field("lat", 62, 17, "degrees", signed=True, low=-54_000, high=54_000, scale=1000),
        Field("speed", 79, 6, "tenth", high=62, scale=10), Field("course", 85, 9, "tenth", high=359, scale=10), _flag("gnss", 94),
    ),
)  # fmt: skip

CORE: Mapping[int, Layout] = {
    1: _CLASS_A, 2: _CLASS_A, 3: _CLASS_A, 4: _BASE, 5: _STATIC_A, 9: _AIRCRAFT, 11: _BASE, 18: _CLASS_B, 19: _CLASS_B_LONG,
    21: AID, 27: _LONG_RANGE,
}  # fmt: skip
