"""Owns PAdES: inspector, then supervisor, as incremental updates, each with a local RFC 3161 time stamp if there is a key.

Never changes a byte of the unsigned PDF, never fetches anything: no certificate look-up, no revocation, no remote stamper.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from io import BytesIO
from typing import Any, cast

from pyhanko.keys.internal import translate_pyca_cryptography_cert_to_asn1, translate_pyca_cryptography_key_to_asn1
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from core.errors import Altered
from reports.keys import Signer, UnlockedKey

FIELD_NAMES = {"inspector": "Inspector", "supervisor": "Supervisor"}


def sign_pdf(pdf: bytes, signer: Signer, at: datetime, time_stamp_key: Callable[[], UnlockedKey] | None) -> bytes:
    """One signature more on a PDF; `at` is the claimed signing time, aware UTC.

    Raises:
        Altered: the library did not append but rewrite (the signed file must begin with the bytes it was given).
        Refused: the passphrase is wrong.
    """
    signed = _sign_once(pdf, signer, at, None if time_stamp_key is None else _stamper(time_stamp_key(), at))
    if not signed.startswith(pdf):
        raise Altered("reports.not_incremental")
    return signed


def _sign_once(pdf: bytes, signer: Signer, at: datetime, stamper: TimeStamper | None) -> bytes:
    unlocked = signer.unlock_pdf_key()
    metadata = PdfSignatureMetadata(
        field_name=FIELD_NAMES[signer.role],
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        name=signer.person.name,
        embed_validation_info=False,
    )
    backend = SimpleSigner(
        signing_cert=translate_pyca_cryptography_cert_to_asn1(unlocked.certificate),
        signing_key=translate_pyca_cryptography_key_to_asn1(unlocked.key),
        cert_registry=_store(unlocked),
    )
    pdf_signer = _SignerAt(metadata, signer=backend, timestamper=stamper)
    pdf_signer.at = at

    def run() -> bytes:
        output = BytesIO()
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        asyncio.run(pdf_signer.async_sign_pdf(writer, output=output))
        return output.getvalue()

    with ThreadPoolExecutor(max_workers=1) as pool:  # the library is async: a loop of its own works below any caller
        return pool.submit(run).result()


class _SignerAt(PdfSigner):
    """pyHanko's signer with an injected signing time instead of the wall clock's."""

    at: datetime

    def init_signing_session(self, pdf_out: Any, existing_fields_only: Any = None) -> Any:
        session = super().init_signing_session(pdf_out, existing_fields_only=bool(existing_fields_only))
        session.system_time = self.at
        return session


def _stamper(unlocked: UnlockedKey, at: datetime) -> TimeStamper:
    return DummyTimeStamper(
        translate_pyca_cryptography_cert_to_asn1(unlocked.certificate),
        translate_pyca_cryptography_key_to_asn1(unlocked.key),
        certs_to_embed=_store(unlocked),
        fixed_dt=at,
    )


def _store(unlocked: UnlockedKey) -> SimpleCertificateStore:
    make: Callable[[], Any] = SimpleCertificateStore  # the library leaves its constructor untyped
    store = make()
    store.register_multiple([translate_pyca_cryptography_cert_to_asn1(one) for one in unlocked.chain])
    return cast("SimpleCertificateStore", store)
