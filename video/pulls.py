"""Owns the processes that bring RTSP cameras into rooms: starting them, handing on their offers, starting them again.

Never reads a stream (`video.pull`) and never decides who may bring one (`video.bringing`).
"""

from __future__ import annotations

import json
import logging
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from core.errors import YunJianError
from core.processes import python_module, spawn, stop
from video.cameras import Camera, CameraPack
from video.pull import UNUSABLE

log = logging.getLogger("video.pulls")
Publish = Callable[[str, str, str], tuple[str, str]]
"""(room, seat, SDP offer) -> (connection, SDP answer)."""
Told = Callable[[str, dict[str, Any]], None]
"""(room, message)."""


@dataclass(frozen=True, slots=True)
class Bringing:
    """Which camera sits where."""

    room_id: str
    seat_id: str
    camera: Camera


class Pull:
    """One camera in one room; its thread starts the process, because the kernel ends the child with the thread that made it."""

    def __init__(self, what: Bringing, pack: CameraPack, addresses: Sequence[str], publish: Publish, tell: Told) -> None:
        self.what = what
        self._pack, self._addresses, self._publish, self._tell = pack, list(addresses), publish, tell
        self._process: subprocess.Popen[str] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=f"pull-{what.camera.id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def restart(self) -> None:
        """End the process; the thread starts another."""
        process = self._process
        if process is not None:
            process.terminate()

    def stop(self) -> None:
        self._stopping.set()
        self.restart()
        self._thread.join(10.0)

    def _supervise(self) -> None:
        wait_s = self._pack.retry_s
        while not self._stopping.is_set():
            came_up, code = self._live()
            if self._stopping.is_set():
                return
            self._state("unusable" if code == UNUSABLE else "trying")
            wait_s = self._pack.retry_s if came_up else min(self._pack.retry_max_s, 2 * wait_s)
            self._stopping.wait(wait_s)

    def _live(self) -> tuple[bool, int]:
        """Run one process to its end: whether it came to pictures, and its exit code."""
        try:
            job = {
                "address": self.what.camera.address(), "transport": self.what.camera.transport, "open_s": self._pack.open_s,
                "silent_s": self._pack.silent_s, "addresses": self._addresses,
            }  # fmt: skip
            process = spawn(python_module("video.pull"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except (YunJianError, OSError) as error:
            log.warning("camera %s: %s", self.what.camera.id, type(error).__name__)
            return False, 0
        self._process, came_up = process, False
        if self._stopping.is_set():  # it was asked to end while it began
            process.terminate()
        try:
            if process.stdin is None or process.stdout is None:
                return False, 0
            _say(process, job)
            for line in process.stdout:
                came_up = self._take(process, json.loads(line)) or came_up
        except (OSError, ValueError, YunJianError) as error:
            log.warning("camera %s: %s", self.what.camera.id, type(error).__name__)
        finally:
            with suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()
            stop(process)
            if process.stdout is not None:
                process.stdout.close()
        return came_up, process.returncode

    def _take(self, process: subprocess.Popen[str], told: dict[str, str]) -> bool:
        if told["event"] != "offer":
            log.info("camera %s: %s (%s)", self.what.camera.id, told["event"], told.get("why", ""))
            return False
        _, answer = self._publish(self.what.room_id, self.what.seat_id, told["sdp"])
        _say(process, {"sdp": answer})
        self._state("live")
        return True

    def _state(self, state: str) -> None:
        self._tell(self.what.room_id, {"type": "camera", "seat": self.what.seat_id, "state": state})


def _say(process: subprocess.Popen[str], message: dict[str, Any]) -> None:
    if process.stdin is not None:
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()


class Pulls:
    """All cameras that are in rooms now."""

    def __init__(self, publish: Publish, tell: Told) -> None:
        self._publish, self._tell = publish, tell
        self._running: dict[str, Pull] = {}
        self._lock = threading.Lock()

    def start(self, what: Bringing, pack: CameraPack, addresses: Sequence[str]) -> None:
        """Bring a camera into a room, and keep at it until `stop`; no error where it is there already."""
        with self._lock:
            if what.seat_id in self._running:
                return
            pull = self._running[what.seat_id] = Pull(what, pack, addresses, self._publish, self._tell)
        pull.start()

    def stop(self, *, seat_id: str | None = None, room_id: str | None = None) -> None:
        """Take a seat's camera, a room's cameras, or (with neither) all of them away."""
        with self._lock:
            gone = [
                one for one in self._running.values()
                if seat_id in (None, one.what.seat_id) and room_id in (None, one.what.room_id)
            ]  # fmt: skip
            for one in gone:
                del self._running[one.what.seat_id]
        for one in gone:
            one.stop()

    def restart(self, room_id: str) -> None:
        """A new worker has the room: offer again."""
        with self._lock:
            mine = [one for one in self._running.values() if one.what.room_id == room_id]
        for one in mine:
            one.restart()

    def seats(self, room_id: str) -> dict[str, str]:
        """Seat of each camera that is in the room, by camera id."""
        with self._lock:
            return {one.what.camera.id: one.what.seat_id for one in self._running.values() if one.what.room_id == room_id}
