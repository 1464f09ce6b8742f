"""The report of a shift from stored data: by route, by command; what was entered later does not change it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ais
from ais.decisions import NewDecision
from ais.ports import RiskSources
from ais.register_store import RegisterValue, save_register
from ais.shift_report import shift_report, shift_times
from ais.targets_service import decide_target
from console.app import create_app
from console.cli import targets as targets_cli
from console.sessions import PLAIN_COOKIE
from core import accounts
from core.auth import Principal, Role
from core.clock import ManualClock
from core.context import Services
from core.errors import InputError
from tests.integration.console.client import Client

DAY = date(2026, 11, 24)
SINCE, UNTIL = shift_times("day", DAY)


@pytest.fixture
def shift(services: Services, tmp_path: Path, clock: ManualClock) -> Services:
    """A picture and a register at 10:00, a ship selected at 11:00 and one skipped after the shift."""
    services.db.create_ais_tables()
    scenario = ais.write_scenario(tmp_path, 1, datetime(2026, 11, 24, 1, tzinfo=UTC), services.settings.ais.rule_pack)
    ais.replay(services, scenario.nmea)
    for file in scenario.register_files:
        ais.import_register(services, file)
    user = accounts.create_account(
        services, login="one", name="One Person", role=Role.INSPECTOR, password="long enough to be one", actor="test"
    )  # fmt: skip
    who = Principal(user, Role.INSPECTOR, "One Person")
    clock.advance(3600)
    decide_target(services, RiskSources(), who, "2000286", NewDecision(kind="select"), DAY, None)
    clock.advance(11 * 3600)
    asked = NewDecision(kind="skip", reason="berth closed")
    decide_target(services, RiskSources(), who, "2000286", asked, DAY, None)
    later = RegisterValue("imo:2000286", "ship_type", "oil_tanker", "late list", DAY, "x", 1)
    with services.db.write() as session:
        save_register(session, [later], clock.now())
    return services


def opened(services: Services, role: Role) -> Client:
    token = accounts.open_session(services, Principal(role.value, role, role.value)).token
    client = Client(create_app(services))
    client.cookies.set(PLAIN_COOKIE, token)
    return client


def test_as_known_then_by_route_and_by_command(shift: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = shift_report(shift, RiskSources(), SINCE, UNTIL)
    line = next(one for one in found.lines if one.key == "2000286")
    assert (line.ship_type, line.last, found.known_at) == ("general_cargo", "select", UNTIL)
    assert [(one.kind, one.role, one.rank) for one in found.decisions] == [("select", "inspector", line.rank)]
    night = shift_report(shift, RiskSources(), *shift_times("night", DAY))
    again = next(one for one in night.lines if one.key == "2000286")
    assert (again.ship_type, [one.kind for one in night.decisions]) == ("oil_tanker", ["skip"])
    assert {one.state for one in found.lists} == {"in_force"}
    assert any(one.local for one in found.lines)

    client = opened(shift, Role.AUDITOR)
    path, asked = "/api/v1/reports/targets/shift", {"shift": "day", "on": "2026-11-24", "lang": "en"}
    pdf, csv = (client.get(f"{path}.{form}", params=asked) for form in ("pdf", "csv"))
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert csv.headers["content-disposition"] == 'attachment; filename="targets-20261124T0800-en.csv"'
    assert "One Person" not in csv.text
    told = client.get(f"{path}.json", params={"from": "2026-11-24T00:00:00Z", "to": "2026-11-24T12:00:00Z"}).json()
    assert [one["kind"] for one in told["decisions"]] == ["select"]
    assert opened(shift, Role.DRONE_OPERATOR).get(f"{path}.csv").status_code == 403
    for wrong in ({"shift": "tea"}, {"from": "2026-11-24T00:00:00Z"}, {"shift": "night", "on": "9999-12-31"},
                  {"from": "2026-11-24T12:00:00Z", "to": "2026-11-24T00:00:00Z"}, {"lang": "fr"}):  # fmt: skip
        assert client.get(f"{path}.csv", params=wrong).status_code in {400, 422}, wrong

    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(shift.settings.data_dir))
    monkeypatch.setenv("YUNJIAN_LANGUAGE", "en")
    run, out = CliRunner(), tmp_path / "shift.csv"
    command = ["report", "--shift", "day", "--on", "2026-11-24"]
    assert run.invoke(targets_cli.app, [*command, "--out", str(out)]).exit_code == 0
    said = [row.split(",")[:5] for row in out.read_text(encoding="utf-8-sig").splitlines()]
    assert said == [row.split(",")[:5] for row in csv.content.decode("utf-8-sig").splitlines()]
    piped = run.invoke(targets_cli.app, [*command, "--json"])
    assert json.loads(piped.stdout)["data"]["decisions"][0]["role"] == "inspector"
    assert run.invoke(targets_cli.app, [*command, "--out", "shift.docx"]).exit_code == 2


def test_a_shift_that_cannot_be(services: Services, clock: ManualClock) -> None:
    now = clock.now()
    for since, until in ((now, now), (now, now + timedelta(hours=73)), (now + timedelta(hours=1), now + timedelta(hours=2))):
        with pytest.raises(InputError):
            shift_report(services, RiskSources(), since, until)
