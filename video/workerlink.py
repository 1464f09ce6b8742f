"""Owns one room worker process: starting it, talking to it, noticing its death, starting it again.

Never knows what a room is. The process is started by the thread that also reads from it, because the kernel ends the
child with the thread that started it (`core.processes`).
"""

from __future__ import annotations

import itertools
import logging
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core import errors
from core.processes import python_module, spawn, stop
from video import control

log = logging.getLogger("video.workerlink")
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0
READY_S = 120.0  # a busy machine takes its time to import; nobody is served sooner by giving up
_KINDS: dict[str, type[errors.YunJianError]] = {
    kind.__name__: kind
    for kind in (errors.InputError, errors.NotFound, errors.Refused, errors.AccessDenied, errors.Unfinished,
                 errors.EnvironmentFault, errors.StorageFull)
}  # fmt: skip


class WorkerLink:
    """`on_lost` is called when the process died unasked, `on_back` when its successor is ready (from another thread)."""

    def __init__(
        self,
        path: Path,
        arguments: Sequence[str],
        on_news: Callable[[control.News], None],
        on_lost: Callable[[WorkerLink], None],
        on_back: Callable[[WorkerLink], None],
    ) -> None:
        self._path, self._arguments = path, list(arguments)
        self._on_news, self._on_lost, self._on_back = on_news, on_lost, on_back
        self._process: subprocess.Popen[str] | None = None
        self._socket: socket.socket | None = None
        self._pending: dict[int, Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=f"video-{path.name}", daemon=True)

    @property
    def pid(self) -> int | None:
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            EnvironmentFault: it did not come up.
        """
        self._thread.start()
        if not self._ready.wait(READY_S):
            self.stop()
            raise errors.EnvironmentFault("video.no_worker")

    def stop(self) -> None:
        """Let the worker close its rooms, then end it."""
        try:
            self.call(control.Shutdown(), 30.0)
        except errors.YunJianError as error:
            log.info("worker was not there to say goodbye to: %s", error.code)
        self._stopping.set()
        connection = self._socket
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("control socket was closed already")
        self._thread.join(10.0)

    def call(self, command: control.Command, timeout_s: float) -> dict[str, Any]:
        """One order and its result.

        Raises:
            Unfinished: the worker died or did not answer in time.
            YunJianError: what the worker answered.
        """
        number = next(self._numbers)
        future: Future[dict[str, Any]] = Future()
        data = control.line(control.Request(id=number, command=command))
        if len(data) > control.MAX_LINE:
            raise errors.InputError("video.sdp_size")
        try:
            with self._lock:
                if self._socket is None:
                    raise errors.Unfinished("video.worker_lost")
                self._pending[number] = future
                self._socket.sendall(data)
            return future.result(timeout_s)
        except (OSError, FutureTimeout) as error:
            raise errors.Unfinished("video.worker_lost") from error
        finally:
            self._pending.pop(number, None)

    def _supervise(self) -> None:
        wait_s, first = FIRST_WAIT_S, True
        while not self._stopping.is_set():
            came_up = self._live(first)
            if self._stopping.is_set():
                return
            if came_up:
                wait_s, first = FIRST_WAIT_S, False
                self._on_lost(self)
            self._stopping.wait(wait_s)
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    def _live(self, first: bool) -> bool:  # noqa: FBT001 - private; says whether this is the first life
        """Run one process to its end; True if it came up."""
        self._path.unlink(missing_ok=True)
        process = spawn(python_module("video.worker", "--socket", str(self._path), *self._arguments), stdout=subprocess.PIPE)
        self._process = process
        try:
            if process.stdout is None or process.stdout.readline().strip() != "ready":
                return False
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(str(self._path))
                with self._lock:
                    self._socket = connection
                self._ready.set()
                if not first:
                    threading.Thread(target=self._back, name=f"{self._path.name}-back", daemon=True).start()
                self._read(connection)
        except OSError as error:
            log.warning("room worker: %s", error)
            return False
        else:
            return True
        finally:
            self._fail_pending()
            stop(process)
            if process.stdout is not None:
                process.stdout.close()

    def _back(self) -> None:
        try:
            self._on_back(self)
        except errors.YunJianError as error:  # it died again; the next life tries again
            log.warning("rooms were not restored: %s", error.code)

    def _read(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            try:
                for data in stream:
                    self._take(data)
            except OSError as error:
                log.info("control socket: %s", error)

    def _take(self, data: bytes) -> None:
        try:
            if data.startswith(b'{"event"'):
                self._on_news(control.news_adapter.validate_json(data))
                return
            reply = control.Reply.model_validate_json(data)
        except ValidationError:
            log.warning("unreadable report of %d bytes", len(data))
            return
        future = self._pending.get(reply.id)
        if future is None or future.done():
            return
        if reply.code:
            params = dict(reply.params)
            kind = _KINDS.get(params.pop("_type", ""), errors.EnvironmentFault)
            future.set_exception(kind(reply.code, **params))
        else:
            future.set_result(reply.result)

    def _fail_pending(self) -> None:
        with self._lock:
            self._socket = None
            waiting = list(self._pending.values())
        for future in waiting:
            if not future.done():
                future.set_exception(errors.Unfinished("video.worker_lost"))
