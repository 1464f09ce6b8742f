"""The dossier of a ship: its records reach the page in words of both languages and the API as data; only officers see it."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

import ais
from ais.camera_service import sweep
from ais.dossier import departure, dossier, in_words
from ais.layouts import layouts
from ais.ports import RiskSources
from ais.records import Certificate, CrewCertificate, ManningLine, PortReport, RestPeriod
from ais.register_store import Inspection, RegisterValue, save_records, save_register
from ais.text import Bilingual
from console.app import create_app
from console.pages.ship import SCALE, bars
from console.sessions import PLAIN_COOKIE
from core import accounts
from core.auth import Principal, Role
from core.catalogue import entries
from core.clock import ManualClock
from core.context import Services
from core.errors import NotFound
from tests.integration.console.client import Client

IMO = 2000286
TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
FROM = {"source": "survey office", "as_of": date(2026, 11, 20), "licence": "test"}


@pytest.fixture
def filled(services: Services, tmp_path: Path) -> Services:
    services.db.create_ais_tables()
    assert isinstance(services.clock, ManualClock)
    scenario = ais.write_scenario(tmp_path, 1, datetime(2026, 11, 24, 1, tzinfo=UTC), services.settings.ais.rule_pack)
    ais.replay(services, scenario.nmea)
    for file in scenario.register_files:
        ais.import_register(services, file)
    begin = datetime(2026, 11, 10, tzinfo=UTC)
    records = [
        Certificate(imo=IMO, code="CSSE", number="E-1", issued_on=date(2024, 2, 1), expires_on=date(2029, 1, 31), **FROM),
        Certificate(imo=IMO, code="DOC", number="D-1", issued_on=date(2025, 1, 1), expires_on=date(2026, 10, 1), company_imo="1", **FROM),
        Certificate(imo=IMO, code="SMC", number="S-1", issued_on=date(2025, 1, 1), expires_on=date(2029, 12, 31), company_imo="2", **FROM),
        ManningLine(imo=IMO, line=1, capacity="chief_mate", regulation="II/2", count=1, **FROM),
        CrewCertificate(imo=IMO, seafarer="P-07", capacity="deck_officer", regulation="II/1", number="C", **FROM),
        *(RestPeriod(imo=IMO, seafarer="P-07", starts_at=begin + timedelta(days=n), ends_at=begin + timedelta(days=n, hours=6), **FROM) for n in range(5)),
        PortReport(imo=IMO, port="CNSHA", movement="out", planned_at=datetime(2026, 11, 26, 4, tzinfo=UTC), **FROM),
        Inspection(IMO, date(2026, 5, 4), "Authority A", "tokyo_mou", 3, False, "port", date(2026, 5, 5), "test"),
    ]  # fmt: skip
    with services.db.write() as session:
        save_records(session, records, services.clock.now())
        other = RegisterValue(f"imo:{IMO}", "name", "OTHER NAME", "survey office", date(2026, 11, 20), "test", 20)
        save_register(session, [other], services.clock.now())
    return services


def opened(services: Services, role: Role) -> Client:
    token = accounts.open_session(services, Principal(role.value, role, role.value)).token
    client = Client(create_app(services))
    client.cookies.set(PLAIN_COOKIE, token)
    client.headers["accept"] = "text/html"
    return client


def visible(page: str) -> str:
    main = page[page.index("<main") : page.index("</main>")]
    return unescape(re.sub(r"<[^>]+>", " ", main))


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ["Cargo ship safety equipment", "missed", "expired on 2026-10-01", "chief mate", "least rest in any 24 h", "sources differ", "OTHER NAME", "Authority A", "2026-11-26"]),
        ("zh", ["货船设备安全证书", "错过", "已于 2026-10-01 到期", "大副", "任何 24 小时最少休息", "来源不一致", "OTHER NAME", "Authority A", "2026-11-26"]),
    ],
)  # fmt: skip
def test_the_page_says_everything_in_words(filled: Services, lang: str, said: list[str]) -> None:
    client = opened(filled, Role.INSPECTOR)
    client.get(f"/language/{lang}")
    answer = client.get(f"/ships/{IMO}")
    assert answer.status_code == 200
    seen = visible(answer.text)
    assert [one for one in said if one not in seen] == []
    assert re.findall(r"\b(?:CSSE|DOC|SMC|[a-z]+_[a-z_]+|R[1-8])\b", seen.replace("tokyo_mou", "")) == []
    assert answer.text.count("<svg") >= 3


def test_the_api_gives_rule_and_input_of_each_proof(filled: Services) -> None:
    answer = opened(filled, Role.AUDITOR).get(f"/api/v1/ais/ships/imo/{IMO}/dossier").json()
    kinds = {(one["kind"], one["outcome"]) for one in answer["proofs"]}
    assert {("certificate", "window_missed"), ("certificate", "expired"), ("manning", "unfilled"), ("rest", "broken")} <= kinds
    assert ("crosscheck", "failed") in kinds
    assert all(one["rule"] for one in answer["proofs"])
    assert all(one["inputs"] for one in answer["proofs"] if one["state"] != "unknown")
    assert answer["departs_on"] == "2026-11-26"


def test_the_berth_shows_the_newest_still_or_says_that_the_camera_is_dead(filled: Services) -> None:
    client = opened(filled, Role.INSPECTOR)
    client.get("/language/en")
    dead = visible(client.get(f"/ships/{IMO}").text)
    assert [one for one in ("lain at East quay berth 3", "camera is dead", "No still of this stay") if one not in dead] == []
    assert sweep(filled) == 2
    page = client.get(f"/ships/{IMO}").text
    [address] = re.findall(r'<img src="(/api/v1/ais/stills/[^"]+)"', page)
    seen = visible(page)
    assert [one for one in ("working", "taken 2026-11-24 02:00:00Z (0 s ago)", "simulated picture") if one not in seen] == []
    still = client.get(address)
    assert (still.status_code, still.headers["content-type"]) == (200, "image/jpeg")
    berth = client.get(f"/api/v1/ais/ships/imo/{IMO}/dossier").json()["berth"]
    assert berth["cameras"][0]["still"]["sha256"] == hashlib.sha256(still.content).hexdigest()
    assert opened(filled, Role.COMPANY_STAFF).get(address).status_code == 403
    assert [one["state"] for one in client.get("/api/v1/ais/cameras").json()["items"]] == ["ok", "ok"]


def test_only_who_may_and_only_what_is_there(filled: Services) -> None:
    for role, path, status in (
        (Role.DRONE_OPERATOR, f"/ships/{IMO}", 403),
        (Role.DRONE_OPERATOR, f"/api/v1/ais/ships/imo/{IMO}/dossier", 403),
        (Role.SUPERVISOR, "/ships/9999993", 404),
        (Role.SUPERVISOR, "/ships/12", 422),
    ):
        assert opened(filled, role).get(path).status_code == status, (role, path)


def test_a_past_day_knows_nothing_entered_later(filled: Services) -> None:
    entered = filled.clock.now()
    before = dossier_day(entered) - timedelta(days=1)
    with pytest.raises(NotFound):
        dossier(filled, RiskSources(), IMO, before)


def dossier_day(at: datetime) -> date:
    return (at + timedelta(hours=8)).date()


def test_the_queue_leads_to_the_dossier(filled: Services) -> None:
    assert f'href="/ships/{IMO}"' in opened(filled, Role.INSPECTOR).get(f"/queue?ship={IMO}").text


def test_what_if_answers_on_a_page_and_keeps_nothing(filled: Services) -> None:
    client = opened(filled, Role.INSPECTOR)
    client.get("/language/en")
    queue = client.get(f"/queue?ship={IMO}").text
    assert 'action="/queue/what-if"' in queue
    answer = client.get(f"/queue/what-if?key={IMO}&flag=cm&company_imo=&ro=&ship_type=oil_tanker&on=2027-03-01")
    seen = visible(answer.text)
    assert answer.status_code == 200
    assert [one for one in ("changed to CM", "2027-03-01", "Now", "Then") if one not in seen] == []
    assert "oil_tanker" not in seen
    assert visible(client.get(f"/queue?ship={IMO}").text) == visible(queue)
    for wrong in ("ship_type=spaceship", "on=tomorrow"):
        assert client.get(f"/queue/what-if?key={IMO}&{wrong}").status_code in {400, 422}


def test_bars_stand_on_one_scale(filled: Services) -> None:
    found = dossier(filled, RiskSources(), IMO, dossier_day(filled.clock.now()))
    drawn = bars(found.papers, found.on)
    spans = [span for row in drawn.rows for span in (*row.windows, *([row.term] if row.term else []))]
    assert all(span.x >= 0 and span.x + span.width <= SCALE + 0.2 for span in spans)
    assert 0 < drawn.today < SCALE
    assert bars((), found.on).rows == ()


def test_the_departure_is_a_day_of_the_port() -> None:
    late = datetime(2026, 11, 25, 17, tzinfo=UTC)  # 01:00 of the 26th in China
    reports = [PortReport(imo=IMO, port="CNSHA", movement=way, planned_at=late, **FROM) for way in ("in", "out")]
    assert departure(reports, date(2026, 11, 26)) == date(2026, 11, 26)
    assert departure(reports, date(2026, 11, 27)) is None
    assert departure(reports[:1], date(2026, 11, 20)) is None


def test_every_field_of_the_register_has_a_name() -> None:
    fields = {column.field for layout in layouts() if layout.kind == "ship" for column in layout.columns.values()}
    nameless = [name for name in sorted(fields - {"source", "as_of", "licence"}) if f"ship.word.{name}" not in entries()]
    assert nameless == []


def test_codes_become_words_and_prose_stays() -> None:
    said = in_words(Bilingual("DOC.company_imo = 12", "DOC.company_imo = 12; P-07 agrees"))
    assert said == Bilingual("符合证明.ISM 公司编号 = 12", "Document of compliance.ISM company number = 12; P-07 agrees")
