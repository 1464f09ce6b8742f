"""Signing, serial cable, rally, parameters, flight log, camera component and gimbal, each against the simulated vehicle."""

from __future__ import annotations

import os
import tty
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import EnvironmentFault, InputError, Refused
from core.geo import LonLat
from core.hullform import HullForm
from drone.codec import Codec, read_key, unsigned
from drone.link import Link
from drone.logbook import all_parameters, fill_photo_gaps, newest_log
from drone.mission import Command, Frame, MissionItem, MissionType
from drone.model import Wind
from drone.sim.lockstep import LockstepClock
from drone.sim.vehicle import SimVehicle
from drone.sim.world import WorldSpec
from drone.transport import SerialTransport, TlogWriter, Transport, memory_pair, parse_address, read_tlog
from tests.unit.drone.kit import AT, GEOMETRY, POSE

KEY = bytes(range(32))


@dataclass
class Bench:
    folder: Path
    loss: float = 0.0
    seed: int = 5
    camera_component: bool = False
    key: bytes | None = None
    clock: LockstepClock = field(default_factory=lambda: LockstepClock(AT))

    def __post_init__(self) -> None:
        self.ours, self.theirs = memory_pair(self.clock, loss=self.loss, delay_s=0.02, seed=self.seed)
        self.vehicle = vehicle(self.theirs, camera_component=self.camera_component)
        self.clock.join(self.vehicle)
        self.link = Link(self.ours, self.clock, TlogWriter(self.folder / "t.tlog", self.clock), key=self.key)


def vehicle(transport: Transport, *, camera_component: bool = False) -> SimVehicle:
    spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(122.099, 40.3), 0.0, None, Wind(0.0, 0.0, 0.0), 25.0, 1)
    return SimVehicle(spec, transport, AT, lambda _: None, camera_component=camera_component)


