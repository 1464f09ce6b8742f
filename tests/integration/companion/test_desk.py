"""The desks in the browser's terms: a firm applies and is read only by itself, officers act, lists are public."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from lxml import html

from console.app import create_app
from console.wiring import Area
from core import accounts
from core.auth import Principal, Role
from core.context import Services
from tests.integration.companion.kit import FIRM
from tests.integration.console.client import Client

KEY = "network_freight_licence"
PDF = b"%PDF-1.7 a paper"
DAY = "2026-03-02"


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services)


def signed_in(app: FastAPI, services: Services, role: Role, firm: str = FIRM) -> Client:
    """A page session, as a browser has it."""
    scope = f"firm:{firm}" if role is Role.APPLICANT else None
    opened = accounts.open_session(services, Principal(f"u-{role.value}", role, role.value, scope))
    client = Client(app)
    client.cookies.set("yunjian_session", opened.token)
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/reforms/desk").text)
    assert found is not None
    client.headers["x-csrf-token"] = found.group(1)
    return client


def applied(client: Client, services: Services) -> str:
    page = html.fromstring(client.get(f"/reforms/procedures/{KEY}/apply").text)
    papers = [name for name in page.xpath("//input[@type='hidden']/@name") if name.startswith("doc.")]
    assert len(papers) == 4
    kept = client.post("/api/v1/companion/papers", files={"file": ("a.pdf", PDF)}).json()
    form = dict.fromkeys(papers, kept["sha256"]) | {"fact.assessment_level": "3", "commitment": "on"}
    answer = client.post(f"/reforms/procedures/{KEY}/apply", data=form)
    assert answer.status_code == 303, answer.text[:400]
    return answer.headers["location"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_public_pages_need_no_account(app: FastAPI, lang: str) -> None:
    client = Client(app)
    client.cookies.set("yunjian_lang", lang)
    listed = html.fromstring(client.get("/reforms").text)
    hrefs = listed.xpath("//a[contains(@href, '/reforms/procedures/')]/@href")
    assert f"/reforms/procedures/{KEY}" in hrefs
    for href in (*hrefs, "/reforms/lists"):
        answer = client.get(href)
        assert answer.status_code == 200, href
        ids = html.fromstring(answer.text).xpath("//@id")
        assert len(ids) == len(set(ids)), href
    assert client.get("/reforms/desk", headers={"accept": "application/json"}).status_code == 401


def test_a_firm_applies_an_officer_revokes_the_firm_objects(app: FastAPI, services: Services) -> None:
    firm = signed_in(app, services, Role.APPLICANT)
    page = applied(firm, services)
    shown = firm.get(page).text
    assert "承诺后准予" in shown
    officer = signed_in(app, services, Role.SUPERVISION)
    found = officer.post(f"{page}/take", data={"step": "find_false", "fact.found_on": "2026-03-02", "fact.finding": "no staff"})
    assert found.status_code == 303
    approval = signed_in(app, services, Role.APPROVAL)
    assert "虚假承诺或严重不实" in approval.get("/reforms/desk").text
    refused = approval.post(f"{page}/confirm", data={"proposal": "p1", "reason": ""})
    assert refused.status_code in {400, 422}
    ordered = approval.post(f"{page}/confirm", data={"proposal": "p1", "reason": "staff never existed"})
    assert ordered.status_code == 303, ordered.text[:300]
    assert "已撤销" in firm.get(page).text
    objected = firm.post(f"{page}/object", data={"effect": "e1", "reason": "the staff was on leave"})
    assert objected.status_code == 303, objected.text[:300]
    legal = signed_in(app, services, Role.LEGAL)
    assert "异议" in legal.get("/reforms/desk").text
    assert legal.get(page).status_code == 200


def test_another_firm_sees_nothing_of_it(app: FastAPI, services: Services) -> None:
    page = applied(signed_in(app, services, Role.APPLICANT), services)
    other = signed_in(app, services, Role.APPLICANT, "OTHER-FIRM")
    assert other.get(page).status_code == 403
    assert other.get(page.replace("/reforms/cases/", "/api/v1/companion/cases/")).status_code == 403
    assert page.rsplit("/", 1)[-1] not in other.get("/reforms/desk").text
    paper = page.replace("/reforms/cases/", "/api/v1/companion/cases/") + "/papers/level_3_assessment_report"
    assert other.get(paper).status_code == 403


def test_a_paper_comes_back_as_it_was(app: FastAPI, services: Services) -> None:
    firm = signed_in(app, services, Role.APPLICANT)
    page = applied(firm, services)
    paper = page.replace("/reforms/cases/", "/api/v1/companion/cases/") + "/papers/level_3_assessment_report"
    assert firm.get(paper).content == PDF
    assert firm.post("/api/v1/companion/papers", files={"file": ("x.html", b"<script>")}).status_code in (400, 422)


def test_what_is_missing_is_said_with_its_clause(app: FastAPI, services: Services) -> None:
    firm = signed_in(app, services, Role.APPLICANT)
    answer = firm.post(f"/reforms/procedures/{KEY}/apply", data={"fact.assessment_level": "2"})
    assert answer.status_code == 422
    assert "平台系统须通过三级等保测评" in answer.text
    assert "告知承诺书未签署" in answer.text
    bad = firm.post(f"/reforms/procedures/{KEY}/apply", data={"fact.assessment_level": "three"})
    assert bad.status_code in (400, 422)


def test_a_firm_cannot_answer_for_a_register(app: FastAPI, services: Services) -> None:
    body = {"subject": FIRM, "document": "enterprise_certificates", "answer": "valid", "source": "platform"}
    assert signed_in(app, services, Role.APPLICANT).post("/api/v1/companion/registers", json=body).status_code == 403
    assert signed_in(app, services, Role.WINDOW).post("/api/v1/companion/registers", json=body).status_code == 200


def test_the_reforms_service_alone_has_nothing_of_the_vessel_side(services: Services) -> None:
    client = Client(create_app(services, area=Area.REFORMS))
    assert client.get("/reforms").status_code == 200
    assert client.get("/healthz").status_code == 200
    for elsewhere in ("/queue", "/map", "/cases", "/api/v1/ais/ships", "/api/v1/inspection/cases"):
        assert client.get(elsewhere, headers={"accept": "application/json"}).status_code in {401, 403, 404}, elsewhere
    supervisor = accounts.open_session(services, Principal("s", Role.SUPERVISOR, "s")).token
    client.headers["authorization"] = f"Bearer {supervisor}"
    assert client.get("/api/v1/inspection/cases").status_code == 404
