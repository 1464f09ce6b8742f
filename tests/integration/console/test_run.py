"""`yunjian run` on real logs and on bad input: a ranked list or one clear error, never a traceback, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import load_settings
from console.demo.station_ais import opening, ranking
from console.demo.station_hull import survey
from console.demo.walk import Options, walk
from console.services import open_services
from inspection import record

LOGS = sorted((Path(__file__).resolve().parents[4] / "shared" / "data" / "ais").glob("*.*m*"))


def run(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "YUNJIAN_DATA_DIR": str(data_dir), "YUNJIAN_LANGUAGE": "en"}
    return subprocess.run(
        [sys.executable, "-m", "console.cli", "run", "--once", *arguments], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", [path.name for path in LOGS if path.suffix in (".nmea", ".aivdm")] or ["missing"])
def test_each_real_log_ends_in_a_ranked_list(name, tmp_path, shared_data, capsys):
    settings = load_settings({"data_dir": str(tmp_path), "language": "en"}, environ={})
    register = shared_data / "registry" / "eu_mrv_2020_ships.csv"
    with open_services(settings) as services:
        result = walk(services, Options(ais=shared_data / "ais" / name, registry=register), {"ais": ranking})
    facts = result.facts["ais"]
    ledger = facts["ledger"]
    assert facts["ships"] > 0
    assert ledger["sentences"] == ledger["fragments_used"] + sum(ledger["rejected"].values())
    out = capsys.readouterr().out
    assert f"{ledger['sentences']} sentences" in out
    assert "12044 rows, 12044 used" in out


def test_a_survey_that_is_evidence_is_not_flown_again(tmp_path):
    """Killed between keeping the photos and ticking the station off: the next run takes the survey that is there."""
    settings = load_settings({"data_dir": str(tmp_path), "language": "en"}, environ={})
    stations = {"ais": ranking, "case": opening, "drone": survey, "never": opening}
    with open_services(settings) as services:
        first = walk(services, Options(until="drone", speed=20), stations)
        state_file = tmp_path / "run" / "state.json"
        state = json.loads(state_file.read_text())
        flown = state["done"].pop("drone")
        state_file.write_text(json.dumps(state))
        again = walk(services, Options(until="drone", speed=20), stations)
        with services.db.read() as session:
            case = record(session, first.facts["case"]["case_id"])
    assert again.facts["drone"] == flown
    assert len(case.surveys) == 1
    assert case.surveys[0].photos == flown["photos"] == sum(one.kind == "drone_photo" for one in case.evidence)


def test_a_log_of_garbage_is_one_clear_error(tmp_path):
    garbage = tmp_path / "garbage.nmea"
    garbage.write_bytes(os.urandom(20_000))
    done = run(tmp_path / "var", "--ais", str(garbage))
    assert done.returncode == 2
    assert "[ais.no_targets]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_log_is_named(tmp_path):
    done = run(tmp_path / "var", "--ais", str(tmp_path / "nowhere.nmea"))
    assert done.returncode == 2
    assert "nowhere.nmea" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_register_is_one_clear_error_and_the_run_can_be_resumed(tmp_path):
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    first = run(tmp_path / "var", "--registry", str(empty), "--until", "ais")
    assert first.returncode == 2
    assert "[ais.register_empty]" in first.stderr
    second = run(tmp_path / "var", "--until", "case", "--json")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout.splitlines()[-1])["data"]["stations"]["case"]["number"].startswith("YJ-")


def test_a_misspelt_setting_is_named(tmp_path):
    env = {**os.environ, "YUNJIAN_DATA_DIR": str(tmp_path), "YUNJIAN_DRONE__CAMRA": "x"}
    done = subprocess.run([sys.executable, "-m", "console.cli", "run"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "drone.camra" in done.stderr
    assert "drone.camera" in done.stderr


def test_the_station_that_does_not_exist_is_refused(tmp_path):
    assert run(tmp_path, "--until", "moon").returncode == 2
