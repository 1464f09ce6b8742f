"""Live load: messages a second from 3 UDP sources into ingest, a web server with 20 websocket readers; loss, CPU, memory, map query.

`python -m tests.perf.bench_ais_live [--small]`; 5,000 messages/s for 60 s (small: 1,000 for 8 s). CPU is rusage of both
processes; the sender and the readers are in this one and are not counted; the map query comes from a third (`ais_probe.py`). The full form warms up until every bounded store is at its
bound, so that memory that still grows is a leak: twenty minutes of reports with written times fill the look-back windows of each
ship; then the full rate with all readers for longer than reports wait for their order (`points.lateness_s` of behaviour.toml). `--hold
SECONDS` holds the full rate for longer. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from pathlib import Path
from random import Random
from statistics import quantiles

import httpx
import numpy as np
from pyais import encode_dict
from websockets.asyncio.client import connect

from ais.behaviour import load_behaviour
from config import load_settings
from console.services import open_services
from core import accounts, processes

VESSELS, READERS, SOURCES = 2000, 20, 3
STEP_S = 30.0  # of the filling reports
PROBE_START_S = 2.0


@dataclass(frozen=True)
class Plan:
    """Messages a second, for how long they count, and the warm-up: seconds at the rate, minutes of reports before it."""

    rate: int
    seconds: float
    warm_s: float
    fill_minutes: float


def _warm_s() -> float:
    """A quarter more than the longest time that a report waits for its order."""
    return load_behaviour().points.lateness_s * 1.25


@dataclass
class Seen:
    """What the readers and the probe noticed."""

    frames: int = 0
    vessels: int = 0
    idle_s: list[float] = field(default_factory=list)
    busy_s: list[float] = field(default_factory=list)
    memory: list[tuple[float, float, float]] = field(default_factory=list)  # time, web, ingest


def sentences(seed: int) -> list[list[bytes]]:
    """A few reports of each vessel: nine positions to one static report, as class A sends them."""
    random = Random(seed)
    made: list[list[bytes]] = []
    for number in range(VESSELS):
        lon, lat = 121.5 + random.random(), 39.8 + random.random()
        reports: list[dict[str, str | int | float | bytes | bool]] = [
            {"msg_type": 1, "mmsi": 412000000 + number, "lon": lon + step * 1e-4, "lat": lat, "speed": 9.0, "course": 90.0,
             "heading": 90, "status": 0, "second": step}
            for step in range(9)
        ]  # fmt: skip
        static: dict[str, str | int | float | bytes | bool] = {
            "msg_type": 5,
            "mmsi": 412000000 + number,
            "shipname": f"BENCH {number}",
            "to_bow": 80,
            "to_stern": 20,
        }
        made.append(["\n".join(encode_dict(one, sentence_type="VDM")).encode() for one in (*reports, static)])
    return made


def fill(ports: list[int], minutes: float) -> int:
    """The reports of the last minutes, each with its time in a tag block; returns how many left.

    Slow enough for the lateness bound: one round of a second holds half a minute of them.
    """
    stock = sentences(2)
    steps = round(minutes * 60 / STEP_S)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        began, first_s = time.monotonic(), time.time() - minutes * 60
        for step in range(steps):
            body = b"c:%d" % (first_s + step * STEP_S)
            tag = b"\\%b*%02X\\" % (body, reduce(xor, body))
            for vessel in range(VESSELS):
                out.sendto(tag + stock[vessel][step % 9], ("127.0.0.1", ports[vessel % SOURCES]))
                if vessel % 20 == 0:
                    time.sleep(max(0.0, began + step + vessel / VESSELS - time.monotonic()))
    return steps * VESSELS


def send(ports: list[int], rate: int, seconds: float, stop: threading.Event) -> int:
    """Datagrams at a steady rate; returns how many messages left."""
    stock = sentences(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        began, sent = time.monotonic(), 0
        while (past := time.monotonic() - began) < seconds and not stop.is_set():
            while sent < past * rate:
                vessel, turn = sent % VESSELS, sent // VESSELS
                out.sendto(stock[vessel][turn % 10], ("127.0.0.1", ports[sent % SOURCES]))
                sent += 1
            time.sleep(0.005)
    return sent


def cpu_s(pid: int) -> float:
    """User and system time of one process (what rusage counts)."""
    parts = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def child_of(pid: int) -> int:
    """The ingest process below the server."""
    for _ in range(600):
        found = Path(f"/proc/{pid}/task")
        children = [one for task in found.iterdir() for one in (task / "children").read_text(encoding="ascii").split()]
        for child in children:
            if b"ingest" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        time.sleep(0.1)
    raise RuntimeError("ingest did not start")


async def read_frames(url: str, token: str, seen: Seen, until_s: float) -> None:
    address = url.replace("http", "ws") + "/ws/v1/ais/map"
    async with connect(address, additional_headers={"authorization": f"Bearer {token}"}, max_size=None) as socket_:
        while (left := until_s - time.monotonic()) > 0:
            try:
                frame = await asyncio.wait_for(socket_.recv(decode=False), left)
            except TimeoutError:
                return
            seen.frames += 1
            seen.vessels = max(seen.vessels, int.from_bytes(bytes(frame[8:12]), "little"))


async def probe(url: str, token: str, into: list[float], seconds: float) -> None:
    """The map query of one quarter of the water, again and again, from a process of its own."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("ais_probe.py")), url, str(seconds),
        env={**os.environ, "YUNJIAN_PROBE_TOKEN": token}, stdout=subprocess.PIPE,
    )  # fmt: skip
    answer, _ = await child.communicate()
    into += json.loads(answer)


