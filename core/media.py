"""Owns telling a file's media type by its first bytes; its name and what a sender says are not asked.

Never decides which types are taken: each caller has its own list.
"""

from __future__ import annotations

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"%PDF-", "application/pdf"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"PK\x03\x04", "application/zip"),
)


def media_type_of(head: bytes) -> str | None:
    """The type that the first bytes (12 are enough) say, or None."""
    return next((name for offset, magic, name in _SIGNATURES if head[offset : offset + len(magic)] == magic), None)
