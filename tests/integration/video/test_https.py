"""A phone on another machine: https on an address that is not loopback, a real authority, no flag that makes it easier."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aioice.ice
import pytest
from playwright.sync_api import sync_playwright

from tests.integration.video.conftest import INSPECTOR, serving
from tests.integration.video.test_browser import CHROMIUM, FLAGS, PATIENCE_MS
from tests.kit.authority import issue, trust
from tests.peers import missing
from video import admit, attend, seat_of

OWN = "192.0.2.77"  # TEST-NET-1 (RFC 5737), for a machine that has no address but loopback


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """An address of this machine that is not loopback; where there is none, one is put on the loopback device (needs root)."""
    found = aioice.ice.get_host_addresses(True, False)
    if found:
        yield found[0]
        return
    if os.geteuid() != 0:
        missing("an address that is not loopback", f"ip addr add {OWN}/32 dev lo")
    subprocess.run(["ip", "addr", "add", f"{OWN}/32", "dev", "lo"], check=True)
    try:
        yield OWN
    finally:
        subprocess.run(["ip", "addr", "del", f"{OWN}/32", "dev", "lo"], check=True)


@pytest.mark.browser
def test_a_phone_joins_over_https_on_an_address_that_is_not_loopback(tmp_path: Path, address: str) -> None:
    assert not any("insecure" in flag or "certificate" in flag for flag in FLAGS)
    authority, certificate, key = issue(tmp_path, address)
    home = tmp_path / "home"
    trust(home, authority)
    with (
        serving(tmp_path / "var", host=address, tls=(certificate, key), **{"video.host_addresses": [address]}) as site,
        sync_playwright() as kit,
    ):
        browser = kit.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS, env={**os.environ, "HOME": str(home)})
        assert site.url.startswith(f"https://{address}:")
        room = site.room()
        context = browser.new_context(permissions=["camera", "microphone"], locale="en-US")
        context.set_default_timeout(PATIENCE_MS)
        phone = context.new_page()
        phone.goto(room.seats[0].link.replace("/call/join#", "/call/join?lang=en#"))
        assert phone.evaluate("() => isSecureContext")
        phone.click("#join-form button")
        phone.wait_for_selector("#step-wait:not([hidden])")
        lead = seat_of(site.services, attend(site.services, site.rooms, room.room_id, INSPECTOR).token)
        admit(site.services, site.rooms, lead, room.seats[0].seat_id)
        phone.click("#agree")
        phone.wait_for_selector("#step-call:not([hidden])")
        while sum(track["packets"] for track in site.rooms.stats(room.room_id)["tracks"] if track["kind"] == "video") < 30:
            phone.wait_for_timeout(100)  # each look asks the worker
        cookies = context.cookies(site.url + "/api/v1/video/join")
        assert all(one["secure"] for one in cookies if one["name"] == "yunjian_device")
        browser.close()
