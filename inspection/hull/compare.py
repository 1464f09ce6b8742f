"""Owns comparing two surveys of one ship, cell by cell: registration, growth with its error, and the reasons not to compare.

Never compares what it cannot register, and never calls a change a deficiency.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from config import pack_path
from core.errors import InputError
from core.geo import Float
from core.hullform import HullForm
from core.ship import ShipGeometry
from inspection.hull.cells import HullCell, cells_of
from inspection.hull.classes import ClassId
from inspection.hull.picture import Bgr, read_photo
from inspection.hull.project import ShellSide
from inspection.hull.survey import View, read_survey, views_of

COMPARISON_SCHEMA = "yunjian.hull_comparison/1"
Refusal = Literal["not_seen", "angle", "resolution", "light", "registration"]
Mask = NDArray[np.uint8]
COUNTED = (ClassId.CORROSION, ClassId.COATING_LOSS, ClassId.BLISTER, ClassId.CRACK)
_UNSEEN = 255
_COARSE = 8


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Registration(_Table):
    least_inliers: int
    most_error_px: float
    features: int
    around_m: float


class _Refuse(_Table):
    max_incidence_deg: float
    max_angle_between_deg: float
    max_gsd_ratio: float
    max_light_ratio: float
    max_clipped_share: float
    least_common_share: float


class _ChangePack(_Table):
    finest_mm_px: float
    edge_px: float
    sigmas: float
    crop_long_side_px: int


class ComparePack(_Table):
    registration: _Registration
    refuse: _Refuse
    change: _ChangePack


@cache
def compare_pack() -> ComparePack:
    """The pack as it ships."""
    return ComparePack.model_validate(tomllib.loads(pack_path("hull", "compare.toml").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell (hull coordinates, metres) in both surveys. Areas in cm2: `added` and `healed` are pixels that changed, `growth` their difference
    with its standard error. A refused cell has its reason and no areas. `inliers`, `error_px` tell how well it was registered.
    """

    side: ShellSide
    low: tuple[float, float]
    high: tuple[float, float]
    refused: Refusal | None
    before_cm2: float | None = None
    after_cm2: float | None = None
    added_cm2: float | None = None
    healed_cm2: float | None = None
    unmatched_cm2: float | None = None
    error_cm2: float | None = None
    inliers: int = 0
    error_px: float | None = None
    photos: tuple[str, str] = ("", "")

    @property
    def growth_cm2(self) -> float | None:
        return None if self.added_cm2 is None or self.healed_cm2 is None else self.added_cm2 - self.healed_cm2

    def data(self) -> dict[str, object]:
        """As JSON; areas in cm2."""
        return {
            "side": self.side, "low": list(self.low), "high": list(self.high), "refused": self.refused, "photos": list(self.photos),
            "before_cm2": self.before_cm2, "after_cm2": self.after_cm2, "added_cm2": self.added_cm2, "healed_cm2": self.healed_cm2,
            "unmatched_cm2": self.unmatched_cm2, "growth_cm2": self.growth_cm2, "error_cm2": self.error_cm2, "changed": self.changed,
            "inliers": self.inliers, "registration_error_px": self.error_px,
        }  # fmt: skip

    @property
    def changed(self) -> bool:
        """Whether the growth stands out of its error."""
        growth, error = self.growth_cm2, self.error_cm2
        return growth is not None and error is not None and abs(growth) > compare_pack().change.sigmas * max(error, 1e-9)


@dataclass(frozen=True, slots=True)
class Flight:
    """A survey with its detections: `<stem>.png` masks in `detections`."""

    survey: Path
    detections: Path


