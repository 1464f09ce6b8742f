"""Owns what a flight asks about the outside and what it tells: operator, ship, papers, progress, result.

Never decides anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from drone.beacon import ShipBeacon
from drone.gate import Board, Override
from drone.model import Wind
from drone.papers import Papers
from drone.payload import PayloadLog, Task
from drone.vehicle import PhotoFeedback


class Stage(StrEnum):
    PLAN = "plan"
    PREFLIGHT = "preflight"
    ARMED = "armed"
    FLYING = "flying"
    OBSERVING = "observing"
    ABORTING = "aborting"
    HOME = "home"


@dataclass(frozen=True, slots=True)
class FlightProgress:
    """What the operator sees while it flies; None = not known yet."""

    stage: Stage
    sortie: int
    sorties: int
    photos: int
    photos_planned: int
    separation_m: float | None
    battery_pct: float | None


@dataclass(frozen=True, slots=True)
class FlightResult:
    """What a flight leaves: feedback of every survey photo, the board, the log. Times are of the flight's clock. `flown_again`:
    triggers whose photo had not been taken and was, before the vehicle went home; `missing`: (sortie, trigger) that still is not.
    """

    photos: tuple[PhotoFeedback, ...]
    boards: tuple[Board, ...]
    started_at: datetime
    ended_at: datetime
    min_separation_m: float
    mission_hashes: tuple[str, ...]
    tlog: Path
    vehicle_texts: tuple[str, ...]
    overrides: tuple[Override, ...]
    flown_again: int = 0
    missing: tuple[tuple[int, int], ...] = ()
    payload: PayloadLog | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """What the flight asks about the outside: is the ship still moored, does the operator want to stop, where photos go."""

    moored: Callable[[], bool | None]
    abort: Callable[[], bool]
    disk: Path
    wind: Callable[[], Wind | None] = lambda: None  # a wind report that overrides the vehicle's own estimate
    operator: str = "operator"
    retake: Callable[[], str] = lambda: ""  # the name of an operator who takes an ended lease again
    papers: Papers | None = None  # asked for before a real vehicle takes off
    overrides: tuple[Override, ...] = ()
    task: Task | None = None  # what an enforcement order wants on board
    beacon: ShipBeacon | None = None  # on a ship that swings; without one such a ship is not flown
