"""Real Chromium on a path of the test kit: both legs measure the path, and where there is little room the sound stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.video.conftest import Site
from tests.kit.chromium_media import Party, chromium, noise_y4m, video_stats
from tests.kit.impairment import Link
from tests.kit.udp_proxy import bad_network

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(noise_y4m(tmp_path_factory.mktemp("clip") / "noise.y4m")) as made:
        yield made


def until(page: Page, ready: Callable[[], bool], seconds: float = 40.0) -> None:
    end = monotonic() + seconds
    while not ready():
        assert monotonic() < end, "did not happen in time"
        page.wait_for_timeout(100)


def test_sound_goes_on_where_there_is_no_room_for_the_picture_which_comes_back_by_itself(site: Site, browser: Browser) -> None:
    with Party(site, browser) as party, bad_network(Link(), Link()) as up, bad_network(Link(), Link()) as down:
        sender = party.publish(up, 1_500_000)
        viewer = party.view(down)

        def leg(kind: str) -> dict[str, Any]:
            return next(one for one in party.views() if one["kind"] == kind)

        until(viewer, lambda: video_stats(viewer).get("framesDecoded", 0) > 10)
        assert video_stats(sender)["type"] == "outbound-rtp"
        until(viewer, lambda: leg("video")["estimate_bps"] is not None)
        assert not leg("video")["paused"]
        down.down.link = Link(rate_bps=70_000, queue_ms=500)
        until(viewer, lambda: bool(leg("video")["paused"]))
        until(viewer, lambda: viewer.evaluate("() => window.path") == "sound")
        sound = leg("audio")["packets"]
        until(viewer, lambda: leg("audio")["packets"] > sound + 50)
        down.down.link = Link()
        until(viewer, lambda: not leg("video")["paused"] and leg("video")["estimate_bps"] > 500_000)
        frames = video_stats(viewer)["framesDecoded"]
        until(viewer, lambda: video_stats(viewer)["framesDecoded"] > frames + 50)
        assert not leg("video")["paused"]
        until(viewer, lambda: viewer.evaluate("() => window.path") == "picture")


def test_the_small_picture_goes_where_the_large_one_has_no_room_or_is_not_wanted(site: Site, browser: Browser) -> None:
    with Party(site, browser) as party, bad_network(Link(), Link()) as up, bad_network(Link(), Link()) as down:
        party.publish(up, 1_500_000, small=True)
        viewer = party.view(down)

        def width() -> int:
            return int(video_stats(viewer).get("frameWidth", 0))

        def small() -> bool:
            return bool(next(one for one in party.views() if one["kind"] == "video")["small"])

        until(viewer, lambda: width() >= 480)
        assert {one["kind"] for one in site.rooms.stats(party.room_id)["tracks"]} == {"audio", "video", "thumb"}
        party.prefer("thumb")
        until(viewer, lambda: 0 < width() <= 160)
        party.prefer("hd")
        until(viewer, lambda: width() >= 480)
        down.down.link = Link(rate_bps=250_000, queue_ms=500)
        until(viewer, lambda: small() and 0 < width() <= 160)
        frames = video_stats(viewer)["framesDecoded"]
        until(viewer, lambda: video_stats(viewer)["framesDecoded"] > frames + 20)
        down.down.link = Link()
        until(viewer, lambda: not small() and width() >= 480)


def test_a_browser_and_the_forwarder_agree_on_transport_wide_feedback(site: Site, browser: Browser) -> None:
    with Party(site, browser) as party, bad_network(Link(), Link()) as path:
        page = party.publish(path, 1_500_000)
        answer = page.evaluate("() => pc.remoteDescription.sdp")
        assert answer.count("transport-wide-cc-extensions-01") == 2  # sound and picture
        assert answer.count("transport-cc") == 2
        # far above the start rate: found by the browser's own probing, which needs our reports
        until(page, lambda: bool(available(page) > 1_000_000))


def available(page: Page) -> float:
    """What the publisher believes its way up carries, bit/s."""
    script = """async () => [...(await pc.getStats()).values()]
      .find((one) => one.type === 'candidate-pair' && one.nominated)?.availableOutgoingBitrate ?? 0"""
    return float(page.evaluate(script))


def test_the_kit_makes_the_same_picture_from_the_same_seed(tmp_path: Path) -> None:
    first, second = noise_y4m(tmp_path / "a.y4m", 2), noise_y4m(tmp_path / "b.y4m", 2)
    assert first.read_bytes() == second.read_bytes()
