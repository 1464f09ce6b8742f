#!/usr/bin/env python3
"""Owns the check of a bundle: one file, standard library alone, the same in YunJian and inside every bundle.

Never repairs, extracts or fetches anything, never trusts a key only because it lies in the bundle.

    python3 verify.py BAG [--trust CA.pem | --trust SHA256] [--json]

BAG is the bundle's folder or its .zip. Exit status: 0 INTACT and TRUSTED; 3 INTACT, SIGNER UNKNOWN (no --trust);
1 ALTERED, or the signers do not come from the given authority; 2 usage; 5 openssl needed and missing.
Formats: RFC 8493 (BagIt 1.0), RFC 8032 (Ed25519), RFC 5280 (certificates), RFC 8785 (canonical JSON of the journal).
An authority with an Ed25519 key is checked here; for other keys the `openssl` program is called.
A copy that came with the bundle can be forged like the rest: compare its SHA-256 with the published one, or use your own.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

ROLES = ("inspector", "supervisor")
DEMO_MARK = "DEMO - NOT VALID"
TAGMANIFEST = "tagmanifest-sha256.txt"
MANIFEST = "manifest-sha256.txt"
# What each role signs: the inspector the record (which names all evidence by hash), the supervisor everything.
SIGNED = {"inspector": "data/record.json", "supervisor": TAGMANIFEST}
FIRST_EDITION_FILE = TAGMANIFEST + ".inspector.sig"  # version 0.1.0: both signed the tag manifest
BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
REQUIRED_TAGS = (
    "bagit.txt", "bag-info.txt", MANIFEST, "VERIFY.txt", "verify.py", "trust/ca.pem", "trust/inspector.pem",
    "trust/supervisor.pem",
)  # fmt: skip
REQUIRED_PAYLOAD = ("data/record.json", "data/journal.jsonl")
EVIDENCE = "data/evidence/"
READ_ERRORS = (OSError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, zlib.error)
SMALL_FILE = 64 << 20  # tag files, record and journal are read whole up to this size
ALTERED, UNKNOWN, TRUSTED, NOT_TRUSTED = "ALTERED", "INTACT, SIGNER UNKNOWN", "INTACT and TRUSTED", "INTACT, SIGNER NOT TRUSTED"
EXIT = {TRUSTED: 0, ALTERED: 1, NOT_TRUSTED: 1, UNKNOWN: 3}


class Problem(NamedTuple):
    """One finding: which file of the bundle, and what is wrong with it."""

    file: str
    what: str


class NoOpenssl(Exception):
    """The authority's key needs the `openssl` program and there is none."""


class Result(NamedTuple):
    """The answer for one bundle."""

    status: str
    problems: list[Problem]
    files: int
    signers: dict[str, str]
    authority_sha256: str
    demo: bool
    info: dict[str, str]

    @property
    def exit_status(self) -> int:
        return EXIT[self.status]


# --- where the files are -------------------------------------------------------------------------------------------


class FolderBag:
    """A bundle as a folder. Symbolic links and devices are not followed: they are problems."""

    def __init__(self, root: Path, problems: list[Problem]) -> None:
        self.root = root
        self.names: list[str] = []
        for folder, subfolders, files in os.walk(
            str(root), onerror=lambda error: problems.append(Problem(str(error), "unreadable"))
        ):
            links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
            for name in files + links:
                path = Path(folder) / name
                relative = path.relative_to(root).as_posix()
                if stat.S_ISREG(path.lstat().st_mode):
                    self.names.append(relative)
                else:
                    problems.append(Problem(relative, "is not a regular file"))

    def open(self, name: str) -> IO[bytes]:
        return (self.root / name).open("rb")


