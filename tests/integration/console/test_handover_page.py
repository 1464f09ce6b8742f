"""The handover sheet over a real case: under way, then waiting, then a held ship; nothing is said where there is nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from core.auth import Role
from core.context import Services
from inspection import NewDeficiency, add_deficiency, approve, issue, submit_for_review
from inspection.overview_store import appointments
from tests.integration.console.conftest import Opened
from tests.integration.inspection.conftest import INSPECTOR, SUPERVISOR, Walk


@pytest.mark.parametrize(("lang", "title", "none"), [("zh", "交接班", "无"), ("en", "Handover of the shift", "None")])
def test_an_empty_shift_says_so(opened: Opened, lang: str, title: str, none: str) -> None:
    client = opened(Role.INSPECTOR)
    client.cookies.set("yunjian_lang", lang)
    page = client.get("/handover")
    assert page.status_code == 200
    assert title in page.text
    assert page.text.count(f'<p class="panel-note">{none}</p>') == 8
    assert opened(Role.COMPANY_STAFF).get("/handover").status_code == 403


def test_a_relief_finds_what_is_open(opened: Opened, services: Services, tmp_path: Path) -> None:
    client = opened(Role.SUPERVISOR)
    client.cookies.set("yunjian_lang", "en")
    walk = Walk(services, tmp_path).to_session()
    new = NewDeficiency(code="02112", standard_not_met="SOLAS I/11", why="corroded through", action_code="17")
    add_deficiency(services, INSPECTOR, walk.id, new)
    number = walk.record().number
    assert f'href="/cases/{walk.id}">{number}</a>' in client.get("/handover").text  # under way
    walk.step(INSPECTOR, "end_session")
    submit_for_review(services, INSPECTOR, walk.id)
    assert "Under review" in client.get("/handover").text
    approve(services, SUPERVISOR, walk.id)
    issue(services, SUPERVISOR, walk.id)
    held = client.get("/handover").text
    assert "02112" in held
    assert "not moving" in held


def test_appointments_near_now_stand_in_order(services: Services, tmp_path: Path) -> None:
    from inspection import invite, judge_case

    walk = Walk(services, tmp_path)
    judge_case(services, INSPECTOR, walk.id)
    invite(services, INSPECTOR, walk.id, walk.proposal(hours=4))
    now = services.clock.now()
    with services.db.read() as session:
        near = appointments(session, {"invited"}, now, now + timedelta(hours=24))
        far = appointments(session, {"invited"}, now + timedelta(hours=5), now + timedelta(hours=24))
    assert [(head.id, at - now) for head, at in near] == [(walk.id, timedelta(hours=4))]
    assert far == []
