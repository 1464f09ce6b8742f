"""Owns the simulator's process: `python -m drone.sim --ship-file DIR --pose JSON --card DIR --connect udpout:127.0.0.1:PORT`.

Never flies anything real. SIGTERM ends it after the last photo is on the card. Says SIMULATED on stderr.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from core.clock import FastClock, parse_rfc3339
from core.errors import YunJianError
from core.geo import LonLat
from drone.model import PosePart, ShipSide, Wind
from drone.packs import camera
from drone.sim.camera import Renderer
from drone.sim.card import Card
from drone.sim.payload import SimPayload
from drone.sim.shipfile import load_ship_file
from drone.sim.vehicle import TICK_S, SimVehicle
from drone.sim.world import Fault, WorldSpec
from drone.transport import open_transport, parse_address

_NAP_WALL_S = 0.002
_CALIBRATED_DAYS_AGO = 20


class Scene(BaseModel):
    """The JSON of --pose (a path or the text itself)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pose: PosePart
    home_lonlat_alt: tuple[float, float, float]
    quay_side: ShipSide | None = None
    camera: str = "survey_3mp_tele"
    battery_minutes: float = 25.0
    wind_m_s: float = 2.0
    gust_m_s: float = 3.0
    wind_from_deg_true: float | None = None
    payload: bool = False  # an enforcement payload is on board
    fuel_sulphur_pct: float = 0.1


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or until the parent's end of the pipe closes; exit code 0 when the card is complete."""
    args = _parser().parse_args(arguments)
    text = args.pose if args.pose.lstrip().startswith("{") else Path(args.pose).read_text(encoding="utf-8")
    scene = Scene.model_validate(json.loads(text))
    clock = FastClock(args.speed, parse_rfc3339(args.start), args.epoch_wall)
    try:
        ship_file = load_ship_file(Path(args.ship_file))
        transport = open_transport(parse_address(args.connect))
    except YunJianError as error:
        sys.stderr.write(f"drone.sim: {error}\n")
        return error.exit_status
    pose = scene.pose.pose()
    lon, lat, alt = scene.home_lonlat_alt
    fault = Fault(args.fault)
    spec = WorldSpec(
        pose, ship_file.hull, LonLat(lon, lat), alt, scene.quay_side, _wind(scene, fault), scene.battery_minutes, args.seed,
        fault,
    )  # fmt: skip
    renderer = Renderer(ship_file, camera(scene.camera), args.seed, scene.quay_side)
    folder = Path(args.card)
    card = Card(folder, Path(args.truth) if args.truth else folder.with_name(folder.name + "_truth"), renderer, pose)
    calibrated = (clock.start.date() - date(1970, 1, 1)).days - _CALIBRATED_DAYS_AGO
    payload = SimPayload(scene.fuel_sulphur_pct, calibrated) if scene.payload else None
    vehicle = SimVehicle(spec, transport, clock.start, card.submit, payload=payload)
    sys.stderr.write(f"SIMULATED vehicle, SIMULATED ship, speed {args.speed:g}x, fault {fault.value}\n")
    sys.stderr.flush()
    stop = _stop_on_signal()
    card.open()
    try:
        _run(vehicle, clock, stop)
    finally:
        card.close()
        transport.close()
    clearance = vehicle.autopilot.body.min_clearance_m
    summary = {
        "simulated": True,
        "photos": vehicle.autopilot.shots,
        "min_clearance_m": round(clearance, 2) if np.isfinite(clearance) else None,
    }
    (card.truth / "flight.json").write_text(json.dumps(summary), encoding="utf-8")
    return 0


def _run(vehicle: SimVehicle, clock: FastClock, stop: Callable[[], bool]) -> None:
    while not stop():
        while vehicle.now + TICK_S <= clock.monotonic() and not stop():  # one that lags behind must still hear the end
            vehicle.tick()
        clock.sleep(max(TICK_S, clock.speed * _NAP_WALL_S))


def _stop_on_signal() -> Callable[[], bool]:
    asked: list[int] = []

    def note(number: int, frame: object) -> None:
        del frame
        asked.append(number)

    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGINT, note)
    return lambda: bool(asked)


def _wind(scene: Scene, fault: Fault) -> Wind:
    """By default along the ship from ahead, where it pushes nothing into the hull; the fault blows at both sides' worst."""
    if fault is Fault.WIND_TO_HULL:
        return Wind(7.0, 8.0, scene.pose.heading_deg_true + (90.0 if scene.quay_side == "port" else 270.0))
    come_from = scene.pose.heading_deg_true if scene.wind_from_deg_true is None else scene.wind_from_deg_true
    return Wind(scene.wind_m_s, scene.gust_m_s, come_from)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m drone.sim", description="SIMULATED survey drone")
    parser.add_argument("--ship-file", required=True, help="folder with ship.json")
    parser.add_argument("--pose", required=True, help="JSON text or file: pose, home_lonlat_alt, quay_side, camera")
    parser.add_argument("--card", required=True, help="folder the photos are written to")
    parser.add_argument("--truth", default="", help="folder of the truth masks; default <card>_truth")
    parser.add_argument("--connect", required=True, help="udpout:127.0.0.1:PORT or tcp:127.0.0.1:PORT")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--epoch-wall", type=float, default=time.time(), help="time.time() at which the clock starts")
    parser.add_argument("--start", required=True, help="UTC time at the clock's start, RFC 3339")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", choices=[fault.value for fault in Fault], default=Fault.NONE.value)
    return parser


if __name__ == "__main__":
    sys.exit(main())
