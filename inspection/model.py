"""Owns the values that go in and out of the case service: who acts, what comes back, what is to be written.

Never touches the database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.auth import Principal
from inspection.record import AnswerValue, CaseState, SelectionPart, ShipPart, Text
from inspection.states import SYSTEM, ActorRole, actor_role


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An Idempotency-Key with the fingerprint of what was asked under it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something. `user_id` goes into journal and record, never a name. `seat`: the place in the appointment."""

    user_id: str
    role: ActorRole
    seat: str | None = None
    request: RequestKey | None = None

    @classmethod
    def of(cls, principal: Principal, request: RequestKey | None = None) -> Self:
        return cls(principal.user_id, actor_role(principal.role), request=request)

    def at_seat(self, seat: str | None) -> Self:
        """The same person, speaking from a place in the appointment."""
        return replace(self, seat=seat)

    @classmethod
    def system(cls) -> Self:
        """Work that no person asked for, e.g. a subscriber."""
        return cls(SYSTEM, "system")


class Outcome(BaseModel):
    """What a change led to. `ref`: id of what was made, if anything; `rev` counts the changes of the case."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    case_id: str
    state: CaseState
    rev: int
    ref: str | None = None


class NewCase(BaseModel):
    """A ranked ship becomes a case. `key` is natural (e.g. ship and port call): the same key opens one case only."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: str = Field(min_length=1)
    ship: ShipPart
    selection: SelectionPart | None = None
    demo: bool = False
    simulated: list[Text] = []


class NewAnswer(BaseModel):
    """An answer to a checklist item. `rule`: the rule that pre-answered it from data, if one did."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    value: AnswerValue
    note: str | None = None
    rule: str | None = None


class NewDeficiency(BaseModel):
    """A deficiency in two boxes: which standard is not met, and why. Neither may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str
    standard_not_met: str = Field(min_length=3)
    why: str = Field(min_length=3)
    convention_ref: str | None = None
    ground_for_detention: bool = False
    finding_id: str | None = None
    action_code: str | None = None
    action_scheme: str | None = Field(default=None, description="null = the scheme in force, config/codes/action_codes.toml")
    ro_responsible: str | None = Field(default=None, max_length=100)

    @field_validator("standard_not_met", "why")
    @classmethod
    def _said(cls, value: str) -> str:
        if len(value.strip()) < 3:
            raise ValueError("both boxes must be filled")
        return value.strip()


class DentDrawing(BaseModel):
    """A dent as an inspector draws it on the hull map: polygon [[x_m, z_m], ...] on one side, and the photo it is seen in."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: str = Field(min_length=1, description="natural key: the same drawing sent twice is one finding")
    photo_evidence_id: str
    side: Literal["port", "starboard", "bow", "stern", "deck"]
    x_origin: Literal["ap", "stern_end"]
    draught_m: float = Field(gt=0)
    polygon_hull_m: list[tuple[float, float]] = Field(min_length=3)
    sigma_m: float = Field(default=0.3, gt=0, description="how well the place is known, one standard deviation")


@dataclass(frozen=True, slots=True)
class SurveyFacts:
    """What the flight knows that survey.json does not hold. `log`: flight log to keep as evidence."""

    camera: str
    target_gsd_mm: float
    flown_at: datetime
    heading_deg_true: float
    clock_speed: float = 1.0
    seen2_pct: float | None = None
    area_m2: float | None = None
    photos_lost: int | None = None
    device: str = "drone"
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """One row of the list of cases."""

    id: str
    number: str
    state: CaseState
    ship_name: str
    imo: str | None
    opened_at: datetime
    rev: int
