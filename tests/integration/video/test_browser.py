"""The call pages in real Chromium: a phone joins by its link, the inspector lets it in, sees it, and gets a still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from core import accounts, evidence
from tests.integration.video.conftest import INSPECTOR, ITEM, Site

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MS = 120_000  # a busy machine is not a fault of the page
# evaluate() with a promise: wait_for_function would need eval(), which the pages' policy forbids.
DECODED = """() => new Promise((done, failed) => {
  const until = performance.now() + 30000;
  const look = () => {
    const count = document.querySelector('#pictures video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
    if (count > 10) done(count);
    else if (performance.now() > until) failed(new Error(`${count} frames decoded`));
    else requestAnimationFrame(look);
  };
  look();
})"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as kit:
        made = kit.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield made
        made.close()


def inspector_page(browser: Browser, site: Site, room_id: str, problems: list[str]) -> tuple[BrowserContext, Page]:
    opened = accounts.open_session(site.services, INSPECTOR)
    context = browser.new_context(permissions=["camera", "microphone"])
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([{"name": "yunjian_session", "value": opened.token, "url": site.url}])
    page = context.new_page()
    watch(page, problems)
    page.goto(f"{site.url}/call/{room_id}?lang=en")
    return context, page


def watch(page: Page, problems: list[str]) -> None:
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None,
    )


def test_a_phone_joins_is_seen_and_sends_a_still(site: Site, browser: Browser) -> None:
    room = site.room()
    problems: list[str] = []
    inspector_context, inspector = inspector_page(browser, site, room.room_id, problems)
    inspector.wait_for_selector("#items button")
    phone_context = browser.new_context(
        viewport={"width": 390, "height": 844}, permissions=["camera", "microphone"], locale="en-US"
    )
    phone = phone_context.new_page()
    watch(phone, problems)
    phone.goto(room.seats[0].link.replace("/call/join#", "/call/join?lang=en#"))
    phone.fill("#name", "Chief officer")
    phone.click("#join-form button")
    phone.wait_for_selector("#step-wait:not([hidden])")
    inspector.click("#people button.big")
    phone.wait_for_selector("#step-consent:not([hidden])")
    phone.click("#agree")
    phone.wait_for_selector("#step-call:not([hidden])")
    assert inspector.evaluate(DECODED) > 10
    inspector.click("#record")
    inspector.wait_for_selector("#record-badge:not([hidden])")
    inspector.click("#items button")
    inspector.fill("#note", "K7Q")
    inspector.click("#ask")
    phone.wait_for_selector("#prompt:has-text('K7Q')")
    challenge = phone.inner_text("#challenge").rsplit(" ", 1)[-1]
    phone.click("#still")
    inspector.wait_for_selector("[data-count]:has-text('1 stills')")
    inspector.click("#snap")
    inspector.wait_for_selector("[data-count]:has-text('2 stills')")
    draw_a_sample(inspector, phone)
    draw_together(inspector, phone)
    inspector.click("#stop")
    inspector.wait_for_selector("#record:not([hidden])", timeout=30_000)
    with site.services.db.read() as session:
        mine = [one for one in evidence.of_subject(session, "case-1") if one.extra["room_id"] == room.room_id]
    assert sum(one.extra.get("part") == "marks" for one in mine) == 1
    stills = [one for one in mine if one.kind == "still"]
    assert {one.extra["source"] for one in stills} == {"device", "live_frame"}
    assert {one.item_ref for one in stills} == {ITEM}
    assert {one.extra.get("challenge") for one in stills} == {challenge, None}
    tracks = {one.extra["track"]: one for one in mine if one.extra.get("part") == "track"}
    assert set(tracks) == {"audio", "video"}
    assert plays(inspector, site.services.files.read(tracks["video"].sha256))
    assert problems == []
    phone_context.close()
    inspector_context.close()


def draw_a_sample(inspector: Page, phone: Page) -> None:
    inspector.click(".sample summary")
    inspector.fill("#units", "Fire door 1-24")
    inspector.click("#sample")
    phone.fill("#said", "17")
    phone.click("#said-form button")
    inspector.click("#drawn button >> nth=0")
    phone.wait_for_selector("#prompt:has-text('Fire door')")


def draw_together(inspector: Page, phone: Page) -> None:
    inspector.click("#freeze")
    phone.wait_for_selector(".board:not([hidden]) img[src^='blob:']")
    sheet = phone.locator(".board svg").bounding_box()
    phone.mouse.move(sheet["x"] + 40, sheet["y"] + 40)
    phone.mouse.down()
    phone.mouse.move(sheet["x"] + 120, sheet["y"] + 90, steps=4)
    phone.mouse.up()
    inspector.wait_for_selector(".board polyline.theirs", state="attached")
    inspector.click("#thaw")
    phone.wait_for_selector(".board[hidden]", state="attached")


def plays(page: Page, data: bytes) -> bool:
    """Whether the browser plays a recorded file to a picture and knows its length."""
    script = """async (bytes) => {
      const video = document.createElement('video');
      video.muted = true;
      video.src = URL.createObjectURL(new Blob([new Uint8Array(bytes)], {type: 'video/webm'}));
      await video.play();
      return video.videoWidth > 0 && video.duration > 0.5 && Number.isFinite(video.duration);
    }"""
    return bool(page.evaluate(script, list(data)))
