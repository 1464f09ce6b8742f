"""Owns the score of a hull map against the ship file it was photographed from: what was planted, what was found, what is false.

Never used outside simulation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import InputError
from core.geo import Float
from core.ship import ShipGeometry
from inspection.hull.classes import ClassId
from inspection.hull.hullmap import HullMap, MapFinding
from inspection.hull.project import SHELL, ShellSide

SCORED = (ClassId.CORROSION, ClassId.COATING_LOSS)
SMALLEST_CM2 = 100.0
_GROUP_M = 0.10  # parts closer than this were planted as one
_SLACK_M = 0.15  # a finding counts for a planted defect that it touches within this, beside its own stated error
_CHI2_95 = 5.991  # two degrees of freedom


class _Atlas(BaseModel):
    model_config = ConfigDict(extra="ignore")
    part: str
    truth: str
    mm_per_px: float
    x0_m: float
    z0_m: float


class _ShipFile(BaseModel):
    model_config = ConfigDict(extra="ignore")
    schema_: str = Field(alias="schema", pattern="^yunjian.shipfile/1$")
    draught_m: float
    atlases: list[_Atlas]


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted defect: box (4,) low, low, high, high and centre (2,) in hull coordinates."""

    class_id: ClassId
    side: ShellSide
    box: Float
    centre: Float
    area_cm2: float


@dataclass(frozen=True, slots=True)
class TruthScore:
    """`area_signed` are the relative errors of the found ones (positive: too large), `area_error` the median of their size;
    `inside` tells of each whether its place lies in the 95 % ellipse.
    """

    planted: int
    found: int
    false_ids: frozenset[str]
    shell_m2: float
    area_signed: tuple[float, ...]
    inside: tuple[bool, ...]

    @property
    def area_errors(self) -> tuple[float, ...]:
        return tuple(abs(value) for value in self.area_signed)

    @property
    def area_error(self) -> float | None:
        return float(np.median(self.area_errors)) if self.area_signed else None

    @property
    def inside_ellipse(self) -> float | None:
        return float(np.mean(self.inside)) if self.inside else None

    @property
    def false(self) -> int:
        return len(self.false_ids)

    @property
    def recall(self) -> float:
        return self.found / self.planted if self.planted else 1.0

    @property
    def false_per_500_m2(self) -> float:
        return self.false / self.shell_m2 * 500.0 if self.shell_m2 else 0.0