class ZipBag:
    """A bundle as a .zip with one folder in it. Nothing is extracted."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.archive = zipfile.ZipFile(str(path))
        self.members: dict[str, zipfile.ZipInfo] = {}
        tops = set()
        for info in self.archive.infolist():
            if unsafe(info.filename.rstrip("/")):
                problems.append(Problem(info.filename, "unsafe path in the archive"))
                continue
            top, _, rest = info.filename.partition("/")
            tops.add(top)
            if rest in self.members:
                problems.append(Problem(rest, "is in the archive twice"))
            if rest and not rest.endswith("/"):
                self.members[rest] = info
            elif not rest:
                problems.append(Problem(info.filename, "lies outside the bundle's folder"))
        if len(tops) > 1:
            problems.append(Problem(", ".join(sorted(tops)), "more than one folder in the archive"))
        self.names = list(self.members)

    def open(self, name: str) -> IO[bytes]:
        return self.archive.open(self.members[name])


def unsafe(path: str) -> bool:
    """True for a path that could leave the bundle's folder or hide what it is."""
    parts = path.split("/")
    return (
        not path or path.startswith("/") or "\\" in path or ":" in path or any(part in ("", ".", "..") for part in parts)
        or any(ord(char) < 32 or ord(char) == 127 for char in path)
    )  # fmt: skip


# --- hashes --------------------------------------------------------------------------------------------------------


class Checker:
    """One pass over a bundle; collects problems instead of stopping at the first."""

    def __init__(self, path: Path) -> None:
        self.problems: list[Problem] = []
        self.hashes: dict[str, str] = {}
        self.bag = FolderBag(path, self.problems) if path.is_dir() else ZipBag(path, self.problems)

    def wrong(self, file: str, what: str) -> None:
        if Problem(file, what) not in self.problems:
            self.problems.append(Problem(file, what))

    def sha256(self, name: str) -> str:
        if name not in self.hashes:
            digest = hashlib.sha256()
            try:
                with self.bag.open(name) as stream:
                    for chunk in iter(lambda: stream.read(1 << 20), b""):
                        digest.update(chunk)
                self.hashes[name] = digest.hexdigest()
            except READ_ERRORS as error:
                self.wrong(name, f"cannot be read: {error}")
                self.hashes[name] = ""
        return self.hashes[name]

    def read(self, name: str) -> bytes:
        if name not in self.bag.names:
            return b""
        try:
            with self.bag.open(name) as stream:
                return stream.read(SMALL_FILE)
        except READ_ERRORS as error:
            self.wrong(name, f"cannot be read: {error}")
            return b""

    def manifest(self, name: str) -> dict[str, str]:
        """Path -> SHA-256 of a manifest; a line that cannot be one is a problem of the manifest."""
        listed: dict[str, str] = {}
        try:
            lines = self.read(name).decode("utf-8").split("\n")
        except UnicodeDecodeError:
            self.wrong(name, "is not UTF-8")
            return listed
        if lines.pop() != "":
            self.wrong(name, "does not end with a line end")
        for number, line in enumerate(lines, 1):
            match = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
            if match is None:
                self.wrong(name, f"line {number} is not a manifest line")
                continue
            path = match.group(2)
            if unsafe(path):
                self.wrong(name, f"line {number} has an unsafe path: {path!r}")
            elif path in listed:
                self.wrong(name, f"lists {path} twice")
            else:
                listed[path] = match.group(1)
        return listed

    def check_hashes(self) -> None:
        """Every file is in exactly one manifest and matches it; the two chains meet in the tag manifest."""
        tags, payload = self.manifest(TAGMANIFEST), self.manifest(MANIFEST)
        present = set(self.bag.names)
        unchained = {TAGMANIFEST} | {file for file, signed in self.signatures().values() if signed == TAGMANIFEST}
        wrong = [(name, "is missing") for name in (TAGMANIFEST, *REQUIRED_TAGS, *REQUIRED_PAYLOAD) if name not in present]
        wrong += [(TAGMANIFEST, f"does not list {name}") for name in REQUIRED_TAGS if name not in tags]
        wrong += [(TAGMANIFEST, f"must not list {name}") for name in tags if name.startswith("data/") or name in unchained]
        wrong += [(MANIFEST, f"must not list {name}") for name in payload if not name.startswith("data/")]
        for manifest, listed in ((TAGMANIFEST, tags), (MANIFEST, payload)):
            wrong += [(name, "is missing") for name in listed if name not in present]
            altered = [name for name, expected in sorted(listed.items()) if name in present and self.sha256(name) != expected]
            wrong += [(name, f"does not match its SHA-256 in {manifest}") for name in altered]
        added = present - set(tags) - set(payload) - unchained
        wrong += [(name, "is not listed in a manifest (added later)") for name in sorted(added)]
        for name, what in wrong:
            self.wrong(name, what)
        if self.read("bagit.txt") != BAGIT_TXT:
            self.wrong("bagit.txt", "is not the declaration of a BagIt 1.0 bag")

    def signatures(self) -> dict[str, tuple[str, str]]:
        """Per role: the signature's file and the file that it signs."""
        found = {role: (signature_file(role), signed) for role, signed in SIGNED.items()}
        if FIRST_EDITION_FILE in self.bag.names and found["inspector"][0] not in self.bag.names:
            found["inspector"] = (FIRST_EDITION_FILE, TAGMANIFEST)
        return found


