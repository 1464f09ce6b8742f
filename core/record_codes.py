"""Owns the code that stands for a set of records: signed count, last day and digest, readable without a network.

Never carries the papers: they stay in the store, and a list of their digests is checked against the signed root (A11.1).
Used for a subject's environmental records (case 11) and for evidence bundles: the same COSE_Sign1, Ed25519 and Base45 as `core.codes`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from core import codes
from core.clock import Clock
from core.errors import Altered, InputError, Refused
from core.ids import new_id
from core.signing import KeyKind, PublicKey, SigningKey

_SUB, _AUD, _IAT, _CTI = 2, 3, 6, 7  # RFC 8392, table 1
_COUNT, _LAST, _ROOT = -70011, -70012, -70013  # private use: below -65536 (RFC 8392, 9.1)


@dataclass(frozen=True, slots=True)
class Record:
    """One paper: what it is, its SHA-256, the day it was entered."""

    kind: str
    sha256: str
    day: date


@dataclass(frozen=True, slots=True)
class RecordCode:
    """What a valid code says. `root` = `root_of` its records."""

    subject: str
    registry: str
    count: int
    last: date
    root: str
    issued: datetime
    jti: str
    key_id: str
    key_kind: KeyKind


@dataclass(frozen=True, slots=True)
class Trust:
    """What an offline checker carries: keys, the ids of keys taken back, and codes taken back or superseded."""

    keys: tuple[PublicKey, ...]
    revoked_keys: frozenset[str] = frozenset()
    revoked_codes: frozenset[str] = frozenset()


def root_of(records: Sequence[Record]) -> str:
    """SHA-256 over all records in their order: one more, one less or another order gives another root."""
    lines = "".join(f"{record.kind}\t{record.sha256}\t{record.day.isoformat()}\n" for record in records)
    return hashlib.sha256(lines.encode()).hexdigest()


def issue(key: SigningKey, clock: Clock, *, registry: str, subject: str, records: Sequence[Record]) -> str:
    """Sign the state of a subject's records; returns the text of the QR code. Raises InputError where there is none."""
    if not records:
        raise InputError("record_code.empty", subject=subject)
    claims = {
        _SUB: subject, _AUD: registry, _IAT: int(clock.now().timestamp()), _CTI: new_id().encode(), _COUNT: len(records),
        _LAST: max(record.day for record in records).isoformat(), _ROOT: bytes.fromhex(root_of(records)),
    }  # fmt: skip
    return codes.for_qr(codes.sign_claims(key, claims))


def read(code: str, trust: Trust, registry: str) -> RecordCode:
    """What the code says, or an error: never a part of it.

    Raises:
        InputError ``code.malformed``; Altered ``code.altered``; Refused ``code.foreign_key``, ``code.wrong_audience``,
        ``record_code.revoked_key``, ``record_code.revoked``.
    """
    claims, key = codes.open_claims(code, trust.keys)
    if key.key_id in trust.revoked_keys:
        raise Refused("record_code.revoked_key", key_id=key.key_id)
    try:
        found = RecordCode(
            subject=str(claims[_SUB]), registry=str(claims[_AUD]), count=int(claims[_COUNT]), last=date.fromisoformat(claims[_LAST]),
            root=bytes(claims[_ROOT]).hex(), issued=datetime.fromtimestamp(claims[_IAT], UTC), jti=claims[_CTI].decode(),
            key_id=key.key_id, key_kind=key.kind,
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError("code.malformed") from error
    if found.registry != registry:
        raise Refused("code.wrong_audience", audience=found.registry, expected=registry)
    if found.jti in trust.revoked_codes:
        raise Refused("record_code.revoked")
    return found


def registry_of(code: str, keys: Sequence[PublicKey]) -> str:
    """Which registry a code is of, for a checker that takes codes of any. Raises as `read`."""
    claims, _ = codes.open_claims(code, keys)
    return str(claims.get(_AUD, ""))


def check_files(code: RecordCode, records: Sequence[Record], files: Mapping[str, Iterable[bytes]]) -> None:
    """Compare the list with the signed root, then each file (pieces of bytes by kind) with its digest.

    Raises:
        Altered ``record_code.list_altered``, ``record_code.file_altered`` naming the paper.
    """
    if root_of(records) != code.root:
        raise Altered("record_code.list_altered", subject=code.subject)
    for record in records:
        if record.kind not in files:
            continue
        digest = hashlib.sha256()
        for piece in files[record.kind]:
            digest.update(piece)
        if digest.hexdigest() != record.sha256:
            raise Altered("record_code.file_altered", kind=record.kind)
