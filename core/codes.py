"""Owns signed, expiring codes for links and QR: a CWT (RFC 8392) in COSE_Sign1 (RFC 9052) with Ed25519, and their use.

Never decides what a code lets somebody do: `audience`, `subject` and `role` are read by the folder that issued it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from io import BytesIO
from typing import Any

import cbor2
from cwt import COSE, COSEKey
from cwt.exceptions import CWTError
from sqlalchemy import delete, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import base45
from core.clock import Clock
from core.db import Base, UtcDateTime
from core.errors import Altered, InputError, Refused
from core.ids import new_id
from core.signing import KeyKind, PublicKey, SigningKey

QR_PREFIX = "YJ1:"
_MAX_CHARS = 4096
_SIGN1_TAG = 18  # RFC 9052, table 1
_ALG, _KID, _EDDSA = 1, 4, -8  # RFC 9052, table 3; RFC 9053, table 2
_ISS, _SUB, _AUD, _EXP, _NBF, _IAT, _CTI = 1, 2, 3, 4, 5, 6, 7  # RFC 8392, table 1
_ROLE, _NAME = -70001, -70002  # private use: below -65536 (RFC 8392, 9.1)


@dataclass(frozen=True, slots=True)
class Code:
    """The claims of a code. `jti` is a UUIDv7 string; times are whole UTC seconds; `name_hint` is shown, never trusted."""

    issuer: str
    subject: str
    audience: str
    role: str
    not_before: datetime
    expires: datetime
    issued: datetime
    jti: str
    name_hint: str | None = None
    key_id: str = ""
    key_kind: KeyKind = KeyKind.OFFICIAL


class Use(StrEnum):
    """What `consume` found."""

    FIRST = "first"
    SAME_DEVICE_AGAIN = "same_device_again"


class CodeUseRow(Base):
    """A code that was used or revoked. Kept until the code would have expired anyway."""

    __tablename__ = "core_code_use"
    jti: Mapped[str] = mapped_column(primary_key=True)
    device_sha256: Mapped[str | None]
    at_utc: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def issue(
    key: SigningKey,
    clock: Clock,
    *,
    issuer: str,
    subject: str,
    audience: str,
    role: str,
    not_before: datetime,
    expires: datetime,
    name_hint: str | None = None,
    jti: str | None = None,
) -> str:
    """Sign a code; returns its form for links (base64url without padding).

    Raises:
        InputError: it would expire before it begins.
    """
    start, end = _seconds(not_before), _seconds(expires)
    if end <= start:
        raise InputError("code.bad_term")
    claims: dict[int, Any] = {
        _ISS: issuer, _SUB: subject, _AUD: audience, _EXP: end, _NBF: start, _IAT: _seconds(clock.now()),
        _CTI: (jti or new_id()).encode(), _ROLE: role,
    }  # fmt: skip
    if name_hint is not None:
        claims[_NAME] = name_hint
    return sign_claims(key, claims)


def sign_claims(key: SigningKey, claims: dict[int, Any]) -> str:
    """COSE_Sign1 over any claims, in the form for links; `core.record_codes` signs its own."""
    cose_key = COSEKey.from_pem(key.private_pem(), kid=key.key_id)
    signed = COSE.new().encode_and_sign(cbor2.dumps(claims), cose_key, {_ALG: _EDDSA, _KID: key.key_id.encode()}, {})
    return _base64url(signed)


def for_qr(code: str) -> str:
    """The same code in Base45 with `QR_PREFIX`: about a quarter fewer QR modules than the link form."""
    return QR_PREFIX + base45.encode(_raw(code))


def for_link(code: str) -> str:
    """The link form of a code in either form."""
    return _base64url(_raw(code))


def read(code: str, trusted: Iterable[PublicKey], clock: Clock, audience: str) -> Code:
    """Check signature, term and audience of a code in either form. Touches no database: see `consume`.

    Raises:
        InputError ``code.malformed``: not a code at all.
        Refused ``code.foreign_key``: signed by a key that is not trusted.
        Altered ``code.altered``: a trusted key is named, but the signature does not match.
        Refused ``code.wrong_audience``, ``code.not_yet_valid``, ``code.expired``.
    """
    claims, key = open_claims(code, trusted)
    found = _claims(claims, key)
    if found.audience != audience:
        raise Refused("code.wrong_audience", audience=found.audience, expected=audience)
    now = clock.now()
    if now < found.not_before:
        raise Refused("code.not_yet_valid", not_before=found.not_before)
    if now >= found.expires:
        raise Refused("code.expired", expires=found.expires)
    return found


def open_claims(code: str, trusted: Iterable[PublicKey]) -> tuple[dict[int, Any], PublicKey]:
    """Claims that a trusted key signed, and that key. Raises as `read`, apart from term and audience."""
    raw = _raw(code)
    protected = _protected_header(raw)
    kid = protected.get(_KID)
    key = next((key for key in trusted if key.key_id.encode() == kid), None)
    if key is None:
        raise Refused("code.foreign_key", key_id=kid.decode("ascii", "replace") if isinstance(kid, bytes) else "?")
    if protected.get(_ALG) != _EDDSA:
        raise Altered("code.altered")
    try:
        payload = COSE.new().decode(raw, COSEKey.from_pem(key.pem(), kid=key.key_id))
    except (CWTError, ValueError, TypeError, AttributeError) as error:
        raise Altered("code.altered") from error
    try:
        claims = cbor2.loads(payload)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError) as error:
        raise InputError("code.malformed") from error
    if not isinstance(claims, dict):
        raise InputError("code.malformed")
    return claims, key


def consume(session: Session, clock: Clock, code: Code, device: str) -> Use:
    """Bind a code to the first device that uses it; that device may come back, another one may not.

    `device` is any stable secret of the device (a cookie value); only its SHA-256 is kept.

    Raises:
        Refused ``code.revoked``: it was taken back.
        Refused ``code.replayed``: another device used it first.
    """
    digest = hashlib.sha256(device.encode()).hexdigest()
    if session.get_bind().dialect.name == "postgresql":  # SQLite's writers already go one after the other
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"code:{code.jti}"})
    row = session.get(CodeUseRow, code.jti)
    if row is None:
        session.add(CodeUseRow(jti=code.jti, device_sha256=digest, at_utc=clock.now(), expires_at=code.expires))
        session.flush()
        return Use.FIRST
    if row.revoked_at is not None:
        raise Refused("code.revoked")
    if row.device_sha256 != digest:
        raise Refused("code.replayed")
    return Use.SAME_DEVICE_AGAIN


def revoke(session: Session, clock: Clock, jti: str, expires: datetime) -> None:
    """Take a code back, used or not; `expires` says how long this must be remembered."""
    row = session.get(CodeUseRow, jti)
    if row is None:
        session.add(CodeUseRow(jti=jti, at_utc=clock.now(), revoked_at=clock.now(), expires_at=expires))
    elif row.revoked_at is None:
        row.revoked_at = clock.now()
    session.flush()


def require_not_revoked(session: Session, code: Code) -> None:
    """For long connections that check again. Raises Refused ``code.revoked``."""
    row = session.get(CodeUseRow, code.jti)
    if row is not None and row.revoked_at is not None:
        raise Refused("code.revoked")


def forget_expired(session: Session, clock: Clock) -> int:
    """Drop the rows of codes that `read` refuses anyway; returns how many."""
    gone = session.execute(delete(CodeUseRow).where(CodeUseRow.expires_at < clock.now()).returning(CodeUseRow.jti))
    return len(gone.all())


def _seconds(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(code: str) -> bytes:
    """Bytes of either form. Only the one canonical spelling counts, so that a code has one text per form."""
    written = code.strip()
    try:
        if not 0 < len(written) <= _MAX_CHARS:
            raise ValueError("empty or too long")  # noqa: TRY301 - one place that says malformed
        if written.startswith(QR_PREFIX):
            return base45.decode(written.removeprefix(QR_PREFIX))
        raw = base64.b64decode(written + "=" * (-len(written) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise InputError("code.malformed") from error
    if _base64url(raw) != written:
        raise InputError("code.malformed")
    return raw


def _protected_header(raw: bytes) -> dict[Any, Any]:
    """The header that names the key, before anything is believed; a stray byte behind the code is refused."""
    try:
        stream = BytesIO(raw)
        message = cbor2.CBORDecoder(stream).decode()
        if stream.tell() != len(raw) or not isinstance(message, cbor2.CBORTag) or message.tag != _SIGN1_TAG:
            raise InputError("code.malformed")
        protected, unprotected, payload, signature = message.value
        header = cbor2.loads(protected)
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, MemoryError, OverflowError) as error:
        raise InputError("code.malformed") from error
    parts = (isinstance(header, dict), unprotected == {}, isinstance(payload, bytes), isinstance(signature, bytes))
    if not all(parts):
        raise InputError("code.malformed")
    return dict(header)


def _claims(claims: dict[int, Any], key: PublicKey) -> Code:
    """Claims that a trusted key signed; still checked for shape, since another version may have written them."""
    try:
        return Code(
            issuer=str(claims[_ISS]),
            subject=str(claims[_SUB]),
            audience=str(claims[_AUD]),
            role=str(claims[_ROLE]),
            not_before=datetime.fromtimestamp(claims[_NBF], UTC),
            expires=datetime.fromtimestamp(claims[_EXP], UTC),
            issued=datetime.fromtimestamp(claims[_IAT], UTC),
            jti=claims[_CTI].decode(),
            name_hint=None if claims.get(_NAME) is None else str(claims[_NAME]),
            key_id=key.key_id,
            key_kind=key.kind,
        )
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError("code.malformed") from error
