"""Owns links for people without an account: a signed code in the fragment, bound to the first device, that opens a session of its
own scope.

Never opens anything by a GET (link previews would use it up), and never widens what the access table allows.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from console import sessions
from core import accounts, codes
from core.auth import Principal, Role
from core.context import Services
from core.errors import InputError
from core.ids import new_id
from core.message_channels import qr_data_uri
from core.signing import KeyKind, SigningKey, site_keys

DEVICE_COOKIE = "yunjian_guest_device"
_KEY = "guest-links"
_SEAT = "seat:"


def issue(services: Services, audience: str, subject: str, role: Role, seat: str, valid: timedelta) -> str:
    """A code for one seat, to be put behind ``#`` of the page that opens it."""
    now = services.clock.now()
    return codes.issue(
        _key(services), services.clock, issuer="yunjian.inspection", subject=subject, audience=audience, role=role.value,
        not_before=now, expires=now + valid, name_hint=seat, jti=new_id(),
    )  # fmt: skip


def picture(link: str) -> str:
    """The link as a QR code in a data URI."""
    return qr_data_uri(link)


def remember_device(request: Request, response: Response, path: str) -> Response:
    """Give the browser the secret that the code is bound to."""
    if DEVICE_COOKIE not in request.cookies:
        response.set_cookie(
            DEVICE_COOKIE, secrets.token_urlsafe(32), max_age=400 * 86_400, httponly=True, samesite="lax",
            secure=request.url.scheme == "https", path=path,
        )  # fmt: skip
    return response


def opened(request: Request, services: Services, code: str, audience: str, response: Response) -> codes.Code:
    """Use a code: the guest's session is opened and its cookie set on `response`.

    Raises:
        InputError ``followup.no_code``: no code, or a browser without cookies; else as `codes.read` and `codes.consume`.
    """
    device = request.cookies.get(DEVICE_COOKIE)
    if not code or device is None:
        raise InputError("followup.no_code")
    found = codes.read(code, [_key(services).public], services.clock, audience)
    with services.db.write() as session:
        codes.consume(session, services.clock, found, device)
    seat = found.name_hint or "-"
    guest = Principal(f"{_SEAT}{seat}:{found.jti}", Role(found.role), seat, found.subject)
    session_of = accounts.open_session(services, guest, found.expires)
    sessions.set_cookie(request, response, session_of.token, services)
    return found


def seat_of(principal: Principal) -> str | None:
    """The seat a guest came in with; None for everybody else."""
    if not principal.user_id.startswith(_SEAT):
        return None
    return principal.user_id.removeprefix(_SEAT).split(":", 1)[0]


def _key(services: Services) -> SigningKey:
    return site_keys(services.settings).ensure(_KEY, KeyKind.OFFICIAL)
