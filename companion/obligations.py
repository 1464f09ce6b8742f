"""Owns the sweep: every minute and at start it wakes the obligations whose time has come, and counts provisional days again.

Never keeps a timer: an obligation is a row with the instant at which it has to be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from companion import desk, service, store
from companion.calendars import calendar_of
from companion.definition import Procedures, procedures
from companion.model import Recount, Tick
from companion.run import BY_ENGINE
from core import logs
from core.context import Services
from core.errors import YunJianError

SWEEP_EVERY_S = 60.0
_BATCH = 200  # obligations woken in one transaction
Due = tuple[str, str]  # case file, obligation


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did."""

    woken: int = 0
    recounted: int = 0
    failed: int = 0


def sweep(services: Services, known: Procedures | None = None) -> Swept:
    """Wake what is due. Several processes may sweep at once: a tick whose work is done already changes nothing.

    An obligation that cannot be woken (its procedure is gone) is logged and tried again at the next sweep; it stops no other.
    """
    woken, stuck = 0, set[Due]()
    while True:
        done, failed = _wake(services, known, stuck)
        woken += done
        stuck |= failed
        if done + len(failed) < _BATCH:
            break
    _catch_up(services, known or procedures())
    return Swept(woken, recount(services, known), len(stuck))


def _wake(services: Services, known: Procedures | None, stuck: set[Due]) -> tuple[int, set[Due]]:
    """Wake the next batch in one transaction; if that fails, one by one. How many were woken, and which could not be."""
    due: list[Due] = []
    try:
        with services.db.write() as session:
            waiting = store.due_obligations(session, services.clock.now(), _BATCH + len(stuck))
            due = [one for one in waiting if one not in stuck][:_BATCH]
            _tick(services, session, known, due)
    except YunJianError:
        failed = {one for one in due if not _ticked(services, known, one)}
        return len(due) - len(failed), failed
    return len(due), set()


def _tick(services: Services, session: Session, known: Procedures | None, due: Sequence[Due]) -> None:
    if due:
        ticks = [(case_id, Tick(obligation=name)) for case_id, name in due]
        service.act_on_many(services, session, BY_ENGINE, ticks, known)


def _ticked(services: Services, known: Procedures | None, one: Due) -> bool:
    try:
        with services.db.write() as session:
            _tick(services, session, known, [one])
    except YunJianError as error:
        logs.get("companion").error("obligation not woken", case=one[0], obligation=one[1], reason=error.code)
        return False
    return True


def _catch_up(services: Services, known: Procedures) -> None:
    """Case files written before what waits was kept get their rows, once."""
    while True:
        with services.db.read() as session:
            missing = store.waiting_unknown(session, _BATCH)
        if not missing:
            return
        with services.db.write() as session:
            desk.catch_up(session, missing, known)


def recount(services: Services, known: Procedures | None = None) -> int:
    """Count again the provisional due days of years whose table has arrived; returns how many case files."""
    calendar = calendar_of(services.settings)
    with services.db.read() as session:
        years = [year for year in store.provisional_years(session) if calendar.is_known(year)]
        waiting = store.provisional_cases(session, years) if years else []
    for case_id in waiting:
        service.act(services, BY_ENGINE, case_id, Recount(), known=known)
    return len(waiting)
