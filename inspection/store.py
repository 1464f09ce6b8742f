"""Owns the tables of inspection and their queries.

Never decides anything: `inspection.service` does, in one transaction with the journal entry.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Json, UtcDateTime
from core.errors import NotFound, Refused
from inspection.model import CaseSummary, Outcome, RequestKey
from inspection.record import CaseState

_CASE = "inspection_case.id"


class CaseRow(Base):
    """One inspection. Parts that are taken over once and never change afterwards are JSON in the record's form."""

    __tablename__ = "inspection_case"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(index=True)
    rev: Mapped[int]
    demo: Mapped[bool]
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    edition: Mapped[str]
    checklist: Mapped[dict[str, Any]] = mapped_column(Json)
    ship: Mapped[dict[str, Any]] = mapped_column(Json)
    simulated: Mapped[list[Any]] = mapped_column(Json)
    selection: Mapped[dict[str, Any] | None] = mapped_column(Json)
    eligibility: Mapped[dict[str, Any] | None] = mapped_column(Json)
    conditions: Mapped[list[str]] = mapped_column(Json)
    attend_items: Mapped[list[str]] = mapped_column(Json)
    appointment: Mapped[dict[str, Any] | None] = mapped_column(Json)
    model: Mapped[dict[str, Any] | None] = mapped_column(Json)
    attended_by: Mapped[str | None]
    approved_by: Mapped[str | None]
    issued_record: Mapped[dict[str, Any] | None] = mapped_column(Json)


class DecisionRow(Base):
    """A step that was taken; never changed."""

    __tablename__ = "inspection_decision"
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str]
    role: Mapped[str]
    from_state: Mapped[str]
    action: Mapped[str]
    to_state: Mapped[str]
    reason: Mapped[str | None]


class AnswerRow(Base):
    """An answer; a new answer is a new revision, the highest counts."""

    __tablename__ = "inspection_answer"
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), primary_key=True)
    item_id: Mapped[str] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(primary_key=True)
    part: Mapped[dict[str, Any]] = mapped_column(Json)


class BindingRow(Base):
    """Which evidence belongs to which item."""

    __tablename__ = "inspection_binding"
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), primary_key=True)
    item_id: Mapped[str] = mapped_column(primary_key=True)
    evidence_id: Mapped[str] = mapped_column(ForeignKey("core_evidence.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str]


class CallRow(Base):
    __tablename__ = "inspection_call"
    room_id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), index=True)
    part: Mapped[dict[str, Any]] = mapped_column(Json)


class SurveyRow(Base):
    """A drone survey; `digest` = SHA-256 of its survey.json, so that registering it twice is once."""

    __tablename__ = "inspection_survey"
    __table_args__ = (UniqueConstraint("case_id", "digest"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), index=True)
    digest: Mapped[str]
    part: Mapped[dict[str, Any]] = mapped_column(Json)


class FindingRow(Base):
    """A finding on the hull; `digest` = its natural key, so that adding it twice is once."""

    __tablename__ = "inspection_finding"
    __table_args__ = (UniqueConstraint("case_id", "digest"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), index=True)
    digest: Mapped[str]
    state: Mapped[str]
    part: Mapped[dict[str, Any]] = mapped_column(Json)


class DeficiencyRow(Base):
    __tablename__ = "inspection_deficiency"
    __table_args__ = (UniqueConstraint("case_id", "digest"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), index=True)
    digest: Mapped[str]
    state: Mapped[str]
    ground_for_detention: Mapped[bool]
    part: Mapped[dict[str, Any]] = mapped_column(Json)


class ActionRow(Base):
    """The history of actions taken on a deficiency; an action is an event, not a field."""

    __tablename__ = "inspection_action"
    deficiency_id: Mapped[str] = mapped_column(ForeignKey("inspection_deficiency.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    scheme: Mapped[str]
    code: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RectificationRow(Base):
    """What a company says and shows about one deficiency, and the inspector's verdict on it."""

    __tablename__ = "inspection_rectification"
    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), index=True)
    deficiency_id: Mapped[str] = mapped_column(ForeignKey("inspection_deficiency.id"), index=True)
    submitted_by: Mapped[str]
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str]
    evidence_ids: Mapped[list[str]] = mapped_column(Json)
    verdict: Mapped[str | None]
    judged_by: Mapped[str | None]
    judged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None]


