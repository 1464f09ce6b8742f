"""Owns MAVLink 2 bytes: encoding, decoding that survives any input, signing and the check of signatures.

Never knows a conversation or a vehicle. Part of the link: the generated dialect is imported here, in `drone.link` and in
the simulator, nowhere else.
"""

from __future__ import annotations

import hashlib
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mav

from core.errors import InputError

KEY_BYTES = 32
_SIGNED = 0x01  # incompatibility flag
_SIGNATURE_BYTES = 13
_HEAD_BYTES = 10
_TICK_S = 1e-5  # signing timestamps count 10 us since 2015-01-01
_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_OLDEST_TICKS = round(60.0 / _TICK_S)


@dataclass(slots=True)
class Codec:
    """Both directions of one link. With a key every frame sent is signed and every unsigned, forged, replayed or late
    frame is dropped and counted (RADIO_STATUS comes from the radio itself and has no signature).
    """

    system: int
    component: int
    now: Callable[[], datetime]
    key: bytes | None = None
    link_id: int = 0
    rejected: int = 0
    _mav: Any = field(init=False, repr=False)
    _newest: dict[tuple[int, int, int], int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._mav = mav.MAVLink(None, srcSystem=self.system, srcComponent=self.component)
        self._mav.robust_parsing = True
        self._mav.check_signature = self._check
        self.use_key(self.key)

    def use_key(self, key: bytes | None) -> None:
        """Sign from now on, or no longer; raises ValueError for a key of another length than 32 bytes."""
        if key is not None and len(key) != KEY_BYTES:
            raise ValueError("a signing key has 32 bytes")
        self.key = key
        signing = self._mav.signing
        signing.secret_key, signing.sign_outgoing, signing.link_id = key, key is not None, self.link_id
        signing.allow_unsigned_callback = self._allow_unsigned

    def encode(self, message: Any) -> bytes:
        """One frame, signed where there is a key."""
        if self.key is not None:
            self._mav.signing.timestamp = max(self._mav.signing.timestamp, self._ticks())
        frame = bytes(message.pack(self._mav))
        # pack() does not count; send() of the dialect would, but it wants a file.
        self._mav.seq = (self._mav.seq + 1) % 256
        return frame

    def decode(self, data: bytes) -> list[Any]:
        """Every whole, acceptable message in the bytes so far; the rest is dropped."""
        found = self._mav.parse_buffer(data) or []
        return [message for message in found if message.get_type() != "BAD_DATA"]

    def _ticks(self) -> int:
        return round((self.now() - _EPOCH).total_seconds() / _TICK_S)

    def _allow_unsigned(self, _: Any, message_id: int) -> bool:
        allowed = message_id == mav.MAVLINK_MSG_ID_RADIO_STATUS
        self.rejected += not allowed
        return bool(allowed)

    def _check(self, frame: bytearray, system: int, component: int) -> bool:
        """MAVLink signing: the hash first, so that a forged frame cannot spoil the timestamps of its stream."""
        digest = hashlib.sha256((self.key or b"") + bytes(frame[:-6])).digest()[:6]
        if digest != bytes(frame[-6:]):
            return False
        low, high = struct.unpack("<IH", frame[-12:-6])
        ticks = low + (high << 32)
        stream = (frame[-13], system, component)
        newest = self._newest.get(stream)
        late = ticks <= newest if newest is not None else ticks + _OLDEST_TICKS < self._ticks()
        if late:
            return False
        self._newest[stream] = ticks
        return True


def unsigned(frame: bytes) -> bytes:
    """The frame without its signature, as logs keep it; the checksum is made anew because it covers the flag."""
    if len(frame) < _HEAD_BYTES + 2 + _SIGNATURE_BYTES or frame[0] != mav.PROTOCOL_MARKER_V2 or not frame[2] & _SIGNED:
        return frame
    body = bytearray(frame[: -_SIGNATURE_BYTES - 2])
    body[2] &= ~_SIGNED
    kind = mav.mavlink_map.get(int.from_bytes(body[7:10], "little"))
    checksum = mav.x25crc(body[1:])
    checksum.accumulate(struct.pack("B", kind.crc_extra if kind else 0))
    return bytes(body) + struct.pack("<H", checksum.crc)


def read_key(path: Path) -> bytes:
    """The 32 bytes (or 64 hexadecimal digits) of a signing key.

    Raises InputError `drone.signing_key` for a file that others may read, that is missing, or of another length.
    """
    try:
        mode, data = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise InputError("drone.signing_key", file=path.name, reason=error.strerror or "unreadable") from error
    if stat.S_IMODE(mode) & 0o077:
        raise InputError("drone.signing_key", file=path.name, reason="mode 0600")
    if len(data) == KEY_BYTES:
        return data
    try:
        key = bytes.fromhex(data.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError("drone.signing_key", file=path.name, reason="32 bytes")
    return key
