"""`yunjian ais import` tells tables from logs; `yunjian ais tracks --since` names what is wrong with a time."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from ais import write_scenario
from console.cli import ais as ais_cli


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("YUNJIAN_LANGUAGE", "en")
    return CliRunner()


def test_a_workbook_goes_to_the_register(run: CliRunner, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["imo_number", "ship_name", "flag", "source", "as_of", "licence"])
    sheet.append(["9074729", "EVER TEST", "PA", "list A", "2026-01-01", "CC0"])
    book.save(tmp_path / "ships.xlsx")
    result = run.invoke(ais_cli.app, ["import", str(tmp_path / "ships.xlsx"), "--json"])
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout.splitlines()[-1])["data"]
    assert (data["rows"], data["rows_used"], data["added"], data["issues"]) == (1, 1, 3, [])


def test_a_bad_time_is_named(run: CliRunner) -> None:
    result = run.invoke(ais_cli.app, ["tracks", "--mmsi", "413999001", "--since", "yesterday"])
    assert result.exit_code != 0
    assert "'yesterday' is not an RFC 3339 time" in result.stderr


def test_a_track_in_three_formats_is_one_track(run: CliRunner, tmp_path: Path) -> None:
    made = write_scenario(tmp_path / "scenario", 1, datetime(2026, 11, 24, 2, tzinfo=UTC))
    assert run.invoke(ais_cli.app, ["import", str(made.nmea)]).exit_code == 0
    asked = ["tracks", "--mmsi", str(made.target_mmsi), "--since", "2026-11-24T02:10:00Z"]
    line = json.loads(run.invoke(ais_cli.app, asked).stdout)["features"][0]
    rows = list(csv.DictReader(io.StringIO(run.invoke(ais_cli.app, [*asked, "--format", "csv"]).stdout)))
    assert run.invoke(ais_cli.app, [*asked, "--format", "parquet"]).exit_code == 2  # needs a file
    file = tmp_path / "track.parquet"
    assert run.invoke(ais_cli.app, [*asked, "--format", "parquet", "--output", str(file)]).exit_code == 0
    with duckdb.connect() as connection:
        points = connection.execute("SELECT lon, lat, mmsi, sog_kn FROM read_parquet(?)", [str(file)]).fetchall()
    assert len(points) > 5
    assert [list(point[:2]) for point in points] == line["geometry"]["coordinates"]
    assert [(float(row["lon"]), float(row["lat"])) for row in rows] == [point[:2] for point in points]
    assert [row["at_utc"] for row in rows] == line["properties"]["times"]
    assert {point[2] for point in points} == {made.target_mmsi}
    assert min(row["at_utc"] for row in rows) >= "2026-11-24T02:10:00.000Z"
