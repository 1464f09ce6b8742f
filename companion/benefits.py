"""Owns the benefits calculator: each published figure again from its definition, with its formula.

Never adds figures of different measures, and never invents one: what the definition does not say is not computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from companion.definition import Benefit, Definition
from core.workdays import Due, Unit, WorkCalendar


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with the formula it comes from and how the source bounds it."""

    case: int
    id: str
    value: float
    unit: str
    bound: str
    formula: str


def figure(definition: Definition, name: str, parts: tuple[str, ...] = (), population: tuple[str, ...] = ()) -> Figure:
    """One figure; `parts` or `population` chooses some of the addends, none means all."""
    return figure_of(definition.case, definition.benefit(name), parts, population)


def figure_of(case: int, benefit: Benefit, parts: tuple[str, ...] = (), population: tuple[str, ...] = ()) -> Figure:
    """The same for a figure of a case that is no procedure (`companion.figures`)."""
    value, formula = _computed(benefit, parts, population)
    return Figure(case, benefit.id, value, benefit.unit, benefit.bound, formula)


def figures(definition: Definition) -> list[Figure]:
    """Every published figure of a definition."""
    return [figure(definition, benefit.id) for benefit in definition.benefits]


def old_day(definition: Definition, name: str, start: date, calendar: WorkCalendar) -> Due:
    """The day on which the old way would have ended: the saving counted from the start day."""
    saved = figure(definition, name)
    unit = Unit.WORKING_DAY if saved.unit == "working_day" else Unit.CALENDAR_DAY
    return calendar.due(start, int(saved.value), unit)


def _computed(benefit: Benefit, parts: tuple[str, ...], population: tuple[str, ...]) -> tuple[float, str]:
    if benefit.parts:
        chosen = {name: value for name, value in benefit.parts.items() if not parts or name in parts}
        return sum(chosen.values()), " + ".join(f"{value:.12g} {name}" for name, value in chosen.items())
    if benefit.per is not None:
        groups = {name: value for name, value in benefit.population.items() if not population or name in population}
        total = sum(groups.values())
        return benefit.per * total, f"{benefit.per:.12g} x {total:.12g}"
    if benefit.before is not None:
        after = benefit.after or 0.0
        return benefit.before - after, f"{benefit.before:.12g} - {after:.12g}"
    return benefit.value or 0.0, "published"
