"""Owns identifiers: UUIDv7 record ids, MMSI (ITU-R M.585) and IMO number (resolution A.1117(30), check digit).

Never looks anything up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import uuid_utils

from core.errors import InputError


def new_id() -> str:
    """A UUIDv7 string: sorts by time of making."""
    return str(uuid_utils.uuid7())


@dataclass(frozen=True, slots=True, order=True)
class Mmsi:
    """Maritime Mobile Service Identity, 1 to 9 digits (radio sends short ones too)."""

    value: int

    def __post_init__(self) -> None:
        if not 0 < self.value <= 999_999_999:
            raise InputError("id.mmsi", value=self.value)

    def __str__(self) -> str:
        return f"{self.value:09d}"

    @property
    def is_ship(self) -> bool:
        """True for a ship station: MIDxxxxxx with first digit 2 to 7."""
        return 200_000_000 <= self.value <= 799_999_999

    @property
    def mid(self) -> int | None:
        """Maritime Identification Digits of a ship station, else None."""
        return self.value // 1_000_000 if self.is_ship else None

    @classmethod
    def parse(cls, text: str) -> Mmsi:
        digits = text.strip()
        if not (digits.isascii() and digits.isdigit()):
            raise InputError("id.mmsi", value=text)
        return cls(int(digits))


@dataclass(frozen=True, slots=True, order=True)
class Imo:
    """IMO ship identification number: seven digits, the last = sum of the first six x weights 7..2, modulo 10."""

    value: int

    def __post_init__(self) -> None:
        if not imo_check_digit_ok(self.value):
            raise InputError("id.imo", value=self.value)

    def __str__(self) -> str:
        return f"{self.value:07d}"

    @classmethod
    def parse(cls, text: str) -> Imo:
        """Accepts ``9307839``, ``IMO9307839`` and ``IMO 9307839``."""
        digits = text.strip().upper().removeprefix("IMO").strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) == 7):
            raise InputError("id.imo", value=text)
        return cls(int(digits))


@lru_cache(maxsize=65_536)  # a ranking asks for the same ships again and again
def imo_check_digit_ok(value: int) -> bool:
    """True for a seven-digit number with a right check digit."""
    if not 1_000_000 <= value <= 9_999_999:
        return False
    digits = [int(char) for char in str(value)]
    return sum(digit * weight for digit, weight in zip(digits[:6], range(7, 1, -1), strict=True)) % 10 == digits[6]
