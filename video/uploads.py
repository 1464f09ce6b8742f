"""Owns resumable uploads (tus 1.0: core, creation, checksum, expiration) and making a finished one evidence.

Never uses a name that came from outside as a path, and never counts a byte that is not on disk.
tuspyserver was weighed: it keeps offsets in JSON beside the file without sync and has no per-seat quota.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Annotated, Literal

import PIL
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.context import Services
from core.errors import Altered, InputError, NotFound, Refused, StorageFull
from core.evidence import Envelope, Position
from core.ids import new_id
from video import answers, asking, keeping, service, store
from video.model import AwareTime, Right, SeatKey
from video.rooms import Rooms

TUS_VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,expiration,termination"
CHECKSUM_STATUS = 460  # tus 1.0, checksum: a status of its own, unknown to http.HTTPStatus
CHECKSUMS = ("sha256", "sha1")
_ISO_BMFF = b"ftyp"
_EBML = b"\x1aE\xdf\xa3"


class ChecksumMismatch(InputError):
    """Answered with `CHECKSUM_STATUS`."""


class TooMuch(Refused):
    http_status = 413


class VersionMismatch(InputError):
    http_status = 412


class Busy(Refused):
    http_status = 423


class UploadFacts(BaseModel):
    """What the page says about a picture, from ``Upload-Metadata``. `sha256` is checked against what arrives."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    media_type: Literal[
        "image/jpeg", "image/png", "image/webp", "image/heic", "video/webm", "video/mp4", "application/vnd.yunjian.answer+json"
    ]
    captured_at: AwareTime
    item_ref: Annotated[str | None, Field(max_length=200)] = None
    clock_offset_ms: Annotated[int | None, Field(ge=-(10**12), le=10**12)] = None
    device: Annotated[str, Field(max_length=200)] = ""
    position: tuple[float, float, float, str] | None = None
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None
    client_key: Annotated[str | None, Field(max_length=64)] = None
    order: Annotated[int | None, Field(ge=0)] = None
    """The number of the capture on its phone: what was made without a link keeps its order."""
    filename: Annotated[str, Field(max_length=300)] = ""
    held_on: Literal["wechat", "dingtalk", "tencent_meeting", "other"] | None = None
    """The service that carried the call this file comes from: it is not of our making, and its time is not proven."""


def parse_metadata(header: str) -> UploadFacts:
    """Read ``Upload-Metadata``: comma-separated ``key base64(value)`` pairs (tus 1.0, creation).

    Raises:
        InputError: not base64, or a fact is missing or wrong.
    """
    found: dict[str, object] = {}
    try:
        for pair in filter(None, (part.strip() for part in header.split(","))):
            name, _, value = pair.partition(" ")
            found[name] = base64.b64decode(value, validate=True).decode()
        if found.get("position"):
            lon, lat, accuracy, source = str(found["position"]).split(",")
            found["position"] = (float(lon), float(lat), float(accuracy), source[:40])
        return UploadFacts.model_validate({name: value for name, value in found.items() if value != ""})
    except (ValidationError, ValueError, binascii.Error) as error:
        what = error.errors()[0]["loc"][0] if isinstance(error, ValidationError) else "Upload-Metadata"
        raise InputError("video.upload_request", what=what) from error


def parse_checksum(header: str | None) -> tuple[str, bytes] | None:
    """``Upload-Checksum: sha256 <base64>``; None without one.

    Raises:
        InputError: an algorithm we do not have, or not base64.
    """
    if header is None:
        return None
    name, _, value = header.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise InputError("video.upload_request", what="Upload-Checksum") from error
    if name not in CHECKSUMS:
        raise InputError("video.upload_request", what="Upload-Checksum")
    return name, digest


@dataclass(frozen=True, slots=True)
class Slot:
    """An upload as it stands: bytes that are safe, and how many are to come."""

    id: str
    path: Path
    offset: int
    length: int
    expires_at: datetime


OpenPart = Callable[[Path], IO[bytes]]


def _open_part(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)


