"""Owns ``yunjian survey``: plan a hull survey, fly it with the simulated vehicle, import photos, measure coverage.

Never holds a rule of the survey: `drone` does.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from config import Settings, load_settings
from console.cli import survey_plan
from console.cli.common import AsJson, guarded, print_json, say
from core import catalogue
from core.clock import Clock, SystemClock
from core.errors import InputError
from core.ship import Side
from drone import (
    CaptureFrame,
    FlightProgress,
    Link,
    Override,
    Papers,
    Plan,
    ShipBeacon,
    Stage,
    Task,
    Watch,
    Wishes,
    camera,
    collect,
    fly_connected,
    fly_simulated,
    load_survey,
    planned_sides,
    survey_coverage,
)
from drone.capture import missing_triggers
from drone.codec import read_key
from drone.logbook import photos_in_tlog
from drone.packs import limits
from drone.payload import Kind as PayloadKind
from drone.rehearsal import rehearse as run_scenario
from drone.rehearsal import scenarios
from drone.transport import TlogWriter, Transport, open_transport, parse_address, read_tlog
from drone.vehicle import AnyAutopilot

app = typer.Typer(
    help="Hull survey by drone. Example: yunjian survey plan --loa 90 --beam 14 --depth 7 --draught 4.5 "
    "--lon 122.1 --lat 40.3 --heading 37 --imo 9074729 --quay starboard --out plan.json",
    no_args_is_help=True,
)


def _read_plan(path: Path) -> Plan:
    try:
        return Plan.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("drone.plan_file", file=str(path), reason=str(error).splitlines()[0]) from error


app.command(epilog=survey_plan.EPILOG)(guarded(survey_plan.plan))


@dataclass
class _Stop:
    """Ctrl-C aborts. After our lease has ended by another hand, Ctrl-C takes it again, and then aborts."""

    operator: str
    presses: int = 0
    before: int = 0

    def press(self, number: int, frame: object) -> None:
        del number, frame
        self.presses += 1

    def abort(self) -> bool:
        return self.presses > 0

    def retake(self) -> str:
        return self.operator if self.presses > self.before else ""

    def note(self, stage: Stage) -> None:
        if stage is not Stage.OBSERVING:
            self.before = self.presses


def _overrides(texts: list[str]) -> tuple[Override, ...]:
    found = []
    for text in texts:
        rule, _, rest = text.partition(":")
        name, _, reason = rest.partition(":")
        found.append(Override(rule.strip(), name.strip(), reason.strip()))
    return tuple(found)


def _task(kinds: list[str], words: str) -> Task | None:
    known = get_args(PayloadKind)
    if unknown := [kind for kind in kinds if kind not in known]:
        raise InputError("drone.payload.unknown", kind=", ".join(unknown), known=", ".join(known))
    return Task(frozenset(cast("list[PayloadKind]", kinds)), words) if kinds else None


def _beacon(address: str, antenna: tuple[float, float]) -> ShipBeacon | None:
    return ShipBeacon(open_transport(parse_address(address)), SystemClock().now, antenna) if address else None


def _papers(path: Path | None) -> Papers | None:
    if path is None:
        return None
    try:
        return Papers.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("drone.papers_file", file=path.name, reason=str(error).splitlines()[0]) from error


@app.command(
    epilog="Example: yunjian survey fly plan.json --ship-file var/ship --out var/survey1 --speed 10; a real vehicle: "
    "yunjian survey fly plan.json --connect udpin:0.0.0.0:14550 --operator 'A. Pilot' --papers papers.json --moored --out var/flight1"
)
@guarded
def fly(
    plan_file: Annotated[Path, typer.Argument(help="A plan of `yunjian survey plan`")],
    out: Annotated[Path, typer.Option(help="Folder for plan, log, truth and survey")],
    ship_file: Annotated[Path | None, typer.Option(help="Ship file folder for the simulated camera")] = None,
    connect: Annotated[
        str, typer.Option(help="udpin:HOST:PORT, udpout:HOST:PORT, tcp:HOST:PORT, serial:DEV; empty = the simulated vehicle")
    ] = "",
    operator: Annotated[str, typer.Option(help="Who takes the lease (with --connect)")] = "",
    papers: Annotated[
        Path | None, typer.Option(help="JSON with approval, licence, insurance, consent (with --connect)")
    ] = None,
    moored: Annotated[bool, typer.Option("--moored", help="The operator sees that the ship is moored")] = False,  # noqa: FBT002
    override: Annotated[list[str] | None, typer.Option(help="RULE:NAME:REASON, against one rule of the board")] = None,
    key: Annotated[Path | None, typer.Option(help="Signing key file, mode 0600")] = None,
    beacon: Annotated[
        str,
        typer.Option(
            help="Position beacon on a ship at anchor (MAVLink or NMEA): udpin:HOST:PORT, serial:DEV (with --connect)"
        ),
    ] = "",
    antenna: Annotated[
        tuple[float, float], typer.Option(help="Where the beacon's antenna stands: m forward of the stern end, m to port")
    ] = (0.0, 0.0),
    payload: Annotated[
        list[str] | None, typer.Option(help="On board for an enforcement order: " + ", ".join(get_args(PayloadKind)))
    ] = None,
    words: Annotated[str, typer.Option(help="What the loudspeaker says")] = "",
    speed: Annotated[float, typer.Option(min=1.0, max=20.0, help="Clock against the wall (simulated vehicle)")] = 10.0,
    seed: Annotated[int, typer.Option(help="Seed of wind, GNSS and sensor noise (simulated vehicle)")] = 1,
    fault: Annotated[str, typer.Option(help="What goes wrong, see python -m drone.sim --help (simulated vehicle)")] = "none",
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Fly a plan: with the SIMULATED vehicle and its camera, or under the gate with the vehicle at --connect. Ctrl-C aborts."""
    settings = load_settings()
    made = _read_plan(plan_file)
    out.mkdir(parents=True, exist_ok=True)
    stop = _Stop(operator or "operator")
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("plan", total=made.trigger_count)

        def show(progress: FlightProgress) -> None:
            stop.note(progress.stage)
            where = f"{progress.stage.value} {progress.sortie}/{progress.sorties}"
            bar.update(task, completed=progress.photos, description=where)

        ordered = _task(payload or [], words)
        if connect:
            ship = _beacon(beacon, antenna)
            _fly_connected(
                made, connect, out, settings, stop, _papers(papers), override or [], key, show, ordered, ship, moored=moored
            )
            return
        if ship_file is None:
            raise InputError("drone.ship_input", reason="--ship-file / --connect")
        run = fly_simulated(
            made,
            ship_file,
            out,
            settings.drone,
            speed=speed,
            start=datetime.now(UTC),
            seed=seed,
            fault=fault,
            on_progress=show,
            task=ordered,
        )
    numbers = {"photos": len(run.flight.photos), "separation": run.flight.min_separation_m, "speed": f"{speed:g}"}
    say(settings, "drone.cli.flown", **numbers)
    if as_json:
        print_json("yunjian.survey_run/1", {"survey": str(run.survey), "tlog": str(run.tlog), "simulated": True, **numbers})
    else:
        sys.stdout.write(f"{run.survey}\n")


