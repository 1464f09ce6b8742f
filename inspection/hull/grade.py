"""Owns what the area shares of the hull map would be called by IMO, ASTM D610 and ISO 4628-3, with an interval; limits: ``config/hull/grades.toml``.

Never a finding: those grades are for tanks and coated structures, a surveyor decides. Per cent is area of defects / area of shell seen.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from pydantic import BaseModel, ConfigDict

from config import pack_path
from core.geo import Float
from inspection.hull.cells import HullCell
from inspection.hull.project import SHELL, ShellSide


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scale(_Table):
    """Names from best to worst, and the largest per cent that each but the last still allows."""

    names: tuple[str, ...]
    limits_pct: tuple[float, ...]

    def grade(self, per_cent: float) -> str:
        return self.names[bisect_left(self.limits_pct, per_cent)]


class _Interval(_Table):
    share: float
    resamples: int
    least_cells: int
    least_seen_m2: float


class GradePack(_Table):
    imo: Scale
    d610: Scale
    iso4628: Scale
    interval: _Interval


@cache
def grade_pack() -> GradePack:
    """The limits as they ship."""
    return GradePack.model_validate(tomllib.loads(pack_path("hull", "grades.toml").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Share:
    """Per cent of the shell seen, with the ends of its 95 % interval."""

    per_cent: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Indication:
    """What one side (or the whole shell: side None) would be called. Each grade lists its neighbours when the interval reaches them,
    best first; None where too little was seen.
    """

    side: ShellSide | None
    seen_m2: float
    corrosion: Share | None
    defects: Share | None
    imo: tuple[str, ...]
    d610: tuple[str, ...]
    iso4628: tuple[str, ...]

    def data(self) -> dict[str, object]:
        """As JSON."""
        return {
            "side": self.side,
            "seen_m2": round(self.seen_m2, 1),
            "corrosion_pct": _numbers(self.corrosion),
            "defect_pct": _numbers(self.defects),
            "imo_circ1330": list(self.imo),
            "astm_d610": list(self.d610),
            "iso_4628_3": list(self.iso4628),
        }


def _numbers(share: Share | None) -> list[float] | None:
    return None if share is None else [round(value, 3) for value in (share.per_cent, share.low, share.high)]


def indications(cells: Sequence[HullCell]) -> tuple[Indication, ...]:
    """The whole shell first, then each side."""
    return (_indication(None, cells), *(_indication(side, [cell for cell in cells if cell.side == side]) for side in SHELL))


def _indication(side: ShellSide | None, cells: Sequence[HullCell]) -> Indication:
    pack = grade_pack()
    seen = [cell for cell in cells if cell.seen_share > 0 and cell.corrosion_pct is not None and cell.defect_pct is not None]
    area = np.array([cell.area_m2 * cell.seen_share for cell in seen])
    total = float(area.sum())
    if len(seen) < pack.interval.least_cells or total < pack.interval.least_seen_m2:
        return Indication(side, total, None, None, (), (), ())
    corrosion = share_of(area, np.array([cell.corrosion_pct for cell in seen], float))
    defects = share_of(area, np.array([cell.defect_pct for cell in seen], float))
    return Indication(
        side, total, corrosion, defects,
        _grades(pack.imo, defects), _grades(pack.d610, corrosion), _grades(pack.iso4628, corrosion),
    )  # fmt: skip


def share_of(area_m2: Float, per_cent: Float) -> Share:
    """Area-weighted mean (n,) of cells, and its interval by drawing the cells anew with a fixed seed: the same map, the same interval."""
    interval = grade_pack().interval
    rng = np.random.default_rng(len(area_m2))
    drawn = rng.integers(0, len(area_m2), (interval.resamples, len(area_m2)))
    means = (area_m2[drawn] * per_cent[drawn]).sum(axis=1) / area_m2[drawn].sum(axis=1)
    tail = (1.0 - interval.share) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    middle = float((area_m2 * per_cent).sum() / area_m2.sum())
    return Share(middle, min(float(low), middle), max(float(high), middle))


def _grades(scale: Scale, share: Share) -> tuple[str, ...]:
    """The grades from the low end of the interval to its high end."""
    first, last = scale.names.index(scale.grade(share.low)), scale.names.index(scale.grade(share.high))
    return scale.names[first : last + 1]
