"""Owns what the inspector has signed while it waits for the supervisor: reports, drawings, the record's signature.

Never holds a key: the certificates in it are public.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography import x509
from pydantic import BaseModel, ConfigDict

from reports.keys import Person, Signer, as_pem


class DraftReport(BaseModel):
    """One report with the inspector's signature; `sha256` names it in the file store, `unsigned_*` the bytes it begins with."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sha256: str
    unsigned_sha256: str
    unsigned_size: int
    pages: int


class Draft(BaseModel):
    """Kept in the bundle's row as JSON. `drawings` and `ais_lines` are names and hashes in the file store."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    user_id: str
    name: str
    reports: dict[str, DraftReport]
    drawings: dict[str, str]
    ais_lines: str | None
    record_signature: str
    certificates: dict[str, str]
    time_stamp: str

    @property
    def person(self) -> Person:
        return Person(self.user_id, self.name)

    @property
    def signature_bytes(self) -> bytes:
        return base64.b64decode(self.record_signature)

    def opened(self) -> dict[str, x509.Certificate]:
        """``manifest``, ``pdf`` and ``ca`` of the inspector."""
        return {name: x509.load_pem_x509_certificate(pem.encode()) for name, pem in self.certificates.items()}


def certificates_of(signer: Signer) -> Mapping[str, str]:
    """A signer's certificates as PEM text."""
    return {name: as_pem(one).decode() for name, one in signer.certificates.items()}


def signature_text(signature: bytes) -> str:
    return base64.b64encode(signature).decode()
