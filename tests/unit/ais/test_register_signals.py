"""Signals of the register beside the points, each with a twin that gives none, and credit that leaves factors alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ais.join import RegisterIndex
from ais.live import LiveShip
from ais.ports import Credit
from ais.ranking import FeedInfo, RankedShip, RegisterData, rank
from ais.records import PortReport
from ais.register import Particular
from ais.register_signals import RegisterSignals
from ais.register_store import Inspection, RegisterValue
from ais.risk_signals import RiskSignal, ordered_by_credit, signal_rules
from ais.rules import RulePack, add_months, load_rules
from tests.unit.ais.kit import TODAY, inspection

IMO, SISTER = 2000004, 2000016
ARRIVED = datetime(2026, 11, 20, 6, tzinfo=UTC)
FEED = FeedInfo("log", 1, ARRIVED)


def paris() -> RulePack:
    return load_rules("rules/paris_mou.toml")


def entry(imo: int, **fields: str) -> Particular:
    values = {
        "imo": str(imo),
        "company_imo": "77",
        "psc_history_from": "2020-01-01",
        "psc_history_to": TODAY.isoformat(),
        **fields,
    }
    return Particular(
        f"imo:{imo}", {key: RegisterValue(f"imo:{imo}", key, value, "t", TODAY, "x", 1) for key, value in values.items()}
    )


def heard(imo: int = IMO, mmsi: int = 352000001, **fields: object) -> LiveShip:
    base = LiveShip(mmsi=mmsi, station_class="A", at_ms=0, time_source="log", messages=9, imo=imo, ship_type=70)
    return replace(base, **fields)


def signals(
    ship: LiveShip,
    past: dict[int, list[Inspection]] | None = None,
    reports: tuple[PortReport, ...] = (),
    by: RulePack | None = None,
) -> dict[str, RiskSignal]:
    register = RegisterData(RegisterIndex([entry(IMO), entry(SISTER)]), past or {}, (), (), reports)
    pack = by or paris()
    [line] = rank(pack, [ship], register, FEED, TODAY).ships
    found = RegisterSignals(signal_rules(), pack, register, {352000001: ARRIVED}, TODAY).of(line)
    return {one.kind: one for one in found}


def test_an_imo_number_that_the_register_does_not_know() -> None:
    assert signals(heard(2000028))["register.missing"].proposes == "not_identified"
    for twin in (heard(), heard(2000027), heard(2000028, unconfirmed=frozenset({"imo"}))):
        assert "register.missing" not in signals(twin)


@pytest.mark.parametrize(("days", "told"), [(0, True), (-1, False)])
def test_detentions_of_sister_ships_to_the_day(days: int, told: bool) -> None:
    on = add_months(TODAY, -12) + timedelta(days=days)
    found = signals(heard(), {SISTER: [replace(inspection(on, 1, detained=True), imo=SISTER)]})
    assert ("fleet.detentions" in found) is told
    if told:
        assert found["fleet.detentions"].evidence == ({"imo": str(SISTER), "detained_on": on.isoformat(), "authority": "TEST"},)
        assert found["fleet.detentions"].proposes is None


def test_own_detentions_remote_checks_and_released_sisters_are_no_signal() -> None:
    held = inspection(TODAY, 1, detained=True)
    for past in (
        {IMO: [replace(held, imo=IMO)]}, {SISTER: [replace(held, imo=SISTER, mode="remote")]},
        {SISTER: [replace(held, imo=SISTER, detained=False)]},
    ):  # fmt: skip
        assert "fleet.detentions" not in signals(heard(), past)


def report(hours: float, imo: int = IMO, movement: str = "in") -> PortReport:
    at = ARRIVED + timedelta(hours=hours)
    return PortReport(imo=imo, port="CNYIK", movement=movement, planned_at=at, source="t", as_of=TODAY, licence="x")


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (report(-24), False), (report(24), False), (report(24.1), True), (report(-30 * 24), False), (report(-30 * 24 - 1), True),
        (report(-24, movement="out"), True), (report(-24, imo=SISTER), True),
    ],
)  # fmt: skip
def test_a_port_entry_without_a_report(held: PortReport, told: bool) -> None:
    found = signals(heard(), reports=(held,))
    assert ("report.entry" in found) is told
    if told:
        assert found["report.entry"].proposes == "reporting_failed"
        assert signals(heard(), reports=(held,), by=load_rules("rules/tokyo_mou_nir.toml"))["report.entry"].proposes is None


def test_without_reports_in_the_register_or_a_call_nothing_is_said() -> None:
    assert "report.entry" not in signals(heard())
    assert "report.entry" not in signals(heard(mmsi=352000009), reports=(report(-24, imo=SISTER),))


def tied(*factors: str) -> tuple[RankedShip, ...]:
    """Two ships of equal rank; the first carries the factors."""
    entries = [entry(IMO, company_imo="1", unexpected_factor=";".join(factors)), entry(SISTER, company_imo="2")]
    if not factors:
        del entries[0].values["unexpected_factor"]
    past = {imo: [replace(inspection(TODAY), imo=imo)] for imo in (IMO, SISTER)}
    ships = [heard(IMO), heard(SISTER, 352000002)]
    return rank(paris(), ships, RegisterData(RegisterIndex(entries), past, ()), FEED, TODAY).ships


def test_credit_orders_inside_a_class_but_never_delays_a_complaint() -> None:
    graded = {"1": Credit("1", "good", "t", TODAY, TODAY), "2": Credit("2", "poor", "t", TODAY, TODAY)}
    plain = tied()
    assert [one.rank for one in plain] == [1, 1]
    assert [one.imo for one in ordered_by_credit(signal_rules(), plain, graded, TODAY)] == [str(SISTER), str(IMO)]
    pair = tied("complaint")
    assert (pair[0].imo, pair[0].assessment.priority) == (str(IMO), "II")
    level = [
        replace(one, rank=1) for one in pair
    ]  # even if a good company's ship with a complaint stood level with a poor one's
    assert [one.imo for one in ordered_by_credit(signal_rules(), level, graded, TODAY)] == [str(IMO), str(SISTER)]
