"""Every route against every role: a route without a row, or a row without a route, fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI

from console import access
from console.app import create_app
from core.auth import Role
from core.context import Services
from tests.integration.console.client import Client
from tests.integration.console.conftest import Opened

TABLE = access.load()


def routes_of(routes: list, prefix: str = "") -> Iterator[str]:
    for route in routes:
        nested = getattr(route, "original_router", None)
        if nested is not None:
            yield from routes_of(nested.routes, prefix + route.include_context.prefix)
            continue
        methods = getattr(route, "methods", None)
        if methods is None and type(route).__name__ == "Mount":
            yield f"GET {prefix}{route.path}/{{path:path}}"
        elif methods is None:
            yield f"WS {prefix}{route.path}"
        else:
            found = set(methods)
            if "GET" in found:
                found.discard("HEAD")  # Starlette adds it; the gate looks it up as GET
            yield from (f"{method} {prefix}{route.path}" for method in found)


def test_every_route_has_a_row_and_every_row_a_route(app: FastAPI) -> None:
    routes = set(routes_of(app.router.routes))
    rows = {row.key for row in TABLE.rows}
    assert sorted(routes - rows) == [], "routes that nobody may call: give them a row in config/access"
    assert sorted(rows - routes) == [], "rows whose route is gone"


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: {"lang": "zh", "palette": "day"}.get(found[1], "x"), path)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_reaches_its_rows_and_no_other(role: Role, opened: Opened) -> None:
    wrong = []
    client = opened(role)
    client.headers["accept"] = "application/json"
    for row in TABLE.rows:
        if row.method == "WS" or not row.roles or row.key == "POST /logout":
            continue
        answer = client.request(row.method, filled(row.path))
        code = answer.json().get("code") if answer.headers["content-type"] == "application/problem+json" else None
        refused = code in {"console.role", "console.login_needed"}
        if refused == (role in row.roles):
            wrong.append(f"{row.key}: {answer.status_code} {code}")
    assert wrong == []


def test_without_a_session_only_public_rows_answer(client: Client) -> None:
    for row in TABLE.rows:
        if row.method == "WS" or row.token is not None:
            continue
        answer = client.request(row.method, filled(row.path))
        code = answer.json().get("code") if answer.headers.get("content-type") == "application/problem+json" else None
        assert (code == "console.login_needed") != row.public, f"{row.key}: {answer.status_code} {code}"


def test_a_seat_route_wants_its_own_token(client: Client, opened: Opened) -> None:
    """A console session is no seat: the route itself refuses."""
    supervisor = opened(Role.SUPERVISOR)
    for row in TABLE.rows:
        if row.token is None or row.method in {"WS", "OPTIONS"}:
            continue
        for asker in (client, supervisor):
            answer = asker.request(row.method, filled(row.path))
            assert answer.status_code in {401, 403, 404, 405, 412, 422}, f"{row.key}: {answer.status_code}"


def test_a_route_without_a_row_is_denied(services: Services) -> None:
    router = APIRouter()

    @router.get("/forgotten")
    def forgotten() -> str:
        return "secret"

    client = Client(create_app(services, extra_routers=[router]))
    answer = client.get("/forgotten")
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_an_unknown_method_names_the_right_ones(client: Client) -> None:
    answer = client.request("DELETE", "/login")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


def test_head_is_answered_like_get(client: Client) -> None:
    assert client.request("HEAD", "/static/console.css").status_code == 200
    assert client.request("HEAD", "/queue").status_code == 401