def _fly_connected(
    made: Plan,
    address: str,
    out: Path,
    settings: Settings,
    stop: _Stop,
    papers: Papers | None,
    overrides: list[str],
    key: Path | None,
    show: Callable[[FlightProgress], None],
    task: Task | None,
    ship: ShipBeacon | None,
    *,
    moored: bool,
) -> None:
    watch = Watch(
        (lambda: True) if moored else (lambda: None), stop.abort, out, operator=stop.operator, retake=stop.retake,
        papers=papers, overrides=_overrides(overrides), task=task, beacon=ship,
    )  # fmt: skip
    before = signal.signal(signal.SIGINT, stop.press)
    try:
        secret = read_key(key) if key else None
        result = fly_connected(made, address, out, settings.drone, watch, SystemClock(), key=secret, on_progress=show)
    finally:
        signal.signal(signal.SIGINT, before)
    say(settings, "drone.cli.flown_connected", photos=len(result.photos), separation=result.min_separation_m)
    for item in result.overrides:
        say(settings, "drone.cli.overridden", rule=item.rule, name=item.name, reason=item.reason)
    sys.stdout.write(f"{result.tlog}\n")


def _rehearsal_link(clock: Clock, tlog: TlogWriter, tap: Transport) -> Link:
    return Link(tap, clock, tlog, policy=AnyAutopilot())