def signature_file(role: str) -> str:
    return SIGNED[role].rpartition("/")[2] + f".{role}.sig"


# --- Ed25519, RFC 8032 ---------------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]


def add(a: Point, b: Point) -> Point:
    """Sum of two points in extended coordinates (RFC 8032, 5.1.4)."""
    minus, plus = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    cross, twice = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = plus - minus, twice - cross, twice + cross, plus + minus
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def decode_point(data: bytes) -> Point | None:
    """A point from 32 bytes (RFC 8032, 5.1.3); None if there is none or the encoding is not the canonical one."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_ok(key: bytes, message: bytes, signature: bytes) -> bool:
    """True if `signature` (64 bytes) over `message` was made with the private half of `key` (32 bytes)."""
    if len(signature) != 64 or len(key) != 32 or BASE is None:
        return False
    public, nonce, scalar = decode_point(key), decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    if public is None or nonce is None or scalar >= L or same(times(8, public), (0, 1, 1, 0)):
        return False  # a key of small order would "sign" anything
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return same(times(scalar, BASE), add(nonce, times(challenge, public)))


def same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


# --- certificates, RFC 5280 ----------------------------------------------------------------------------------------

OID_ED25519 = bytes.fromhex("2b6570")
OID_NAMES = {bytes.fromhex("550403"): "CN", bytes.fromhex("55040a"): "O", bytes.fromhex("55040b"): "OU",
             bytes.fromhex("0992268993f22c640101"): "UID", bytes.fromhex("550406"): "C"}  # fmt: skip


class Certificate(NamedTuple):
    """What is needed of a certificate: signed part, signature, names, validity, and the key if it is Ed25519."""

    der: bytes
    signed: bytes
    signature: bytes
    issuer: bytes
    subject: bytes
    names: dict[str, str]
    valid: tuple[str, str]
    ed25519: bytes

    def __str__(self) -> str:
        return ", ".join("{}={}".format(*item) for item in self.names.items())


def elements(der: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(tag, content, whole element) of each element of a DER sequence's content; ValueError on bad DER."""
    at = 0
    while at < len(der):
        if at + 2 > len(der):
            raise ValueError("cut off")
        tag, length, start = der[at], der[at + 1], at + 2
        if length & 128:
            size = length & 127
            length, start = int.from_bytes(der[start : start + size], "big"), start + size
        if start + length > len(der):
            raise ValueError("cut off")
        yield tag, der[start : start + length], der[at : start + length]
        at = start + length


