"""The main job as a person runs it: one data folder, walked to the end with a kill in every station, then shown in Chromium."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]  # fmt: skip

# Where to kill: the first file of its kind shows that the station is in the middle of its work.
KILL_AT = {
    "ais": "run/*/ais/*",
    "call": "run/*/call/peer.log",
    "drone": "run/*/drone/flight/work/card/IMG_0004.jpg",
    "findings": "run/*/findings/survey/*.json",
    "report": "bundles/*",
}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "console.cli", *arguments]


def environment(data_dir: Path) -> dict[str, str]:
    return {**os.environ, "YUNJIAN_DATA_DIR": str(data_dir), "YUNJIAN_LANGUAGE": "en"}


@dataclass(frozen=True)
class FinishedRun:
    data_dir: Path
    output: str
    kills: tuple[str, ...]


def _killed_at(data_dir: Path, pattern: str, log: Path) -> bool:
    """Start the run and SIGKILL it as soon as `pattern` exists; False if it ended before."""
    with log.open("a") as out:
        process = subprocess.Popen(command("run", "--once"), env=environment(data_dir), stdout=out, stderr=out)
        while process.poll() is None:
            if any(data_dir.glob(pattern)):
                process.send_signal(signal.SIGKILL)
                process.wait()
                return True
            time.sleep(0.02)
    return False


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    data_dir = tmp_path_factory.mktemp("walk")
    log = data_dir / "killed.log"
    kills = [station for station, pattern in KILL_AT.items() if _killed_at(data_dir, pattern, log)]
    done = subprocess.run(
        command("run", "--once"), env=environment(data_dir), capture_output=True, text=True, check=False, timeout=400
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{log.read_text()[-3000:]}"
    return FinishedRun(data_dir, done.stdout + done.stderr, tuple(kills))


@dataclass(frozen=True)
class Site:
    url: str
    passwords: dict[str, str]


def serve(data_dir: Path, log: Path) -> Iterator[Site]:
    with log.open("w") as out:
        server = subprocess.Popen(
            command("serve", "--port", "0"), env=environment(data_dir), stdout=subprocess.PIPE, stderr=out, text=True
        )
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            assert url.startswith("http://"), log.read_text()
            lines = (data_dir / "demo-accounts.txt").read_text().splitlines()
            yield Site(url, dict(line.split("\t") for line in lines))
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture(scope="session")
def site(finished_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from serve(finished_run.data_dir, tmp_path_factory.mktemp("logs") / "serve.log")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first pays for the whole job, killed and gone on with in five stations."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(900))
