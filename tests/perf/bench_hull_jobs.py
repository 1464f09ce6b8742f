"""A survey of 200 photos through the job engine, with kill -9 in the middle: what is read again, and whether the results are the same bytes.

Two runs of one store of photos, each on a database of its own: one that nobody stops, one whose job process is killed and started again.
Prints one JSON object. Usage: python -m tests.perf.bench_hull_jobs [--small]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from config import Settings, load_settings
from console.services import open_services
from core import jobs
from core.context import Services
from core.jobs import JobState
from inspection.hull import runs
from inspection.hull.runs import PhotoAsk, PhotoDone
from tests.perf.bench_hull_speed import small_photos

PATIENCE_S = 240.0


def ask(services: Services, folder: Path) -> list[str]:
    photos = [
        PhotoAsk(sha256=services.files.put_path(path).sha256, file=path.name, gsd_mm=4.0) for path in sorted(folder.iterdir())
    ]
    with services.db.write() as session:
        return list(runs.ask(services, session, "bench", "bench", photos).jobs)


def worker(settings: Settings) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "console.cli", "hull", "worker"]
    environment = {**os.environ, "YUNJIAN_DATA_DIR": str(settings.data_dir), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def steps_done(services: Services, keys: list[str]) -> int:
    """Photos whose step has ended, as the jobs say."""
    with services.db.read() as session:
        found = [jobs.get(session, key) for key in keys]
    return sum(len(job.payload["photos"]) if job.state is JobState.DONE else job.done for job in found)


def until(services: Services, keys: list[str], count: int) -> int:
    """Wait until so many photos are done; bounded."""
    began = time.monotonic()
    while (done := steps_done(services, keys)) < count and time.monotonic() - began < PATIENCE_S:
        time.sleep(0.05)
    return done


def finished(services: Services, keys: list[str]) -> list[PhotoDone]:
    """Wait for all jobs, then what they say of the photos."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_S:
        with services.db.read() as session:
            found = [jobs.get(session, key) for key in keys]
        if all(job.state.is_final for job in found):
            break
        time.sleep(0.05)
    return [one for job in found for one in runs.results(job)]


def run(folder: Path, data_dir: Path, *, kill_after: int | None) -> tuple[list[PhotoDone], int, int]:
    """Results, photos done before the kill, and starts of jobs that had begun before."""
    settings = load_settings({"data_dir": str(data_dir)})
    with open_services(settings) as services:
        keys = ask(services, folder)
        child, before = worker(settings), 0
        try:
            if kill_after is not None:
                before = until(services, keys, kill_after)
                child.send_signal(signal.SIGKILL)
                child.wait()
                before = steps_done(services, keys)
                child = worker(settings)
            found = finished(services, keys)
        finally:
            child.terminate()
            child.wait(20)
        with services.db.read() as session:
            again = sum(jobs.get(session, key).attempts - 1 for key in keys)
    return found, before, again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    count = 40 if parser.parse_args().small else 200
    with tempfile.TemporaryDirectory(prefix="yunjian-bench-hull-jobs-") as scratch:
        folder = Path(scratch) / "photos"
        small_photos(folder, count)
        whole, _, _ = run(folder, Path(scratch) / "whole", kill_after=None)
        stopped, before, again = run(folder, Path(scratch) / "stopped", kill_after=count // 3)
    report = {
        "photos": count,
        "done_before_kill": before,
        "jobs_taken_up_again": again,
        "all_read": len(stopped) == count and all(one.error is None for one in stopped),
        "identical": whole == stopped,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
