"""Owns starting a forwarding process and its load, and reading what the process costs: ours (the real room worker) or MediaRelay.

Never judges a figure.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, Self

from core.processes import python_module, spawn, stop
from video import control
from video.workerlink import WorkerLink

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
CALL_S = 30.0


def cpu_s(pid: int) -> float:
    """CPU seconds of a process with all its threads (proc(5), stat fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6


class Lines:
    """A child that takes one JSON line and gives one."""

    def __init__(self, module: str) -> None:
        self.process = spawn(python_module(module), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **order: Any) -> dict[str, Any]:
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("no pipes")
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"{order['do']}: the process ended")
        return dict(json.loads(line))

    def close(self) -> None:
        stop(self.process)


class Middle(Protocol):
    """What stands between publishers and viewers."""

    @property
    def pid(self) -> int: ...

    def publish(self, room: str, seat: str, sdp: str) -> str: ...

    def view(self, room: str, of: str, sdp: str, codec: str = "VP8") -> str: ...


class RelayMiddle:
    """MediaRelay in its process."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    @property
    def pid(self) -> int:
        return self._lines.process.pid

    def publish(self, room: str, seat: str, sdp: str) -> str:
        return str(self._lines.ask(do="publish", seat=f"{room}/{seat}", sdp=sdp)["sdp"])

    def view(self, room: str, of: str, sdp: str, codec: str = "VP8") -> str:
        return str(self._lines.ask(do="view", of=f"{room}/{of}", sdp=sdp, codec=codec)["sdp"])


class WorkerMiddle:
    """The product's room worker, spoken to as `video.rooms` does."""

    def __init__(self, link: WorkerLink) -> None:
        self.link = link
        self._rooms: set[str] = set()

    @property
    def pid(self) -> int:
        if self.link.pid is None:
            raise RuntimeError("the worker is gone")
        return self.link.pid

    def publish(self, room: str, seat: str, sdp: str) -> str:
        if room not in self._rooms:
            self._rooms.add(room)
            self.link.call(control.CreateRoom(room=room), CALL_S)
        return str(self.link.call(control.Publish(room=room, seat=seat, sdp=sdp), CALL_S)["sdp"])

    def view(self, room: str, of: str, sdp: str, codec: str = "VP8") -> str:
        return str(self.link.call(control.View(room=room, seat="viewer", of=of, sdp=sdp), CALL_S)["sdp"])


@contextmanager
def relay() -> Iterator[RelayMiddle]:
    lines = Lines("tests.kit.media_relay")
    try:
        yield RelayMiddle(lines)
    finally:
        lines.close()


@contextmanager
def worker(folder: Path) -> Iterator[WorkerMiddle]:
    arguments = ["--out", str(folder), "--address", "127.0.0.1", "--ceiling-kbps", "20000"]
    link = WorkerLink(folder / "w", arguments, lambda _news: None, lambda _link: None, lambda _link: None)
    link.start()
    try:
        yield WorkerMiddle(link)
    finally:
        link.stop()


class Load:
    """Load peers of one process, joined to a middle."""

    def __init__(self, middle: Middle) -> None:
        self.middle = middle
        self.lines = Lines("tests.kit.load_peers")

    def publish(self, room: str, seat: str, clip: dict[str, Any]) -> None:
        offer = self.lines.ask(do="publish", clip=clip)
        self.lines.ask(do="answer", id=offer["id"], sdp=self.middle.publish(room, seat, offer["sdp"]))

    def view(self, room: str, of: str, codec: str = "VP8") -> None:
        offer = self.lines.ask(do="view")
        self.lines.ask(do="answer", id=offer["id"], sdp=self.middle.view(room, of, offer["sdp"], codec))

    def counts(self) -> dict[str, list[int]]:
        return self.lines.ask(do="counts")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()
