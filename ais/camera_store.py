"""Owns the tables of berth cameras in ``yunjian.db``: stills that were kept, and the last attempt at each camera.

Never holds a picture itself: that lies in the folder of stills under its SHA-256.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, Index, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from ais.cameras import Still, Trial
from core.db import Base, UtcDateTime


class BerthStillRow(Base):
    """A still. The same picture again moves `seen_at` and makes no new row."""

    __tablename__ = "ais_berth_still"
    __table_args__ = (Index("ix_ais_berth_still_camera_taken_at", "camera", "taken_at"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    camera: Mapped[str]
    berth: Mapped[str]
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sha256: Mapped[str] = mapped_column(index=True)
    size: Mapped[int]
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    simulated: Mapped[bool]


class BerthCameraRow(Base):
    """The last attempt at a camera."""

    __tablename__ = "ais_berth_camera"
    camera: Mapped[str] = mapped_column(primary_key=True)
    tried_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fault: Mapped[str | None]
    detail: Mapped[str]


def keep(session: Session, still: Still) -> Still:
    """Add it; where the camera's newest still is the same picture, only say that it was seen again."""
    last = session.scalar(
        select(BerthStillRow).where(BerthStillRow.camera == still.camera).order_by(BerthStillRow.taken_at.desc()).limit(1)
    )
    if last is not None and (last.sha256, last.berth) == (still.sha256, still.berth):
        last.seen_at = max(last.seen_at, still.seen_at)
        return _read(last)
    session.add(BerthStillRow(**asdict(still)))
    return still


def note(session: Session, trial: Trial) -> None:
    """Remember the last attempt at a camera."""
    session.merge(BerthCameraRow(**asdict(trial)))


def trials(session: Session) -> dict[str, Trial]:
    """Camera -> its last attempt."""
    rows = session.scalars(select(BerthCameraRow))
    return {row.camera: Trial(row.camera, row.tried_at, row.fault, row.detail) for row in rows}


def still(session: Session, still_id: str) -> Still | None:
    row = session.get(BerthStillRow, still_id)
    return None if row is None else _read(row)


def newest(session: Session) -> dict[str, Still]:
    """Camera -> its newest still."""
    return _newest(session)


def newest_between(session: Session, berth: str, since: datetime, until: datetime) -> dict[str, Still]:
    """Camera -> its newest still of a berth of which some moment lies between the two times, both included."""
    inside = (BerthStillRow.berth == berth, BerthStillRow.taken_at <= until, BerthStillRow.seen_at >= since)
    return _newest(session, *inside)


def _newest(session: Session, *conditions: ColumnElement[bool]) -> dict[str, Still]:
    table = BerthStillRow
    last = select(table.camera, func.max(table.taken_at).label("at")).where(*conditions).group_by(table.camera).subquery()
    rows = session.scalars(select(table).join(last, (table.camera == last.c.camera) & (table.taken_at == last.c.at)))
    return {row.camera: _read(row) for row in rows}


def forget_before(session: Session, day: datetime) -> list[str]:
    """Delete stills last seen before `day`; returns the hashes of which no still is left."""
    gone = list(session.scalars(select(BerthStillRow.sha256).where(BerthStillRow.seen_at < day).distinct()))
    session.execute(delete(BerthStillRow).where(BerthStillRow.seen_at < day))
    left = set(session.scalars(select(BerthStillRow.sha256).where(BerthStillRow.sha256.in_(gone)).distinct()))
    return [one for one in gone if one not in left]


def _read(row: BerthStillRow) -> Still:
    return Still(
        row.id, row.camera, row.berth, row.taken_at, row.seen_at, row.sha256, row.size, row.media_type, row.width, row.height,
        row.simulated,
    )  # fmt: skip
