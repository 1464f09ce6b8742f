"""The simulated port end to end: log and register to a ranked list, over the service, the HTTP routes and the CLI."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from typer.testing import CliRunner

import ais.api
import ais.api_live
import ais.api_targets
from ais import Scenario, geometry_and_pose, import_register, rank_live, replay, write_scenario
from ais.store import track
from console.cli import ais as ais_cli
from console.cli import targets as targets_cli
from core.context import Services
from core.errors import YunJianError

ON = date(2026, 11, 24)


@pytest.fixture
def scenario(services: Services, tmp_path: Path) -> Scenario:
    made = write_scenario(tmp_path / "scenario", 1, services.clock.now())
    for path in made.register_files:
        assert import_register(services, path).issues == ()
    result = replay(services, made.nmea)
    assert result.ledger.adds_up
    assert result.ledger.rejected["bad_checksum"] > 0
    assert result.time_source == "log"
    return made


def test_the_ranking_is_what_the_scenario_promises(services: Services, scenario: Scenario) -> None:
    ranking = rank_live(services, ON)
    lines = {line.sheet.name: line for line in ranking.ships}
    profiles = {(line.assessment.profile_best, line.assessment.profile_worst) for line in ranking.ships}
    assert {("HRS", "HRS"), ("SRS", "SRS"), ("LRS", "LRS"), ("LRS", "HRS")} <= profiles
    assert {line.assessment.priority for line in ranking.ships} == {"I", "II", "none", None}
    top = ranking.ships[0]
    assert (top.rank, top.remote.detained, top.assessment.points_low) == (1, True, 10)
    target = next(line for line in ranking.ships if line.live.mmsi == scenario.target_mmsi)
    assert (target.assessment.profile_worst, target.assessment.priority, target.assessment.known) == ("SRS", "I", 9)
    assert (target.remote.detained, target.remote.overriding, target.remote.network_ok) == (False, False, True)
    assert target.sheet.simulated
    assert target.tied_with == 1
    assert lines["SIM GREY HERON"].join.mismatches == ("name",)
    assert lines["SIM LOST NUMBER"].join.matched_by == "mmsi"
    assert lines["SIM HALF KNOWN"].assessment.points_high > lines["SIM HALF KNOWN"].assessment.points_low
    assert any("flag State" in note.en for note in lines["SIM NORTH STAR"].assessment.notes)
    hull = geometry_and_pose(services, target)
    assert (hull.geometry.loa_m, hull.geometry.beam_m, hull.geometry.draught_m, hull.geometry.depth_m) == (90, 14, 5.0, 7.6)
    assert hull.berth is not None
    assert (hull.berth.berth_id, hull.berth.quay_side) == ("A3", "starboard")
    assert hull.geometry.estimated == frozenset()


def test_positions_are_thinned_and_replaying_again_changes_nothing(services: Services, scenario: Scenario) -> None:
    before = rank_live(services, ON)
    replay(services, scenario.nmea)
    after = rank_live(services, ON)
    assert [line.live for line in before.ships] == [line.live for line in after.ships]
    with services.db.ais_read() as session:
        points = track(session, before.ships[-1].live.mmsi)
    gaps = [second.at_ms - first.at_ms for first, second in pairwise(points)]
    assert min(gaps) >= 30_000


class Http:
    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, url: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://localhost") as http:
                return await http.get(url)

        return asyncio.run(ask())


def client(services: Services) -> Http:
    app = FastAPI()
    app.include_router(ais.api.build_router(services))
    app.include_router(ais.api_live.build_router(services))
    app.include_router(ais.api_targets.build_router(services))

    @app.exception_handler(YunJianError)
    def problem(_request: Request, error: YunJianError) -> JSONResponse:
        return JSONResponse({"code": error.code}, status_code=error.http_status)

    return Http(app)


def test_http_routes(services: Services, scenario: Scenario) -> None:
    http = client(services)
    ships = http.get("/api/v1/ais/ships").json()
    everything = http.get("/api/v1/ais/ships?kind=all").json()
    assert ships["type"] == "FeatureCollection"
    assert len(everything["features"]) == len(ships["features"]) + 2
    assert ais.api.FeaturesOut.model_validate(everything).model_dump(mode="json") == everything
    one = http.get(f"/api/v1/ais/ships/{scenario.target_mmsi}").json()
    assert one["ship"]["properties"]["name"] == "SIM LIAO RIVER"
    assert len(one["track"]) > 5
    assert http.get("/api/v1/ais/ships/1").status_code == 404
    assert http.get("/api/v1/ais/ships/0").status_code == 422
    assert {field["field"] for field in one["identities"]} == {"name", "imo", "call_sign"}
    box = http.get("/api/v1/ais/ships?bbox=122.05,40.27,122.07,40.30").json()["features"]
    assert 0 < len(box) < len(ships["features"])
    across = http.get("/api/v1/ais/ships?bbox=170,40.27,122.07,40.30").json()["features"]  # over the date line to the port
    assert {one["id"] for one in box} <= {one["id"] for one in across}
    assert http.get("/api/v1/ais/ships?bbox=1,2,3").status_code == 422
    events = http.get("/api/v1/ais/events?limit=5").json()
    second = http.get(f"/api/v1/ais/events?limit=5&cursor={events['next_cursor']}").json()
    assert len({item["id"] for item in (*events["items"], *second["items"])}) == 10
    berthed = [item for item in http.get("/api/v1/ais/events?limit=500").json()["items"] if item["kind"] == "at_berth"]
    assert {item["place"] for item in berthed} >= {"A1", "A3"}
    calls = http.get("/api/v1/ais/port-calls?here=yes").json()["items"]
    assert any(call["berths"] for call in calls)
    signals = http.get("/api/v1/ais/signals?at=2026-11-24T02:45:00Z").json()["items"]
    assert {"imo_invalid"} <= {item["kind"] for item in signals}
    assert all(item["evidence"] and item["words_zh"] and item["words_en"] for item in signals)
    health = http.get("/api/v1/ais/feeds").json()["items"]
    assert [feed["adds_up"] for feed in health] == [True]


def test_targets_are_paged_without_loss(services: Services, scenario: Scenario) -> None:
    http = client(services)
    whole = http.get("/api/v1/ais/targets?on=2026-11-24&limit=500").json()
    assert whole["next_cursor"] is None
    found: list[str] = []
    cursor = ""
    while True:
        page = http.get(f"/api/v1/ais/targets?on=2026-11-24&limit=7{cursor}").json()
        found += [item["mmsi"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == [item["mmsi"] for item in whole["items"]]
    assert http.get("/api/v1/ais/targets?cursor=x").status_code == 422
    target = next(item for item in whole["items"] if item["mmsi"] == str(scenario.target_mmsi))
    assert (target["hull"]["berth_id"], target["hull"]["quay_side"]) == ("A3", "starboard")
    assert all(reason["zh"] and reason["en"] for item in whole["items"] for reason in item["reasons"])


@pytest.fixture
def cli(services: Services, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("YUNJIAN_DATA_DIR", str(services.settings.data_dir))
    monkeypatch.setenv("YUNJIAN_LANGUAGE", "en")
    return CliRunner()


def test_cli_decode_writes_lines_and_a_ledger(cli: CliRunner, scenario: Scenario) -> None:
    done = cli.invoke(ais_cli.app, ["decode", str(scenario.nmea), "--jsonl"])
    assert done.exit_code == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    ledger = json.loads(done.stderr.splitlines()[-1])
    assert len(lines) == ledger["messages"]
    assert ledger["sentences"] == ledger["fragments_used"] + sum(ledger["rejected"].values())
    assert cli.invoke(ais_cli.app, ["decode", "nowhere.nmea"]).exit_code == 2


def test_cli_imports_and_ranks(cli: CliRunner, scenario: Scenario, tmp_path: Path) -> None:
    assert cli.invoke(ais_cli.app, ["replay", str(scenario.nmea)]).exit_code == 0
    again = cli.invoke(ais_cli.app, ["import", str(scenario.register), "--json"])
    assert json.loads(again.stdout)["data"]["added"] == 0
    listed = cli.invoke(targets_cli.app, ["--on", "2026-11-24"])
    assert listed.exit_code == 0, listed.stderr
    assert "SIM RED HARBOUR" in listed.stdout
    document = json.loads(cli.invoke(targets_cli.app, ["--json", "--on", "2026-11-24"]).stdout)
    assert (document["schema"], document["data"]["items"][0]["rank"]) == ("yunjian.targets/1", 1)
    explained = cli.invoke(targets_cli.app, ["--explain", str(scenario.target_imo), "--on", "2026-11-24"])
    assert "Ship type" in explained.stdout
    assert "one more detention" in explained.stdout or "the window" in explained.stdout  # what would change
    assert cli.invoke(targets_cli.app, ["--explain", "1"]).exit_code == 2
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    refused = cli.invoke(ais_cli.app, ["import", str(empty)])
    assert refused.exit_code == 2
    assert "empty" in refused.stderr