async def stretch(url: str, token: str, pids: tuple[int, int], rate: int, seconds: float, ports: list[int], seen: Seen) -> int:
    """The full rate with all readers and the map query; returns how many messages left."""
    until = time.monotonic() + seconds

    async def watch() -> None:
        while time.monotonic() < until:
            seen.memory.append((time.monotonic(), memory_mb(pids[0]), memory_mb(pids[1])))
            await asyncio.sleep(1.0)

    sending = asyncio.to_thread(send, ports, rate, seconds, threading.Event())
    readers = [read_frames(url, token, seen, until) for _ in range(READERS)]
    results = await asyncio.gather(sending, watch(), probe(url, token, seen.busy_s, seconds - PROBE_START_S), *readers)
    return results[0] or 0


async def load(url: str, token: str, pids: tuple[int, int], plan: Plan, ports: list[int], seen: Seen) -> tuple[int, float]:
    """The idle probe, the warm-up, then what counts, without a pause that would empty what is at its bound; messages sent in all, and
    cores used in the last stretch.
    """
    sent = await asyncio.to_thread(fill, ports, plan.fill_minutes)
    sent += await stretch(url, token, pids, plan.rate, min(plan.warm_s, 4.0), ports, Seen())
    await asyncio.sleep(2.0)
    await probe(url, token, seen.idle_s, max(plan.seconds / 3, 4.0))
    sent += await stretch(url, token, pids, plan.rate, plan.warm_s, ports, Seen())
    before = sum(map(cpu_s, pids))
    sent += await stretch(url, token, pids, plan.rate, plan.seconds, ports, seen)
    return sent, (sum(map(cpu_s, pids)) - before) / plan.seconds


def measure(plan: Plan, folder: Path) -> dict[str, object]:
    rate, seconds = plan.rate, plan.seconds
    ports: list[int] = []
    for _ in range(SOURCES):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    environment = {
        **os.environ,
        "YUNJIAN_DATA_DIR": str(folder),
        "YUNJIAN_AIS__SOURCES": json.dumps([f"udp://127.0.0.1:{port}?name=udp{n}" for n, port in enumerate(ports)]),
    }
    settings = load_settings(environ={key: value for key, value in environment.items() if key.startswith("YUNJIAN_")})
    with open_services(settings) as services:
        passwords = dict(
            line.split()[:2] for line in accounts.bootstrap_demo(services).read_text().splitlines() if "demo-" in line
        )
        principal = accounts.authenticate(services, "demo-inspector", passwords["demo-inspector"], "bench")
        token = accounts.open_session(services, principal).token
    command = processes.python_module("console.cli", "serve", "--port", "0")
    server = processes.spawn(command, env=environment, stdout=subprocess.PIPE)
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        ingest = child_of(server.pid)
        time.sleep(6.0)
        seen = Seen()
        sent, cores = asyncio.run(load(url, token, (server.pid, ingest), plan, ports, seen))
        time.sleep(2.0)
        feeds = httpx.get(f"{url}/api/v1/ais/feeds", headers={"authorization": f"Bearer {token}"}).json()["items"]
    finally:
        processes.stop(server)
    messages = sum(feed["ledger"]["messages"] for feed in feeds)
    slopes = np.polyfit([one[0] for one in seen.memory], [one[1:] for one in seen.memory], 1)[0] * 60
    idle, busy = (quantiles(one, n=100)[98] for one in (seen.idle_s, seen.busy_s))
    kernel = sum(feed["health"]["kernel_drops"] for feed in feeds)
    return {
        "bench": "ais_live",
        "rate": rate,
        "seconds": seconds,
        "warm_up_s": plan.warm_s,
        "sent_with_warm_up": sent,
        "messages_ingested": messages,
        "kernel_drops": kernel,
        "application_drops": sum(feed["health"]["dropped_lines"] for feed in feeds),
        "unaccounted": sent - messages - kernel,
        "cores": round(cores, 3),
        "memory_slope_mb_min": round(float(slopes.sum()), 2),
        "memory_slope_of": {"web": round(float(slopes[0]), 2), "ingest": round(float(slopes[1]), 2)},
        "memory_mb": {"web": round(seen.memory[-1][1]), "ingest": round(seen.memory[-1][2])},
        "memory_every_10_s_mb": [[round(one[1], 1), round(one[2], 1)] for one in seen.memory[::10]],
        "map_query_p99_ms": {"idle": round(idle * 1e3, 1), "busy": round(busy * 1e3, 1)},
        "ratio_p99_busy_to_idle": round(busy / idle, 2),
        "vessels_in_frame": seen.vessels,
        "frames_per_reader_s": round(seen.frames / READERS / seconds, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="1,000 messages/s for 8 s")
    parser.add_argument("--hold", type=float, default=60.0, help="seconds at the full rate that count")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Plan(1000, 8.0, 4.0, 0.0) if asked.small else Plan(5000, asked.hold, _warm_s(), 20.0), Path(folder))
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
