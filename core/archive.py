"""Owns the form of a backup archive: a plain tar with a manifest first, and its reading as untrusted input.

Never extracts by name: the reader takes only regular files, in exactly the manifest's order, under names of a fixed shape.
Links, devices, extended headers, sparse files, compression and doubled or extra members are refused by construction.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import Altered, InputError

MANIFEST = "manifest.json"
SCHEMA: Final = "yunjian.backup/1"
CHUNK = 1 << 20
_BLOCK = tarfile.BLOCKSIZE
_MAX_MANIFEST_BYTES = 256 << 20  # a million stored files take about 160 MB
_NAME = re.compile(r"db/(yunjian\.db|ais\.db|postgresql\.dump)|files/([0-9a-f]{2})/([0-9a-f]{2})/(\2\3[0-9a-f]{60})")


class Member(BaseModel):
    """One file of the archive."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0)

    @field_validator("name")
    @classmethod
    def _fixed_shape(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("not a name of a backup")
        return name


class Head(BaseModel):
    """The last entry of a journal stream."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    stream: str
    seq: int
    hash: str


class Manifest(BaseModel):
    """What the archive holds and what the database must look like after a restore.

    `rows` counts rows per table; `broken` names journal streams that did not verify when the backup was made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    schema_: Literal["yunjian.backup/1"] = Field(default=SCHEMA, alias="schema")
    made_at: datetime
    database: Literal["sqlite", "postgresql"]
    members: tuple[Member, ...]
    heads: tuple[Head, ...]
    broken: tuple[str, ...]
    rows: dict[str, int]

    @property
    def total_bytes(self) -> int:
        return sum(member.size for member in self.members)


def header(name: str, size: int, at: datetime) -> bytes:
    """The one 512-byte header of a member (GNU form: sizes beyond 8 GB fit without an extended header)."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(at.timestamp())
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def padding(size: int) -> bytes:
    """Zeros up to the next block."""
    return b"\0" * (-size % _BLOCK)


def end_mark() -> bytes:
    """Two blocks of zeros end a tar."""
    return b"\0" * (2 * _BLOCK)


def read_manifest(stream: BinaryIO) -> Manifest:
    """The first member.

    Raises:
        InputError ``backup.not_an_archive``: not a backup, or its manifest is not one.
    """
    name, size = _next_header(stream)
    if name != MANIFEST or size > _MAX_MANIFEST_BYTES:
        raise InputError("backup.not_an_archive", reason="manifest")
    data = b"".join(content(stream, size))
    try:
        manifest = Manifest.model_validate_json(data)
    except (ValidationError, ValueError) as error:
        raise InputError("backup.not_an_archive", reason="manifest") from error
    names = [member.name for member in manifest.members]
    if len(set(names)) != len(names):
        raise InputError("backup.not_an_archive", reason="manifest")
    return manifest


def open_member(stream: BinaryIO, expected: Member) -> Iterator[bytes]:
    """The content of the next member, which must be `expected`.

    Raises:
        Altered ``backup.altered``: another member comes here, or of another size.
        InputError ``backup.not_an_archive``: the tar is cut short or holds something that is not a plain file.
    """
    name, size = _next_header(stream)
    if name != expected.name or size != expected.size:
        raise Altered("backup.altered", name=expected.name)
    return content(stream, size)


def require_end(stream: BinaryIO) -> None:
    """Nothing may follow the last member. Raises Altered ``backup.altered``."""
    while block := stream.read(CHUNK):
        if block.strip(b"\0"):
            raise Altered("backup.altered", name="end")


def content(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """`size` bytes in pieces, then the padding. Raises InputError where the file ends too early."""
    left = size
    while left:
        chunk = stream.read(min(CHUNK, left))
        if not chunk:
            raise InputError("backup.not_an_archive", reason="truncated")
        left -= len(chunk)
        yield chunk
    stream.read(-size % _BLOCK)


def _next_header(stream: BinaryIO) -> tuple[str, int]:
    block = stream.read(_BLOCK)
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError) as error:
        raise InputError("backup.not_an_archive", reason="header") from error
    if info.type != tarfile.REGTYPE or info.size < 0:
        raise InputError("backup.not_an_archive", reason=f"member {info.name[:100]!r} is not a plain file")
    return info.name, info.size
