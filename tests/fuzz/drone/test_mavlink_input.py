"""Anything may arrive: whole frames with nonsense inside, spoilt frames, noise. Neither link nor vehicle may raise or hang."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from random import Random

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mav

from core.clock import ManualClock
from core.geo import LonLat
from core.hullform import HullForm
from drone.dataflash import photos
from drone.link import Link
from drone.model import Wind
from drone.sim.vehicle import SimVehicle
from drone.sim.world import WorldSpec
from drone.transport import TlogWriter, memory_pair, read_tlog
from tests.unit.drone.kit import AT, GEOMETRY, POSE

FRAMES = 10_000_000 if os.environ.get("YUNJIAN_TEST_SOAK") else 10_000
KNOWN = sorted(mav.mavlink_map)
HEARD = [0, 1, 22, 24, 30, 33, 39, 40, 42, 43, 44, 45, 47, 51, 73, 75, 76, 77, 86, 117, 118, 119, 120, 148, 168, 180, 245, 253,
         256, 263, 280, 285, 11, 20, 21, 23]  # fmt: skip


def frame(random: Random) -> bytes:
    """A frame with a right checksum and random payload, of a kind that we treat or of any; one in four is spoilt."""
    message = mav.mavlink_map[random.choice(HEARD if random.random() < 0.8 else KNOWN)]
    size = random.choice([message.unpacker.size, random.randrange(256)])
    system, component = random.choice([1, 1, 1, 255, random.randrange(256)]), random.choice([1, 1, 100, 190])
    kind = message.id
    body = bytes([size, 0, 0, random.randrange(256), system, component, kind & 255, kind >> 8 & 255, kind >> 16])
    body += random.randbytes(size)
    checksum = mav.x25crc(body)
    checksum.accumulate(bytes([message.crc_extra]))
    whole = b"\xfd" + body + struct.pack("<H", checksum.crc)
    if random.random() < 0.25:
        at = random.randrange(len(whole))
        return random.choice([whole[:at], whole[:at] + random.randbytes(3) + whole[at + 1 :], random.randbytes(at)])
    return whole


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


def test_link_survives_any_input(tmp_path: Path, clock: ManualClock) -> None:
    near, far = memory_pair(clock)
    random = Random(7)
    with TlogWriter(tmp_path / "fuzz.tlog", clock) as tlog:
        link = Link(near, clock, tlog, key=None)
        for number in range(FRAMES):
            far.send(frame(random))
            if number % 50 == 0:
                clock.advance(0.2)
                link.pump()
                far.receive()
            if number % 5000 == 0:
                link.telemetry.texts.clear()
                link.telemetry.photos.clear()
                clock.advance(1.0)
    assert link.telemetry.heartbeat_at is not None
    if FRAMES <= 10_000:
        assert len(list(read_tlog(tmp_path / "fuzz.tlog"))) > 100


def test_vehicle_survives_any_input(clock: ManualClock) -> None:
    near, far = memory_pair(clock)
    spec = WorldSpec(POSE, HullForm(GEOMETRY), LonLat(122.099, 40.3), 0.0, None, Wind(2.0, 3.0, 0.0), 25.0, 1)
    vehicle = SimVehicle(spec, far, AT, lambda _: None)
    random = Random(8)
    for number in range(FRAMES // 2):
        near.send(frame(random))
        if number % 20 == 0:
            vehicle.tick()
            near.receive()
            vehicle.codec.use_key(None)  # a random SETUP_SIGNING would deafen it
    assert vehicle.now > 0


def test_signed_link_takes_no_unsigned_frame(tmp_path: Path, clock: ManualClock) -> None:
    near, far = memory_pair(clock)
    random = Random(9)
    with TlogWriter(tmp_path / "fuzz.tlog", clock) as tlog:
        link = Link(near, clock, tlog, key=bytes(range(32)))
        for _ in range(2000):
            far.send(frame(random))
            link.pump()
            far.receive()
    assert link.telemetry.heartbeat_at is None
    assert link.rejected > 500


def test_log_reader_survives_spoilt_logs() -> None:
    from drone.sim.autopilot import ShotTaken
    from drone.sim.flightlog import FlightLog

    log = FlightLog()
    random = Random(10)
    for index in range(1, 40):
        shot = ShotTaken(index, float(index), POSE.to_enu(*_ORIGIN)[0], POSE.to_enu(*_ORIGIN)[0], 10.0, -5.0, POSE.origin, 4.0)
        log.photo(shot, AT, 0.0)
    whole = photos(bytes(log.data))
    assert sorted(whole) == list(range(1, 40))
    for _ in range(400):
        spoilt = bytearray(log.data)
        for _ in range(random.randrange(1, 30)):
            spoilt[random.randrange(len(spoilt))] = random.randrange(256)
        photos(bytes(spoilt))


_ORIGIN = ([0.0, 0.0, 0.0], 0.0)
