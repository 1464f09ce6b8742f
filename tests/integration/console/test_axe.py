"""axe-core on every page, in both languages, in the palette that is hardest on contrast: nothing serious, nothing critical."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser

from console import access
from console.access import Row
from core import accounts
from core.auth import Role
from tests.integration.console.conftest import PASSWORD
from tests.integration.console.test_browser import Site, browser, site

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # Chromium and the served console of test_browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# Whoever of these may see a page looks at it; the first three see most of them.
EYES = ("supervisor", "applicant", "window", "drone_operator", "admin", "bank", "expert", "inspector")
# Not pages of their own: programs, tables and fragments that another page shows, and what needs an identifier.
FRAGMENTS = {"/queue/ship", "/queue/what-if", "/feeds/table", "/healthz", "/metrics", "/openapi.json", "/docs"}
ENDINGS = (".js", ".json", ".csv", ".ics", ".pdf", ".png", ".svg", ".zip", ".yaml", ".geojson", ".txt")


def is_page(row: Row) -> bool:
    path = row.path.replace("{case_id}", "")
    return row.method == "GET" and not path.startswith(("/api/", "/static/")) and "{" not in path and not (
        path in FRAGMENTS or path.endswith(ENDINGS)
    )  # fmt: skip


def eye(row: Row) -> str | None:
    return next((name for name in EYES if row.public or Role(name) in row.roles), None)


@pytest.mark.parametrize(("lang", "palette"), [("zh", "day"), ("en", "dusk")])
def test_nothing_serious_on_any_page(lang: str, palette: str, browser: Browser, site: Site) -> None:
    rows = [row for row in access.load().rows if is_page(row)]
    found: list[str] = []
    looked = 0
    for name in EYES:
        mine = [row.path.replace("{case_id}", site.record.id) for row in rows if eye(row) == name]
        if not mine:
            continue
        with site.services.db.read() as session:
            known = {one.login for one in accounts.accounts(session)}
        if name not in known:
            accounts.create_account(site.services, login=name, name=name, role=Role(name), password=PASSWORD, actor="test")
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.add_cookies([{"name": "yunjian_palette", "value": palette, "url": site.url}])
        page = context.new_page()
        page.goto(f"{site.url}/login?lang={lang}")
        page.fill("input[name=login]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_load_state()
        page.goto(f"{site.url}/language/{lang}?next=/login")
        for path in mine:
            answer = page.goto(site.url + path)
            if answer is None or answer.status >= 400:  # a page of something that this installation has not got
                continue
            looked += 1
            page.evaluate(AXE)
            result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            found += [
                f"{path}: {one['id']}: {one['nodes'][0]['html'][:160]}"
                for one in result["violations"]
                if one["impact"] in {"serious", "critical"}
            ]
        context.close()
    assert found == []
    assert looked >= 25
