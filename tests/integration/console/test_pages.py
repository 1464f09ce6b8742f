"""What people see: both languages, hostile text as text, links that work, states without data."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import FastAPI
from lxml import html

from console.app import create_app
from core import journal
from core.auth import Role
from core.context import Services
from inspection.record import CaseRecord
from tests.integration.console.client import Client
from tests.integration.console.conftest import GoldenSources, Opened

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'; DROP TABLE x; --", "{{ 7*7 }}", "\u202eMV EVIL"]
PAGES = [
    "/queue",
    "/map",
    "/cases",
    "/cases/{id}",
    "/deadlines",
    "/follow-up",
    "/follow-up/{id}",
    "/journal",
    "/account",
    "/docs",
]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_in_both_languages(lang: str, opened: Opened, golden: CaseRecord) -> None:
    client = opened(Role.SUPERVISOR)
    client.cookies.set("yunjian_lang", lang)
    for page in PAGES:
        answer = client.get(page.format(id=golden.id))
        assert answer.status_code == 200, page
        tree = html.fromstring(answer.text)
        assert tree.get("lang") == ("zh-CN" if lang == "zh" else "en"), page
        assert tree.findtext(".//title"), page
        ids = tree.xpath("//@id")
        assert len(ids) == len(set(ids)), f"{page}: an id stands twice"
        assert tree.xpath("//img[not(@alt)]") == [], page
        assert tree.xpath("//button[not(normalize-space()) and not(@aria-label)]") == [], page


def test_the_language_switch_keeps_the_page(opened: Opened) -> None:
    client = opened(Role.INSPECTOR)
    tree = html.fromstring(client.get("/queue?ship=123").text)
    switch = tree.xpath("//a[starts-with(@href, '/language/')]/@href")[0]
    answer = client.get(switch)
    assert answer.headers["location"] == "/queue?ship=123"
    assert "Ships by risk" in client.get("/queue?ship=123").text


def test_lang_in_the_address_is_remembered(opened: Opened) -> None:
    client = opened(Role.INSPECTOR)
    assert "Ships by risk" in client.get("/queue?lang=en").text
    assert "Ships by risk" in client.get("/queue").text
    assert "Ships by risk" not in client.get("/queue?lang=zh").text


def poisoned(value: Any, bad: str) -> Any:
    """Every free text of a record replaced."""
    free = {"name", "zh", "en", "note", "place", "reason", "value", "source", "why", "standard_not_met", "device", "convention_ref", "by", "agreed_by", "track", "flag", "call_sign", "ship_type", "regime", "camera", "legal_basis"}  # fmt: skip
    if isinstance(value, dict):
        return {
            key: bad if key in free and isinstance(inner, str) and inner not in {"satisfactory", "deficient", "needs_attendance", "not_applicable", "model", "inspector"} else poisoned(inner, bad)
            for key, inner in value.items()
        }  # fmt: skip
    return [poisoned(one, bad) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_text_stays_text(bad: str, services: Services, golden_files: CaseRecord, opened: Opened) -> None:
    record = CaseRecord.model_validate(poisoned(golden_files.model_dump(mode="json", by_alias=True), bad))
    app: FastAPI = create_app(services, sources=GoldenSources(services, record))
    client = Client(app)
    session = opened(Role.SUPERVISOR)
    client.cookies, client.headers = session.cookies, session.headers
    with services.db.write() as db_session:
        journal.append(db_session, services.clock, stream=bad, actor=bad, action=bad, payload={"x": bad})
    for page in ("/queue", "/queue/ship?key=123", "/cases", f"/cases/{record.id}", "/journal"):
        text = client.get(page).text
        tree = html.fromstring(text)
        assert bad in "".join(tree.itertext()), page
        assert [one for one in tree.xpath("//script") if not one.get("src")] == []
        assert tree.xpath("//@*[starts-with(name(), 'on')]") == []
        assert tree.xpath("//img[@src='x']") == []
    assert "49" not in re.findall(r"\{\{.*?\}\}", text)


def test_the_case_page_shows_the_whole_record(opened: Opened, golden: CaseRecord) -> None:
    client = opened(Role.AUDITOR)
    client.cookies.set("yunjian_lang", "en")
    tree = html.fromstring(client.get(f"/cases/{golden.id}").text)
    said = " ".join(tree.text_content().split())
    checklist = golden.checklist
    assert checklist is not None
    wanted = [item.title.en for item in checklist.items] + [one.title.en for one in golden.deficiencies]
    wanted += [one.en for one in golden.not_examined] + [one.en for one in golden.simulated] + [golden.number, golden.ship.name]
    assert [text for text in wanted if text not in said] == []
    hashes = set(tree.xpath("//code[@class='hash']/@title"))
    assert {one.sha256 for one in golden.evidence} <= hashes
    marks = tree.xpath("//*[@class='mark-label']/text()")
    assert sorted(marks) == ["1", "2", "3"]
    for target in tree.xpath("//a[starts-with(@href, '#')]/@href"):
        assert tree.xpath(f"//*[@id='{target[1:]}']"), target
    for address in set(tree.xpath("//a[contains(@href, '/evidence/')]/@href")):
        assert client.get(address).status_code == 200


def test_pages_without_data_say_what_to_do(services: Services, opened: Opened) -> None:
    empty = Client(create_app(services))
    session = opened(Role.SUPERVISOR)
    empty.cookies, empty.headers = session.cookies, session.headers
    empty.cookies.set("yunjian_lang", "en")
    assert "No ships to rank yet" in empty.get("/queue").text
    assert "No inspections yet" in empty.get("/cases").text
    assert "The journal is empty" in empty.get("/journal").text
    assert empty.get("/cases/01940000-0000-7000-8000-00000000ffff").status_code == 404
    assert empty.get("/queue?ship=none").status_code == 404


def test_an_altered_journal_is_named(services: Services, opened: Opened) -> None:
    client = opened(Role.AUDITOR)
    client.cookies.set("yunjian_lang", "en")
    with services.db.write() as session:
        for number in range(3):
            journal.append(session, services.clock, stream="case:1", actor="a", action="x", payload={"n": number})
    assert "whole" in client.get("/journal/case:1").text
    with services.db.write() as session:
        connection = session.connection()
        for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE core_journal SET actor = 'b' WHERE stream = 'case:1' AND seq = 2")
    assert "broken at 2" in client.get("/journal/case:1").text
    assert client.get("/journal/none").status_code == 404


def test_static_files(client: Client) -> None:
    page = client.get("/login", headers={"accept": "text/html"}).text
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["cache-control"]
    again = client.get("/static/console.css")
    assert again.headers["cache-control"] == "no-cache"
    assert client.get("/static/console.css", headers={"if-none-match": again.headers["etag"]}).status_code == 304
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/%2e%2e/app.py").status_code == 404
