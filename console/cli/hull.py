"""Owns ``yunjian hull``: detect, map, evaluate, truth, synth-ship, train, convert, export, compare, worker, model.

Never holds a rule of hull vision: `inspection.hull` does.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config import Settings, load_settings
from console.cli.common import AsJson, guarded, print_json, say
from console.job_process import IDLE_S, executor_name, work
from console.services import open_services
from core import catalogue
from core.errors import InputError
from core.ids import Imo
from core.ship import ShipGeometry
from inspection.hull import (
    BatchResult,
    Evaluation,
    HullMap,
    Labelled,
    MethodScore,
    ShipMarks,
    SplitName,
    TrainingPlan,
    TruthScore,
    WeightSet,
    convert_weights,
    detect_photos,
    evaluate_folder,
    export_dataset,
    labelled_pairs,
    map_survey,
    photos_in,
    prepare_training,
    read_card,
    render_svg,
    score_map,
    survey_gsd,
    to_geojson,
    train_model,
    write_ship_file,
)
from inspection.hull.compare import COMPARISON_SCHEMA, Comparison, Flight
from inspection.hull.dataset import Format
from inspection.hull.evaluate_page import render_page, worst_pictures
from inspection.hull.overview import survey_parts
from inspection.hull.review import corrected

app = typer.Typer(help="Hull vision. Example: yunjian hull detect photos/ --masks masks/", no_args_is_help=True)
_THRESHOLD = Annotated[float | None, typer.Option(help="Score from which a pixel counts; default: setting hull.threshold")]
ALL_REJECTED = 1
FORMATS: dict[str, Format] = {"coco": "coco", "yolo": "yolo", "real": "real"}


@contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr: call it with (done, total, what)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("")

        def step(done: int, total: int, what: str = "") -> None:
            progress.update(task, completed=done, total=total, description=what)

        yield step


def _settings(threshold: float | None) -> Settings:
    return load_settings({} if threshold is None else {"hull.threshold": threshold})


def _warnings(settings: Settings, result: BatchResult) -> list[str]:
    return [catalogue.error_text(reject.error, settings.language).title for reject in result.rejected]


@app.command(epilog="Example: yunjian hull detect photos/ --masks masks/ --json")
@guarded
def detect(
    path: Annotated[Path, typer.Argument(help="A photo, or a folder of photos")],
    masks: Annotated[Path | None, typer.Option(help="Write <stem>.png masks here (8-bit class ids, size of the photo)")] = None,
    out: Annotated[Path | None, typer.Option(help="Keep results here; a second run only analyses what is missing")] = None,
    threshold: _THRESHOLD = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Find corrosion and coating damage in photos without a known place: areas are in pixels."""
    settings = _settings(threshold)
    photos = photos_in(path)
    with TemporaryDirectory(prefix="yunjian-hull-") as scratch, _bar() as step:
        folder = out or Path(scratch)
        result = detect_photos(photos, folder, settings.hull, step)
        if masks is not None:
            masks.mkdir(parents=True, exist_ok=True)
            for detection in result.detections:
                name = f"{Path(detection.photo.file).stem}.png"
                shutil.copyfile(folder / name, masks / name)
    if path.is_file() and result.rejected:
        raise result.rejected[0].error
    warnings = _warnings(settings, result)
    if as_json:
        print_json("yunjian.detection/1", [json.loads(d.to_json()) for d in result.detections], warnings)
    else:
        for detection in result.detections:
            for finding in detection.findings:
                sys.stdout.write(f"{detection.photo.file}\t{finding.class_id}\t{finding.score:.2f}\t{finding.area_px}\n")
    _report(settings, result, warnings)
    say(settings, "hull.detect.no_pose")
    if result.rejected and not result.detections:
        raise typer.Exit(ALL_REJECTED)


def _report(settings: Settings, result: BatchResult, warnings: list[str]) -> None:
    for warning in warnings:
        sys.stderr.write(f"{warning}\n")
    say(
        settings,
        "hull.detect.done",
        photos=len(result.detections),
        analysed=result.analysed,
        findings=sum(len(detection.findings) for detection in result.detections),
        rejected=len(result.rejected),
    )


