"""Four rooms with 2 HD publishers and 5 viewers each in one room worker: its CPU; and with `--soak` how its memory grows. JSON.

`python -m tests.perf.bench_video_rooms [--small] [--soak MINUTES]`. Each viewer looks at both publishers of its room in full size.
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

from tests.kit.forwarders import CALL_S, Load, WorkerMiddle, cpu_s, rss_mb, worker
from tests.perf.bench_video_cpu import DELIVERED, HD
from video import control

PUBLISHERS, VIEWERS = 2, 5
CORES_BAR, GROWTH_BAR_MB = 1.0, 5.0


def fill(load: Load, rooms: int, viewers: int) -> None:
    """Everybody in their rooms."""
    for room in range(rooms):
        for seat in range(PUBLISHERS):
            load.publish(f"r{room}", f"p{seat}", {"codec": "VP8", **HD})
    time.sleep(1.0)
    for room in range(rooms):
        for _ in range(viewers):
            for seat in range(PUBLISHERS):
                load.view(f"r{room}", f"p{seat}")


def capacity(rooms: int, seconds: float, folder: Path) -> dict[str, Any]:
    with worker(folder) as middle, Load(middle) as load:
        fill(load, rooms, VIEWERS)
        time.sleep(3.0)
        counts, before, began = load.counts(), cpu_s(middle.pid), time.monotonic()
        load_before = cpu_s(load.lines.process.pid)
        time.sleep(seconds)
        after, used, span = load.counts(), cpu_s(middle.pid) - before, time.monotonic() - began
        due = (sum(after["sent"]) - sum(counts["sent"])) * VIEWERS
        seen = sum(after["seen"]) - sum(counts["seen"])
        cores = used / span
        return {
            "rooms": rooms, "publishers": rooms * PUBLISHERS, "views": rooms * PUBLISHERS * VIEWERS, "seconds": round(span, 1),
            "cores": round(cores, 3), "delivered": round(seen / max(1, due), 3),
            "sent_fps": round((sum(after["sent"]) - sum(counts["sent"])) / span / rooms / PUBLISHERS, 1),
            "load_cores": round((cpu_s(load.lines.process.pid) - load_before) / span, 3),
            "bar_cores": CORES_BAR, "ok": cores <= CORES_BAR * rooms / 4 and seen >= DELIVERED * due,
        }  # fmt: skip


def soak(minutes: float, folder: Path) -> dict[str, Any]:
    """Resident memory of a worker that forwards and records one call; growth from a third of the time on (minute 10 of 30)."""
    with worker(folder) as middle, Load(middle) as load:
        fill(load, 1, 1)
        middle.link.call(control.StartRecording(room="r0", recording="soak"), CALL_S)
        began, rows = time.monotonic(), []
        while (passed := time.monotonic() - began) < minutes * 60:
            rows.append((passed / 60, rss_mb(middle.pid)))
            time.sleep(min(10.0, minutes * 2))
        tracks: Any = _stats(middle)["tracks"]
        settled = [mb for minute, mb in rows if minute >= minutes / 3]
        growth = settled[-1] - settled[0]
        return {
            "minutes": minutes, "rss_mb": {f"{minute:.1f}": round(mb, 1) for minute, mb in rows[:: max(1, len(rows) // 15)]},
            "from_minute": round(minutes / 3, 1), "growth_mb": round(growth, 2), "highest_mb": round(max(settled), 1),
            "ring_packets": [one["ring_packets"] for one in tracks], "bar_mb": GROWTH_BAR_MB, "ok": growth < GROWTH_BAR_MB,
        }  # fmt: skip


def _stats(middle: WorkerMiddle) -> dict[str, Any]:
    return middle.link.call(control.Stats(room="r0"), CALL_S)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="one room, 4 s")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="memory in place of CPU; the bar is for 30")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        if chosen.soak:
            result = soak(chosen.soak, Path(scratch))
        else:
            result = capacity(1, 4.0, Path(scratch)) if chosen.small else capacity(4, 20.0, Path(scratch))
    name = "video.soak" if chosen.soak else "video.rooms"
    sys.stdout.write(json.dumps({"bench": name, "load_before": round(load, 1), **result}) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
