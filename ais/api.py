"""Owns the HTTP side of `ais`: live picture as GeoJSON, one ship, ranked targets with reasons, health of the sources.

Never changes anything.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, JsonValue

from ais import service
from ais.codes import Label, flag_of
from ais.live import LiveShip
from ais.pose import HullAtPlace
from ais.ranking import RankedShip
from ais.store import Feed, track
from ais.targeting import Window
from core.clock import rfc3339
from core.context import Services
from core.errors import InputError, Refused
from core.workdays import local_day

_MAX_PAGE = 500


class BilingualOut(BaseModel):
    zh: str
    en: str


class DimensionsOut(BaseModel):
    bow_m: int
    stern_m: int
    port_m: int
    starboard_m: int


class ShipOut(BaseModel):
    """One station. Angles in degrees true, speed in knots, unknown = null."""

    mmsi: str
    station_class: str
    is_ship: bool
    name: str | None
    imo: str | None
    imo_valid: bool | None
    call_sign: str | None
    flag: str | None
    ship_type_code: int | None
    sog_kn: float | None
    cog_deg_true: float | None
    heading_deg_true: int | None
    nav_status: int | None
    dimensions: DimensionsOut | None
    draught_m: float | None
    destination: str | None
    at_utc: str
    time_source: Literal["log", "order"]
    unconfirmed: list[str]
    stations: list[str]


class PointOut(BaseModel):
    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class FeatureOut(BaseModel):
    type: Literal["Feature"] = "Feature"
    id: str
    geometry: PointOut | None
    properties: ShipOut


class FeaturesOut(BaseModel):
    """GeoJSON (RFC 7946)."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[FeatureOut]


class TrackPointOut(BaseModel):
    lonlat: tuple[float, float]
    at_utc: str
    sog_kn: float | None
    cog_deg_true: float | None


class ShipDetailOut(BaseModel):
    """One station with its stored track, oldest point first."""

    ship: FeatureOut
    track: list[TrackPointOut]


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


class FeedOut(BaseModel):
    """A source: the ledger adds up when sentences = fragments_used + all rejected."""

    source: str
    started_at: str
    ended_at: str | None
    undated: int
    duplicates: int
    own_station: int
    adds_up: bool
    ledger: dict[str, JsonValue]


class HealthOut(BaseModel):
    items: list[FeedOut]
    next_cursor: str | None


def build_router(services: Services) -> APIRouter:
    """Routes under /api/v1/ais; who may call them is ``config/access/ais.toml``."""
    router = APIRouter(prefix="/api/v1/ais", tags=["ais"])

    @router.get("/ships")
    def ships(kind: Literal["ship", "all"] = "ship") -> FeaturesOut:
        """The live picture."""
        heard = service.live_ships(services)
        return FeaturesOut(features=[_feature(ship) for ship in heard if kind == "all" or ship.is_ship])

    @router.get("/ships/{mmsi}")
    def ship(mmsi: int) -> ShipDetailOut:
        """One station and its track."""
        if not 0 < mmsi <= 999_999_999:
            raise InputError("id.mmsi", value=mmsi)
        found = service.live_ship(services, mmsi)
        with services.db.ais_read() as session:
            points = track(session, mmsi)
        return ShipDetailOut(
            ship=_feature(found),
            track=[
                TrackPointOut(
                    lonlat=(point.lonlat.lon, point.lonlat.lat),
                    at_utc=rfc3339(point.at_utc),
                    sog_kn=point.sog_kn,
                    cog_deg_true=point.cog_deg_true,
                )
                for point in points
            ],
        )

    @router.get("/targets")
    def targets(
        on: date | None = None,
        limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
        cursor: Annotated[str | None, Query(max_length=12)] = None,
    ) -> TargetsOut:
        """Ranked ships with the reason for each point."""
        start = _offset(cursor)
        day = on or local_day(services.clock.now())
        ranked = service.rank_live(services, day)
        page = ranked.ships[start : start + limit]
        more = start + limit < len(ranked.ships)
        return TargetsOut(
            regime=ranked.regime,
            on=day,
            excluded=len(ranked.excluded),
            items=[target_out(item, _hull(services, item)) for item in page],
            next_cursor=str(start + limit) if more else None,
        )

    @router.get("/health")
    def health() -> HealthOut:
        """What became of every sentence, by source."""
        return HealthOut(items=[_feed(feed) for feed in service.feed_list(services)], next_cursor=None)

    return router


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit()):
        raise InputError("ais.cursor", cursor=cursor)
    return int(cursor)


def _feature(ship: LiveShip) -> FeatureOut:
    position, sides = ship.position, ship.dimensions
    return FeatureOut(
        id=f"{ship.mmsi:09d}",
        geometry=None if position is None else PointOut(coordinates=(position.lonlat.lon, position.lonlat.lat)),
        properties=ShipOut(
            mmsi=f"{ship.mmsi:09d}",
            station_class=ship.station_class,
            is_ship=ship.is_ship,
            name=ship.name,
            imo=None if ship.imo is None else str(ship.imo),
            imo_valid=None if ship.imo is None else ship.valid_imo is not None,
            call_sign=ship.call_sign,
            flag=flag_of(ship.mmsi),
            ship_type_code=ship.ship_type,
            sog_kn=None if position is None else position.sog_kn,
            cog_deg_true=None if position is None else position.cog_deg_true,
            heading_deg_true=None if position is None else position.heading_deg_true,
            nav_status=None if position is None else position.nav_status,
            dimensions=None if sides is None else DimensionsOut(**asdict(sides)),
            draught_m=ship.draught_m,
            destination=ship.destination,
            at_utc=rfc3339(ship.at_utc),
            time_source=ship.time_source,
            unconfirmed=sorted(ship.unconfirmed),
            stations=list(ship.stations),
        ),
    )


def _hull(services: Services, item: RankedShip) -> HullOut:
    try:
        found = service.geometry_and_pose(services, item)
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


def _feed(feed: Feed) -> FeedOut:
    rejected = feed.ledger.get("rejected", {})
    return FeedOut(
        source=feed.source,
        started_at=rfc3339(feed.started_at),
        ended_at=None if feed.ended_at is None else rfc3339(feed.ended_at),
        undated=feed.undated,
        duplicates=feed.duplicates,
        own_station=feed.own_station,
        adds_up=feed.ledger["sentences"] == feed.ledger["fragments_used"] + sum(rejected.values()),
        ledger=feed.ledger,
    )
