"""`yunjian ais import` tells tables from logs; `yunjian ais tracks --since` names what is wrong with a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

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