@app.command("map", epilog="Example: yunjian hull map survey/ --out hullmap/")
@guarded
def hull_map(
    survey: Annotated[Path, typer.Argument(help="Survey folder (yunjian.survey/1)")],
    out: Annotated[Path, typer.Option(help="Folder for detections, map.zh.svg, map.en.svg and map.geojson")],
    threshold: _THRESHOLD = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Detect in the photos of a survey and put the findings on the hull; a second run only analyses what is missing."""
    settings = _settings(threshold)
    found = _mapped(survey, out, settings)
    for lang in catalogue.LANGS:
        (out / f"map.{lang}.svg").write_text(render_svg(found, lang), encoding="utf-8")
    geojson = to_geojson(found)
    (out / "map.geojson").write_text(geojson, encoding="utf-8")
    if as_json:
        print_json("yunjian.hullmap/1", json.loads(geojson))
    say(settings, "hull.map.done", findings=len(found.findings), path=out)


def _mapped(survey: Path, out: Path, settings: Settings) -> HullMap:
    gsd = survey_gsd(survey)
    with _bar() as step:
        result = detect_photos(photos_in(survey), out / "detections", settings.hull, step, gsd, survey_parts(survey))
    _report(settings, result, _warnings(settings, result))
    return map_survey(survey, out / "detections")


@app.command(epilog="Example: yunjian hull compare survey-may/ survey-november/ --out change/")
@guarded
def compare(
    before: Annotated[Path, typer.Argument(help="Earlier survey folder (yunjian.survey/1)")],
    after: Annotated[Path, typer.Argument(help="Later survey folder of the same ship")],
    out: Annotated[Path, typer.Option(help="Folder for detections, comparison.json and pictures of the cells that changed")],
    threshold: _THRESHOLD = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Growth of defects between two surveys, cell by cell with its error; cells that cannot be compared say why."""
    settings = _settings(threshold)
    flights = [Flight(survey, out / name / "detections") for survey, name in ((before, "before"), (after, "after"))]
    for flight in flights:
        _mapped(flight.survey, flight.detections.parent, settings)
    compared = Comparison(flights[0], flights[1], settings.hull.max_megapixels)
    cells = compared.cells()
    (out / "crops").mkdir(parents=True, exist_ok=True)
    rows = []
    for cell in cells:
        name = f"{cell.side}-{cell.low[0]:06.2f}-{cell.low[1]:05.2f}.jpg" if cell.changed else None
        if name is not None:
            (out / "crops" / name).write_bytes(compared.crop(cell))
        rows.append(cell.data() | {"crop": name})
    document = {"schema": COMPARISON_SCHEMA, "cells": rows}
    (out / "comparison.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    if as_json:
        print_json(COMPARISON_SCHEMA, document)
    else:
        for cell in cells:
            if cell.changed:
                place = f"{cell.side}\t{cell.low[0]:g}-{cell.high[0]:g}\t{cell.low[1]:g}-{cell.high[1]:g}"
                sys.stdout.write(f"{place}\t{cell.growth_cm2:+.0f}\t{cell.error_cm2:.0f}\n")
    say(
        settings,
        "hull.compare.done",
        cells=len(cells),
        changed=sum(cell.changed for cell in cells),
        refused=sum(cell.refused is not None for cell in cells),
        path=out,
    )


@app.command(epilog="Example: yunjian hull truth survey/ ship/ --out hullmap/")
@guarded
def truth(
    survey: Annotated[Path, typer.Argument(help="Simulated survey folder")],
    ship: Annotated[Path, typer.Argument(help="Ship file that was photographed (yunjian.shipfile/1)")],
    out: Annotated[Path, typer.Option(help="Folder for the detections")],
    threshold: _THRESHOLD = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Score a simulated survey against what was planted on the ship."""
    settings = _settings(threshold)
    score = score_map(_mapped(survey, out, settings), ship)
    if as_json:
        print_json("yunjian.hull_truth/1", _truth_data(score))
    else:
        words = catalogue.text(
            "hull.truth.done",
            settings.language,
            planted=score.planted,
            found=score.found,
            false=score.false,
            per500=score.false_per_500_m2,
        )
        sys.stdout.write(words + "\n")


def _truth_data(score: TruthScore) -> dict[str, float | int | None]:
    return {
        "planted": score.planted,
        "found": score.found,
        "recall": round(score.recall, 4),
        "false": score.false,
        "false_per_500_m2": round(score.false_per_500_m2, 3),
        "area_error": score.area_error,
        "inside_ellipse": score.inside_ellipse,
    }


@app.command("evaluate", epilog="Example: yunjian hull evaluate ../shared/data/hull --split test")
@guarded
def evaluate_command(
    folder: Annotated[Path, typer.Argument(help="Folder with images/ and masks/ (0 sound, 1 corrosion, 255 ignore)")],
    split: Annotated[str, typer.Option(help="all, or one part of the frozen split: test, select, train")] = "all",
    threshold: _THRESHOLD = None,
    page: Annotated[Path | None, typer.Option(help="Write an HTML page with the worst pictures here")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Score the model on labelled photographs, beside the colour rules, over all thresholds."""
    settings = _settings(threshold)
    if split not in {"all", "test", "select", "train"}:
        raise typer.BadParameter(split, param_hint="--split")
    parts: dict[str, SplitName] = {"all": "all", "test": "test", "select": "select", "train": "train"}
    with _bar() as step:
        found = evaluate_folder(folder, settings.hull, parts[split], step)
        worst = worst_pictures(folder, settings.hull, parts[split], step) if page is not None else []
    if page is not None:
        page.write_text(render_page(found, worst, settings.language), encoding="utf-8")
        say(settings, "hull.page.done", path=page)
    if as_json:
        print_json(found.schema_, found.model_dump(mode="json"))
    else:
        _table(settings, found)


def _table(settings: Settings, found: Evaluation) -> None:
    heading = catalogue.text(
        "hull.evaluate.heading",
        settings.language,
        model=f"{found.model_name} {found.model_sha256[:12]}",
        part=found.split,
        rusty=found.rusty_pictures,
        clean=found.clean_pictures,
    )
    sys.stdout.write(heading + "\n")
    sys.stdout.write("\t".join(catalogue.text("hull.evaluate.columns", settings.language).split("|")) + "\n")
    for row in [found.at_setting, *found.baselines, *found.curve]:
        sys.stdout.write(_row(row) + "\n")


def _row(score: MethodScore) -> str:
    numbers = (
        score.threshold, score.pooled_iou, score.mean_iou, score.area_error_points, score.false_area_mean, score.false_area_median,
    )  # fmt: skip
    return "\t".join([score.method, *("-" if n is None else f"{n:g}" for n in numbers), str(score.clean_over_limit)])


@app.command("synth-ship", epilog="Example: yunjian hull synth-ship --seed 7 ship/")
@guarded
def synth_ship(
    folder: Annotated[Path, typer.Argument(help="Where to write ship.json and the atlases")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes")] = 1,
    loa: Annotated[float, typer.Option(help="Length over all, m")] = 90.0,
    beam: Annotated[float, typer.Option(help="Beam, m")] = 14.0,
    depth: Annotated[float, typer.Option(help="Depth from keel to deck, m")] = 7.6,
    draught: Annotated[float, typer.Option(help="Draught, m")] = 5.0,
    name: Annotated[str, typer.Option(help="Name painted on the hull, capital Latin letters")] = "YUN JIAN 7",
    imo: Annotated[str, typer.Option(help="IMO number painted on the hull")] = "9074729",
    port: Annotated[str, typer.Option(help="Port of registry painted on the stern")] = "YINGKOU",
    mm_per_px: Annotated[float, typer.Option(help="Millimetres per pixel of the atlases")] = 5.0,
) -> None:
    """Write a simulated ship with known rust, coating loss and dents, for the simulated drone to photograph."""
    settings = load_settings()
    try:
        geometry = ShipGeometry(loa, beam, depth, draught)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    path = write_ship_file(folder, seed, geometry, ShipMarks(name, Imo.parse(imo), port), mm_per_px)
    sys.stdout.write(f"{path}\n")
    say(settings, "hull.synth.done", path=path, seed=seed)


@app.command(epilog="Example: yunjian hull train --real ../shared/data/hull --out var/train --minutes 20")
@guarded
def train(
    out: Annotated[Path, typer.Option(help="Folder of the run: data, checkpoints, curve.jsonl, the exported .onnx")],
    real: Annotated[
        Path | None, typer.Option(help="Labelled photographs; the frozen test and selection pictures are left out")
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Only pictures with an open licence")] = False,  # noqa: FBT002
    start: Annotated[Path | None, typer.Option(help="Checkpoint (.pt) of an earlier run to go on from")] = None,
    photos: Annotated[int, typer.Option(help="Synthetic photographs")] = 2400,
    steps: Annotated[int, typer.Option(help="Optimiser steps of 8 crops")] = 3700,
    minutes: Annotated[float, typer.Option(help="Wall time at most; the schedule ends with it")] = 19.5,
    size: Annotated[int, typer.Option(help="Side of the crops, px")] = 288,
    threads: Annotated[int, typer.Option(help="CPU threads")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of weights and batches")] = 7,
) -> None:
    """Train a model. Needs a checkout of the source with `make train-env`; nothing is downloaded."""
    settings = load_settings()
    weight_set: WeightSet = "clean" if clean else "full"
    plan = TrainingPlan(out, real, weight_set, photos, steps, minutes, size, threads, seed, start)
    with _bar() as step:
        prepare_training(plan, lambda done, total: step(done, total, "synth"))
    onnx = train_model(plan)
    sys.stdout.write(f"{onnx}\n")
    say(settings, "hull.train.done", path=onnx)


@app.command(epilog="Example: yunjian hull convert own.pt own.onnx")
@guarded
def convert(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint (.pt) of yunjian hull train")],
    onnx: Annotated[Path, typer.Argument(help="Where to write the .onnx; name it in hull.weights")],
    trust: Annotated[bool, typer.Option("--trust", help="Also take a model pickled by ultralytics: runs its code")] = False,  # noqa: FBT002
) -> None:
    """Turn a checkpoint into an .onnx that the product reads, in the training environment, and print its SHA-256."""
    settings = load_settings()
    onnx.parent.mkdir(parents=True, exist_ok=True)
    path = convert_weights(checkpoint, onnx, onnx.parent, trust=trust)
    sys.stdout.write(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n")
    say(settings, "hull.convert.done", path=path)


@app.command(epilog="Example: yunjian hull export coco/ --format coco, or: yunjian hull export labelled/ coco/")
@guarded
def export(
    paths: Annotated[
        list[Path],
        typer.Argument(help="[FOLDER] OUT; FOLDER has images/ and masks/ (class ids), left out: masks corrected here"),
    ],
    fmt: Annotated[
        str, typer.Option("--format", help="coco (run lengths), yolo (outlines), real (for hull train, evaluate)")
    ] = "coco",
    drawn_by: Annotated[
        str, typer.Option(help="Who or what drew the masks of FOLDER; written beside each photograph")
    ] = "unknown",
) -> None:
    """Hand photographs and their masks on as training data, with where each came from: COCO, YOLO, or the layout of `hull train --real`."""
    settings = load_settings()
    if fmt not in FORMATS:
        raise typer.BadParameter(fmt, param_hint="--format")
    if len(paths) > 2:
        raise typer.BadParameter(str(paths[2]))
    out = paths[-1]
    with TemporaryDirectory(prefix="yunjian-hull-") as scratch:
        if len(paths) == 2:
            items = [Labelled(image, mask, drawn_by) for image, mask in labelled_pairs(paths[0], "all")]
        else:
            with open_services(settings) as services:
                items = corrected(services, Path(scratch))
            if not items:
                raise InputError("hull.no_corrections")
        written = export_dataset(items, out, FORMATS[fmt])
    sys.stdout.write(f"{out}\n")
    say(settings, "hull.export.done", photos=len(items), annotations=written, path=out)


@app.command(epilog="Example: yunjian hull worker")
@guarded
def worker(
    number: Annotated[int, typer.Option(help="Tells several workers of one machine apart")] = 0,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End after a minute without work")] = False,  # noqa: FBT002
) -> None:
    """Take hull jobs of this installation: `yunjian serve` starts one by itself, further machines on one PostgreSQL help with this."""
    settings = load_settings()
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    with open_services(settings) as services:
        say(settings, "hull.worker.started", name=executor_name(number))
        work(services, stop, executor_name(number), IDLE_S if until_idle else None)


@app.command("model", epilog="Example: yunjian hull model")
@guarded
def model_card(as_json: AsJson = False) -> None:  # noqa: FBT002
    """Print the name, hash, threshold and scores of the weights that ship with the product."""
    settings = load_settings()
    card = read_card()
    note = card.note_zh if settings.language == "zh" else card.note_en
    if as_json:
        data = {"name": card.name, "sha256": card.sha256, "threshold": card.threshold, "scores": card.scores, "note": note}
        print_json("yunjian.hull_model/1", data)
        return
    sys.stdout.write(f"{card.name}\n{card.sha256}\n{card.threshold:g}\n")
    for key, value in card.scores.items():
        sys.stdout.write(f"{key} = {value:g}\n")
    sys.stdout.write(note + "\n")
