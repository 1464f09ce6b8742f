"""Owns the issued record of an inspection: render, sign, bundle, verify.

Never changes a case: it reads `inspection.record.CaseRecord` and tells others with the event ``reports.issued``.
"""

from reports.bundle import BagContent, BuiltBag
from reports.keys import Person, Pkcs12Signer, Signer, Signers, demo_ca_path, demo_signers
from reports.render import RenderedReport, render_report
from reports.service import BuiltBundle, build, build_from_record, bundles_of

__all__ = [
    "BagContent",
    "BuiltBag",
    "BuiltBundle",
    "Person",
    "Pkcs12Signer",
    "RenderedReport",
    "Signer",
    "Signers",
    "build",
    "build_from_record",
    "bundles_of",
    "demo_ca_path",
    "demo_signers",
    "render_report",
]
