"""Owns the simulated radio traffic of a port: seeded motion, encoded by pyais into real sentences with tag blocks.

Never touches the database; the ships are simulated and their register says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import xor
from pathlib import Path
from random import Random

import numpy as np
from pyais import encode_dict

from ais.port import Port, load_port
from ais.rules import load_rules
from ais.scenario import Fleet, FleetShip, load_fleet, write_register
from core.geo import EnuFrame, Float, LonLat
from core.workdays import local_day

FLEET_PACK = "scenarios/yunjian_demo_fleet.toml"
BEHAVIOUR_PACK = "scenarios/yunjian_behaviour_fleet.toml"
_PLANTED_S = 3600.0  # into the log: everything planted begins then, when each ship's state is known
_GAP_S, _JUMP_S, _JUMP_M = 4200.0, 240.0, 60_000.0
_DRAG_M_S = 0.5
_CIRCLE_M, _CIRCLE_KN = 150.0, 8.0
_STATION = "SIM-SHORE-1"
_BASE_MMSI = 4139990
_AID_MMSI = 994139991
_KN_TO_M_S = 1852.0 / 3600.0
# Reporting intervals, ITU-R M.1371-5 tables 1 and 2, seconds.
_MOORED_S, _UNDER_WAY_S, _CLASS_B_S, _STATIC_S, _FIXED_S = 180, 10, 30, 360, 180
_BAD_EVERY = 400  # one in so many sentences is spoilt, as a noisy serial line does it


@dataclass(frozen=True, slots=True)
class Scenario:
    """Files of a generated scenario. `register_files`: ships, inspections, ratings, in the order to import."""

    nmea: Path
    register_files: tuple[Path, Path, Path]
    target_mmsi: int
    target_imo: int
    start: datetime
    minutes: int
    sentences: int

    @property
    def register(self) -> Path:
        return self.register_files[0]


@dataclass(frozen=True, slots=True)
class _State:
    """Antenna place in metres east/north of the port's centre; degrees true; knots."""

    east_m: float
    north_m: float
    heading_deg: float
    sog_kn: float
    status: int


Fields = dict[str, int | float | str | bytes | bool]
Motion = Callable[[float], _State]


@dataclass(frozen=True, slots=True)
class _Station:
    """One transmitter: position type and interval, static interval, and where it is at second t."""

    ship: FleetShip
    motion: Motion
    class_b: bool
    offset_s: float

    @property
    def interval_s(self) -> int:
        if self.class_b:
            return _CLASS_B_S
        resting = self.motion(0.0).status in {1, 5} and self.ship.behaviour != "circle"  # faster than 3 knots: as under way
        return _MOORED_S if resting else _UNDER_WAY_S


def write_scenario(directory: Path, seed: int, start: datetime, rule_pack: str = "rules/tokyo_mou_nir.toml") -> Scenario:
    """Write an NMEA log and the register files that belong to it; equal arguments give equal bytes.

    `start` is the aware UTC time of the first message; the register's dates count back from that day in China.
    """
    directory.mkdir(parents=True, exist_ok=True)
    fleet, pack = load_fleet(FLEET_PACK), load_rules(rule_pack)
    port = load_port(fleet.port_pack)
    lines = list(_traffic(fleet, port, Random(seed), start))  # noqa: S311  # a scenario, not a secret
    nmea = directory / "simulated_port.nmea"
    nmea.write_text("\n".join(lines) + "\n", encoding="ascii")
    target = next(ship for ship in fleet.ships if ship.demo_target)
    files = write_register(fleet, directory, pack, local_day(start))
    return Scenario(nmea, files, target.mmsi, target.imo, start, fleet.minutes, sum("!" in line for line in lines))


