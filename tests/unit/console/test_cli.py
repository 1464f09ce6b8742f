"""The command line's front door: help, lazy areas, errors as words and codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from console import cli
from console.cli import AREAS, main
from core.errors import EnvironmentFault, Refused


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("YUNJIAN_LANGUAGE", "en")


def test_help_lists_every_area(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert [area for area in AREAS if area not in out] == []
    assert "Example" in out


@pytest.mark.parametrize("area", AREAS)
def test_each_areas_help_shows_an_example(area: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, area, "--help")
    assert (code, err) == (0, "")
    assert "xample" in out


def test_an_unknown_area_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "nonsense")
    assert code == 2
    assert "nonsense" in err


def test_a_missing_area_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AREAS, "hull", cli.Area("console.cli.not_there"))
    code, out, err = run(capsys, "hull", "detect", "--json")
    assert code == 5
    assert json.loads(out)["data"]["code"] == "console.area_missing"
    assert "hull" in err


def test_an_error_has_a_sentence_a_next_step_and_a_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_name: str) -> None:
        raise Refused("console.open_without_tls", host="192.0.2.1")

    monkeypatch.setattr(cli, "_command", refuse)
    code, out, err = run(capsys, "serve", "--json")
    assert code == 1
    body = json.loads(out)
    assert body["schema"] == "yunjian.error/1"
    assert set(body) == {"schema", "data", "warnings"}
    assert body["data"]["next_zh"]
    assert "Refusing to serve" in err
    assert "What to do: " in err
    assert "console.open_without_tls" in err
    monkeypatch.setenv("YUNJIAN_LANGUAGE", "zh")
    assert "下一步" in run(capsys, "serve")[2]


def test_a_wrong_setting_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNJIAN_WEB__PROT", "1")
    code, _, err = run(capsys, "serve")
    assert code == 2
    assert "web.prot" in err
    assert "web.port" in err


def test_ctrl_c_is_unfinished(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_command", stopped)
    assert run(capsys, "run")[0] == 4


def test_environment_faults_end_with_5(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_name: str) -> None:
        raise EnvironmentFault("console.port_taken", host="h", port=1, reason="in use")

    monkeypatch.setattr(cli, "_command", full)
    assert run(capsys, "serve")[0] == 5


def test_help_imports_no_area() -> None:
    code = "import sys\nfrom console.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\nprint([m for m in ('fastapi', 'numpy', 'console.app', 'ais', 'sqlalchemy') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip().endswith("[]")


def test_tls_init_prints_the_fingerprint(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capsys, "tls", "init", "--name", "console.example", "--json")
    assert code == 0
    body = json.loads(out)
    assert body["data"]["made"]
    assert (tmp_path / "tls" / "server.pem").is_file()
    assert not json.loads(run(capsys, "tls", "init", "--json")[1])["data"]["made"]
