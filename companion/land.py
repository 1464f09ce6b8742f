"""Owns what is done before the land is awarded (case 2): plots of the reserve library, area assessments to reuse, agencies, the one list.

Never asks a project for an assessment that covers its plot already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from companion import books
from companion.books import Entry
from companion.conditions import Value
from companion.definition import Definition, Document
from core.errors import Refused

PLOTS, ASSESSMENTS, AGENCIES = "plots", "area_assessments", "agencies"


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot with the kinds of area assessment that cover it on a day."""

    ref: str
    price_cny: float
    ready: bool
    assessments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OneTimeList:
    """Everything told in writing at once. `own_assessments`: kinds the project has to make itself, since none covers its plot."""

    papers: tuple[Document, ...]
    spared: tuple[Document, ...]
    reused: tuple[str, ...]
    own_assessments: tuple[str, ...]


def plot(session: Session, ref: str, on: date) -> Plot:
    """A plot of the library. Raises NotFound."""
    found = books.entry(session, PLOTS, ref)
    ready = found.values["state"] == "reserved" and found.values["planning_conditions"] is True
    covering = {str(one.values["kind"]) for one in books.entries(session, ASSESSMENTS) if _covers(one, ref, on)}
    return Plot(ref, float(str(found.values["price_cny"])), ready, tuple(sorted(covering)))


def agencies(session: Session, service: str) -> list[Entry]:
    """Agencies of the market that offer a service, the cheapest first, then the quickest."""
    offered = [one for one in books.entries(session, AGENCIES) if service in _list(one, "services")]
    free = [one for one in offered if one.values.get("suspended") is not True]
    return sorted(free, key=lambda one: (float(str(one.values["fee_cny"])), int(str(one.values["days"])), one.ref))


def guide_facts(session: Session, ref: str, on: date, agency: str | None = None) -> dict[str, Value]:
    """What the step `guide` records of a plot: its price and the assessments that the project reuses.

    Raises:
        NotFound: a plot or agency that is not there. Refused ``land.plot_not_ready``, ``land.agency_suspended``.
    """
    found = plot(session, ref, on)
    if not found.ready:
        raise Refused("land.plot_not_ready", plot=ref)
    facts: dict[str, Value] = {"plot": ref, "plot_price_cny": found.price_cny, "area_assessments": list(found.assessments)}
    if agency is None:
        return facts
    if books.entry(session, AGENCIES, agency).values.get("suspended") is True:
        raise Refused("land.agency_suspended", agency=agency)
    return {**facts, "agency": agency}


def one_time_list(definition: Definition, found: Plot) -> OneTimeList:
    """The written one-time list for a project on this plot."""
    kinds = definition.fact("area_assessments")
    wanted = kinds.values if kinds else ()
    return OneTimeList(
        papers=tuple(part for part in definition.documents if part.role in ("upfront", "committed")),
        spared=tuple(part for part in definition.documents if part.role == "dropped"),
        reused=tuple(kind for kind in wanted if kind in found.assessments),
        own_assessments=tuple(kind for kind in wanted if kind not in found.assessments),
    )


def _covers(one: Entry, ref: str, on: date) -> bool:
    until = one.values.get("valid_until")
    return ref in _list(one, "plots") and (until is None or on <= date.fromisoformat(str(until)))


def _list(one: Entry, field: str) -> list[str]:
    values = one.values.get(field)
    return [str(value) for value in values] if isinstance(values, list) else []
