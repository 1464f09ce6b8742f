"""Owns the signals that the register gives beside the points: a number it does not know, detentions in the company's fleet, a
port entry without a report.

Never gives a point, and says nothing where the register holds no records of the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from ais.ranking import KnownShip, RegisterData
from ais.records import PortReport
from ais.risk_signals import RiskSignal, SignalRules, proposal
from ais.rules import RulePack, add_months
from ais.text import say
from core.clock import rfc3339


class RegisterSignals:
    """Signals of any number of ships on one day. `calls`: when each ship that is in port arrived, by MMSI."""

    def __init__(
        self, rules: SignalRules, pack: RulePack, register: RegisterData, calls: Mapping[int, datetime], on: date
    ) -> None:
        self._rules, self._pack, self._register, self._calls, self._on = rules, pack, register, calls, on
        self._fleets = register.index.ships_of_companies()
        self._reports: dict[int, list[PortReport]] = {}
        for one in register.reports:
            self._reports.setdefault(one.imo, []).append(one)

    def of(self, ship: KnownShip) -> list[RiskSignal]:
        """In no order."""
        found = (self._not_registered(ship), self._fleet(ship), self._entry(ship))
        return [one for one in found if one is not None]

    def _signal(self, kind: str, words_key: str, confidence: float, *rows: dict[str, object], **said: str | int) -> RiskSignal:
        return RiskSignal(kind, kind, say(words_key, **said), confidence, proposal(self._rules, self._pack, kind), None, rows)

    def _not_registered(self, ship: KnownShip) -> RiskSignal | None:
        imo = ship.live.valid_imo
        if not self._fleets and not self._register.history:
            return None  # no register to speak of
        if imo is None or "imo" in ship.live.unconfirmed or self._register.index.has(imo.value):
            return None
        return self._signal(
            "register.missing", "targets.signal.missing", self._rules.confidence.missing, {"imo": str(imo)}, imo=str(imo)
        )

    def _fleet(self, ship: KnownShip) -> RiskSignal | None:
        company, since = ship.company_imo, add_months(self._on, -self._rules.records.fleet_months)
        sisters = [] if company is None else self._fleets.get(company, [])
        rows: list[dict[str, object]] = [
            {"imo": str(past.imo), "detained_on": past.inspected_on.isoformat(), "authority": past.authority}
            for imo in sisters
            if str(imo) != ship.imo
            for past in self._register.history.get(imo, ())
            if past.detained and past.mode == "onboard" and since <= past.inspected_on <= self._on
        ]
        if not rows or company is None:
            return None
        months, sure = self._rules.records.fleet_months, self._rules.confidence.fleet
        return self._signal(
            "fleet.detentions", "targets.signal.fleet", sure, *rows, company=company, count=len(rows), months=months
        )

    def _entry(self, ship: KnownShip) -> RiskSignal | None:
        arrived = self._calls.get(ship.live.mmsi)
        if not self._reports or arrived is None or ship.imo is None:
            return None
        limits = self._rules.records
        first, last = arrived - timedelta(days=limits.report_days_before), arrived + timedelta(hours=limits.report_hours_after)
        if any(one.movement == "in" and first <= one.planned_at <= last for one in self._reports.get(int(ship.imo), ())):
            return None
        at = rfc3339(arrived)
        return self._signal("report.entry", "targets.signal.entry", self._rules.confidence.report, {"arrived_at": at}, at=at)
