"""Owns flying in the frame of a ship: guided targets along its legs, a photo at each trigger, and the ones that did not come.

Never decides to abort and never reads a clock: the flight feeds it place and motion, and sends what it hands back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from core.geo import Float
from core.ship import ShipGeometry
from drone.moving import Setpoint, ShipLeg, ShipMotion, setpoint

_SETTLED_DEG, _SETTLED_M, _CALM_STEPS = 3.0, 0.5, 3
_JOINED_DEG = 15.0  # lanes that bend less are flown on without a stop: the vehicle turns at 60 degrees a second
_BRAKE_M_S2, _CREEP_M_S = 0.6, 0.4
_PATIENCE_S = 6.0  # a gimbal or a yaw that has not settled by then is flown with, and the monitor judges it
_NEAR_M = 0.25  # half of what the vehicle flies between two targets at lane speed
_LEASH_M = 2.5  # the target waits for a vehicle that is farther behind
_AGREE_S = 1.5  # a photo's report comes this soon after its trigger, or it is lost


def outward(at_ship_m: Float, ship: ShipGeometry, metres: float) -> Float:
    """(3,) the place so much farther from the ship's centreline, level."""
    half = ship.beam_m / 2.0
    spine = np.array([min(max(float(at_ship_m[0]), half), ship.loa_m - half), 0.0])
    away = at_ship_m[:2] - spine
    length = float(np.hypot(*away))
    unit = away / length if length > 1e-6 else np.array([0.0, 1.0])
    return np.array([*(at_ship_m[:2] + unit * metres), at_ship_m[2]])


@dataclass(frozen=True, slots=True)
class Heights:
    """Of the ways in and out, metres: `over_m` above the keel clears everything on board; `clear_m` outward of a lane."""

    over_m: float
    clear_m: float
    speed_m_s: float


def way_in(here_m: Float, first: ShipLeg, ship: ShipGeometry, heights: Heights) -> ShipLeg:
    """Out, up, over and down to the start of a lane: never past the ship's side, wherever it has swung to."""
    start = first.corners_m[0]
    leaving = outward(here_m, ship, heights.clear_m) if here_m[2] < heights.over_m else here_m
    far = outward(start, ship, heights.clear_m)
    over = max(heights.over_m, float(here_m[2]))
    corners = [here_m, leaving, _lift(leaving, over), _lift(far, over), far, start]
    return replace(first, corners_m=np.array(corners), speed_m_s=heights.speed_m_s, triggers_m=np.empty((0, 3)))


def way_out(last: ShipLeg, ship: ShipGeometry, heights: Heights) -> ShipLeg:
    """From the end of a lane outward and up, from where the vehicle returns by itself."""
    end = last.corners_m[-1]
    far = outward(end, ship, heights.clear_m)
    corners = np.array([end, far, _lift(far, heights.over_m)])
    return replace(last, corners_m=corners, speed_m_s=heights.speed_m_s, triggers_m=np.empty((0, 3)))


def _lift(place: Float, height: float) -> Float:
    return np.array([place[0], place[1], height])


def between_home(legs: Sequence[ShipLeg]) -> list[ShipLeg]:
    """The legs without the ferries from and to the launch point, which does not turn with the ship."""
    flown = [at for at, leg in enumerate(legs) if len(leg.triggers_m)]
    return list(legs[flown[0] : flown[-1] + 1]) if flown else []


