"""The phone's page in real Chromium: without a link, in an app's browser, on another phone, with captions and a worked camera."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from console.calls import phone_files
from console.view import STATIC
from core import evidence
from tests.integration.video.conftest import INSPECTOR, SUBJECT, Site
from tests.integration.video.test_browser import CHROMIUM, FLAGS, PATIENCE_MS, inspector_page, watch
from video import NewRoom, RoomOrder, SeatOrder, SeatRole, Shot, admit, attend, create_room, seat_of
from video.links import code_of

ITEMS = ("door", "pump", "boat")
BUDGET_KB = 150
STILLS, ANSWERS = 30, 10

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as kit:
        made = kit.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield made
        made.close()


def room_of_three(site: Site) -> NewRoom:
    now = datetime.now(UTC)
    shots = tuple(Shot(item_ref=name, label_zh=name, label_en=name.title(), prompt_en=f"Show the {name}") for name in ITEMS)
    order = RoomOrder(
        subject_ref=SUBJECT, not_before=now - timedelta(minutes=1), not_after=now + timedelta(hours=2), shots=shots,
        seats=(SeatOrder(role=SeatRole.CREW, name_hint="crew"),),
    )  # fmt: skip
    return create_room(site.services, order, INSPECTOR)


def phone_page(browser: Browser, link: str, problems: list[str], **options: object) -> tuple[BrowserContext, Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, permissions=["camera", "microphone", "geolocation"], locale="en-US",
        geolocation={"longitude": 122.1, "latitude": 40.6, "accuracy": 9}, **options,
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watch(page, problems)
    page.goto(link.replace("/call/join#", "/call/join?lang=en#"))
    return context, page


def into_the_call(site: Site, phone: Page, room: NewRoom) -> None:
    phone.click("#join-form button")
    phone.wait_for_selector("#step-wait:not([hidden])")
    key = seat_of(site.services, attend(site.services, site.rooms, room.room_id, INSPECTOR).token)
    admit(site.services, site.rooms, key, room.seats[0].seat_id)
    phone.wait_for_selector("#step-consent:not([hidden])")
    phone.click("#agree")
    phone.wait_for_selector("#step-call:not([hidden])")


def capture(phone: Page, rounds: range) -> None:
    """Three stills and an answer a round, each on the next item; counts what waits on this phone."""
    waiting = 0 if rounds.start == 0 else rounds.start * 4
    for turn in rounds:
        item = ITEMS[turn % len(ITEMS)]
        phone.click("#list summary")
        phone.click(f"#items button[data-item={item}]")
        for _ in range(STILLS // ANSWERS):
            phone.click("#still")
            waiting += 1
            phone.wait_for_selector(f"#queue-badge:text-is('{waiting} waiting to be sent')")
        phone.fill("#answer-text", f"answer {turn}")
        phone.click(f"#answer [data-answer={'no' if turn % 2 else 'yes'}]")
        waiting += 1
        phone.wait_for_selector(f"#queue-badge:text-is('{waiting} waiting to be sent')")


def test_what_is_captured_without_a_link_arrives_once_in_order_on_its_items(site: Site, browser: Browser) -> None:
    room, problems = room_of_three(site), list[str]()
    context, phone = phone_page(browser, room.seats[0].link, problems)
    phone.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    into_the_call(site, phone, room)
    context.set_offline(True)
    capture(phone, range(5))
    phone.reload()  # without a link: the page is the phone's own copy
    phone.click("#join-form button")
    phone.wait_for_selector("#offline:not([hidden])")
    phone.wait_for_selector("#queue-badge:text-is('20 waiting to be sent')")
    capture(phone, range(5, 10))
    context.set_offline(False)
    phone.wait_for_selector("#queue-badge:text-is('Delivered')", timeout=60_000)
    phone.wait_for_selector("#offline[hidden]", state="attached")
    context.close()
    with site.services.db.read() as session:
        mine = [one for one in evidence.of_subject(session, SUBJECT) if one.extra["room_id"] == room.room_id]
    kept = sorted((one for one in mine if "order" in one.extra), key=lambda one: one.id)  # ids count up as they arrive
    assert len(kept) == STILLS + ANSWERS
    orders = [one.extra["order"] for one in kept]
    assert orders == sorted(set(orders)), "once each, in the order of their making"
    assert [one.captured_at for one in kept] == sorted(one.captured_at for one in kept)
    answers = [one for one in kept if one.extra.get("part") == "answer"]
    said = [json.loads(site.services.files.read(one.sha256)) for one in answers]
    assert [one["text"] for one in said] == [f"answer {turn}" for turn in range(ANSWERS)]
    assert [one["value"] for one in said] == ["yes", "no"] * (ANSWERS // 2)
    wanted = [ITEMS[turn % 3] for turn in range(ANSWERS) for _ in range(4)]
    assert [one.item_ref for one in kept] == wanted
    assert {one.position.source for one in kept if one.position} == {"phone"}
    assert problems == []


def test_the_page_says_what_the_devices_and_the_link_can_do_and_stays_awake(site: Site, browser: Browser) -> None:
    room, problems = room_of_three(site), list[str]()
    context, phone = phone_page(
        browser, room.seats[0].link, problems, user_agent="Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0"
    )
    assert "Open in browser" in phone.inner_text("#in-app")
    phone.click("#copy-link")
    allow_wake_lock(browser, context, phone, site.url)
    phone.click("#join-form button")
    phone.wait_for_selector("#check-link:has-text('kbit/s up')")
    assert phone.inner_text("#check-camera") == phone.inner_text("#check-microphone") == "working"
    assert phone.inner_text("#check-link").startswith("good")
    phone.wait_for_selector("body[data-awake=true]")
    context.close()
    context, phone = phone_page(browser, room.seats[0].link, problems)
    assert phone.is_hidden("#in-app")
    context.close()
    assert problems == []


def allow_wake_lock(browser: Browser, context: BrowserContext, page: Page, origin: str) -> None:
    """What a phone grants by itself; a browser without a screen has to be told."""
    target = context.new_cdp_session(page).send("Target.getTargetInfo")["targetInfo"]
    browser.new_browser_cdp_session().send(
        "Browser.setPermission",
        {"permission": {"name": "screen-wake-lock"}, "setting": "granted", "origin": origin,
         "browserContextId": target["browserContextId"]},
    )  # fmt: skip


def test_captions_the_worked_camera_and_the_key_for_another_phone(site: Site, browser: Browser) -> None:
    room, problems = room_of_three(site), list[str]()
    inspector_context, inspector = inspector_page(browser, site, room.room_id, problems)
    inspector.wait_for_selector("#items button")
    context, phone = phone_page(browser, room.seats[0].link, problems)
    phone.click("#join-form button")
    phone.wait_for_selector("#step-wait:not([hidden])")
    inspector.wait_for_selector("#people [data-key=a]")
    inspector.keyboard.press("a")
    phone.click("#agree")
    inspector.wait_for_selector("#pictures video")
    inspector.wait_for_selector("#flip:not([hidden])")
    if inspector.is_visible("#zoom"):
        inspector.keyboard.press("z")
        phone.wait_for_selector("#zoom-row:not([hidden])")
    before = phone.evaluate(CAMERA_TRACK)
    inspector.keyboard.press("v")
    changes(phone, CAMERA_TRACK, before)
    phone.check("#as-caption")
    phone.fill("#chat-text", "Valve shut")
    phone.click("#chat-form button")
    inspector.wait_for_selector("#caption:has-text('Valve shut')")
    phone.wait_for_selector(".stage #caption:has-text('Valve shut')")
    inspector.keyboard.press("p")
    inspector.wait_for_selector("#sheet[open]")
    assert inspector.evaluate("() => document.getElementById('sheet-qr').naturalWidth") > 0
    other_context, other = phone_page(
        browser, f"{site.url}/call/join#{code_of(inspector.input_value('#sheet-link'))}", problems
    )
    phone.wait_for_selector("#end-why:has-text('another phone')")
    other.click("#join-form button")
    other.wait_for_selector("#step-call:not([hidden])")
    for one in (context, other_context, inspector_context):
        one.close()
    assert problems == []


CAMERA_TRACK = "() => document.getElementById('preview').srcObject?.getVideoTracks()[0]?.id ?? ''"


def changes(page: Page, script: str, before: str) -> None:
    """Ask until the answer differs; each question is a round trip to the browser, which paces the loop."""
    while page.evaluate(script) == before:
        page.wait_for_timeout(100)


def test_the_phone_page_keeps_its_weight(site: Site) -> None:
    with httpx.Client(base_url=site.url, trust_env=False) as http:
        parts = {"page": http.get("/call/join", headers={"accept": "text/html"}).content}
        parts["worker"] = http.get("/call/worker.js").content
    parts |= {name: (STATIC / name).read_bytes() for name in phone_files()}
    weights = {name: len(gzip.compress(data, 6)) for name, data in parts.items()}
    total = sum(weights.values())
    assert total <= BUDGET_KB * 1000, weights
    asked = set(re.findall(rb"/static/([\w./-]+)", parts["page"]))
    assert {name.decode() for name in asked} <= set(phone_files()), "nothing that is not counted"
    print(json.dumps({"gzipped_bytes": total, "files": len(weights)}))
