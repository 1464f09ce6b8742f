"""Owns the values of a case file: who acts, what is asked of the engine, what happened, and the state that follows.

Never touches the database and never decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from companion.conditions import Value

ENGINE = "engine"


class Role(StrEnum):
    """Who a person is to the reforms service."""

    APPLICANT = "applicant"
    WINDOW = "window"
    APPROVAL = "approval"
    SUPERVISION = "supervision"
    ENFORCEMENT = "enforcement"
    LEGAL = "legal"
    SECTOR = "sector"
    PROVINCE = "province"
    FINANCE = "finance"
    BANK = "bank"
    EXPERT = "expert"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: an account id and its role, never a name."""

    user_id: str
    role: Role


class ListEntry(BaseModel):
    """One entry of a list that an application is measured against."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ref: str
    kind: Literal["red", "black", "abnormal", "dishonest"]
    domain: str


class Standing(BaseModel):
    """What is known of a subject on the day it applies; kept with the application, so that a decision can be told again.

    `good_credit`: reading A4.1. `barred`: scheme -> reference of the effect that bars it. `commitment_closed`: breach ladder 3.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    entries: tuple[ListEntry, ...] = ()
    good_credit: bool = False
    barred: dict[str, str] = {}
    commitment_closed: str | None = None

    @property
    def is_red(self) -> bool:
        return not self.black and any(entry.kind == "red" for entry in self.entries)

    @property
    def black(self) -> tuple[ListEntry, ...]:
        return tuple(entry for entry in self.entries if entry.kind == "black")


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Reasoned(_Command):
    """A command that needs its reason in words."""

    reason: str = Field(min_length=3)


class Apply(_Command):
    """An application. `documents`: document id -> SHA-256 of the file; `verified`: document id -> what the register answered."""

    do: Literal["apply"] = "apply"
    subject: str = Field(min_length=1, description="id of the firm: unified social credit code or account id")
    facts: dict[str, Value] = {}
    documents: dict[str, str] = {}
    verified: dict[str, str] = {}
    items: tuple[str, ...] = Field(default=(), description="the decisions asked for in a combined application")
    commitment_signed: bool = False
    standing: Standing = Standing()


class Supply(_Command):
    """A document arrives."""

    do: Literal["supply"] = "supply"
    document: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Demand(_Command):
    """An officer asks the applicant for a document."""

    do: Literal["demand"] = "demand"
    document: str


class Take(_Command):
    """A step of the procedure."""

    do: Literal["take"] = "take"
    step: str
    facts: dict[str, Value] = {}
    items: tuple[str, ...] = ()


class Confirm(_Reasoned):
    """An officer orders proposed effects."""

    do: Literal["confirm"] = "confirm"
    proposal: str


class Dismiss(_Reasoned):
    """An officer does not follow a proposal."""

    do: Literal["dismiss"] = "dismiss"
    proposal: str


class Recognise(_Reasoned):
    """The recognising authority confirms an effect of level 6."""

    do: Literal["recognise"] = "recognise"
    effect: str


class ObjectTo(_Reasoned):
    """The subject objects to an effect."""

    do: Literal["object"] = "object"
    effect: str


class Answer(_Reasoned):
    """The legal office answers an objection."""

    do: Literal["answer"] = "answer"
    effect: str
    uphold: bool


class Lift(_Reasoned):
    """An officer ends an effect whose cause is cleared (repair, 信用修复)."""

    do: Literal["lift"] = "lift"
    effect: str


class Tick(_Command):
    """Time has passed: the sweep found this obligation due for a reminder or overdue."""

    do: Literal["tick"] = "tick"
    obligation: str


class Recount(_Command):
    """A year's holiday table has arrived: provisional due days are counted again."""

    do: Literal["recount"] = "recount"


class Adopt(_Command):
    """A running case takes over a newer version of its procedure; no issued due day moves backwards."""

    do: Literal["adopt"] = "adopt"
    version: str


Command = Annotated[
    Apply | Supply | Demand | Take | Confirm | Dismiss | Recognise | ObjectTo | Answer | Lift | Tick | Recount | Adopt,
    Field(discriminator="do"),
]
COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact in the life of a case file. `asked` events hold a command, all others follow from it."""

    seq: int
    type: str
    at: datetime
    actor: str
    role: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Obligation:
    """A term that runs. `due` is None where no term is set: only its age is shown."""

    id: str
    deadline: str
    start: date
    raw: date | None
    due: date | None
    provisional: bool
    state: Literal["open", "closed", "lapsed"] = "open"
    overdue: bool = False
    closed_on: date | None = None
    reminded: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """Effects proposed after a breach; an officer confirms or dismisses."""

    id: str
    breach: str
    effects: tuple[str, ...]
    evidence: Mapping[str, Value]
    state: Literal["open", "confirmed", "dismissed"] = "open"


@dataclass(frozen=True, slots=True)
class ActiveEffect:
    """An effect that was ordered. `from_day`: when it holds; None while an authority has yet to recognise it."""

    ref: str
    effect: str
    proposal: str
    ordered_by: str
    from_day: date | None
    object_until: date
    until: date | None = None
    state: Literal["proposed", "in_force", "objected", "withdrawn", "lifted", "expired"] = "in_force"
    back_to: str = ""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The state of one case file (办件): the fold of its events."""

    id: str = ""
    key: str = ""
    version: str = ""
    subject: str = ""
    state: str = ""
    outcome: str | None = None
    klass: str | None = None
    seq: int = 0
    facts: Mapping[str, Value] = field(default_factory=dict)
    steps: Mapping[str, datetime] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    deferred: frozenset[str] = frozenset()
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    obligations: Mapping[str, Obligation] = field(default_factory=dict)
    proposals: Mapping[str, Proposal] = field(default_factory=dict)
    effects: Mapping[str, ActiveEffect] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is not done: the rule that failed and its clause in both languages, with the papers that are missing."""

    rule: str
    clause_zh: str
    clause_en: str
    unknown: bool = False
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What a command led to."""

    case: CaseFile
    events: tuple[Event, ...]
    reasons: tuple[Reason, ...] = ()

    def happened(self, type: str) -> tuple[Event, ...]:  # noqa: A002 - events have a type
        return tuple(event for event in self.events if event.type == type)