def fly_again(
    legs: Sequence[ShipLeg], missing: Sequence[int], here_m: Float, speed_m_s: float, *, to_end: bool
) -> list[ShipLeg]:
    """The way from a place near the end of `legs` back along them to the first missing trigger (numbers over all legs) and forward
    again, with the missing ones alone: no way but one that has been flown. `to_end` = on to the end, else to the last of them.
    """
    kept: list[list[int]] = []
    at = 0
    for leg in legs:
        kept.append([number - at for number in missing if at <= number < at + len(leg.triggers_m)])
        at += len(leg.triggers_m)
    wanted = [index for index, some in enumerate(kept) if some]
    first, last = wanted[0], len(legs) - 1 if to_end else wanted[-1]
    forward = [
        replace(leg, triggers_m=leg.triggers_m[some], speed_m_s=leg.speed_m_s if some else speed_m_s)
        for leg, some in zip(legs[first : last + 1], kept[first : last + 1], strict=True)
    ]
    line = np.concatenate([leg.corners_m for leg in legs[first:]])
    passed = int(np.argmin([_off_m(here_m, start, end) for start, end in pairwise(line)]))
    back = np.concatenate([here_m[None, :], line[passed::-1]])
    return [replace(forward[0], corners_m=back, triggers_m=np.empty((0, 3)), speed_m_s=speed_m_s), *forward]


def _off_m(place: Float, start: Float, end: Float) -> float:
    chord = end - start
    share = float(np.clip((place - start) @ chord / max(float(chord @ chord), 1e-9), 0.0, 1.0))
    return float(np.linalg.norm(place - start - share * chord))


def not_taken(matched: Sequence[tuple[int, int]], count: int, before: int) -> list[int]:
    """Triggers (0 .. count-1, in flown order) whose photo was not taken for sure.

    `matched` = (trigger, image index) known to belong together; `before` = the highest index used earlier. The camera counts its
    photos: between two known ones, as many missing records as missing triggers are lost messages; fewer are lost photos.
    """
    known = [(-1, before), *sorted(matched)]
    lost: list[int] = []
    for (first, low), (second, high) in pairwise(known):
        if high - low != second - first:
            lost += range(first + 1, second)
    return [*lost, *range(known[-1][0] + 1, count)]


@dataclass(frozen=True, slots=True)
class Step:
    """What to send now: the target, the gimbal's pitch where it is not there yet, and how many photos."""

    target: Setpoint
    gimbal_pitch_deg: float | None
    shots: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Of the vehicle, at one moment: place in the ship's frame, heading true, gimbal pitch."""

    at_s: float
    here_m: Float
    heading_deg: float
    pitch_deg: float | None


