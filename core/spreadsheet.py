"""Owns text that a spreadsheet will open: a cell never begins like a formula (OWASP, CSV injection)."""

from __future__ import annotations

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would run it."""
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text
