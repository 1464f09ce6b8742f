"""Owns what a check leaves behind (case 17): experts who lead with the officers, findings that recur, the next period's warning list.

Never counts an expert's word before supervisors have reviewed it, and never lets a finding recur on paper alone: visits say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from companion import books
from companion import practice_store as store
from companion.books import Entry
from companion.checks import key_items
from companion.conditions import Value
from companion.model import Actor
from companion.roles import require
from core.context import Services
from core.draw import Item
from core.errors import AccessDenied, InputError, Refused

ADVICE = "expert_advice"


@dataclass(frozen=True, slots=True)
class NextPeriod:
    """`key_items` come up at every visit; `warned`: targets with findings that are open or came back, with those findings."""

    key_items: frozenset[str]
    warned: dict[str, tuple[str, ...]]


def advise(
    services: Services, actor: Actor, draw_id: str, target: str, advice: tuple[str, ...], asked: tuple[str, ...] = ()
) -> Entry:
    """An expert who was drawn for the visit writes what was asked on site and advises. It counts for nothing yet.

    Raises:
        AccessDenied: not drawn for this visit; InputError ``checks.no_advice``; Refused ``checks.visit_known``: it is over.
    """
    require(actor, "draw.advise")
    if not advice:
        raise InputError("checks.no_advice", target=target)
    with services.db.write() as session:
        if actor.user_id not in _people(session, draw_id, target, "expert"):
            raise AccessDenied("companion.not_your_step", role=actor.role.value)
        if session.get(store.VisitRow, (draw_id, target)) is not None:
            raise Refused("checks.visit_known", target=target)
        values: dict[str, Value] = {"asked": [*asked], "advice": [*advice]}
        return books.write_in(
            services, session, actor, ADVICE, f"{draw_id}/{target}/{actor.user_id}", values, _visit(draw_id, target)
        )


def review(services: Services, actor: Actor, ref: str, accepted: tuple[str, ...]) -> Entry:
    """A supervisor takes over what is right of an expert's advice; the rest stays on record and counts for nothing.

    Raises:
        AccessDenied, NotFound; InputError ``checks.not_advised``; Refused ``checks.reviewed``.
    """
    require(actor, "draw.visit")
    with services.db.write() as session:
        known = books.entry(session, ADVICE, ref)
        if "reviewed_by" in known.values:
            raise Refused("checks.reviewed", ref=ref)
        if lost := sorted(set(accepted) - set(_list(known, "advice"))):
            raise InputError("checks.not_advised", what=lost[0])
        values: dict[str, Value] = {**known.values, "accepted": [*accepted], "reviewed_by": actor.user_id}
        return books.write_in(services, session, actor, ADVICE, ref, values, known.subject)


def reviewed(session: Session, draw_id: str, target: str) -> tuple[str, ...]:
    """What supervisors took over for a visit: it may be recorded as findings (`companion.checks.record_visit`, `advice`)."""
    known = books.entries(session, ADVICE, _visit(draw_id, target))
    return tuple(dict.fromkeys(part for one in known for part in _list(one, "accepted")))


def next_period(session: Session, draw_ids: Iterable[str], times: int) -> NextPeriod:
    """From the visits of a period: items found at that many visits are key items; targets with open or recurring findings are warned."""
    visits = [visit for draw_id in draw_ids for visit in store.visits(session, draw_id)]
    seen: Counter[tuple[str, str]] = Counter((visit.target, item) for visit in visits for item in set(visit.findings))
    warned: dict[str, tuple[str, ...]] = {}
    for visit in visits:
        left = [item for item in visit.findings if item not in visit.rectified or seen[visit.target, item] > 1]
        if left:
            warned[visit.target] = tuple(sorted({*warned.get(visit.target, ()), *left}))
    return NextPeriod(key_items([visit.findings for visit in visits], times), warned)


def with_key_items(items: Iterable[Item], period: NextPeriod) -> tuple[Item, ...]:
    """The item list of the next plan: a recurring violation is not left to chance."""
    return tuple(item.model_copy(update={"always": item.always or item.id in period.key_items}) for item in items)


def causes(period: NextPeriod) -> dict[str, str]:
    """The warning list as `companion.checks.directory` takes it: checked for cause."""
    return dict.fromkeys(period.warned, "recurrence")


def _people(session: Session, draw_id: str, target: str, role: str) -> frozenset[str]:
    row = store.draw_row(session, draw_id)
    visits = [] if row.result is None else [visit for visit in row.result["visits"] if visit["target"] == target]
    return frozenset(person for visit in visits for person in visit["people"].get(role, ()))


def _visit(draw_id: str, target: str) -> str:
    return f"{draw_id}/{target}"


def _list(one: Entry, field: str) -> list[str]:
    values = one.values.get(field)
    return [str(value) for value in values] if isinstance(values, list) else []
