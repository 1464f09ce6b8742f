from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from config import Settings
from core import evidence, journal
from core.clock import ManualClock, rfc3339
from core.context import Services
from core.db import Base, Database
from core.errors import Altered, InputError, NotFound, Refused, StorageFull
from core.files import FileStore
from core.ids import new_id
from video import store
from video.clip import nameplate
from video.model import RoomState, SeatKey, SeatRole, SeatState
from video.rooms import Rooms
from video.uploads import Busy, ChecksumMismatch, TooMuch, Uploads, parse_metadata, safe_name

DATA = nameplate(("PUMP",), 160, 120)


@pytest.fixture
def services(settings: Settings, db: Database, files: FileStore, clock: ManualClock) -> Services:
    Base.metadata.create_all(db.engine)
    return Services(settings=settings, db=db, files=files, clock=clock)


@pytest.fixture
def key(services: Services) -> SeatKey:
    now = services.clock.now()
    key = SeatKey(
        room_id=new_id(), seat_id=new_id(), subject_ref="case-1", role=SeatRole.CREW, state=SeatState.ADMITTED,
        user_id=None, consented=True,
    )  # fmt: skip
    with services.db.write() as session:
        session.add(
            store.RoomRow(
                id=key.room_id, subject_ref="case-1", state=RoomState.OPEN, not_before=now, not_after=now + timedelta(hours=1),
                shots=[], created_by="u", created_at=now, closed_at=None, idempotency_key=None, private_of=None,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            store.SeatRow(
                id=key.seat_id, room_id=key.room_id, role="crew", name="x", state="admitted", user_id=None, link_jti=None,
                token_sha256=None, joined_at=None, admitted_at=None, admitted_by=None, consented_at=None,
                consent_version=None, consent_language=None,
            )
        )  # fmt: skip
    return key


def header(services: Services, **more: str) -> str:
    facts = {"media_type": "image/jpeg", "captured_at": rfc3339(services.clock.now()), "item_ref": "i1", **more}
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in facts.items())


