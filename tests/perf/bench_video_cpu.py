"""CPU of the forwarding process per delivered frame against aiortc's MediaRelay, both in one run. Prints JSON.

`python -m tests.perf.bench_video_cpu [--small] [--codec VP8|H264] [--viewers N]`. Load publishers replay recorded RTP, load viewers
answer RTCP and do not decode. A comparison counts only where both sides deliver 95 % of the frames; else 480p15 is taken, and said.
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

from tests.kit.forwarders import Load, Middle, cpu_s, relay, worker

HD = {"width": 1280, "height": 720, "fps": 30, "bps": 2_000_000}
SD = {"width": 640, "height": 480, "fps": 15, "bps": 600_000}
DELIVERED, BAR = 0.95, 30.0
WARM_S = 3.0


def cost(middle: Middle, clip: dict[str, Any], viewers: int, seconds: float) -> dict[str, Any]:
    """CPU of the middle over `seconds`, and whole frames that its viewers got."""
    with Load(middle) as load:
        load.publish("room", "crew", clip)
        time.sleep(1.0)
        for _ in range(viewers):
            load.view("room", "crew", clip["codec"])
        time.sleep(WARM_S)
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
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        ours = cost(stack.enter_context(worker(Path(scratch))), clip, viewers, seconds)
        theirs = cost(stack.enter_context(relay()), clip, viewers, seconds)
    valid = min(ours["delivered"], theirs["delivered"]) >= DELIVERED
    ratio = theirs["ms_per_frame"] / max(1e-9, ours["ms_per_frame"])
    return {
        "content": f"{clip['codec']} {clip['height']}p{clip['fps']}, {viewers} viewers", "ours": ours, "media_relay": theirs,
        "ratio": round(ratio, 1), "valid": valid, "ok": valid and ratio >= BAR,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="480p15 only, 3 s each")
    parser.add_argument("--codec", choices=("VP8", "H264"), default="VP8")
    parser.add_argument("--viewers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--ours", action="store_true", help="the forwarder alone, to find where its time goes")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    hd, sd = ({"codec": chosen.codec, **size} for size in (HD, SD))
    if chosen.ours:
        with tempfile.TemporaryDirectory() as scratch, worker(Path(scratch)) as middle:
            runs: list[dict[str, Any]] = [cost(middle, hd, chosen.viewers, chosen.seconds)]
    elif chosen.small:
        runs = [compare(sd, 1, 3.0)]
    else:
        runs = [compare(hd, count, chosen.seconds) for count in dict.fromkeys((1, chosen.viewers))]
        if not any(run["valid"] for run in runs):
            runs.append(compare(sd, chosen.viewers, chosen.seconds))
    sys.stdout.write(json.dumps({"bench": "video.cpu", "bar": BAR, "load_before": round(load, 1), "runs": runs}) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
