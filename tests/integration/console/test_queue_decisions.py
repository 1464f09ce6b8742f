"""An officer decides on the queue page: the form keeps a decision, the page shows it, an auditor may not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import ais
from console.app import create_app
from console.sessions import PLAIN_COOKIE
from core import accounts
from core.auth import Principal, Role
from core.context import Services
from tests.integration.console.client import Client


def test_skip_with_a_reason(services: Services, tmp_path: Path) -> None:
    services.db.create_ais_tables()
    scenario = ais.write_scenario(tmp_path, 1, datetime(2026, 11, 24, 1, tzinfo=UTC), services.settings.ais.rule_pack)
    ais.replay(services, scenario.nmea)
    for file in scenario.register_files:
        ais.import_register(services, file)
    app = create_app(services)
    answers = {}
    for role in (Role.AUDITOR, Role.INSPECTOR):
        token = accounts.open_session(services, Principal(role.value, role, role.value)).token
        client = Client(app)
        client.cookies.set(PLAIN_COOKIE, token)
        client.headers["accept"] = "text/html"
        form = {"csrf_token": accounts.csrf_token(token), "key": "2000286", "kind": "skip", "reason": "berth is closed"}
        answers[role] = client.post("/queue/decide", data=form)
        page = client.get("/queue?ship=2000286").text
    assert answers[Role.AUDITOR].status_code == 403
    assert answers[Role.INSPECTOR].status_code == 303
    assert "berth is closed" in page
    assert 'action="/queue/decide"' in page
