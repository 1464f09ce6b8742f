"""Owns what a procedure is: the typed, dated and versioned form of ``config/procedures/*.yaml``, checked when it is loaded.

Never runs one: `companion.engine` does. A procedure is data; nothing here knows a case by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from companion.conditions import Condition
from companion.model import Role
from config import pack_path
from core.errors import InputError, NotFound
from core.workdays import Roll, Unit

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same language by libyaml, some ten times faster
Model = TypeVar("Model", bound=BaseModel)
Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Outcome = Literal[
    "granted", "granted_on_commitment", "filed", "confirmed", "not_accepted", "conditionally_accepted", "refused", "corrected",
    "revoked", "frozen", "penalised", "warned", "exempted", "expired", "withdrawn",
]  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Part):
    """A text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Fact(_Part):
    """What is asked or recorded. `choice` needs `values`; a `sum` is an amount in CNY."""

    id: Id
    type: Literal["number", "integer", "sum", "flag", "text", "choice", "list", "day", "instant"]
    title: Text
    values: tuple[str, ...] = ()
    min: float | None = None
    required: bool = Field(default=False, description="without it there is no application")


class Document(_Part):
    """A paper with its role. `when`: asked only if this holds; `classes`: asked of these classes only."""

    id: Id
    role: Literal["upfront", "committed", "verified_online", "dropped"]
    title: Text
    clause: Text | None = None
    substantive: bool = Field(
        default=True, description="False: may be replaced by a commitment where credit allows it (case 4)"
    )
    classes: tuple[Id, ...] = ()
    when: Condition | None = None
    source: Id | None = Field(default=None, description="verified_online: the register that is asked")


class Rule(_Part):
    """A requirement and the clause it comes from."""

    id: Id
    if_: Condition = Field(alias="if")
    clause: Text


class Class(_Part):
    """Classes are tried in order; the first that holds is the applicant's."""

    id: Id
    title: Text
    if_: Condition = Field(alias="if")
    path: Text | None = None


class ItemOfBundle(_Part):
    """One of several decisions of a combined application. `at_once`: granted on the spot, without the joint check, if all hold."""

    id: Id
    title: Text
    department: Text
    documents: tuple[Id, ...]
    at_once: tuple[Rule, ...] = ()


class Step(_Part):
    """What may be done, by whom, from which state. `automatic` steps are taken by the engine as soon as all `needs` hold."""

    id: Id
    title: Text
    clause: Text
    by: tuple[Role, ...] = ()
    from_: tuple[Id, ...] = Field(alias="from", min_length=1)
    to: Id | None = None
    automatic: bool = False
    again: bool = Field(default=False, description="may be taken more than once")
    needs: tuple[Rule, ...] = ()
    facts: tuple[Id, ...] = ()
    outcome: Outcome | None = None
    opens_items: Id | None = Field(default=None, description="its `items` are added to this list of findings")
    closes_items: Id | None = None
    decides_items: bool = Field(default=False, description="its `items` are decisions of a combined application")
    reclassifies: bool = False
    saves: Id | None = Field(default=None, description="this benefit is credited to the applicant's benefit account")
    saves_part: Id | None = Field(default=None, description="only this part of it")
    push: tuple[Id, ...] = Field(default=(), description="receivers of the double push")
    tells: tuple[Id, ...] = Field(
        default=(), description="topics for other parts of the service, e.g. the inspection directory"
    )


class Deadline(_Part):
    """A term. It starts when the step `from` is taken, on the day of that step or of `from_fact`; fulfilled when `fulfilled` holds."""

    id: Id
    title: Text
    from_: Id = Field(alias="from", description="a step, or `application`")
    from_fact: Id | None = None
    n: int | None = Field(default=None, ge=0, description="none: no term is set, the age is shown")
    unit: Unit = Unit.WORKING_DAY
    roll: Roll = Roll.NEXT_WORKING_DAY
    fulfilled: Condition | None = None
    only_if: Condition | None = None
    owed_by: Literal["applicant", "authority"] = "applicant"
    responsible: Text | None = None
    part_of: Id | None = None
    reminders: tuple[int, ...] = (30, 7, 1)
    reading: str | None = Field(default=None, description="number of the open point this term is a reading of")


