"""The simulator as a process of its own, the CLI from plan to coverage, and a simulator that is killed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config import load_settings
from console.cli.survey import app
from core.clock import FastClock
from core.errors import EnvironmentFault, NotFound
from drone import SurveyRun, Watch, Wishes, fly, fly_simulated, load_survey, plan_survey, start_simulator
from drone.model import Plan
from drone.service import patient_limits, patient_link
from drone.transport import TlogWriter, UdpTransport
from drone.watch import FlightProgress
from tests.unit.drone.kit import GEOMETRY, POSE, SHIP, wishes, write_ship_file

DRONE = load_settings(environ={}).drone
PLAN_ARGS = "--loa 90 --beam 14 --depth 7 --draught 4.5 --lon 122.1 --lat 40.3 --heading 37 --imo 9074729 --quay starboard"


def short_plan() -> Plan:
    """Few photos: rendering is tested elsewhere."""
    return plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes(overlap_along=0.1))


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> SurveyRun:
    folder = tmp_path_factory.mktemp("flight")
    ship = write_ship_file(folder / "ship")
    out = folder / "run"
    out.mkdir()
    return fly_simulated(short_plan(), ship, out, DRONE, speed=20.0, start=POSE.at_utc)


def test_flight_in_its_own_process_gives_a_whole_survey(flown: SurveyRun) -> None:
    survey = load_survey(flown.survey)
    assert survey.simulated
    assert len(survey.photos) == short_plan().trigger_count
    assert not survey.gaps
    assert all(photo.c_ship_m is not None for photo in survey.photos)
    truth = json.loads((flown.truth / "flight.json").read_text())
    assert truth["min_clearance_m"] > short_plan().safety_distance_m
    assert flown.tlog.stat().st_size > 10_000
    assert {path.stem for path in flown.truth.glob("*.png")} >= {Path(photo.file).stem for photo in survey.photos}


def test_killed_simulator_is_an_error_not_a_hang_and_leaves_no_survey(tmp_path: Path) -> None:
    ship = write_ship_file(tmp_path / "ship")
    plan = short_plan()
    transport = UdpTransport("127.0.0.1", 0)
    clock = FastClock(20.0, POSE.at_utc, time.time())
    with (
        start_simulator(plan, ship, tmp_path / "work", transport.port, clock) as simulator,
        TlogWriter(tmp_path / "flight.tlog", clock) as tlog,
    ):
        link = patient_link(transport, clock, tlog, DRONE)

        def kill(progress: FlightProgress) -> None:
            if progress.photos >= 2:
                simulator.process.kill()

        with pytest.raises(EnvironmentFault) as caught:
            fly(
                plan,
                link,
                Wishes.from_settings(DRONE),
                patient_limits(clock.speed),
                Watch(lambda: True, lambda: False, tmp_path),
                kill,
                connect_s=600.0,
            )
    transport.close()
    assert caught.value.code == "drone.link.lost"
    with pytest.raises(NotFound):
        load_survey(tmp_path / "survey")


def test_cli_from_plan_to_coverage(tmp_path: Path, flown: SurveyRun) -> None:
    runner = CliRunner()
    plan_file = tmp_path / "plan.json"
    extra = ["--out", str(plan_file), "--qgc", str(tmp_path / "p.plan"), "--wpl", str(tmp_path / "p.waypoints")]
    planned = runner.invoke(app, ["plan", *PLAN_ARGS.split(), *extra, "--json"])
    assert planned.exit_code == 0, planned.output
    document = json.loads(planned.stdout)
    assert set(document) == {"schema", "data", "warnings"}
    assert json.loads((tmp_path / "p.plan").read_text())["fileType"] == "Plan"
    assert (tmp_path / "p.waypoints").read_text().startswith("QGC WPL 110")
    covered = runner.invoke(app, ["coverage", str(flown.survey), "--plan", str(flown.plan_file), "--json"])
    assert json.loads(covered.stdout)["data"]["seen1_pct"] > 90
    import_args = f"--loa 90 --beam 14 --depth 7 --draught 4.5 --lon 122.1 --lat 40.3 --heading 37 --tlog {flown.tlog}"
    imported = runner.invoke(
        app, ["import", str(flown.survey), "--out", str(tmp_path / "again"), *import_args.split(), "--json"]
    )
    assert imported.exit_code == 0, imported.output
    again, first = load_survey(tmp_path / "again"), load_survey(flown.survey)
    assert [photo.trigger_idx for photo in again.photos] == [photo.trigger_idx for photo in first.photos]
    assert [photo.c_ship_m for photo in again.photos] == [photo.c_ship_m for photo in first.photos]


def test_cli_exit_codes(tmp_path: Path) -> None:
    runner = CliRunner()
    refused = runner.invoke(app, ["plan", *PLAN_ARGS.split()[:8], "--imo", "9074729"])
    assert refused.exit_code == 1
    wrong = runner.invoke(app, ["plan", *PLAN_ARGS.split(), "--camera", "no_such_camera"])
    assert wrong.exit_code == 2
    missing = runner.invoke(app, ["coverage", str(tmp_path)])
    assert missing.exit_code == 2
    impossible = runner.invoke(app, ["plan", *PLAN_ARGS.replace("--draught 4.5", "--draught 9").split()])
    assert impossible.exit_code == 2
    assert "Traceback" not in refused.output + wrong.output + missing.output + impossible.output
