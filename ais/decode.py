"""Owns payload -> message: minimum lengths, pyais as reference decoder, "not available" values turned into None once.

Never reads sentences and never lets a position out of a payload that is cut short.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Literal, cast

from pyais.bit_vector import bit_vector
from pyais.exceptions import AISBaseException
from pyais.messages import MSG_CLASS, to_turn
from pydantic import JsonValue

from ais.fragments import Frame
from core.clock import rfc3339

DecodeReason = Literal["unknown_type", "short_payload", "decode_error"]
Path = Literal["fast", "pyais"]

# Bits up to the last field we rely on, ITU-R M.1371-5 annex 8. Types 1-4 and 11: through RAIM; 5: receivers that
# drop the last character leave 420; 24: part A through the name, part B through the dimensions.
MIN_BITS: Mapping[int, int] = {
    1: 149, 2: 149, 3: 149, 4: 149, 5: 420, 6: 72, 7: 70, 8: 56, 9: 148, 10: 70, 11: 149, 12: 72, 13: 70, 14: 40,
    15: 88, 16: 92, 17: 75, 18: 148, 19: 301, 20: 70, 21: 271, 22: 144, 23: 150, 24: 160, 25: 40, 26: 60, 27: 95, 28: 150,
}  # fmt: skip
_PART_B_BITS = 162

# Values that the standard defines as "not available", per message type.
_POSITION = {"lon": (181.0,), "lat": (91.0,)}
_CLASS_A = {**_POSITION, "status": (15,), "turn": (-128.0,), "speed": (102.3,), "heading": (511,), "second": (60,)}
_DATE = {"year": (0,), "month": (0,), "day": (0,), "hour": (24,), "minute": (60,), "second": (60,)}
_NOT_AVAILABLE: Mapping[int, Mapping[str, tuple[float, ...]]] = {
    **{key: {**_CLASS_A, "maneuver": (0,)} for key in (1, 2, 3)},
    **{key: {**_POSITION, **_DATE, "epfd": (0,)} for key in (4, 11)},
    5: {
        "imo": (0,), "ship_type": (0,), "month": (0,), "day": (0,), "hour": (24,), "minute": (60,), "draught": (0.0,),
        "epfd": (0,),
    },
    9: {**_POSITION, "alt": (4095,), "speed": (1023,), "second": (60,)},
    17: _POSITION,
    18: {**_POSITION, "speed": (102.3,), "heading": (511,), "second": (60,)},
    19: {**_POSITION, "speed": (102.3,), "heading": (511,), "second": (60,), "ship_type": (0,), "epfd": (0,)},
    21: {**_POSITION, "second": (60,), "epfd": (0,), "aid_type": (0,)},
    24: {"ship_type": (0,)},
    27: {**_POSITION, "status": (15,), "speed": (63.0,)},
    28: {**_POSITION, "second": (60,)},
}  # fmt: skip
_RANGES = {"lat": (-90.0, 90.0), "lon": (-180.0, 180.0), "course": (0.0, 359.999), "heading": (0.0, 359.0)}
_RANGED = frozenset((1, 2, 3, 4, 9, 11, 17, 18, 19, 21, 27, 28))
_DIMENSIONS = ("to_bow", "to_stern", "to_port", "to_starboard")


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Metres from the reference point (antenna): A bow, B stern, C port, D starboard."""

    bow_m: int
    stern_m: int
    port_m: int
    starboard_m: int

    @property
    def length_m(self) -> int:
        return self.bow_m + self.stern_m

    @property
    def beam_m(self) -> int:
        return self.port_m + self.starboard_m

    @property
    def reference_known(self) -> bool:
        """False for A = C = 0 with B, D set: size known, antenna place not (ITU-R M.1371-5, figure 41)."""
        return not (self.bow_m == 0 and self.port_m == 0)