class Trigger(_Part):
    """What makes a breach be proposed: an overdue deadline, or a step (with a condition on what it recorded)."""

    overdue: Id | None = None
    step: Id | None = None
    if_: Condition | None = Field(default=None, alias="if")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.overdue is None) == (self.step is None):
            raise ValueError("a breach is triggered by one overdue deadline or one step")
        return self


class Breach(_Part):
    """Effects proposed to an officer when the trigger happens. `evidence`: facts quoted in the proposal."""

    id: Id
    title: Text
    clause: Text
    triggers: tuple[Trigger, ...] = Field(min_length=1)
    effects: tuple[Id, ...] = Field(min_length=1)
    evidence: tuple[Id, ...] = ()
    at_once: bool = Field(
        default=False, description="the case's own wording lets the effects hold from the day of confirmation"
    )


class Effect(_Part):
    """One adverse effect on the breach ladder (companion spec, 0.2)."""

    id: Id
    level: int = Field(ge=1, le=6)
    title: Text
    cleared_by: Text
    confirmed_by: tuple[Role, ...] = ()
    recognised_by: tuple[Role, ...] = ()
    state: Id | None = Field(default=None, description="the state the case file goes to")
    outcome: Outcome | None = None
    list: Literal["abnormal", "dishonest", "black"] | None = None
    bars: Literal["scheme", "commitment"] | None = Field(
        default=None, description="no more use of this scheme, or of any commitment"
    )
    credit: bool = Field(default=False, description="an entry in the credit file")
    notice_working_days: int = Field(default=0, ge=0)
    published: bool = False
    push: tuple[Id, ...] = ()
    lasts: tuple[int, Unit] | None = None

    @property
    def automatic(self) -> bool:
        return not self.confirmed_by

    @model_validator(mode="after")
    def _ladder(self) -> Self:
        """Level 1 is automatic; from level 2 an officer confirms; level 6 is recognised by its authority."""
        if (self.level == 1) != self.automatic:
            raise ValueError("level 1 is automatic, every other level is confirmed by an officer")
        if (self.level == 6) != bool(self.recognised_by):
            raise ValueError("level 6, and only level 6, is recognised by an authority")
        return self


class EffectTable(_Part):
    """All effects with the right to object."""

    version: date
    source: Text
    objection_working_days: int = Field(ge=0)
    deferred_working_days: int = Field(ge=0, description="term of a paper that a red-list or credit applicant brings later")
    phrases: dict[Id, Text] = Field(description="clauses that hold for every procedure")
    effects: tuple[Effect, ...]

    def named(self, effect: str) -> Effect:
        return next(known for known in self.effects if known.id == effect)


class Benefit(_Part):
    """A published figure with the formula that gives it. `parts` are added; `value` is a figure of its own."""

    id: Id
    title: Text
    unit: Literal["working_day", "calendar_day", "hour", "cny", "percent", "count", "trip", "step", "multiple"]
    value: float | None = None
    parts: dict[Id, float] = {}
    before: float | None = None
    after: float | None = None
    per: float | None = Field(default=None, description="value for one; times the population")
    bound: Literal["exact", "more_than", "nearly", "about", "at_most", "at_least"] = "exact"
    population: dict[Id, float] = {}

    @model_validator(mode="after")
    def _one_formula(self) -> Self:
        if sum((self.value is not None, bool(self.parts), self.before is not None, self.per is not None)) != 1:
            raise ValueError("a benefit has a value, parts, before and after, or a value per one")
        return self


class Owners(_Part):
    """Case 3: every item names who approves, supervises, enforces and answers in law; all four before it is published."""

    approving: Text | None = None
    supervising: Text | None = None
    enforcing: Text | None = None
    legal: Text | None = None

    def missing(self) -> list[str]:
        return [name for name in Owners.model_fields if getattr(self, name) is None]


