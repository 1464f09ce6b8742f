"""A receiver of the double push as a process of its own that honours the key, keeps its effects on disk and dies before acknowledging.

Whoever plays the other system: it appends every key it saw to ``wire``, has one file per effect, and for every fifth new effect it ends
between having the effect and answering. A supervisor starts it again at the same address.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Self

from tests.integration.companion.race import FORKED


class Receiver:
    """Supervises the process; use as a context."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "effects").mkdir(parents=True)
        (folder / "wire").touch()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/push"
        self.crashes = 0
        self._ends = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        for _ in range(6000):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return self
            time.sleep(0.02)
        raise TimeoutError(self.url)

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._keeper.join()

    def wire(self) -> list[str]:
        return (self.folder / "wire").read_text().split()

    def effects(self) -> set[str]:
        return {path.read_text() for path in (self.folder / "effects").iterdir()}

    def _keep(self) -> None:
        while not self._ends.is_set():
            process = FORKED.Process(target=serve, args=(str(self.folder), self.port), daemon=True)
            process.start()
            while process.is_alive() and not self._ends.wait(0.02):
                pass
            if process.is_alive():
                process.kill()
            else:
                self.crashes += 1
            process.join()


class Handler(BaseHTTPRequestHandler):
    """One push: seen, done once, and then answered, or not."""

    folder: Path

    def do_POST(self) -> None:
        key = self.headers["Idempotency-Key"]
        self.rfile.read(int(self.headers["Content-Length"]))
        with (self.folder / "wire").open("a") as wire:
            wire.write(f"{key}\n")
        name = hashlib.sha256(key.encode()).hexdigest()
        effect = self.folder / "effects" / name
        new = not effect.exists()
        if new:
            half = self.folder / name
            half.write_text(key)
            half.rename(effect)
        if new and int(name[:8], 16) % 5 == 0:
            os._exit(9)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def serve(folder: str, port: int) -> None:
    Handler.folder = Path(folder)
    HTTPServer(("127.0.0.1", port), Handler).serve_forever()
