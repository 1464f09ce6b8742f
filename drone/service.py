"""Owns whole surveys: a plan flown by the simulated vehicle into a survey folder, and the coverage of a flown survey.

Never plans by itself and never looks a ship up.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from config.settings import DroneSettings
from core.clock import Clock, FastClock
from core.errors import InputError
from core.hullform import HullForm
from core.ship import Side
from drone.capture import CaptureFrame, collect, load_survey
from drone.coverage import ViewRule, measure
from drone.flight import fly
from drone.link import Link
from drone.model import Coverage, Plan, Wind
from drone.packs import Limits, camera
from drone.packs import limits as load_limits
from drone.payload import Task
from drone.pose import CameraPose
from drone.simulator import start_simulator
from drone.sizing import Wishes
from drone.transport import TlogWriter, Transport, UdpTransport, open_transport, parse_address
from drone.vehicle import AnyAutopilot
from drone.watch import FlightProgress, FlightResult, Watch

_START_WALL_S = 30.0  # the simulator's process may take this long to speak
_STALL_WALL_S = 4.0  # a process may be kept waiting this long by the machine

PLAN_FILE, TLOG_FILE = "plan.json", "flight.tlog"


@dataclass(frozen=True, slots=True)
class SurveyRun:
    """A finished flight: its survey folder, the log, the truth masks of a simulated flight (for scores only)."""

    flight: FlightResult
    survey: Path
    plan_file: Path
    tlog: Path
    truth: Path
    clock_speed: float


def fly_simulated(
    plan: Plan,
    ship_file: Path,
    folder: Path,
    settings: DroneSettings,
    *,
    speed: float,
    start: datetime,
    seed: int = 1,
    fault: str = "none",
    moored: Callable[[], bool | None] = lambda: True,
    abort: Callable[[], bool] = lambda: False,
    on_progress: Callable[[FlightProgress], None] = lambda _: None,
    task: Task | None = None,
    wind: Wind | None = None,
) -> SurveyRun:
    """Start the simulator, fly the plan over MAVLink on loopback, collect the photos into `<folder>/survey`; with a `task` of an
    enforcement order its payload is on board and `<folder>/payload.json` holds what it read.

    A folder with a finished survey must not exist yet; half a flight left by a kill is thrown away and flown again.

    Raises:
        what `drone.flight.fly`, `drone.capture.collect` and `SimulatorProcess.eject_card` raise.
    """
    if (folder / "survey").exists():
        raise InputError("drone.survey_exists", folder=str(folder / "survey"))
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    plan_file = folder / PLAN_FILE
    plan_file.write_text(plan.to_json(), encoding="utf-8")
    transport = UdpTransport("127.0.0.1", 0)
    clock = FastClock(speed, start, time.time())
    limits = patient_limits(speed)
    try:
        with (
            start_simulator(
                plan,
                ship_file,
                work,
                transport.port,
                clock,
                seed=seed,
                fault=fault,
                battery_minutes=settings.battery_minutes,
                payload=task is not None,
                wind=wind,
            ) as simulator,
            TlogWriter(folder / TLOG_FILE, clock) as tlog,
        ):
            link = patient_link(transport, clock, tlog, settings)
            watch = Watch(moored, abort, folder, task=task)
            wishes = Wishes.from_settings(settings)
            result = fly(plan, link, wishes, limits, watch, on_progress, connect_s=_START_WALL_S * speed)
            card = simulator.eject_card(len(link.telemetry.photos))
    finally:
        transport.close()
    frame = CaptureFrame(
        geometry=plan.ship.geometry.geometry(),
        pose=plan.ship.pose.pose() if plan.ship.pose else None,
        home_alt_m=plan.home_lonlat_alt[2],
        camera=camera(plan.camera.id),
        simulated=True,
    )
    flown = {photo.img_idx for photo in result.photos}
    tests = frozenset(f"IMG_{index:04d}.jpg" for index in set(link.telemetry.photos) - flown)
    survey = collect(card, list(result.photos), frame, folder / "survey", tests)
    truth = folder / "truth"
    shutil.rmtree(truth, ignore_errors=True)
    card.with_name("card_truth").replace(truth)
    shutil.rmtree(card, ignore_errors=True)
    return SurveyRun(result, survey, plan_file, folder / TLOG_FILE, truth, speed)


def fly_connected(
    plan: Plan,
    address: str,
    folder: Path,
    settings: DroneSettings,
    watch: Watch,
    clock: Clock,
    *,
    key: bytes | None = None,
    on_progress: Callable[[FlightProgress], None] = lambda _: None,
    transport: Transport | None = None,
) -> FlightResult:
    """Fly a plan with the vehicle at an address, real or simulated, under the gate. Plan and log are kept in `folder`.

    A real vehicle takes off only with every paper of `config/drone/flight_rules.toml`. Raises what `drone.flight.fly` and
    `drone.transport.open_transport` raise, and InputError `drone.survey_exists` when the folder has a flight already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / TLOG_FILE).exists():
        raise InputError("drone.survey_exists", folder=str(folder))
    way = transport or open_transport(parse_address(address))
    (folder / PLAN_FILE).write_text(plan.to_json(), encoding="utf-8")
    try:
        with TlogWriter(folder / TLOG_FILE, clock) as tlog:
            link = Link(way, clock, tlog, settings.link_degraded_s, settings.link_lost_s, AnyAutopilot(), key=key)
            return fly(plan, link, Wishes.from_settings(settings), load_limits(), watch, on_progress)
    finally:
        way.close()


