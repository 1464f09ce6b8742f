"""Owns what the pages read from the folders below, in the shape that the pages show.

Never decides anything: ranking is `ais`, verdicts and cases are `inspection`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

import ais
import inspection
from ais.decisions import Decision
from ais.risk_signals import RiskSignal
from console.risk_sources import risk_sources
from console.selection import eligibility_facts, selection_part
from core.context import Services
from core.workdays import local_day
from inspection.record import CaseRecord, CaseState, CriterionPart, EligibilityPart, Text, Verdict

_CASES_SHOWN = 200
_HOURS_AHEAD = 24.0


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
    where: str = "elsewhere"
    signals: tuple[RiskSignal, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        return None if self.eligibility is None else self.eligibility.verdict

    @property
    def search(self) -> str:
        """What the search box looks in, lower case."""
        return " ".join(part for part in (self.name, self.imo, self.mmsi, self.flag, self.ship_type) if part).lower()


@dataclass(frozen=True, slots=True)
class Queue:
    """The ranked list of one moment and one regime."""

    regime: Text
    at: datetime
    lines: tuple[QueueLine, ...]


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

    def queue(self) -> Queue:
        """The ranked list of today (Asia/Shanghai), each ship with the verdict on a remote check."""
        now = self._services.clock.now()
        today = local_day(now)
        found = ais.target_queue(self._services, risk_sources(self._services), today, _HOURS_AHEAD)
        near = {line.ship.live.mmsi: line for line in found.lines}
        ranked = found.ranking
        lines = tuple(_queue_line(one, today, near.get(one.live.mmsi)) for one in ranked.ships)
        return Queue(Text(zh=ranked.name.zh, en=ranked.name.en), now, lines)

    def case_ids(self, session: Session) -> list[str]:
        """The newest inspections first."""
        return [summary.id for summary in inspection.list_cases(session, limit=_CASES_SHOWN)]

    def case(self, session: Session, case_id: str) -> CaseRecord:
        """The record; raises NotFound."""
        return inspection.record(session, case_id)


def _queue_line(ranked: ais.RankedShip, today: date, near: ais.TargetLine | None) -> QueueLine:
    sheet = ranked.sheet
    selection = selection_part(ranked)
    return QueueLine(
        key=sheet.imo or sheet.mmsi or sheet.name,
        name=sheet.name,
        imo=sheet.imo,
        mmsi=sheet.mmsi,
        flag=sheet.flag,
        ship_type=sheet.ship_type,
        rank=selection.rank,
        of=selection.of,
        tied_with=selection.tied_with,
        points_low=selection.points_low,
        points_high=selection.points_high,
        points_most=sum(row.max_points for row in selection.criteria),
        profile_best=selection.profile_best,
        profile_worst=selection.profile_worst,
        priority=selection.priority,
        known=selection.known,
        criteria=selection.criteria,
        eligibility=inspection.judge(inspection.packs()["first_check"], eligibility_facts(ranked, today)).part,
        where="elsewhere" if near is None else near.place.where,
        signals=() if near is None else near.signals,
        decisions=() if near is None else near.decisions,
    )


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
