"""Every kind of source with a real peer on loopback: all lines arrive, a lost connection is made again."""

from __future__ import annotations

import gzip
import os
import pty
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import xor
from pathlib import Path

import httpx
import pytest

from ais.sources import Supply, parse_source
from config import Settings
from core.clock import SystemClock
from tests.unit.ais.kit import frames, single

LINES = [b"!AIVDM,1,1,,A,%04d,0*00\n" % number for number in range(200)]


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(400):
        if condition():
            return
        waiting.wait(0.025)
    pytest.fail("nothing happened in 10 s")


@contextmanager
def running(settings: Settings, address: str) -> Iterator[Supply]:
    fast = settings.ais.model_copy(update={"retry_s": 0.05, "retry_max_s": 0.1})
    supply = Supply([parse_source(address)], fast, SystemClock())
    supply.start()
    try:
        yield supply
    finally:
        supply.stop()


class Taken:
    """What arrived so far."""

    def __init__(self, supply: Supply) -> None:
        self.inbox = next(iter(supply.inboxes.values()))
        self.data = b""

    def lines(self) -> list[bytes]:
        self.data += self.inbox.take()
        return self.data.splitlines(keepends=True)


def test_udp(settings: Settings) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with running(settings, f"udp://127.0.0.1:{port}") as supply:
        taken = Taken(supply)
        until(lambda: taken.inbox.snapshot().condition == "up")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            for line in LINES:
                sending.sendto(line, ("127.0.0.1", port))
        until(lambda: len(taken.lines()) == len(LINES))
        assert taken.lines() == LINES


def test_a_multicast_group_as_iec_61162_450_uses_it(settings: Settings) -> None:
    port = free_port(socket.SOCK_DGRAM)
    tag = b"s:AI0001,c:1795485600"
    datagram = b"UdPbC\x00\\%b*%02X\\%b\r\n" % (tag, reduce(xor, tag), single())
    with running(settings, f"udp://239.192.0.4:{port}?interface=127.0.0.1") as supply:
        taken = Taken(supply)
        until(lambda: taken.inbox.snapshot().condition == "up")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            sending.sendto(datagram, ("239.192.0.4", port))
        until(lambda: len(taken.lines()) == 1)
    (frame,) = frames(taken.data)
    assert (frame.station, frame.at_ms, frame.source) == ("AI0001", 1795485600_000, "tag")


def test_tcp_client_connects_again(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        with running(settings, f"tcp://127.0.0.1:{server.getsockname()[1]}") as supply:
            taken = Taken(supply)
            for half in (LINES[:100], LINES[100:]):
                connection, _ = server.accept()
                data = b"".join(half)
                connection.sendall(data[:50])
                connection.sendall(data[50:])
                connection.close()
            until(lambda: len(taken.lines()) == len(LINES))
            assert taken.lines() == LINES
            assert taken.inbox.snapshot().connects == 2
            until(lambda: taken.inbox.snapshot().fault is not None)


def test_tcp_server_keeps_the_lines_of_its_clients_apart(settings: Settings) -> None:
    port = free_port()
    with running(settings, f"tcp-listen://127.0.0.1:{port}") as supply:
        taken = Taken(supply)
        until(lambda: taken.inbox.snapshot().condition == "up")
        first, second = (socket.create_connection(("127.0.0.1", port)) for _ in range(2))
        for one, other in zip(LINES[:100], LINES[100:], strict=True):
            first.sendall(one[:9])
            second.sendall(other[:5])
            first.sendall(one[9:])
            second.sendall(other[5:])
        first.close()
        second.close()
        until(lambda: len(taken.lines()) == len(LINES))
        assert sorted(taken.lines()) == LINES


def test_http(settings: Settings) -> None:
    port = free_port()
    body = b'{"stationid":"s1","msgs":[{"rxtime":"20261124020000","nmea":["!AIVDM,1,1,,A,15RTgt0PAso;90TKcjM8h6g208CQ,0*4A"]}]}'
    with running(settings, f"http-listen://127.0.0.1:{port}") as supply:
        taken = Taken(supply)
        until(lambda: taken.inbox.snapshot().condition == "up")
        url = f"http://127.0.0.1:{port}/"
        assert httpx.post(url, content=body).status_code == 200
        assert httpx.post(url, content=gzip.compress(body), headers={"content-encoding": "gzip"}).status_code == 200
        assert httpx.post(url, content=b"not json").status_code == 400
        assert httpx.post(url, content=b"not gzip", headers={"content-encoding": "gzip"}).status_code == 400
        assert httpx.post(url, content=gzip.compress(b" " * 9_000_000), headers={"content-encoding": "gzip"}).status_code == 400
        until(lambda: len(taken.lines()) == 2)


def test_serial(settings: Settings) -> None:
    master, slave = pty.openpty()
    try:
        with running(settings, f"serial://{os.ttyname(slave)}?baud=38400") as supply:
            taken = Taken(supply)
            until(lambda: taken.inbox.snapshot().condition == "up")
            for line in LINES:
                os.write(master, line)
            until(lambda: len(taken.lines()) == len(LINES))
            assert taken.lines() == LINES
    finally:
        os.close(master)
        os.close(slave)


def test_file_replay_ends_and_loses_nothing_in_a_small_queue(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "log.nmea.gz"
    path.write_bytes(gzip.compress(b"".join(LINES * 40)))
    with running(settings, f"file://{path}?speed=0") as supply:
        taken = Taken(supply)
        taken.inbox.limit_bytes = 2_000
        until(lambda: len(taken.lines()) == len(LINES) * 40 and supply.ended)
        assert taken.inbox.snapshot().dropped_lines == 0


def test_a_replay_keeps_the_pace_of_the_log(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "log.nmea"
    path.write_bytes(b"".join(b"\\c:%d*00\\%s" % (1795485600 + number, line) for number, line in enumerate(LINES)))
    clock = SystemClock()
    began = clock.monotonic()
    with running(settings, f"file://{path}?speed=400") as supply:
        taken = Taken(supply)
        until(lambda: supply.ended)
        assert clock.monotonic() - began >= 199 / 400
        assert len(taken.lines()) == len(LINES)


def test_a_source_that_cannot_start_is_tried_again(settings: Settings) -> None:
    with running(settings, f"tcp://127.0.0.1:{free_port()}") as supply:
        state = next(iter(supply.inboxes.values()))
        until(lambda: state.snapshot().condition == "waiting")
        assert state.snapshot().fault