@dataclass(frozen=True, slots=True)
class Message:
    """One decoded message: every field, None where not available, and where it came from."""

    msg_type: int
    mmsi: int
    fields: Mapping[str, JsonValue]
    frame: Frame
    path: Path = "pyais"

    def number(self, key: str) -> float | None:
        value = self.fields.get(key)
        return float(value) if isinstance(value, int | float) else None

    def integer(self, key: str) -> int | None:
        value = self.number(key)
        return None if value is None else int(value)

    def text(self, key: str) -> str | None:
        value = self.fields.get(key)
        return value if isinstance(value, str) else None

    @property
    def dimensions(self) -> Dimensions | None:
        sides = [self.integer(key) for key in _DIMENSIONS]
        known = [side for side in sides if side is not None]
        return Dimensions(*known) if len(known) == 4 else None

    def as_json(self) -> dict[str, JsonValue]:
        """The line of `yunjian ais decode --jsonl`."""
        frame = self.frame
        received = None if frame.at_ms is None else rfc3339(datetime.fromtimestamp(frame.at_ms / 1000, UTC))
        return {
            **self.fields,
            "_rx": received,
            "_rx_source": frame.source,
            "_station": frame.station,
            "_lines": [frame.first_line, frame.last_line],
            "_path": self.path,
        }


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a whole payload gave no message."""

    reason: DecodeReason


def decode(frame: Frame) -> Message | Rejected:
    """Decode with pyais. Never raises."""
    fields = decode_payload(frame.payload, frame.fill)
    if isinstance(fields, Rejected):
        return fields
    msg_type, mmsi = fields["msg_type"], fields["mmsi"]
    if not isinstance(msg_type, int) or not isinstance(mmsi, int):
        return Rejected("decode_error")
    return Message(msg_type, mmsi, fields, frame)


def decode_payload(payload: bytes, fill: int) -> dict[str, JsonValue] | Rejected:
    """All fields of an armoured payload, by pyais; None where not available."""
    first = payload[0] - 48
    msg_type = first - 8 if first > 40 else first
    minimum = MIN_BITS.get(msg_type)
    bits = len(payload) * 6 - fill
    if minimum is None:
        return Rejected("unknown_type")
    if bits < minimum:
        return Rejected("short_payload")
    try:
        raw = MSG_CLASS[msg_type].from_vector(bit_vector(payload, fill)).asdict(enum_as_int=True)
    except (AISBaseException, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        return Rejected("decode_error")
    if msg_type == 24 and raw.get("partno") == 1 and bits < _PART_B_BITS:
        return Rejected("short_payload")
    return clean(msg_type, {key: json_value(value) for key, value in raw.items()})


def clean(msg_type: int, fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Turn sentinels into None, round coordinates to 6 decimals."""
    absent = _NOT_AVAILABLE.get(msg_type, {})
    for key, value in fields.items():
        kind = type(value)
        if isinstance(value, str):
            fields[key] = value.rstrip() or None
        elif (kind is int or kind is float) and isinstance(value, (int, float)):  # half of all time went into unions
            if value in absent.get(key, ()) or (msg_type in _RANGED and _out_of_range(key, value)):
                fields[key] = None
            elif key in {"lat", "lon"}:
                fields[key] = round(value, 6)
    if all(fields.get(key) == 0 for key in _DIMENSIONS):
        fields.update(dict.fromkeys(_DIMENSIONS))
    if fields.get("lat") is None or fields.get("lon") is None:
        fields.update({key: None for key in ("lat", "lon") if key in fields})
    return fields


def _out_of_range(key: str, value: float) -> bool:
    limits = _RANGES.get(key)
    return limits is not None and not limits[0] <= value <= limits[1]


def turn_of(raw: int) -> JsonValue:
    """Rate of turn in degrees a minute, or +-127 "faster than 5 degrees in 30 s", from the raw indicator -127 to 127."""
    return json_value(to_turn(raw))


_AS_THEY_ARE = frozenset((int, float, str, bool, type(None)))


def json_value(value: object) -> JsonValue:
    """A value that JSON can hold: enums as numbers, bytes as hex."""
    if type(value) in _AS_THEY_ARE:
        return cast("JsonValue", value)
    if isinstance(value, Enum):
        return json_value(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key: json_value(item) for key, item in dataclasses.asdict(value).items()}
    return str(value)
