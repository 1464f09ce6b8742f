"""The inspector's desk in real Chromium, by keyboard alone: answers, findings, a deficiency, submit; then the other person approves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import console.wiring  # noqa: F401  # brings every folder's tables
from config import load_settings
from console.app import create_app
from console.services import open_services
from core import accounts
from core.auth import Role
from core.db import Base
from inspection import add_findings
from inspection.record import CaseRecord
from reports import bundles_of, demo_ca_path, verify
from tests.integration.console.conftest import PASSWORD
from tests.integration.console.test_browser import browser
from tests.integration.inspection.conftest import INSPECTOR, Walk
from tests.kit.listening import listening

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # the Chromium of test_browser


class Desk:
    """One case in the middle of its check, served by the real application."""

    def __init__(self, walk: Walk, url: str) -> None:
        self.walk, self.url = walk, url

    def record(self) -> CaseRecord:
        found: CaseRecord = self.walk.record()
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_services(load_settings({"data_dir": str(tmp_path / "var")}, environ={})) as services:
        Base.metadata.create_all(services.db.engine)
        walk = Walk(services, tmp_path).to_session()
        photos = walk.with_survey()
        add_findings(services, INSPECTOR, walk.id, [walk.finding(photo, n) for n, photo in enumerate(photos)])
        for login, role in (("inspector", Role.INSPECTOR), ("supervisor", Role.SUPERVISOR)):
            accounts.create_account(services, login=login, name=login, role=role, password=PASSWORD, actor="test")
        with listening(create_app(services), lifespan="off") as url:
            yield Desk(walk, url)


def signed_in(browser: Browser, desk: Desk, login: str, wrong: list[str]) -> Page:
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{desk.url}/login?lang=en")
    page.keyboard.type(login)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue")
    page.goto(f"{desk.url}/cases/{desk.walk.id}/work")
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def sign_one_after_the_other(desk: Desk, page: Page, other: Page) -> None:
    """Inspector, then supervisor, with demonstration keys; then the report is issued and its bundle holds."""
    expect(other.locator("#work-sign")).to_contain_text("The inspector signs first")
    expect(other.locator("#sign-form")).to_have_count(0)
    for who, turn in ((page, "inspector"), (other, "supervisor")):
        who.reload()
        who.locator("#sign-form input[name=demo]").check()
        press(who, "Tab", "Enter")
        expect(who.locator("#notice")).to_have_text("Saved", timeout=60_000)
        assert len(bundles_of(desk.walk.services, desk.walk.id)) == (turn == "supervisor")
    press(other, "Escape", "s")
    expect(other.locator(".work-state")).to_contain_text("Issued")
    built = bundles_of(desk.walk.services, desk.walk.id)[0]
    checked = verify.check(Path(built.zip_path), str(demo_ca_path(desk.walk.services.settings)))
    assert (checked.exit_status, checked.demo) == (0, True)


def the_report_finds_its_moment(desk: Desk, other: Page, finding_id: str) -> None:
    other.goto(f"{desk.url}/cases/{desk.walk.id}/replay#finding-{finding_id}")  # the report's sentence finds its moment
    expect(other.locator("#replay-title")).to_contain_text("corrosion")
    expect(other.locator("#replay-detail")).to_contain_text("Confirmed")
    press(other, "0", "j")
    expect(other.locator("#replay-rows [aria-selected=true]")).to_have_count(1)


def test_a_whole_check_by_keyboard_and_the_second_person(desk: Desk, browser: Browser) -> None:
    wrong: list[str] = []
    page = signed_in(browser, desk, "inspector", wrong)

    press(page, "1")  # satisfactory without the evidence that the checklist asks for: refused, and said
    expect(page.locator("#notice")).to_contain_text("evidence")
    press(page, "n")
    page.keyboard.type("master shows it in the call")
    page.reload()
    expect(page.locator(".work-card:visible textarea")).to_have_value("master shows it in the call")  # typed text is not lost
    press(page, "2")
    expect(page.locator("#notice")).to_have_text("Saved")
    first = desk.record().checklist
    assert first is not None
    answer = first.items[0].answer
    assert answer is not None
    assert (answer.value, answer.note) == ("deficient", "master shows it in the call")

    press(page, "f", "a")
    expect(page.locator("#tab-findings .count")).to_have_text("2")
    press(page, "r")
    expect(page.locator("#tab-findings .count")).to_have_text("1")
    press(page, "a")
    expect(page.locator("#tab-findings .count")).to_have_text("0")
    assert sorted(one.state for one in desk.record().findings) == ["confirmed", "confirmed", "rejected"]

    confirmed = page.locator(".work-rows:visible .work-row", has_text="Confirmed").first
    confirmed.focus()
    press(page, "Enter", "w")
    page.keyboard.type("SOLAS I/11: the condition of the hull shall be maintained")
    press(page, "Tab")
    page.keyboard.type("corrosion through the coating, starboard side")
    press(page, "Control+Enter")
    expect(page.locator("#tab-deficiencies .count")).to_have_text("1")
    (written,) = desk.record().deficiencies
    assert written.why == "corrosion through the coating, starboard side"
    assert written.finding_id is not None
    assert not written.ground_for_detention

    press(page, "Escape", "?")
    sheet = page.locator("#key-sheet")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("End the check")
    press(page, "Escape", "s")
    expect(page.locator(".work-state")).to_contain_text("Drafting")
    press(page, "s")
    expect(page.locator(".work-state")).to_contain_text("Under review")
    expect(page.locator("button[data-step=approve]")).to_have_count(0)  # one person cannot do both

    other = signed_in(browser, desk, "supervisor", wrong)
    press(other, "s")
    expect(other.locator(".work-state")).to_contain_text("Approved")
    assert [one.action for one in desk.record().decisions][-3:] == ["end_session", "submit", "approve"]

    sign_one_after_the_other(desk, page, other)

    the_report_finds_its_moment(desk, other, written.finding_id)
    assert wrong == []


def test_a_step_that_needs_a_reason_asks_for_it(desk: Desk, browser: Browser) -> None:
    wrong: list[str] = []
    page = signed_in(browser, desk, "inspector", wrong)
    press(page, "x")
    page.locator(".menu-sheet button", has_text="Suspend").focus()
    press(page, "Enter")
    expect(page.locator("#reason-box")).to_be_visible()
    page.keyboard.type("the link is too weak below deck")
    press(page, "Tab", "Tab", "Enter")
    expect(page.locator(".work-state")).to_contain_text("Suspended")
    assert desk.record().decisions[-1].reason == "the link is too weak below deck"
    assert wrong == []
