"""The HTTP side: principals, scope, four eyes on user ids, Idempotency-Key."""

import asyncio
import tomllib

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from config import pack_path
from core.auth import Principal, Role
from core.errors import YunJianError
from inspection.api import build_router
from tests.integration.inspection.conftest import INSPECTOR

BASE = "/api/v1/inspection"


class Client:
    """Calls the app in this process, one request at a time."""

    def __init__(self, app):
        self.app = app

    def call(self, method, url, **more):
        async def send():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test") as client:
                return await client.request(method, url, **more)

        return asyncio.run(send())

    def get(self, url, **more):
        return self.call("GET", url, **more)

    def post(self, url, **more):
        return self.call("POST", url, **more)


@pytest.fixture
def app(services):
    app = FastAPI()
    app.include_router(build_router(services))

    @app.middleware("http")
    async def sign_in(request: Request, call_next):
        user, _, role = request.headers.get("x-who", "").partition("/")
        if role:
            role, _, scope = role.partition("@")
            request.state.principal = Principal(user, Role(role), "-", scope or None)
        return await call_next(request)

    @app.exception_handler(YunJianError)
    async def tell(_: Request, error: YunJianError):
        return JSONResponse({"code": error.code}, error.http_status)

    return app


@pytest.fixture
def client(app):
    return Client(app)


def who(user, role, **more):
    return {"x-who": f"{user}/{role}", **more}


def test_every_route_has_a_row_and_every_row_a_route(app):
    tables = [tomllib.loads(pack_path("access", name).read_text(encoding="utf-8")) for name in ("inspection.toml", "hull.toml")]
    rows = {row for table in tables for row in table if " /api/" in row}
    paths = app.openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert routes == rows


def test_four_eyes_over_http(client, walk):
    walk.to_session().step(INSPECTOR, "end_session")
    url = f"{BASE}/cases/{walk.id}"
    assert client.post(f"{url}/submit", headers=who("u-a", "inspector")).json()["state"] == "under_review"
    refused = client.post(f"{url}/approve", headers=who("u-a", "supervisor"))
    assert (refused.status_code, refused.json()["code"]) == (409, "inspection.guard.another_person")
    assert client.post(f"{url}/approve", headers=who("u-b", "supervisor")).json()["state"] == "approved"
    assert client.post(f"{url}/issue", json={}, headers=who("u-a", "inspector")).json()["state"] == "issued"
    assert client.post(f"{url}/steps/approve", json={}, headers=who("u-b", "supervisor")).status_code == 409


def test_record_list_codes_and_calendar(client, walk):
    walk.to_session()
    record = client.get(f"{BASE}/cases/{walk.id}", headers=who("u", "auditor")).json()
    assert (record["schema"], record["state"]) == ("yunjian.record/1", "in_session")
    page = client.get(f"{BASE}/cases?limit=1", headers=who("u", "auditor")).json()
    assert page["items"][0]["opened_at"] == "2026-11-24T02:00:00.000Z"
    assert client.get(f"{BASE}/cases?cursor={page['next_cursor']}", headers=who("u", "auditor")).json()["items"] == []
    codes = client.get(f"{BASE}/codes/deficiencies", params={"q": "锈蚀"}, headers=who("u", "inspector")).json()
    assert "02112" in [row["code"] for row in codes["items"]]
    assert b"BEGIN:VEVENT" in client.get(f"{BASE}/cases/{walk.id}/invitation.ics", headers=who("u", "inspector")).content
    assert client.get(f"{BASE}/cases/nothing", headers=who("u", "auditor")).status_code == 404


def test_nobody_and_the_guest_of_another_case_are_refused(client, walk):
    url = f"{BASE}/cases/{walk.id}"
    assert client.get(url).status_code == 403
    assert client.get(url, headers=who("g", "crew_guest@inspection:other")).status_code == 403
    assert client.get(url, headers=who("g", f"crew_guest@inspection:{walk.id}")).status_code == 200
    assert client.get(f"{BASE}/cases", headers=who("g", "crew_guest@inspection:other")).json()["items"] == []


def test_content_calls_and_idempotency_key(client, walk):
    walk.to_session()
    photos = walk.with_survey()
    url, me = f"{BASE}/cases/{walk.id}", who("u-a", "inspector", **{"Idempotency-Key": "k"})
    answer = {"value": "needs_attendance"}
    first = client.post(f"{url}/items/YJ-050/answers", json=answer, headers=me).json()
    assert client.post(f"{url}/items/YJ-050/answers", json=answer, headers=me).json() == first
    reused = client.post(f"{url}/items/YJ-050/answers", json={"value": "not_applicable", "note": "n"}, headers=me)
    assert (reused.status_code, reused.json()["code"]) == (409, "inspection.key_reused")
    me = who("u-a", "inspector")
    bound = client.post(f"{url}/items/YJ-001/evidence", json={"evidence_id": photos[0]}, headers=me)
    assert bound.json()["ref"] == photos[0]
    body = {"code": "02112", "standard_not_met": "Shell fit", "why": "Rust seen"}
    ref = client.post(f"{url}/deficiencies", json=body, headers=me).json()["ref"]
    assert client.post(f"{url}/deficiencies", json={**body, "why": ""}, headers=me).status_code == 422
    assert client.post(f"{url}/attendance", json={"reason": "boarded"}, headers=me).status_code == 200
    assert client.post(f"{url}/steps/end_session", json={}, headers=me).json()["state"] == "drafting"
    acted = client.post(f"{url}/deficiencies/{ref}/actions", json={"action_code": "10"}, headers=me)
    assert acted.status_code == 200
    assert walk.record().deficiencies[0].state == "rectified"
    assert client.post(f"{url}/findings/nothing/decision", json={"decision": "confirmed"}, headers=me).status_code == 404
