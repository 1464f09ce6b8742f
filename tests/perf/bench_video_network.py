"""Real Chromium over bad paths: does the publisher find its rate, and does the viewer's picture go on under loss? JSON.

`python -m tests.perf.bench_video_network [--small]`. Freeze time is measured against a loss-free viewer of the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.integration.video.conftest import Site, serving
from tests.kit.chromium_media import CHROMIUM, Party, chromium, noise_y4m, video_stats
from tests.kit.impairment import Link
from tests.kit.udp_proxy import bad_network

CAPS_BPS = (300_000, 1_000_000, 2_500_000)
LOSSY = (("20 % random, 80 ms round trip", Link(loss=0.2, delay_ms=40), Link(delay_ms=40), 1.0),
         ("5 % random, 700 ms round trip", Link(loss=0.05, delay_ms=350), Link(delay_ms=350), 3.0))  # fmt: skip
FIND_S, KEEP_S = 10, 5
PATIENCE_S = 30.0


def find_rate(site: Site, cap_bps: int, clip: Path) -> dict[str, Any]:
    """What of a cap the publisher uses, second by second (UDP payload: sound, picture, repairs), and what of it is picture."""
    with (
        bad_network(Link(rate_bps=cap_bps, delay_ms=20), Link(delay_ms=20)) as network,
        chromium(clip) as browser,
        Party(site, browser) as party,
    ):
        party.publish(network, 4_000_000)
        link, video, at = [network.up.passed_bytes], [party.arrived_bytes()], [time.monotonic()]
        for _ in range(FIND_S + KEEP_S):
            time.sleep(max(0.0, at[-1] + 1.0 - time.monotonic()))
            at.append(time.monotonic())
            link.append(network.up.passed_bytes)
            video.append(party.arrived_bytes())
        share = [
            round((after - before) * 8 / (end - start) / cap_bps, 2)
            for before, after, start, end in zip(link, link[1:], at, at[1:], strict=False)
        ]
        return {
            "cap_kbps": cap_bps // 1000, "share_by_second": share,
            "reached_70_pct_s": next((second + 1 for second, one in enumerate(share) if one >= 0.7), None),
            "share_after_10_s": round(sum(share[FIND_S:]) / KEEP_S, 2),
            "picture_share_after_10_s": round((video[-1] - video[FIND_S]) * 8 / (at[-1] - at[FIND_S]) / cap_bps, 2),
            "worst_queue_ms": round(network.up.worst_queue_ms),
        }  # fmt: skip


def freeze(site: Site, name: str, down: Link, up: Link, limit_pct: float, clip: Path, seconds: float) -> dict[str, Any]:
    """Freeze time of a viewer behind `down`, less that of a viewer without loss at the same time."""
    with ExitStack() as stack:
        clean = [stack.enter_context(bad_network(Link(), Link())) for _ in range(2)]
        lossy = stack.enter_context(bad_network(up, down))
        party = stack.enter_context(Party(site, stack.enter_context(chromium(clip))))
        sender = party.publish(clean[0], 2_000_000)
        time.sleep(3.0)
        viewers = {"control": party.view(clean[1]), "lossy": party.view(lossy)}
        for page in viewers.values():
            _until_decoding(page)
        time.sleep(4.0)
        before = {who: video_stats(page) for who, page in viewers.items()}
        began, bytes_before = time.monotonic(), party.arrived_bytes()
        time.sleep(seconds)
        after = {who: video_stats(page) for who, page in viewers.items()}
        span = time.monotonic() - began
        kbps = (party.arrived_bytes() - bytes_before) * 8 / span / 1000
        leg = max((one for one in party.views() if one["kind"] == "video"), key=lambda one: int(one["repairs"]))

        def gained(who: str, key: str) -> float:
            return float(after[who].get(key, 0)) - float(before[who].get(key, 0))

        share = {who: 100 * gained(who, "totalFreezesDuration") / span for who in viewers}
        above = share["lossy"] - share["control"]
        return {
            "path": name, "seconds": round(span, 1), "publisher_kbps": round(kbps), "limit_pct": limit_pct,
            "freeze_pct": {who: round(one, 2) for who, one in share.items()}, "above_control_pct": round(above, 2),
            "frames": {who: int(gained(who, "framesDecoded")) for who in viewers},
            "freezes": {who: int(gained(who, "freezeCount")) for who in viewers}, "ok": above <= limit_pct,
            "repairs": leg["repairs"], "estimate_kbps": round((leg["estimate_bps"] or 0) / 1000), "paused": leg["paused"],
            "keyframes": {who: int(gained(who, "keyFramesDecoded")) for who in viewers},
            "sent_fps": video_stats(sender).get("framesPerSecond"), "limited_by": video_stats(sender).get("qualityLimitationReason"),
        }  # fmt: skip


def _until_decoding(page: Page) -> None:
    end = time.monotonic() + PATIENCE_S
    while video_stats(page).get("framesDecoded", 0) < 10:
        if time.monotonic() > end:
            raise TimeoutError(f"no picture after {PATIENCE_S} s")
        time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="one cap and one lossy path, 10 s")
    parser.add_argument("--only", choices=("rate", "loss"))
    chosen = parser.parse_args()
    if not Path(CHROMIUM).is_file():
        sys.stdout.write(json.dumps({"bench": "video.network", "not_run": f"{CHROMIUM} is not there"}) + "\n")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        clip = noise_y4m(Path(scratch) / "noise.y4m")
        with serving(Path(scratch) / "var") as site:
            load = os.getloadavg()[0]
            rates, losses = [], []
            if chosen.only != "loss":
                rates = [find_rate(site, cap, clip) for cap in (CAPS_BPS[1:2] if chosen.small else CAPS_BPS)]
            if chosen.only != "rate":
                seconds = 10.0 if chosen.small else 30.0
                cases = LOSSY[:1] if chosen.small else LOSSY
                losses = [freeze(site, name, down, up, limit, clip, seconds) for name, down, up, limit in cases]
    result = {"bench": "video.network", "load_before": round(load, 1), "rates": rates, "loss": losses}
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
