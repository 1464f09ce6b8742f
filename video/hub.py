"""Owns who is connected by websocket, and telling a room or a seat something, from any thread.

Never stores a message: what must last goes through `video.service` into the database.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

QUEUE_MESSAGES = 200


@dataclass(eq=False)
class Line:
    """One participant's websocket. A reader that is too slow is cut off instead of filling memory."""

    room_id: str
    seat_id: str
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[dict[str, Any] | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_MESSAGES))

    def put(self, message: dict[str, Any] | None) -> None:
        try:
            self.loop.call_soon_threadsafe(self._put, message)
        except RuntimeError:  # the loop is closing; nobody is listening any more
            return

    def _put(self, message: dict[str, Any] | None) -> None:
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None)
        else:
            self.queue.put_nowait(message)


class Hub:
    """Lines by room and seat: one per seat, the newest wins."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, Line]] = {}
        self._lock = threading.Lock()

    def join(self, line: Line) -> None:
        with self._lock:
            older = self._lines.setdefault(line.room_id, {}).get(line.seat_id)
            self._lines[line.room_id][line.seat_id] = line
        if older is not None:
            older.put(None)

    def leave(self, line: Line) -> None:
        with self._lock:
            lines = self._lines.get(line.room_id, {})
            if lines.get(line.seat_id) is line:
                del lines[line.seat_id]
            if not lines:
                self._lines.pop(line.room_id, None)

    def present(self, room_id: str) -> set[str]:
        """Seats of a room whose line is up."""
        with self._lock:
            return set(self._lines.get(room_id, {}))

    def tell_seat(self, room_id: str, seat_id: str, message: dict[str, Any]) -> None:
        with self._lock:
            line = self._lines.get(room_id, {}).get(seat_id)
        if line is not None:
            line.put(message)

    def tell_room(self, room_id: str, message: dict[str, Any], *, but: str | None = None) -> None:
        with self._lock:
            lines = list(self._lines.get(room_id, {}).values())
        for line in lines:
            if line.seat_id != but:
                line.put(message)

    def hang_up(self, room_id: str, seat_id: str | None = None) -> None:
        """End the lines of a seat, or of the whole room."""
        with self._lock:
            lines = [line for line in self._lines.get(room_id, {}).values() if seat_id in (None, line.seat_id)]
        for line in lines:
            line.put(None)
