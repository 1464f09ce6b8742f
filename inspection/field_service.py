"""Owns taking in what devices wrote in the field: operations into the book ``field``, evidence in pieces, answers into the case.

Never drops an operation that the case refuses: it stays in the log and the device is told why.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core import evidence
from core.context import Services
from core.errors import AccessDenied, Altered, InputError, NotFound, Refused
from core.evidence import Envelope
from core.media import media_type_of
from inspection import books_store, store
from inspection.assemble import subject_of
from inspection.content import answer_item, keep_evidence
from inspection.fieldsync import FieldOp, OpLog, Register
from inspection.followup import rules
from inspection.model import Actor, NewAnswer
from inspection.record import AnswerPart

BOOK = "field"
_PIECE_MB = 4
_KINDS: dict[str, Literal["still", "clip", "document"]] = {"image": "still", "video": "clip", "application": "document"}


class Sync(BaseModel):
    """What a device sends: its new operations for one case, and what it has already."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ops: list[FieldOp] = Field(max_length=5000)
    have: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that the case would not take yet."""

    item_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Synced:
    """What the device gets back: operations it lacks, evidence still to upload, conflicts, and what waits."""

    ops: tuple[FieldOp, ...]
    have: dict[str, int]
    wanted: tuple[str, ...]
    conflicts: tuple[Register, ...]
    waiting: tuple[Waiting, ...]


def sync(services: Services, actor: Actor, case_id: str, sent: Sync) -> Synced:
    """Take operations in, bring the case up to date with them, and give back what the device lacks. Safe to repeat.

    Raises:
        InputError ``inspection.field_other_case``: an operation of another case.
        AccessDenied: an operation in a role its sender does not have.
        Altered ``inspection.field_op_changed``: a number that was used for something else.
    """
    for op in sent.ops:
        if op.case_id != case_id:
            raise InputError("inspection.field_other_case", device=op.device, n=op.n)
        if op.role != actor.role:
            raise AccessDenied("inspection.role_refused", action="field_sync", role=actor.role)
    with services.db.write() as session:
        store.case_for_change(session, case_id)
        known = log_of(session, case_id)
        for op in sent.ops:
            _take(services, session, actor, known, op)
        known.add(sent.ops)
    waiting = [*_bind(services, actor, case_id, known), *_answer(services, case_id, known)]
    merged = known.merged()
    wanted = tuple(sorted(sha for _, _, sha in merged.evidence if not _stored(services, sha)))
    conflicts = tuple(one for one in merged.registers.values() if one.conflict)
    return Synced(tuple(known.missing_at(sent.have)), known.have(), wanted, conflicts, tuple(waiting))


def log_of(session: Session, case_id: str) -> OpLog:
    """Every operation of a case that has arrived."""
    log = OpLog()
    log.add(one.read(FieldOp) for one in books_store.of_subject(session, subject_of(case_id), BOOK))
    return log


def conflicts(session: Session, case_id: str) -> list[Register]:
    """Items on which devices disagree and nobody has decided."""
    return [one for one in log_of(session, case_id).merged().registers.values() if one.conflict]


def upload_piece(services: Services, sha256: str, size: int, offset: int, data: bytes) -> int:
    """Take a piece of a file and say where to go on; the file is stored once it is whole and its hash is right.

    Raises:
        InputError: too large; Refused ``inspection.piece_offset``: not the next piece (its place is in `expected`);
            Altered: the whole does not have the hash it was announced with; it has to be sent again.
    """
    if len(sha256) != 64 or not all(char in "0123456789abcdef" for char in sha256):
        raise InputError("inspection.upload_type", allowed="sha256")
    if size > rules().largest_upload_mb * 1_000_000 or len(data) > _PIECE_MB << 20:
        raise InputError("inspection.upload_too_large", most_mb=rules().largest_upload_mb)
    if _stored(services, sha256):
        return size
    part = _part(services, sha256)
    at = part.stat().st_size if part.is_file() else 0
    if offset != at or at + len(data) > size:
        raise Refused("inspection.piece_offset", expected=at)
    with part.open("ab") as target:
        target.write(data)
    if at + len(data) < size:
        return at + len(data)
    found = hashlib.sha256(part.read_bytes()).hexdigest()
    if found != sha256:
        part.unlink()
        raise Altered("inspection.piece_altered", sha256=sha256)
    services.files.put_path(part)
    part.unlink()
    return size


def _take(services: Services, session: Session, actor: Actor, known: OpLog, op: FieldOp) -> None:
    old = known.ops.get(op.id)
    if old is not None and old != op:
        raise Altered("inspection.field_op_changed", device=op.device, n=op.n)
    if old is None:
        ref = f"{op.case_id}:{op.device}"
        part = op.model_dump(mode="json")
        at = services.clock.now()
        books_store.write_at(session, BOOK, ref, op.n, subject_of(op.case_id), op.kind, part, actor.user_id, at)


def _bind(services: Services, actor: Actor, case_id: str, log: OpLog) -> list[Waiting]:
    """Evidence whose bytes have arrived becomes evidence of the case, once for each item and hash."""
    with services.db.read() as session:
        kept = {(one.item_ref, one.sha256) for one in evidence.of_subject(session, subject_of(case_id))}
    waiting: list[Waiting] = []
    for op in sorted(log.ops.values(), key=lambda one: one.id):
        if op.kind != "evidence" or op.sha256 is None or (op.item_id, op.sha256) in kept or not _stored(services, op.sha256):
            continue
        path = services.files.path(op.sha256)
        with path.open("rb") as stream:
            media_type = media_type_of(stream.read(64)) or "application/octet-stream"
        envelope = Envelope(
            sha256=op.sha256, size=path.stat().st_size, media_type=media_type, kind=_KINDS.get(media_type.split("/")[0], "document"),
            captured_at=op.at, clock_offset_ms=None, received_at=services.clock.now(), device=op.device, producer="inspection",
            subject_ref=subject_of(case_id), item_ref=op.item_id, extra={"field_op": op.n, "monotonic_ms": op.monotonic_ms},
        )  # fmt: skip
        kept.add((op.item_id, op.sha256))
        try:
            keep_evidence(services, actor, case_id, envelope, op.item_id)
        except (Refused, NotFound) as error:
            waiting.append(Waiting(op.item_id, error.code))
    return waiting


def _answer(services: Services, case_id: str, log: OpLog) -> list[Waiting]:
    """The value that counts becomes the case's answer, by the person whose it is."""
    with services.db.read() as session:
        writers = {
            (str(one.part["device"]), one.seq): one.by for one in books_store.of_subject(session, subject_of(case_id), BOOK)
        }
        now = {item: AnswerPart.model_validate(row.part) for item, row in store.answers(session, case_id).items()}
    waiting: list[Waiting] = []
    for (_, item_id), register in log.merged().registers.items():
        op = register.shown
        last = now.get(item_id)
        if op.value is None or (last is not None and ((last.value, last.note) == op.said or last.at >= op.at)):
            continue  # answered since on the server, or the same already
        try:
            person = Actor(writers[op.id], op.role)
            answer_item(services, person, case_id, item_id, NewAnswer(value=op.value, note=op.note))
        except (Refused, NotFound) as error:
            waiting.append(Waiting(item_id, error.code))
    return waiting


def _stored(services: Services, sha256: str) -> bool:
    try:
        services.files.path(sha256)
    except NotFound:
        return False
    return True


def _part(services: Services, sha256: str) -> Path:
    folder = services.settings.data_dir / "field-parts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / sha256
