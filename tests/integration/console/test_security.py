"""What a browser, a stranger and a thief of a session meet: policy, CSRF, sessions, open redirects, size."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest

from console.sessions import PLAIN_COOKIE, SECURE_COOKIE
from core import accounts
from core.auth import Role
from core.clock import ManualClock
from core.context import Services
from inspection.record import CaseRecord
from tests.integration.console.client import Client
from tests.integration.console.conftest import PASSWORD, Opened

PAGES = ["/login", "/queue", "/map", "/cases", "/journal", "/account", "/docs", "/nothing"]


def test_every_page_carries_the_policy(opened: Opened) -> None:
    client = opened(Role.SUPERVISOR)
    for page in PAGES:
        answer = client.get(page)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, page
        assert "unsafe" not in policy, page
        assert "http" not in policy, page
        assert answer.headers["x-content-type-options"] == "nosniff", page
        assert answer.headers["cache-control"] == "no-store", page


def log_in(client: Client, login: str, password: str = PASSWORD, target: str = "/") -> int:
    client.headers = {"accept": "text/html"}
    return client.post("/login", data={"login": login, "password": password, "next": target}).status_code


def test_login_logout(client: Client, account: Callable[[Role], str]) -> None:
    assert log_in(client, account(Role.INSPECTOR)) == 303
    page = client.get("/queue")
    assert page.status_code == 200
    token = client.cookies[PLAIN_COOKIE]
    assert client.post("/logout", data={"csrf_token": accounts.csrf_token(token)}).status_code == 303
    client.cookies.set(PLAIN_COOKIE, token)
    assert client.get("/queue").status_code == 303, "the token is dead on the server, not only forgotten by the browser"


def test_wrong_password_says_nothing_about_the_name(client: Client, account: Callable[[Role], str]) -> None:
    known = account(Role.INSPECTOR)
    client.headers = {"accept": "text/html"}
    bodies = [client.post("/login", data={"login": name, "password": "wrong password"}).text for name in (known, "nobody")]
    assert bodies[0] == bodies[1]
    assert PLAIN_COOKIE not in client.cookies


def test_a_planted_session_does_not_survive_the_login(
    client: Client, services: Services, account: Callable[[Role], str]
) -> None:
    """Session fixation: the token that was there before is another one afterwards, and dead."""
    stranger = accounts.open_session(services, accounts.Principal("x", Role.CREW_GUEST, "x", "inspection:other")).token
    client.cookies.set(PLAIN_COOKIE, stranger, domain="127.0.0.1")
    assert log_in(client, account(Role.INSPECTOR)) == 303
    now = {cookie.value for cookie in client.cookies.jar if cookie.name == PLAIN_COOKIE}
    assert stranger not in now
    assert accounts.principal_of(services, stranger) is None


def test_a_session_ends_by_time(opened: Opened, clock: ManualClock, services: Services) -> None:
    client = opened(Role.INSPECTOR)
    assert client.get("/cases").status_code == 200
    clock.advance(services.settings.web.session_hours * 3600 + 1)
    assert client.get("/cases").headers["location"] == "/login?next=/cases"
    assert client.get("/api/v1/inspection/cases", headers={"accept": "application/json"}).status_code == 401


def test_cookie_flags(client: Client, account: Callable[[Role], str]) -> None:
    login = account(Role.INSPECTOR)
    plain = client.post("/login", data={"login": login, "password": PASSWORD}).headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    client.base = "https://127.0.0.1:8000"
    secure = client.post("/login", data={"login": login, "password": PASSWORD})
    assert SECURE_COOKIE in secure.headers["set-cookie"]
    assert "Secure" in secure.headers["set-cookie"]
    assert "strict-transport-security" in secure.headers


def test_login_never_sends_people_elsewhere(client: Client, account: Callable[[Role], str]) -> None:
    data = {"login": account(Role.INSPECTOR), "password": PASSWORD}
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "/a\nb"):
        answer = client.post("/login", data={**data, "next": target})
        assert (answer.status_code, answer.headers["location"]) == (303, "/queue"), target
        switched = client.get("/language/en", params={"next": target})
        assert switched.headers["location"] == "/", target


def test_unsafe_calls_need_the_csrf_token(opened: Opened) -> None:
    client = opened(Role.SUPERVISOR)
    path, order = "/api/v1/inspection/cases/x/approve", {"accept": "application/json"}
    right = client.headers.pop("x-csrf-token")
    for given in ({}, {"x-csrf-token": "0" * 64}, {"x-csrf-token": right, "origin": "https://evil.example"},
                  {"x-csrf-token": right, "sec-fetch-site": "cross-site"}):  # fmt: skip
        answer = client.post(path, headers={**order, **given})
        assert (answer.status_code, answer.json()["code"]) == (403, "console.csrf")
    assert client.post(path, headers={**order, "x-csrf-token": right}).json()["code"] != "console.csrf"
    assert client.post("/logout", data={"csrf_token": "wrong"}).status_code == 403
    assert client.post("/logout", data={"csrf_token": right}).status_code == 303


def test_a_bearer_token_needs_no_csrf(client: Client, services: Services) -> None:
    token = accounts.open_session(services, accounts.Principal("u", Role.SUPERVISOR, "u")).token
    answer = client.post("/api/v1/inspection/cases/x/approve", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 404
    assert answer.json()["code"] != "console.csrf"


def test_another_site_cannot_log_a_person_in(client: Client, account: Callable[[Role], str]) -> None:
    data = {"login": account(Role.INSPECTOR), "password": PASSWORD}
    assert client.post("/login", data=data, headers={"origin": "https://evil.example"}).status_code == 403


def test_a_body_above_the_limit_is_refused_unread(opened: Opened, services: Services) -> None:
    client = opened(Role.INSPECTOR)
    big = b"x" * (services.settings.web.max_body_mb * 1_000_000 + 1)
    answer = client.post(
        "/api/v1/inspection/cases/x/deficiencies", content=big, headers={"content-type": "application/json", "accept": ""}
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == "console.too_large"


def test_problem_json(client: Client) -> None:
    answer = client.get("/api/v1/ais/ships?lang=en")
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code", "title_zh", "title_en", "next_zh", "next_en"}
    assert (body["status"], body["title"]) == (401, body["title_en"])
    assert client.get("/api/v1/ais/ships?lang=zh").json()["title"] == body["title_zh"]


def test_metrics_are_not_for_strangers(app: object, services: Services, client: Client) -> None:
    assert b"yunjian_http_requests_total" in client.get("/metrics").content
    far = Client(app, address="203.0.113.5")
    assert far.get("/metrics").status_code == 403
    assert far.get("/healthz").json()["status"] == "ok"


def test_evidence_is_guarded_and_inert(opened: Opened, golden: CaseRecord) -> None:
    inspector, auditor = opened(Role.INSPECTOR), opened(Role.AUDITOR)
    for envelope in golden.evidence:
        answer = inspector.get(f"/cases/{golden.id}/evidence/{envelope.id}")
        assert answer.status_code == 200
        assert len(answer.content) == envelope.size
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        shown = envelope.media_type in {"image/jpeg", "video/mp4", "text/plain"}
        assert answer.headers["content-disposition"].startswith("inline" if shown else "attachment")
        assert inspector.get(f"/cases/other/evidence/{envelope.id}").status_code == 404
    photo = next(one for one in golden.evidence if one.kind == "drone_photo")
    base = f"/cases/{golden.id}/evidence/{photo.id}"
    assert auditor.get(base + "?download=1").headers["content-disposition"].startswith("attachment")
    assert inspector.get(base, headers={"range": "bytes=0-9"}).status_code == 206
    assert inspector.get(base + "?thumb=1").headers["content-type"] == "image/jpeg"
    text = next(one for one in golden.evidence if one.media_type == "text/plain")
    assert inspector.get(f"/cases/{golden.id}/evidence/{text.id}?thumb=1").status_code == 404


@pytest.mark.parametrize("role", [Role.CREW_GUEST, Role.COMPANY_STAFF, Role.CLASS_SURVEYOR])
def test_guests_see_their_own_inspection_only(role: Role, opened: Opened, golden: CaseRecord) -> None:
    client = opened(role)
    assert client.get("/").headers["location"] == f"/cases/{golden.id}"
    assert client.get(f"/cases/{golden.id}").status_code == 200
    assert client.get("/cases/01940000-0000-7000-8000-00000000ffff").status_code == 403
    assert client.get(f"/cases/x/evidence/{golden.evidence[0].id}").status_code == 403


def test_a_fault_inside_is_said_without_a_trace(opened: Opened, services: Services) -> None:
    client = opened(Role.SUPERVISOR)
    with services.db.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE core_journal RENAME TO core_journal_gone")
    answer = client.get("/journal")
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert "core_journal" not in answer.text


def test_an_archive_in_place_of_a_form_is_no_crash(opened: Opened) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    client = opened(Role.INSPECTOR)
    del client.headers["x-csrf-token"]
    assert client.post("/logout", content=target.getvalue(), headers=headers).status_code == 403
