"""The file store: content-addressed, nothing half-written on a full disk, nothing already stored lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from core.errors import Altered, NotFound, StorageFull
from core.files import FileStore


def everything(files: FileStore) -> list[str]:
    return sorted(str(path.relative_to(files.root)) for path in files.root.rglob("*") if path.is_file())


def test_put_and_read(files: FileStore, tmp_path: Path) -> None:
    stored = files.put_bytes(b"abc")
    assert stored.size == 3
    assert files.read(stored.sha256) == b"abc"
    (tmp_path / "x").write_bytes(b"abc")
    assert files.put_path(tmp_path / "x") == stored
    assert list(files.hashes()) == [stored.sha256]
    assert files.path(stored.sha256).stat().st_mode & 0o222 == 0


def _full(*_args: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_while_writing(files: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = files.put_bytes(b"kept")
    before = everything(files)
    monkeypatch.setattr(FileStore, "_write", staticmethod(_full))
    with pytest.raises(StorageFull) as caught:
        files.put_bytes(b"new")
    assert caught.value.code == "storage_full"
    assert everything(files) == before
    assert files.read(kept.sha256) == b"kept"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_full_disk_at_the_end(files: FileStore, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    files.put_bytes(b"kept")
    before = everything(files)
    with monkeypatch.context() as patched:
        patched.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), _full)
        with pytest.raises(StorageFull):
            files.put_bytes(b"new")
    assert everything(files) == before
    assert files.read(files.put_bytes(b"new").sha256) == b"new"  # space again: the run goes on


def test_another_fault_is_not_called_a_full_disk(files: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(FileStore, "_write", staticmethod(broken))
    with pytest.raises(OSError, match="I/O"):
        files.put_bytes(b"new")
    assert everything(files) == []


def test_a_source_that_fails_leaves_nothing(files: FileStore) -> None:
    def chunks():
        yield b"first"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        files.put(chunks())
    assert everything(files) == []


def test_altered_and_missing(files: FileStore) -> None:
    stored = files.put_bytes(b"abc")
    path = files.path(stored.sha256)
    path.chmod(0o600)
    path.write_bytes(b"abd")
    with pytest.raises(Altered):
        files.read(stored.sha256)
    for name in ("0" * 64, "../../etc/passwd", "", "A" * 64):
        with pytest.raises(NotFound):
            files.path(name)
