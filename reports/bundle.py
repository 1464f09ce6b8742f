"""Owns the bag on disk: BagIt 1.0 (RFC 8493) writer, detached signatures over the tag manifest, and the .zip of it.

Never shows a half-written bag: everything goes into a hidden folder, is synced, then renamed.
(`bagit` from PyPI writes version 0.97, so the writer is our own; `reports.verify` reads it back.)
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.x509 import Certificate

from core.errors import Altered, StorageFull
from reports import verify
from reports.keys import SignerRole, as_pem, public_pem

HIDDEN = ".building-"
_CHUNK = 1 << 20
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the archive carries no time of its own


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """One file of ``data/``: bytes, or a path with the SHA-256 it must have."""

    name: str
    source: bytes | Path
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class BagContent:
    """Everything that goes into a bag. `info` are the lines of ``bag-info.txt`` in order; `certificates` are ``manifest``,
    ``pdf`` and ``ca`` of each role; `record_signature` is the inspector's, over ``record.json``; `seal` makes the
    supervisor's, over the tag manifest.
    """

    name: str
    payload: tuple[PayloadFile, ...]
    info: tuple[tuple[str, str], ...]
    instructions: str
    certificates: Mapping[SignerRole, Mapping[str, Certificate]]
    record_signature: bytes
    seal: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class BuiltBag:
    """What came to rest."""

    path: Path
    tagmanifest_sha256: str
    files: int
    bytes: int


def write_bag(content: BagContent, parent: Path) -> BuiltBag:
    """Write, sign and show a bag under `parent`.

    Raises:
        Altered: a source file does not have the SHA-256 it must have.
        StorageFull: no space; nothing is left behind.
        FileExistsError: a bag of that name is already there.
    """
    final = parent / content.name
    if final.exists():
        raise FileExistsError(final)
    parent.mkdir(parents=True, exist_ok=True)
    building = parent / f"{HIDDEN}{content.name}-{secrets.token_hex(4)}"
    with _no_space_as_error(content.name):
        try:
            built = _fill(building, content)
            building.rename(final)
            sync_folder(parent)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return BuiltBag(final, *built)


def write_zip(bag: Path, target: Path) -> Path:
    """The bag as an uncompressed archive with one folder in it; the same bag gives the same bytes."""
    temporary = target.with_name(f"{HIDDEN}{target.name}-{secrets.token_hex(4)}")
    with _no_space_as_error(target.name):
        try:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
                for file in sorted(path for path in bag.rglob("*") if path.is_file()):
                    entry = zipfile.ZipInfo(f"{bag.name}/{file.relative_to(bag).as_posix()}", _ZIP_DATE)
                    entry.create_system, entry.external_attr = 3, 0o644 << 16
                    with file.open("rb") as source, archive.open(entry, "w", force_zip64=True) as out:
                        shutil.copyfileobj(source, out, _CHUNK)
            _sync_file(temporary)
            temporary.replace(target)
            sync_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    return target


def sweep(target: Path) -> int:
    """Remove what a killed run left hidden on its way to `target`; returns how many."""
    left = list(target.parent.glob(f"{HIDDEN}{target.name}-*"))
    for path in left:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(left)


def sync_folder(path: Path) -> None:
    """Make a rename in `path` durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fill(root: Path, content: BagContent) -> tuple[str, int, int]:
    payload = {f"data/{one.name}": _put(root / "data" / one.name, one) for one in content.payload}
    octets = sum(size for _, size in payload.values())
    manifest = _manifest({name: digest for name, (digest, _) in payload.items()})
    info = (*content.info, ("Payload-Oxum", f"{octets}.{len(payload)}"))
    tags = {
        "bagit.txt": verify.BAGIT_TXT,
        "bag-info.txt": "".join(f"{label}: {_one_line(value)}\n" for label, value in info).encode(),
        verify.MANIFEST: manifest,
        "VERIFY.txt": content.instructions.encode(),
        "verify.py": Path(verify.__file__).read_bytes(),
        verify.signature_file("inspector"): content.record_signature,
        **_trust_files(content.certificates),
    }
    hashes = {name: _put(root / name, PayloadFile(name, data))[0] for name, data in tags.items()}
    tagmanifest = _manifest(hashes)
    sealed = {verify.TAGMANIFEST: tagmanifest, verify.signature_file("supervisor"): content.seal(tagmanifest)}
    for name, data in sealed.items():
        _put(root / name, PayloadFile(name, data))
    for folder in {path.parent for path in root.rglob("*")}:
        sync_folder(folder)
    return hashlib.sha256(tagmanifest).hexdigest(), len(payload) + len(tags) + len(sealed), octets


def _trust_files(certificates: Mapping[SignerRole, Mapping[str, Certificate]]) -> dict[str, bytes]:
    files = {"trust/ca.pem": as_pem(certificates["inspector"]["ca"])}
    for role, held in certificates.items():
        files[f"trust/{role}.pem"] = as_pem(held["manifest"])
        files[f"trust/{role}.pub.pem"] = public_pem(held["manifest"])
        files[f"trust/{role}.pdf.pem"] = as_pem(held["pdf"])
    return files


def _put(path: Path, file: PayloadFile) -> tuple[str, int]:
    """Write and sync one file; its SHA-256 and size."""
    if verify.unsafe(file.name):
        raise ValueError(f"unsafe name in a bag: {file.name!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as target:
        for chunk in _chunks(file.source):
            digest.update(chunk)
            size += len(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if file.sha256 is not None and digest.hexdigest() != file.sha256:
        raise Altered("file.altered", sha256=file.sha256)
    return digest.hexdigest(), size


def _chunks(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _manifest(hashes: dict[str, str]) -> bytes:
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items())).encode()


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _sync_file(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


@contextmanager
def _no_space_as_error(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("storage_full", name=name) from error
        raise
