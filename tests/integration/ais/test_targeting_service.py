"""Targeting as a service: what is asked for a past day, factors of both kinds, companies from the register, one ship alone, JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from fastapi import FastAPI, Request, Response

from ais.api_targets import build_router
from ais.decisions import NewDecision, decisions
from ais.decode import Dimensions
from ais.dossier import dossier
from ais.live import LiveShip
from ais.ports import RiskSources
from ais.records import Company
from ais.register_service import register_data
from ais.register_store import Inspection, Rating, RegisterValue, save_records, save_register
from ais.rules import load_rules
from ais.store import save_latest
from ais.targets_service import ask_what_if, decide_target, known_ship, rank_live, target
from core.auth import Principal, Role
from core.clock import ManualClock
from core.context import Services
from core.errors import NotFound, Refused
from tests.integration.console.client import Client

TODAY, DAY = date(2026, 11, 24), timedelta(days=1)
IMO, OTHER = 9074729, 9307839
OFFICER = Principal("officer-7", Role.INSPECTOR, "Officer")
NONE = RiskSources()
SHIP = {
    "imo": str(IMO), "name": "EVER TEST", "flag": "PA", "ship_type": "general_cargo", "build_date": "2020-01-01", "ro": "RO1",
    "company_imo": "77", "psc_history_from": "2020-01-01", "psc_history_to": TODAY.isoformat(), "key_ship": "repeated spills",
}  # fmt: skip


def heard(mmsi: int, imo: int, name: str) -> LiveShip:
    return LiveShip(
        mmsi=mmsi, station_class="A", at_ms=1_795_485_600_000, time_source="log", messages=9, imo=imo, name=name, ship_type=70,
        dimensions=Dimensions(90, 10, 8, 8),
    )  # fmt: skip


def enter(services: Services, *records: Inspection | Rating | Company, ship: int = IMO, **values: str) -> None:
    """Put into the register what was known at the clock's time."""
    now, subject = services.clock.now(), f"imo:{ship}"
    with services.db.write() as session:
        facts = [RegisterValue(subject, name, value, "list A", now.date(), "x", 10) for name, value in values.items()]
        save_register(session, facts, now)
        save_records(session, records, now)


def listed(kind: str, key: str, rating: str, regime: str) -> Rating:
    return Rating(kind, regime, key, date(2026, 7, 1), date(2027, 6, 30), rating, True, "list L", "x")  # type: ignore[arg-type]  # a test says the kind


def inspected(on: date, deficiencies: int = 0, region: str = "paris", **changes: object) -> Inspection:
    base = Inspection(
        IMO, on, "A", region, deficiencies, False, "list B", on, "x", ism_deficiencies=0, company_imo="77", access_refused=False
    )
    return replace(base, **changes)


@pytest.fixture
def paris(services: Services) -> Services:
    """Two ships heard, one of them in the register; the regime is that of the Paris MOU."""
    settings = services.settings.model_copy(
        update={"ais": services.settings.ais.model_copy(update={"rule_pack": "rules/paris_mou.toml"})}
    )
    found = replace(services, settings=settings)
    with found.db.ais_write() as session:
        save_latest(session, [heard(352000001, IMO, "EVER TEST"), heard(636000002, OTHER, "UNKNOWN")], "test")
    lists = [listed("flag", "PA", "grey", "paris_mou"), listed("flag", "CM", "black_high", "paris_mou"),
             listed("ro", "RO1", "high", "paris_mou"), listed("company", "77", "medium", "paris_mou")]  # fmt: skip
    enter(found, inspected(TODAY - 30 * DAY), *lists, **SHIP)
    return found


def test_what_if_for_a_past_day_uses_what_was_known_then(paris: Services, clock: ManualClock) -> None:
    clock.advance(3 * 86_400)
    later = TODAY + 3 * DAY
    enter(paris, inspected(TODAY - 20 * DAY, 9, detained=True), flag="CM", psc_history_to=later.isoformat())
    decide_target(
        paris, NONE, OFFICER, str(IMO), NewDecision(kind="confirm_factor", factor="accident", reason="log"), later, None
    )
    before = ask_what_if(paris, str(IMO), {}, later, TODAY).then
    now = ask_what_if(paris, str(IMO), {}, later, later)
    assert (before.points_low, before.facts.flag, before.priority, before.overriding) == (0, "PA", "none", ())
    assert before.facts.history.last_on == TODAY - 30 * DAY
    assert (now.then.points_low, now.then.facts.flag, now.then.priority) == (2, "CM", "I")
    assert now.then == now.now
    assert ask_what_if(paris, str(IMO), {"flag": "CM"}, later, TODAY).then.points_low == 2


def test_a_day_before_the_rules_is_refused(paris: Services) -> None:
    for ask in (lambda day: rank_live(paris, day), lambda day: ask_what_if(paris, str(IMO), {}, TODAY, day)):
        with pytest.raises(Refused) as caught:
            ask(date(2010, 12, 31))
        assert caught.value.code == "ais.rules_not_in_force"