def write_behaviour_log(directory: Path, seed: int, start: datetime) -> Path:
    """A longer log of the same port in which some ships misbehave (`behaviour` in the fleet pack); equal arguments, equal bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    fleet = load_fleet(BEHAVIOUR_PACK)
    path = directory / "simulated_behaviour.nmea"
    lines = _traffic(fleet, load_port(fleet.port_pack), Random(seed), start)  # noqa: S311  # a scenario, not a secret
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    return path


def _misbehaving(ship: FleetShip, motion: Motion) -> Motion:
    """The motion with a planted jump, a dragging anchor, or places on a circle while the bow stays."""
    match ship.behaviour:
        case "jump":
            return lambda second: (
                replace(motion(second), north_m=motion(second).north_m + _JUMP_M)
                if 0 <= second - _PLANTED_S < _JUMP_S
                else motion(second)
            )
        case "drag":
            return lambda second: replace(
                motion(second),
                east_m=motion(second).east_m - max(0.0, second - _PLANTED_S) * _DRAG_M_S,
                sog_kn=motion(second).sog_kn if second < _PLANTED_S else _DRAG_M_S / _KN_TO_M_S,
            )
        case "circle":
            rate = _CIRCLE_KN * _KN_TO_M_S / _CIRCLE_M
            return lambda second: (
                replace(
                    motion(second),
                    east_m=motion(second).east_m + _CIRCLE_M * math.sin(rate * second),
                    north_m=motion(second).north_m + _CIRCLE_M * math.cos(rate * second),
                    sog_kn=_CIRCLE_KN,
                )
                if second >= _PLANTED_S
                else motion(second)
            )
        case _:
            return motion


def _silent(ship: FleetShip, second: float) -> bool:
    return ship.behaviour == "gap" and 0 <= second - _PLANTED_S < _GAP_S


def _traffic(fleet: Fleet, port: Port, random: Random, start: datetime) -> Iterator[str]:
    stations = [
        _Station(ship, _misbehaving(ship, _motion_of(ship, port, random)), False, random.uniform(0, 30)) for ship in fleet.ships
    ]
    stations += [_small_craft(number, port, random) for number in range(fleet.class_b)]
    frame = EnuFrame(LonLat(*port.centre))
    due: list[tuple[float, int, Fields]] = []
    end = fleet.minutes * 60.0
    for order, station in enumerate(stations):
        due.extend(
            (float(second), order, _position_report(station, frame, float(second), start))
            for second in np.arange(station.offset_s, end, station.interval_s)
            if not _silent(station.ship, float(second))
        )
        for second in np.arange(station.offset_s * 2, end, _STATIC_S):
            if not _silent(station.ship, float(second)):
                due.extend((float(second) + 0.5, order, fields) for fields in _static_reports(station, start, float(second)))
    for second in np.arange(1.0, end, _FIXED_S):
        due.extend((float(second), len(stations), fields) for fields in _fixed_reports(port, start, float(second)))
    due.sort(key=lambda item: (item[0], item[1]))
    for number, (second, _, fields) in enumerate(due):
        at = start + timedelta(seconds=second)
        yield from _sentences(fields, number, at, random)


def _sentences(fields: Fields, number: int, at: datetime, random: Random) -> Iterator[str]:
    parts = encode_dict(fields, talker_id="AI", sentence_type="VDM", radio_channel="AB"[number % 2], seq_id=number % 10)
    for index, part in enumerate(parts):
        group = f"g:{index + 1}-{len(parts)}-{number}" if len(parts) > 1 else ""
        stamp = f"s:{_STATION},c:{int(at.timestamp())}" if index == 0 else ""
        tag = ",".join(item for item in (group, stamp) if item)
        sentence = part
        if random.randrange(_BAD_EVERY) == 0:
            place = len(part) - 8
            sentence = part[:place] + ("0" if part[place] != "0" else "1") + part[place + 1 :]
        yield f"\\{tag}*{reduce(xor, tag.encode('ascii'), 0):02X}\\{sentence}"


def _position_report(station: _Station, frame: EnuFrame, second: float, start: datetime) -> Fields:
    state = station.motion(second)
    place = frame.to_lonlat(np.array([state.east_m, state.north_m]))
    moving = state.sog_kn > 0.5
    fields: Fields = {
        "msg_type": 18 if station.class_b else 1,
        "mmsi": station.ship.mmsi,
        "lon": place.lon,
        "lat": place.lat,
        "speed": round(state.sog_kn, 1),
        "course": round(state.heading_deg, 1) if moving else 360.0,
        "heading": 511 if station.class_b else round(state.heading_deg) % 360,
        "second": (start + timedelta(seconds=second)).second,
        "accuracy": 1,
    }
    if not station.class_b:
        fields["status"] = state.status
    return fields


def _static_reports(station: _Station, start: datetime, second: float) -> list[Fields]:
    ship = station.ship
    swapped = ship.behaviour == "identity_swap" and second >= _PLANTED_S
    bow, port_side = round(ship.loa_m * 0.8), ship.beam_m // 2
    sides: Fields = {
        "to_bow": bow,
        "to_stern": ship.loa_m - bow,
        "to_port": port_side,
        "to_starboard": ship.beam_m - port_side,
    }
    name = ship.swapped_name if swapped else ship.ais_name or ship.name
    imo = ship.swapped_imo if swapped else ship.ais_imo or ship.imo
    if station.class_b:
        return [
            {"msg_type": 24, "mmsi": ship.mmsi, "partno": 0, "shipname": name},
            {"msg_type": 24, "mmsi": ship.mmsi, "partno": 1, "ship_type": ship.ais_type, "callsign": ship.call_sign, **sides},
        ]
    eta = start + timedelta(hours=2)
    return [
        {
            "msg_type": 5, "mmsi": ship.mmsi, "imo": imo, "callsign": ship.call_sign, "shipname": name,
            "ship_type": ship.ais_type, **sides, "epfd": 1, "month": eta.month, "day": eta.day, "hour": eta.hour,
            "minute": eta.minute, "draught": ship.draught_m, "destination": "CN SIM PORT",
        }
    ]  # fmt: skip


def _fixed_reports(port: Port, start: datetime, second: float) -> list[Fields]:
    at = start + timedelta(seconds=second)
    lon, lat = port.centre
    buoy = port.fairway[len(port.fairway) // 2]
    return [
        {
            "msg_type": 4, "mmsi": _BASE_MMSI, "year": at.year, "month": at.month, "day": at.day, "hour": at.hour,
            "minute": at.minute, "second": at.second, "lon": lon, "lat": lat, "epfd": 1,
        },
        {
            "msg_type": 21, "mmsi": _AID_MMSI, "aid_type": 30, "name": "SIM FAIRWAY BUOY", "lon": buoy[0], "lat": buoy[1],
            "second": at.second,
        },
    ]  # fmt: skip


def _motion_of(ship: FleetShip, port: Port, random: Random) -> Motion:
    berth = next((item for item in port.berths if item.id == ship.place), None)
    frame = EnuFrame(LonLat(*port.centre))
    if berth is not None:
        return _moored(ship, *(frame.to_enu(LonLat(*point))[:2] for point in berth.quay))
    if ship.place == "anchor":
        return _at_anchor(port, frame, random)
    if ship.place in {"inbound", "outbound"}:
        line = [frame.to_enu(LonLat(*point))[:2] for point in port.fairway]
        return _along(line if ship.place == "inbound" else line[::-1], random.uniform(7.5, 10.5), random.uniform(0.05, 0.3))
    return _roaming(port, frame, random, speed_kn=random.uniform(3.0, 6.0))


def _moored(ship: FleetShip, first: Float, second: Float) -> Motion:
    """Along the quay, two metres off, water to the left of the quay's direction: starboard side alongside."""
    along = (second - first) / np.linalg.norm(second - first)
    water = np.array([-along[1], along[0]])
    heading = math.degrees(math.atan2(along[0], along[1])) % 360.0
    stern = (first + second) / 2.0 - along * ship.loa_m / 2.0 + water * (2.0 + ship.beam_m / 2.0)
    to_stern = ship.loa_m - round(ship.loa_m * 0.8)
    to_port = ship.beam_m // 2
    antenna = stern + along * to_stern + water * (ship.beam_m / 2.0 - to_port)
    return lambda _second: _State(float(antenna[0]), float(antenna[1]), heading, 0.0, 5)


