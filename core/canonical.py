"""Owns canonical JSON (RFC 8785): the bytes that are hashed, compared and signed.

Never writes other bytes than the ``rfc8785`` package: values without fractions, long integers or rare keys, which is nearly everything
we hash, take the standard library's C encoder, which writes the same ones some ten times faster.
"""

from __future__ import annotations

import json
from typing import Any

import rfc8785

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_LARGEST = 2**53 - 1


def dumps(value: Any) -> bytes:
    """The canonical bytes of a JSON value. Raises rfc8785.CanonicalizationError for what has none."""
    if not _is_plain(value):
        return rfc8785.dumps(value)
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:  # half of a surrogate pair: let the package say so
        return rfc8785.dumps(value)


def _is_plain(value: Any) -> bool:
    """True where sorting by code point and Python's own numbers are what RFC 8785 asks for."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-_LARGEST <= value <= _LARGEST)
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    if kind is dict:
        return all(type(key) is str and key.isascii() for key in value) and all(map(_is_plain, value.values()))
    return False
