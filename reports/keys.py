"""Owns who signs: the `Signer` protocol, PKCS#12 keys on disk, and the demonstration authority that issues them.

Never keeps a private key in memory longer than one signature, never sends anything over a network.

Each signer has two certificates: Ed25519 for the bundle's manifest (contracts.md, Bundle) and EC P-256 for PAdES,
because PDF readers in the field do not know Ed25519. Time stamps are RSA (pyHanko's local stamper knows only that).
"""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PublicFormat, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config import Settings, pack_path
from core.clock import Clock
from core.errors import EnvironmentFault, Refused

SignerRole = Literal["inspector", "supervisor"]
ROLES: tuple[SignerRole, ...] = ("inspector", "supervisor")
DEMO_MARK = "DEMO - NOT VALID"

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Person:
    """Who a key belongs to: the account's id and the name that goes into the certificate."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class UnlockedKey:
    """A private key with its certificate and the certificates above it, for the time of one signature."""

    key: Any
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]


class Signer(Protocol):
    """What the bundle needs of a signer. A smart card or a signing service implements the same five members.

    A signature is Ed25519 over the record (inspector) or the tag manifest (supervisor), and PAdES on the reports.
    """

    @property
    def role(self) -> SignerRole: ...

    @property
    def person(self) -> Person: ...

    @property
    def certificates(self) -> dict[str, x509.Certificate]:
        """``manifest``, ``pdf`` and ``ca``."""
        ...

    def sign(self, data: bytes) -> bytes:
        """The 64-byte Ed25519 signature over `data`."""
        ...

    def unlock_pdf_key(self) -> UnlockedKey:
        """The key that makes one PAdES signature."""
        ...


@dataclass(frozen=True, slots=True)
class Pkcs12Signer:
    """Keys in two PKCS#12 files; `ask` is called for the passphrase at every signature."""

    role: SignerRole
    person: Person
    manifest_file: Path
    pdf_file: Path
    ask: Callable[[], bytes]

    @property
    def certificates(self) -> dict[str, x509.Certificate]:
        manifest = x509.load_pem_x509_certificate(self.manifest_file.with_suffix(".pem").read_bytes())
        pdf, ca = x509.load_pem_x509_certificates(self.pdf_file.with_suffix(".pem").read_bytes())
        return {"manifest": manifest, "pdf": pdf, "ca": ca}

    def sign(self, data: bytes) -> bytes:
        key = unlock(self.manifest_file, self.ask()).key
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise EnvironmentFault("reports.key_unusable", file=self.manifest_file.name)
        return key.sign(data)

    def unlock_pdf_key(self) -> UnlockedKey:
        return unlock(self.pdf_file, self.ask())


@dataclass(frozen=True, slots=True)
class HandedSigner:
    """Keys that a person hands over for one signature, as PKCS#12 bytes; nothing of them is written down."""

    role: SignerRole
    person: Person
    manifest: bytes
    pdf: bytes
    passphrase: bytes

    @property
    def certificates(self) -> dict[str, x509.Certificate]:
        manifest, pdf = self._open(self.manifest, "manifest.p12"), self._open(self.pdf, "pdf.p12")
        if not pdf.chain:
            raise Refused("reports.no_chain", file="pdf.p12")
        return {"manifest": manifest.certificate, "pdf": pdf.certificate, "ca": pdf.chain[-1]}

    def sign(self, data: bytes) -> bytes:
        key = self._open(self.manifest, "manifest.p12").key
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise Refused("reports.key_kind", file="manifest.p12")
        return key.sign(data)

    def unlock_pdf_key(self) -> UnlockedKey:
        return self._open(self.pdf, "pdf.p12")

    def _open(self, data: bytes, name: str) -> UnlockedKey:
        return open_key(data, self.passphrase, name)


@dataclass(frozen=True, slots=True)
class Signers:
    """The two who sign, and the local time stamp key if there is one.

    Raises:
        Refused: one person cannot be both (four eyes), and each signs in their own role.
    """

    inspector: Signer
    supervisor: Signer
    time_stamp_key: Callable[[], UnlockedKey] | None = None

    def __post_init__(self) -> None:
        if self.inspector.person.user_id == self.supervisor.person.user_id:
            raise Refused("reports.same_signer", user_id=self.inspector.person.user_id)
        if (self.inspector.role, self.supervisor.role) != ROLES:
            raise Refused("reports.wrong_role", inspector=self.inspector.role, supervisor=self.supervisor.role)

    @property
    def in_order(self) -> tuple[Signer, Signer]:
        """Inspector first, supervisor second."""
        return self.inspector, self.supervisor


def unlock(file: Path, passphrase: bytes) -> UnlockedKey:
    """Open a PKCS#12 file.

    Raises:
        EnvironmentFault: no such file, or it holds no key.
        Refused: wrong passphrase.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise EnvironmentFault("reports.key_unusable", file=file.name) from error
    return open_key(data, passphrase, file.name)


def open_key(data: bytes, passphrase: bytes, name: str) -> UnlockedKey:
    """Open PKCS#12 bytes; `name` is for the error.

    Raises:
        EnvironmentFault: it holds no key.
        Refused: wrong passphrase, or no PKCS#12 at all.
    """
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(data, passphrase)
    except ValueError as error:
        raise Refused("reports.wrong_passphrase", file=name) from error
    if key is None or certificate is None:
        raise EnvironmentFault("reports.key_unusable", file=name)
    return UnlockedKey(key, certificate, tuple(chain))


def keys_dir(settings: Settings) -> Path:
    """Where signers' keys lie: ``report.keys_dir``, else ``<data_dir>/keys``."""
    return Path(settings.report.keys_dir) if settings.report.keys_dir else settings.data_dir / "keys"


