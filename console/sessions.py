"""Owns finding out who a request comes from: the session cookie or a bearer token, against `core.accounts`.

Never keeps a session itself; those live in the database so that any process can end them.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import Response

from core.auth import Principal
from core.context import Services

PLAIN_COOKIE = "yunjian_session"
SECURE_COOKIE = "__Host-yunjian_session"  # browsers accept this name over https only, and only for this host


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. `by_cookie` means that the browser sent it by itself, so unsafe requests need a CSRF token."""

    principal: Principal
    csrf_token: str
    by_cookie: bool


def cookie_name(connection: HTTPConnection) -> str:
    return SECURE_COOKIE if connection.url.scheme in {"https", "wss"} else PLAIN_COOKIE


def bearer(connection: HTTPConnection) -> str | None:
    """The token of an Authorization header, if there is one."""
    kind, _, value = connection.headers.get("authorization", "").partition(" ")
    return value.strip() or None if kind.lower() == "bearer" else None


def set_cookie(connection: HTTPConnection, response: Response, token: str, services: Services) -> None:
    """Hand the browser its session: unreadable for scripts, sent to us only."""
    response.set_cookie(
        cookie_name(connection),
        token,
        max_age=services.settings.web.session_hours * 3600,
        httponly=True,
        secure=connection.url.scheme == "https",
        samesite="lax",
        path="/",
    )


def clear_cookie(connection: HTTPConnection, response: Response) -> None:
    response.delete_cookie(cookie_name(connection), path="/", httponly=True, secure=connection.url.scheme == "https")
