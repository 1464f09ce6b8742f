"""Owns the list of all layouts, which one a payload has, and their form as integer tables for the compiled and the numpy route.

Never writes down what pyais knows: types without shared columns get their layout from the description of pyais' classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pyais import messages
from pyais.messages import BOOL, BYTES, FLOAT, STR, Payload
from pydantic import JsonValue

from ais.decode import MIN_BITS, json_value
from ais.fields import AID, CORE, NONE, PART_A, PART_B, PART_B_CRAFT, DataField, Field, Kind, Layout, TextField


def _read(kind: int, convert: Callable[..., object] | None, raw: int) -> JsonValue:
    """What pyais makes of the bits of a number field."""
    value: object = bool(raw) if kind == BOOL else float(raw) if kind == FLOAT else raw
    return json_value(value if convert is None else convert(value))


def described(cls: type[Payload]) -> Layout:
    """The layout that pyais' class describes: its fields without type, MMSI and spare bits."""
    parts: list[Field | TextField | DataField] = []
    for key, start, width, signed, kind, convert in cls.decoder_plan():
        if key in {"msg_type", "mmsi"} or cls.field_dict()[key].metadata["is_spare"]:
            continue
        if kind == STR:
            parts.append(TextField(key, start, -(-width // 6)))
        elif kind == BYTES:
            parts.append(DataField(key, start, width))
        else:
            read = partial(_read, kind, convert)
            parts.append(Field(key, start, width, "raw", signed=signed, low=-(2**31) + 1, read=read))
    return Layout(cls.__name__, tuple(parts))


# Which layout a payload has follows pyais' `from_vector`: by type, by (area code, function), by a flag or by length.
_SIMPLE = {
    kind: described(messages.MSG_CLASS[kind]) for kind in (7, 10, 12, 13, 14, 15, 17, 20, 23, 28)
}  # fmt: skip
_ADDRESSED = described(messages.MessageType6Default)
_PERSONS = described(messages.MessageType6Dac1Fid16A)
_BROADCAST = described(messages.MessageType8Default)
_WEATHER = messages.MessageType8Dac1Fid21
_APPLICATIONS: Mapping[tuple[int, int, int], Layout] = {
    (kind, area, function): described(messages.MessageType8Dac1Fid21NonWmo if cls is _WEATHER else cls)
    for kind, variants in ((6, messages._MSG6_VARIANTS), (8, messages._MSG8_VARIANTS))  # noqa: SLF001 - pyais has no public list
    for (area, function), cls in variants.items()
}
_BY_FLAG = (  # no; yes
    described(messages.MessageType16DestinationA), described(messages.MessageType16DestinationAB),
    described(messages.MessageType22Broadcast), described(messages.MessageType22Addressed),
)  # fmt: skip
_BINARY = tuple(  # by the bits "addressed" and "structured"
    described(cls)
    for cls in (
        messages.MessageType25BroadcastUnstructured, messages.MessageType25BroadcastStructured,
        messages.MessageType25AddressedUnstructured, messages.MessageType25AddressedStructured,
        messages.MessageType26BroadcastUnstructured, messages.MessageType26BroadcastStructured,
        messages.MessageType26AddressedUnstructured, messages.MessageType26AddressedStructured,
    )
)  # fmt: skip

_CORE_LAYOUTS = (*dict.fromkeys(CORE.values()), PART_A, PART_B, PART_B_CRAFT)
LAYOUTS: tuple[Layout, ...] = (
    *_CORE_LAYOUTS, *_SIMPLE.values(), _ADDRESSED, _PERSONS, _BROADCAST, *_APPLICATIONS.values(), *_BY_FLAG, *_BINARY,
)  # fmt: skip
CORE_LAYOUTS = len(_CORE_LAYOUTS)  # the first ones fill the shared columns
AID_PLACE = LAYOUTS.index(AID)

KINDS: Mapping[str, Kind] = {field.key: field.kind for layout in _CORE_LAYOUTS for field in layout.fields}
COLUMNS: tuple[str, ...] = tuple(KINDS)
MOST_FIELDS = max(len(layout.fields) for layout in LAYOUTS)
MOST_TEXTS = max(len(layout.parts) - len(layout.fields) for layout in LAYOUTS)


def _places() -> NDArray[np.int64]:
    table = np.full((len(LAYOUTS), len(COLUMNS)), -1, np.int64)
    for row, layout in enumerate(_CORE_LAYOUTS):
        for place, field in enumerate(layout.fields):
            table[row, COLUMNS.index(field.key)] = place
    return table


# (layouts, columns) int64: place of a shared column among the values of a row, -1 where the layout has none
PLACES = _places()


def _lookup(field: Field) -> list[int] | None:
    if not field.absent and field.enum is None:
        return None
    fold = field.enum or int
    codes = [fold(code) for code in range(1 << field.width)]
    return [NONE if code in field.absent else code for code in codes] + [NONE] * (256 - len(codes))


WORD_BITS = 60  # ten six-bit characters
F_WORD, F_SHIFT, F_MASK, F_END, F_START, F_SIGN, F_LOW, F_HIGH, F_SCALE, F_LOOKUP = range(10)
S_FIELD, S_FIELDS_END, S_TEXT, S_TEXTS_END, S_DATA, S_DATA_WIDTH, S_LON, S_LAT, S_SIDES = range(9)


def _tables() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    fields: list[list[int]] = []
    texts: list[list[int]] = []
    spans: list[list[int]] = []
    lookups: list[list[int]] = [[NONE] * 256]
    for row, layout in enumerate(LAYOUTS):
        keys = [field.key for field in layout.fields] if row < CORE_LAYOUTS else []
        data = next((part for part in layout.parts if isinstance(part, DataField)), DataField("", 0, 0))
        place = {key: keys.index(key) if key in keys else -1 for key in ("lon", "lat", "to_bow")}
        first_field, first_text = len(fields), len(texts)
        for field in layout.fields:
            codes = _lookup(field)
            if codes is not None:
                lookups.append(codes)
            inside = field.start % WORD_BITS
            fields.append([
                field.start // WORD_BITS, WORD_BITS - inside - field.width, (1 << field.width) - 1, field.start + field.width,
                field.start, (1 << (field.width - 1)) * field.signed, field.low, field.high, field.scale,
                0 if codes is None else len(lookups) - 1,
            ])  # fmt: skip
        texts += [[text.start, text.chars] for text in layout.texts]
        spans.append([
            first_field, len(fields), first_text, len(texts), data.start, data.width, place["lon"], place["lat"], place["to_bow"],
        ])  # fmt: skip
    return np.array(fields), np.array(texts), np.array(spans), np.array(lookups, np.int32)


def _of_types() -> NDArray[np.int64]:
    single = {**CORE, **_SIMPLE, 6: _ADDRESSED, 8: _BROADCAST, 16: _BY_FLAG[0], 22: _BY_FLAG[2], 24: PART_A, 25: _BINARY[0],
              26: _BINARY[4]}  # fmt: skip
    table = np.zeros((64, 2), np.int64)
    table[:, 0] = -1
    for kind, layout in single.items():
        table[kind] = LAYOUTS.index(layout), MIN_BITS[kind]
    return table


# fields (f, 10) int64: word of 60 bits, shift to the right in it (negative: so many bits lie in the next word), mask, end and
# start bit, sign bit or 0, lowest and highest raw value, scale, row in lookups or 0
# texts (t, 2) int64: start bit, characters
# spans (layouts, 9) int64: first and last+1 row in fields, in texts; start and width of application data; places of longitude,
# latitude and the four sides among the values, -1 without
# lookups (k, 256) int32: value of each raw code; row 0 is not used
# of_type (64, 2) int64: first layout of the type or -1, bits that it has at least
# applications (a, 4) int64: type, area code, function, layout
FIELD_TABLE, TEXT_TABLE, SPAN_TABLE, LOOKUPS = _tables()
OF_TYPE = _of_types()
APPLICATIONS: NDArray[np.int64] = np.array(
    [(*application, LAYOUTS.index(layout)) for application, layout in _APPLICATIONS.items()], np.int64
)
PERSONS_PLACE, WEATHER_PLACE = LAYOUTS.index(_PERSONS), LAYOUTS.index(_APPLICATIONS[8, 1, 21])
TABLES = (OF_TYPE, SPAN_TABLE, FIELD_TABLE, TEXT_TABLE, LOOKUPS, APPLICATIONS)
