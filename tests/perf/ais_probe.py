"""Asks for one quarter of the map again and again, in a process of its own, so that what it waits for is the server.

`python tests/perf/ais_probe.py URL SECONDS` with the token in YUNJIAN_PROBE_TOKEN; prints the seconds of each answer as JSON.
`bench_ais_live` runs it.
"""

from __future__ import annotations

import json
import os
import sys
import time

import httpx

PAUSE_S = 0.25


def main() -> int:
    url, seconds = sys.argv[1], float(sys.argv[2])
    took: list[float] = []
    with httpx.Client(
        base_url=url, headers={"authorization": f"Bearer {os.environ['YUNJIAN_PROBE_TOKEN']}"}, timeout=30
    ) as http:
        http.get("/api/v1/ais/ships?bbox=121.5,39.8,121.6,39.9").raise_for_status()  # connects
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.perf_counter()
            http.get("/api/v1/ais/ships?bbox=121.5,39.8,121.6,39.9").raise_for_status()
            took.append(time.perf_counter() - began)
            time.sleep(PAUSE_S)
    sys.stdout.write(json.dumps(took) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