def read_certificate(pem: bytes) -> Certificate:
    """The first certificate of a PEM text; ValueError if there is none."""
    match = re.search(rb"-----BEGIN CERTIFICATE-----\s(.+?)-----END CERTIFICATE-----", pem, re.DOTALL)
    if match is None:
        raise ValueError("no certificate in it")
    try:
        der = base64.b64decode(b"".join(match.group(1).split()), validate=True)
        ((_, content, _),) = elements(der)
        (_, signed_content, signed), _, (_, bits, _) = elements(content)
        fields = list(elements(signed_content))
        _, _, (_, _, issuer), (_, validity, _), (_, names, subject), (_, key_info, _) = fields[fields[0][0] == 0xA0 :][:6]
        (_, algorithm, _), (_, key_bits, _) = elements(key_info)
        is_ed25519 = next(elements(algorithm))[1] == OID_ED25519
        return Certificate(der, signed, bits[1:], issuer, subject, dict(_names(names)), _validity(validity),
                           key_bits[1:] if is_ed25519 else b"")  # fmt: skip
    except (binascii.Error, IndexError, StopIteration, UnicodeDecodeError) as error:
        msg = f"not a certificate: {error}"
        raise ValueError(msg) from error


def _names(sequence: bytes) -> Iterator[tuple[str, str]]:
    for _, group, _ in elements(sequence):
        for _, pair, _ in elements(group):
            (_, oid, _), (_, value, _) = elements(pair)
            yield OID_NAMES.get(oid, oid.hex()), value.decode("utf-8")


def _validity(sequence: bytes) -> tuple[str, str]:
    """Both ends as ``YYYYMMDDHHMMSSZ`` (UTCTime 50..99 is 19xx, RFC 5280 4.1.2.5.1)."""
    ends = []
    for tag, content, _ in elements(sequence):
        text = content.decode("ascii")
        ends.append(("19" if text[:2] >= "50" else "20") + text if tag == 0x17 else text)
    start, end = ends
    return start, end


def issued_by(certificate: Certificate, authority: Certificate, at: str) -> str:
    """Empty if `authority` issued `certificate` and both were valid at `at` (``YYYYMMDDHHMMSSZ``), else the reason."""
    if certificate.issuer != authority.subject:
        return "comes from another authority"
    if not (certificate.valid[0] <= at <= certificate.valid[1] and authority.valid[0] <= at <= authority.valid[1]):
        return "was not valid at the time of signing"
    if authority.ed25519:
        signed = ed25519_ok(authority.ed25519, certificate.signed, certificate.signature)
    else:
        signed = openssl_issued_by(certificate, authority)
    return "" if signed else "was not signed by the authority"


def openssl_issued_by(certificate: Certificate, authority: Certificate) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, one in (("ca.pem", authority), ("leaf.pem", certificate)):
            path = Path(folder) / name
            path.write_bytes(pem_of(one))
            paths.append(str(path))
        command = ["openssl", "verify", "-no_check_time", "-no-CApath", "-no-CAstore", "-CAfile", *paths]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
        except FileNotFoundError as error:
            raise NoOpenssl from error
    return done.returncode == 0


def pem_of(certificate: Certificate) -> bytes:
    text = base64.encodebytes(certificate.der).replace(b"\n", b"")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return b"-----BEGIN CERTIFICATE-----\n" + b"\n".join(lines) + b"\n-----END CERTIFICATE-----\n"


# --- journal, RFC 8785 ---------------------------------------------------------------------------------------------