def test_an_unexpected_factor_is_confirmed_and_withdrawn_by_a_named_officer(paris: Services) -> None:
    def say(kind: str, reason: str) -> None:
        asked = NewDecision.model_validate({"kind": kind, "factor": "complaint", "reason": reason})
        decide_target(paris, NONE, OFFICER, str(IMO), asked, TODAY, None)

    assert target(paris, NONE, str(IMO), TODAY).ship.assessment.priority == "none"
    say("confirm_factor", "letter of the crew, ref 17")
    line = target(paris, NONE, str(IMO), TODAY)
    assert (line.ship.assessment.priority, [one.en for one in line.ship.assessment.unexpected]) == ("II", ["complaint"])
    assert known_ship(paris, str(IMO), TODAY).assessment == line.ship.assessment
    say("withdraw_factor", "taken back")
    assert target(paris, NONE, str(IMO), TODAY).ship.assessment.priority == "none"
    taken = decisions(paris, paris.clock.now(), str(IMO))
    assert [(one.kind, one.by, one.reason) for one in taken] == [
        ("confirm_factor", "officer-7", "letter of the crew, ref 17"), ("withdraw_factor", "officer-7", "taken back"),
    ]  # fmt: skip
    assert [one.evidence["unexpected"] for one in taken] == [[], ["complaint"]]


def test_the_register_gives_the_performance_of_a_company_that_is_vouched_for(paris: Services) -> None:
    def company() -> tuple[str | None, str | None, str]:
        row = next(one for one in target(paris, NONE, str(IMO), TODAY).ship.assessment.criteria if one.id == "company")
        return row.value, row.source, row.reason.en

    assert company()[:2] == ("77: medium", "list L (2026-07-01 – 2027-06-30)")
    others = [inspected(TODAY - at * DAY, 1, imo=OTHER, company_imo="88") for at in range(1, 40)]
    vouched = {"psc_history_from": date(2023, 11, 24), "psc_history_to": TODAY}
    enter(paris, *others, Company(company_imo="77", name="C", source="list C", as_of=TODAY, licence="x", **vouched))
    enter(paris, inspected(TODAY - 60 * DAY, 9))
    value, source, reason = company()
    assert (value, source) == ("77: low", "list B; list C")
    assert "reckoned from 2 inspections of the register, 2023-11-24 to 2026-11-24: deficiency index 4.50" in reason


def test_one_ship_alone_is_the_ship_of_the_list_and_the_register_is_read_once(paris: Services, clock: ManualClock) -> None:
    pack = load_rules("rules/paris_mou.toml")
    for line in rank_live(paris, TODAY).ships:
        alone = known_ship(paris, f"{line.live.mmsi:09d}", TODAY)
        assert (alone.assessment, alone.sheet) == (line.assessment, line.sheet)
    with pytest.raises(NotFound):
        known_ship(paris, "9999999", TODAY)
    first = register_data(paris, pack)
    assert register_data(paris, pack) is first
    then = clock.now()
    clock.advance(60)
    enter(paris, flag="CM")
    assert register_data(paris, pack, then).index.join(heard(1, IMO, "")).particular.get("flag") == "PA"  # type: ignore[union-attr]
    assert register_data(paris, pack).index.join(heard(1, IMO, "")).particular.get("flag") == "CM"  # type: ignore[union-attr]
    assert {one.value.value for one in dossier(paris, NONE, IMO, TODAY).facts if one.value.field == "flag"} == {"CM"}


def test_the_api_says_all_that_can_be_said_of_one_ship(paris: Services) -> None:
    app = FastAPI()

    @app.middleware("http")
    async def signed_in(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.principal = OFFICER
        return await go_on(request)

    app.include_router(build_router(paris))
    http = Client(app)
    asked = {"kind": "confirm_factor", "factor": "complaint", "reason": "letter"}
    assert http.request("POST", f"/api/v1/ais/targets/{IMO}/decisions", json=asked).json()["by"] == "officer-7"
    one = http.request("GET", f"/api/v1/ais/targets/{IMO}?on={TODAY}").json()
    assert [(hit["id"], hit["state"], hit["reason"]["en"]) for hit in one["local"]] == [("key_ship", "met", "repeated spills")]
    assert any("the window opens on" in said["en"] and "窗口" in said["zh"] for said in one["changes"])
    assert {said["id"]: said["state"] for said in one["consequences"]} == {
        "expanded_inspection": "not_met", "access_refusal": "not_met",
    }  # fmt: skip
    standing = [(said["code"], said["kind"]) for said in one["factors"] if said["standing"]]
    assert standing == [("complaint", "unexpected")]
    assert {said["kind"] for said in one["factors"]} == {"overriding", "unexpected"}
    queued = http.request("GET", f"/api/v1/ais/queue?on={TODAY}&hours=240").json()["items"]
    assert all("local" in line for line in queued)
    told = http.request("POST", f"/api/v1/ais/targets/{IMO}/what-if", json={"changes": {"flag": "CM"}}).json()
    assert (told["now"]["points_low"], told["then"]["points_low"], told["then"]["regime_version"]) == (0, 2, "2011-01-01")