def demo_ca_path(settings: Settings) -> Path:
    """The demonstration authority's certificate, to give to ``yunjian verify --trust``."""
    return keys_dir(settings) / "demo-ca.pem"


def demo_signers(settings: Settings, clock: Clock, inspector: Person, supervisor: Person) -> Signers:
    """Signers of the scripted demonstration; makes the authority and the keys where they are missing.

    Every certificate says ``DEMO - NOT VALID``; the passphrases are public, in ``config/reports/demo_keys.toml``.
    """
    if inspector.user_id == supervisor.user_id:
        raise Refused("reports.same_signer", user_id=inspector.user_id)
    first, stamp = demo_signer(settings, clock, "inspector", inspector)
    return Signers(first, demo_signer(settings, clock, "supervisor", supervisor)[0], stamp)


def demo_signer(
    settings: Settings, clock: Clock, role: SignerRole, person: Person
) -> tuple[Pkcs12Signer, Callable[[], UnlockedKey]]:
    """One signer of the demonstration and its local time stamp; makes what is missing."""
    pack = tomllib.loads(pack_path("reports", "demo_keys.toml").read_text(encoding="utf-8"))
    passphrase = str(pack["passphrase"]).encode()
    authority = _DemoAuthority(keys_dir(settings), clock.now(), passphrase, timedelta(days=int(pack["valid_days"])))
    stamp_file = authority.ensure_stamper()
    return authority.ensure_signer(role, person), lambda: unlock(stamp_file, passphrase)


def as_pem(*certificates: x509.Certificate) -> bytes:
    """PEM text of certificates, in order."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def public_pem(certificate: x509.Certificate) -> bytes:
    """PEM of the public key alone, for ``openssl pkeyutl -pubin``."""
    return certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True)
class _DemoAuthority:
    """Issues demonstration certificates. Its own key lies beside them: it proves nothing, and says so."""

    folder: Path
    now: datetime
    passphrase: bytes
    valid: timedelta

    def ensure_signer(self, role: SignerRole, person: Person) -> Pkcs12Signer:
        stem = f"demo-{role}-{_file_part(person.user_id)}"
        manifest, pdf = self.folder / f"{stem}.manifest.p12", self.folder / f"{stem}.pdf.p12"
        if not manifest.exists():
            self._issue(manifest, ed25519.Ed25519PrivateKey.generate(), _subject(person.name, role, person.user_id))
        if not pdf.exists():
            self._issue(pdf, ec.generate_private_key(ec.SECP256R1()), _subject(person.name, role, person.user_id))
        return Pkcs12Signer(role, person, manifest, pdf, lambda: self.passphrase)

    def ensure_stamper(self) -> Path:
        file = self.folder / "demo-time-stamp.p12"
        if not file.exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            self._issue(file, key, _subject("Local time stamp", "time stamp", "tsa"), time_stamping=True)
        return file

    def _authority(self) -> UnlockedKey:
        file = self.folder / "demo-ca.p12"
        if file.exists():
            return unlock(file, self.passphrase)
        key = ed25519.Ed25519PrivateKey.generate()
        name = _subject("YunJian demonstration authority", "authority", "ca")
        certificate = (
            _builder(name, name, key, self.now, self.valid)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
            .sign(key, None)
        )
        _write_key(file, key, certificate, (), self.passphrase)
        return UnlockedKey(key, certificate, ())

    def _issue(self, file: Path, key: PrivateKey, subject: x509.Name, *, time_stamping: bool = False) -> None:
        above = self._authority()
        builder = (
            _builder(subject, above.certificate.subject, key, self.now, self.valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage("digital_signature", "content_commitment"), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()), critical=False)
        )
        if time_stamping:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        _write_key(file, key, builder.sign(above.key, None), (above.certificate,), self.passphrase)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime, valid: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a field laptop's clock may be behind
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(name: str, unit: str, user_id: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEMO_MARK),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name} ({DEMO_MARK})"[:64]),
            x509.NameAttribute(NameOID.USER_ID, user_id),
        ]
    )


def _usage(*on: str) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in on for name in names})


def _write_key(
    file: Path, key: PrivateKey, certificate: x509.Certificate, chain: tuple[x509.Certificate, ...], passphrase: bytes
) -> None:
    """Certificate first (``.pem``), then the key (0600): a key that is there is complete."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = certificate.subject.rfc4514_string().encode()[:60]
    data = pkcs12.serialize_key_and_certificates(name, key, certificate, chain or None, BestAvailableEncryption(passphrase))
    _write(file.with_suffix(".pem"), as_pem(certificate, *chain), 0o644)
    _write(file, data, 0o600)


def _write(file: Path, data: bytes, mode: int) -> None:
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)


def _file_part(user_id: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in user_id)[:64]