def canonical(value: Any) -> str:
    """RFC 8785 text of a JSON value."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(one) for one in value) + "]"
    if isinstance(value, float):
        return number_text(value)
    return json.dumps(value, ensure_ascii=False)


def number_text(value: float) -> str:
    """A number as ECMAScript writes it, which RFC 8785 asks for."""
    if value == 0:
        return "0"
    sign, text = ("-" if value < 0 else ""), repr(abs(value))
    mantissa, _, exponent = text.partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + ("" if part == "0" else part)).lstrip("0")
    point = int(exponent or 0) + (len(whole) if whole != "0" else len(digits) - len(part))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = point - 1
    return (
        sign + digits[0] + ("." + digits[1:] if len(digits) > 1 else "") + "e" + ("+" if power > 0 else "-") + str(abs(power))
    )


def check_journal(checker: Checker, record: dict[str, Any]) -> None:
    """The chain has no hole, belongs to this inspection and ends where the record says."""
    name, previous = "data/journal.jsonl", "0" * 64
    try:
        for number, line in enumerate(checker.read(name).decode("utf-8").splitlines(), 1):
            entry = json.loads(line)
            claimed, before = entry.pop("hash"), entry.pop("prev_hash")
            digest = hashlib.sha256((before + canonical(entry)).encode("utf-8")).hexdigest()
            if entry["seq"] != number or before != previous or digest != claimed or entry["stream"] != record["journal_stream"]:
                checker.wrong(name, f"chain broken at entry {number}")
                return
            previous = claimed
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        checker.wrong(name, f"is not a journal: {error}")
        return
    if previous != record.get("journal_head"):
        checker.wrong(name, "does not end at the head named in record.json")


# --- the whole -----------------------------------------------------------------------------------------------------


def check_content(checker: Checker, info: dict[str, str]) -> None:
    """What the hashes alone do not say: journal, completeness of the evidence, the unsigned report inside the signed."""
    try:
        record = json.loads(checker.read("data/record.json").decode("utf-8"))
        wanted = {str(one["sha256"]) for one in record["evidence"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        checker.wrong("data/record.json", f"is not a record: {error}")
        return
    check_journal(checker, record)
    held = {name[len(EVIDENCE) :].split(".")[0]: name for name in checker.bag.names if name.startswith(EVIDENCE)}
    for stem, name in held.items():
        if checker.sha256(name) != stem:
            checker.wrong(name, "its content does not match its name")
    for sha256 in sorted(wanted - set(held)):
        checker.wrong(EVIDENCE + sha256, "is named in record.json and missing")
    for label, value in info.items():
        match = re.fullmatch(r"([0-9a-f]{64}) (\d{1,12})", value)
        if label.startswith("Unsigned-") and match is not None:
            check_beginning(checker, "data/" + label[len("Unsigned-") :], match.group(1), int(match.group(2)))


def check_beginning(checker: Checker, name: str, sha256: str, size: int) -> None:
    """The first `size` bytes of a signed PDF are the unsigned one."""
    if name not in checker.bag.names:
        checker.wrong(name, "is missing")
        return
    try:
        with checker.bag.open(name) as stream:
            head = stream.read(size)
    except READ_ERRORS as error:
        checker.wrong(name, f"cannot be read: {error}")
        return
    if len(head) != size or hashlib.sha256(head).hexdigest() != sha256:
        checker.wrong(name, "does not begin with the unsigned report")


def bag_info(checker: Checker) -> dict[str, str]:
    lines = checker.read("bag-info.txt").decode("utf-8", "replace").splitlines()
    return dict(([*line.split(": ", 1), ""])[:2] for line in lines if ": " in line)


def check_signatures(checker: Checker) -> dict[str, Certificate]:
    """The detached signatures, of the inspector over the record and of the supervisor over the tag manifest; two persons."""
    certificates: dict[str, Certificate] = {}
    for role, (file, signed) in checker.signatures().items():
        certificate_file = f"trust/{role}.pem"
        if file not in checker.bag.names:
            checker.wrong(file, "is missing")
            continue
        try:
            certificate = read_certificate(checker.read(certificate_file))
        except ValueError as error:
            checker.wrong(certificate_file, str(error))
            continue
        if certificate.names.get("OU") != role or not certificate.ed25519:
            checker.wrong(certificate_file, f"is not an Ed25519 certificate for the role {role}")
        elif not ed25519_ok(certificate.ed25519, checker.read(signed), checker.read(file)):
            checker.wrong(file, f"the signature does not fit {signed} (one of the two was altered)")
        certificates[role] = certificate
    if len({one.ed25519 for one in certificates.values()}) < len(certificates):
        checker.wrong("trust/supervisor.pem", "both signatures come from one key")
    if len({one.names.get("UID") for one in certificates.values()}) < len(certificates):
        checker.wrong("trust/supervisor.pem", "both signatures come from one person")
    return certificates


def check(path: Path, trust: str | None = None) -> Result:
    """Check the bundle at `path`; `trust` is a PEM file or the SHA-256 of the authority's certificate.

    Raises:
        OSError: the bundle or the PEM file cannot be opened.
        ValueError: `trust` is neither, or the archive is no zip file.
        NoOpenssl: see there.
    """
    anchor: Certificate | None = None
    fingerprint = trust.replace(":", "").lower() if trust else ""
    if trust and not re.fullmatch(r"[0-9a-f]{64}", fingerprint):
        anchor = read_certificate(Path(trust).read_bytes())
    try:
        checker = Checker(path)
    except zipfile.BadZipFile as error:
        return Result(ALTERED, [Problem(path.name, f"is not a readable zip: {error}")], 0, {}, "", False, {})
    checker.check_hashes()
    info = bag_info(checker)
    check_content(checker, info)
    certificates = check_signatures(checker)
    own: Certificate | None = None
    try:
        own = read_certificate(checker.read("trust/ca.pem"))
    except ValueError as error:
        checker.wrong("trust/ca.pem", str(error))
    status, problems = UNKNOWN, checker.problems
    if problems:
        status = ALTERED
    elif trust:
        status, problems = judge_trust(anchor, own, fingerprint, certificates, info.get("Signed-At", ""))
    named = {role: str(certificate) for role, certificate in certificates.items()}
    demo = any(DEMO_MARK in name for name in named.values()) or (own is not None and DEMO_MARK in str(own))
    return Result(status, problems, len(checker.bag.names), named,
                  hashlib.sha256(own.der).hexdigest() if own else "", demo, info)  # fmt: skip


def judge_trust(
    anchor: Certificate | None, own: Certificate | None, fingerprint: str, signers: dict[str, Certificate], signed_at: str
) -> tuple[str, list[Problem]]:
    if anchor is None and own is not None and hashlib.sha256(own.der).hexdigest() == fingerprint:
        anchor = own
    if anchor is None:
        return NOT_TRUSTED, [Problem("trust/ca.pem", "is not the authority you trust")]
    moment = re.sub(r"[-:T]|\.\d+", "", signed_at)
    reasons = [Problem(f"trust/{role}.pem", issued_by(one, anchor, moment)) for role, one in sorted(signers.items())]
    reasons = [reason for reason in reasons if reason.what]
    return (NOT_TRUSTED if reasons or set(signers) != set(ROLES) else TRUSTED), reasons


def as_json(result: Result) -> dict[str, Any]:
    """The ``--json`` object."""
    data = dict(result._asdict(), problems=[problem._asdict() for problem in result.problems], exit_status=result.exit_status)
    return {"schema": "yunjian.verify/1", "data": data, "warnings": [DEMO_MARK] if result.demo else []}


def as_text(result: Result) -> str:
    lines = [result.status]
    if result.demo:
        lines.append(DEMO_MARK)
    lines += ["  {}: {}".format(*problem) for problem in result.problems]
    lines.append(f"files: {result.files}")
    lines += ["{}: {}".format(*item) for item in result.signers.items()]
    lines += [
        "signed at: {}".format(result.info.get("Signed-At", "?")),
        "time stamp: {}".format(result.info.get("Time-Stamp", "?")),
    ]
    lines.append(f"authority SHA-256: {result.authority_sha256}")
    if result.status == UNKNOWN:
        lines.append("Who signed is not known: give --trust CA.pem or --trust SHA256, obtained from the authority itself.")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check a YunJian bundle offline.")
    parser.add_argument("bag", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--trust", help="the authority's certificate (PEM) or its SHA-256, from a source you trust")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        result = check(Path(options.bag), options.trust)
    except NoOpenssl:
        print("openssl is needed for this authority's key and is not installed", file=sys.stderr)  # noqa: T201
        return 5
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(json.dumps(as_json(result), ensure_ascii=False, indent=1) if options.json else as_text(result))  # noqa: T201
    return result.exit_status


if __name__ == "__main__":
    sys.exit(main())
