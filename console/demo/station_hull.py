"""Owns stations 4 and 5: the drone survey of a simulated ship, the detector over its photos, and the inspector's decisions.

Never plans, flies or detects: `drone` and `inspection.hull` do.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

import ais
from console.demo.keeping import keep_once
from console.demo.people import ScriptedPeople, scripted_people
from console.demo.station_ais import chosen_ship
from console.demo.walk import Facts, Walk
from core.catalogue import Lang, text
from core.errors import InputError, Refused
from core.ids import Imo, Mmsi
from core.ship import ShipGeometry, ShipRef
from drone import FlightProgress, Wishes, fly_simulated, plan_survey, planned_sides, survey_coverage
from inspection import (
    DentDrawing,
    NewAnswer,
    SurveyFacts,
    add_findings,
    answer_item,
    decide_findings,
    draw_dent,
    photo_evidence,
    record,
    register_survey,
)
from inspection.hull import (
    HullMap,
    MapFinding,
    ShipMarks,
    cut_crop,
    detect_photos,
    map_survey,
    model_part,
    photos_in,
    read_card,
    score_map,
    survey_gsd,
    without_place,
    write_ship_file,
)
from inspection.record import FindingPart, ModelPart

SHIP_SEED = 7
FLIGHT_SEED = 11
MOST_ATLAS_MPX = 24.0
HULL_ITEM, DENT_ITEM = "YJ-080", "YJ-081"


def survey(job: Walk) -> Facts:
    """Plan from AIS, fly the simulator, keep every photo as evidence. A survey that cannot be flown is said, not faked."""
    services, settings = job.services, job.services.settings
    ship, people = chosen_ship(job), scripted_people(job.services)
    case_id = job.facts("case")["case_id"]
    folder = job.folder("drone")
    flight, ship_folder = folder / "flight", folder / "ship"
    with services.db.read() as session:
        registered = bool(record(session, case_id).surveys)
    if registered:  # killed after the flight had become evidence: it is not flown again
        return _flown(flight, ship_folder)
    try:
        hull = ais.geometry_and_pose(services, ship)
    except Refused as refusal:
        job.say("no_survey", reason=str(refusal))
        return {"survey": None, "reason": refusal.code}
    imo = Imo.parse(ship.sheet.imo) if ship.sheet.imo else None
    reference = ShipRef(ship.sheet.name, imo, Mmsi(ship.live.mmsi))
    quay = hull.berth.quay_side if hull.berth else None
    plan = plan_survey(reference, hull.geometry, hull.pose, quay, Wishes.from_settings(settings.drone))
    if plan.refusals or not plan.sorties:
        reasons = ", ".join(refusal.code for refusal in plan.refusals)
        job.say("no_survey", reason=reasons)
        return {"survey": None, "reason": reasons}
    job.say(
        "plan", length=f"{hull.geometry.loa_m:g}", beam=f"{hull.geometry.beam_m:g}", sorties=len(plan.sorties),
        photos=plan.trigger_count, minutes=f"{plan.time_s / 60:.1f}", bound=f"{plan.lower_bound_s / 60:.1f}",
        seen2=f"{plan.coverage.seen2_pct:.1f}", gsd=f"{settings.drone.target_gsd_mm:g}",
    )  # fmt: skip
    if not (ship_folder / "ship.json").is_file():
        marks = ShipMarks(ship.sheet.name, imo or Imo(1000019), "SIMULATED")
        write_ship_file(ship_folder, SHIP_SEED, hull.geometry, marks, _atlas_scale(hull.geometry))
    shutil.rmtree(flight, ignore_errors=True)
    flight.mkdir(parents=True)
    started = hull.pose.at_utc + timedelta(minutes=1)  # a replayed log flies at the log's own time: its pose must not be stale

    def watch(now: FlightProgress) -> None:
        job.progress(now.photos, now.photos_planned, f"{now.stage} {now.photos}/{now.photos_planned}")

    run = fly_simulated(
        plan, ship_folder, flight, settings.drone, speed=job.options.speed, start=started, seed=FLIGHT_SEED, on_progress=watch
    )
    seen = survey_coverage(run.survey, planned_sides(plan), settings.drone.target_gsd_mm)
    facts = SurveyFacts(
        camera=plan.camera.id, target_gsd_mm=settings.drone.target_gsd_mm, flown_at=started,
        heading_deg_true=hull.pose.heading_deg_true, clock_speed=job.options.speed, seen2_pct=round(seen.seen2_pct, 1),
        area_m2=round(seen.area_m2, 1), device=text("run.device", "en"), log=run.tlog,
    )  # fmt: skip
    register_survey(services, people.inspects, case_id, run.survey, facts)
    found = _flown(flight, ship_folder)
    job.say(
        "flight", photos=found["photos"], separation=f"{run.flight.min_separation_m:.1f}", seen2=f"{seen.seen2_pct:.1f}",
        area=f"{seen.area_m2:.0f}", speed=f"{job.options.speed:g}",
    )  # fmt: skip
    return found


def _flown(flight: Path, ship_folder: Path) -> Facts:
    """The facts of a finished flight, from its folder."""
    return {"survey": str(flight / "survey"), "ship": str(ship_folder), "photos": len(photos_in(flight / "survey"))}


def _atlas_scale(geometry: ShipGeometry) -> float:
    """5 mm per pixel, coarser for a ship whose side would not fit into memory comfortably."""
    area_m2 = geometry.loa_m * (geometry.freeboard_m + 1.0)
    return max(5.0, 1000.0 * math.sqrt(area_m2 / (MOST_ATLAS_MPX * 1e6)))


def findings(job: Walk) -> Facts:
    """Detect, put on the hull map, let the scripted inspector decide and draw the dents."""
    services, people = job.services, scripted_people(job.services)
    case_id = job.facts("case")["case_id"]
    flown = job.facts("drone")
    model = model_part(services.settings.hull)
    placed, wrong = 0, frozenset[str]()
    if flown["survey"]:
        folder = Path(flown["survey"])
        out = job.folder("findings") / "survey"
        detect_photos(photos_in(folder), out, services.settings.hull, job.progress, survey_gsd(folder))
        hull_map = map_survey(folder, out)
        with services.db.read() as session:
            evidence_of = photo_evidence(session, case_id)
        parts = [
            one.part(hull_map.geometry, evidence_of[one.photo_sha256], _crop(job, people, one, folder, evidence_of))
            for one in hull_map.findings
        ]
        add_findings(services, people.inspects, case_id, parts, model)
        placed = len(parts)
        score = score_map(hull_map, Path(flown["ship"]))
        wrong = score.false_ids
        job.say("truth", planted=score.planted, found=score.found, false=score.false)
        _draw_dents(job, people, hull_map)
    extra = _own_photos(job, people, model)
    with services.db.read() as session:
        case = record(session, case_id)
    decisions: dict[str, Literal["confirmed", "rejected"]] = {
        one.id: "rejected" if one.id in wrong else "confirmed" for one in case.findings if one.state == "proposed"
    }
    decide_findings(services, people.inspects, case_id, decisions)
    _answer(job, people)
    with services.db.read() as session:
        case = record(session, case_id)
    dents = sum(one.source == "inspector" for one in case.findings)
    job.say("findings", count=placed, photos_without_place=extra, dents=dents, model=model.name, scores=_scores())
    for line in _worst(case.findings, services.settings.language):
        job.out.print(line, markup=False, highlight=False)
    return {"findings": len(case.findings), "dents": dents, "sha256": model.sha256}


def _scores() -> str:
    """The shipped model's measured figures."""
    return ", ".join(f"{key} {value:g}" for key, value in read_card().scores.items()) or "-"


