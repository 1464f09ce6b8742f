"""The benefits page: claimed figures with their source in both languages, an empty period said so, only for the authority."""

from __future__ import annotations

import pytest

from core.auth import Role
from tests.integration.console.conftest import Opened


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_claimed_stands_apart_and_an_empty_period_says_so(opened: Opened, lang: str) -> None:
    client = opened(Role.SUPERVISOR)
    client.cookies.set("yunjian_lang", lang)
    page = client.get("/benefits?start=2020-01-01&end=2020-12-31")
    assert page.status_code == 200
    for said in {
        "zh": ("10\u2009000\u2009000 元", "营口海事", "本期没有签发的报告"),
        "en": ("10\u2009000\u2009000 CNY", "Yingkou", "No report was issued"),
    }[lang]:
        assert said in page.text
    assert client.get("/benefits?start=2021-01-01&end=2020-12-31").status_code == 422
    table = client.get("/benefits.csv?start=2020-01-01&end=2020-12-31")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.lstrip("\ufeff").startswith("number,ship,simulated,")


def test_who_may_see_it(opened: Opened) -> None:
    assert opened(Role.COMPANY_STAFF).get("/benefits").status_code == 403
    assert opened(Role.AUDITOR).get("/benefits").status_code == 200
