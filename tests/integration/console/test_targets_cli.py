"""`yunjian targets`: the queue with signals, a past day that says what is of that day, the back-test with its figures."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("YUNJIAN_LANGUAGE", "en")


def test_the_shipped_back_test_says_synthetic_everywhere(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    drawn = tmp_path / "gain.svg"
    code, out, err = run(capsys, "targets", "backtest", "--svg", str(drawn))
    assert (code, err) == (0, "")
    assert "SYNTHETIC" in out
    assert "hits among the first 10" in out
    assert "SYNTHETIC" in drawn.read_text(encoding="utf-8")
    code, out, err = run(capsys, "targets", "backtest", "--json")
    told = json.loads(out)
    assert told["data"]["synthetic"] is True
    assert told["data"]["gain"][-1] == [1.0, 1.0]
    assert told["warnings"]


def test_a_bad_table_is_an_error_of_row_and_column(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "past.csv"
    file.write_text("inspection,score,hit\na,much,yes\n", encoding="utf-8")
    code, _, err = run(capsys, "targets", "backtest", str(file))
    assert code != 0
    assert "row 2" in err
    assert "score" in err


def test_queue_and_a_past_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "db", "migrate")[0] == 0
    code, out, _ = run(capsys, "targets", "queue", "--as-of", "2026-01-05", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["data"]["on"] == "2026-01-05"
    assert "2026-01-05" in told["warnings"][0]
    code, out, _ = run(capsys, "targets", "queue", "--on", f"{datetime.now(UTC).year + 1}-01-05", "--json")
    assert json.loads(out)["warnings"] == []
