"""Owns how what a case file orders becomes a fact of the credit file: one entry for each breach that was confirmed (cases 3, 8 to 14).

Never weighs it: `companion.credit` does. An effect that is withdrawn, lifted or over ends the entry's weight, never its place.
"""

from __future__ import annotations

from datetime import date

from companion import credit_store, creditfile, store
from companion.credit import CreditEvent, credit_rules
from companion.definition import procedures
from companion.model import ENGINE, ActiveEffect, Actor, CaseFile, Role
from core.context import Services
from core.errors import NotFound
from core.events import Event
from core.workdays import local_day

SUBSCRIBER = "companion_credit_feed"
_ORDERED = frozenset({"companion.effect_ordered", "companion.effect_recognised"})
_ENDED = frozenset({"companion.effect_withdrawn", "companion.effect_lifted", "companion.effect_expired"})
_HOLDS = frozenset({"in_force", "objected"})


def on_event(services: Services, event: Event) -> None:
    """``companion.effect_*`` {case_id}: bring the entries of that case file to what holds now; told twice, done once."""
    if event.type not in _ORDERED | _ENDED:
        return
    try:
        with services.db.read() as session:
            case = store.case_file(session, str(event.payload["case_id"]))
            domain = procedures().version(case.key, case.version).domain
    except NotFound:  # a procedure that a site took out of use: its old case files add nothing new
        return
    for proposal in {active.proposal for active in case.effects.values()}:
        mine = [active for active in case.effects.values() if active.proposal == proposal and _is_credit(active)]
        if event.type in _ORDERED:
            _enter(services, case, proposal, domain, [active for active in mine if active.state in _HOLDS])
        elif mine and all(active.state not in _HOLDS | {"proposed"} for active in mine):
            _end(services, _ref(case, proposal), local_day(event.at_utc))


def _enter(services: Services, case: CaseFile, proposal: str, domain: str, holding: list[ActiveEffect]) -> None:
    """The gravest effect names the kind; effects of one breach are one entry, so that it does not count several times."""
    dated = [(active, active.from_day) for active in holding if active.from_day is not None]
    if not dated:
        return
    effects = procedures().effects
    gravest, day = max(dated, key=lambda row: (effects.named(row[0].effect).level, row[0].ref))
    kind = credit_rules().effect_kinds[gravest.effect]
    fact = CreditEvent(_ref(case, proposal), kind, day, domain, case.id)
    creditfile.record_event(services, Actor(ENGINE, Role.SYSTEM), case.subject, fact)


def _end(services: Services, ref: str, on: date) -> None:
    with services.db.write() as session:
        row = session.get(credit_store.CreditEventRow, ref)
        if row is not None and row.repaired_on is None:
            row.repaired_on = on


def _is_credit(active: ActiveEffect) -> bool:
    return procedures().effects.named(active.effect).credit


def _ref(case: CaseFile, proposal: str) -> str:
    return f"{case.id}/{proposal}"
