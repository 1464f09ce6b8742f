"""Owns ArduPilot's dataflash log (.BIN): the photos in it, and the few messages the simulator writes.

Never talks to a vehicle. A log describes itself by FMT messages, so fields are found by name, whatever the firmware's order.
Source: ArduPilot, AP_Logger, LogStructure (header A3 95, FMT = type 128, format letters).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from core.geo import LonLat
from drone.vehicle import PhotoFeedback

_HEAD = b"\xa3\x95"
_FMT = 128
_FMT_BODY = struct.Struct("<BB4s16s64s")
_LETTERS = {
    "b": "b", "B": "B", "h": "h", "H": "H", "i": "i", "I": "I", "f": "f", "d": "d", "n": "4s", "N": "16s", "Z": "64s",
    "c": "h", "C": "H", "e": "i", "E": "I", "L": "i", "M": "B", "q": "q", "Q": "Q", "a": "64s", "g": "e",
}  # fmt: skip
_HUNDREDTHS = frozenset("cCeE")
_GPS_EPOCH_S = 315_964_800  # 1980-01-06 in Unix time
_LEAP_S = 18  # GPS time is ahead of UTC since 2017
_WEEK_S = 604_800
_NEAR_US = 1_000_000


@dataclass(frozen=True, slots=True)
class LogFormat:
    """One FMT: message number, whole length with header, name, format letters, column names."""

    number: int
    length: int
    name: str
    letters: str
    columns: tuple[str, ...]

    @property
    def body(self) -> struct.Struct:
        return struct.Struct("<" + "".join(_LETTERS[letter] for letter in self.letters))


Record = dict[str, float | bytes]


def records(data: bytes, names: frozenset[str]) -> Iterator[tuple[str, Record]]:
    """(name, fields) of the messages named; damaged stretches are skipped up to the next header."""
    formats: dict[int, LogFormat] = {}
    at = data.find(_HEAD)
    while 0 <= at <= len(data) - 3:
        number = data[at + 2]
        if number == _FMT and at + 3 + _FMT_BODY.size <= len(data):
            found = _format(data[at + 3 : at + 3 + _FMT_BODY.size])
            if found is not None:
                formats[found.number] = found
            at = data.find(_HEAD, at + 3 + _FMT_BODY.size)
            continue
        known = formats.get(number)
        if known is None or at + known.length > len(data):
            at = data.find(_HEAD, at + 2)
            continue
        if known.name in names:
            yield known.name, _fields(known, data[at + 3 : at + known.length])
        at = data.find(_HEAD, at + known.length)


def photos(data: bytes) -> dict[int, PhotoFeedback]:
    """Photos by image number from CAM messages, with the gimbal pitch of the nearest MNT within a second."""
    shots: list[Record] = []
    mounts: list[tuple[float, float]] = []
    for name, fields in records(data, frozenset({"CAM", "MNT"})):
        if name == "MNT":
            mounts.append((_number(fields, "TimeUS"), _number(fields, "Pitch")))
        else:
            shots.append(fields)
    found: dict[int, PhotoFeedback] = {}
    for shot in shots:
        lon, lat = _number(shot, "Lng"), _number(shot, "Lat")
        if abs(lon) > 180.0 or abs(lat) > 90.0:
            continue
        when = _number(shot, "TimeUS")
        near = min(mounts, key=lambda mount: abs(mount[0] - when), default=None)
        utc_s = _GPS_EPOCH_S + _number(shot, "GPSWeek") * _WEEK_S + _number(shot, "GPSTime") / 1000.0 - _LEAP_S
        index = int(_number(shot, "Img"))
        found[index] = PhotoFeedback(
            img_idx=index,
            time_usec=round(utc_s * 1e6),
            lonlat=LonLat(lon, lat),
            alt_rel_m=_number(shot, "RelAlt"),
            yaw_deg_true=_number(shot, "Y") % 360.0,
            gimbal_pitch_deg=near[1] if near is not None and abs(near[0] - when) <= _NEAR_US else None,
        )
    return found


def describe(log_format: LogFormat) -> bytes:
    """The FMT message of a format."""
    columns = ",".join(log_format.columns).encode()
    body = _FMT_BODY.pack(log_format.number, log_format.length, log_format.name.encode(), log_format.letters.encode(), columns)
    return _HEAD + bytes([_FMT]) + body


def pack(log_format: LogFormat, *values: float) -> bytes:
    """One message; degrees of an `L` column and hundredths are scaled here."""
    scaled = [
        round(value * 1e7) if letter == "L" else round(value * 100) if letter in _HUNDREDTHS else value
        for letter, value in zip(log_format.letters, values, strict=True)
    ]
    return _HEAD + bytes([log_format.number]) + log_format.body.pack(*scaled)


def gps_time(unix_s: float) -> tuple[int, int]:
    """(milliseconds of the week, week) of a Unix time."""
    week, rest = divmod(unix_s - _GPS_EPOCH_S + _LEAP_S, _WEEK_S)
    return round(rest * 1000), int(week)


def _format(body: bytes) -> LogFormat | None:
    number, length, name, letters, columns = _FMT_BODY.unpack(body)
    text = [part.rstrip(b"\0").decode("ascii", "replace") for part in (name, letters, columns)]
    if any(letter not in _LETTERS for letter in text[1]):
        return None
    made = LogFormat(number, length, text[0], text[1], tuple(text[2].split(",")))
    consistent = made.body.size + 3 == length and len(made.columns) == len(made.letters)
    return made if consistent else None


def _fields(known: LogFormat, body: bytes) -> Record:
    values = known.body.unpack(body)
    fields: Record = {}
    for column, letter, value in zip(known.columns, known.letters, values, strict=True):
        scale = 1e-7 if letter == "L" else 0.01 if letter in _HUNDREDTHS else None
        fields[column] = value * scale if scale else value
    return fields


def _number(fields: Record, column: str) -> float:
    value = fields.get(column, 0.0)
    return float(value) if not isinstance(value, bytes) else 0.0