def planted_defects(ship_folder: Path, smallest_cm2: float = SMALLEST_CM2) -> list[Planted]:
    """Corrosion and coating loss above the waterline of the shell atlases, from their truth masks.

    Raises:
        InputError: not a ship file.
    """
    try:
        ship = _ShipFile.model_validate(json.loads((ship_folder / "ship.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise InputError("hull.ship_file_broken", folder=str(ship_folder), detail=str(error).splitlines()[0]) from error
    found: list[Planted] = []
    for atlas in ship.atlases:
        side = next((name for name in SHELL if name == atlas.part), None)
        if side is not None:
            found += _of_atlas(ship_folder, atlas, side, ship.draught_m, smallest_cm2)
    return found


def _of_atlas(folder: Path, atlas: _Atlas, side: ShellSide, draught_m: float, smallest_cm2: float) -> list[Planted]:
    truth = cv2.imread(str(folder / atlas.truth), cv2.IMREAD_GRAYSCALE)
    if truth is None:
        raise InputError("hull.ship_file_broken", folder=str(folder), detail=atlas.truth)
    step = atlas.mm_per_px / 1000.0
    truth = truth[: max(0, int((atlas.z0_m - draught_m) / step))]
    reach = max(3, round(_GROUP_M / step) | 1)
    sign = -1.0 if side == "stern" else 1.0
    found = []
    for class_id in SCORED:
        where = (truth == class_id).astype(np.uint8)
        grown = cv2.dilate(where, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(grown)
        for label in range(1, count):
            left, top, width, height = (int(value) for value in stats[label, :4])
            window = slice(top, top + height), slice(left, left + width)
            rows, columns = np.nonzero((labels[window] == label) & (where[window] > 0))
            area_cm2 = rows.size * step * step * 1e4
            if area_cm2 < smallest_cm2:
                continue
            first = atlas.x0_m + sign * (columns + left + 0.5) * step
            z = atlas.z0_m - (rows + top + 0.5) * step
            box = np.array([first.min(), z.min(), first.max(), z.max()])
            found.append(Planted(class_id, side, box, np.array([first.mean(), z.mean()]), area_cm2))
    return found


def score_map(hull_map: HullMap, ship_folder: Path) -> TruthScore:
    """Only what a photo shows counts as planted. Found = some finding of a scored class touches it. False = a finding of a scored class that
    touches nothing planted, however small. Corrosion and coating loss count for each other: torn paint over rust is both.

    Areas and places are compared class by class: each finding belongs to the planted defect nearest to it, so that neighbours are not
    counted twice, and the findings of one defect are taken together.
    """
    anything = planted_defects(ship_folder, smallest_cm2=4.0)
    planted = [defect for defect in anything if defect.area_cm2 >= SMALLEST_CM2 and _shown(hull_map, defect)]
    findings = [finding for finding in hull_map.findings if finding.place is not None and finding.class_id in SCORED]
    owned: dict[int, list[MapFinding]] = {}
    for finding in findings:
        near = [defect for defect in anything if defect.class_id == finding.class_id and _touches(finding, defect)]
        if near:
            owned.setdefault(id(min(near, key=lambda defect: _gap(finding, defect))), []).append(finding)
    found, errors, inside = 0, list[float](), list[bool]()
    for defect in planted:
        found += any(_touches(finding, defect) for finding in findings)
        own = owned.get(id(defect))
        if own:
            errors.append((sum(f.area_cm2 or 0.0 for f in own) - defect.area_cm2) / defect.area_cm2)
            weights = np.array([max(f.area_cm2 or 0.0, 1.0) for f in own])
            largest = own[int(np.argmax(weights))]
            gap = np.average([_place(f)[0] for f in own], axis=0, weights=weights) - defect.centre
            inside.append(float(gap @ np.linalg.solve(_place(largest)[1], gap)) <= _CHI2_95)
    return TruthScore(
        planted=len(planted),
        found=found,
        false_ids=frozenset(one.id for one in findings if not any(_touches(one, defect) for defect in anything)),
        shell_m2=_shell_m2(hull_map.geometry, hull_map),
        area_signed=tuple(errors),
        inside=tuple(inside),
    )


def _gap(finding: MapFinding, defect: Planted) -> tuple[float, float]:
    """Metres between the boxes, then between the middles."""
    if finding.place is None:
        raise ValueError(f"{finding.id} has no place")
    low, high = finding.place.outline.min(axis=0), finding.place.outline.max(axis=0)
    apart = np.maximum(np.maximum(defect.box[:2] - high, low - defect.box[2:]), 0.0)
    return float(np.hypot(*apart)), float(np.linalg.norm(finding.place.centre - defect.centre))


def _shown(hull_map: HullMap, defect: Planted) -> bool:
    """Whether the middle of the defect lies in a cell of which some photo shows something."""
    return any(
        cell.seen_share > 0.0
        and cell.side == defect.side
        and bool((np.array(cell.low) <= defect.centre).all() and (defect.centre <= np.array(cell.high)).all())
        for cell in hull_map.cells
    )


def _place(finding: MapFinding) -> tuple[Float, Float]:
    if finding.place is None:
        raise ValueError(f"{finding.id} has no place")
    return finding.place.centre, finding.place.covariance


def _touches(finding: MapFinding, defect: Planted) -> bool:
    if finding.place is None or finding.place.side != defect.side:
        return False
    slack = _SLACK_M + 2.0 * float(np.sqrt(max(float(np.trace(finding.place.covariance)) / 2.0, 0.0)))
    low, high = finding.place.outline.min(axis=0) - slack, finding.place.outline.max(axis=0) + slack
    return bool((low <= defect.box[2:]).all() and (defect.box[:2] <= high).all())


def _shell_m2(geometry: ShipGeometry, hull_map: HullMap) -> float:
    """Shell above the waterline that was seen."""
    seen = sum(cell.area_m2 * cell.seen_share for cell in hull_map.cells)
    return seen or 2.0 * geometry.loa_m * geometry.freeboard_m
