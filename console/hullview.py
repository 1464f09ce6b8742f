"""Owns drawing findings on the unwrapped hull as numbers for an SVG: one side view per side, in metres.

Never decides where a finding lies: places come with the record.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from inspection.record import CaseRecord, FindingPart, Text

Axis = Callable[[float], float]

_FALLBACK_LENGTH_M = 100.0  # only for the drawing's frame, when neither length nor any place is known
_TICKS = 8


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the length axis."""

    x: float
    y1: float
    y2: float
    label_y: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding on a side view; y grows downwards as SVG wants it."""

    number: int
    class_id: int
    state: str
    points: str
    x: float
    y: float
    label_x: float
    label_y: float
    leader_y: float


@dataclass(frozen=True, slots=True)
class Side:
    """One side view: stern on the left for starboard, on the right for port, as seen from outside."""

    side: str
    view_box: str
    shell: str
    keel: float
    left: float
    right: float
    waterline: float
    dot: float
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class NumberedFinding:
    """A finding as the table shows it, with the number that stands on the map."""

    number: int
    it: FindingPart
    area_m2: float | None
    sigma_x: float | None
    photo_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Legend:
    class_id: int
    name: Text


@dataclass(frozen=True, slots=True)
class HullView:
    """Everything the section needs; `sides` is empty where no finding has a place."""

    x_origin: str
    sides: tuple[Side, ...]
    findings: tuple[NumberedFinding, ...]
    legend: tuple[Legend, ...]


def build(record: CaseRecord) -> HullView:
    """Views of the sides that carry findings."""
    numbered = [_numbered(number, finding) for number, finding in enumerate(record.findings, start=1)]
    placed = [one for one in numbered if one.it.place is not None]
    kinds = {one.it.class_id: one.it.class_name for one in numbered}
    sides = sorted({one.it.place.side for one in placed if one.it.place and one.it.place.side in {"port", "starboard"}})
    return HullView(
        x_origin=next((one.it.place.x_origin for one in placed if one.it.place), "stern_end"),
        sides=tuple(
            _side(record, side, [one for one in placed if one.it.place and one.it.place.side == side]) for side in sides
        ),
        findings=tuple(numbered),
        legend=tuple(Legend(class_id, name) for class_id, name in sorted(kinds.items())),
    )


def _numbered(number: int, finding: FindingPart) -> NumberedFinding:
    sigma = math.sqrt(finding.place.cov2x2[0][0]) if finding.place is not None and finding.place.cov2x2 else None
    photos = (finding.crop_evidence_id, finding.photo_evidence_id)
    return NumberedFinding(
        number=number,
        it=finding,
        area_m2=None if finding.area_cm2 is None else finding.area_cm2 / 10_000,
        sigma_x=sigma,
        photo_ids=tuple(one for one in photos if one),
    )


def _side(record: CaseRecord, side: str, found: list[NumberedFinding]) -> Side:
    length = record.ship.loa_m or max((_x(one) for one in found), default=_FALLBACK_LENGTH_M) * 1.05
    top = max([record.ship.depth_m or 0.0, *(_z(one) + 1.0 for one in found)])
    waterline_z = next((one.it.place.z_m - one.it.place.above_waterline_m for one in found if one.it.place), top / 2)
    scale_z = max(1.0, length / 9.5 / max(top, 1.0))  # heights are stretched, so that a long hull stays readable
    mirrored = side == "port"

    def at_x(x_m: float) -> float:
        return round(length - x_m if mirrored else x_m, 2)

    def at_y(z_m: float) -> float:
        return round((top - z_m) * scale_z, 2)

    margin = length * 0.02
    size = length / 60
    return Side(
        side=side,
        view_box=f"{-margin:.2f} {-size * 3.2:.2f} {length + 2 * margin:.2f} {top * scale_z + size * 5.2:.2f}",
        shell=_outline(length, top, at_x, at_y),
        keel=at_y(0.0),
        left=round(-margin, 2),
        right=round(length + margin, 2),
        waterline=at_y(waterline_z),
        dot=round(length / 320, 2),
        ticks=_ticks(length, at_x, at_y(0.0), size),
        marks=_marks(found, at_x, at_y, size),
    )


def _outline(length: float, top_z: float, at_x: Axis, at_y: Axis) -> str:
    """A plain side view: transom and rising run aft, raked stem with a bulb; it frames the findings and claims no form."""

    def at(x_share: float, z_share: float) -> str:
        return f"{at_x(length * x_share)} {at_y(top_z * z_share)}"

    return (
        f"M{at(0, 1)} L{at(0.78, 1)} L{at(0.83, 1.06)} L{at(1, 1.12)} Q{at(0.975, 0.75)} {at(0.962, 0.42)} "
        f"Q{at(0.985, 0.34)} {at(0.982, 0.2)} Q{at(0.975, 0.05)} {at(0.93, 0)} L{at(0.12, 0)} "
        f"Q{at(0.07, 0.02)} {at(0.05, 0.2)} Q{at(0.03, 0.36)} {at(0.005, 0.44)} Z"
    )


def _ticks(length: float, at_x: Axis, keel_y: float, size: float) -> tuple[Tick, ...]:
    step = _round_step(length / _TICKS)
    marks = [step * index for index in range(int(length // step) + 1)]
    return tuple(Tick(at_x(x), keel_y, round(keel_y + size * 0.5, 2), round(keel_y + size * 1.6, 2), f"{x:.0f}") for x in marks)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return min(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough)


def _marks(found: list[NumberedFinding], at_x: Axis, at_y: Axis, size: float) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    last_label = -math.inf
    row = 0
    for one in sorted(found, key=lambda one: at_x(_x(one))):
        x, y = at_x(_x(one)), at_y(_z(one))
        row = row + 1 if x - last_label < size * 1.6 else 0  # labels too close climb to the next row
        last_label = x
        label_y = round(-size * 0.5 - (row % 2) * size * 1.3, 2)
        polygon = " ".join(f"{at_x(point[0])},{at_y(point[1])}" for point in one.it.polygon_hull_m)
        marks.append(Mark(one.number, one.it.class_id, one.it.state, polygon, x, y, x, label_y, round(label_y + size * 0.2, 2)))
    return tuple(marks)


def _x(one: NumberedFinding) -> float:
    return one.it.place.x_m if one.it.place else 0.0


def _z(one: NumberedFinding) -> float:
    return one.it.place.z_m if one.it.place else 0.0