async def stream(*chunks: bytes, then: BaseException | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if then is not None:
        raise then


def send(uploads: Uploads, key: SeatKey, upload_id: str, data: bytes, **more: object) -> int:
    slot = uploads.find(key, upload_id)
    at = asyncio.run(uploads.receive(slot, slot.offset, stream(data, **more), None))
    uploads.commit(key, slot, at)
    return at


def test_a_kill_between_pieces_goes_on_where_the_disk_is(services: Services, key: SeatKey) -> None:
    rooms = Rooms(services)
    first = Uploads(services, rooms)
    facts = parse_metadata(header(services, client_key="k", clock_offset_ms="-1500", position="122.1,40.3,12.5,phone"))
    slot = first.create(key, len(DATA), facts)
    send(first, key, slot.id, DATA[:1000])
    half = first.find(key, slot.id)
    with half.path.open("ab") as torn:
        torn.write(b"bytes of a piece that the kill interrupted")
    again = Uploads(services, rooms)  # the process after kill -9
    assert again.create(key, len(DATA), facts).offset == 1000
    send(again, key, slot.id, DATA[1000:])
    with services.db.read() as session:
        kept = evidence.get(session, slot.id)
        entries = journal.entries(session, "case-1")
    assert kept is not None
    assert (kept.sha256, kept.item_ref, kept.clock_offset_ms) == (hashlib.sha256(DATA).hexdigest(), "i1", -1500)
    assert kept.position is not None
    assert kept.position.lonlat == (122.1, 40.3)
    assert [entry.action for entry in entries] == ["video.evidence_kept"]
    assert again.finish(key, slot.id) is None
    assert not slot.path.exists()


def test_a_kill_after_the_last_byte_is_mended(services: Services, key: SeatKey) -> None:
    uploads = Uploads(services, Rooms(services))
    slot = uploads.create(key, len(DATA), parse_metadata(header(services)))
    asyncio.run(uploads.receive(slot, 0, stream(DATA), None))
    with services.db.write() as session:
        row = store.upload(session, slot.id)
        assert row is not None
        row.offset_bytes = len(DATA)
    assert uploads.finish(key, slot.id) is not None


def test_a_broken_connection_keeps_what_came_unless_it_had_a_checksum(services: Services, key: SeatKey) -> None:
    uploads = Uploads(services, Rooms(services))
    slot = uploads.create(key, len(DATA), parse_metadata(header(services)))
    assert send(uploads, key, slot.id, DATA[:500], then=ConnectionError()) == 500
    slot = uploads.find(key, slot.id)
    body = stream(DATA[500:900], then=ConnectionError())
    with pytest.raises(ChecksumMismatch):
        asyncio.run(uploads.receive(slot, 500, body, ("sha256", hashlib.sha256(DATA[500:]).digest())))
    assert uploads.find(key, slot.id).offset == 500


def test_a_full_disk_is_said_and_nothing_counts(services: Services, key: SeatKey) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(_path: Path) -> io.BytesIO:
        return Full()

    uploads = Uploads(services, Rooms(services), open_part=full)
    slot = uploads.create(key, len(DATA), parse_metadata(header(services)))
    with pytest.raises(StorageFull):
        asyncio.run(uploads.receive(slot, 0, stream(DATA), None))
    assert uploads.find(key, slot.id).offset == 0


def test_quota_counts_what_is_announced(services: Services, key: SeatKey) -> None:
    uploads = Uploads(services, Rooms(services))
    uploads.create(key, uploads.max_bytes - 10, parse_metadata(header(services)))
    with pytest.raises(TooMuch):
        uploads.create(key, 11, parse_metadata(header(services)))


def test_an_unfinished_upload_expires(services: Services, key: SeatKey, clock: ManualClock) -> None:
    uploads = Uploads(services, Rooms(services))
    slot = uploads.create(key, len(DATA), parse_metadata(header(services)))
    send(uploads, key, slot.id, DATA[:100])
    clock.advance(services.settings.video.upload_hours * 3600 + 1)
    with pytest.raises(NotFound):
        uploads.find(key, slot.id)
    assert uploads.sweep() == 1
    assert not slot.path.exists()


def test_announced_hash_must_match(services: Services, key: SeatKey) -> None:
    uploads = Uploads(services, Rooms(services))
    slot = uploads.create(key, len(DATA), parse_metadata(header(services, sha256="0" * 64)))
    with pytest.raises(Altered, match=r"video\.upload_altered"):
        send(uploads, key, slot.id, DATA)
    with pytest.raises(NotFound):
        uploads.find(key, slot.id)


def test_one_piece_at_a_time(services: Services) -> None:
    uploads = Uploads(services, Rooms(services))
    with uploads.hold("a"), pytest.raises(Busy), uploads.hold("a"):
        pass
    with uploads.hold("a"):
        pass


def test_a_piece_that_begins_elsewhere_is_refused(services: Services, key: SeatKey) -> None:
    uploads = Uploads(services, Rooms(services))
    slot = uploads.create(key, len(DATA), parse_metadata(header(services)))
    with pytest.raises(Refused):
        asyncio.run(uploads.receive(slot, 7, stream(b"x"), None))


@pytest.mark.parametrize("bad", ["", "media_type %%%", "media_type aW1hZ2UvanBlZw==", "x"])
def test_bad_metadata_is_one_clear_error(bad: str) -> None:
    with pytest.raises(InputError, match="upload_request"):
        parse_metadata(bad)


def test_safe_name() -> None:
    assert safe_name("../../etc/passwd") == "passwd"
    assert safe_name("C:\\x\\a.jpg") == "a.jpg"
    assert safe_name("..") == ""
    assert safe_name("a\x00\nb.jpg") == "ab.jpg"
