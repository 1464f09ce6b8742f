"""Owns what remote inspection saved in a period: what our own records measure, and apart from it what the authority claims.

Never mixes the two, and never turns a claim into a measurement: money is the claimed formula applied to the counted inspections.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from statistics import median

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from config import pack_path
from core.errors import InputError
from inspection import store
from inspection.record import CallPart, Text


class Claim(BaseModel):
    """The authority's figures. `yearly_cny` is their product, as its text gives it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    berth_hours_per_inspection: float
    cny_per_berth_hour: float
    inspections_per_year: int
    attendance_change_pct: float

    @property
    def yearly_cny(self) -> float:
        return self.saved_cny(self.inspections_per_year)

    def saved_cny(self, inspections: int) -> float:
        """Inspections x berth hours per inspection x CNY per berth hour."""
        return inspections * self.berth_hours_per_inspection * self.cny_per_berth_hour


class Pack(BaseModel):
    """``config/benefits.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    version: str
    source_zh: str
    source_en: str
    claimed: Claim

    @property
    def source(self) -> Text:
        return Text(zh=self.source_zh, en=self.source_en)


@dataclass(frozen=True, slots=True)
class Finished:
    """One inspection whose report was issued in the period. `calls`: start and end of each call."""

    case_id: str
    number: str
    ship_name: str
    simulated: bool
    issued_at: datetime
    attended: bool
    calls: tuple[tuple[datetime, datetime], ...]
    items: int

    @property
    def remote(self) -> bool:
        """Done by call alone, nobody went on board."""
        return bool(self.calls) and not self.attended

    @property
    def call_minutes(self) -> float:
        return sum((end - start).total_seconds() for start, end in self.calls) / 60

    @property
    def hours_to_report(self) -> float | None:
        """From the end of the last call to the issue of the report."""
        if not self.calls:
            return None
        return (self.issued_at - max(end for _, end in self.calls)).total_seconds() / 3600


@dataclass(frozen=True, slots=True)
class Measured:
    """Sums of a period; a median is None where there is nothing to take it of. `saved_*`: the claimed formula on `remote`."""

    lines: tuple[Finished, ...]
    issued: int
    simulated: int
    remote: int
    attended: int
    call_minutes: float | None
    items_per_appointment: float | None
    hours_to_report: float | None
    saved_berth_hours: float
    saved_cny: float

    @property
    def attended_pct(self) -> float | None:
        return 100 * self.attended / self.issued if self.issued else None


@cache
def pack() -> Pack:
    return Pack.model_validate(tomllib.loads(pack_path("benefits.toml").read_text(encoding="utf-8")))


def measure(finished: Iterable[Finished], claim: Claim) -> Measured:
    """Count and add up; the order is that of the reports."""
    lines = tuple(sorted(finished, key=lambda one: (one.issued_at, one.case_id)))
    by_call = [one for one in lines if one.calls]
    remote = sum(one.remote for one in lines)
    waits = [one.hours_to_report for one in by_call if one.hours_to_report is not None]
    return Measured(
        lines=lines,
        issued=len(lines),
        simulated=sum(one.simulated for one in lines),
        remote=remote,
        attended=sum(one.attended for one in lines),
        call_minutes=median(one.call_minutes for one in by_call) if by_call else None,
        items_per_appointment=median(one.items for one in by_call) if by_call else None,
        hours_to_report=median(waits) if waits else None,
        saved_berth_hours=remote * claim.berth_hours_per_inspection,
        saved_cny=claim.saved_cny(remote),
    )


def of_period(session: Session, start: datetime, end: datetime) -> Measured:
    """The inspections whose report was issued from `start` to before `end`.

    Raises:
        InputError: the period ends before it begins.
    """
    if end <= start:
        raise InputError("inspection.period")
    return measure((_finished(session, row, at) for row, at in store.issued_between(session, start, end)), pack().claimed)


def _finished(session: Session, row: store.CaseRow, issued_at: datetime) -> Finished:
    calls = [CallPart.model_validate(call.part) for call in store.calls(session, row.id)]
    return Finished(
        case_id=row.id, number=row.number, ship_name=str(row.ship["name"]), simulated=row.demo or bool(row.simulated), issued_at=issued_at,
        attended=row.attended_by is not None,
        calls=tuple((call.started_at, call.ended_at) for call in calls if call.ended_at is not None),
        items=len(store.answers(session, row.id)),
    )  # fmt: skip
