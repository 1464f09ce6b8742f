"""Owns what the pages read from the folders below, in the shape that the pages show.

Never decides anything: ranking is `ais`, verdicts and cases are `inspection`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

import inspection
from console.queue_source import Queue, QueueBoard, QueueShip, Wanted
from core.context import Services
from inspection.record import CaseRecord, CaseState, Verdict

_CASES_SHOWN = 200


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One inspection as the list shows it."""

    id: str
    number: str
    ship: str
    imo: str | None
    mmsi: str | None
    flag: str | None
    ship_type: str | None
    state: CaseState
    verdict: Verdict | None
    simulated: bool
    answered: int
    items: int
    findings: int
    deficiencies: int
    starts_at: datetime | None
    opened_at: datetime

    @property
    def tone(self) -> str:
        return tone_of(self.state)


class Sources:
    """Reads the folders below."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._board = QueueBoard(services)

    def queue(self, wanted: Wanted | None = None) -> Queue:
        """The ranked list of today (Asia/Shanghai), each ship that is shown with the verdict on a remote check."""
        return self._board.queue(wanted or Wanted())

    def ship(self, key: str) -> QueueShip:
        """One ship of the list in full; raises NotFound."""
        return self._board.ship(key)

    def decided(self) -> None:
        """An officer has decided something: the list is made again for the next view."""
        self._board.forget()

    def case_ids(self, session: Session) -> list[str]:
        """The newest inspections first."""
        return [summary.id for summary in inspection.list_cases(session, limit=_CASES_SHOWN)]

    def case(self, session: Session, case_id: str) -> CaseRecord:
        """The record; raises NotFound."""
        return inspection.record(session, case_id)


def tone_of(state: CaseState) -> str:
    """The colour family of a state's tag: the sign beside it says the same without colour."""
    if state in {"refused", "converted_to_onboard", "suspended"}:
        return "warning"
    if state in {"approved", "issued", "closed"}:
        return "ok"
    return "plain" if state in {"cancelled", "void"} else "info"


def case_line(record: CaseRecord) -> CaseLine:
    """The list's view of a record."""
    items = record.checklist.items if record.checklist else []
    return CaseLine(
        id=record.id,
        number=record.number,
        ship=record.ship.name,
        imo=record.ship.imo,
        mmsi=record.ship.mmsi,
        flag=record.ship.flag,
        ship_type=record.ship.ship_type,
        state=record.state,
        verdict=record.eligibility.verdict if record.eligibility else None,
        simulated=record.demo or bool(record.simulated),
        answered=sum(item.answer is not None for item in items),
        items=len(items),
        findings=sum(finding.state == "confirmed" for finding in record.findings),
        deficiencies=sum(one.state == "open" for one in record.deficiencies),
        starts_at=record.appointment.starts_at if record.appointment else None,
        opened_at=record.opened_at,
    )
