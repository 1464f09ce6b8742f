"""How quickly ABORT reaches the wire under load, what ten vehicles cost, how fast nonsense is thrown away, and how well lanes are held
over a ship that swings. Prints one JSON object.

Bars: ABORT <= 100 ms p99 with every core busy and position at 50 Hz; ten vehicles at 50 Hz <= 0.15 core end to end (senders
included); lane error p95 <= 0.5 m with a 2 Hz beacon, 30 degrees in 15 minutes. Usage: python -m tests.perf.bench_drone_link [--small]
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import random
import struct
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mav

from config import load_settings
from core.clock import FastClock, ManualClock, SystemClock
from core.geo import LonLat
from core.hullform import HullForm
from drone.codec import Codec
from drone.flight import _Flight
from drone.link import Link
from drone.mission import Command
from drone.model import Wind
from drone.packs import limits
from drone.planner import plan_survey
from drone.sim.vehicle import TICK_S, SimVehicle
from drone.sim.world import WorldSpec
from drone.sizing import Wishes
from drone.transport import TlogWriter, UdpTransport, memory_pair
from drone.vehicle import Mode
from drone.watch import Stage, Watch
from tests.fuzz.drone.test_mavlink_input import frame
from tests.integration.drone.test_swing import Anchored
from tests.unit.drone.kit import AT, GEOMETRY, POSE, SHIP

VEHICLES, RATE_HZ = 10, 50.0


def burn(until: float) -> None:
    while time.monotonic() < until:
        math.sqrt(2.0)


def fly_vehicle(port: int, until: float) -> None:
    """Our simulated vehicle in real time, powered on long ago."""
    plan = plan_survey(SHIP, GEOMETRY, POSE, "starboard", Wishes.from_settings(load_settings(environ={}).drone))
    lon, lat, alt = plan.home_lonlat_alt
    spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(lon, lat), alt, "starboard", Wind(2.0, 3.0, 37.0), 600.0, 1)
    vehicle = SimVehicle(spec, UdpTransport("127.0.0.1", 0, ("127.0.0.1", port)), AT, lambda _: None)
    vehicle.autopilot.now = 30.0
    clock = FastClock(1.0, AT)
    while time.monotonic() < until:
        while vehicle.now - 30.0 + TICK_S <= clock.monotonic():
            vehicle.tick()
        time.sleep(0.002)


class Wire:
    """A UDP transport that notes when a change to BRAKE goes out."""

    direct = False

    def __init__(self) -> None:
        self.inner = UdpTransport("127.0.0.1", 0)
        self.braked: list[float] = []

    def send(self, data: bytes) -> None:
        self.inner.send(data)
        if data[7:10] == b"\x4c\0\0" and len(data) > 42:  # COMMAND_LONG: seven parameters, then the command
            params = struct.unpack_from("<7fH", data, 10)
            if params[7] == Command.DO_SET_MODE and params[1] == float(Mode.BRAKE):
                self.braked.append(time.monotonic())

    def receive(self) -> list[bytes]:
        return self.inner.receive()

    def close(self) -> None:
        self.inner.close()


def abort_latency_ms(trials: int, folder: Path) -> list[float]:
    """From the operator's press to the frame on the wire, while the flight watches as it always does."""
    settings = load_settings(environ={}).drone
    wishes, wire, clock, pressed = Wishes.from_settings(settings), Wire(), SystemClock(), [math.inf]
    plan = plan_survey(SHIP, GEOMETRY, replace(POSE, at_utc=clock.now()), "starboard", wishes)
    until = time.monotonic() + 60.0 + 2.0 * trials
    jobs = [multiprocessing.Process(target=fly_vehicle, args=(wire.inner.port, until), daemon=True)]
    jobs += [multiprocessing.Process(target=burn, args=(until,), daemon=True) for _ in range(os.cpu_count() or 1)]
    jobs[0].start()
    found = []
    try:
        with TlogWriter(folder / "abort.tlog", clock) as tlog:
            link = Link(wire, clock, tlog, 20.0, 60.0)
            watch = Watch(lambda: True, lambda: time.monotonic() >= pressed[0], folder)
            link.connect()
            link.command(Command.SET_MESSAGE_INTERVAL, float(mav.MAVLINK_MSG_ID_GLOBAL_POSITION_INT), 1e6 / RATE_HZ)
            flight = _Flight(plan, link, clock, wishes, limits(), watch, lambda _: None)
            flight.enter(Stage.PREFLIGHT)
            board = flight.ground.run(plan.sorties[0])
            permit = board.overridden((), frozenset()).permit(flight.lease) if not board.no_go else None
            if permit is None:
                raise SystemExit(f"no go: {board.no_go}")
            link.arm(permit)
            for job in jobs[1:]:
                job.start()
            rng = random.Random(1)
            for _ in range(trials):
                link.start_mission(permit)
                pressed[0] = time.monotonic() + 0.3 + 0.3 * rng.random()
                count = len(wire.braked)
                flight.watch_flight(plan.sorties[0])
                link.brake()
                found.append(1000.0 * (wire.braked[count] - pressed[0]))
                pressed[0] = math.inf
    finally:
        for job in jobs:
            if job.is_alive():
                job.terminate()
        wire.close()
    return found


