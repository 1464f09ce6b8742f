"""Public tools check a bundle without our software: sha256sum, openssl, pdfsig, pdfdetach, pdffonts, and pyHanko's validator."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fastapi import FastAPI
from pyhanko.keys.pemder import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from typer.testing import CliRunner

from console.cli import report
from console.cli import verify as verify_cli
from core.auth import Principal, Role
from core.errors import AccessDenied, NotFound
from reports import verify
from reports.api import build_router
from reports.bundle import sweep
from tests.unit.reports.cases import T0
from tests.unit.reports.conftest import Issued, issue


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    made = issue(tmp_path_factory.mktemp("peers"))
    yield made
    made.services.db.close()


def need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def run(bag: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=bag, capture_output=True, text=True, check=False)


@pytest.mark.peer
@pytest.mark.parametrize("manifest", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_sha256sum(issued: Issued, manifest: str) -> None:
    need("sha256sum")
    assert run(issued.bundle.path, "sha256sum", "--strict", "-c", manifest).returncode == 0


@pytest.mark.peer
@pytest.mark.parametrize("role", ["inspector", "supervisor"])
def test_openssl_signature_and_certificate(issued: Issued, role: str, tmp_path: Path) -> None:
    need("openssl")
    bag = issued.bundle.path
    check = ("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", f"trust/{role}.pub.pem", "-sigfile",
             verify.signature_file(role), "-in")  # fmt: skip
    assert (bag / verify.signature_file(role)).stat().st_size == 64
    assert run(bag, *check, verify.SIGNED[role]).returncode == 0
    spoilt = tmp_path / "spoilt.txt"
    spoilt.write_bytes((bag / verify.SIGNED[role]).read_bytes() + b"\n")
    assert run(bag, *check, str(spoilt)).returncode != 0
    assert run(bag, "openssl", "verify", "-CAfile", str(issued.ca), f"trust/{role}.pem").returncode == 0
    assert (
        run(bag, "openssl", "x509", "-in", f"trust/{role}.pem", "-noout", "-pubkey").stdout
        == (bag / f"trust/{role}.pub.pem").read_text()
    )


@pytest.mark.peer
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_poppler(issued: Issued, lang: str, tmp_path: Path) -> None:
    need("pdfsig")
    bag = issued.bundle.path
    said = run(bag, "pdfsig", "-nocert", f"data/report.{lang}.pdf").stdout
    assert said.count("Signature Validation: Signature is Valid.") == 2
    assert said.count("ETSI.CAdES.detached") == 2
    assert said.index("Demo Inspector") < said.index("Demo Supervisor")
    out = tmp_path / "record.json"
    assert run(bag, "pdfdetach", "-savefile", "record.json", "-o", str(out), f"data/report.{lang}.pdf").returncode == 0
    assert out.read_bytes() == (bag / "data/record.json").read_bytes()
    rows = run(bag, "pdffonts", f"data/report.{lang}.pdf").stdout.splitlines()[2:]
    assert rows
    assert all(row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows)  # embedded, subset, with Unicode map
    facts = run(bag, "pdfinfo", f"data/report.{lang}.pdf").stdout
    assert "Tagged:          yes" in facts
    words = run(bag, "pdftotext", "-layout", f"data/report.{lang}.pdf", "-").stdout
    banner = "DEMO / SIMULATED / NOT VALID"
    assert words.count(banner) >= issued.bundle.pages[lang] > 1  # on every page
    assert "HAI YUN 17" in words
    assert "#strong[x]" in words  # what a person wrote is text, never markup


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pyhanko_says_intact_trusted_and_stamped(issued: Issued, lang: str) -> None:
    data = (issued.bundle.path / f"data/report.{lang}.pdf").read_bytes()
    context = ValidationContext(trust_roots=[load_cert_from_pemder(str(issued.ca))], allow_fetching=False, moment=T0)
    signatures = PdfFileReader(BytesIO(data)).embedded_signatures
    assert [one.field_name for one in signatures] == ["Inspector", "Supervisor"]
    for one in signatures:
        status = validate_pdf_signature(one, context)
        assert status.intact
        assert status.valid
        assert status.trusted
        assert status.timestamp_validity is not None
        assert status.timestamp_validity.intact
        assert status.signer_reported_dt == T0
    spoilt = bytearray(data)
    spoilt[2000] ^= 1
    first = PdfFileReader(BytesIO(bytes(spoilt))).embedded_signatures[0]
    assert not validate_pdf_signature(first, context).intact


_WRITER = """
import sys
from pathlib import Path
from core.clock import ManualClock
from reports import demo_signers
from reports.bundle import BagContent, PayloadFile, write_bag
from tests.unit.reports.cases import T0
from tests.unit.reports.conftest import INSPECTOR, SUPERVISOR, make_services
root = Path(sys.argv[1])
services = make_services(root)
signers = demo_signers(services.settings, services.clock, INSPECTOR, SUPERVISOR)
payload = tuple(PayloadFile(f"evidence/{n}.bin", bytes(200_000)) for n in range(3000))
print("go", flush=True)
certificates = {one.role: one.certificates for one in signers.in_order}
write_bag(BagContent("big.bag", payload, (), "", certificates, bytes(64), signers.supervisor.sign), root / "bundles")
"""


def test_kill_minus_nine_while_writing_shows_no_bag(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, env=environment, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n"
        deadline = time.monotonic() + 30
        while not list((tmp_path / "bundles").glob(".building-*/data/evidence/3.bin")) and time.monotonic() < deadline:
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    names = [path.name for path in (tmp_path / "bundles").iterdir()]
    assert len(names) == 1
    assert names[0].startswith(".building-big.bag-")
    assert sweep(tmp_path / "bundles" / "big.bag") == 1
    assert list((tmp_path / "bundles").iterdir()) == []


def test_command_line(issued: Issued, tmp_path: Path) -> None:

    runner = CliRunner()
    shown = runner.invoke(report.app, ["show", issued.record.id, "--json"], obj=issued.services)
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["data"]["items"][0]["sha256"] == issued.bundle.sha256
    assert runner.invoke(report.app, ["show", "no-such-case"], obj=issued.services).exit_code == 1
    checked = runner.invoke(verify_cli.app, [str(issued.bundle.path), "--json"])
    assert checked.exit_code == 3
    answer = json.loads(checked.stdout)
    assert (answer["schema"], answer["warnings"]) == ("yunjian.verify/1", ["DEMO - NOT VALID"])
    assert runner.invoke(verify_cli.app, [str(issued.bundle.path), "--trust", str(issued.ca)]).exit_code == 0


def test_routes(issued: Issued) -> None:
    scope: list[str | None] = [None]
    app = FastAPI()
    app.include_router(build_router(issued.services))

    async def with_principal(scope_: dict[str, object], receive: object, send: object) -> None:
        scope_.setdefault("state", {})["principal"] = Principal("user-9", Role.AUDITOR, "A", scope[0])
        await app(scope_, receive, send)

    async def fetch(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=with_principal)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.get(f"/api/v1/reports/{path}")

    def get(path: str) -> httpx.Response:
        return asyncio.run(fetch(path))

    case = issued.record.id
    assert get(case).json()["items"][0]["sha256"] == issued.bundle.sha256
    assert get(f"{case}/bundle.zip").content == issued.bundle.zip_path.read_bytes()
    assert get(f"{case}/report.zh.pdf").content.startswith(b"%PDF")
    assert get(f"{case}/report.fr.pdf").status_code == 422
    with pytest.raises(NotFound, match="no_bundle"):
        get("nothing/bundle.zip")
    scope[0] = "inspection:another"
    with pytest.raises(AccessDenied, match="not_in_scope"):
        get(case)


@pytest.mark.peer
def test_authority_with_another_key_is_checked_by_openssl(tmp_path: Path) -> None:
    """A site's authority is rarely Ed25519: RSA goes through openssl; a namesake with another key is refused."""
    need("openssl")
    leaf = ed25519.Ed25519PrivateKey.generate()
    authorities = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]

    def certificate(name: str, key: object, signer: rsa.RSAPrivateKey, ca: bool) -> verify.Certificate:
        subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, "Authority"))
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(7).not_valid_before(T0 - timedelta(days=1)).not_valid_after(T0 + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True).sign(signer, hashes.SHA256())
        )  # fmt: skip
        return verify.read_certificate(made.public_bytes(Encoding.PEM))

    right, wrong = (certificate("Authority", key, key, ca=True) for key in authorities)
    signer = certificate("Inspector", leaf, authorities[0], ca=False)
    at = T0.strftime("%Y%m%d%H%M%SZ")
    assert verify.issued_by(signer, right, at) == ""
    assert verify.issued_by(signer, wrong, at) == "was not signed by the authority"
    assert "time" in verify.issued_by(signer, right, "20200101000000Z")
    assert "another" in verify.issued_by(signer, signer, at)
