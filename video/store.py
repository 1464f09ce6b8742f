"""Owns the tables of calls and every query on them.

Never keeps a join code or a seat token: only the SHA-256 of the token.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime


class RoomRow(Base):
    __tablename__ = "video_room"
    __table_args__ = (UniqueConstraint("created_by", "idempotency_key"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    subject_ref: Mapped[str] = mapped_column(index=True)
    state: Mapped[str]
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    not_after: Mapped[datetime] = mapped_column(UtcDateTime)
    shots: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    idempotency_key: Mapped[str | None]
    private_of: Mapped[str | None]
    """Set for a private interview: the call it was opened from."""


class SeatRow(Base):
    """One person's place. `user_id` is set for a logged-in person, who has no link."""

    __tablename__ = "video_seat"
    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("video_room.id"), index=True)
    role: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    user_id: Mapped[str | None]
    link_jti: Mapped[str | None]
    token_sha256: Mapped[str | None] = mapped_column(index=True)
    joined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    admitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    admitted_by: Mapped[str | None]
    consented_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    consent_version: Mapped[str | None]
    consent_language: Mapped[str | None]


class RecordingRow(Base):
    """One recording of a room; `stopped_at` is empty while it runs."""

    __tablename__ = "video_recording"
    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("video_room.id"), index=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_by: Mapped[str]
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RequestRow(Base):
    """A picture that was asked for."""

    __tablename__ = "video_request"
    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("video_room.id"), index=True)
    item_ref: Mapped[str]
    seat_id: Mapped[str | None]
    note: Mapped[str]
    unit: Mapped[str | None]
    challenge: Mapped[str | None]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    evidence_id: Mapped[str | None]


class SampleRow(Base):
    """A random sample of an item's units; `said` is empty until a person on board has said a number."""

    __tablename__ = "video_sample"
    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("video_room.id"), index=True)
    item_ref: Mapped[str]
    plan: Mapped[dict[str, Any]] = mapped_column(Json)
    secret: Mapped[str]
    said: Mapped[str | None]
    drawn: Mapped[list[str]] = mapped_column(Json)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_by: Mapped[str | None]


class StrokeRow(Base):
    """One line that somebody drew on a still; `points` are shares of its width and height."""

    __tablename__ = "video_stroke"
    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("video_room.id"))
    evidence_id: Mapped[str] = mapped_column(index=True)
    seat_id: Mapped[str]
    role: Mapped[str]
    points: Mapped[list[list[float]]] = mapped_column(Json)
    drawn_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NoteRow(Base):
    """A note of a private interview, readable only with the site's key."""

    __tablename__ = "video_note"
    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("video_room.id"), index=True)
    written_by: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sealed: Mapped[str]


class UploadRow(Base):
    """A resumable upload; `offset_bytes` counts what is verified and synced. `id` becomes the evidence id."""

    __tablename__ = "video_upload"
    id: Mapped[str] = mapped_column(primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("video_room.id"), index=True)
    seat_id: Mapped[str] = mapped_column(ForeignKey("video_seat.id"), index=True)
    length_bytes: Mapped[int]
    offset_bytes: Mapped[int]
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    client_key: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def room(session: Session, room_id: str) -> RoomRow | None:
    return session.get(RoomRow, room_id)


def room_by_key(session: Session, created_by: str, key: str) -> RoomRow | None:
    return session.scalars(select(RoomRow).where(RoomRow.created_by == created_by, RoomRow.idempotency_key == key)).first()


def seat(session: Session, seat_id: str) -> SeatRow | None:
    return session.get(SeatRow, seat_id)


def seats(session: Session, room_id: str) -> list[SeatRow]:
    return list(session.scalars(select(SeatRow).where(SeatRow.room_id == room_id).order_by(SeatRow.id)))


def seat_by_token(session: Session, token_sha256: str) -> tuple[SeatRow, RoomRow] | None:
    found = session.execute(
        select(SeatRow, RoomRow).join(RoomRow, RoomRow.id == SeatRow.room_id).where(SeatRow.token_sha256 == token_sha256)
    ).first()
    return None if found is None else (found[0], found[1])


def seat_of_user(session: Session, room_id: str, user_id: str) -> SeatRow | None:
    return session.scalars(select(SeatRow).where(SeatRow.room_id == room_id, SeatRow.user_id == user_id)).first()


def recording(session: Session, recording_id: str) -> RecordingRow | None:
    return session.get(RecordingRow, recording_id)


def running_recording(session: Session, room_id: str) -> RecordingRow | None:
    return session.scalars(
        select(RecordingRow).where(RecordingRow.room_id == room_id, RecordingRow.stopped_at.is_(None))
    ).first()


def running_recordings(session: Session) -> list[RecordingRow]:
    return list(session.scalars(select(RecordingRow).where(RecordingRow.stopped_at.is_(None))))


def open_request(session: Session, room_id: str, item_ref: str) -> RequestRow | None:
    """The newest unanswered request for an item."""
    return session.scalars(
        select(RequestRow)
        .where(RequestRow.room_id == room_id, RequestRow.item_ref == item_ref, RequestRow.evidence_id.is_(None))
        .order_by(RequestRow.id.desc())
    ).first()


def open_requests(session: Session, room_id: str) -> list[RequestRow]:
    """Requests that nobody has answered yet, oldest first."""
    return list(
        session.scalars(
            select(RequestRow).where(RequestRow.room_id == room_id, RequestRow.evidence_id.is_(None)).order_by(RequestRow.id)
        )
    )


def sample(session: Session, sample_id: str) -> SampleRow | None:
    return session.get(SampleRow, sample_id)


def samples(session: Session, room_id: str) -> list[SampleRow]:
    return list(session.scalars(select(SampleRow).where(SampleRow.room_id == room_id).order_by(SampleRow.id)))


def strokes(session: Session, evidence_id: str) -> list[StrokeRow]:
    """What was drawn on a still, in the order it was drawn."""
    return list(session.scalars(select(StrokeRow).where(StrokeRow.evidence_id == evidence_id).order_by(StrokeRow.id)))


def notes(session: Session, room_id: str) -> list[NoteRow]:
    return list(session.scalars(select(NoteRow).where(NoteRow.room_id == room_id).order_by(NoteRow.id)))


def upload(session: Session, upload_id: str) -> UploadRow | None:
    return session.get(UploadRow, upload_id)


def upload_by_key(session: Session, seat_id: str, client_key: str) -> UploadRow | None:
    return session.scalars(select(UploadRow).where(UploadRow.seat_id == seat_id, UploadRow.client_key == client_key)).first()


def promised_bytes(session: Session, seat_id: str) -> int:
    """Bytes a seat has uploaded or announced."""
    return session.scalar(select(func.coalesce(func.sum(UploadRow.length_bytes), 0)).where(UploadRow.seat_id == seat_id)) or 0


def expired_uploads(session: Session, now: datetime) -> list[UploadRow]:
    return list(session.scalars(select(UploadRow).where(UploadRow.expires_at < now, UploadRow.finished_at.is_(None))))
