"""The console in real Chromium: a tour of a finished run in both languages, and a call held by two people with two browsers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from core.db import Database
from inspection import list_cases, record
from tests.e2e.conftest import CHROMIUM, FLAGS, FinishedRun, Site, command, environment, serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as kit:
        made = kit.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--autoplay-policy=no-user-gesture-required"])
        yield made
        made.close()


def watched(page: Page) -> list[str]:
    """Every script error, failed policy and console error of a page."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("response", lambda answer: problems.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on(
        "console",
        lambda message: (
            problems.append(message.text) if message.type == "error" and "Failed to load resource" not in message.text else None
        ),
    )
    return problems


def sign_in(page: Page, site: Site, login: str) -> None:
    page.goto(f"{site.url}/login")
    page.fill("input[name=login]", login)
    page.fill("input[type=password]", site.passwords[login])
    page.press("input[type=password]", "Enter")
    page.wait_for_url("**/queue")


def test_a_tour_of_the_finished_inspection(browser: Browser, site: Site, finished_run: FinishedRun, tmp_path: Path):
    context = browser.new_context(viewport={"width": 1366, "height": 768}, accept_downloads=True)
    page = context.new_page()
    problems = watched(page)
    sign_in(page, site, "demo-inspector")
    assert page.locator("tr[data-key]").count() > 10
    page.goto(f"{site.url}/map")
    page.wait_for_selector("canvas")
    for lang, word in (("zh", "船体"), ("en", "Hull")):
        page.goto(f"{site.url}/language/{lang}")
        page.goto(f"{site.url}/cases")
        page.click("a[href^='/cases/']")
        page.wait_for_selector("#hull")
        assert word in page.inner_text("main")
        assert "SIM LIAO RIVER" in page.inner_text("main")
    page.locator("#evidence").scroll_into_view_if_needed()
    page.locator("#calls video").first.scroll_into_view_if_needed()
    length = page.locator("#calls video").first.evaluate(
        "v => new Promise(done => { v.onloadedmetadata = () => done(v.duration); v.load(); })"
    )
    assert length > 5
    broken = page.evaluate(
        "() => Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode().then(() => 0, () => 1); }))"
        ".then(list => list.reduce((a, b) => a + b, 0))"
    )
    assert broken == 0
    with page.expect_download() as coming:
        page.click("#report a[href$='bundle.zip']")
    bundle = tmp_path / "bundle.zip"
    coming.value.save_as(bundle)
    ca = finished_run.data_dir / "keys" / "demo-ca.pem"
    checked = subprocess.run(
        command("verify", str(bundle), "--trust", str(ca)), env=environment(tmp_path / "x"), capture_output=True, text=True, check=False
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert problems == []
    context.close()


@pytest.fixture(scope="module")
def open_case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Path]]:
    """A console with one inspection in session."""
    data_dir = tmp_path_factory.mktemp("open")
    subprocess.run(command("run", "--once", "--until", "case"), env=environment(data_dir), check=True, capture_output=True)
    for site in serve(data_dir, tmp_path_factory.mktemp("logs") / "serve.log"):
        yield site, data_dir


def test_a_call_between_an_inspector_and_a_phone(browser: Browser, open_case: tuple[Site, Path]):  # noqa: PLR0915 - one story
    site, data_dir = open_case
    desk = browser.new_context(viewport={"width": 1366, "height": 768}, permissions=["camera", "microphone"])
    inspector = desk.new_page()
    problems = watched(inspector)
    inspector.goto(f"{site.url}/language/en")
    sign_in(inspector, site, "demo-inspector")
    inspector.goto(f"{site.url}/cases")
    inspector.click("a[href^='/cases/']")
    inspector.click("#calls form button")
    link = inspector.input_value("#crew-link")
    inspector.click("a[href^='/call/']")
    inspector.wait_for_selector("#items button")
    hand = browser.new_context(viewport={"width": 390, "height": 844}, permissions=["camera", "microphone"], locale="en-US")
    phone = hand.new_page()
    problems_phone = watched(phone)
    phone.goto(link)
    phone.fill("#name", "Chief officer")
    phone.click("#join-form button")
    phone.wait_for_selector("#step-wait:not([hidden])")
    inspector.click("#people button.big")
    phone.wait_for_selector("#step-consent:not([hidden])")
    phone.click("#agree")
    phone.wait_for_selector("#step-call:not([hidden])")
    inspector.wait_for_selector("#pictures video")
    inspector.click("#record")
    inspector.wait_for_selector("#record-badge:not([hidden])")
    inspector.click("#items button")
    inspector.click("#ask")
    phone.wait_for_selector("#prompt:not([hidden])")
    phone.click("#still")
    inspector.wait_for_selector("[data-count]:has-text('1')")
    inspector.once("dialog", lambda dialog: dialog.accept())
    inspector.click("#stop")
    inspector.wait_for_selector("#record:not([hidden])", timeout=30_000)
    inspector.click("#close")
    phone.wait_for_selector("#step-end:not([hidden])")
    db = Database(data_dir)
    for _ in range(100):  # the fact travels up as an event
        with db.read() as session:
            case = record(session, list_cases(session)[0].id)
        if case.calls and any(item.evidence_ids for item in case.checklist.items):
            break
        inspector.wait_for_timeout(100)
    db.close()
    stills = [one for one in case.evidence if one.kind == "still"]
    assert len(stills) == 1
    assert [item.id for item in case.checklist.items if stills[0].id in item.evidence_ids] == [stills[0].item_ref]
    assert len(case.calls) == 1
    assert "crew" in case.calls[0].consent
    assert case.calls[0].recording_ids
    assert problems == []
    assert problems_phone == []
    hand.close()
    desk.close()


def test_the_json_of_the_finished_run_can_be_had(finished_run: FinishedRun):
    listed = subprocess.run(
        command("targets", "--json"), env=environment(finished_run.data_dir), capture_output=True, text=True, check=True
    )
    assert json.loads(listed.stdout)["schema"] == "yunjian.targets/1"