def _own_photos(job: Walk, people: ScriptedPeople, model: ModelPart) -> int:
    """PHOTOS=: pictures of the caller, without pose; findings get no place. Unusable files are named and left out."""
    folder = job.options.photos
    if folder is None:
        return 0
    services, case_id = job.services, job.facts("case")["case_id"]
    result = detect_photos(photos_in(folder), job.folder("findings") / "own", services.settings.hull, job.progress)
    for bad in result.rejected:
        job.say("photo_rejected", file=bad.file, code=bad.error.code)
    parts: list[FindingPart] = []
    for detection in result.detections:
        if not detection.findings:
            continue
        stored = services.files.put_path(folder / detection.photo.file if folder.is_dir() else folder)
        evidence_id = keep_once(
            job, people, stored, HULL_ITEM,
            kind="external", media_type="image/jpeg", device=detection.photo.file, extra={"pose": None},
        )  # fmt: skip
        parts += [one.part(None, evidence_id, None) for one in without_place(detection)]
    if parts:
        add_findings(services, people.inspects, case_id, parts, model)
    return len(parts)


def _crop(job: Walk, people: ScriptedPeople, finding: MapFinding, survey: Path, photos: Mapping[str, str]) -> str:
    """The picture of a finding alone, as evidence derived from its photo."""
    services = job.services
    crop = cut_crop(survey / finding.photo_file, finding.polygon_px, services.settings.hull.max_megapixels)
    return keep_once(
        job, people, services.files.put_bytes(crop), HULL_ITEM,
        kind="still", media_type="image/jpeg", device="YunJian", extra={"finding": finding.id, "simulated": True},
        derived_from=photos[finding.photo_sha256],
    )  # fmt: skip