@app.command(
    epilog="Example: yunjian survey rehearse plan.json --connect udpin:127.0.0.1:14550 --only gps_lost --out var/rehearsal"
)
@guarded
def rehearse(
    plan_file: Annotated[Path, typer.Argument(help="A plan at the simulated vehicle's place")],
    connect: Annotated[str, typer.Option(help="A SIMULATED autopilot: udpin:HOST:PORT, tcp:HOST:PORT")],
    out: Annotated[Path, typer.Option(help="Folder for the logs")],
    only: Annotated[list[str] | None, typer.Option(help="Scenario id; without it all")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the link's losses")] = 1,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Fly the safety scenarios against any autopilot simulator. NEVER against an aircraft. Exit code 1 when one fails."""
    settings = load_settings()
    made = _read_plan(plan_file)
    out.mkdir(parents=True, exist_ok=True)
    clock = SystemClock()
    outcomes = []
    for scenario in scenarios()[0]:
        if only and scenario.id not in only:
            continue
        transport = open_transport(parse_address(connect))
        with TlogWriter(out / f"{scenario.id}.tlog", clock) as tlog:
            outcome = run_scenario(
                scenario, made, partial(_rehearsal_link, clock, tlog), transport,
                Wishes.from_settings(settings.drone), limits(), out, seed=seed,
            )  # fmt: skip
        transport.close()
        outcomes.append(asdict(outcome))
        sys.stderr.write(f"{scenario.id}: {outcome.ending} {'; '.join(outcome.faults) or 'ok'}\n")
    if as_json:
        print_json("yunjian.rehearsal/1", outcomes)
    if any(outcome["faults"] for outcome in outcomes):
        raise typer.Exit(1)


@app.command(
    "import",
    epilog="Example: yunjian survey import /media/card --out var/survey2 --camera one_inch_20mp --loa 90 --beam 14 --depth 7 "
    "--draught 4.5 --tlog flight.tlog --lon 122.1 --lat 40.3 --heading 37",
)
@guarded
def import_(
    card: Annotated[Path, typer.Argument(help="Folder with photos")],
    out: Annotated[Path, typer.Option(help="Survey folder to make")],
    loa: Annotated[float, typer.Option(help="Length over all, m")],
    beam: Annotated[float, typer.Option(help="Beam, m")],
    depth: Annotated[float, typer.Option(help="Depth, m")],
    draught: Annotated[float, typer.Option(help="Draught, m")],
    camera_id: Annotated[str, typer.Option("--camera", help="Id in cameras.toml")] = "",
    tlog: Annotated[
        Path | None, typer.Option(help="Flight log with the photo feedbacks; without it photos have no pose")
    ] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude of the stern end")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude of the stern end")] = None,
    heading: Annotated[float | None, typer.Option(help="Heading, degrees true")] = None,
    home_alt: Annotated[float, typer.Option(help="Height of the launch point above the water, m")] = 0.0,
    pose_source: Annotated[str, typer.Option(help="ais, ais_gnss, ais_low or hull_fix")] = "ais_gnss",
    plan_file: Annotated[Path | None, typer.Option("--plan", help="Check that each planned shot came back")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Make a survey folder (yunjian.survey/1) from a memory card: poses from the flight log, or from the cameras' own XMP."""
    settings = load_settings()
    shots = list(photos_in_tlog([frame for _, frame in read_tlog(tlog)]).values()) if tlog else []
    frame = CaptureFrame(
        survey_plan.geometry_of(loa, beam, depth, draught, []),
        survey_plan.pose_of(lon, lat, heading, pose_source),
        home_alt,
        camera(camera_id or settings.drone.camera),
        simulated=False,
    )
    folder = collect(card, shots, frame, out)
    survey = load_survey(folder)
    posed = sum(photo.c_ship_m is not None for photo in survey.photos)
    numbers = {"photos": len(survey.photos), "posed": posed, "gaps": len(survey.gaps)}
    say(settings, "drone.cli.imported", **numbers)
    if plan_file is not None:
        made = _read_plan(plan_file)
        missing = missing_triggers(made, survey, limits().planner.trigger_near_m)
        if missing:
            say(settings, "drone.cli.missing", missing=len(missing), list=", ".join(map(str, missing)))
    if as_json:
        print_json("yunjian.survey/1", survey.model_dump(mode="json", by_alias=True))
    else:
        sys.stdout.write(f"{folder}\n")


@app.command(epilog="Example: yunjian survey coverage var/survey1/survey --plan var/survey1/plan.json")
@guarded
def coverage(
    folder: Annotated[Path, typer.Argument(help="Survey folder")],
    plan_file: Annotated[Path | None, typer.Option("--plan", help="Plan whose sides and target GSD count")] = None,
    gsd: Annotated[float | None, typer.Option(help="Target GSD, mm per pixel")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """How much of the hull the photos of a survey see once and twice, sharp and steep enough."""
    settings = load_settings()
    made = _read_plan(plan_file) if plan_file else None
    sides: tuple[Side, ...] = planned_sides(made) if made else ("stern", "port", "starboard")
    target = gsd or (made.camera.target_gsd_mm if made else settings.drone.target_gsd_mm)
    found = survey_coverage(folder, sides, target)
    numbers = {"area": found.area_m2, "seen2": found.seen2_pct, "seen1": found.seen1_pct}
    if as_json:
        print_json("yunjian.coverage/1", {**found.model_dump(), "sides": list(sides), "target_gsd_mm": target})
    else:
        sys.stdout.write(catalogue.text("drone.cli.coverage", settings.language, **numbers) + "\n")
