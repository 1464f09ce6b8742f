"""Owns the content-addressed file store: a file is named by its SHA-256 and never changes.

Never shows a half-written file: data goes to a temporary name, is synced, then renamed.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO

from core.errors import Altered, NotFound, StorageFull

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What came to rest: hex SHA-256 and size in bytes."""

    sha256: str
    size: int


class FileStore:
    """Files under ``root/ab/cd/<sha256>``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where a file lies; raises NotFound if it does not."""
        if len(sha256) != 64 or not all(char in "0123456789abcdef" for char in sha256):
            raise NotFound("file.missing", sha256=sha256)
        path = self.root / sha256[:2] / sha256[2:4] / sha256
        if not path.is_file():
            raise NotFound("file.missing", sha256=sha256)
        return path

    def put_bytes(self, data: bytes) -> StoredFile:
        return self.put((data,))

    def put_path(self, source: Path) -> StoredFile:
        with source.open("rb") as stream:
            return self.put(_chunks(stream))

    def put(self, chunks: Iterable[bytes]) -> StoredFile:
        """Store a stream of bytes.

        Raises:
            StorageFull: the disk is full; nothing is left behind.
        """
        digest, size = hashlib.sha256(), 0
        temporary: Path | None = None
        try:
            with NamedTemporaryFile(dir=self.root, prefix=".incoming-", delete=False) as target:
                temporary = Path(target.name)
                for chunk in chunks:
                    self._write(target.file, chunk)
                    digest.update(chunk)
                    size += len(chunk)
                target.flush()
                os.fsync(target.fileno())
            final = self.root / digest.hexdigest()[:2] / digest.hexdigest()[2:4] / digest.hexdigest()
            final.parent.mkdir(parents=True, exist_ok=True)
            temporary.chmod(0o440)
            temporary.replace(final)
            _sync_directory(final.parent)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("storage_full", name="file") from error
            raise
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
        return StoredFile(digest.hexdigest(), size)

    def read(self, sha256: str) -> bytes:
        """Content, checked against its name.

        Raises:
            Altered: the bytes no longer match.
        """
        data = self.path(sha256).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Altered("file.altered", sha256=sha256)
        return data

    def hashes(self) -> Iterable[str]:
        """Names of all stored files."""
        return (path.name for path in self.root.glob("??/??/*"))

    @staticmethod
    def _write(target: IO[bytes], chunk: bytes) -> None:
        target.write(chunk)


def _chunks(stream: BinaryIO) -> Iterable[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