class Validity(_Part):
    from_: date = Field(alias="from")
    until: date | None = None


class Reading(_Part):
    """How an open point of the source is read."""

    id: str
    text: Text


class Definition(_Part):
    """One version of one procedure."""

    key: Id
    version: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}(\.\d+)?$")]
    case: int = Field(ge=1, le=21)
    valid: Validity
    title: Text
    source: Text
    domain: Id
    owners: Owners
    commitment: Text | None = Field(default=None, description="what the applicant signs; none: no commitment path")
    credit_approval: bool = Field(
        default=False, description="one of the items whose papers good credit lets come later (case 4)"
    )
    initial: Id = "accepted"
    states: dict[Id, Text]
    final: tuple[Id, ...]
    thresholds: dict[Id, float] = {}
    facts: tuple[Fact, ...] = ()
    eligibility: tuple[Rule, ...] = ()
    classes: tuple[Class, ...] = ()
    documents: tuple[Document, ...] = ()
    items: tuple[ItemOfBundle, ...] = ()
    steps: tuple[Step, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    breaches: tuple[Breach, ...] = ()
    push: tuple[Id, ...] = Field(default=(), description="receivers of every decision")
    ordinary_path: Text | None = Field(default=None, description="what is offered to those who are not eligible")
    benefits: tuple[Benefit, ...] = ()
    readings: tuple[Reading, ...] = ()

    def document(self, name: str) -> Document | None:
        return next((part for part in self.documents if part.id == name), None)

    def step(self, name: str) -> Step | None:
        return next((part for part in self.steps if part.id == name), None)

    def deadline(self, name: str) -> Deadline | None:
        return next((part for part in self.deadlines if part.id == name), None)

    def breach(self, name: str) -> Breach | None:
        return next((part for part in self.breaches if part.id == name), None)

    def benefit(self, name: str) -> Benefit:
        return next(part for part in self.benefits if part.id == name)

    def fact(self, name: str) -> Fact | None:
        return next((part for part in self.facts if part.id == name), None)

    def clause_ref(self, part: str) -> str:
        """The reference of a clause, as automatic steps quote it."""
        return f"{self.key}@{self.version}#{part}"

    @model_validator(mode="after")
    def _references(self) -> Self:
        """Every name used is defined, so that no case file meets a dead end."""
        facts, docs, steps = _ids(self.facts), _ids(self.documents), _ids(self.steps)
        classes, deadlines, benefits = _ids(self.classes), _ids(self.deadlines), _ids(self.benefits)
        lists = {step.opens_items for step in self.steps if step.opens_items} | {"items"}
        for condition in self._conditions():
            _known("threshold", condition.bounds(), self.thresholds)
            _known("fact", (condition.fact, condition.same_as), facts)
            _known("step", (condition.step, condition.not_before_step, condition.before_step), steps)
            _known("document", (condition.document,), docs)
            _known("class", (condition.klass,), classes)
            _known("deadline", (condition.closed, condition.overdue), deadlines)
            _known("list", (condition.items,), lists)
        for step in self.steps:
            _known("state", (*step.from_, step.to), self.states)
            _known("fact", step.facts, facts)
            _known("list", (step.closes_items,), lists)
            _known("benefit", (step.saves,), benefits)
            if step.saves_part is not None:
                _known("benefit part", (step.saves_part,), self.benefit(step.saves or "").parts)
            if step.automatic == bool(step.by):
                raise ValueError(f"step {step.id}: either automatic or by a role")
        for term in self.deadlines:
            _known("step", (term.from_,), {*steps, "application"})
            _known("fact", (term.from_fact,), facts)
            _known("deadline", (term.part_of,), deadlines)
        for breach in self.breaches:
            _known("deadline", [trigger.overdue for trigger in breach.triggers], deadlines)
            _known("step", [trigger.step for trigger in breach.triggers], steps)
            _known("fact", breach.evidence, facts)
        _known("state", (self.initial, *self.final), self.states)
        _known("class", chain.from_iterable(part.classes for part in self.documents), classes)
        _known("document", chain.from_iterable(part.documents for part in self.items), docs)
        return self

    def _conditions(self) -> list[Condition]:
        rules = [*self.eligibility, *chain.from_iterable(step.needs for step in self.steps),
                 *chain.from_iterable(item.at_once for item in self.items)]  # fmt: skip
        single = [rule.if_ for rule in rules] + [part.if_ for part in self.classes]
        single += [part.when for part in self.documents if part.when]
        single += [part for term in self.deadlines for part in (term.fulfilled, term.only_if) if part]
        single += [trigger.if_ for breach in self.breaches for trigger in breach.triggers if trigger.if_]
        return [deep for condition in single for deep in condition.parts()]


def _ids(parts: Iterable[Fact | Document | Step | Class | Deadline | Benefit]) -> set[str]:
    names = [part.id for part in parts]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"defined twice: {', '.join(twice)}")
    return set(names)


