"""The company's link: a GET uses nothing up, the first device keeps it, and only its own inspection opens."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI

from console.pages.followup import issue_code
from core.auth import Role
from core.context import Services
from core.ids import new_id
from inspection import followup_rules
from inspection.record import CaseRecord
from tests.integration.console.client import Client
from tests.integration.console.conftest import Opened


def enter(app: FastAPI, code: str) -> tuple[Client, int]:
    client = Client(app)
    assert client.get("/follow-up").status_code == 200
    answer = client.post("/follow-up", data={"code": code})
    return client, answer.status_code


def test_a_link_opens_its_own_inspection_on_one_device(app: FastAPI, services: Services, golden: CaseRecord) -> None:
    code = issue_code(services, golden.id)
    for _ in range(3):  # a link preview
        assert Client(app).get("/follow-up").status_code == 200
    first, status = enter(app, code)
    assert status == 303
    page = first.get(f"/follow-up/{golden.id}")
    assert page.status_code == 200
    assert golden.ship.name in page.text
    assert first.get(f"/follow-up/{new_id()}").status_code in (403, 404)
    for elsewhere in ("/queue", "/deadlines", "/journal", "/map", "/api/v1/inspection/deadlines"):
        assert first.get(elsewhere, headers={"accept": "application/json"}).status_code == 403, elsewhere
    again = first.post("/follow-up", data={"code": code}, headers={"x-csrf-token": token_of(first)})
    assert again.status_code == 303
    _, other = enter(app, code)
    assert other in {403, 409}


def token_of(client: Client) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/account").text)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize("code", ["", "x", "A" * 4000])
def test_a_broken_link_is_refused_with_words(app: FastAPI, code: str) -> None:
    _, status = enter(app, code)
    assert 400 <= status < 500


def test_an_old_link_is_refused(app: FastAPI, services: Services, golden: CaseRecord) -> None:
    code = issue_code(services, golden.id)
    services.clock.sleep(followup_rules().link_days * 86_400.0 + 1)
    _, status = enter(app, code)
    assert 400 <= status < 500


def test_the_link_is_made_only_after_issue(opened: Opened, golden: CaseRecord) -> None:
    client = opened(Role.INSPECTOR)
    answer = client.post("/cases/not-there/follow-up-link", data={"csrf_token": token_of(client)})
    assert answer.status_code == 404
