"""The console starts the ingest process, starts it again after a kill, and ends it with itself."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ais import live_ships, write_scenario
from config import Settings
from console.ingest_process import IngestProcess
from core.clock import SystemClock
from core.context import Services
from core.db import Database
from core.files import FileStore


def until(condition: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(1200):
        if condition():
            return
        waiting.wait(0.05)
    pytest.fail("nothing happened in 60 s")


def test_ingest_is_started_and_started_again(settings: Settings, db: Database, files: FileStore, tmp_path: Path) -> None:
    clock = SystemClock()
    log = write_scenario(tmp_path / "scenario", 1, clock.now()).nmea
    fast = settings.ais.model_copy(
        update={"sources": (f"file://{log}?speed=0", "udp://127.0.0.1:0?name=port"), "retry_s": 0.05, "flush_s": 0.1}
    )
    services = Services(settings.model_copy(update={"ais": fast}), db, files, clock)
    ingest = IngestProcess(services)
    ingest.start()
    try:
        until(lambda: len(live_ships(services)) > 30)
        first = ingest.child
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: ingest.starts == 2 and ingest.child is not first)
    finally:
        ingest.stop()
    assert ingest.child is not None
    assert ingest.child.poll() is not None


def test_without_sources_there_is_no_process(settings: Settings, db: Database, files: FileStore) -> None:
    ingest = IngestProcess(Services(settings, db, files, SystemClock()))
    ingest.start()
    ingest.stop()
    assert ingest.starts == 0
