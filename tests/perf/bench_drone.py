"""Mission upload under loss in virtual time, and against MAVSDK (PyPI) in real time through the same relay and vehicle.

Prints one JSON object. Bars: 50 items at 30 % loss each way and 40 ms round trip: all read back equal, p95 <= 25 s; 700 items
at 10 %: all; without loss <= 1.2 times MAVSDK. Usage: python -m tests.perf.bench_drone [--small]
"""

from __future__ import annotations

import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from core.clock import FastClock
from core.geo import LonLat
from core.hullform import HullForm
from drone.link import Link
from drone.mission import Command, MissionItem, MissionType
from drone.model import Wind
from drone.sim.lockstep import LockstepClock
from drone.sim.vehicle import TICK_S, SimVehicle
from drone.sim.world import WorldSpec
from drone.transport import MemoryEnd, TlogWriter, UdpTransport, memory_pair
from tests.unit.drone.kit import AT, GEOMETRY, POSE

ONE_WAY_S = 0.02
CALM = Wind(0.0, 0.0, 0.0)


def items(count: int, seed: int = 0) -> list[MissionItem]:
    rng = random.Random(seed)
    return [
        MissionItem(Command.NAV_WAYPOINT, 3, x=403_000_000 + rng.randrange(20_000), y=1_221_000_000 + seq, z=10.0)
        for seq in range(count)
    ]


def vehicle(transport: MemoryEnd | UdpTransport) -> SimVehicle:
    spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(122.099, 40.3), 0.0, None, CALM, 25.0, 1)
    return SimVehicle(spec, transport, AT, lambda _: None)


def virtual(count: int, loss: float, seed: int, folder: Path) -> float:
    """Seconds of virtual time until the mission has been read back equal (`Link.upload` raises otherwise)."""
    clock = LockstepClock(AT)
    ours, theirs = memory_pair(clock, loss=loss, delay_s=ONE_WAY_S, seed=seed)
    clock.join(vehicle(theirs))
    with TlogWriter(folder / "upload.tlog", clock) as tlog:
        link = Link(ours, clock, tlog)
        link.connect(60.0)
        began = clock.monotonic()
        link.upload(items(count, seed), MissionType.MISSION)
        return clock.monotonic() - began


@dataclass
class Relay:
    """UDP relay on loopback that holds every datagram for 20 ms; the same for both ground stations."""

    ground: int
    sockets: list[socket.socket] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        for _ in range(2):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)
            self.sockets.append(one)
        self.vehicle_address: tuple[str, int] | None = None

    @property
    def port(self) -> int:
        return int(self.sockets[0].getsockname()[1])

    def run(self) -> None:
        held: list[tuple[float, int, bytes]] = []
        while not self.stop.wait(0.0005):
            now = time.monotonic()
            for side, one in enumerate(self.sockets):
                while True:
                    try:
                        data, sender = one.recvfrom(65535)
                    except (BlockingIOError, ConnectionRefusedError):
                        break
                    if side == 0:
                        self.vehicle_address = sender
                    held.append((now + ONE_WAY_S, side, data))
            while held and held[0][0] <= now:
                _, side, data = held.pop(0)
                if side == 0:
                    self.sockets[1].sendto(data, ("127.0.0.1", self.ground))
                elif self.vehicle_address:
                    self.sockets[0].sendto(data, self.vehicle_address)


def real_time(count: int, upload: Callable[[int, list[MissionItem]], float]) -> float:
    """Seconds for one upload through the relay into a fresh vehicle."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        ground = int(probe.getsockname()[1])
    relay = Relay(ground)
    transport = UdpTransport("127.0.0.1", 0, ("127.0.0.1", relay.port))
    flown = vehicle(transport)

    def fly() -> None:
        clock = FastClock(1.0, AT)
        while not relay.stop.wait(0.001):
            while flown.now + TICK_S <= clock.monotonic():
                flown.tick()

    threads = [threading.Thread(target=relay.run), threading.Thread(target=fly)]
    for thread in threads:
        thread.start()
    try:
        return upload(ground, items(count))
    finally:
        relay.stop.set()
        for thread in threads:
            thread.join()
        transport.close()
        for one in relay.sockets:
            one.close()


def ours(port: int, mission: list[MissionItem]) -> float:
    """Until acknowledged, without the read-back, which MAVSDK does not do."""
    transport = UdpTransport("127.0.0.1", port)
    clock = FastClock(1.0, AT)
    with tempfile.TemporaryDirectory() as folder, TlogWriter(Path(folder) / "a.tlog", clock) as tlog:
        link = Link(transport, clock, tlog)
        link.connect()
        link.send_items(mission, MissionType.MISSION)
        began = clock.monotonic()
        link.send_items(mission, MissionType.MISSION)
        took = clock.monotonic() - began
    transport.close()
    return took


def theirs(port: int, mission: list[MissionItem]) -> float:
    import mavsdk
    from mavsdk.plugins.mission_raw import MissionItem as RawItem
    from mavsdk.plugins.mission_raw import MissionRaw

    client = mavsdk.Mavsdk(mavsdk.Configuration.create_with_component_type(mavsdk.ComponentType.GROUND_STATION))
    client.add_any_connection(f"udpin://127.0.0.1:{port}")
    raw = MissionRaw(client.first_autopilot(10.0))
    wanted = [
        RawItem(seq, item.frame, int(item.command), int(seq == 0), 1, *item.params, item.x, item.y, item.z, 0)
        for seq, item in enumerate(mission)
    ]
    raw.upload_mission(wanted)
    began = time.monotonic()
    raw.upload_mission(wanted)
    took = time.monotonic() - began
    client.destroy()
    return took


def main(*, small: bool) -> None:
    trials, long_trials, pairs = (10, 1, 1) if small else (200, 5, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lossy = [virtual(50, 0.3, seed, folder) for seed in range(trials)]
        long = [virtual(700, 0.1, seed, folder) for seed in range(long_trials)]
        clean = virtual(50, 0.0, 1, folder)
    runs = [(real_time(50, ours), real_time(50, theirs)) for _ in range(pairs)]
    own, other = median(pair[0] for pair in runs), median(pair[1] for pair in runs)
    result = {
        "bench": "drone_upload",
        "items_50_loss_30": {
            "read_back_equal": f"{len(lossy)} of {trials}",
            "median_s": round(median(lossy), 2),
            "p95_s": round(float(np.percentile(lossy, 95)), 2),
            "worst_s": round(max(lossy), 2),
        },
        "items_700_loss_10_s": [round(one, 1) for one in long],
        "items_50_loss_0_virtual_s": round(clean, 2),
        "real_time_50_items_s": {"ours": round(own, 3), "mavsdk": round(other, 3)},
        "ratio_ours_to_mavsdk": round(own / other, 3),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(small="--small" in sys.argv)
