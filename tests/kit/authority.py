"""A certificate authority of the test's own: issues a server certificate, and makes a Chromium trust it the way an office would.

Chromium on Linux reads trusted roots from the NSS database of its home folder; the one made here lies in the test's folder.
"""

from __future__ import annotations

import ctypes
import ipaddress
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_LIBRARY = "libnss3.so"
_TRUSTED_CA = b"C,,"


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def issue(folder: Path, address: str) -> tuple[Path, Path, Path]:
    """Authority certificate (DER), server certificate and server key (PEM) for one IP address."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    terms = x509.CertificateBuilder().not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=2))
    issuer = _name("YunJian test authority")
    signs = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    root = (
        terms.subject_name(issuer).issuer_name(issuer).public_key(root_key.public_key()).serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(signs, critical=True)
        .sign(root_key, hashes.SHA256())
    )  # fmt: skip
    server = (
        terms.subject_name(_name(address)).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(root_key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "authority.der", folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(root.public_bytes(Encoding.DER))
    paths[1].write_bytes(server.public_bytes(Encoding.PEM))
    paths[2].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def trust(home: Path, authority: Path) -> None:
    """Put the authority into the NSS database of a home folder, in a process of its own."""
    (home / ".pki" / "nssdb").mkdir(parents=True, mode=0o700)
    subprocess.run([sys.executable, __file__, str(home / ".pki" / "nssdb"), str(authority)], check=True, timeout=60)


class _Trust(ctypes.Structure):
    _fields_ = (("ssl", ctypes.c_uint), ("mail", ctypes.c_uint), ("code", ctypes.c_uint))


class _Item(ctypes.Structure):
    _fields_ = (("type", ctypes.c_int), ("data", ctypes.c_void_p), ("length", ctypes.c_uint))


def _import(database: str, authority: Path) -> None:
    nss = ctypes.CDLL(_LIBRARY)
    for name in ("PK11_GetInternalKeySlot", "CERT_NewTempCertificate", "CERT_GetDefaultCertDB"):
        getattr(nss, name).restype = ctypes.c_void_p
    der, flags = authority.read_bytes(), _Trust()
    _good(nss.NSS_InitReadWrite(f"sql:{database}".encode()))
    slot = ctypes.c_void_p(nss.PK11_GetInternalKeySlot())
    if nss.PK11_NeedUserInit(slot):
        _good(nss.PK11_InitPin(slot, None, b""))
    store = ctypes.c_void_p(nss.CERT_GetDefaultCertDB())
    item = _Item(0, ctypes.cast(ctypes.create_string_buffer(der, len(der)), ctypes.c_void_p), len(der))
    certificate = ctypes.c_void_p(nss.CERT_NewTempCertificate(store, ctypes.byref(item), None, 0, 1))
    _good(nss.PK11_ImportCert(slot, certificate, ctypes.c_ulong(0), b"YunJian test authority", 0))
    _good(nss.CERT_DecodeTrustString(ctypes.byref(flags), _TRUSTED_CA))
    _good(nss.CERT_ChangeCertTrust(store, certificate, ctypes.byref(flags)))
    nss.NSS_Shutdown()


def _good(status: int) -> None:
    if status:
        raise OSError(f"NSS refused: {status}")


if __name__ == "__main__":
    _import(sys.argv[1], Path(sys.argv[2]))