def _at_anchor(port: Port, frame: EnuFrame, random: Random) -> Motion:
    corners = np.array([frame.to_enu(LonLat(*point))[:2] for point in port.anchorage])
    weights = np.array([random.random() + 0.3 for _ in corners])
    centre = (weights / weights.sum()) @ corners
    phase, radius = random.uniform(0, math.tau), random.uniform(60.0, 120.0)

    def at(second: float) -> _State:
        angle = phase + 0.5 * math.sin(second / 900.0)
        east, north = centre + radius * np.array([math.sin(angle), math.cos(angle)])
        return _State(float(east), float(north), (math.degrees(angle) + 180.0) % 360.0, 0.1, 1)

    return at


def _along(line: list[Float], speed_kn: float, begin_share: float) -> Motion:
    legs = np.diff(np.array(line), axis=0)
    lengths = np.linalg.norm(legs, axis=1)
    ends = np.cumsum(lengths)

    def at(second: float) -> _State:
        done = min(begin_share * ends[-1] + speed_kn * _KN_TO_M_S * second, ends[-1] - 1.0)
        leg = int(np.searchsorted(ends, done))
        share = (done - (ends[leg] - lengths[leg])) / lengths[leg]
        east, north = line[leg] + share * legs[leg]
        moving = done < ends[-1] - 1.5
        heading = math.degrees(math.atan2(legs[leg][0], legs[leg][1])) % 360.0
        return _State(float(east), float(north), heading, speed_kn if moving else 0.0, 0)

    return at


def _roaming(port: Port, frame: EnuFrame, random: Random, speed_kn: float) -> Motion:
    middle = frame.to_enu(LonLat(*port.fairway[-2]))[:2] + np.array([random.uniform(-900, 0), random.uniform(-900, 300)])
    radius, phase = random.uniform(150.0, 500.0), random.uniform(0, math.tau)
    rate = speed_kn * _KN_TO_M_S / radius

    def at(second: float) -> _State:
        angle = phase + rate * second
        east, north = middle + radius * np.array([math.sin(angle), math.cos(angle)])
        return _State(float(east), float(north), (math.degrees(angle) + 90.0) % 360.0, speed_kn, 0)

    return at


def _small_craft(number: int, port: Port, random: Random) -> _Station:
    ship = FleetShip(
        name=f"SIM BOAT {number + 1}", imo=0, mmsi=413_999_500 + number, ais_type=random.choice((30, 37, 36)), loa_m=random.randint(9, 24),
        beam_m=random.randint(3, 6), draught_m=1.5, place="harbour", registered=False,
    )  # fmt: skip
    motion = _roaming(port, EnuFrame(LonLat(*port.centre)), random, random.uniform(2.0, 8.0))
    return _Station(ship, motion, True, random.uniform(0, 30))