class AlertRow(Base):
    """Something an inspector has to look at; `key` makes it one alert however often it is noticed."""

    __tablename__ = "inspection_alert"
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), index=True)
    deficiency_id: Mapped[str] = mapped_column(ForeignKey("inspection_deficiency.id"))
    kind: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_by: Mapped[str | None]
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ContactRow(Base):
    """Whom the authority writes to about a case: a mail address, or a number that the site's message service knows."""

    __tablename__ = "inspection_contact"
    case_id: Mapped[str] = mapped_column(ForeignKey(_CASE), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    lang: Mapped[str]


class RequestRow(Base):
    """An Idempotency-Key with its answer."""

    __tablename__ = "inspection_request"
    user_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    outcome: Mapped[dict[str, Any]] = mapped_column(Json)


class SeenEventRow(Base):
    """Events already handled."""

    __tablename__ = "inspection_seen_event"
    event_id: Mapped[int] = mapped_column(primary_key=True)


def case(session: Session, case_id: str) -> CaseRow:
    """Raises NotFound."""
    row = session.get(CaseRow, case_id)
    if row is None:
        raise NotFound("inspection.case_missing", case_id=case_id)
    return row


def case_for_change(session: Session, case_id: str) -> CaseRow:
    """The case, locked until the transaction ends (SQLite: the write transaction itself is the lock). Raises NotFound."""
    row = session.get(CaseRow, case_id, with_for_update=True)
    if row is None:
        raise NotFound("inspection.case_missing", case_id=case_id)
    return row


def case_by_key(session: Session, key: str) -> CaseRow | None:
    return session.scalar(select(CaseRow).where(CaseRow.key == key))


def next_number(session: Session, day: str) -> str:
    """``YJ-<day>-<nnnn>``, counted per day."""
    taken = session.scalar(select(func.count()).select_from(CaseRow).where(CaseRow.number.startswith(f"YJ-{day}-"))) or 0
    return f"YJ-{day}-{taken + 1:04d}"


def list_cases(
    session: Session, *, state: CaseState | None = None, before: str | None = None, limit: int = 50
) -> list[CaseRow]:
    """Newest first; `before` is the id of the last case of the page before."""
    query = select(CaseRow).order_by(CaseRow.id.desc()).limit(limit)
    if state is not None:
        query = query.where(CaseRow.state == state)
    if before is not None:
        query = query.where(CaseRow.id < before)
    return list(session.scalars(query))


def cases_of_ship(session: Session, imo: str) -> list[CaseRow]:
    """Every case of the ship with this IMO number, newest first."""
    query = select(CaseRow).where(CaseRow.ship["imo"].as_string() == imo).order_by(CaseRow.id.desc())
    return list(session.scalars(query))


def summary(row: CaseRow) -> CaseSummary:
    return CaseSummary(
        row.id, row.number, cast("CaseState", row.state), str(row.ship["name"]), row.ship["imo"], row.opened_at, row.rev
    )


def replay(session: Session, user_id: str, request: RequestKey | None) -> Outcome | None:
    """The answer already given under this key.

    Raises:
        Refused: the key was used for something else.
    """
    row = session.get(RequestRow, (user_id, request.key)) if request else None
    if row is None or request is None:
        return None
    if row.fingerprint != request.fingerprint:
        raise Refused("inspection.key_reused", key=request.key)
    return Outcome.model_validate(row.outcome)


def keep_answer(session: Session, user_id: str, request: RequestKey | None, outcome: Outcome) -> None:
    if request is not None:
        session.add(
            RequestRow(
                user_id=user_id, key=request.key, fingerprint=request.fingerprint, outcome=outcome.model_dump(mode="json")
            )
        )


def decisions(session: Session, case_id: str) -> list[DecisionRow]:
    return list(session.scalars(select(DecisionRow).where(DecisionRow.case_id == case_id).order_by(DecisionRow.seq)))


def issued_between(session: Session, start: datetime, end: datetime) -> list[tuple[CaseRow, datetime]]:
    """Cases whose report was issued from `start` to before `end`, with that time, oldest first."""
    query = (
        select(CaseRow, DecisionRow.at)
        .join(DecisionRow, DecisionRow.case_id == CaseRow.id)
        .where(
            DecisionRow.to_state == "issued",
            DecisionRow.from_state == "approved",
            DecisionRow.at >= start,
            DecisionRow.at < end,
        )
        .order_by(DecisionRow.at)
    )
    return [(case, at) for case, at in session.execute(query)]


def answers(session: Session, case_id: str) -> dict[str, AnswerRow]:
    """The newest answer of each item."""
    rows = session.scalars(select(AnswerRow).where(AnswerRow.case_id == case_id).order_by(AnswerRow.rev))
    return {row.item_id: row for row in rows}


def bindings(session: Session, case_id: str) -> dict[str, list[str]]:
    """Evidence ids by item, in the order of binding."""
    found: dict[str, list[str]] = {}
    query = select(BindingRow).where(BindingRow.case_id == case_id).order_by(BindingRow.at, BindingRow.evidence_id)
    for row in session.scalars(query):
        found.setdefault(row.item_id, []).append(row.evidence_id)
    return found


def binding(session: Session, case_id: str, item_id: str, evidence_id: str) -> BindingRow | None:
    return session.get(BindingRow, (case_id, item_id, evidence_id))


def calls(session: Session, case_id: str) -> list[CallRow]:
    return list(session.scalars(select(CallRow).where(CallRow.case_id == case_id).order_by(CallRow.room_id)))


def call(session: Session, room_id: str) -> CallRow | None:
    return session.get(CallRow, room_id)


def surveys(session: Session, case_id: str) -> list[SurveyRow]:
    return list(session.scalars(select(SurveyRow).where(SurveyRow.case_id == case_id).order_by(SurveyRow.id)))


def survey_by_digest(session: Session, case_id: str, digest: str) -> SurveyRow | None:
    return session.scalar(select(SurveyRow).where(SurveyRow.case_id == case_id, SurveyRow.digest == digest))


def findings(session: Session, case_id: str) -> list[FindingRow]:
    return list(session.scalars(select(FindingRow).where(FindingRow.case_id == case_id).order_by(FindingRow.id)))


def finding(session: Session, case_id: str, finding_id: str) -> FindingRow:
    """Raises NotFound, also for a finding of another case."""
    row = session.get(FindingRow, finding_id)
    if row is None or row.case_id != case_id:
        raise NotFound("inspection.finding_missing", finding_id=finding_id)
    return row


def finding_digests(session: Session, case_id: str) -> dict[str, str]:
    """Finding id by natural key."""
    rows = session.execute(select(FindingRow.digest, FindingRow.id).where(FindingRow.case_id == case_id))
    return {row.digest: row.id for row in rows}


def deficiencies(session: Session, case_id: str) -> list[DeficiencyRow]:
    return list(session.scalars(select(DeficiencyRow).where(DeficiencyRow.case_id == case_id).order_by(DeficiencyRow.id)))


def deficiency(session: Session, case_id: str, deficiency_id: str) -> DeficiencyRow:
    """Raises NotFound, also for a deficiency of another case."""
    row = session.get(DeficiencyRow, deficiency_id)
    if row is None or row.case_id != case_id:
        raise NotFound("inspection.deficiency_missing", deficiency_id=deficiency_id)
    return row


def newest_deficiencies(session: Session, limit: int) -> list[tuple[str, dict[str, Any]]]:
    """Number of the inspection and the deficiency, the newest first."""
    query = (
        select(CaseRow.number, DeficiencyRow.part)
        .join(DeficiencyRow, DeficiencyRow.case_id == CaseRow.id)
        .order_by(DeficiencyRow.id.desc())
        .limit(limit)
    )
    return [(number, part) for number, part in session.execute(query)]


def deficiency_by_digest(session: Session, case_id: str, digest: str) -> DeficiencyRow | None:
    return session.scalar(select(DeficiencyRow).where(DeficiencyRow.case_id == case_id, DeficiencyRow.digest == digest))


def actions(session: Session, deficiency_id: str) -> list[ActionRow]:
    """The history of a deficiency, oldest first."""
    return list(session.scalars(select(ActionRow).where(ActionRow.deficiency_id == deficiency_id).order_by(ActionRow.seq)))


def first_sight(session: Session, event_id: int) -> bool:
    """True once per event."""
    if session.get(SeenEventRow, event_id) is not None:
        return False
    session.add(SeenEventRow(event_id=event_id))
    return True


def open_deficiencies(session: Session) -> list[tuple[CaseRow, DeficiencyRow]]:
    """Every open deficiency of a case whose report is out, with its case."""
    query = (
        select(CaseRow, DeficiencyRow)
        .join(DeficiencyRow, DeficiencyRow.case_id == CaseRow.id)
        .where(DeficiencyRow.state == "open", CaseRow.state.in_(("issued", "follow_up")))
        .order_by(DeficiencyRow.id)
    )
    return [(case, row) for case, row in session.execute(query)]


def rectifications(session: Session, *, case_id: str | None = None, waiting: bool = False) -> list[RectificationRow]:
    """Oldest first; `waiting`: only those without a verdict."""
    query = select(RectificationRow).order_by(RectificationRow.id)
    if case_id is not None:
        query = query.where(RectificationRow.case_id == case_id)
    if waiting:
        query = query.where(RectificationRow.verdict.is_(None))
    return list(session.scalars(query))


def rectification(session: Session, case_id: str, rectification_id: str) -> RectificationRow:
    """Raises NotFound, also for one of another case."""
    row = session.get(RectificationRow, rectification_id)
    if row is None or row.case_id != case_id:
        raise NotFound("inspection.rectification_missing", rectification_id=rectification_id)
    return row


def alert_by_key(session: Session, key: str) -> AlertRow | None:
    return session.scalar(select(AlertRow).where(AlertRow.key == key))


def alerts(session: Session, limit: int = 200) -> list[AlertRow]:
    """Alerts nobody has seen yet, newest first."""
    query = select(AlertRow).where(AlertRow.seen_at.is_(None)).order_by(AlertRow.id.desc()).limit(limit)
    return list(session.scalars(query))


def contacts(session: Session, case_id: str) -> list[ContactRow]:
    return list(session.scalars(select(ContactRow).where(ContactRow.case_id == case_id).order_by(ContactRow.recipient)))
