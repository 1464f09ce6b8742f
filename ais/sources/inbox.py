"""Owns the bounded queue between a source's thread and the ingest loop, and what is known of the source's condition.

Never blocks the source: what does not fit is dropped and counted.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Literal

Condition = Literal["starting", "up", "waiting", "ended"]


@dataclass(slots=True)
class SourceState:
    """Counters of one source. `kernel_drops`: datagrams that the system threw away before we saw them."""

    condition: Condition = "starting"
    connects: int = 0
    fault: str | None = None
    read_bytes: int = 0
    dropped_lines: int = 0
    kernel_drops: int = 0


@dataclass(slots=True)
class Inbox:
    """Whole lines of one source, at most `limit_bytes` of them."""

    limit_bytes: int
    state: SourceState = field(default_factory=SourceState)
    _waiting: deque[bytes] = field(default_factory=deque)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, lines: bytes) -> None:
        """Whole lines, each with its end."""
        with self._lock:
            self.state.read_bytes += len(lines)
            if self._size + len(lines) > self.limit_bytes:
                self.state.dropped_lines += lines.count(b"\n")
                return
            self._waiting.append(lines)
            self._size += len(lines)

    def has_room(self, size: int) -> bool:
        """For sources that can wait, as a file can."""
        with self._lock:
            return self._size + size <= self.limit_bytes

    def take(self) -> bytes:
        with self._lock:
            lines = b"".join(self._waiting)
            self._waiting.clear()
            self._size = 0
        return lines

    def snapshot(self) -> SourceState:
        with self._lock:
            return replace(self.state)


class Lines:
    """Cuts a stream into whole lines; a line without an end is given up at `limit` bytes."""

    def __init__(self, limit: int = 1 << 16) -> None:
        self._rest = b""
        self._limit = limit

    def feed(self, data: bytes) -> bytes:
        whole, end, rest = (self._rest + data).rpartition(b"\n")
        if len(rest) > self._limit:
            whole, end, rest = whole + end + rest, b"\n", b""
        self._rest = rest
        return whole + end

    def finish(self) -> bytes:
        rest, self._rest = self._rest, b""
        return rest + b"\n" if rest else b""
