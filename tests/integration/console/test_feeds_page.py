"""The feeds page shows each source with its health and ledger in both languages; what is wrong is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ais.store import Feed, Health, save_feed
from core.auth import Role
from core.context import Services
from tests.integration.console.conftest import Opened


def feeds(services: Services) -> list[Feed]:
    now = services.clock.now()
    ledger = {
        "read_bytes": 1_000_000, "read_lines": 12_345, "sentences": 12_345, "messages": 12_300, "fragments_used": 12_335,
        "rejected": {"bad_checksum": 7, "fragment_incomplete": 3}, "ignored_non_ais": 0,
    }  # fmt: skip
    well = Health("up", None, 3, 61.5, 0.4, 0, 0, 2, 0, now)
    one = Feed("north", now - timedelta(hours=2), None, 0, 321, 0, ledger, well)
    failed = replace(well, condition="waiting", fault="[Errno 111] Connection refused", messages_per_s=0.0)
    old = Feed("2026-11-23.nmea", now - timedelta(days=1), now - timedelta(hours=20), 0, 0, 0, ledger)
    return [one, replace(one, source="south", health=failed), old]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_became_of_each_source(services: Services, opened: Opened, lang: str) -> None:
    services.db.create_ais_tables()
    client = opened(Role.INSPECTOR)
    client.cookies.set("yunjian_lang", lang)
    empty = client.get("/feeds")
    assert empty.status_code == 200
    assert {"zh": "还没有收到任何数据", "en": "Nothing was received yet"}[lang] in empty.text
    with services.db.ais_write() as session:
        for feed in feeds(services):
            save_feed(session, feed)
    for address in ("/feeds", "/feeds/table"):
        page = client.get(address)
        assert page.status_code == 200
        for shown in ("north", "61.5", "12,300", "0.08 %", "Connection refused", "2026-11-23.nmea", "321", "+0.4"):
            assert shown in page.text, shown
        for said in {
            "zh": ("校验和错误", "分段不全", "中断", "已结束"),
            "en": ("Wrong checksum", "Fragments missing", "Down", "Ended"),
        }[lang]:
            assert said in page.text
    assert "<html" not in client.get("/feeds/table").text


def test_who_may_see_it(services: Services, opened: Opened) -> None:
    services.db.create_ais_tables()
    assert opened(Role.COMPANY_STAFF).get("/feeds").status_code == 403
    assert opened(Role.ADMIN).get("/feeds").status_code == 200  # the one who mends sources
