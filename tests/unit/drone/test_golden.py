"""What a real ArduCopter 4.7-dev was measured to do (drone spec, sections 2a to 2c), one row each, on the simulated vehicle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mav

from core.clock import ManualClock
from core.geo import LonLat
from core.hullform import HullForm
from drone.codec import Codec
from drone.mission import Command, MissionItem, MissionType
from drone.model import Wind
from drone.sim.autopilot import Autopilot
from drone.sim.vehicle import TICK_S, SimVehicle
from drone.sim.world import WorldSpec
from drone.transport import memory_pair
from drone.vehicle import Mode
from tests.unit.drone.kit import AT, GEOMETRY, POSE

HOME = LonLat(122.095, 40.3)
E7_PER_M = 1e7 / 111_195.0
STEP_S = 0.05


def item(
    east_m: float, north_m: float, up_m: float = 8.0, command: int = Command.NAV_WAYPOINT, hold_s: float = 0.0
) -> MissionItem:
    x, y = HOME.lat * 1e7 + north_m * E7_PER_M, HOME.lon * 1e7 + east_m * E7_PER_M / math.cos(math.radians(HOME.lat))
    return MissionItem(command, 3, (hold_s, 0.0, 0.0, 0.0), round(x), round(y), up_m)


def do(command: int, *params: float) -> MissionItem:
    first, second, third, fourth = (*params, 0.0, 0.0, 0.0, 0.0)[:4]
    return MissionItem(command, 2, (first, second, third, fourth))


@dataclass
class Wire:
    """A ground station that sends what it is told and keeps what it hears with its time."""

    heard: list[tuple[float, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = ManualClock(AT)
        self.clock = clock
        self.near, far = memory_pair(clock)
        spec = WorldSpec(POSE, HullForm(GEOMETRY), HOME, 0.0, None, Wind(0.0, 0.0, 0.0), 25.0, 1)
        self.vehicle = SimVehicle(spec, far, AT, lambda _: None)
        self.codec, self.ears = Codec(255, 190, clock.now), Codec(255, 190, clock.now)

    def send(self, message: Any) -> None:
        self.near.send(self.codec.encode(message))

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.clock.advance(TICK_S)
            self.vehicle.tick()
            for data in self.near.receive():
                self.heard += [(self.vehicle.now, message) for message in self.ears.decode(data)]

    def of(self, kind: str) -> list[Any]:
        return [message for _, message in self.heard if message.get_type() == kind]

    def count(self, count: int, kind: MissionType = MissionType.MISSION) -> None:
        self.send(mav.MAVLink_mission_count_message(1, 1, count, int(kind)))

    def item(self, seq: int, entry: MissionItem, kind: MissionType = MissionType.MISSION) -> None:
        values = (entry.frame, entry.command, 0, 1, *entry.params, entry.x, entry.y, entry.z, int(kind))
        self.send(mav.MAVLink_mission_item_int_message(1, 1, seq, *values))

    def load(self, items: list[MissionItem], kind: MissionType = MissionType.MISSION) -> None:
        self.count(len(items), kind)
        self.run(0.02)
        for seq, entry in enumerate(items):
            self.item(seq, entry, kind)
            self.run(0.01)

    def request(self, message_id: int) -> int:
        self.send(mav.MAVLink_command_long_message(1, 1, Command.REQUEST_MESSAGE, 0, message_id, 0, 0, 0, 0, 0, 0))
        self.run(0.02)
        return int(self.of("COMMAND_ACK")[-1].result)


# --- 2b: the wire --------------------------------------------------------------------------------------------------------------


def test_mission_is_asked_for_with_the_deprecated_request_each_second_and_given_up_after_eight() -> None:
    wire = Wire()
    wire.count(5)
    wire.run(9.0)
    asked = [at for at, message in wire.heard if message.get_type() == "MISSION_REQUEST"]
    assert np.diff(asked) == pytest.approx([1.0] * 7, abs=0.02)
    assert not wire.of("MISSION_REQUEST_INT")
    assert {message.mission_type for message in wire.of("MISSION_REQUEST")} == {0}
    ends = [(at, message.type) for at, message in wire.heard if message.get_type() == "MISSION_ACK"]
    assert ends == [(pytest.approx(8.0, abs=0.05), mav.MAV_MISSION_OPERATION_CANCELLED)]


def test_item_zero_reads_back_as_home_and_an_item_out_of_order_does_not_end_the_transfer() -> None:
    wire = Wire()
    sent = [item(5.0, 5.0), item(10.0, 0.0), item(20.0, 0.0)]
    wire.count(3)
    wire.run(0.02)
    for seq in (0, 0, 2, 1, 2):
        wire.item(seq, sent[seq])
        wire.run(0.01)
    assert [message.type for message in wire.of("MISSION_ACK")] == [13, 13, 0]
    wire.send(mav.MAVLink_mission_request_int_message(1, 1, 0, 0))
    wire.run(0.02)
    back = wire.of("MISSION_ITEM_INT")[-1]
    assert (back.x, back.y, back.frame) == (round(HOME.lat * 1e7), round(HOME.lon * 1e7), 0)


def test_fence_and_rally_are_taken_with_their_sentences_and_no_fence_forbids_arming() -> None:
    wire = Wire()
    wire.run(26.5)
    for name, value in (("FENCE_ENABLE", 1.0), ("FENCE_TYPE", 4.0)):
        wire.send(mav.MAVLink_param_set_message(1, 1, name.encode(), value, mav.MAV_PARAM_TYPE_REAL32))
    wire.run(0.02)
    assert wire.vehicle.autopilot.prearm() == "PreArm: Fences enabled, but none selected"
    corners = [MissionItem(Command.FENCE_INCLUSION, 0, (4.0, 0.0, 0.0, 0.0), *_corner(n)) for n in range(4)]
    wire.load(corners, MissionType.FENCE)
    wire.load([item(0.0, 0.0, 40.0, Command.RALLY_POINT)], MissionType.RALLY)
    assert [message.type for message in wire.of("MISSION_ACK")] == [0, 0]
    assert "Fence Indexed OK" in [message.text.rstrip("\0") for message in wire.of("STATUSTEXT")]
    assert wire.vehicle.autopilot.prearm() == ""


def _corner(number: int) -> tuple[int, int]:
    far = item(-500.0 if number in {0, 3} else 500.0, -500.0 if number < 2 else 500.0)
    return far.x, far.y


def test_nothing_but_heartbeat_and_sentences_comes_until_asked_for() -> None:
    wire = Wire()
    wire.run(5.0)
    assert {message.get_type() for _, message in wire.heard} <= {"HEARTBEAT", "STATUSTEXT", "TIMESYNC"}
    assert len(wire.of("HEARTBEAT")) == 5
    ask = mav.MAVLink_command_long_message(1, 1, Command.SET_MESSAGE_INTERVAL, 0, 33, 2e5, 0, 0, 0, 0, 0)
    wire.send(ask)
    wire.run(2.0)
    assert 9 <= len(wire.of("GLOBAL_POSITION_INT")) <= 11


@pytest.mark.parametrize("command", [16, 82, 17, 18, 19, 115, 112, 114, 178, 195, 1000, 206, 203, 2000, 531, 207, 20, 188, 189])
def test_commands_that_missions_may_hold(command: int) -> None:
    wire = Wire()
    wire.load([item(0.0, 0.0), item(5.0, 0.0, command=command)])
    assert [message.type for message in wire.of("MISSION_ACK")] == [0]


def test_roi_wpnext_offset_is_refused_unsupported() -> None:
    wire = Wire()
    wire.load([item(0.0, 0.0), do(196)])
    assert wire.of("MISSION_ACK")[0].type == 3


def test_servo_camera_reports_feedback_and_knows_nothing_of_its_sensor() -> None:
    wire = Wire()
    wire.run(20.5)
    assert wire.request(263) == 4
    assert wire.of("STATUSTEXT")[-1].text.rstrip("\0") == "No ap_message for mavlink id (263)"
    assert wire.request(259) == 0
    about = wire.of("CAMERA_INFORMATION")[-1]
    assert math.isnan(about.sensor_size_h)
    assert (about.resolution_h, about.resolution_v) == (0, 0)
    assert [wire.request(kind) for kind in (260, 262, 271)] == [0, 0, 0]
    shoot = mav.MAVLink_command_long_message(1, 1, Command.DO_DIGICAM_CONTROL, 0, 0, 0, 0, 0, 1, 0, 0)
    wire.send(shoot)
    wire.send(shoot)  # within the shutter's 0.1 s
    wire.run(0.2)
    assert [message.result for message in wire.of("COMMAND_ACK")][-2:] == [0, 4]
    shots = wire.of("CAMERA_FEEDBACK")
    assert [(shot.img_idx, shot.flags, shot.foc_len) for shot in shots] == [(1, 0, 0.0)]
    assert abs(shots[0].time_usec / 1e6 - AT.timestamp() - wire.vehicle.now) < 1.0


def test_a_stream_of_feedback_repeats_zero_and_stale_records() -> None:
    wire = Wire()
    wire.run(20.5)
    wire.send(mav.MAVLink_command_long_message(1, 1, Command.SET_MESSAGE_INTERVAL, 0, 180, 1e6, 0, 0, 0, 0, 0))
    wire.run(2.0)
    assert {shot.time_usec for shot in wire.of("CAMERA_FEEDBACK")} == {0}
    wire.vehicle.autopilot.shoot()
    wire.run(3.0)
    assert [shot.img_idx for shot in wire.of("CAMERA_FEEDBACK")].count(1) >= 3


def test_feedback_holds_the_vehicles_attitude_and_not_the_gimbals() -> None:
    wire = Wire()
    wire.run(20.5)
    wire.vehicle.autopilot.body.gimbal_pitch_deg = -40.0
    wire.vehicle.autopilot.shoot()
    wire.run(0.1)
    assert wire.of("CAMERA_FEEDBACK")[-1].pitch == 0.0


# --- 2a, 2b: flying ------------------------------------------------------------------------------------------------------------


@dataclass
class Pilot:
    """The autopilot alone, stepped as fast as Python goes."""

    wind: Wind = field(default_factory=lambda: Wind(0.0, 0.0, 0.0))
    said: list[tuple[float, str]] = field(default_factory=list)
    shots: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        spec = WorldSpec(POSE, HullForm(GEOMETRY), HOME, 0.0, None, self.wind, 25.0, 1)
        self.vehicle = SimVehicle(spec, memory_pair(ManualClock(AT))[1], AT, lambda _: None)
        self.pilot: Autopilot = self.vehicle.autopilot
        self.pilot.say = lambda _, text: self.said.append((self.pilot.now, text))
        self.pilot.on_shot = self.shots.append
        self.pilot.now = 30.0

    def fly(self, items: list[MissionItem], **parameters: float) -> None:
        """Armed and in AUTO through item 0 = home and a take-off to 8 m."""
        self.pilot.parameters |= parameters
        mission = [item(0.0, 0.0, 0.0), item(0.0, 0.0, command=Command.NAV_TAKEOFF), *items]
        self.pilot.store.stored[MissionType.MISSION] = mission
        self.pilot.set_mode(Mode.GUIDED)
        assert self.pilot.arm()
        self.pilot.set_mode(Mode.AUTO)
        self.pilot.start_mission()

    def until(self, condition: Callable[[], bool], most_s: float = 200.0) -> float:
        """Seconds until it holds, the ground station sending heartbeats; raises AssertionError when it never does."""
        began = self.pilot.now
        while not condition():
            self.pilot.gcs_heard = self.pilot.now
            self.pilot.step(STEP_S)
            assert self.pilot.now - began < most_s, "never"
        return self.pilot.now - began

    def alone(self, condition: Callable[[], bool], most_s: float = 200.0) -> float:
        """As `until`, without any heartbeat."""
        heard, began = self.pilot.now, self.pilot.now
        while not condition():
            self.pilot.gcs_heard = heard
            self.pilot.step(STEP_S)
            assert self.pilot.now - began < most_s, "never"
        return self.pilot.now - began

    def at(self, sentence: str) -> float:
        return next(at for at, text in self.said if sentence in text)

    def away(self) -> Callable[[], bool]:
        """Well under way on the long leg."""
        return lambda: float(np.linalg.norm((self.pilot.body.position_m - self.pilot.body.home_m)[:2])) > 20.0

    def in_mode(self, mode: Mode) -> Callable[[], bool]:
        return lambda: self.pilot.mode is mode

    def down(self) -> bool:
        return not self.pilot.armed


LONG = [do(Command.DO_CHANGE_SPEED, 1.0, 2.0), item(300.0, 0.0)]


def test_position_comes_after_20_s_and_arming_after_26() -> None:
    rig = Pilot()
    rig.pilot.now = 0.0
    assert rig.until(lambda: rig.pilot.position_ok) == pytest.approx(19.7, abs=0.4)
    assert rig.pilot.prearm()
    assert rig.pilot.now + rig.until(lambda: not rig.pilot.prearm()) == pytest.approx(26.0, abs=0.1)


def test_triggers_by_distance_are_even_and_horizontal_only() -> None:
    rig = Pilot()
    rig.fly([
        do(Command.DO_CHANGE_SPEED, 1.0, 2.0), do(Command.DO_SET_CAM_TRIGG_DIST, 6.55), item(60.0, 0.0), item(60.0, 0.0, 14.0),
        item(0.0, 0.0, 14.0), do(Command.DO_SET_CAM_TRIGG_DIST, 0.0), do(Command.NAV_RTL),
    ])  # fmt: skip
    rig.until(rig.down)
    places = np.array([shot.position_m for shot in rig.shots])
    gaps = np.linalg.norm(np.diff(places[:, :2], axis=0), axis=1)
    assert len(places) == pytest.approx(17, abs=1)
    assert sum(6.5 <= gap <= 6.7 for gap in gaps) >= len(gaps) - 1
    assert not any(8.5 < place[2] < 13.5 for place in places)  # climbing takes none


def test_a_climb_to_8_m_takes_as_long_as_measured() -> None:
    rig = Pilot()
    rig.fly(LONG)
    assert rig.until(lambda: rig.pilot.alt_rel_m > 7.7) == pytest.approx(9.4, rel=0.15)


def test_yaw_is_reset_at_every_waypoint_unless_told_otherwise() -> None:
    for behaviour, expected in ((2.0, 180.0), (0.0, 90.0)):
        rig = Pilot()
        rig.fly([do(Command.CONDITION_YAW, 90.0), item(0.0, 30.0), item(0.0, -30.0)], WP_YAW_BEHAVIOR=behaviour)
        rig.until(lambda rig=rig: rig.pilot.mission_seq == 4)
        rig.until(lambda rig=rig: rig.pilot.body.velocity_m_s[1] < -1.0)
        rig.until(lambda rig=rig, until=rig.pilot.now + 5.0: rig.pilot.now > until)
        assert rig.pilot.body.yaw_deg == pytest.approx(expected, abs=3.0)


def test_a_new_mission_may_be_loaded_in_auto_but_not_cleared() -> None:
    rig = Pilot()
    rig.fly(LONG)
    store = rig.pilot.store
    answer = store.clear(MissionType.MISSION, flying_it=True)
    assert answer.result == mav.MAV_MISSION_ERROR  # type: ignore[union-attr]
    assert store.on_count(1, MissionType.MISSION, 40.0)
    assert store.on_item(0, item(1.0, 1.0), MissionType.MISSION, 40.0)[0].result == 0  # type: ignore[union-attr]


# --- 2c: failsafes -------------------------------------------------------------------------------------------------------------


def test_lost_ground_station_returns_by_its_timeout() -> None:
    rig = Pilot()
    rig.fly(LONG, FS_GCS_ENABLE=1.0, FS_GCS_TIMEOUT=5.0)
    rig.until(rig.away())
    assert 3.0 <= rig.alone(rig.in_mode(Mode.RTL)) <= 5.1
    assert rig.alone(rig.down) == pytest.approx(57.0, rel=0.35)


def test_lost_ground_station_goes_on_in_auto_when_told_so() -> None:
    rig = Pilot()
    rig.fly([do(Command.DO_CHANGE_SPEED, 1.0, 2.0), item(60.0, 0.0), do(Command.NAV_RTL)], FS_GCS_ENABLE=1.0, FS_OPTIONS=2.0)
    rig.until(rig.away())
    rig.alone(lambda: rig.pilot.mission_seq == 4)
    assert "Continuing Auto Mode" in rig.said[-2][1] + rig.said[-1][1]


def test_default_build_does_nothing_about_a_lost_ground_station() -> None:
    rig = Pilot()
    rig.fly([do(Command.DO_CHANGE_SPEED, 1.0, 2.0), item(60.0, 0.0), do(Command.NAV_RTL)])
    assert rig.pilot.parameters["FS_GCS_ENABLE"] == 0.0
    rig.until(rig.away())
    rig.alone(lambda: rig.pilot.mission_seq == 4)


def test_lost_radio_control_returns_after_one_second() -> None:
    rig = Pilot()
    rig.fly(LONG, FS_THR_ENABLE=1.0)
    rig.until(rig.away())
    rig.pilot.parameters["SIM_RC_FAIL"] = 1.0
    assert rig.until(rig.in_mode(Mode.RTL)) == pytest.approx(1.0, abs=0.15)


def test_low_battery_returns_after_its_timer() -> None:
    rig = Pilot()
    rig.fly(LONG, BATT_FS_LOW_ACT=2.0)
    rig.until(rig.away())
    rig.pilot.parameters["SIM_BATT_VOLTAGE"] = 13.0
    assert rig.until(rig.in_mode(Mode.RTL)) == pytest.approx(10.0, abs=0.2)


@pytest.mark.parametrize(("speed", "overshoot"), [(2.0, 2.1), (5.0, 6.4)])
def test_polygon_fence_is_overshot_by_as_much_as_measured(speed: float, overshoot: float) -> None:
    rig = Pilot()
    corners = [item(e, n) for e, n in ((-50.0, -50.0), (50.0, -50.0), (50.0, 50.0), (-50.0, 50.0))]
    fence = [MissionItem(Command.FENCE_INCLUSION, 0, (4.0, 0.0, 0.0, 0.0), corner.x, corner.y) for corner in corners]
    rig.pilot.store.stored[MissionType.FENCE] = fence
    mission = [do(Command.DO_CHANGE_SPEED, 1.0, speed), item(300.0, 0.0)]
    rig.fly(mission, FENCE_ENABLE=1.0, FENCE_TYPE=4.0, FENCE_ACTION=1.0)
    farthest = [0.0]

    def note() -> bool:
        farthest[0] = max(farthest[0], float((rig.pilot.body.position_m - rig.pilot.body.home_m)[0]))
        return not rig.pilot.armed

    rig.until(note)
    assert "fence breached" in " ".join(text for _, text in rig.said)
    assert farthest[0] - 50.0 == pytest.approx(overshoot, rel=0.2)


def test_lost_gps_lands_after_8_s_and_drifts_down_the_wind() -> None:
    rig = Pilot(Wind(6.0, 6.0, 270.0))
    rig.fly(LONG, FS_EKF_ACTION=1.0)
    rig.until(rig.away())
    rig.until(lambda: float(rig.pilot.body.velocity_m_s[0]) > 1.9)
    rig.pilot.parameters["SIM_GPS1_ENABLE"] = 0.0
    before = rig.pilot.now
    assert rig.until(rig.in_mode(Mode.LAND)) == pytest.approx(8.0, abs=0.1)
    where = rig.pilot.body.position_m.copy()
    rig.until(rig.down)
    assert rig.pilot.now - before == pytest.approx(31.0, rel=0.25)
    assert float(np.linalg.norm((rig.pilot.body.position_m - where)[:2])) == pytest.approx(33.5, rel=0.25)


def test_lost_gps_with_altitude_hold_and_no_pilot_falls() -> None:
    rig = Pilot()
    rig.fly(LONG, FS_EKF_ACTION=2.0)
    rig.until(rig.away())
    rig.pilot.parameters["SIM_GPS1_ENABLE"] = 0.0
    rig.until(rig.in_mode(Mode.ALT_HOLD))
    assert rig.until(lambda: rig.pilot.alt_rel_m < 0.3) == pytest.approx(4.0, abs=1.0)


def test_gps_glitch_is_said_at_once_and_taken_after_20_s() -> None:
    rig = Pilot()
    rig.fly(LONG)
    rig.until(rig.away())
    began = rig.pilot.now
    rig.pilot.parameters["SIM_GPS1_GLTCH_X"] = 8.7 / 111_195.0
    rig.until(lambda: rig.pilot.now > began + 40.0)
    assert rig.at("GPS Glitch") - began == pytest.approx(1.2, abs=0.15)
    assert rig.at("Glitch cleared") - began == pytest.approx(20.0, abs=0.3)
    assert rig.pilot.mode is Mode.AUTO  # nothing else tells of it
    assert abs(float(rig.pilot.body.position_m[1] - rig.pilot.body.home_m[1])) == pytest.approx(8.7, abs=0.6)


@pytest.mark.parametrize("wind", [Wind(12.0, 12.0, 0.0), Wind(8.0, 12.0, 0.0)])
def test_cross_wind_is_held(wind: Wind) -> None:
    rig = Pilot(wind)
    rig.fly([do(Command.DO_CHANGE_SPEED, 1.0, 2.0), item(60.0, 0.0), item(0.0, 0.0)])
    off: list[float] = []

    def note() -> bool:
        off.append(abs(float(rig.pilot.body.position_m[1] - rig.pilot.body.home_m[1])))
        return rig.pilot.mission_seq == 4

    rig.until(note)
    assert max(off) <= 0.5


def test_brake_stops_at_once_and_hovers() -> None:
    rig = Pilot()
    rig.fly(LONG)
    rig.until(rig.away())
    assert rig.pilot.set_mode(Mode.BRAKE)
    rig.until(lambda until=rig.pilot.now + 3.0: rig.pilot.now > until)
    assert float(np.linalg.norm(rig.pilot.body.velocity_m_s)) < 0.2
    assert rig.pilot.mode is Mode.BRAKE
