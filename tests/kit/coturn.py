"""Owns a real coturn on loopback with time-limited credentials, for tests that relay."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TURNSERVER = shutil.which("turnserver") or "/usr/bin/turnserver"
_UP_S = 20.0


@contextmanager
def coturn(folder: Path, secret: str) -> Iterator[int]:
    """Run Debian's coturn for loopback peers; yields its UDP and TCP port. Its log is `<folder>/turn.log`."""
    port = _free_port()
    command = [
        TURNSERVER, "-n", "--no-cli", "--no-tls", "--no-dtls", "--use-auth-secret", f"--static-auth-secret={secret}", "--realm=yunjian",
        f"--listening-port={port}", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers",
        "--log-file=stdout", f"--pidfile={folder / 'turn.pid'}", f"--userdb={folder / 'turn.db'}",
    ]  # fmt: skip
    with (folder / "turn.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _UP_S
    while time.monotonic() < until and process.poll() is None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("coturn did not start; see turn.log")
