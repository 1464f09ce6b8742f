"""Owns Base45 (RFC 9285), the byte encoding that fits the alphanumeric mode of QR codes.

Never knows what the bytes mean.
"""

from __future__ import annotations

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # RFC 9285, table 1
_VALUES = {char: value for value, char in enumerate(_ALPHABET)}


def encode(data: bytes) -> str:
    """Two bytes become three characters, a last odd byte two."""
    out: list[str] = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            number, digit = divmod(number, 45)
            out.append(_ALPHABET[digit])
    return "".join(out)


def decode(text: str) -> bytes:
    """Inverse of `encode`; raises ValueError for a foreign character, a dangling one or a group out of range."""
    out = bytearray()
    for start in range(0, len(text), 3):
        group = text[start : start + 3]
        try:
            number = sum(_VALUES[char] * 45**power for power, char in enumerate(group))
        except KeyError as error:
            raise ValueError(f"not a Base45 character: {error}") from error
        size = len(group) - 1
        if size < 1 or number >= 256**size:
            raise ValueError("not Base45: a group is too short or too large")
        out += number.to_bytes(size, "big")
    return bytes(out)