def test_key_is_handed_over_and_then_only_signed_frames_count(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    bench.link.set_up_signing(KEY)
    assert bench.link.read_parameter("RTL_ALT") == 1500.0
    stranger = Codec(255, 190, bench.clock.now)
    from pymavlink.dialects.v20 import ardupilotmega as mav

    order = mav.MAVLink_param_set_message(1, 1, b"RTL_ALT", 100.0, 9)
    bench.ours.send(stranger.encode(order))
    bench.clock.sleep(0.1)
    forged = Codec(255, 190, bench.clock.now, key=bytes(32))
    bench.ours.send(forged.encode(order))
    bench.clock.sleep(0.1)
    assert bench.link.read_parameter("RTL_ALT") == 1500.0
    bench.link.tlog.close()
    frames = [frame for _, frame in read_tlog(tmp_path / "t.tlog")]
    assert all(not frame[2] & 1 for frame in frames)  # no signature is kept
    assert not any(KEY[:16] in frame for frame in frames)  # nor the key
    fresh = Codec(0, 0, bench.clock.now)
    assert sum(len(fresh.decode(frame)) for frame in frames) == len(frames)  # every checksum was made anew


def test_replayed_and_late_frames_are_dropped() -> None:
    clock = LockstepClock(AT)
    sender, receiver = Codec(1, 1, clock.now, KEY), Codec(255, 190, clock.now, KEY)
    from pymavlink.dialects.v20 import ardupilotmega as mav

    beat = mav.MAVLink_heartbeat_message(2, 3, 0, 0, 3, 3)
    first = sender.encode(beat)
    assert len(receiver.decode(first)) == 1
    assert receiver.decode(first) == []
    clock.advance(1.0)
    assert len(receiver.decode(sender.encode(beat))) == 1
    clock.advance(120.0)
    late = Codec(1, 2, lambda: AT, KEY).encode(beat)  # a clock two minutes behind
    assert receiver.decode(late) == []
    forged = bytearray(Codec(1, 1, lambda: clock.now().replace(year=2030), bytes(32)).encode(beat))
    assert receiver.decode(bytes(forged)) == []
    assert len(receiver.decode(sender.encode(beat))) == 1  # a forged time has not shut the stream


def test_key_goes_over_a_direct_link_only(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    bench.ours.direct = False
    with pytest.raises(Refused) as caught:
        bench.link.set_up_signing(KEY)
    assert caught.value.code == "drone.link.not_direct"


def test_key_file_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY.hex())
    path.chmod(0o644)
    with pytest.raises(InputError):
        read_key(path)
    path.chmod(0o600)
    assert read_key(path) == KEY
    path.write_bytes(KEY[:31])
    with pytest.raises(InputError):
        read_key(path)
    assert unsigned(b"\xfd\x01") == b"\xfd\x01"


def test_serial_cable_carries_a_mission(tmp_path: Path) -> None:
    clock = LockstepClock(AT)
    far, near = os.openpty()
    tty.setraw(far)
    tty.setraw(near)
    os.set_blocking(far, False)

    class FarEnd:
        direct = True

        def send(self, data: bytes) -> None:
            os.write(far, data)

        def receive(self) -> list[bytes]:
            try:
                return [os.read(far, 4096)]
            except BlockingIOError:
                return []

        def close(self) -> None:
            os.close(far)

    clock.join(vehicle(FarEnd()))
    address = parse_address(f"serial:{os.ttyname(near)}:57600")
    transport = SerialTransport(address.where, address.number)
    with TlogWriter(tmp_path / "s.tlog", clock) as tlog:
        link = Link(transport, clock, tlog)
        link.connect()
        link.upload([MissionItem(Command.NAV_WAYPOINT, 3, x=10 + n, y=20, z=5.0) for n in range(20)], MissionType.MISSION)
    transport.close()
    assert len(link.verified[MissionType.MISSION]) == 20
    with pytest.raises(EnvironmentFault):
        SerialTransport(str(tmp_path / "none"), 57600)


def test_rally_points_read_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, loss=0.2)
    bench.link.connect(60.0)
    rally = [
        MissionItem(Command.RALLY_POINT, Frame.GLOBAL_RELATIVE_ALT, x=403_000_000, y=1_221_000_000 + n, z=40.0) for n in (1, 2)
    ]
    bench.link.upload(rally, MissionType.RALLY)
    assert bench.vehicle.autopilot.store.stored[MissionType.RALLY] == rally


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_all_parameters_and_the_whole_log_arrive(tmp_path: Path, loss: float) -> None:
    bench = Bench(tmp_path, loss=loss)
    bench.link.connect(60.0)
    assert all_parameters(bench.link) == pytest.approx(bench.vehicle.autopilot.parameters)
    for _ in range(30):
        bench.vehicle.autopilot.shoot()
        bench.clock.sleep(0.2)
    assert newest_log(bench.link) == bytes(bench.vehicle.log.data)


@pytest.mark.parametrize("camera_component", [False, True])
def test_no_photo_record_is_lost_or_doubled_at_ten_per_cent_loss(tmp_path: Path, camera_component: bool) -> None:
    bench = Bench(tmp_path, loss=0.1, camera_component=camera_component)
    bench.link.connect(60.0)
    bench.clock.sleep(20.0)  # until the vehicle has a position
    for _ in range(60):
        bench.vehicle.autopilot.shoot()
        bench.link.wait(lambda: False, 0.5)
    assert len(bench.link.telemetry.photos) < 60
    assert fill_photo_gaps(bench.link, photos_taken=60) == []
    assert sorted(bench.link.telemetry.photos) == list(range(1, 61))
    times = [photo.time_usec for _, photo in sorted(bench.link.telemetry.photos.items())]
    assert all(0.4e6 < later - earlier < 0.6e6 for earlier, later in pairwise(times))


def test_gimbal_is_taken_and_tells_its_limits(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    assert bench.link.take_gimbal() == pytest.approx((-90.0, 30.0))


def test_requests_that_move_are_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(ValueError, match="no request"):
        bench.link.ask("SET_POSITION_TARGET_GLOBAL_INT")
