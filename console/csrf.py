"""Owns the check that an unsafe request with a session cookie came from one of our own pages.

Never applies to a bearer token: a browser does not send that by itself.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.types import Message, Receive

HEADER = "x-csrf-token"
FIELD = "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LARGEST_FORM = 256 * 1024  # page forms are text; an upload sends the header instead


def same_origin(headers: Headers) -> bool:
    """False where the browser says that another site made the request (Fetch Metadata, else Origin)."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def matches(given: str | None, expected: str) -> bool:
    """Constant-time comparison; a missing token never matches."""
    return given is not None and hmac.compare_digest(given.encode(), expected.encode())


async def form_token(headers: Headers, receive: Receive) -> tuple[str | None, Receive]:
    """The token field of a small urlencoded form, and a `receive` that plays the same body again."""
    length = headers.get("content-length", "")
    if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded") or not length.isdigit():
        return None, receive
    if int(length) > _LARGEST_FORM:
        return None, receive
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None, receive
        body += message.get("body", b"")
        more = message.get("more_body", False)
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    fields = parse_qs(body.decode("utf-8", "replace"))
    return fields.get(FIELD, [None])[0], replay