def _known(kind: str, names: Iterable[str | None], defined: Iterable[str]) -> None:
    if lost := sorted({name for name in names if name is not None} - set(defined)):
        raise ValueError(f"unknown {kind}: {', '.join(lost)}")


class Procedures:
    """All versions of all procedures, with the table of effects."""

    def __init__(self, definitions: Iterable[Definition], effects: EffectTable) -> None:
        self.effects = effects
        self._versions = {(part.key, part.version): part for part in definitions}
        for part in self._versions.values():
            wanted = {name for breach in part.breaches for name in breach.effects}
            if lost := sorted(wanted - {effect.id for effect in effects.effects}):
                raise InputError("companion.definition", path=part.key, reason=f"unknown effect: {', '.join(lost)}")

    def version(self, key: str, version: str) -> Definition:
        """One version, for a running case. Raises NotFound."""
        found = self._versions.get((key, version))
        if found is None:
            raise NotFound("companion.procedure_unknown", key=f"{key}@{version}")
        return found

    def current(self, key: str, on: date) -> Definition:
        """The newest version in force on a day, for a new case. Raises NotFound."""
        known = [part for part in self._versions.values() if part.key == key]
        in_force = [part for part in known if part.valid.from_ <= on and (part.valid.until is None or on <= part.valid.until)]
        if not in_force:
            raise NotFound("companion.procedure_unknown", key=key)
        return max(in_force, key=lambda part: (part.valid.from_, part.version))

    def all(self) -> list[Definition]:
        """Every version of every procedure."""
        return list(self._versions.values())

    def keys(self) -> list[str]:
        return sorted({key for key, _ in self._versions})

    def in_force(self, on: date) -> list[Definition]:
        """The newest version in force of every procedure, in the order of the reform cases."""
        found: dict[str, Definition] = {}
        for key in self.keys():
            with suppress(NotFound):
                found[key] = self.current(key, on)
        return sorted(found.values(), key=lambda part: (part.case, part.key))


def read_definition(path: Path) -> Definition:
    """One file, checked. Raises InputError that names the file and the place."""
    return _read(path, Definition)


def load_procedures(folder: Path | None = None, extra: Iterable[Path] = ()) -> Procedures:
    """Every ``*.yaml`` of the folder and the extra files; ``_effects.yaml`` is the table of effects. Raises InputError."""
    place = folder or pack_path("procedures")
    definitions = [read_definition(path) for path in (*sorted(place.glob("[a-z]*.yaml")), *extra)]
    return Procedures(definitions, _read(place / "_effects.yaml", EffectTable))


@cache
def procedures() -> Procedures:
    """The procedures that ship with the product."""
    return load_procedures()


def _read(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate(yaml.load(path.read_text(encoding="utf-8"), _LOADER))  # noqa: S506 - a safe loader
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError("companion.definition", path=path.name, reason=f"{place}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError("companion.definition", path=path.name, reason=str(error).splitlines()[0]) from error
