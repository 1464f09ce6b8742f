"""Owns the life of signed codes: issue, print again, take back, keys taken back, and the trust list an offline checker carries (case 11).

Never signs for a registry that the actor may not write, and never forgets a code that was taken back.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from companion import envcode
from companion import practice_store as store
from companion.model import Actor, Role
from companion.roles import require, require_own
from core import journal, record_codes
from core.clock import rfc3339
from core.context import Services
from core.errors import AccessDenied, InputError, NotFound
from core.record_codes import RecordCode, Trust
from core.signing import KeyKind, PublicKey, SigningKey, site_keys

TRUST_SCHEMA = "yunjian.code_trust/1"
_LABEL = "codes"
_STREAM = "companion:codes"


def signing_key(services: Services) -> SigningKey:
    """The key that signs today: the newest that was not taken back; a new one follows a key that was."""
    keys, gone = site_keys(services.settings), _revoked_keys(services)
    number = 1
    while True:
        key = keys.ensure(_LABEL if number == 1 else f"{_LABEL}-{number}", KeyKind.OFFICIAL)
        if key.key_id not in gone:
            return key
        number += 1


def issue(services: Services, actor: Actor, registry: str, subject: str) -> store.CodeIssuedRow:
    """Sign the present state of a subject's records and keep the code for printing again.

    Raises:
        AccessDenied ``env_code.no_writer``; InputError ``record_code.empty`` where there is no record.
    """
    if actor.role not in envcode.registry_named(registry).writers:
        raise AccessDenied("env_code.no_writer", role=actor.role.value)
    key = signing_key(services)
    text = envcode.code(services, key, registry, subject)
    said = record_codes.read(text, Trust((key.public,)), registry)
    row = store.CodeIssuedRow(
        jti=said.jti, registry_name=registry, subject=subject, key_id=said.key_id, text=text, records=said.count,
        issued_at=said.issued, by=actor.user_id,
    )  # fmt: skip
    with services.db.write() as session:
        session.add(row)
        session.flush()
        _note(services, session, actor, "code_issued", {"jti": said.jti, "key_id": said.key_id, "count": said.count})
        session.expunge(row)
        return row


def revoke(services: Services, actor: Actor, jti: str, reason: str) -> None:
    """Take one code back; again changes nothing. Raises AccessDenied, NotFound ``env_code.unknown_code``, InputError."""
    require(actor, "code.revoke")
    _reasoned(reason)
    with services.db.write() as session:
        row = session.get(store.CodeIssuedRow, jti)
        if row is None:
            raise NotFound("env_code.unknown_code")
        if row.revoked_at is None:
            row.revoked_at, row.revoked_by, row.reason = services.clock.now(), actor.user_id, reason.strip()
            _note(services, session, actor, "code_revoked", {"jti": jti})


def revoke_key(services: Services, actor: Actor, key_id: str, reason: str) -> None:
    """Trust a signing key of codes no more: every code it signed stops being valid, and the next code gets a new key."""
    require(actor, "code.revoke")
    _reasoned(reason)
    if key_id not in {key.key_id for key in _code_keys(services)}:
        raise NotFound("signing.no_key", label=key_id)
    with services.db.write() as session:
        if session.get(store.CodeKeyRevokedRow, key_id) is None:
            session.add(
                store.CodeKeyRevokedRow(key_id=key_id, at=services.clock.now(), by=actor.user_id, reason=reason.strip())
            )
            _note(services, session, actor, "code_key_revoked", {"key_id": key_id})


def issued(services: Services, actor: Actor, subject: str | None = None, limit: int = 200) -> list[store.CodeIssuedRow]:
    """Codes, the newest first: of one subject or of all; a firm sees its own."""
    require(actor, "code.read")
    wanted = actor.user_id if actor.role is Role.APPLICANT else subject
    with services.db.read() as session:
        rows = store.codes_issued(session, wanted, limit)
        session.expunge_all()
        return rows


def one(services: Services, actor: Actor, jti: str) -> store.CodeIssuedRow:
    """A code for printing. Raises AccessDenied, NotFound."""
    require(actor, "code.read")
    with services.db.read() as session:
        row = session.get(store.CodeIssuedRow, jti)
        if row is None:
            raise NotFound("env_code.unknown_code")
        require_own(actor, row.subject)
        session.expunge(row)
        return row


def trust(services: Services) -> Trust:
    """Keys and revocations as they stand now."""
    with services.db.read() as session:
        gone = store.revoked_codes(session)
    return Trust(tuple(_code_keys(services)), _revoked_keys(services), frozenset(gone))


def check(services: Services, code: str) -> RecordCode:
    """What a code says, by this site's trust list of this moment; its registry is read from the code itself.

    Raises:
        As `core.record_codes.read`.
    """
    known = trust(services)
    return record_codes.read(code, known, record_codes.registry_of(code, known.keys))


def trust_list(services: Services) -> dict[str, Any]:
    """The list that an offline checker stores, signed by every key it names that is still trusted.

    ``signatures`` maps key id -> base64url Ed25519 signature over `signed_bytes` of the list without ``signatures``.
    """
    known = trust(services)
    body: dict[str, Any] = {
        "schema": TRUST_SCHEMA,
        "at": rfc3339(services.clock.now()),
        "keys": [
            {"key_id": key.key_id, "kind": key.kind.value, "public": _base64url(key.raw)} for key in known.keys
        ],
        "revoked_keys": sorted(known.revoked_keys),
        "revoked_codes": sorted(known.revoked_codes),
    }  # fmt: skip
    signer = signing_key(services)
    return body | {"signatures": {signer.key_id: _base64url(signer.sign(signed_bytes(body)))}}


def signed_bytes(body: dict[str, Any]) -> bytes:
    """One text per list: sorted keys, no blanks."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def revoked_keys(services: Services) -> Sequence[store.CodeKeyRevokedRow]:
    with services.db.read() as session:
        rows = store.code_keys_revoked(session)
        session.expunge_all()
        return rows


def _code_keys(services: Services) -> list[PublicKey]:
    signing_key(services)  # there is always one
    keys = site_keys(services.settings)
    return [keys.load(label).public for label in keys.labels() if label == _LABEL or label.startswith(f"{_LABEL}-")]


def _revoked_keys(services: Services) -> frozenset[str]:
    return frozenset(row.key_id for row in revoked_keys(services))


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise InputError("credit.reason_missing")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _note(services: Services, session: Session, actor: Actor, action: str, payload: dict[str, Any]) -> None:
    session.flush()
    journal.append(session, services.clock, stream=_STREAM, actor=actor.user_id, action=action, payload=payload)
