"""Owns the conditions that definitions are written in, and their three-valued answer: met, not met, unknown.

Never reads anything but the facts it is handed; numbers stand in the definition's `thresholds`, named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.workdays import local_day

Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | list[Scalar] | None


class Known(Protocol):
    """What a condition may look at: one case file on one day."""

    @property
    def facts(self) -> Mapping[str, Value]: ...
    @property
    def steps(self) -> Mapping[str, datetime]: ...
    @property
    def documents(self) -> Mapping[str, Any]: ...
    @property
    def klass(self) -> str | None: ...
    @property
    def today(self) -> date: ...
    def threshold(self, name: str) -> float: ...
    def open_items(self, name: str) -> bool: ...
    def is_closed(self, deadline: str) -> bool: ...
    def is_overdue(self, deadline: str) -> bool: ...


class Condition(BaseModel):
    """One condition. Exactly one subject (`fact`, `step`, `document`, `items`, `closed`, `overdue`, `klass`, `all`, `any`, `none`); a `fact` has
    exactly one test. Bounds name a threshold of the definition or are a number. Upper bounds are inclusive where they say `at_most`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    fact: str | None = None
    step: str | None = Field(default=None, description="this step has been taken")
    document: str | None = Field(default=None, description="this document is in")
    items: str | None = Field(default=None, description="a list of findings was opened and none is open any more")
    closed: str | None = Field(default=None, description="the obligation of this deadline is fulfilled")
    overdue: str | None = Field(default=None, description="the obligation of this deadline is overdue")
    klass: str | None = None
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()
    is_: Scalar | None = Field(default=None, alias="is")
    in_: tuple[Scalar, ...] = Field(default=(), alias="in")
    at_least: str | float | None = None
    at_most: str | float | None = None
    above: str | float | None = None
    below: str | float | None = None
    same_as: str | None = Field(default=None, description="equals another fact")
    holds: str | None = Field(default=None, description="the fact is a list that holds this value")
    not_before_step: str | None = Field(default=None, description="an instant or day that is not before this step")
    before_step: str | None = Field(default=None, description="a day or instant before this step")
    valid_today: bool | None = Field(default=None, description="a last day of validity that has not passed")

    @model_validator(mode="after")
    def _one_subject(self) -> Condition:
        subjects = [bool(part) for part in (self.fact, self.step, self.document, self.items, self.closed, self.overdue, self.klass,
                                            self.all, self.any, self.none)]  # fmt: skip
        if sum(subjects) != 1:
            raise ValueError("a condition has exactly one subject")
        if (len(self._tests()) == 1) != (self.fact is not None):
            raise ValueError("a fact has exactly one test, everything else none")
        return self

    def _tests(self) -> list[str]:
        names = (
            "is_",
            "at_least",
            "at_most",
            "above",
            "below",
            "same_as",
            "holds",
            "not_before_step",
            "before_step",
            "valid_today",
        )
        return [name for name in names if getattr(self, name) is not None] + (["in_"] if self.in_ else [])

    def parts(self) -> list[Condition]:
        """Itself and all conditions inside it."""
        return [self, *(deep for part in (*self.all, *self.any, *self.none) for deep in part.parts())]

    def bounds(self) -> list[str]:
        """Names of thresholds this condition itself uses."""
        return [bound for bound in (self.at_least, self.at_most, self.above, self.below) if isinstance(bound, str)]


def holds(condition: Condition, known: Known) -> bool | None:
    """True, False, or None where a fact it needs is missing."""
    if condition.all:
        return _all([holds(part, known) for part in condition.all])
    if condition.any:
        return _any([holds(part, known) for part in condition.any])
    if condition.none:
        found = _any([holds(part, known) for part in condition.none])
        return None if found is None else not found
    if condition.step is not None:
        return condition.step in known.steps
    if condition.document is not None:
        return condition.document in known.documents
    if condition.items is not None:
        return not known.open_items(condition.items)
    if condition.closed is not None:
        return known.is_closed(condition.closed)
    if condition.overdue is not None:
        return known.is_overdue(condition.overdue)
    if condition.klass is not None:
        return known.klass == condition.klass
    value = known.facts.get(condition.fact or "")
    return None if value is None else _test(condition, value, known)


def _test(condition: Condition, value: Value, known: Known) -> bool | None:
    if condition.is_ is not None:
        return value == condition.is_
    if condition.in_:
        return value in condition.in_
    if condition.same_as is not None:
        other = known.facts.get(condition.same_as)
        return None if other is None else value == other
    if condition.holds is not None:
        return isinstance(value, list) and condition.holds in value
    if condition.valid_today is not None:
        return (date.fromisoformat(str(value)) >= known.today) is condition.valid_today
    mark = condition.not_before_step or condition.before_step
    if mark is not None:
        taken = known.steps.get(mark)
        return None if taken is None else _earlier(str(value), taken) is (condition.before_step is not None)
    return _bounded(condition, float(str(value)), known)


def _bounded(condition: Condition, number: float, known: Known) -> bool:
    def bound(at: str | float) -> float:
        return known.threshold(at) if isinstance(at, str) else at

    if condition.at_least is not None:
        return number >= bound(condition.at_least)
    if condition.at_most is not None:
        return number <= bound(condition.at_most)
    if condition.above is not None:
        return number > bound(condition.above)
    return number < bound(condition.below or 0)


def _earlier(value: str, instant: datetime) -> bool:
    if "T" in value:
        return datetime.fromisoformat(value) < instant
    return date.fromisoformat(value) < local_day(instant)


def _all(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _any(answers: list[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers else False