def patient_link(transport: Transport, clock: FastClock, tlog: TlogWriter, settings: DroneSettings) -> Link:
    """A link on a fast clock: a busy machine's pause of a second looks like many, so the link is lost later."""
    grace = _STALL_WALL_S * clock.speed
    return Link(transport, clock, tlog, max(settings.link_degraded_s, grace / 2), max(settings.link_lost_s, grace))


def patient_limits(speed: float) -> Limits:
    """The flight rules for a clock `speed` times faster than the wall: both sides wait out a pause of the machine."""
    limits, grace = load_limits(), _STALL_WALL_S * speed
    parameters = tuple(
        (name, max(value, grace) if name == "FS_GCS_TIMEOUT" else value) for name, value in limits.vehicle_parameters
    )
    rules = limits.monitor
    monitor = replace(
        rules,
        telemetry_age_s=max(rules.telemetry_age_s, grace),
        test_shot_wait_s=max(rules.test_shot_wait_s, grace),
        range_blind_s=max(rules.range_blind_s, grace),
        gimbal_hold_s=max(rules.gimbal_hold_s, grace),
        # At worst the simulator is so starved that it flies at the wall's own speed.
        slow_factor=rules.slow_factor * max(1.0, speed),
    )
    return replace(limits, monitor=monitor, vehicle_parameters=parameters)


def survey_coverage(survey_folder: Path, sides: tuple[Side, ...], target_gsd_mm: float) -> Coverage:
    """Coverage of the sides by the photos that have a pose; raises what `load_survey` raises."""
    survey = load_survey(survey_folder)
    rules = load_limits().planner
    poses = [
        CameraPose.from_quaternion(np.array(photo.c_ship_m), photo.q_ship_xyzw)
        for photo in survey.photos
        if photo.c_ship_m is not None and photo.q_ship_xyzw is not None
    ]
    rule = ViewRule(target_gsd_mm * rules.gsd_tolerance, rules.max_incidence_deg)
    return measure(HullForm(survey.ship.geometry()), sides, survey.camera, poses, rule, survey.draught_m)


def planned_sides(plan: Plan) -> tuple[Side, ...]:
    """The sides a plan covers."""
    sides: tuple[Side, ...] = ("stern", "port", "starboard")
    return tuple(side for side in sides if side != plan.ship.quay_side)
