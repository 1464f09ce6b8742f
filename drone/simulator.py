"""Owns starting and ending the simulated vehicle's process.

Never imports it: it is spoken to over MAVLink only.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from core.clock import FastClock, rfc3339
from core.errors import EnvironmentFault
from core.processes import python_module, spawn
from drone.model import Plan, Wind

_PHOTO_S = 2.0  # wall seconds a photo may take to reach the card before the simulator counts as hung
_LEAST_S = 20.0


@dataclass(slots=True)
class SimulatorProcess:
    """A running simulator. Leaving the context kills it; `eject_card` ends it in order."""

    process: subprocess.Popen[str]
    card: Path
    log: Path

    def eject_card(self, photos: int) -> Path:
        """Wait until the photos taken are on the card; returns its folder.

        Raises:
            EnvironmentFault: `drone.simulator`, it died or hung; the message names its log.
        """
        self.process.terminate()
        try:
            status = self.process.wait(timeout=_LEAST_S + photos * _PHOTO_S)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            raise EnvironmentFault("drone.simulator", log=str(self.log), status="hung") from error
        if status != 0:
            raise EnvironmentFault("drone.simulator", log=str(self.log), status=status)
        return self.card

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def start_simulator(
    plan: Plan,
    ship_file: Path,
    work: Path,
    port: int,
    clock: FastClock,
    *,
    seed: int = 1,
    fault: str = "none",
    battery_minutes: float = 25.0,
    payload: bool = False,
    wind: Wind | None = None,
) -> SimulatorProcess:
    """Start `python -m drone.sim` beside us; photos go to `<work>/card`, truth to `<work>/card_truth`, log to `<work>/sim.log`.

    It shares the clock: same start, same speed, same wall epoch. Raises ValueError for a plan without ship pose.
    """
    if plan.ship.pose is None:
        raise ValueError("the plan has no ship pose")
    work.mkdir(parents=True, exist_ok=True)
    card, log = work / "card", work / "sim.log"
    scene = {
        "pose": plan.ship.pose.model_dump(mode="json"),
        "home_lonlat_alt": plan.home_lonlat_alt,
        "quay_side": plan.ship.quay_side,
        "camera": plan.camera.id,
        "battery_minutes": battery_minutes,
        "payload": payload,
    }
    if wind is not None:
        scene |= {"wind_m_s": wind.speed_m_s, "gust_m_s": wind.gust_m_s, "wind_from_deg_true": wind.from_deg_true}
    command = python_module("drone.sim", "--ship-file", str(ship_file), "--pose", json.dumps(scene))
    command += ["--card", str(card), "--connect", f"udpout:127.0.0.1:{port}", "--speed", f"{clock.speed:g}"]
    command += ["--epoch-wall", repr(clock.epoch_wall), "--start", rfc3339(clock.start), "--seed", str(seed), "--fault", fault]
    with log.open("wb") as sink:
        process = spawn(command, stdout=sink, stderr=sink)
    return SimulatorProcess(process, card, log)
