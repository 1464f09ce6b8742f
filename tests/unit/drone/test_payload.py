"""Enforcement flights through the same gate: gas readings that prove something or not, sulphur of a plume, loudspeaker, light."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import Refused
from core.geo import LonLat
from core.hullform import HullForm
from core.ship import ShipGeometry
from drone.flight import PAYLOAD_FILE, fly
from drone.link import Link
from drone.model import Plan, Wind
from drone.packs import limits
from drone.payload import Kind, Payload, PayloadReading, Task, findings, fuel_sulphur, payload_rules
from drone.planner import plan_survey
from drone.sim.lockstep import LockstepClock
from drone.sim.payload import SimPayload
from drone.sim.vehicle import SimVehicle
from drone.sim.world import WorldSpec
from drone.sniff import sniff_plan
from drone.transport import TlogWriter, memory_pair
from drone.watch import FlightResult, Watch
from tests.unit.drone.kit import AT, POSE, SHIP, wishes

GEOMETRY = ShipGeometry(60.0, 11.0, 6.0, 3.5)
WIND = Wind(4.0, 4.0, 80.0)  # from starboard, the quay: the plume goes out over the water
DAY = (AT.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
ALL: frozenset[Kind] = frozenset({"gas_detection", "loudspeaker", "lighting", "night_vision"})


def survey() -> Plan:
    return plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())


@dataclass
class Enforced:
    folder: Path
    payload: SimPayload | None
    words: str = ""
    loss: float = 0.0
    off: timedelta = timedelta(0)
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        self.plan = sniff_plan(survey(), WIND)
        self.clock = LockstepClock(AT)
        ours, theirs = memory_pair(self.clock, loss=self.loss, delay_s=0.02, seed=4)
        lon, lat, alt = self.plan.home_lonlat_alt
        spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(lon, lat), alt, "starboard", WIND, 25.0, 1)
        self.vehicle = SimVehicle(spec, theirs, AT + self.off, lambda _: None, payload=self.payload)
        self.clock.join(self.vehicle)
        self.link = Link(ours, self.clock, TlogWriter(self.folder / "flight.tlog", self.clock))

    def fly(self) -> FlightResult:
        watch = Watch(lambda: True, lambda: False, self.folder, task=Task(ALL, self.words))
        try:
            return fly(self.plan, self.link, wishes(), limits(), watch)
        finally:
            self.link.tlog.close()


def test_a_plume_is_flown_through_and_its_sulphur_found_with_messages_lost(tmp_path: Path) -> None:
    payload = SimPayload(fuel_sulphur_pct=0.5, calibrated_day=DAY - 30)
    rig = Enforced(tmp_path, payload, "货轮注意，请停止排放", loss=0.05)
    result = rig.fly()
    log = result.payload
    assert log is not None
    assert log.sulphur is not None
    assert log.sulphur.percent == pytest.approx(0.5, rel=0.15)
    assert log.simulated
    assert log.lit
    assert log.infrared
    assert not payload.lit  # off again on the ground
    assert payload.said[0] == "货轮注意，请停止排放"
    assert [one.heard for one in log.spoken] == [True]
    aloft = [one for one in log.readings if (one.height_m or 0.0) > 5.0]
    assert len(aloft) > 100
    assert all(one.instrument_calibrated and one.time_calibrated and one.position_calibrated for one in aloft)
    assert all(abs((one.at_utc - AT).total_seconds() - rig.clock.monotonic()) < 400 for one in aloft if one.at_utc)
    told = {one.what: one for one in findings(log)}
    assert set(told) == {"co2", "no2", "so2", "fuel_sulphur"}
    assert told["fuel_sulphur"].value == log.sulphur.percent
    assert told["fuel_sulphur"].time_calibrated
    assert told["so2"].value > 50.0
    assert json.loads((tmp_path / PAYLOAD_FILE).read_text())["schema"] == "yunjian.payload/1"
    body = rig.vehicle.autopilot.body
    assert body.min_clearance_m > rig.plan.safety_distance_m
    assert body.on_ground


def test_a_silent_instrument_is_no_go_and_nothing_takes_off(tmp_path: Path) -> None:
    rig = Enforced(tmp_path, None)
    with pytest.raises(Refused) as caught:
        rig.fly()
    assert "payload: silent" in str(caught.value.params["reasons"])
    assert rig.vehicle.autopilot.body.on_ground


@pytest.mark.parametrize(
    ("days", "off_s", "instrument", "time"), [(30, 0.0, True, True), (200, 0.0, False, True), (30, 7.0, True, False)]
)
def test_what_a_reading_proves(tmp_path: Path, *, days: int, off_s: float, instrument: bool, time: bool) -> None:
    rig = Enforced(tmp_path, SimPayload(calibrated_day=DAY - days), off=timedelta(seconds=off_s))
    rig.link.connect()
    payload = Payload(rig.link, Task(ALL))
    rig.link.wait(lambda: bool(payload.readings) and payload.readings[-1].position_calibrated, 40.0)
    assert payload.ready()
    rig.link.wait(lambda: False, 2.0)
    last = payload.readings[-1]
    assert (last.instrument_calibrated, last.time_calibrated) == (instrument, time)
    assert last.calibrated_on == AT.date() - timedelta(days=days)
    rig.link.tlog.close()


def test_no_place_no_time_no_evidence_before_the_position_is_known(tmp_path: Path) -> None:
    rig = Enforced(tmp_path, SimPayload())
    rig.link.connect()
    payload = Payload(rig.link, Task(ALL))
    rig.link.wait(lambda: False, 5.0)
    payload.settle(last=True)
    assert payload.readings
    assert not any(one.time_calibrated or one.position_calibrated for one in payload.readings)
    rig.link.tlog.close()


def test_words_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    rig = Enforced(tmp_path, SimPayload(), "停" * 40)
    with pytest.raises(Refused) as caught:
        rig.fly()
    assert caught.value.code == "drone.payload.speech"
    assert rig.vehicle.autopilot.body.on_ground


def test_plume_over_the_quay_or_without_wind_is_not_planned() -> None:
    with pytest.raises(Refused) as caught:
        sniff_plan(survey(), replace(WIND, from_deg_true=307.0))
    assert caught.value.code == "drone.sniff.exclusion"
    with pytest.raises(Refused) as caught:
        sniff_plan(survey(), replace(WIND, speed_m_s=0.4))
    assert caught.value.code == "drone.sniff.wind"


def test_sulphur_needs_a_plume_and_times() -> None:
    def one(what: str, second: int, value: float, *, timed: bool = True) -> PayloadReading:
        at = AT + timedelta(seconds=second) if timed else None
        return PayloadReading(
            what=what, value=value, unit="ppb", at_utc=at, lonlat=None, height_m=None, calibrated_on=None,
            instrument_calibrated=True, time_calibrated=True, position_calibrated=True,
        )  # fmt: skip

    plume = [0, 0, 0, 0, 20, 40, 40, 20, 0, 0, 0, 0]
    readings = [one("co2", at, 420.0 + extra) for at, extra in enumerate(plume)]
    readings += [one("so2", at, 2.0 + extra * 0.1 / payload_rules().sulphur_factor) for at, extra in enumerate(plume)]
    found = fuel_sulphur(readings, payload_rules())
    assert found is not None
    assert found.percent == pytest.approx(0.1, abs=0.002)
    assert fuel_sulphur([one("co2", at, 420.0) for at in range(20)], payload_rules()) is None
    assert fuel_sulphur([one(r.what, 0, r.value, timed=False) for r in readings], payload_rules()) is None
