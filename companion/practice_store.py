"""Owns the tables of draws and visits, code records, freight trips and medicine wallets, and their queries.

Never decides: `companion.checks`, `companion.envcode`, `companion.freight_filing` and `companion.medicine_shop` do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from companion.store import CaseRow
from core.db import Base, Json, UtcDateTime
from core.errors import NotFound


class DrawRow(Base):
    """A draw from its commitment to its publication. `secret` leaves this row only with the result."""

    __tablename__ = "companion_draw"
    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(index=True)
    flying: Mapped[bool]
    plan: Mapped[dict[str, Any]] = mapped_column(Json)
    commitment: Mapped[str]
    secret: Mapped[str]
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    committed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VisitRow(Base):
    """The result of one visit."""

    __tablename__ = "companion_visit"
    draw_id: Mapped[str] = mapped_column(ForeignKey("companion_draw.id"), primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    findings: Mapped[list[Any]] = mapped_column(Json)
    sign_off: Mapped[str]
    witness_ref: Mapped[str | None]
    rectified: Mapped[list[Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class CodeRecordRow(Base):
    """A paper behind a subject's code (case 11); append only."""

    __tablename__ = "companion_code_record"
    subject: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    sha256: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str]


class CodeIssuedRow(Base):
    """A code that was signed, with its text for printing again; `revoked_at` once it was taken back."""

    __tablename__ = "companion_code_issued"
    jti: Mapped[str] = mapped_column(primary_key=True)
    registry_name: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    key_id: Mapped[str]
    text: Mapped[str]
    records: Mapped[int]
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str]
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None]
    reason: Mapped[str | None]


class CodeKeyRevokedRow(Base):
    """A signing key of codes that is trusted no more."""

    __tablename__ = "companion_code_key_revoked"
    key_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str]
    reason: Mapped[str]


class RewardRow(Base):
    """What one report earned; `lead` is the number of the report, never a person."""

    __tablename__ = "companion_reward"
    id: Mapped[str] = mapped_column(primary_key=True)
    lead: Mapped[str] = mapped_column(unique=True)
    level: Mapped[int]
    penalty_fen: Mapped[int] = mapped_column(BigInteger)
    computed_fen: Mapped[int] = mapped_column(BigInteger)
    paid_fen: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str]


class TripRow(Base):
    """A freight order that was judged (case 19). `sketch` = hashes of the phone track's points."""

    __tablename__ = "companion_trip"
    order_id: Mapped[str] = mapped_column(primary_key=True)
    platform: Mapped[str] = mapped_column(index=True)
    phone: Mapped[str] = mapped_column(index=True)
    starts: Mapped[datetime] = mapped_column(UtcDateTime)
    ends: Mapped[datetime] = mapped_column(UtcDateTime)
    sketch: Mapped[list[str]] = mapped_column(Json)
    outcome: Mapped[str]
    filed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WalletRow(Base):
    """A person's insurance account and used credit (case 20)."""

    __tablename__ = "companion_wallet"
    person: Mapped[str] = mapped_column(primary_key=True)
    insurance_fen: Mapped[int] = mapped_column(BigInteger)
    credit_used_fen: Mapped[int] = mapped_column(BigInteger)


class PaymentRow(Base):
    """A payment by the callback that confirmed it: the same callback again is the same payment."""

    __tablename__ = "companion_payment"
    callback: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(index=True)
    split: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def draw_row(session: Session, draw_id: str) -> DrawRow:
    row = session.scalar(select(DrawRow).where(DrawRow.id == draw_id).with_for_update())
    if row is None:
        raise NotFound("checks.unknown_draw", draw=draw_id)
    return row


def draws(session: Session) -> list[DrawRow]:
    return list(session.scalars(select(DrawRow).order_by(DrawRow.committed_at.desc())))


def visits(session: Session, draw_id: str) -> list[VisitRow]:
    return list(session.scalars(select(VisitRow).where(VisitRow.draw_id == draw_id).order_by(VisitRow.target)))


def code_records(session: Session, subject: str) -> list[CodeRecordRow]:
    return list(session.scalars(select(CodeRecordRow).where(CodeRecordRow.subject == subject).order_by(CodeRecordRow.seq)))


def codes_issued(session: Session, subject: str | None, limit: int) -> list[CodeIssuedRow]:
    """The newest first."""
    query = select(CodeIssuedRow).order_by(CodeIssuedRow.jti.desc()).limit(limit)
    return list(session.scalars(query if subject is None else query.where(CodeIssuedRow.subject == subject)))


def revoked_codes(session: Session) -> list[str]:
    return list(session.scalars(select(CodeIssuedRow.jti).where(CodeIssuedRow.revoked_at.is_not(None))))


def code_keys_revoked(session: Session) -> list[CodeKeyRevokedRow]:
    return list(session.scalars(select(CodeKeyRevokedRow).order_by(CodeKeyRevokedRow.at)))


def rewards(session: Session, limit: int = 200) -> list[RewardRow]:
    """The newest first."""
    return list(session.scalars(select(RewardRow).order_by(RewardRow.id.desc()).limit(limit)))


def reward_of(session: Session, lead: str) -> RewardRow | None:
    return session.scalar(select(RewardRow).where(RewardRow.lead == lead))


def trips(session: Session, platform: str | None, limit: int = 200) -> list[TripRow]:
    """The newest first, of one platform or of all."""
    query = select(TripRow).order_by(TripRow.starts.desc(), TripRow.order_id).limit(limit)
    return list(session.scalars(query if platform is None else query.where(TripRow.platform == platform)))


def trips_with_phone(session: Session, phone: str) -> list[TripRow]:
    return list(session.scalars(select(TripRow).where(TripRow.phone == phone).order_by(TripRow.starts)))


def trips_near(session: Session, starts: datetime, ends: datetime) -> list[TripRow]:
    """Orders that ran at the same time, whoever's phone it was."""
    return list(session.scalars(select(TripRow).where(TripRow.starts < ends, TripRow.ends > starts).order_by(TripRow.order_id)))


def trips_filed(session: Session, platform: str) -> int:
    return session.scalar(select(func.count()).where(TripRow.platform == platform, TripRow.filed_at.is_not(None))) or 0


def wallet(session: Session, person: str) -> WalletRow:
    row = session.scalar(select(WalletRow).where(WalletRow.person == person).with_for_update())
    if row is None:
        raise NotFound("medicine.unknown_person", person=person)
    return row


def holds_licence(session: Session, subject: str, procedure: str) -> bool:
    """True where a case file of this procedure granted something that was not taken back since."""
    granted = CaseRow.outcome.in_(("granted", "granted_on_commitment"))
    query = select(CaseRow.id).where(CaseRow.subject == subject, CaseRow.key == procedure, granted).limit(1)
    return session.scalar(query) is not None
