"""The verifier against every kind of change, including a stranger who signs the whole bundle anew."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core.clock import ManualClock
from reports import Person, Signers, demo_ca_path, demo_signers, verify
from reports.bundle import write_zip
from reports.keys import as_pem, public_pem
from tests.unit.reports.cases import T0
from tests.unit.reports.conftest import Issued, make_services


def files_of(bag: Path) -> list[Path]:
    return sorted(path for path in bag.rglob("*") if path.is_file())


def named(result: verify.Result, name: str) -> bool:
    return any(name == problem.file or name in problem.what for problem in result.problems)


def test_exit_statuses(issued: Issued, capsys: pytest.CaptureFixture[str]) -> None:
    bag, ca = str(issued.bundle.path), issued.ca
    assert verify.main([bag]) == 3
    assert verify.main([bag, "--trust", str(ca)]) == 0
    assert verify.UNKNOWN in (said := capsys.readouterr().out)
    assert verify.TRUSTED in said
    assert "DEMO - NOT VALID" in said
    fingerprint = hashlib.sha256(verify.read_certificate(ca.read_bytes()).der).hexdigest()
    assert verify.main([bag, "--trust", fingerprint]) == 0
    assert verify.main([bag, "--trust", "0" * 64]) == 1
    assert verify.main([bag, "--trust", "no-such.pem"]) == 2
    assert verify.main(["no-such-bag"]) == 2


def test_every_file_flipped_is_found_and_named(bag: Path, issued: Issued) -> None:
    rng = random.Random(20261124)
    for path in files_of(bag):
        data, name = path.read_bytes(), path.relative_to(bag).as_posix()
        positions = {0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(2 if len(data) < 5000 else 1))}
        for position in sorted(positions):
            spoilt = bytearray(data)
            spoilt[position] ^= 1 << rng.randrange(8)
            path.write_bytes(bytes(spoilt))
            result = verify.check(bag, str(issued.ca))
            assert result.exit_status == 1, f"{name} at {position}"
            assert named(result, name), f"{name} at {position}: {result.problems}"
        path.write_bytes(data)
    assert verify.check(bag, str(issued.ca)).exit_status == 0


def test_every_file_missing_cut_or_added_is_found(bag: Path) -> None:
    for path in files_of(bag):
        data, name = path.read_bytes(), path.relative_to(bag).as_posix()
        path.unlink()
        assert named(result := verify.check(bag), name)
        assert result.exit_status == 1
        path.write_bytes(data[: len(data) // 2])
        assert named(verify.check(bag), name)
        path.write_bytes(data)
    for extra in ("extra.txt", "data/extra.jpg", "trust/extra.pem", "tagmanifest-sha256.txt.other.sig"):
        (bag / extra).write_bytes(b"x")
        assert named(verify.check(bag), extra)
        (bag / extra).unlink()
    (bag / "data" / "link").symlink_to("/etc/hostname")
    assert named(verify.check(bag), "data/link")


def test_stranger_who_signs_everything_anew_is_not_trusted(bag: Path, issued: Issued, tmp_path: Path) -> None:
    """Same names and roles, own authority, all hashes and both signatures made new: intact, but never 0 with trust."""
    stranger = make_services(tmp_path / "stranger")
    signers = demo_signers(
        stranger.settings, ManualClock(T0), Person("user-1", "Demo Inspector"), Person("user-2", "Demo Supervisor")
    )
    certificates = {one.role: one.certificates for one in signers.in_order}
    for with_own_ca in (True, False):
        if with_own_ca:
            (bag / "trust/ca.pem").write_bytes(as_pem(certificates["inspector"]["ca"]))
        else:
            shutil.copy(issued.ca, bag / "trust/ca.pem")
        for role, held in certificates.items():
            (bag / f"trust/{role}.pem").write_bytes(as_pem(held["manifest"]))
            (bag / f"trust/{role}.pub.pem").write_bytes(public_pem(held["manifest"]))
        resign(bag, signers)
        fingerprint = hashlib.sha256(verify.read_certificate(issued.ca.read_bytes()).der).hexdigest()
        assert verify.check(bag).exit_status == 3
        assert verify.check(bag, str(issued.ca)).status == verify.NOT_TRUSTED
        assert verify.check(bag, fingerprint).exit_status == 1
        assert verify.check(bag, str(demo_ca_path(stranger.settings))).exit_status == 0
    stranger.db.close()


def resign(bag: Path, signers: Signers) -> None:
    (bag / verify.signature_file("inspector")).write_bytes(signers.inspector.sign((bag / "data/record.json").read_bytes()))
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        listed = [line.split("  ", 1)[1] for line in (bag / manifest).read_text().splitlines()]
        lines = [f"{hashlib.sha256((bag / name).read_bytes()).hexdigest()}  {name}\n" for name in listed]
        (bag / manifest).write_text("".join(lines))
    (bag / verify.signature_file("supervisor")).write_bytes(signers.supervisor.sign((bag / verify.TAGMANIFEST).read_bytes()))


def test_a_bundle_of_the_first_version_is_still_checked(bag: Path, issued: Issued) -> None:
    """Version 0.1.0 let both people sign the tag manifest."""
    settings = issued.services.settings
    signers = demo_signers(
        settings, issued.services.clock, Person("user-1", "Demo Inspector"), Person("user-2", "Demo Supervisor")
    )
    (bag / verify.signature_file("inspector")).unlink()
    lines = (bag / verify.TAGMANIFEST).read_text().splitlines(keepends=True)
    (bag / verify.TAGMANIFEST).write_text("".join(line for line in lines if "record.json.inspector.sig" not in line))
    sealed = (bag / verify.TAGMANIFEST).read_bytes()
    (bag / verify.FIRST_EDITION_FILE).write_bytes(signers.inspector.sign(sealed))
    (bag / verify.signature_file("supervisor")).write_bytes(signers.supervisor.sign(sealed))
    assert verify.check(bag, str(issued.ca)).exit_status == 0
    (bag / verify.FIRST_EDITION_FILE).write_bytes(signers.supervisor.sign(sealed))
    assert verify.check(bag, str(issued.ca)).exit_status == 1


def test_one_person_in_both_roles_is_found(bag: Path) -> None:
    for suffix in (".pem",):
        shutil.copy(bag / f"trust/inspector{suffix}", bag / f"trust/supervisor{suffix}")
    result = verify.check(bag)
    assert any("one person" in problem.what for problem in result.problems)
    assert result.exit_status == 1


@pytest.mark.parametrize("path", ["../outside", "/etc/hostname", "data/../../x", "data\\x", "C:/x", "data//x", "data/\x01"])
def test_unsafe_path_in_a_manifest_is_refused(bag: Path, path: str) -> None:
    manifest = bag / "manifest-sha256.txt"
    manifest.write_text(manifest.read_text() + f"{'0' * 64}  {path}\n")
    assert any(problem.file == manifest.name and "unsafe" in problem.what for problem in verify.check(bag).problems)


def test_archive_is_checked_without_extracting(bag: Path, issued: Issued, tmp_path: Path) -> None:
    assert verify.check(issued.bundle.zip_path, str(issued.ca)).exit_status == 0
    for number, slip in enumerate(("../evil.txt", "/abs.txt", "YJ/../../evil")):
        target = tmp_path / f"slip{number}.zip"
        shutil.copy(issued.bundle.zip_path, target)
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr(slip, b"x")
        assert any("unsafe" in problem.what for problem in verify.check(target).problems)
    assert not (tmp_path.parent / "evil.txt").exists()
    (bag / "data/record.json").write_bytes(b"{}")
    assert named(verify.check(write_zip(bag, tmp_path / "spoilt.zip")), "data/record.json")
    (tmp_path / "no.zip").write_bytes(b"no zip")
    assert verify.check(tmp_path / "no.zip").exit_status == 1


def test_archive_bytes_are_reproducible(issued: Issued, tmp_path: Path) -> None:
    again = write_zip(issued.bundle.path, tmp_path / "again.zip")
    assert again.read_bytes() == issued.bundle.zip_path.read_bytes()


def test_the_copy_in_the_bundle_runs_alone(issued: Issued) -> None:
    """Isolated mode, no site packages: standard library alone."""
    script = issued.bundle.path / "verify.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", script, "--trust", issued.ca], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("INTACT and TRUSTED\nDEMO - NOT VALID\n")
    assert verify.check(issued.bundle.path).exit_status == 3  # nothing was left behind in the bag
