"""Owns the issued record of an inspection: render, sign, bundle, verify.

Never changes a case: it reads `inspection.record.CaseRecord` and tells others with the event ``reports.issued``.
"""

from reports.bundle import BagContent, BuiltBag
from reports.keys import HandedSigner, Person, Pkcs12Signer, Signer, Signers, demo_ca_path, demo_signers
from reports.render import RenderedReport, render_report
from reports.service import BuiltBundle, Waiting, build, build_from_record, bundles_of, complete, prepare, waiting

__all__ = [
    "BagContent",
    "BuiltBag",
    "BuiltBundle",
    "HandedSigner",
    "Person",
    "Pkcs12Signer",
    "RenderedReport",
    "Signer",
    "Signers",
    "Waiting",
    "build",
    "build_from_record",
    "bundles_of",
    "complete",
    "demo_ca_path",
    "demo_signers",
    "prepare",
    "render_report",
    "waiting",
]
