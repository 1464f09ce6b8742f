"""Owns ``VERIFY.txt``: how anyone checks a bundle with public tools alone, in both languages.

Never claims more than the tools show.
"""

from __future__ import annotations

from core.catalogue import LANGS, text
from reports.keys import DEMO_MARK, ROLES
from reports.verify import SIGNED, TAGMANIFEST, signature_file


def instructions(reports: tuple[str, ...], demo: bool) -> str:  # noqa: FBT001  # says what kind of keys signed
    """The text of ``VERIFY.txt``; `reports` are the PDF names in ``data/``."""
    openssl = [
        f"openssl pkeyutl -verify -rawin -pubin -inkey trust/{role}.pub.pem -in {SIGNED[role]} -sigfile {signature_file(role)}"
        for role in ROLES
    ]
    keys = [f"openssl x509 -in trust/{role}.pem -noout -pubkey | cmp - trust/{role}.pub.pem" for role in ROLES]
    pdfs = [f"pdfsig data/{name}" for name in reports]
    attached = [
        f"pdfdetach -savefile record.json -o ../attached.json data/{name} && cmp ../attached.json data/record.json"
        for name in reports
    ]
    steps: tuple[tuple[str, list[str]], ...] = (
        ("one", ["python3 verify.py --trust CA.pem"]),
        ("hashes", ["sha256sum -c manifest-sha256.txt", f"sha256sum -c {TAGMANIFEST}"]),
        ("signature", [*openssl, *keys]),
        ("certificate", ["openssl verify -CAfile CA.pem trust/inspector.pem trust/supervisor.pem"]),
        ("pdf", pdfs + attached),
    )
    lines = [DEMO_MARK, ""] if demo else []
    for lang in LANGS:
        lines += [text("reports.verify.head", lang), ""]
        for key, commands in steps:
            lines += [text(f"reports.pdf.verification.{key}", lang), *(f"    {command}" for command in commands), ""]
        lines += [text("reports.verify.copy", lang), text("reports.verify.limits", lang), ""]
        lines += [text("reports.pdf.verification.not_proved_text", lang), "", "-" * 72, ""]
    return "\n".join(lines)
