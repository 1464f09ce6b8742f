"""Owns putting the record of a case together from its rows, and saying what was not examined.

Never writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy.orm import Session

from core import journal
from core.catalogue import text
from core.errors import NotFound
from core.evidence import of_subject
from inspection import store
from inspection.checklist import editions
from inspection.model import CaseSummary
from inspection.record import (
    ActionPart,
    AnswerPart,
    AppointmentPart,
    CallPart,
    CaseRecord,
    CaseState,
    ChecklistPart,
    DecisionPart,
    DeficiencyPart,
    EligibilityPart,
    FindingPart,
    ItemPart,
    ModelPart,
    SelectionPart,
    ShipPart,
    SurveyPart,
    Text,
)


def subject_of(case_id: str) -> str:
    """How evidence, events and journal name a case."""
    return f"inspection:{case_id}"


def company_of(session: Session, case_id: str) -> str | None:
    """IMO number of the company of the case's ship, without putting the whole record together. Raises NotFound."""
    return ShipPart.model_validate(store.case(session, case_id).ship).company_imo


def attended(session: Session, case_id: str) -> bool:
    """True once somebody was on board for this case. Raises NotFound."""
    return store.case(session, case_id).attended_by is not None


def record(session: Session, case_id: str) -> CaseRecord:
    """The case as it stands. Raises NotFound."""
    case = store.case(session, case_id)
    answers, bound = store.answers(session, case_id), store.bindings(session, case_id)
    checklist = ChecklistPart.model_validate(case.checklist)
    items = [_filled(item, answers.get(item.id), bound.get(item.id, [])) for item in checklist.items]
    surveys = [SurveyPart.model_validate(row.part) for row in store.surveys(session, case_id)]
    findings = [FindingPart.model_validate(row.part) for row in store.findings(session, case_id)]
    edition = editions().get(case.edition)
    return CaseRecord(
        id=case.id,
        number=case.number,
        state=cast("CaseState", case.state),
        demo=case.demo,
        simulated=[Text.model_validate(said) for said in case.simulated],
        opened_at=case.opened_at,
        ship=ShipPart.model_validate(case.ship),
        selection=SelectionPart.model_validate(case.selection) if case.selection else None,
        eligibility=EligibilityPart.model_validate(case.eligibility) if case.eligibility else None,
        appointment=AppointmentPart.model_validate(case.appointment) if case.appointment else None,
        checklist=checklist.model_copy(update={"items": items}),
        calls=[CallPart.model_validate(row.part) for row in store.calls(session, case_id)],
        surveys=surveys,
        model=ModelPart.model_validate(case.model) if case.model else None,
        findings=findings,
        deficiencies=[_with_history(session, row) for row in store.deficiencies(session, case_id)],
        decisions=[
            DecisionPart(
                at=row.at,
                by=row.by,
                role=row.role,
                from_state=row.from_state,
                action=row.action,
                to_state=row.to_state,
                reason=row.reason,
            )
            for row in store.decisions(session, case_id)
        ],
        not_examined=not_examined(items, surveys, findings, edition.limit if edition else []),
        evidence=of_subject(session, subject_of(case_id)),
        journal_stream=subject_of(case_id),
        journal_head=journal.head(session, subject_of(case_id)),
    )


def issued_record(session: Session, case_id: str) -> CaseRecord:
    """The record as it was frozen when the report was issued. Raises NotFound before that."""
    case = store.case(session, case_id)
    if case.issued_record is None:
        raise NotFound("inspection.not_issued", number=case.number)
    return CaseRecord.model_validate(case.issued_record)


def list_cases(
    session: Session, *, state: CaseState | None = None, before: str | None = None, limit: int = 50
) -> list[CaseSummary]:
    """Cases, newest first; `before` continues after the last id of the page before."""
    return [store.summary(row) for row in store.list_cases(session, state=state, before=before, limit=limit)]


def case_with_key(session: Session, key: str) -> str | None:
    """Id of the case opened under a natural key, for a run that goes on where it stopped."""
    row = store.case_by_key(session, key)
    return None if row is None else row.id


def photo_evidence(session: Session, case_id: str) -> dict[str, str]:
    """Evidence id of each drone photo of the case by the photo's SHA-256."""
    kept = of_subject(session, subject_of(case_id))
    return {envelope.sha256: envelope.id for envelope in kept if envelope.kind == "drone_photo"}


def not_examined(
    items: Sequence[ItemPart], surveys: Sequence[SurveyPart], findings: Sequence[FindingPart], limits: Sequence[Text]
) -> list[Text]:
    """Everything the inspection does not say anything about: open items, unseen hull, undecided findings, fixed limits."""
    said = [line for item in items if (line := _open_item(item)) is not None]
    if not surveys:
        said.append(_both("inspection.not_examined.no_survey"))
    for survey in surveys:
        if survey.seen2_pct is None:
            said.append(_both("inspection.not_examined.coverage_unknown"))
        elif survey.seen2_pct < 100.0:
            said.append(_both("inspection.not_examined.unseen", percent=f"{100.0 - survey.seen2_pct:.1f}"))
        if survey.photos_lost:
            said.append(_both("inspection.not_examined.photos_lost", count=survey.photos_lost))
    if undecided := sum(finding.state == "proposed" for finding in findings):
        said.append(_both("inspection.not_examined.undecided", count=undecided))
    return said + list(limits)


def _open_item(item: ItemPart) -> Text | None:
    value = item.answer.value if item.answer else None
    if value == "needs_attendance" or (value is None and not item.remote):
        return _item_text("inspection.not_examined.attendance", item)
    if value is None:
        return _item_text("inspection.not_examined.no_answer", item)
    if value == "satisfactory" and item.cannot_conclude_remotely is not None:
        what = item.cannot_conclude_remotely
        return Text(
            zh=text("inspection.not_examined.part", "zh", title=item.title.zh, what=what.zh),
            en=text("inspection.not_examined.part", "en", title=item.title.en, what=what.en),
        )
    return None


def _item_text(key: str, item: ItemPart) -> Text:
    return Text(zh=text(key, "zh", title=item.title.zh), en=text(key, "en", title=item.title.en))


def _with_history(session: Session, row: store.DeficiencyRow) -> DeficiencyPart:
    history = [
        ActionPart(scheme=one.scheme, code=one.code, at=one.at, by=one.by, due_at=one.due_at)
        for one in store.actions(session, row.id)
    ]
    return DeficiencyPart.model_validate(row.part).model_copy(update={"actions": history})


def _filled(item: ItemPart, answer: store.AnswerRow | None, evidence_ids: list[str]) -> ItemPart:
    part = AnswerPart.model_validate(answer.part) if answer else None
    return item.model_copy(update={"answer": part, "evidence_ids": evidence_ids})


def _both(key: str, **params: object) -> Text:
    return Text(zh=text(key, "zh", **params), en=text(key, "en", **params))
