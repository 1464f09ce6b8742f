"""Owns the record of one inspection as others read it: console pages and reports see this, never our tables.

Schema ``yunjian.record/1``. Unknown is null, times are aware UTC, texts that come as data carry both languages.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from core.evidence import Envelope

RECORD_SCHEMA: Literal["yunjian.record/1"] = "yunjian.record/1"

CaseState = Literal[
    "selected", "refused", "eligible", "invited", "appointed", "rescheduled", "preparing", "in_session", "suspended", "drafting",
    "under_review", "approved", "issued", "follow_up", "closed", "converted_to_onboard", "cancelled", "void",
]  # fmt: skip
Verdict = Literal["remote", "remote_then_attend", "attend_only", "none_due"]
AnswerValue = Literal["satisfactory", "deficient", "not_applicable", "needs_attendance"]
Medium = Literal["live", "clip", "still", "document", "drone", "data"]
FindingState = Literal["proposed", "confirmed", "rejected"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Part):
    """The same sentence in both languages."""

    zh: str
    en: str


class ShipPart(_Part):
    name: str
    imo: str | None
    mmsi: str | None
    call_sign: str | None
    flag: str | None
    ship_type: str | None
    year_built: int | None
    gross_tonnage: float | None
    company_imo: str | None
    loa_m: float | None
    beam_m: float | None
    depth_m: float | None
    draught_m: float | None
    estimated: list[str] = Field(default_factory=list, description="names of the dimensions that are class defaults")
    simulated: bool = False


class CriterionPart(_Part):
    """One row of a risk table as it was applied."""

    id: str
    label: Text
    value: str | None
    source: str | None
    state: Literal["met", "not_met", "unknown"]
    points: int | None = Field(description="null where unknown; then the range counts it as 0 and as max_points")
    max_points: int
    reason: Text


class SelectionPart(_Part):
    """Why this ship: its place in the ranked list at that moment."""

    regime: str
    regime_version: str
    rank: int
    tied_with: int
    of: int
    points_low: int
    points_high: int
    profile_best: str
    profile_worst: str
    priority: str | None
    known: int
    criteria: list[CriterionPart]
    ais_source: str
    ais_sentences: int
    at_utc: datetime


class RulePart(_Part):
    id: str
    met: bool | None
    reason: Text


class EligibilityPart(_Part):
    pack: str
    pack_version: str
    purpose: str
    verdict: Verdict
    summary: Text
    rules: list[RulePart]


class ParticipantPart(_Part):
    seat: str
    role: str
    name: str


class AppointmentPart(_Part):
    id: str
    place: str
    starts_at: datetime
    ends_at: datetime
    agreed_by: str | None
    agreed_at: datetime | None
    item_ids: list[str]
    participants: list[ParticipantPart]


class AnswerPart(_Part):
    value: AnswerValue
    note: str | None
    by: str
    at: datetime
    pre_answered_by_rule: str | None = None


class ItemPart(_Part):
    id: str
    section: Text
    title: Text
    prompt: Text
    legal_basis: str
    psc_codes: list[str]
    media: list[Medium]
    cannot_conclude_remotely: Text | None
    remote: bool = Field(description="False: this item always needs attendance on board")
    answer: AnswerPart | None
    evidence_ids: list[str]


class ChecklistPart(_Part):
    edition: str
    edition_date: str
    source: str
    items: list[ItemPart]


class GapPart(_Part):
    track: str
    from_s: float
    to_s: float


class CallPart(_Part):
    room_id: str
    started_at: datetime
    ended_at: datetime | None
    consent: list[str] = Field(description="seats that consented to recording")
    recording_ids: list[str] = Field(description="evidence ids of the recordings")
    gaps: list[GapPart]


class SurveyPart(_Part):
    id: str
    simulated: bool
    camera: str
    target_gsd_mm: float
    photos: int
    photos_lost: int
    seen2_pct: float | None
    area_m2: float | None
    flown_at: datetime
    heading_deg_true: float
    clock_speed: float
    log_evidence_id: str | None


class ModelPart(_Part):
    name: str
    sha256: str
    threshold: float
    scores: dict[str, float]
    note: Text


class HullPlacePart(_Part):
    """Where on the hull: metres from `x_origin`, above the waterline, one-sigma ellipse as covariance m2."""

    side: Literal["port", "starboard", "bow", "stern", "deck"]
    x_m: float
    x_origin: Literal["ap", "stern_end"]
    z_m: float
    above_waterline_m: float
    cov2x2: list[list[float]]


class FindingPart(_Part):
    id: str
    class_id: int
    class_name: Text
    source: Literal["model", "inspector"]
    experimental: bool
    score: float | None
    place: HullPlacePart | None
    polygon_hull_m: list[list[float]] = Field(description="[[x_m, z_m], ...] on the unwrapped side; empty without pose")
    area_cm2: float | None
    photo_evidence_id: str
    crop_evidence_id: str | None
    views: int
    state: FindingState
    decided_by: str | None
    decided_at: datetime | None
    proposed_codes: list[str] = Field(description="deficiency codes, proposals only")


class ActionPart(_Part):
    """One action of a deficiency's history; a code is only valid with its scheme."""

    scheme: str
    code: str
    at: datetime
    by: str
    due_at: datetime | None


class DeficiencyPart(_Part):
    id: str
    scheme: str
    code: str
    title: Text
    standard_not_met: str
    why: str
    convention_ref: str | None
    ground_for_detention: bool
    finding_id: str | None
    action_code: str | None
    due_at: datetime | None
    state: str
    ro_responsible: str | None = Field(default=None, description="recognised organisation whose work this touches; null = none")
    actions: list[ActionPart] = Field(default_factory=list, description="history, oldest first")


class DecisionPart(_Part):
    at: datetime
    by: str
    role: str
    from_state: str
    action: str
    to_state: str
    reason: str | None


class CaseRecord(_Part):
    """Everything about one inspection, as it stands."""

    schema_: Literal["yunjian.record/1"] = Field(default=RECORD_SCHEMA, alias="schema")
    id: str
    number: str
    state: CaseState
    demo: bool
    simulated: list[Text] = Field(description="what in this inspection is simulated, said on page 1")
    opened_at: datetime
    ship: ShipPart
    selection: SelectionPart | None
    eligibility: EligibilityPart | None
    appointment: AppointmentPart | None
    checklist: ChecklistPart | None
    calls: list[CallPart]
    surveys: list[SurveyPart]
    model: ModelPart | None
    findings: list[FindingPart]
    deficiencies: list[DeficiencyPart]
    decisions: list[DecisionPart]
    not_examined: list[Text]
    evidence: list[Envelope]
    journal_stream: str
    journal_head: str

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
