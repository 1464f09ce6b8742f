"""The books in the browser's terms and over the API: public ones for everybody, forms for those who write, refusals beside the form."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from lxml import html

from companion import book_actions, books
from companion.roles import actions
from console.app import create_app
from console.wiring import Area
from core import accounts
from core.auth import Principal, Role
from core.context import Services
from tests.integration.console.client import Client

PLOT = {"fact.area_ha": "4.2", "fact.price_cny": "1000000", "fact.planning_conditions": "yes", "fact.state": "reserved"}


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services, area=Area.REFORMS)


def desk(app: FastAPI, services: Services, role: Role) -> Client:
    opened = accounts.open_session(services, Principal(f"u-{role.value}", role, role.value, None))
    client = Client(app)
    client.cookies.set("yunjian_session", opened.token)
    client.headers["x-csrf-token"] = accounts.csrf_token(opened.token)
    client.headers["accept"] = "text/html"
    return client


def test_every_action_belongs_to_readers_of_its_book() -> None:
    """Who may act sees the book: the answer of an action never fails after the act."""
    for name, action in book_actions.book_actions().items():
        book = books.book_named(action.book)
        assert {role.value for role in actions()[action.may]} - {"system"} <= {
            one.value for one in book.readers | book.writers
        } or book.public, name


@pytest.mark.parametrize(("lang", "title"), [("zh", "土地储备库"), ("en", "Reserve library of plots")])
def test_public_books_need_no_account_and_others_do(app: FastAPI, services: Services, lang: str, title: str) -> None:
    client = Client(app)
    client.headers["accept"] = "text/html"
    client.cookies.set("yunjian_lang", lang)
    listed = html.fromstring(client.get("/reforms/books").text)
    hrefs = [str(one) for one in listed.xpath("//a[starts-with(@href, '/reforms/books/')]/@href")]
    assert {href.rsplit("/", 1)[1] for href in hrefs} == {name for name, book in books.books().items() if book.public}
    assert title in client.get("/reforms/books/plots").text
    assert client.get("/reforms/books/consultations").status_code == 403
    assert client.get("/reforms/books/no_such_book").status_code == 404


def test_a_desk_writes_a_new_edition_and_sees_its_history(app: FastAPI, services: Services) -> None:
    office = desk(app, services, Role.APPROVAL)
    assert office.post("/reforms/books/plots/write", data=PLOT | {"ref": "P-7"}).status_code == 303
    assert office.post("/reforms/books/plots/write", data=PLOT | {"ref": "P-7", "fact.state": "awarded"}).status_code == 303
    page = office.get("/reforms/books/plots?ref=P-7").text
    assert page.count("已出让") >= 2
    assert "储备中" in page
    refused = office.post("/reforms/books/plots/write", data=PLOT | {"ref": "P-8", "fact.area_ha": "many"})
    assert refused.status_code == 422
    field = html.fromstring(refused.text).xpath("//input[@name='fact.area_ha']/@value")
    assert field == ["many"]  # what was written comes back
    assert (
        desk(app, services, Role.ENFORCEMENT).post("/reforms/books/plots/write", data=PLOT | {"ref": "P-9"}).status_code == 422
    )


def test_actions_of_a_kept_book_are_offered_to_those_who_may(app: FastAPI, services: Services) -> None:
    treasury, officer = desk(app, services, Role.FINANCE), desk(app, services, Role.SUPERVISION)
    assert "/reforms/books/arrears/open_arrears" in treasury.get("/reforms/books/arrears").text
    assert "/reforms/books/arrears/open_arrears" not in officer.get("/reforms/books/arrears").text
    assert treasury.post("/reforms/books/arrears/open_arrears", data={}).status_code == 303
    assert "2021" in Client(app).get("/reforms/books/arrears").text
    assert officer.post("/reforms/books/arrears/open_arrears", data={}).status_code == 422
    early = treasury.post("/reforms/books/policy_payouts/pay_month", data={"fact.month": "2099-01-01"})
    assert early.status_code == 422


def test_the_same_over_the_api(app: FastAPI, services: Services) -> None:
    finance = desk(app, services, Role.FINANCE)
    finance.headers["accept"] = "application/json"
    shown = finance.get("/api/v1/companion/books").json()["items"]
    assert {one["book"] for one in shown} == set(books.books())
    done = finance.post("/api/v1/companion/books/arrears/actions", json={"action": "open_arrears"})
    assert {one["ref"] for one in done.json()["items"]} == {"2019", "2020", "2021"}
    row = {"year": 2021, "payments": 4, "amount_fen": 112_000_000, "state": "paid"}
    answer = finance.post("/api/v1/companion/books/arrears", json={"ref": "2021", "values": row})
    assert (answer.status_code, answer.json()["edition"]) == (200, 2)
    wrong = finance.post("/api/v1/companion/books/arrears/actions", json={"action": "pay_month"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "books.unknown_action")
    bad = finance.post("/api/v1/companion/books/arrears", json={"ref": "2021", "values": row | {"state": "lost"}})
    assert bad.status_code in (400, 422)


def test_ticks_of_a_list_are_taken_and_come_back(app: FastAPI, services: Services) -> None:
    office = desk(app, services, Role.LEGAL)
    form = {
        "ref": "S-1",
        "fact.partners": ["customs", "police"],
        "fact.about": "late reports",
        "fact.in_force_from": "not a day",
    }
    refused = office.post("/reforms/books/shared_standards/write", data=form)
    assert refused.status_code == 422
    ticked = html.fromstring(refused.text).xpath("//input[@name='fact.partners'][@checked]/@value")
    assert ticked == ["customs", "police"]
    assert (
        office.post("/reforms/books/shared_standards/write", data=form | {"fact.in_force_from": "2026-01-01"}).status_code
        == 303
    )
    assert "海关" in office.get("/reforms/books/shared_standards").text
