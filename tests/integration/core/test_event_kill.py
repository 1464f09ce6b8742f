"""A subscriber is killed between handling an event and moving its cursor: it sees that event again, and loses none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from core import events
from core.context import Services

ROOT = Path(__file__).resolve().parents[3]


def _child(services: Services, notes: Path, hang_after: str) -> subprocess.Popen[str]:
    script = Path(__file__).with_name("event_child.py")
    return subprocess.Popen(
        [sys.executable, str(script), str(services.settings.data_dir), str(notes), hang_after],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_killed_between_handling_and_cursor(services: Services, tmp_path: Path) -> None:
    with services.db.write() as session:
        for name in ("a", "b", "c"):
            events.publish(session, services.clock, stream="s", type=name, payload={})
    notes = tmp_path / "notes"
    first = _child(services, notes, "b")
    assert first.stdout is not None
    assert [first.stdout.readline(), first.stdout.readline()] == ["a\n", "b\n"]
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=30)
    second = _child(services, notes, "none")
    second.communicate(timeout=60)
    assert second.returncode == 0
    assert notes.read_text().split() == ["a", "b", "b", "c"]
