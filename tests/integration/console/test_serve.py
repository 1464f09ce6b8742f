"""The server as a process, and the loops beside it."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.background import Background
from console.metrics import Metrics
from console.serve import run_server
from core import events
from core.context import Services
from core.errors import EnvironmentFault, Refused


@contextmanager
def serving(data_dir: Path, *arguments: str) -> Iterator[str]:
    """`yunjian serve --port 0` in a process of its own; gives the address it printed."""
    environment = {**os.environ, "YUNJIAN_DATA_DIR": str(data_dir), "YUNJIAN_LANGUAGE": "en"}
    process = subprocess.Popen(
        [sys.executable, "-m", "console.cli", "serve", "--port", "0", *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, process.stderr.read() if process.stderr else ""
        yield address
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        assert process.returncode in {0, -signal.SIGTERM, 128 + signal.SIGTERM}
        assert process.stdout.read() == "", "the address is the only line on stdout"
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_serve_prints_its_address_and_ends_on_sigterm(tmp_path: Path) -> None:
    with serving(tmp_path) as address:
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{address}/healthz", timeout=10) as answer:
            assert b'"status":"ok"' in answer.read()


def test_serve_tls(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "console.cli", "tls", "init"],
        env={**os.environ, "YUNJIAN_DATA_DIR": str(tmp_path)}, check=True, capture_output=True,
    )  # fmt: skip
    assert made.stdout
    trust = ssl.create_default_context(cafile=tmp_path / "tls" / "authority.pem")
    with (
        serving(tmp_path, "--tls") as address,
        urllib.request.urlopen(f"{address}/healthz", context=trust, timeout=10) as answer,
    ):
        assert address.startswith("https://")
        assert answer.headers["strict-transport-security"]


def test_a_taken_port_is_said(services: Services) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(EnvironmentFault) as fault:
            run_server(services, "127.0.0.1", taken.getsockname()[1])
    assert fault.value.code == "console.port_taken"


def test_an_open_address_is_refused_before_anything_starts(services: Services) -> None:
    with pytest.raises(Refused) as refused:
        run_server(services, "0.0.0.0", 0)  # noqa: S104  # refused
    assert refused.value.code == "console.open_without_tls"


def test_events_reach_every_subscriber_and_wait_for_one_that_fails(services: Services) -> None:
    heard: list[int] = []
    broken = [True]

    def sometimes(event: events.Event) -> None:
        if broken[0]:
            raise RuntimeError
        heard.append(event.id)

    beside = Background(services, Metrics(), {"test": sometimes})
    with services.db.write() as session:
        number = events.publish(session, services.clock, stream="s", type="t", payload={})
    with pytest.raises(RuntimeError):
        beside.deliver_events()
    broken[0] = False
    assert beside.deliver_events() == 1
    assert beside.deliver_events() == 0
    assert heard == [number]
