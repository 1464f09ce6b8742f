"""Owns Ed25519 keys at rest and detached 64-byte signatures.

Never decides whom to trust: a caller says which public keys it accepts. Demo keys say `DEMO_MARK` wherever they go.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from config import Settings
from core.errors import Altered, EnvironmentFault, InputError, NotFound

DEMO_MARK = "DEMO - NOT VALID"
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class KeyKind(StrEnum):
    """What a key is worth. A demo key signs, and everything it signed is marked as not valid."""

    OFFICIAL = "official"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`raw` is the 32-byte Ed25519 public key; `key_id` the first 16 hex digits of its SHA-256."""

    label: str
    kind: KeyKind
    raw: bytes

    @property
    def key_id(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def mark(self) -> str:
        """`DEMO_MARK` for a demo key, else empty: what pages and reports print beside a signature."""
        return DEMO_MARK if self.kind is KeyKind.DEMO else ""

    def pem(self) -> bytes:
        """SubjectPublicKeyInfo PEM, as ``openssl pkeyutl -verify -pubin`` reads it."""
        return Ed25519PublicKey.from_public_bytes(self.raw).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def from_pem(cls, data: bytes, label: str = "external") -> PublicKey:
        """Read a public key; a line `DEMO_MARK` before the PEM block makes it a demo key.

        Raises:
            InputError: not an Ed25519 public key.
        """
        try:
            key = load_pem_public_key(data)
        except ValueError as error:
            raise InputError("signing.bad_key", label=label) from error
        if not isinstance(key, Ed25519PublicKey):
            raise InputError("signing.bad_key", label=label)
        return cls(label, _kind_of(data), key.public_bytes_raw())

    def verify(self, signature: bytes, data: bytes) -> None:
        """Check a detached signature over `data`.

        Raises:
            Altered: the signature was not made by this key over these bytes.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except InvalidSignature as error:
            raise Altered("signing.bad_signature", key_id=self.key_id) from error


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory. Its text form shows the public part only."""

    public: PublicKey
    _private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.public.label}, {self.public.kind}, {self.public.key_id})"

    @property
    def key_id(self) -> str:
        return self.public.key_id

    def sign(self, data: bytes) -> bytes:
        """A detached signature of 64 bytes (RFC 8032)."""
        return self._private.sign(data)

    def private_pem(self) -> bytes:
        """PKCS#8 PEM without a passphrase, for a library that needs the key itself. Keep it in memory."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class KeyStore:
    """One PKCS#8 PEM file of mode 0600 per key, ``<label>.pem``, in a directory of mode 0700."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, label: str, kind: KeyKind) -> SigningKey:
        """Make a new key; an existing one is never overwritten.

        Raises:
            InputError: the label is not a plain file name, or is taken.
        """
        path = self._path(label)
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        head = f"{DEMO_MARK}\n".encode() if kind is KeyKind.DEMO else b""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{label}.{os.getpid()}.new")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(head + pem)
                target.flush()
                os.fsync(target.fileno())
            os.link(draft, path)  # fails if another process was first, and never shows half a key
        except FileExistsError as error:
            raise InputError("signing.label_taken", label=label) from error
        finally:
            draft.unlink(missing_ok=True)
        return SigningKey(PublicKey(label, kind, private.public_key().public_bytes_raw()), private)

    def load(self, label: str) -> SigningKey:
        """Read a key.

        Raises:
            NotFound: no such key.
            EnvironmentFault: others on this machine can read the file.
            InputError: the file is not an Ed25519 key.
        """
        path = self._path(label)
        if not path.is_file():
            raise NotFound("signing.no_key", label=label)
        if path.stat().st_mode & 0o077:
            raise EnvironmentFault("signing.key_exposed", path=path)
        data = path.read_bytes()
        try:
            private = load_pem_private_key(data, password=None)
        except (ValueError, TypeError) as error:
            raise InputError("signing.bad_key", label=label) from error
        if not isinstance(private, Ed25519PrivateKey):
            raise InputError("signing.bad_key", label=label)
        return SigningKey(PublicKey(label, _kind_of(data), private.public_key().public_bytes_raw()), private)

    def ensure(self, label: str, kind: KeyKind) -> SigningKey:
        """The key `label`, made if it is missing; two processes that ask at once get the same one."""
        if not self._path(label).is_file():
            try:
                return self.create(label, kind)
            except InputError as error:
                if error.code != "signing.label_taken":
                    raise
        return self.load(label)

    def labels(self) -> list[str]:
        """Labels of all keys, sorted."""
        return sorted(path.stem for path in self.root.glob("*.pem"))

    def public_keys(self) -> Iterator[PublicKey]:
        """The public part of every key: what this site trusts as its own."""
        return (self.load(label).public for label in self.labels())

    def find(self, key_id: str) -> SigningKey:
        """The key with this id.

        Raises:
            NotFound: this site has no such key.
        """
        for label in self.labels():
            key = self.load(label)
            if key.key_id == key_id:
                return key
        raise NotFound("signing.no_key", label=key_id)

    def _path(self, label: str) -> Path:
        if not _LABEL.fullmatch(label):
            raise InputError("signing.bad_label", label=label)
        return self.root / f"{label}.pem"


def site_keys(settings: Settings) -> KeyStore:
    """The site's own key store, ``<data_dir>/keys/ed25519``."""
    return KeyStore(settings.data_dir / "keys" / "ed25519")


def _kind_of(pem: bytes) -> KeyKind:
    """Text before the PEM block is explanatory (RFC 7468, 5.2); ours says whether the key is for show."""
    head, _, _ = pem.partition(b"-----BEGIN")
    return KeyKind.DEMO if DEMO_MARK.encode() in head else KeyKind.OFFICIAL
