"""Owns inspections: case state machine, eligibility, appointment, checklist, evidence on items, findings, deficiencies.

Never flies, never touches RTP, never detects anything: findings come in as values (`inspection.hull` makes them).
"""

from inspection.appointment import (
    Invitation,
    PortStay,
    Proposal,
    Seat,
    Slot,
    appointment_rules,
    collect,
    length_of,
    propose_slots,
)
from inspection.assemble import (
    case_with_key,
    company_of,
    issued_record,
    list_cases,
    photo_evidence,
    record,
    subject_of,
)
from inspection.checklist import current_edition
from inspection.codes import action_codes, deficiency_codes
from inspection.content import (
    act_on_deficiency,
    add_deficiency,
    add_findings,
    answer_item,
    bind_evidence,
    decide_finding,
    decide_findings,
    draw_dent,
    keep_evidence,
    record_call,
)
from inspection.eligibility import EligibilityFacts, Judgement, facts_from_selection, judge, packs
from inspection.followup import (
    Alert,
    NewRectification,
    OpenLine,
    Rectification,
    acknowledge,
    alerts,
    board,
    judge_rectification,
    keep_upload,
    name_contact,
    rectifications,
    submit_rectification,
    sweep,
)
from inspection.followup import rules as followup_rules
from inspection.model import (
    Actor,
    CaseSummary,
    DentDrawing,
    NewAnswer,
    NewCase,
    NewDeficiency,
    Outcome,
    RequestKey,
    SurveyFacts,
)
from inspection.record import CaseRecord
from inspection.service import (
    agree_appointment,
    approve,
    case_invitation,
    close,
    invite,
    issue,
    judge_case,
    judge_selection,
    open_case,
    record_attendance,
    reschedule,
    start_session,
    submit_for_review,
    take_step,
)
from inspection.states import machine
from inspection.subscriber import SUBSCRIBER, on_event
from inspection.surveys import register_survey

__all__ = [
    "SUBSCRIBER", "Actor", "Alert", "CaseRecord", "CaseSummary", "DentDrawing", "EligibilityFacts", "Invitation",
    "Judgement", "NewAnswer", "NewCase", "NewDeficiency", "NewRectification", "OpenLine", "Outcome", "PortStay", "Proposal",
    "Rectification", "RequestKey", "Seat", "Slot", "SurveyFacts", "acknowledge", "act_on_deficiency", "action_codes",
    "add_deficiency", "add_findings", "agree_appointment", "alerts", "answer_item", "appointment_rules", "approve",
    "bind_evidence", "board", "case_invitation", "case_with_key", "close", "collect", "company_of", "current_edition", "decide_finding",
    "decide_findings", "deficiency_codes", "draw_dent", "facts_from_selection", "followup_rules", "invite", "issue",
    "issued_record", "judge", "judge_case", "judge_rectification", "judge_selection", "keep_evidence", "keep_upload",
    "length_of", "list_cases", "machine", "name_contact", "on_event", "open_case", "packs", "photo_evidence",
    "propose_slots", "record", "record_attendance", "record_call", "rectifications", "register_survey", "reschedule",
    "start_session", "subject_of", "submit_for_review", "submit_rectification", "sweep", "take_step",
]  # fmt: skip
