"""Owns what may be looked up instead of asked: answers of registers (``verified_online``), and papers a firm has handed in before.

Never lets an applicant say what a register answered.
"""

from __future__ import annotations

import hashlib

from sqlalchemy.orm import Session

from companion import registers_store
from companion.definition import Definition
from companion.model import Actor, Role
from core import evidence, journal
from core.context import Services
from core.errors import AccessDenied, InputError
from core.evidence import Envelope
from core.files import StoredFile
from core.ids import new_id
from core.media import media_type_of

_OFFICERS = frozenset({Role.WINDOW, Role.APPROVAL, Role.SUPERVISION, Role.SECTOR})
_TYPES = frozenset({"application/pdf", "image/jpeg", "image/png", "application/zip"})


def note_answer(services: Services, actor: Actor, subject: str, document: str, answer: str, source: str) -> str:
    """Keep what a register answered; returns its id.

    Raises:
        AccessDenied: only officers look registers up.
        InputError: an empty answer or source.
    """
    if actor.role not in _OFFICERS:
        raise AccessDenied("companion.not_your_step", role=actor.role.value)
    if not answer.strip() or not source.strip() or not subject.strip():
        raise InputError("companion.register_empty")
    row = registers_store.RegisterAnswerRow(
        id=new_id(), subject=subject, document=document, answer=answer.strip(), source=source.strip(), by=actor.user_id,
        at=services.clock.now(),
    )  # fmt: skip
    with services.db.write() as session:
        session.add(row)
        digest = hashlib.sha256(row.answer.encode()).hexdigest()
        journal.append(
            session, services.clock, stream="companion:registers", actor=actor.user_id, action="register_answer",
            payload={"id": row.id, "document": document, "answer_sha256": digest, "role": actor.role.value},
        )  # fmt: skip
        return row.id


def verified_for(session: Session, definition: Definition, subject: str) -> dict[str, str]:
    """Document id -> newest answer, for what the definition looks up."""
    wanted = {part.id for part in definition.documents if part.role == "verified_online"}
    return {row.document: row.answer for row in registers_store.answers(session, subject) if row.document in wanted}


def keep_paper(services: Services, actor: Actor, subject: str, data: bytes) -> StoredFile:
    """Store a paper of a firm: PDF, JPEG, PNG or a ZIP of them, by its first bytes.

    Raises:
        InputError: another type, or empty.
    """
    media_type = media_type_of(data)
    if media_type not in _TYPES:
        raise InputError("companion.paper_type")
    stored = services.files.put_bytes(data)
    now = services.clock.now()
    with services.db.write() as session:
        evidence.keep(
            session,
            Envelope(
                sha256=stored.sha256, size=stored.size, media_type=media_type, kind="document", captured_at=now, clock_offset_ms=None,
                received_at=now, device=f"upload:{actor.role.value}", producer="companion", subject_ref=f"firm:{subject}",
            ),
        )  # fmt: skip
    return stored


def paper_type(session: Session, subject: str, sha256: str) -> str | None:
    """Media type of a paper this firm has handed in, or None: then it is not its paper."""
    kept = evidence.of_subject(session, f"firm:{subject}")
    return next((one.media_type for one in kept if one.sha256 == sha256), None)