class Uploads:
    """Parts lie in ``data_dir/uploads/<id>.part``; the offset in the database is the truth, the file may be longer."""

    def __init__(self, services: Services, rooms: Rooms, open_part: OpenPart = _open_part) -> None:
        self._services, self._rooms, self._open_part = services, rooms, open_part
        self._root = services.settings.data_dir / "uploads"
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    @property
    def max_bytes(self) -> int:
        return self._services.settings.video.seat_quota_mb * 1_000_000

    def create(self, key: SeatKey, length: int, facts: UploadFacts) -> Slot:
        """Announce an upload. The same `client_key` from the same seat finds the upload that is there already.

        Raises:
            TooMuch: the seat's quota.
        """
        service.require(key, Right.STILL if facts.held_on is None else Right.LEAD)
        self.sweep()
        now = self._services.clock.now()
        with self._services.db.write() as session:
            known = store.upload_by_key(session, key.seat_id, facts.client_key) if facts.client_key else None
            if known is not None:
                return self._slot(known)
            if length < 1:
                raise InputError("video.upload_request", what="Upload-Length")
            if store.promised_bytes(session, key.seat_id) + length > self.max_bytes:
                raise TooMuch("video.upload_quota", quota_mb=self._services.settings.video.seat_quota_mb)
            row = store.UploadRow(
                id=new_id(), room_id=key.room_id, seat_id=key.seat_id, length_bytes=length, offset_bytes=0,
                facts=facts.model_dump(mode="json"), client_key=facts.client_key, created_at=now,
                expires_at=now + timedelta(hours=self._services.settings.video.upload_hours), finished_at=None,
            )  # fmt: skip
            session.add(row)
            session.flush()
            return self._slot(row)

    def find(self, key: SeatKey, upload_id: str) -> Slot:
        """A seat's own upload. Raises NotFound, also for another seat's and for an expired one."""
        with self._services.db.read() as session:
            row = store.upload(session, upload_id)
            if row is None or row.seat_id != key.seat_id:
                raise NotFound("video.upload_missing")
            if row.finished_at is None and row.expires_at <= self._services.clock.now():
                raise NotFound("video.upload_missing")
            return self._slot(row)

    async def receive(self, slot: Slot, offset: int, body: AsyncIterator[bytes], checksum: tuple[str, bytes] | None) -> int:
        """Write a piece behind what is safe; returns the new length of what is on disk. `commit` makes it count.

        A connection that breaks keeps what came, unless the piece had a checksum: then nothing of it counts.

        Raises:
            Refused: the piece begins elsewhere. ChecksumMismatch, StorageFull, TooMuch.
        """
        if offset != slot.offset:
            raise Refused("video.upload_offset", offset=slot.offset)
        digest = hashlib.new(checksum[0]) if checksum else None
        at = slot.offset
        self._root.mkdir(parents=True, exist_ok=True)
        try:
            with self._open_part(slot.path) as part:
                part.truncate(slot.offset)  # bytes of a piece that never counted
                part.seek(slot.offset)
                broken = False
                try:
                    async for chunk in body:
                        at += len(chunk)
                        if at > slot.length:
                            raise TooMuch("video.upload_request", what="Upload-Length")
                        part.write(chunk)
                        if digest is not None:
                            digest.update(chunk)
                except ConnectionError:
                    broken = True
                if digest is not None and checksum is not None and (broken or digest.digest() != checksum[1]):
                    part.truncate(slot.offset)
                    raise ChecksumMismatch("video.upload_checksum")
                os.fsync(part.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("storage_full", name="upload") from error
            raise
        return at

    @contextmanager
    def hold(self, upload_id: str) -> Iterator[None]:
        """One piece of an upload at a time. Raises Busy."""
        with self._lock:
            if upload_id in self._busy:
                raise Busy("video.upload_busy")
            self._busy.add(upload_id)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(upload_id)

    def commit(self, key: SeatKey, slot: Slot, at: int) -> Envelope | None:
        """Count what is on disk; the last byte makes it evidence, whose envelope is returned.

        Raises:
            Altered, InputError: it is not what was announced, or no picture; the upload is gone then.
        """
        with self._services.db.write() as session:
            row = store.upload(session, slot.id)
            if row is None or row.offset_bytes != slot.offset:
                raise Refused("video.upload_offset", offset=row.offset_bytes if row else 0)
            row.offset_bytes = at
        return self.finish(key, slot.id) if at == slot.length else None

    def finish(self, key: SeatKey, upload_id: str) -> Envelope | None:
        """Turn a complete upload into evidence; a repeat does nothing. Also mends a kill between last byte and this."""
        slot = self.find(key, upload_id)
        with self._services.db.read() as session:
            row = store.upload(session, upload_id)
            if row is None or row.finished_at is not None or row.offset_bytes < row.length_bytes:
                return None
            facts = UploadFacts.model_validate(row.facts)
        answer = None
        try:
            if facts.media_type == answers.MEDIA_TYPE:
                answer = answers.read_answer(slot.path)
            else:
                require_picture(slot.path, facts.media_type)
            stored = self._services.files.put_path(slot.path)
            require_hash(stored.sha256, facts.sha256)
        except (InputError, Altered):
            self.discard(key, upload_id)
            raise
        envelope = self._keep(key, upload_id, facts, stored.sha256, stored.size)
        slot.path.unlink(missing_ok=True)
        asking.tell_kept(self._rooms, key.room_id, envelope, answer)
        return envelope

    def discard(self, key: SeatKey, upload_id: str) -> None:
        """Give an unfinished upload up (tus termination)."""
        slot = self.find(key, upload_id)
        with self._services.db.write() as session:
            row = store.upload(session, upload_id)
            if row is not None and row.finished_at is None:
                session.delete(row)
                slot.path.unlink(missing_ok=True)

    def sweep(self) -> int:
        """Delete what was never finished in time; returns how many."""
        with self._services.db.write() as session:
            gone = store.expired_uploads(session, self._services.clock.now())
            paths = [self._path(row.id) for row in gone]
            for row in gone:
                session.delete(row)
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _keep(self, key: SeatKey, upload_id: str, facts: UploadFacts, sha256: str, size: int) -> Envelope:
        now = self._services.clock.now()
        with self._services.db.write() as session:
            outside = facts.held_on is not None
            asked = store.open_request(session, key.room_id, facts.item_ref) if facts.item_ref and not outside else None
            where = asking.recording_position(session, self._services, key.room_id)
            position = facts.position
            envelope = Envelope(
                id=upload_id, sha256=sha256, size=size, media_type=facts.media_type,
                kind="external" if outside else _kind(facts.media_type),
                captured_at=facts.captured_at, clock_offset_ms=facts.clock_offset_ms, received_at=now,
                device=facts.device or f"seat:{key.seat_id}",
                position=None if position is None
                else Position(lonlat=(position[0], position[1]), accuracy_m=position[2], source=position[3]),
                producer="video", subject_ref=key.subject_ref, item_ref=facts.item_ref,
                extra={"source": "external" if outside else "device", "room_id": key.room_id, "seat_id": key.seat_id,
                       "shot_by": None if outside else key.actor,
                       **({"held_on": facts.held_on, "time_proven": False, "imported_by": key.actor} if outside else {}),
                       "asked_by": asked.asked_by if asked else None, "request_id": asked.id if asked else None,
                       "unit": asked.unit if asked else None, "challenge": asked.challenge if asked else None,
                       "recording": where, "file_name": safe_name(facts.filename), "order": facts.order,
                       **({"part": "answer"} if facts.media_type == answers.MEDIA_TYPE else {})},
            )  # fmt: skip
            keeping.keep(session, self._services, envelope, key.actor)
            row = store.upload(session, upload_id)
            if row is not None:
                row.finished_at = now
            if asked is not None:
                asked.evidence_id = envelope.id
        return envelope

    def _slot(self, row: store.UploadRow) -> Slot:
        return Slot(row.id, self._path(row.id), row.offset_bytes, row.length_bytes, row.expires_at)

    def _path(self, upload_id: str) -> Path:
        return self._root / f"{upload_id}.part"


def _kind(media_type: str) -> Literal["document", "clip", "still"]:
    if media_type == answers.MEDIA_TYPE:
        return "document"
    return "clip" if media_type.startswith("video/") else "still"


def require_hash(found: str, announced: str | None) -> None:
    """Raises Altered if the file is not the one that was announced."""
    if announced is not None and found != announced:
        raise Altered("video.upload_altered")


def safe_name(name: str) -> str:
    """The last part of a file name, printable, at most 100 characters: shown, never used as a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(char for char in last if char.isprintable()).strip(". ")[:100]


def require_picture(path: Path, media_type: str) -> None:
    """Look whether the bytes are of the announced kind.

    Raises:
        InputError: they are not.
    """
    with path.open("rb") as stream:
        head = stream.read(32)
    if media_type in ("image/heic", "video/mp4"):
        good = head[4:8] == _ISO_BMFF
    elif media_type == "video/webm":
        good = head[:4] == _EBML
    else:
        good = _opens(path, media_type)
    if not good:
        raise InputError("video.not_a_picture")


def _opens(path: Path, media_type: str) -> bool:
    try:
        with Image.open(path) as image:
            image.verify()
            return Image.MIME.get(image.format or "") == media_type
    except (PIL.UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return False
