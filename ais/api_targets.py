"""Owns the HTTP side of targeting: ranked ships with the reason for each point.

Never changes anything.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from ais.codes import Label
from ais.pose import HullAtPlace
from ais.ranking import RankedShip
from ais.targeting import Window
from ais.targets_service import geometry_and_pose, rank_live
from core.context import Services
from core.errors import InputError, Refused
from core.workdays import local_day

_MAX_PAGE = 500


class BilingualOut(BaseModel):
    zh: str
    en: str


class CriterionOut(BaseModel):
    id: str
    label: BilingualOut
    value: str | None
    source: str | None
    state: Literal["met", "not_met", "unknown"]
    points: int | None
    max_points: int
    points_low: int
    points_high: int
    reason: BilingualOut


class WindowOut(BaseModel):
    opens: date
    closes: date


class ComparisonOut(BaseModel):
    field: str
    ais: str | None
    register_value: str | None
    state: Literal["match", "mismatch", "not_comparable"]


class JoinOut(BaseModel):
    matched_by: str
    confidence: float
    comparisons: list[ComparisonOut]


class HullOut(BaseModel):
    """Hull and place, or the code of the reason why they are not known."""

    loa_m: float | None = None
    beam_m: float | None = None
    depth_m: float | None = None
    draught_m: float | None = None
    estimated: list[str] = []
    stern_lonlat: tuple[float, float] | None = None
    heading_deg_true: float | None = None
    berth_id: str | None = None
    berth_name: BilingualOut | None = None
    quay_side: Literal["port", "starboard"] | None = None
    refused: str | None = None


class TargetOut(BaseModel):
    """One line of the ranked list. Priority null = depends on what is unknown."""

    rank: int
    tied_with: int
    of: int
    name: str
    imo: str | None
    mmsi: str
    flag: str | None
    ship_type: str | None
    simulated: bool
    points_low: int
    points_high: int
    profile_best: str
    profile_worst: str
    priority: str | None
    priority_best: str | None
    priority_worst: str | None
    window_best: WindowOut | None
    window_worst: WindowOut | None
    known: int
    total: int
    reasons: list[BilingualOut]
    notes: list[BilingualOut]
    criteria: list[CriterionOut]
    join: JoinOut
    hull: HullOut


class TargetsOut(BaseModel):
    regime: str
    on: date
    excluded: int
    items: list[TargetOut]
    next_cursor: str | None


def build_router(services: Services) -> APIRouter:
    """Routes under /api/v1/ais/targets; who may call them is ``config/access/ais.toml``."""
    router = APIRouter(prefix="/api/v1/ais", tags=["ais"])

    @router.get("/targets")
    def targets(
        on: date | None = None,
        limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
        cursor: Annotated[str | None, Query(max_length=12)] = None,
    ) -> TargetsOut:
        """Ranked ships with the reason for each point."""
        start = _offset(cursor)
        day = on or local_day(services.clock.now())
        ranked = rank_live(services, day)
        page = ranked.ships[start : start + limit]
        more = start + limit < len(ranked.ships)
        return TargetsOut(
            regime=ranked.regime,
            on=day,
            excluded=len(ranked.excluded),
            items=[target_out(item, _hull(services, item)) for item in page],
            next_cursor=str(start + limit) if more else None,
        )

    return router


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit()):
        raise InputError("ais.cursor", cursor=cursor)
    return int(cursor)


def _hull(services: Services, item: RankedShip) -> HullOut:
    try:
        found = geometry_and_pose(services, item)
    except Refused as refusal:
        return HullOut(refused=refusal.code)
    return hull_out(found)


def hull_out(found: HullAtPlace) -> HullOut:
    """A hull as JSON."""
    berth = found.berth
    return HullOut(
        loa_m=found.geometry.loa_m,
        beam_m=found.geometry.beam_m,
        depth_m=found.geometry.depth_m,
        draught_m=found.geometry.draught_m,
        estimated=sorted(found.geometry.estimated),
        stern_lonlat=(round(found.pose.origin.lon, 7), round(found.pose.origin.lat, 7)),
        heading_deg_true=found.pose.heading_deg_true,
        berth_id=None if berth is None else berth.berth_id,
        berth_name=None if berth is None else _label(berth.berth_name),
        quay_side=None if berth is None else berth.quay_side,
    )


def target_out(item: RankedShip, hull: HullOut) -> TargetOut:
    """A ranked ship as JSON; `yunjian targets --json` writes the same."""
    found, sheet = item.assessment, item.sheet
    return TargetOut(
        rank=item.rank,
        tied_with=item.tied_with,
        of=item.of,
        name=sheet.name,
        imo=sheet.imo,
        mmsi=f"{item.live.mmsi:09d}",
        flag=sheet.flag,
        ship_type=sheet.ship_type,
        simulated=sheet.simulated,
        points_low=found.points_low,
        points_high=found.points_high,
        profile_best=found.profile_best,
        profile_worst=found.profile_worst,
        priority=found.priority,
        priority_best=found.priority_best,
        priority_worst=found.priority_worst,
        window_best=_window(found.window_best),
        window_worst=_window(found.window_worst),
        known=found.known,
        total=found.total,
        reasons=[BilingualOut(**asdict(reason)) for reason in item.reasons],
        notes=[BilingualOut(**asdict(note)) for note in found.notes],
        criteria=[
            CriterionOut(**asdict(judged.criterion), points_low=judged.points_low, points_high=judged.points_high)
            for judged in found.judgements
        ],
        join=JoinOut(
            matched_by=item.join.matched_by,
            confidence=item.join.confidence,
            comparisons=[
                ComparisonOut(field=one.field, ais=one.ais, register_value=one.register, state=one.state)
                for one in item.join.comparisons
            ],
        ),
        hull=hull,
    )


def _label(label: Label) -> BilingualOut:
    return BilingualOut(zh=label.zh, en=label.en)


def _window(window: Window | None) -> WindowOut | None:
    return None if window is None else WindowOut(opens=window.opens, closes=window.closes)
