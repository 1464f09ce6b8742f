"""Owns the largest request body: refused by its announced length before it is read, or while it arrives.

Never holds a body.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import Message, Receive

from core.errors import InputError


class TooLarge(InputError):
    """A body above ``web.max_body_mb``."""

    http_status = 413


def limited(connection: HTTPConnection, receive: Receive, most: int) -> Receive:
    """A `receive` that stops at `most` bytes.

    FastAPI turns an exception while it reads a body into a 400, so the fact is also kept as ``state.too_large``.

    Raises:
        TooLarge: the request says itself that it is larger.
    """
    announced = connection.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most:
        raise TooLarge("console.too_large")
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            connection.state.too_large = True
            raise TooLarge("console.too_large")
        return message

    return counted