def ten_vehicles(seconds: float, folder: Path) -> dict[str, float]:
    """Share of a core: ten senders of position at 50 Hz (and what else a vehicle sends), ten links, over UDP on loopback."""
    clock = SystemClock()
    links, senders, logs = [], [], []
    for number in range(VEHICLES):
        ground = UdpTransport("127.0.0.1", 0)
        logs.append(TlogWriter(folder / f"{number}.tlog", clock))
        links.append(Link(ground, clock, logs[-1]))
        senders.append((Codec(number + 1, 1, clock.now), UdpTransport("127.0.0.1", 0, ("127.0.0.1", ground.port))))
    spent = {"send": 0.0, "receive": 0.0}
    began = time.monotonic()
    step = 0
    while time.monotonic() - began < seconds:
        due = began + step / RATE_HZ
        time.sleep(max(0.0, due - time.monotonic()))
        at = time.process_time()
        for codec, out in senders:
            ms = round((time.monotonic() - began) * 1000)
            out.send(
                codec.encode(mav.MAVLink_global_position_int_message(ms, 403000000, 1221000000, 9000, 9000, 10, 20, 0, 3700))
            )
            if step % 10 == 0:
                q = [1.0, 0.0, 0.0, 0.0]
                out.send(codec.encode(mav.MAVLink_gimbal_device_attitude_status_message(0, 0, ms, 0, q, 0.0, 0.0, 0.0, 0)))
            if step % 50 == 0:
                out.send(codec.encode(mav.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3)))
        middle = time.process_time()
        if step % 2 == 0:
            for link in links:
                link.pump()
        spent["send"] += middle - at
        spent["receive"] += time.process_time() - middle
        step += 1
    took = time.monotonic() - began
    heard = sum(len(link.telemetry.track) for link in links)
    for link, log, (_, out) in zip(links, logs, senders, strict=True):
        link.transport.close()
        out.close()
        log.close()
    if heard < VEHICLES * 60:
        raise SystemExit("not every vehicle was heard")
    shares = {
        name: round(value / step * RATE_HZ, 4) for name, value in spent.items()
    }  # at the full rate, however late a busy machine was
    return {
        **shares,
        "both": round(sum(spent.values()) / step * RATE_HZ, 4),
        "positions_a_second": round(step * VEHICLES / took, 1),
    }


def fuzz_rate(count: int, folder: Path) -> float:
    """Frames a second through the link."""
    clock = ManualClock(AT)
    near, far = memory_pair(clock)
    rng = random.Random(3)
    frames = [frame(rng) for _ in range(2000)]
    with TlogWriter(folder / "fuzz.tlog", clock) as tlog:
        link = Link(near, clock, tlog)
        began = time.perf_counter()
        for number in range(count):
            far.send(frames[number % len(frames)])
            if number % 50 == 0:
                clock.advance(0.2)
                link.pump()
                link.telemetry.texts.clear()
        return count / (time.perf_counter() - began)


def swing(seeds: int, folder: Path) -> dict[str, object]:
    off, photos, least = [], 0, math.inf
    for seed in range(1, seeds + 1):
        (folder / str(seed)).mkdir()
        rig = Anchored(folder / str(seed), seed=seed)
        photos += len(rig.fly().photos)
        off += rig.off_lane_m
        least = min(least, rig.vehicle.autopilot.body.min_clearance_m)
    p50, p95, worst = (round(float(value), 3) for value in np.percentile(off, [50, 95, 100]))
    return {
        "flights": seeds,
        "p50_m": p50,
        "p95_m": p95,
        "worst_m": worst,
        "photos": photos,
        "least_clearance_m": round(least, 2),
    }


def main(*, small: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result: dict[str, object] = {"bench": "drone_link"}
        result["ten_vehicles_50_hz_core"] = ten_vehicles(2.0 if small else 10.0, folder)
        result["fuzz_frames_per_s"] = round(fuzz_rate(10_000 if small else 100_000, folder))
        if not small:
            result["swing_30_deg_900_s_2_hz"] = swing(3, folder)
            late = abort_latency_ms(150, folder)
            p50, p99, worst = (round(float(value), 1) for value in np.percentile(late, [50, 99, 100]))
            result["abort_to_wire_ms"] = {"trials": len(late), "p50": p50, "p99": p99, "worst": worst}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(small="--small" in sys.argv)
