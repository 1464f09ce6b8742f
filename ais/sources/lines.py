"""Owns sources that are read like files: a serial line, and a log replayed at a pace.

Never makes up a time: a log without times is replayed at a fixed number of lines a second.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import serial

from ais.reading import file_chunks
from ais.sources.inbox import Inbox, Lines
from ais.sources.spec import SourceSpec
from core.clock import Clock

_EPOCH = re.compile(rb"(?:c:|\*[0-9A-Fa-f]{2},(?:.*,)?|^)(\d{10})(?:\d{3}|\.\d+)?(?=[*,\s]|$)")


def serial_line(spec: SourceSpec, inbox: Inbox, stop: threading.Event) -> None:
    """Read a receiver on a serial port.

    Raises:
        OSError: it cannot be opened, or was pulled out.
    """
    with serial.Serial(spec.path, spec.baud, timeout=0.2) as port:
        inbox.state.condition, inbox.state.connects, inbox.state.fault = "up", inbox.state.connects + 1, None
        lines = Lines()
        while not stop.is_set():
            data = port.read(max(1, port.in_waiting))
            if data:
                inbox.put(lines.feed(data))


def replay_file(spec: SourceSpec, inbox: Inbox, stop: threading.Event, clock: Clock) -> None:
    """Replay a log once; a full queue makes it wait, not lose.

    Raises:
        NotFound, InputError: the file is missing or unreadable.
    """
    inbox.state.condition, inbox.state.connects = "up", inbox.state.connects + 1
    began, first_s = clock.monotonic(), None
    for sent, line in enumerate(_lines(Path(spec.path))):
        if spec.speed > 0:
            written = _EPOCH.search(line)
            if written is not None:
                at_s = int(written.group(1))
                first_s = at_s if first_s is None else first_s
                due = began + (at_s - first_s) / spec.speed
            else:
                due = began + sent / spec.rate / spec.speed if first_s is None and spec.rate > 0 else began
            while not stop.is_set() and (late := due - clock.monotonic()) > 0:
                stop.wait(min(late, 0.5))
        while not stop.is_set() and not inbox.has_room(len(line)):
            stop.wait(0.05)
        if stop.is_set():
            return
        inbox.put(line)
    inbox.state.condition = "ended"


def _lines(path: Path) -> Iterator[bytes]:
    lines = Lines()
    for chunk in file_chunks(path):
        yield from lines.feed(chunk).splitlines(keepends=True)
    yield from lines.finish().splitlines(keepends=True)
