"""CPU of the forwarding process per delivered frame against aiortc's MediaRelay, both in one run. Prints JSON.

`python -m tests.perf.bench_video_cpu [--small] [--codec VP8|H264] [--viewers N]`. Load publishers replay recorded RTP, load viewers
answer RTCP and do not decode (real Chromium on both ends is `bench_video_network`). A comparison counts only where both sides deliver 95 % of the frames; else 480p15 is taken, and said.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.kit.forwarders import Load, Middle, cpu_s, relay, worker

HD = {"width": 1280, "height": 720, "fps": 30, "bps": 2_000_000}
SD = {"width": 640, "height": 480, "fps": 15, "bps": 600_000}
DELIVERED, BAR = 0.95, 30.0
WARM_S = 3.0
OURS_MOST = 10


def cost(middle: Middle, clip: dict[str, Any], viewers: int, seconds: float, warm_s: float = WARM_S) -> dict[str, Any]:
    """CPU of the middle over `seconds`, and whole frames that its viewers got."""
    with Load(middle) as load:
        load.publish("room", "crew", clip)
        time.sleep(1.0)
        for _ in range(viewers):
            load.view("room", "crew", clip["codec"])
        time.sleep(warm_s)
        counts, before, began = load.counts(), cpu_s(middle.pid), time.monotonic()
        load_before = cpu_s(load.lines.process.pid)
        time.sleep(seconds)
        after, used, span = load.counts(), cpu_s(middle.pid) - before, time.monotonic() - began
        due = (sum(after["sent"]) - sum(counts["sent"])) * viewers
        seen = sum(after["seen"]) - sum(counts["seen"])
        packets = sum(after["packets"]) - sum(counts["packets"])
        return {
            "cores": round(used / span, 4), "frames": seen, "delivered": round(seen / max(1, due), 3),
            "ms_per_frame": round(used / max(1, seen) * 1000, 4), "us_per_packet": round(used / max(1, packets) * 1e6, 1),
            "load_cores": round((cpu_s(load.lines.process.pid) - load_before) / span, 3),
        }  # fmt: skip


def compare(clip: dict[str, Any], viewers: int, seconds: float) -> dict[str, Any]:
    """MediaRelay with one viewer and with as many as this machine can encode for; ours with those, and with ten.

    `ratio_per_added_viewer` is V1 of the video spec (what one viewer more costs); `ratio_same_viewers` is of the whole process, with
    taking the publisher in shared among few viewers; `ratio_at_ten` sets ours with ten viewers against MediaRelay's most.
    """
    ours, theirs = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in dict.fromkeys((1, viewers, OURS_MOST)):
            with worker(Path(scratch)) as middle:
                ours[count] = cost(middle, clip, count, seconds)
        for count in dict.fromkeys((1, viewers)):
            with relay() as reference:
                theirs[count] = cost(reference, clip, count, seconds)
    valid = min(one["delivered"] for side in (ours, theirs) for one in side.values()) >= DELIVERED
    theirs_added = (theirs[viewers]["cores"] - theirs[1]["cores"]) / (viewers - 1)
    added = theirs_added / max(1e-9, (ours[OURS_MOST]["cores"] - ours[1]["cores"]) / (OURS_MOST - 1))
    return {
        "content": f"{clip['codec']} {clip['height']}p{clip['fps']}", "ours": ours, "media_relay": theirs, "valid": valid,
        "ratio_per_added_viewer": round(added, 1),
        "ratio_same_viewers": {one: round(theirs[one]["ms_per_frame"] / ours[one]["ms_per_frame"], 1) for one in theirs},
        "ratio_at_ten": round(theirs[viewers]["ms_per_frame"] / ours[OURS_MOST]["ms_per_frame"], 1), "ok": valid and added >= BAR,
    }  # fmt: skip


def glance(clip: dict[str, Any]) -> dict[str, Any]:
    """One viewer on each side for two seconds: says that the bench runs, and little of the figure."""
    with tempfile.TemporaryDirectory() as scratch, worker(Path(scratch)) as middle:
        ours = cost(middle, clip, 1, 2.0, 1.0)
    with relay() as reference:
        theirs = cost(reference, clip, 1, 2.0, 1.0)
    return {
        "content": f"{clip['codec']} {clip['height']}p{clip['fps']}", "ours": ours, "media_relay": theirs,
        "ratio_same_viewers": {1: round(theirs["ms_per_frame"] / max(1e-9, ours["ms_per_frame"]), 1)},
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="480p15, one viewer, 2 s each")
    parser.add_argument("--codec", choices=("VP8", "H264"), default="VP8")
    parser.add_argument("--viewers", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--ours", action="store_true", help="the forwarder alone, to find where its time goes")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    hd, sd = ({"codec": chosen.codec, **size} for size in (HD, SD))
    if chosen.ours:
        with tempfile.TemporaryDirectory() as scratch, worker(Path(scratch)) as middle:
            runs: list[dict[str, Any]] = [cost(middle, hd, chosen.viewers, chosen.seconds)]
    elif chosen.small:
        runs = [glance(sd)]
    else:
        runs = [compare(hd, chosen.viewers, chosen.seconds)]
        if not runs[0]["valid"]:
            runs.append(compare(sd, chosen.viewers, chosen.seconds))
    sys.stdout.write(json.dumps({"bench": "video.cpu", "bar": BAR, "load_before": round(load, 1), "runs": runs}) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
