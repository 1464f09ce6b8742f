"""Owns the stages of `make check|test-fast|test|bench|soak`: what runs, in which order, and how long each took.

Never decides what a test means.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
PACKAGES = ["config", "core", "ais", "video", "drone", "inspection", "reports", "companion", "console"]
PYTEST = [str(BIN / "pytest"), "-q", "--color=no", "-n", "2", "--dist", "loadgroup"]

Stage = tuple[str, list[str]]

CHECK: list[Stage] = [
    ("format", [str(BIN / "ruff"), "format", "--check", "-q", "."]),
    ("lint", [str(BIN / "ruff"), "check", "-q", "."]),
    ("types", [str(BIN / "mypy"), *PACKAGES]),
    ("imports", [str(BIN / "lint-imports"), "--no-cache"]),
]
FAST: list[Stage] = [
    ("tests", [*PYTEST, "tests/unit", "tests/property", "tests/contract", "tests/fuzz", "-m", "not browser and not peer"]),
    ("integration", [*PYTEST, "tests/integration", "-m", "not browser and not peer"]),
]
PEERS: list[Stage] = [
    ("peers", [*PYTEST, "tests", "--ignore", "tests/e2e", "-m", "peer and not browser"]),
    ("browser", [str(BIN / "pytest"), "-q", "--color=no", "tests", "--ignore", "tests/e2e", "-m", "browser"]),
    ("wheel", [str(BIN / "python"), "tests/wheel.py"]),
    ("e2e", [str(BIN / "pytest"), "-q", "--color=no", "tests/e2e"]),
    ("small benches", [str(BIN / "python"), "tests/perf/all.py", "--small"]),
]
SUITES: dict[str, list[Stage]] = {
    "check": CHECK,
    "fast": FAST,
    "all": [*CHECK, *FAST, *PEERS],
    "bench": [("bench", [str(BIN / "python"), "tests/perf/all.py"])],
    "soak": [
        ("newest aiortc", [str(BIN / "python"), "tests/newest.py"]),
        ("mutation score", [str(BIN / "python"), "tests/mutation.py"]),
        ("fuzz", [str(BIN / "pytest"), "-q", "tests/fuzz", "-o", "timeout=3600"]),
        ("drone safety", [str(BIN / "pytest"), "-q", "-n", "2", "tests/unit/drone/test_rehearsal.py", "-o", "timeout=600"]),
        ("kill -9", [str(BIN / "pytest"), "-q", "-s", "tests/integration/companion/test_kill.py", "-n", "0"]),
        (
            "races",
            [
                str(BIN / "pytest"),
                "-q",
                "-s",
                "tests/integration/companion/test_case_14.py",
                "tests/integration/companion/test_case_15.py",
                "-k",
                "scenario_2",
                "-n",
                "0",
            ],
        ),
        ("memory of a call", [str(BIN / "python"), "tests/perf/bench_video_rooms.py", "--soak", "30"]),
        ("bench", [str(BIN / "python"), "tests/perf/all.py"]),
    ],
}
_COUNTS = re.compile(r"(\d+) (passed|failed|skipped|error|errors)\b")


def main() -> int:
    suite = SUITES[sys.argv[1]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "YOLO_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    if sys.argv[1] == "soak":
        environment["YUNJIAN_TEST_SOAK"] = "1"
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    took: list[tuple[str, float, bool]] = []
    for name, command in suite:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        last = ""
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line if line.strip() else last
        status = process.wait()
        for count, kind in _COUNTS.findall(last):
            totals["failed" if kind.startswith(("fail", "err")) else kind] += int(count)
        took.append((name, time.monotonic() - began, status == 0))
    print("\nstage            seconds")
    for name, seconds, good in took:
        print(f"{name:16} {seconds:7.1f}  {'ok' if good else 'FAILED'}")
    print(f"total            {sum(row[1] for row in took):7.1f}")
    broken = [name for name, _, good in took if not good]
    totals["failed"] = max(totals["failed"], len(broken))
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