def _draw_dents(job: Walk, people: ScriptedPeople, hull_map: HullMap) -> None:
    """The scripted inspector knows where the simulated ship is dented and draws it where a photo shows the place."""
    ship_folder = Path(job.facts("drone")["ship"])
    ship = json.loads((ship_folder / "ship.json").read_text(encoding="utf-8"))
    atlases = {one["part"]: one for one in ship["atlases"]}
    case_id = job.facts("case")["case_id"]
    with job.services.db.read() as session:
        photos = photo_evidence(session, case_id)
    near = [(one.place, one) for one in hull_map.findings if one.place is not None]
    for number, dent in enumerate(json.loads((ship_folder / "dents.json").read_text(encoding="utf-8"))):
        part = dent["part"]
        if part not in ("port", "starboard"):
            continue
        atlas = atlases[part]
        scale = atlas["mm_per_px"] / 1000.0
        outline = [(atlas["x0_m"] + column * scale, atlas["z0_m"] - row * scale) for column, row in dent["polygon_px"]]
        middle = sum(x for x, _ in outline) / len(outline)
        candidates = [(abs(float(place.centre[0])), one) for place, one in near if place.side == part]
        if not candidates:
            continue  # no photo of that side shows anything near: nothing to draw on
        _, closest = min(candidates, key=lambda one: abs(one[0] - middle))
        drawing = DentDrawing(
            key=f"{job.state.run_id}:dent:{number}", photo_evidence_id=photos[closest.photo_sha256], side=part,
            x_origin="stern_end", draught_m=hull_map.geometry.draught_m, polygon_hull_m=outline,
        )  # fmt: skip
        draw_dent(job.services, people.inspects, case_id, drawing)


def _along(finding: MapFinding) -> float:
    return float(finding.place.centre[0]) if finding.place is not None else math.inf


def _answer(job: Walk, people: ScriptedPeople) -> None:
    """What the confirmed findings say about the hull items; without a survey they stay open and are reported as not examined."""
    services, case_id = job.services, job.facts("case")["case_id"]
    with services.db.read() as session:
        case = record(session, case_id)
    if not case.surveys:
        return
    corroded = any(one.state == "confirmed" and one.class_id in (2, 4) for one in case.findings)
    answers = [(HULL_ITEM, corroded), (DENT_ITEM, any(one.source == "inspector" for one in case.findings))]
    bound = {item.id for item in (case.checklist.items if case.checklist else []) if item.evidence_ids and item.answer is None}
    for item, bad in answers:
        if item in bound:
            note = text("run.answer.hull", services.settings.language)
            value = NewAnswer(value="deficient" if bad else "satisfactory", note=note)
            try:
                answer_item(services, people.inspects, case_id, item, value)
            except (Refused, InputError) as refusal:
                job.say("unanswered", item=item, reason=str(refusal))


def _worst(found: list[FindingPart], code: Lang) -> list[str]:
    placed = sorted((one for one in found if one.place and one.state == "confirmed"), key=lambda one: -(one.area_cm2 or 0.0))[
        :6
    ]
    return [
        text(
            "run.finding", code, name=getattr(one.class_name, code), side=text(f"run.side.{one.place.side}", code),
            x=f"{one.place.x_m:.1f}", z=f"{one.place.above_waterline_m:.1f}",
            area="-" if one.area_cm2 is None else f"{one.area_cm2:.0f}", source=text(f"run.source.{one.source}", code),
        )
        for one in placed
        if one.place is not None
    ]  # fmt: skip
