"""Owns what the pages read from the folders below, in the shape that the pages show.

Never decides anything: ranking is `ais`, verdicts and cases are `inspection`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from inspection.record import CaseRecord, CaseState, CriterionPart, EligibilityPart, Verdict


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One ranked ship: its points with their range, and whether it may be checked from afar."""

    key: str
    name: str
    imo: str | None
    mmsi: str | None
    flag: str | None
    ship_type: str | None
    rank: int
    of: int
    tied_with: int
    points_low: int
    points_high: int
    points_most: int
    profile_best: str
    profile_worst: str
    priority: str | None
    known: int
    criteria: list[CriterionPart]
    eligibility: EligibilityPart | None

    @property
    def verdict(self) -> Verdict | None:
        return None if self.eligibility is None else self.eligibility.verdict

    @property
    def identity(self) -> str:
        parts = (f"IMO {self.imo}" if self.imo else f"MMSI {self.mmsi}", self.flag, self.ship_type)
        return " · ".join(part for part in parts if part)

    @property
    def search(self) -> str:
        """What the search box looks in, lower case."""
        return " ".join(part for part in (self.name, self.imo, self.mmsi, self.flag, self.ship_type) if part).lower()


@dataclass(frozen=True, slots=True)
class Queue:
    """The ranked list of one moment and one regime."""

    regime: str
    at: datetime | None
    lines: tuple[QueueLine, ...]


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One inspection as the list shows it."""

    id: str
    number: str
    ship: str
    identity: str
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


class Sources(Protocol):
    """What the pages need; `FolderSources` reads it from the folders."""

    def queue(self) -> Queue: ...

    def case_ids(self, session: Session) -> list[str]: ...

    def case(self, session: Session, case_id: str) -> CaseRecord:
        """The record; raises NotFound."""
        ...


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
        identity=identity_of(record),
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


def identity_of(record: CaseRecord) -> str:
    """IMO number (or MMSI), flag and type in one line."""
    ship = record.ship
    first = f"IMO {ship.imo}" if ship.imo else f"MMSI {ship.mmsi}" if ship.mmsi else None
    return " · ".join(part for part in (first, ship.flag, ship.ship_type) if part)