@dataclass(frozen=True, slots=True)
class _Look:
    """The best view of a window: its photo, incidence in degrees and mm a pixel."""

    view: View
    incidence_deg: float
    gsd_mm: float


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A window of plate laid flat: picture (h, w, 3), mask (h, w) with 255 where nothing was seen."""

    image: Bgr
    mask: Mask


class Comparison:
    """Two surveys of one ship; photos are read as they are needed, the last few are kept."""

    def __init__(self, before: Flight, after: Flight, max_megapixels: float) -> None:
        """Raises InputError: no usable surveys, or ships of different size."""
        self._flights = (before, after)
        surveys = [read_survey(flight.survey) for flight in self._flights]
        first, second = (survey.geometry for survey in surveys)
        if (first.loa_m, first.beam_m, first.depth_m) != (second.loa_m, second.beam_m, second.depth_m):
            raise InputError(
                "hull.other_ship", before=f"{first.loa_m:g} x {first.beam_m:g}", after=f"{second.loa_m:g} x {second.beam_m:g}"
            )
        # The deeper draught hides more: only what is above both waterlines can be compared.
        self.geometry: ShipGeometry = replace(first, draught_m=max(first.draught_m, second.draught_m))
        self._views = [
            [view for view in views_of(survey) if (flight.detections / f"{Path(view.file).stem}.png").is_file()]
            for survey, flight in zip(surveys, self._flights, strict=True)
        ]
        self._hull = HullForm(self.geometry)
        self._max_megapixels = max_megapixels
        self._read: dict[tuple[int, str], tuple[Bgr, Mask]] = {}

    def cells(self) -> list[CellChange]:
        """Every cell of the sides and the stern above the waterline that some photo of either survey shows."""
        seen = cells_of([], [view for views in self._views for view in views], self.geometry)
        return [self.cell(cell) for cell in seen if cell.seen_share > 0]

    def cell(self, cell: HullCell) -> CellChange:
        """One cell; see `CellChange`."""
        nothing = CellChange(cell.side, cell.low, cell.high, None)
        looks = [self._best(views, cell) for views in self._views]
        if looks[0] is None or looks[1] is None:
            return replace(nothing, refused="not_seen")
        first, second = looks[0], looks[1]
        nothing = replace(nothing, photos=(first.view.file, second.view.file))
        refused = self._refused(first, second, cell)
        if refused is not None:
            return replace(nothing, refused=refused)
        step_mm = max(first.gsd_mm, second.gsd_mm, compare_pack().change.finest_mm_px)
        before, after = self._sheet(0, first, cell, step_mm, 0.0), self._sheet(1, second, cell, step_mm, 0.0)
        if _light_differs(before, after):
            return replace(nothing, refused="light")
        around = compare_pack().registration.around_m
        found = register(
            self._sheet(0, first, cell, step_mm, around),
            self._sheet(1, second, cell, step_mm, around),
            round(around * 1000 / step_mm),
        )
        if found is None:
            return replace(nothing, refused="registration")
        moved = cv2.warpAffine(
            before.mask, found.matrix, before.mask.shape[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=(_UNSEEN,)
        )  # fmt: skip
        return _measured(
            replace(nothing, inliers=found.inliers, error_px=found.error_px), np.asarray(moved, np.uint8), after.mask, step_mm
        )

    def crop(self, change: CellChange) -> bytes:
        """JPEG of the cell in both surveys, one above the other, defects outlined; the same input gives the same bytes.

        Raises:
            InputError: a cell that one survey does not show.
        """
        cell = HullCell(change.side, change.low, change.high, 0.0, 0.0, None, None)
        looks = [self._best(views, cell) for views in self._views]
        rows = []
        for which, look in enumerate(looks):
            if look is None:
                raise InputError("hull.cell_not_seen", side=change.side, x=change.low[0])
            sheet = self._sheet(which, look, cell, compare_pack().change.finest_mm_px, 0.3)
            picture = sheet.image.copy()
            defects = np.isin(sheet.mask, COUNTED).astype(np.uint8)
            outlines, _ = cv2.findContours(defects, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, outlines, -1, (255, 255, 255), 1)
            rows += [picture, np.full((6, picture.shape[1], 3), 255, np.uint8)]
        both = np.vstack(rows[:-1])
        scale = min(1.0, compare_pack().change.crop_long_side_px / max(both.shape[:2]))
        small = cv2.resize(
            both, (max(1, round(both.shape[1] * scale)), max(1, round(both.shape[0] * scale))), interpolation=cv2.INTER_AREA
        )
        return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())

    def _points(self, side: ShellSide, first: Float, height: Float) -> tuple[Float, Float]:
        """Ship-frame points (n, 3) and outward normals of places on the shell."""
        if side == "stern":
            zero = np.zeros_like(first)
            return np.column_stack([zero, first, height]), self._hull.normal(zero, height, "stern")
        return self._hull.surface(first, height, side), self._hull.normal(first, height, side)

    def _best(self, views: list[View], cell: HullCell) -> _Look | None:
        """The view that shows the middle and most corners of the cell, and sees it most squarely."""
        (left, low), (right, high) = cell.low, cell.high
        middle = (left + right) / 2, (low + high) / 2
        places = np.array([middle, (left, low), (right, low), (left, high), (right, high)])
        points, normals = self._points(cell.side, places[:, 0], places[:, 1])
        best: tuple[tuple[int, float], _Look] | None = None
        for view in views:
            towards = view.centre_m - points[0]
            distance = float(np.linalg.norm(towards))
            cosine = float(towards @ normals[0]) / distance
            shown: NDArray[np.bool_] = np.asarray(np.isfinite(view.to_pixels(points)).all(axis=1), np.bool_)
            if cosine <= 0.05 or not shown[0]:
                continue
            look = _Look(view, float(np.degrees(np.arccos(min(1.0, cosine)))), view.gsd_mm(distance))
            rank = int(shown.sum()), cosine
            if best is None or rank > best[0]:
                best = rank, look
        return None if best is None else best[1]

    def _refused(self, first: _Look, second: _Look, cell: HullCell) -> Refusal | None:
        pack = compare_pack().refuse
        middle = np.array([(cell.low[0] + cell.high[0]) / 2]), np.array([(cell.low[1] + cell.high[1]) / 2])
        point = self._points(cell.side, *middle)[0][0]
        rays = [(look.view.centre_m - point) / np.linalg.norm(look.view.centre_m - point) for look in (first, second)]
        between = float(np.degrees(np.arccos(np.clip(rays[0] @ rays[1], -1.0, 1.0))))
        if max(first.incidence_deg, second.incidence_deg) > pack.max_incidence_deg or between > pack.max_angle_between_deg:
            return "angle"
        if max(first.gsd_mm, second.gsd_mm) > pack.max_gsd_ratio * min(first.gsd_mm, second.gsd_mm):
            return "resolution"
        return None

    def _sheet(self, which: int, look: _Look, cell: HullCell, step_mm: float, around_m: float) -> _Sheet:
        """The cell, and so much plate around it, laid flat at `step_mm` a pixel, first coordinate to the right, height upwards."""
        step = step_mm / 1000.0
        wide, high = (round((end - start + 2.0 * around_m) / step) for start, end in zip(cell.low, cell.high, strict=True))
        # Each ray is worked out for every eighth pixel only: in between the shell is flat, and projecting a million points takes seconds.
        columns, rows = (np.arange(-1, length // _COARSE + 2) * _COARSE + _COARSE / 2 for length in (wide, high))
        grid_first, grid_height = np.meshgrid(cell.low[0] - around_m + columns * step, cell.high[1] + around_m - rows * step)
        points, _ = self._points(cell.side, grid_first.ravel(), grid_height.ravel())
        coarse = _projected(look.view, points).reshape(*grid_first.shape, 2).astype(np.float32)
        size = coarse.shape[1] * _COARSE, coarse.shape[0] * _COARSE
        fine = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)[_COARSE : _COARSE + high, _COARSE : _COARSE + wide]
        pixels = np.ascontiguousarray(fine) - np.float32(0.5)
        inside = (pixels >= 0).all(axis=2) & (pixels <= [look.view.camera.width_px - 1, look.view.camera.height_px - 1]).all(
            axis=2
        )
        unseen = ~inside
        image, mask = self._photo(which, look.view)
        flat = cv2.remap(image, pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR)
        classes = cv2.remap(
            mask, pixels[..., 0], pixels[..., 1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=(_UNSEEN,)
        )  # fmt: skip
        classes[unseen] = _UNSEEN
        return _Sheet(np.asarray(flat, np.uint8), np.asarray(classes, np.uint8))

    def _photo(self, which: int, view: View) -> tuple[Bgr, Mask]:
        key = which, view.file
        if key not in self._read:
            if len(self._read) >= 6:
                self._read.pop(next(iter(self._read)))
            flight = self._flights[which]
            image = read_photo(flight.survey / view.file, self._max_megapixels).image
            mask = cv2.imread(str(flight.detections / f"{Path(view.file).stem}.png"), cv2.IMREAD_GRAYSCALE)
            if mask is None or mask.shape != image.shape[:2]:
                raise InputError("hull.mask_does_not_fit", file=f"{Path(view.file).stem}.png")
            self._read[key] = image, np.asarray(mask, np.uint8)
        return self._read[key]


def _projected(view: View, points_m: Float) -> Float:
    """(n, 2) pixels of ship-frame points, also of those beyond the edge of the picture; far away for points behind the camera."""
    local = (points_m - view.centre_m) @ view.rotation
    pixels, _ = cv2.projectPoints(local, np.zeros(3), np.zeros(3), view.camera.matrix, np.array(view.camera.dist))
    return np.where(local[:, 2:] > 0.1, pixels.reshape(-1, 2), -1e6)


@dataclass(frozen=True, slots=True)
class Registered:
    """`matrix` (2, 3) takes the cell's pixels of the first sheet to the second's; `error_px` is the root mean square of its inliers."""

    matrix: Float
    inliers: int
    error_px: float


def register(before: _Sheet, after: _Sheet, inset_px: int) -> Registered | None:
    """ORB features, nearest neighbours both ways, RANSAC similarity (the sheets are flat already); None where the rules refuse."""
    pack = compare_pack().registration
    orb = cv2.ORB.create(nfeatures=pack.features, fastThreshold=4)
    found = [orb.detectAndCompute(_even(sheet), (sheet.mask != _UNSEEN).astype(np.uint8) * 255) for sheet in (before, after)]
    if any(points is None or words is None or len(points) < pack.least_inliers for points, words in found):
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(found[0][1], found[1][1])
    if len(pairs) < pack.least_inliers:
        return None
    source = np.array([found[0][0][pair.queryIdx].pt for pair in pairs], np.float64)
    target = np.array([found[1][0][pair.trainIdx].pt for pair in pairs], np.float64)
    cv2.setRNGSeed(1)
    matrix, kept = cv2.estimateAffinePartial2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=pack.most_error_px)
    if matrix is None or int(kept.sum()) < pack.least_inliers:
        return None
    good: NDArray[np.bool_] = np.asarray(np.ravel(kept) > 0, np.bool_)
    apart = source[good] @ matrix[:, :2].T + matrix[:, 2] - target[good]
    error = float(np.sqrt((apart**2).sum(axis=1).mean()))
    if error > pack.most_error_px or abs(float(np.hypot(matrix[0, 0], matrix[1, 0])) - 1.0) > 0.05:
        return None
    inset = np.array([inset_px, inset_px], float)
    cell = np.column_stack([matrix[:, :2], matrix[:, :2] @ inset + matrix[:, 2] - inset])
    return Registered(cell, int(good.sum()), round(error, 3))


def _even(sheet: _Sheet) -> Mask:
    """Grey, with the brightness of the neighbourhood taken out: another light must not hide the same plate."""
    grey = cv2.cvtColor(sheet.image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.createCLAHE(4.0, (8, 8)).apply(grey), np.uint8)


def _light_differs(before: _Sheet, after: _Sheet) -> bool:
    pack = compare_pack().refuse
    medians = []
    for sheet in (before, after):
        grey = cv2.cvtColor(sheet.image, cv2.COLOR_BGR2GRAY)[sheet.mask != _UNSEEN]
        if grey.size == 0 or float(((grey < 8) | (grey > 250)).mean()) > pack.max_clipped_share:
            return True
        medians.append(max(float(np.median(grey)), 1.0))
    return max(medians) > pack.max_light_ratio * min(medians)


def _measured(nothing: CellChange, before: Mask, after: Mask, step_mm: float) -> CellChange:
    """Areas of what changed where both saw the plate. The error: every outline may lie off by its own error and the registration's."""
    both = (before != _UNSEEN) & (after != _UNSEEN)
    if float(both.mean()) < compare_pack().refuse.least_common_share:
        return replace(nothing, refused="not_seen")
    first, second = np.isin(before, COUNTED) & both, np.isin(after, COUNTED) & both
    cm2 = (step_mm / 10.0) ** 2
    outline = sum(_outline_px(part) for part in (first, second))
    off = float(np.hypot(compare_pack().change.edge_px, nothing.error_px or 0.0))
    return replace(
        nothing,
        before_cm2=round(float(first.sum()) * cm2, 1),
        after_cm2=round(float(second.sum()) * cm2, 1),
        added_cm2=round(float((second & ~first).sum()) * cm2, 1),
        healed_cm2=round(float((first & ~second).sum()) * cm2, 1),
        unmatched_cm2=round(float((~both).sum()) * cm2, 1),
        error_cm2=round(outline * off / np.sqrt(12.0) * cm2, 1),
    )


def _outline_px(part: NDArray[np.bool_]) -> float:
    """Pixels on the outline of a mask."""
    inner = cv2.erode(part.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)
    return float(part.sum() - inner.sum())
