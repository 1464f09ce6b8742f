"""Owns receive times and stations written around a sentence: tag block, $PGHP line, text before it, text after its checksum.

Never invents a time: what is not written is None. Order of trust: tag block > $PGHP > suffix > prefix > receiver's clock > the clock
of a base station (`base_clock.py`).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from typing import Literal

StampSource = Literal["tag", "pghp", "suffix", "prefix", "receiver", "base"]  # base: `ais.base_clock`

_TAG_BLOCK = re.compile(rb"\\([^\\]*)\\")
_EPOCH = re.compile(rb"(?<![\w.])(\d{10}|\d{13}|\d{16}|\d{19})(?:\.(\d{1,9}))?(?![\w.])")
_ISO = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")
_GROUP = re.compile(rb"\d{1,3}-(\d{1,3}-\w{1,20})")
_STATION_SUFFIX = re.compile(
    rb"^[br][0-9A-Za-z]{2,20}$"
)  # station field of the old coast guard format: ...*70,b003669794,epoch
_EARLIEST_MS = 1_000_000_000_000  # 2001-09-09: shorter epochs would be mistaken for an MMSI
_LATEST_MS = 4_102_444_800_000  # 2100-01-01
_MAX_GROUPS = 256


@dataclass(frozen=True, slots=True)
class Stamp:
    """When and where a sentence was received. `packet_check`: XOR of the packet's checksums, as $PGHP announces it."""

    at_ms: int | None = None
    source: StampSource | None = None
    station: str | None = None
    packet_check: int | None = None


NO_STAMP = Stamp()


def epoch_ms(digits: bytes) -> int | None:
    """Epoch in s, ms, us or ns (told apart by 10, 13, 16 or 19 digits) as milliseconds; None if it is no such time."""
    match = _EPOCH.fullmatch(digits.strip())
    return _to_ms(match) if match else None


def _to_ms(match: re.Match[bytes]) -> int | None:
    whole, fraction = match.group(1), match.group(2)
    value = int(whole)
    if len(whole) == 10:
        ms = value * 1000 + (int((fraction + b"000")[:3]) if fraction else 0)
    else:
        ms = value // 10 ** (len(whole) - 13)
    return ms if _EARLIEST_MS <= ms < _LATEST_MS else None


def from_prefix(text: bytes) -> Stamp:
    """A time in free text before the sentence, outside any tag block: an epoch or an ISO time with its zone."""
    text = _TAG_BLOCK.sub(b" ", text)
    if match := _EPOCH.search(text):
        at_ms = _to_ms(match)
        if at_ms is not None:
            return Stamp(at_ms, "prefix")
    if iso := _ISO.search(text):
        try:
            return Stamp(int(datetime.fromisoformat(iso.group().decode("ascii")).timestamp() * 1000), "prefix")
        except (ValueError, OverflowError):
            return NO_STAMP
    return NO_STAMP


def from_suffix(text: bytes) -> Stamp:
    """``,epoch`` or ``,station,…,epoch`` after the checksum."""
    if not text.startswith(b","):
        return NO_STAMP
    fields = [part.strip() for part in text[1:].split(b",")]
    at_ms = epoch_ms(fields[-1])
    station = next((part.decode("ascii") for part in fields if _STATION_SUFFIX.match(part)), None)
    return Stamp(at_ms, "suffix" if at_ms is not None else None, station)


def from_pghp(line: bytes) -> Stamp:
    """The Gatehouse wrapper: ``$PGHP,1,Y,M,D,h,m,s,ms,country,region,base MMSI,online,packet check*hh``."""
    body, star, own_check = line.partition(b"*")
    fields = body.split(b",")
    if not star or len(fields) < 14 or _checksum(body[1:]) != _hex(own_check[:2]):
        return NO_STAMP
    try:
        year, month, day, hour, minute, second, millisecond = (int(part) for part in fields[2:9])
        at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except (ValueError, OverflowError):
        return NO_STAMP
    station = fields[11].decode("ascii", "replace") or None
    check = _hex(fields[13][:2])  # 00: the wrapper did not calculate it
    return Stamp(int(at.timestamp()) * 1000 + millisecond % 1000, "pghp", station, check if check > 0 else None)


class TagBlocks:
    """Reads tag blocks; remembers time and station of a ``g:`` group, because only its first line carries them."""

    def __init__(self) -> None:
        self._groups: OrderedDict[bytes, Stamp] = OrderedDict()

    def read(self, before: bytes) -> Stamp:
        """Stamp from the tag blocks in the text before a sentence. A tag checksum of 00 means "not calculated"."""
        at_ms: int | None = None
        station: str | None = None
        group: bytes | None = None
        for block in _TAG_BLOCK.findall(before):
            body, _, check = block.partition(b"*")
            if check and _hex(check[:2]) not in (0, _checksum(body)):
                continue
            for part in body.split(b","):
                key, _, value = part.partition(b":")
                if key == b"c":
                    at_ms = epoch_ms(value) or at_ms
                elif key == b"s":
                    station = value.decode("ascii", "replace")[:40] or station
                elif key == b"g" and (match := _GROUP.fullmatch(value)):
                    group = match.group(1)
        stamp = Stamp(at_ms, "tag" if at_ms is not None else None, station)
        return self._with_group(group, stamp) if group is not None else stamp

    def _with_group(self, group: bytes, stamp: Stamp) -> Stamp:
        known = self._groups.get(group)
        if stamp.at_ms is None and stamp.station is None and known is not None:
            return known
        self.learn(group, stamp)
        return stamp

    def learn(self, group: bytes, stamp: Stamp) -> None:
        """Keep what the first line of a group ("lines-id") says."""
        self._groups[group] = stamp
        self._groups.move_to_end(group)
        if len(self._groups) > _MAX_GROUPS:
            self._groups.popitem(last=False)


def _checksum(body: bytes) -> int:
    return reduce(xor, body, 0)


def _hex(text: bytes) -> int:
    try:
        return int(text, 16) if len(text) == 2 else -1
    except ValueError:
        return -1
