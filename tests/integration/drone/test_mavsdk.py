"""MAVSDK as an independent peer, both ways: our uploader against its server, its client against our simulator."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.geo import LonLat
from core.hullform import HullForm
from drone.link import Link
from drone.mission import MissionItem, MissionType, differences, mission_items
from drone.model import Plan, Wind
from drone.planner import plan_survey
from drone.sim.vehicle import TICK_S, SimVehicle
from drone.sim.world import WorldSpec
from drone.transport import TlogWriter, UdpTransport
from drone.vehicle import VehicleIdentity
from tests.unit.drone.kit import AT, GEOMETRY, POSE, SHIP, wishes

mavsdk = pytest.importorskip("mavsdk", reason="the MAVSDK wheel is not installed")
pytestmark = pytest.mark.peer


class AnyVehicle:
    """The test hook: talks to a vehicle that is not our simulator."""

    def accepts(self, identity: VehicleIdentity) -> bool:
        return identity is not None


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def plan() -> Plan:
    return plan_survey(SHIP, GEOMETRY, POSE, "starboard", wishes())


@dataclass
class Running:
    """Our simulated vehicle in real time in a thread."""

    port: int
    vehicle: SimVehicle = field(init=False)
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        lon, lat, alt = plan().home_lonlat_alt
        spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(lon, lat), alt, None, Wind(0.0, 0.0, 0.0), 25.0, 1)
        self.transport = UdpTransport("127.0.0.1", 0, ("127.0.0.1", self.port))
        self.vehicle = SimVehicle(spec, self.transport, AT, lambda _: None)
        self.vehicle.autopilot.now = 30.0  # powered on long enough to arm

    def run(self) -> None:
        while not self.stop.wait(TICK_S / 2):
            self.vehicle.tick()


@contextmanager
def simulator(port: int) -> Iterator[SimVehicle]:
    running = Running(port)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield running.vehicle
    finally:
        running.stop.set()
        thread.join()
        running.transport.close()


def test_mavsdk_client_uploads_to_our_vehicle_and_arms_it() -> None:
    from mavsdk.plugins.action import Action
    from mavsdk.plugins.mission_raw import MissionItem as RawItem
    from mavsdk.plugins.mission_raw import MissionRaw

    port = free_port()
    client = mavsdk.Mavsdk(mavsdk.Configuration.create_with_component_type(mavsdk.ComponentType.GROUND_STATION))
    client.add_any_connection(f"udpin://127.0.0.1:{port}")
    with simulator(port) as vehicle:
        system = client.first_autopilot(10.0)
        assert system is not None
        raw = MissionRaw(system)
        items = mission_items(plan(), plan().sorties[0])[:30]
        raw.upload_mission(
            [
                RawItem(seq, item.frame, int(item.command), int(seq == 0), 1, *item.params, item.x, item.y, item.z, 0)
                for seq, item in enumerate(items)
            ]
        )
        stored = vehicle.autopilot.store.stored[MissionType.MISSION]
        assert differences(items, stored, MissionType.MISSION) == []
        back = raw.download_mission()
        read = [MissionItem(i.command, i.frame, (i.param1, i.param2, i.param3, i.param4), i.x, i.y, i.z) for i in back]
        assert differences(items, read, MissionType.MISSION) == []
        vehicle.autopilot.set_mode(4)
        Action(system).arm()
        deadline = time.monotonic() + 5.0
        while not vehicle.autopilot.armed and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        assert vehicle.autopilot.armed
    client.destroy()


def test_our_uploader_fills_a_mavsdk_vehicle(tmp_path: Path) -> None:
    from mavsdk.plugins.mission_raw_server import MissionRawServer

    port = free_port()
    server = mavsdk.Mavsdk(mavsdk.Configuration.create_with_component_type(mavsdk.ComponentType.AUTOPILOT))
    transport = UdpTransport("127.0.0.1", port)
    clock = SystemClock()
    received: list[object] = []
    missions = MissionRawServer(server.server_component())
    missions.subscribe_incoming_mission(lambda result, mission, *_: received.append(mission))
    server.add_any_connection(f"udpout://127.0.0.1:{port}")
    with TlogWriter(tmp_path / "mavsdk.tlog", clock) as tlog:
        link = Link(transport, clock, tlog, policy=AnyVehicle())
        assert link.wait(lambda: link.telemetry.heartbeat_at is not None, 10.0)
        items = mission_items(plan(), plan().sorties[0])[:30]
        link.upload(items, MissionType.MISSION)
        assert differences(items, link.download(MissionType.MISSION), MissionType.MISSION) == []
    transport.close()
    assert received
    server.destroy()


def test_our_plan_file_is_read_by_mavsdk(tmp_path: Path) -> None:
    from mavsdk.plugins.mission_raw import MissionRaw

    from drone.export import qgc_plan

    port = free_port()
    client = mavsdk.Mavsdk(mavsdk.Configuration.create_with_component_type(mavsdk.ComponentType.GROUND_STATION))
    client.add_any_connection(f"udpin://127.0.0.1:{port}")
    with simulator(port):
        system = client.first_autopilot(10.0)
        assert system is not None
        path = tmp_path / "survey.plan"
        path.write_text(qgc_plan(plan(), 0))
        data = MissionRaw(system).import_qgroundcontrol_mission(str(path))
        data = data[1] if isinstance(data, tuple) else data
        assert len(data.mission_items) == len(mission_items(plan(), plan().sorties[0]))
        assert len(data.geofence_items) > 10
    client.destroy()
