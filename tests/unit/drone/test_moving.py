"""A ship that swings 30 degrees to either side in 15 minutes: the lane error of a vehicle fed by 2 Hz poses, and what the gate does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.geo import LonLat
from core.ship import ShipGeometry, ShipPose
from drone.moving import (
    Fix,
    PoseVerdict,
    Setpoint,
    ShipLeg,
    back_off,
    fix_of,
    judge_pose,
    may_fly_moving,
    motion_at,
    moving_numbers,
    setpoint,
    ship_legs,
)
from drone.planner import plan_survey
from tests.unit.drone.kit import AT, GEOMETRY, SHIP, wishes

NUMBERS = moving_numbers()
DRAUGHT = 4.5
SWING_RAD, PERIOD_S = math.radians(30.0), 900.0


def heading_at(t: float) -> float:
    return math.radians(37.0) + SWING_RAD * math.sin(2 * math.pi * t / PERIOD_S)


def place_at(t: float, ship_m: np.ndarray, loa: float) -> np.ndarray:
    """A point of a ship that turns about its bow; written out here and not with the code under test."""
    h = heading_at(t)
    forward, port = np.array([math.sin(h), math.cos(h)]), np.array([-math.cos(h), math.sin(h)])
    bow = np.array([math.sin(math.radians(37.0)), math.cos(math.radians(37.0))]) * loa
    level = bow + (ship_m[0] - loa) * forward + ship_m[1] * port
    return np.array([*level, ship_m[2] - DRAUGHT])


def reports(until: float, rate_hz: float, loa: float, rng: np.random.Generator | None) -> list[Fix]:
    """What a two-antenna beacon says: 3 cm and 0.1 degrees of noise."""
    found = []
    for t in np.arange(-20.0, until, 1.0 / rate_hz):
        east, north, _ = place_at(t, np.array([0.0, 0.0, 0.0]), loa)
        noise = rng.normal(0.0, [0.03, 0.03, 0.1]) if rng else np.zeros(3)
        found.append(Fix(float(t), (float(east + noise[0]), float(north + noise[1])), math.degrees(heading_at(t)) + noise[2]))
    return found


def lane(loa: float) -> ShipLeg:
    corners = np.array([[0.0, 30.0, 12.0], [loa, 30.0, 12.0]])
    return ShipLeg(corners, 2.0, 90.0, -5.0, np.empty((0, 3)))


def lane_errors(loa: float, rate_hz: float) -> np.ndarray:
    """A vehicle with a velocity loop of 0.4 s follows setpoints sent five times a second; its distance from the true lane."""
    fixes = reports(400.0, rate_hz, loa, np.random.default_rng(5))
    leg, step, begin = lane(loa), 0.1, 0.0
    at = place_at(begin, leg.corners_m[0], loa)
    speed = np.zeros(3)
    wanted, since = Setpoint(at, speed, 0.0, 0.0), begin
    errors = []
    for tick in range(int(min(leg.length_m / leg.speed_m_s, 260.0) / step)):
        now = begin + tick * step
        if tick % 2 == 0:
            heard = [fix for fix in fixes if now - 15.0 < fix.at_s <= now - 0.1]  # a radio link of 0.1 s
            motion = motion_at(heard, now, NUMBERS)
            assert motion is not None
            wanted = setpoint(motion, leg, leg.speed_m_s * (now - begin), DRAUGHT)
            since = now
        target = wanted.velocity_m_s + 1.0 * (wanted.place_enu_m + wanted.velocity_m_s * (now - since) - at)
        speed = speed + (target - speed) * (step / 0.4)
        at = at + speed * step
        along = np.clip(leg.speed_m_s * (now + step - begin), 0.0, loa)
        errors.append(np.linalg.norm(at - place_at(now + step, np.array([along, 30.0, 12.0]), loa)))
    return np.array(errors[50:])


@pytest.mark.parametrize("loa", [90.0, 200.0, 400.0])
def test_lane_error_of_a_swinging_ship_with_two_poses_a_second(loa: float) -> None:
    assert np.percentile(lane_errors(loa, 2.0), 95) <= 0.5


def test_feed_forward_is_the_velocity_of_that_place_of_the_ship() -> None:
    fixes = reports(60.0, 5.0, 200.0, None)
    motion = motion_at([fix for fix in fixes if fix.at_s <= 50.0], 50.0, NUMBERS)
    assert motion is not None
    leg = lane(200.0)
    sent = setpoint(motion, leg, 40.0, DRAUGHT)
    here, later = (place_at(t, np.array([40.0 + 2.0 * (t - 50.0), 30.0, 12.0]), 200.0) for t in (49.95, 50.05))
    assert np.allclose(sent.place_enu_m, (here + later) / 2, atol=0.05)
    assert np.allclose(sent.velocity_m_s, (later - here) / 0.1, atol=0.05)
    assert sent.yaw_deg_true == pytest.approx((math.degrees(heading_at(50.0)) + 90.0) % 360.0, abs=0.05)


def test_gate_goes_by_age_times_rate_times_reach_and_then_in_steps() -> None:
    fixes = reports(10.0, 2.0, 200.0, None)
    fresh = motion_at(fixes, 9.6, NUMBERS)
    stale = motion_at(fixes, 14.0, NUMBERS)
    assert fresh is not None
    assert stale is not None
    assert judge_pose(fresh, 190.0, 0.0, NUMBERS) is PoseVerdict.GO
    assert judge_pose(stale, 190.0, 0.0, NUMBERS) is PoseVerdict.HOLD
    assert judge_pose(stale, 190.0, NUMBERS.hold_s, NUMBERS) is PoseVerdict.BACK_OFF
    assert judge_pose(None, 5.0, NUMBERS.return_s, NUMBERS) is PoseVerdict.RETURN
    assert motion_at(fixes[:2], 0.0, NUMBERS) is None


def test_backing_off_leads_away_from_the_ship() -> None:
    motion = motion_at(reports(10.0, 2.0, 200.0, None), 9.6, NUMBERS)
    assert motion is not None
    for at in ([100.0, 30.0, 12.0], [-15.0, 2.0, 12.0], [214.0, -3.0, 12.0]):
        away = back_off(motion, np.array(at), ShipGeometry(200.0, 32.0, 18.0, DRAUGHT), 90.0, 10.0)
        assert away.place_enu_m[2] == pytest.approx(at[2] - DRAUGHT)
        here = place_at(9.6, np.array(at), 200.0)
        there = place_at(9.6, np.array([100.0, 0.0, 12.0]), 200.0)
        assert np.linalg.norm(away.place_enu_m[:2] - there[:2]) > np.linalg.norm(here[:2] - there[:2]) + 4.0


@pytest.mark.parametrize(("source", "rate", "may"), [("ais", 2.0, False), ("beacon", 2.0, True), ("beacon", 1.0, False)])
def test_only_a_beacon_may_fly_a_moving_ship(source: str, rate: float, may: bool) -> None:
    assert may_fly_moving(source, rate, NUMBERS) is may


def test_at_anchor_ais_alone_is_refused_with_the_reason() -> None:
    ais = ShipPose(LonLat(122.1, 40.3), 37.0, AT, "ais")
    beacon = ShipPose(LonLat(122.1, 40.3), 37.0, AT, "beacon")
    refused = plan_survey(SHIP, GEOMETRY, ais, None, wishes(), at_anchor=True)
    assert "anchored_needs_beacon" in {refusal.code for refusal in refused.refusals}
    assert not plan_survey(SHIP, GEOMETRY, beacon, None, wishes(), at_anchor=True).refusals


def test_plan_in_the_ship_frame_carries_every_trigger_and_stays_clear() -> None:
    geometry = ShipGeometry(90.0, 14.0, 7.0, 4.5)
    pose = ShipPose(LonLat(122.1, 40.3), 212.0, AT, "beacon")
    plan = plan_survey(SHIP, geometry, pose, None, wishes(), at_anchor=True)
    for sortie in plan.sorties:
        legs = ship_legs(plan, sortie)
        assert sum(len(leg.triggers_m) for leg in legs) == len(sortie.triggers_enu_m)
        frame = pose.frame
        still = motion_at([fix_of(frame, t, pose.origin, 212.0) for t in (0.0, 0.5, 1.0, 1.5)], 2.0, NUMBERS)
        assert still is not None
        again = still.to_enu(legs[1].corners_m, geometry.draught_m)
        assert np.allclose(again, np.array(sortie.legs[1].points_enu_m), atol=0.01)