@dataclass(slots=True)
class Follower:
    """Along legs, one after the other. `fired` holds the number of each trigger and when it went out."""

    legs: list[ShipLeg]
    draught_m: float
    at: int = 0
    along_m: float = 0.0
    fired: list[tuple[int, float]] = field(default_factory=list)
    matched: list[tuple[int, int]] = field(default_factory=list)
    _settled: bool = False
    _since: float | None = None
    _calm: int = 0
    _left: list[tuple[int, Float]] = field(default_factory=list)
    _numbered: int = 0

    def __post_init__(self) -> None:
        self._enter()

    @property
    def done(self) -> bool:
        return self.at >= len(self.legs)

    @property
    def silent(self) -> int:
        """Triggers that went out since one was last known to be a photo."""
        if not self.fired:
            return 0
        return self.fired[-1][0] - (max(number for number, _ in self.matched) if self.matched else -1)

    @property
    def leg(self) -> ShipLeg:
        return self.legs[min(self.at, len(self.legs) - 1)]

    def _enter(self) -> None:
        self.along_m, self._settled, self._since, self._calm = 0.0, False, None, 0
        triggers = self.leg.triggers_m if not self.done else np.empty((0, 3))
        self._left = [(self._numbered + at, trigger) for at, trigger in enumerate(triggers)]
        self._numbered += len(triggers)

    def hold(self, motion: ShipMotion) -> Step:
        """Stay at the present place of the leg; it moves with the ship."""
        still = replace(self.leg, speed_m_s=0.0)
        return Step(setpoint(motion, still, self.along_m, self.draught_m), None, 0)

    def step(self, seconds: float, motion: ShipMotion, seen: Seen) -> Step:
        """Move on by `seconds` where the vehicle keeps up, has turned and looks where it should."""
        leg = self.leg
        place, _ = leg.along(self.along_m)
        behind = float(np.linalg.norm(place - seen.here_m))
        off = seen.pitch_deg is None or abs(seen.pitch_deg - leg.gimbal_pitch_deg) >= _SETTLED_DEG
        pitch = leg.gimbal_pitch_deg if off else None
        if not self._settled:
            self._settle(motion, seen, behind, aimed=not off)
        shots = self._shots(leg, seen) if self._settled else 0
        if not self._settled or behind > _LEASH_M:
            return replace(self.hold(motion), gimbal_pitch_deg=pitch, shots=shots)
        speed = self._speed_m_s(leg)
        self.along_m += speed * seconds
        if self.along_m >= leg.length_m and not self._left:
            speed = self._next(leg) or speed
        flown = replace(self.leg, speed_m_s=0.0 if self._waiting else speed)
        return Step(setpoint(motion, flown, min(self.along_m, self.leg.length_m), self.draught_m), pitch, shots)

    @property
    def _waiting(self) -> bool:
        return self.done or not self._settled or self.along_m >= self.leg.length_m

    def _settle(self, motion: ShipMotion, seen: Seen, behind_m: float, *, aimed: bool) -> None:
        leg = self.leg
        self._since = seen.at_s if self._since is None else self._since
        turn = (math.degrees(motion.heading_rad) + leg.yaw_off_bow_deg - seen.heading_deg + 180.0) % 360.0 - 180.0
        self._calm = self._calm + 1 if abs(turn) < _SETTLED_DEG and aimed and behind_m < _SETTLED_M else 0
        tired = seen.at_s - self._since > _PATIENCE_S
        self._settled = self._calm >= _CALM_STEPS or tired or not len(leg.triggers_m)

    def _speed_m_s(self, leg: ShipLeg) -> float:
        """A ferry slows down towards its end; lanes run on into each other."""
        left = max(leg.length_m - self.along_m, 0.0)
        return (
            leg.speed_m_s if len(leg.triggers_m) else min(leg.speed_m_s, max(math.sqrt(2.0 * _BRAKE_M_S2 * left), _CREEP_M_S))
        )

    def _next(self, leg: ShipLeg) -> float | None:
        """Enter the next leg; its speed when it runs on from this one without a stop."""
        over = self.along_m - leg.length_m
        self.at += 1
        if self.done:
            self.along_m = leg.length_m
            return None
        self._enter()
        bend = abs((leg.yaw_off_bow_deg - self.leg.yaw_off_bow_deg + 180.0) % 360.0 - 180.0)
        joined = len(leg.triggers_m) > 0 and len(self.leg.triggers_m) > 0
        if joined and bend < _JOINED_DEG and abs(leg.gimbal_pitch_deg - self.leg.gimbal_pitch_deg) < _JOINED_DEG:
            self._settled, self.along_m = True, over
            return self.leg.speed_m_s
        return None

    def _shots(self, leg: ShipLeg, seen: Seen) -> int:
        """Photos due: the vehicle, not the target, has come to their place along the leg."""
        shots = 0
        chord = leg.corners_m[-1] - leg.corners_m[0]
        unit = chord / max(float(np.linalg.norm(chord)), 1e-9)
        while self._left and not shots:
            number, trigger = self._left[0]
            if float((trigger - seen.here_m) @ unit) > _NEAR_M:
                break
            self._left.pop(0)
            self.fired.append((number, seen.at_s))
            shots += 1
        return shots

    def photo(self, index: int, at_s: float) -> None:
        """A photo's record has come: it belongs to the newest trigger that went out shortly before."""
        known = {number for number, _ in self.matched}
        fresh = [number for number, fired in self.fired if number not in known and 0.0 <= at_s - fired <= _AGREE_S]
        if fresh:
            self.matched.append((fresh[-1], index))
