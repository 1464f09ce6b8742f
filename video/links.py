"""Owns join links: a signed code for one seat, in the link's fragment, so that neither a preview nor an access log sees it.

Never lets a GET use one: only `redeem`, called by a POST, binds a code to the first device.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from core import codes
from core.signing import KeyKind, SigningKey, site_keys

if TYPE_CHECKING:
    from core.context import Services

AUDIENCE = "video.join"
JOIN_PATH = "/call/join"
_KEY_LABEL = "video-links"
_TOKEN_BYTES = 32


def signing_key(services: Services) -> SigningKey:
    """The site's key for join links, made on first use."""
    return site_keys(services.settings).ensure(_KEY_LABEL, KeyKind.OFFICIAL)


def issue(
    services: Services, *, room_id: str, seat_id: str, role: str, not_before: datetime, expires: datetime, jti: str
) -> str:
    """A signed code for one seat of one room."""
    return codes.issue(
        signing_key(services), services.clock, issuer="yunjian.video", subject=f"{room_id}/{seat_id}", audience=AUDIENCE,
        role=role, not_before=not_before, expires=expires, jti=jti,
    )  # fmt: skip


def link(services: Services, code: str) -> str:
    """The address a person opens."""
    return f"{services.settings.web.address}{JOIN_PATH}#{code}"


def code_of(link_or_code: str) -> str:
    """The code of a link, or the code itself."""
    return link_or_code.rsplit("#", 1)[-1].strip()


def read(services: Services, code: str) -> tuple[codes.Code, str, str]:
    """Check a code; returns it with its room and seat. Uses nothing up.

    Raises:
        InputError, Refused, Altered: see `core.codes.read`.
    """
    found = codes.read(code, [signing_key(services).public], services.clock, AUDIENCE)
    room_id, _, seat_id = found.subject.partition("/")
    return found, room_id, seat_id


def redeem(session: Session, services: Services, code: codes.Code, device: str) -> codes.Use:
    """Bind the code to the first device; that device may come back (a page reload), no other may.

    Raises:
        Refused: ``code.replayed`` or ``code.revoked``.
    """
    return codes.consume(session, services.clock, code, device)


def new_token() -> tuple[str, str]:
    """A seat token and the SHA-256 under which it is kept."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return token, token_sha256(token)


def token_sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
