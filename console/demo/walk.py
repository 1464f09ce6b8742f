"""Owns the order of the stations, their progress lines, and going on after a kill.

Never does a station's work.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from console.demo.state import WalkState, load_or_begin
from core.catalogue import text
from core.context import Services

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller chose. None = the embedded scenario. `speed`: how much faster than the wall the drone flies."""

    ais: Path | None = None
    registry: Path | None = None
    photos: Path | None = None
    speed: float = 10.0
    until: str | None = None

    def inputs(self) -> dict[str, str]:
        return {
            name: str(path.resolve())
            for name, path in (("ais", self.ais), ("registry", self.registry), ("photos", self.photos))
            if path is not None
        }


@dataclass(slots=True)
class Walk:
    """What every station gets: services, options, its own folder, the facts of the stations before, and two voices."""

    services: Services
    options: Options
    state: WalkState
    out: Console
    bar: Progress
    task: Any = field(default=None)

    def say(self, key: str, **params: object) -> None:
        """A result line, on stdout."""
        self.out.print(text(f"run.{key}", self.services.settings.language, **params), highlight=False, markup=False)

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Move this station's bar, on stderr."""
        self.bar.update(self.task, completed=done, total=total, note=note)

    def facts(self, station: str) -> Facts:
        return self.state.done[station]

    def folder(self, station: str) -> Path:
        """Folder of a station in this run."""
        return self.services.settings.data_dir / "run" / self.state.run_id / station


Station = Callable[[Walk], Facts]


@dataclass(frozen=True, slots=True)
class WalkResult:
    """Facts of every station; seconds of wall and CPU (with all children) of this call."""

    facts: dict[str, Facts]
    seconds: dict[str, float]
    wall_s: float
    cpu_s: float


def walk(services: Services, options: Options, stations: dict[str, Station], out: Console | None = None) -> WalkResult:
    """Run every station that is not done yet; result lines go to `out` (stdout). A station that raises leaves those before it done."""
    began = time.monotonic()
    last = list(stations)[-1]
    state = load_or_begin(services.settings.data_dir / "run" / "state.json", options.inputs(), last)
    lang = services.settings.language
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(30),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    stderr = Console(stderr=True)
    with Progress(*columns, console=stderr, transient=True) as bar:
        job = Walk(services, options, state, out or _stdout(), bar)
        for number, (name, station) in enumerate(stations.items(), start=1):
            title = text(f"run.station.{name}", lang)
            if name in state.done:
                stderr.print(text("run.already", lang, number=number, of=len(stations), title=title), markup=False)
                continue
            job.task = bar.add_task(f"{number}/{len(stations)} {title}", total=None, note="")
            station_began = time.monotonic()
            found = station(job)
            seconds = time.monotonic() - station_began
            state.finish(name, found, seconds)
            bar.remove_task(job.task)
            stderr.print(
                text("run.done", lang, number=number, of=len(stations), title=title, seconds=f"{seconds:.1f}"), markup=False
            )
            if options.until == name:
                break
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in usage)
    return WalkResult(state.done, state.seconds, time.monotonic() - began, cpu)


def _stdout() -> Console:
    """Wide enough for the ranked list where nobody's terminal sets the width."""
    return Console() if sys.stdout.isatty() else Console(width=160)
