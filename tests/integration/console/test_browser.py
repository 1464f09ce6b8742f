"""The console in real Chromium: log in, queue, map, inspection; both languages, day and night; no violation, no error."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import ais
import console.wiring  # noqa: F401  # brings every folder's tables
from config import load_settings
from console.app import create_app
from console.queue_source import Queue, QueueShip, Wanted
from console.services import open_services
from console.sources import Sources
from core import accounts, evidence, journal
from core.auth import Role
from core.context import Services
from core.db import Base
from inspection.record import CaseRecord
from tests.integration.console.conftest import GOLDEN, PASSWORD, GoldenSources
from tests.kit.listening import listening

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
SHOTS = os.environ.get("YUNJIAN_TEST_SHOTS")  # a folder: keep what the test saw


@dataclass(frozen=True)
class Site:
    url: str
    record: CaseRecord
    services: Services


class LiveSources(GoldenSources):
    """The golden inspection beside the real ranked list."""

    def queue(self, wanted: Wanted | None = None) -> Queue:
        return Sources.queue(self, wanted)

    def ship(self, key: str) -> QueueShip:
        return Sources.ship(self, key)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("console")
    record = CaseRecord.model_validate(json.loads((GOLDEN / "record.golden.json").read_text(encoding="utf-8")))
    with open_services(load_settings({"data_dir": str(folder / "var")}, environ={})) as services:
        Base.metadata.create_all(services.db.engine)
        scenario = ais.write_scenario(folder / "scenario", 7, datetime.now(UTC) - timedelta(hours=1))
        ais.replay(services, scenario.nmea)
        for file in sorted((folder / "scenario").glob("*.csv")):
            ais.import_register(services, file)
        with services.db.write() as session:
            for envelope in record.evidence:
                evidence.keep(session, envelope)
            journal.append(session, services.clock, stream=record.journal_stream, actor="x", action="open", payload={})
        for envelope in record.evidence:
            services.files.put_path(GOLDEN / "evidence" / envelope.sha256)
        accounts.create_account(
            services, login="supervisor", name="Supervisor", role=Role.SUPERVISOR, password=PASSWORD, actor="test"
        )
        app = create_app(services, sources=LiveSources(services, record))
        with listening(app, lifespan="off") as url:
            yield Site(url, record, services)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as kit:
        made = kit.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


class Visit:
    """A page that remembers everything that went wrong on it."""

    def __init__(self, browser: Browser, site: Site, width: int = 1366, height: int = 768) -> None:
        self.site = site
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type in {"error", "warning"} else None)
        self.page.on(
            "response", lambda answer: self.wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        )

    def log_in(self) -> None:
        self.page.goto(f"{self.site.url}/login")
        self.page.fill("input[name=login]", "supervisor")
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url("**/queue")

    def keep(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


@pytest.mark.parametrize(("lang", "palette"), [("zh", "day"), ("en", "night")])
def test_the_story(lang: str, palette: str, browser: Browser, site: Site) -> None:
    visit = Visit(browser, site)
    page = visit.page
    page.goto(f"{site.url}/login?lang={lang}")
    visit.log_in()
    page.click("#palette-menu summary")
    page.click(f"[data-palette={palette}]")
    assert page.get_attribute("html", "data-obc-theme") == palette

    first = page.text_content("#detail h2")
    page.keyboard.press("j")
    expect(page.locator("#detail h2")).not_to_have_text(first or "")
    page.wait_for_selector("#queue tr[aria-selected=true]")
    assert page.locator("#detail .criteria tbody tr").count() >= 5
    page.fill("#queue-search", "no such ship")
    page.wait_for_selector("#queue-nothing:not([hidden])")
    visit.keep(f"queue-{lang}-{palette}")

    page.goto(f"{site.url}/map")
    assert page.get_attribute("html", "data-obc-theme") == palette, "the palette is remembered"
    page.wait_for_selector("#ships tbody tr")
    page.wait_for_selector('#map canvas[data-vessels]:not([data-vessels="0"])')
    painted = page.evaluate(
        """() => {
          const canvas = document.querySelector('#map canvas');
          const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          const seen = new Set();
          for (let i = 0; i < pixels.length; i += 64) seen.add(pixels[i] + ',' + pixels[i + 1] + ',' + pixels[i + 2]);
          return seen.size;
        }"""
    )
    assert painted > 5, "sea, land, grid, ships"
    page.click("#ships tbody tr:first-child button")
    page.wait_for_selector("#ship-card:not([hidden])")
    visit.keep(f"map-{lang}-{palette}")

    page.goto(f"{site.url}/cases")
    page.click("a.row-link >> nth=0")
    page.wait_for_selector("h1")
    assert page.text_content("h1") == site.record.ship.name
    page.click('.case-index a[href="#hull"]')
    page.wait_for_selector(".hull-map .mark")
    page.click(".thumbs a >> nth=0", modifiers=["Control"])  # the original opens; the page stays
    visit.keep(f"case-{lang}-{palette}")
    broken = page.evaluate(
        "() => Promise.all([...document.images].map((one) => (one.loading = 'eager', one.decode().then(() => null, () => one.src)))).then((all) => all.filter(Boolean))"
    )
    assert broken == []

    page.goto(f"{site.url}/journal/{site.record.journal_stream}")
    page.wait_for_selector(".tag-ok")
    page.goto(f"{site.url}/docs")
    page.wait_for_selector(".opblock")
    visit.keep(f"docs-{lang}-{palette}")
    # The recording of the golden record is 56 bytes of header, no film: a browser may say so.
    assert [one for one in visit.wrong if "recording" not in one] == []
    visit.context.close()


@pytest.mark.parametrize(("width", "height"), [(2560, 1440), (1366, 768), (820, 1180)])
def test_no_page_is_wider_than_its_window(width: int, height: int, browser: Browser, site: Site) -> None:
    visit = Visit(browser, site, width, height)
    visit.log_in()
    for path in ("/queue", "/map", "/cases", f"/cases/{site.record.id}", "/journal", "/account"):
        visit.page.goto(site.url + path)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, path
        if width > 900:
            assert visit.page.evaluate("document.documentElement.scrollHeight") <= height, f"{path}: the window itself scrolls"
    visit.context.close()


def test_a_session_that_ended_is_said_and_the_page_stays(browser: Browser, site: Site) -> None:
    visit = Visit(browser, site)
    visit.log_in()
    visit.page.goto(f"{site.url}/map?lang=en")
    visit.page.wait_for_selector("#ships tbody tr")
    visit.page.fill("#ships-search", "typed before")
    elsewhere = visit.context.new_page()  # logging out in another tab ends the session on the server
    elsewhere.goto(f"{site.url}/account?lang=en")
    elsewhere.click(".menu .bar-user")
    elsewhere.click("form[action='/logout'] button")
    elsewhere.wait_for_url("**/login*")
    visit.page.wait_for_selector("#notice:not([hidden])", timeout=15_000)
    assert "session has ended" in (visit.page.text_content("#notice") or "")
    assert visit.page.input_value("#ships-search") == "typed before"
    visit.context.close()
