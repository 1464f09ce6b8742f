"""The queue page: what stands beside the points, filter, factors confirmed and withdrawn, one ranking for many views, back-test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import event

from ais.ports import RiskSources
from ais.register_store import Rating, RegisterValue, save_records, save_register
from ais.targets_service import TargetQueue, target_queue
from config import Settings
from console.app import create_app
from console.sessions import PLAIN_COOKIE
from core import accounts
from core.auth import Principal, Role
from core.clock import ManualClock
from core.context import Services
from tests.integration.console.client import Client
from tests.integration.console.conftest import harbour_services

IMO = "2000286"


@pytest.fixture
def filled(harbour: Path, settings: Settings, clock: ManualClock) -> Iterator[Services]:
    """The simulated port, a second source that differs, a key ship; the list of organisations has run out, others are missing."""
    with harbour_services(harbour, settings, clock) as services:
        old = Rating(
            "ro",
            "tokyo_mou_nir",
            "SIMRO-LOW",
            date(2024, 7, 1),
            date(2025, 6, 30),
            "low",
            attested=True,
            source="old list",
            licence="x",
        )
        with services.db.write() as session:
            save_records(session, [old], clock.now())
            save_register(session, [
                RegisterValue(f"imo:{IMO}", name, value, source, date(2026, 11, 1), "x", 20)
                for name, value, source in (("flag", "PA", "survey office"), ("key_ship", "hid deficiencies before", "port list"))
            ], clock.now())  # fmt: skip
        yield services


class Desk:
    """A logged-in client that posts with its token."""

    def __init__(self, services: Services, role: Role) -> None:
        token = accounts.open_session(services, Principal(role.value, role, role.value)).token
        self.client = Client(create_app(services))
        self.client.cookies.set(PLAIN_COOKIE, token)
        self.client.headers["accept"] = "text/html"
        self._csrf = accounts.csrf_token(token)

    def seen(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, path
        main = answer.text[answer.text.index("<main") : answer.text.index("</main>")]
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())

    def decide(self, **form: str) -> int:
        sent = {"csrf_token": self._csrf, "key": IMO, **form}
        return int(self.client.post("/queue/decide", data=sent).status_code)


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ["recognised organisation list ran out on 2025-06-30 and is refused", "There is no flag list", "hid deficiencies before",
                "What would change it", "by IMO number · 100 %", "Sources that differ", "survey office",
                "counts", "Back-test", "Download PDF"]),
        ("zh", ["认可组织名单已于 2025-06-30 到期，不采用", "没有船旗名单", "hid deficiencies before", "什么会改变其位置", "按 IMO 编号 · 100 %",
                "来源不一致", "survey office", "取用", "排序回测", "下载 PDF"]),
    ],
)  # fmt: skip
def test_what_stands_beside_the_points(filled: Services, lang: str, said: list[str]) -> None:
    desk = Desk(filled, Role.AUDITOR)
    desk.client.get(f"/language/{lang}")
    seen = desk.seen(f"/queue?ship={IMO}").replace("\u2009", " ")
    assert [one for one in said if one not in seen] == []
    assert 'action="/queue/decide"' not in desk.client.get(f"/queue?ship={IMO}").text


def test_the_comparison_has_three_states(filled: Services) -> None:
    desk = Desk(filled, Role.INSPECTOR)
    desk.client.get("/language/en")
    for key, said in (("2001058", "mismatch"), ("2001125", "not comparable"), (IMO, "match")):
        seen = desk.client.get(f"/queue/ship?key={key}").text
        assert f"</span>{said}</span>" in seen
    assert "</span>mismatch</span>" in desk.client.get("/ships/2001058").text
    assert "The register has no ship that fits" in desk.client.get("/queue/ship?key=2001474").text


def listed(page: str) -> list[str]:
    return re.findall(r'data-key="(\d+)"', page)


def test_filter(filled: Services) -> None:
    desk = Desk(filled, Role.INSPECTOR)
    everything = listed(desk.client.get("/queue?where=all").text)
    near = listed(desk.client.get("/queue").text)
    assert set(near) < set(everything)
    parts = [listed(desk.client.get(f"/queue?where={one}").text) for one in ("in_port", "at_anchor", "arriving")]
    assert all(parts)
    assert len({key for part in parts for key in part}) == sum(map(len, parts))
    by_priority = [listed(desk.client.get(f"/queue?where=all&priority={one}").text) for one in ("I", "II", "none", "open")]
    assert sorted(key for part in by_priority for key in part) == sorted(everything)
    assert listed(desk.client.get("/queue?where=all&q=liao%20riv").text) == [IMO]
    desk.client.get("/language/en")
    assert "No ship fits the filter" in desk.seen("/queue?q=nothing-like-it")
    assert desk.client.get("/queue?where=moon").status_code == 422


def test_a_factor_is_confirmed_from_a_report_and_withdrawn_with_a_reason(filled: Services) -> None:
    desk = Desk(filled, Role.SUPERVISOR)
    desk.client.get("/language/en")
    assert "No factor stands" in desk.seen(f"/queue?ship={IMO}")
    assert desk.decide(kind="confirm_factor", factor="illegal_discharge") in {400, 422}  # neither signal nor reason
    assert desk.decide(kind="confirm_factor", factor="illegal_discharge", reason="seen from shore") == 303
    seen = desk.seen(f"/queue?ship={IMO}")
    assert "Priority I: overriding factor" in seen or "accused of an illegal discharge" in seen
    assert "seen from shore" in seen
    assert desk.decide(kind="withdraw_factor", factor="illegal_discharge") in {400, 422}  # no reason
    assert desk.decide(kind="withdraw_factor", factor="illegal_discharge", reason="oil came from the quay") == 303
    seen = desk.seen(f"/queue?ship={IMO}")
    assert [one for one in ("No factor stands", "seen from shore", "oil came from the quay") if one not in seen] == []
    assert Desk(filled, Role.AUDITOR).decide(kind="select") == 403


@contextmanager
def statements(services: Services) -> Iterator[list[str]]:
    """Every statement sent to the databases meanwhile."""
    sent: list[str] = []
    engines = [services.db._read, services.db._ais_read, services.db._write, services.db._ais_write]  # there is no other way in

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def test_views_share_one_ranking_and_ask_no_more_for_more_ships(
    filled: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[date] = []

    def counted(services: Services, sources: RiskSources, on: date, hours: float) -> TargetQueue:
        made.append(on)
        return target_queue(services, sources, on, hours)

    monkeypatch.setattr("console.queue_source.target_queue", counted)
    desk = Desk(filled, Role.INSPECTOR)
    desk.client.get("/queue")
    counts = []
    for path in ("/queue?where=arriving", "/queue?where=all", f"/queue/ship?key={IMO}"):
        with statements(filled) as sent:
            assert desk.client.get(path).status_code == 200
        counts.append(len(sent))
    assert len(made) == 1
    assert counts[0] == counts[1]  # the whole list asks the database as often as a few ships
    assert max(counts) <= 15
    assert desk.decide(kind="select") == 303
    desk.client.get("/queue")
    assert len(made) == 2  # a decision taken here shows at once
    clock.advance(6)
    desk.client.get("/queue")
    assert len(made) == 3


def test_the_dossier_asks_a_bounded_number_of_questions(filled: Services) -> None:
    desk = Desk(filled, Role.INSPECTOR)
    desk.client.get(f"/ships/{IMO}")
    with statements(filled) as sent:
        desk.client.get(f"/ships/{IMO}")
    assert len(sent) <= 45


@pytest.mark.parametrize(("lang", "word"), [("zh", "模拟数据"), ("en", "SYNTHETIC")])
def test_the_back_test_page(filled: Services, lang: str, word: str) -> None:
    desk = Desk(filled, Role.SUPERVISOR)
    desk.client.get(f"/language/{lang}")
    page, seen = desk.client.get("/queue/backtest").text, desk.seen("/queue/backtest")
    assert word in seen
    assert '<polyline class="gain-curve" points="50.0,350.0 ' in page
    assert len(re.findall(r"<tr>", page)) > 8
    own = filled.settings.data_dir / "backtest.csv"
    own.write_text("inspection,score,hit\na,3,yes\nb,2,no\nc,1,no\n", encoding="utf-8")
    seen = desk.seen("/queue/backtest")
    assert ("backtest.csv" in seen, word in seen) == (True, False)
    own.write_text("inspection,score,hit\na,much,yes\n", encoding="utf-8")
    assert desk.client.get("/queue/backtest").status_code in {400, 422}
