"""Owns the sweep: every minute and at start it wakes the obligations whose time has come, and counts provisional days again.

Never keeps a timer: an obligation is a row with the instant at which it has to be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from companion import service, store
from companion.calendars import calendar_of
from companion.definition import Procedures
from companion.model import Recount, Tick
from companion.run import BY_ENGINE
from core.context import Services

SWEEP_EVERY_S = 60.0
_BATCH = 200  # obligations woken in one transaction


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did."""

    woken: int = 0
    recounted: int = 0


def sweep(services: Services, known: Procedures | None = None) -> Swept:
    """Wake what is due. Several processes may sweep at once: a tick whose work is done already changes nothing."""
    woken = 0
    while True:
        at = services.clock.now()
        with services.db.write() as session:
            due = store.due_obligations(session, at, _BATCH)
            for case_id, name in due:
                service.act_in(services, session, BY_ENGINE, case_id, Tick(obligation=name), known=known)
        woken += len(due)
        if len(due) < _BATCH:
            return Swept(woken, recount(services, known))


def recount(services: Services, known: Procedures | None = None) -> int:
    """Count again the provisional due days of years whose table has arrived; returns how many case files."""
    calendar = calendar_of(services.settings)
    with services.db.read() as session:
        years = [year for year in store.provisional_years(session) if calendar.is_known(year)]
        waiting = store.provisional_cases(session, years) if years else []
    for case_id in waiting:
        service.act(services, BY_ENGINE, case_id, Recount(), known=known)
    return len(waiting)
