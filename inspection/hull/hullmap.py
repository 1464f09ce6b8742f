"""Owns the hull map of a survey: one finding per place on the hull, whatever number of photos show it, and the cells around.

Never adds up areas of overlapping photos, never decides a finding: `inspection` has a person do that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from core.errors import InputError
from core.geo import Float
from core.hullform import HullForm
from core.ship import ShipGeometry
from inspection.hull.cells import HullCell, cells_of
from inspection.hull.classes import ClassId, class_table
from inspection.hull.findings import Detection
from inspection.hull.packs import detector_pack
from inspection.hull.project import SHELL, Observation, ShellSide, project
from inspection.hull.survey import Survey, View, read_survey, views_of
from inspection.record import FindingPart, HullPlacePart, Text


@dataclass(frozen=True, slots=True)
class MapPlace:
    """`centre` (2,), `outline` (n, 2) and `covariance` (2, 2) in hull coordinates: (x_m, z_m), on the stern (y_m, z_m)."""

    side: ShellSide
    centre: Float
    outline: Float
    covariance: Float


@dataclass(frozen=True, slots=True)
class MapFinding:
    """One defect on the ship. `place` and `area_cm2` are None for a photo without pose; `views` of the `seen` photos that show
    the place found it. Photo and polygon are those of the best view.
    """

    id: str
    class_id: ClassId
    score: float
    place: MapPlace | None
    area_cm2: float | None
    views: int
    seen: int
    photo_file: str
    photo_sha256: str
    polygon_px: tuple[tuple[float, float], ...]

    def part(self, geometry: ShipGeometry | None, photo_evidence_id: str, crop_evidence_id: str | None) -> FindingPart:
        """As the case record carries it: proposed, with deficiency codes as proposals. `geometry` None: no place is told."""
        info = class_table()[self.class_id]
        return FindingPart(
            id=self.id,
            class_id=int(self.class_id),
            class_name=Text(zh=info.zh, en=info.en),
            source="model",
            experimental=info.experimental,
            score=self.score,
            place=None if self.place is None or geometry is None else _record_place(self.place, geometry),
            polygon_hull_m=[] if self.place is None else [[round(float(v), 3) for v in p] for p in self.place.outline],
            area_cm2=None if self.area_cm2 is None else round(self.area_cm2, 1),
            photo_evidence_id=photo_evidence_id,
            crop_evidence_id=crop_evidence_id,
            views=self.views,
            state="proposed",
            decided_by=None,
            decided_at=None,
            proposed_codes=list(info.proposed_codes),
        )


def _record_place(place: MapPlace, geometry: ShipGeometry) -> HullPlacePart:
    """The stern lies at x = 0; its y stays in the outline."""
    height = float(place.centre[1])
    return HullPlacePart(
        side=place.side,
        x_m=0.0 if place.side == "stern" else round(float(place.centre[0]), 3),
        x_origin=geometry.x_origin,
        z_m=round(height, 3),
        above_waterline_m=round(height - geometry.draught_m, 3),
        cov2x2=[[round(float(value), 6) for value in row] for row in place.covariance],
    )


@dataclass(frozen=True, slots=True)
class HullMap:
    """Findings with a place first (by side, then from the stern), then those without; `dropped` counts what the rules left out."""

    geometry: ShipGeometry
    simulated: bool
    findings: tuple[MapFinding, ...]
    cells: tuple[HullCell, ...]
    dropped: int


def map_survey(survey_dir: Path, detections_dir: Path, geometry: ShipGeometry | None = None) -> HullMap:
    """Map the detections (`<stem>.json` in `detections_dir`) of a survey; photos without a detection file are taken as not analysed.

    Raises:
        InputError: no usable survey.json, or a detection file that is not `yunjian.detection/1`.
    """
    survey = read_survey(survey_dir)
    ship = geometry or survey.geometry
    detections = _detections(survey, detections_dir)
    views = [view for view in views_of(survey) if view.file in detections]
    observations = [o for view in views for o in project(view, detections[view.file].findings, ship)]
    placed, dropped = merge(observations, views, ship)
    posed = {view.file for view in views}
    bare = [one for file, detection in detections.items() if file not in posed for one in without_place(detection)]
    return HullMap(ship, survey.simulated, (*placed, *bare), cells_of(placed_outlines(placed), views, ship), dropped)


def survey_gsd(survey_dir: Path) -> dict[str, float]:
    """Ground sample distance in mm per pixel at the middle of each posed photo that looks at the hull, by file name."""
    survey = read_survey(survey_dir)
    hull = HullForm(survey.geometry)
    found = {}
    for view in views_of(survey):
        middle = np.array([[view.camera.width_px / 2, view.camera.height_px / 2]])
        hit = hull.intersect(view.centre_m, view.in_ship(middle))
        if hit.part[0]:
            found[view.file] = round(view.gsd_mm(float(hit.distance_m[0])), 3)
    return found


def placed_outlines(findings: list[MapFinding]) -> list[tuple[ClassId, ShellSide, Float, float]]:
    """(class, side, outline, area in m2) of the findings with a place."""
    return [
        (finding.class_id, finding.place.side, finding.place.outline, (finding.area_cm2 or 0.0) / 1e4)
        for finding in findings
        if finding.place is not None
    ]


def _detections(survey: Survey, folder: Path) -> dict[str, Detection]:
    found = {}
    for photo in survey.photos:
        path = folder / f"{Path(photo.file).stem}.json"
        if not path.is_file():
            continue
        try:
            detection = Detection.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            raise InputError("hull.survey_broken", folder=str(folder), detail=f"{path.name}: yunjian.detection/1") from error
        if detection.photo.sha256 == photo.sha256:
            found[photo.file] = detection
    return found


def without_place(detection: Detection) -> list[MapFinding]:
    """The findings of a photo whose pose is not known."""
    return [
        MapFinding(
            id=_stable_id(detection.photo.sha256, finding.class_id, finding.polygon_px),
            class_id=ClassId(finding.class_id),
            score=finding.score,
            place=None,
            area_cm2=finding.area_cm2,
            views=1,
            seen=1,
            photo_file=detection.photo.file,
            photo_sha256=detection.photo.sha256,
            polygon_px=tuple(finding.polygon_px),
        )
        for finding in detection.findings
    ]


def _stable_id(photo_sha256: str, class_id: int, polygon: list[tuple[float, float]]) -> str:
    """The same finding of the same photo has the same id in every run."""
    return "hf-" + hashlib.sha256(f"{photo_sha256}|{class_id}|{polygon}".encode()).hexdigest()[:20]


def merge(observations: list[Observation], views: list[View], geometry: ShipGeometry) -> tuple[list[MapFinding], int]:
    """One finding per place; returns them and the number of places left out (too small, or seen by too few of the photos)."""
    pack = detector_pack().map
    placed, dropped = [], 0
    for cluster in _clusters(observations):
        finding = _finding(cluster, views, geometry)
        small = (finding.area_cm2 or 0.0) < pack.min_area_cm2
        if small or finding.views < pack.min_view_share * finding.seen:
            dropped += 1
        else:
            placed.append(finding)
    placed.sort(key=_order)
    return placed, dropped


def _order(finding: MapFinding) -> tuple[int, float, str]:
    place = finding.place
    return (SHELL.index(place.side), float(place.centre[0]), finding.id) if place else (len(SHELL), 0.0, finding.id)


def _clusters(observations: list[Observation]) -> list[list[Observation]]:
    """Group observations of one class and side whose boxes, widened by the gate, meet."""
    pack = detector_pack().map
    parent = list(range(len(observations)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for class_id, side in sorted({(int(o.class_id), o.side) for o in observations}):
        index = [i for i, o in enumerate(observations) if o.class_id == class_id and o.side == side]
        boxes = np.array([observations[i].box for i in index])
        sigma = np.array([np.sqrt(max(float(np.trace(observations[i].covariance)), 0.0)) for i in index])
        gate = np.minimum(pack.gate_m + pack.gate_sigma * sigma, pack.gate_limit_m) / 2.0
        low, high = boxes[:, :2] - gate[:, None], boxes[:, 2:] + gate[:, None]
        meet = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=2)
        for first, second in np.argwhere(np.triu(meet, 1)):
            if observations[index[first]].view is not observations[index[second]].view:
                parent[root(index[second])] = root(index[first])
    groups: dict[int, list[Observation]] = {}
    for position, observation in enumerate(observations):
        groups.setdefault(root(position), []).append(observation)
    return list(groups.values())


def _finding(cluster: list[Observation], views: list[View], geometry: ShipGeometry) -> MapFinding:
    by_view: dict[str, list[Observation]] = {}
    for observation in cluster:
        by_view.setdefault(observation.view.file, []).append(observation)
    whole = [group for group in by_view.values() if all(o.whole for o in group)]
    areas = [sum(o.area_cm2 for o in group) for group in by_view.values()]
    area = float(np.median([sum(o.area_cm2 for o in group) for group in whole])) if whole else max(areas)
    centres = np.array(
        [np.average([o.centre for o in g], axis=0, weights=[o.area_cm2 for o in g]) for g in whole or by_view.values()]
    )
    best = max((o for o in cluster), key=lambda o: (o.whole, o.area_cm2 / max(o.gsd_mm, 0.1), o.finding.id))
    centre = np.median(centres, axis=0)
    shape = detector_pack().map.shape_sigma_share ** 2 * area / 1e4
    seen = sum(_shows(view, centre, best.side, geometry) for view in views)
    return MapFinding(
        id=_stable_id(best.view.sha256, int(best.class_id), best.finding.polygon_px),
        class_id=best.class_id,
        score=round(float(np.mean([max(o.finding.score for o in group) for group in by_view.values()])), 4),
        place=MapPlace(best.side, centre, best.outline, best.covariance + np.eye(2) * shape),
        area_cm2=area,
        views=len(by_view),
        seen=max(seen, len(by_view)),
        photo_file=best.view.file,
        photo_sha256=best.view.sha256,
        polygon_px=tuple(best.finding.polygon_px),
    )


def _shows(view: View, centre: Float, side: ShellSide, geometry: ShipGeometry) -> bool:
    """True where the photo has this place of the shell in its frame, facing it."""
    hull = HullForm(geometry)
    first, height = np.array([centre[0]]), np.array([centre[1]])
    if side == "stern":
        point = np.column_stack([np.zeros(1), first, height])
        normal = hull.normal(np.zeros(1), height, "stern")[0]
    else:
        point, normal = hull.surface(first, height, side), hull.normal(first, height, side)[0]
    towards = view.centre_m - point[0]
    facing = float(towards @ normal) / float(np.linalg.norm(towards))
    limit = np.cos(np.radians(detector_pack().map.max_incidence_deg))
    return bool(facing > limit) and bool(np.isfinite(view.to_pixels(point)).all())
