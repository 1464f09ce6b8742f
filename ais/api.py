"""Owns the HTTP side of the live picture: stations as GeoJSON, one ship, health of the sources.

Never changes anything.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, JsonValue

from ais import service
from ais.codes import flag_of
from ais.live import LiveShip
from ais.store import Feed, track
from core.clock import rfc3339
from core.context import Services
from core.errors import InputError


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

    @router.get("/health")
    def health() -> HealthOut:
        """What became of every sentence, by source."""
        return HealthOut(items=[_feed(feed) for feed in service.feed_list(services)], next_cursor=None)

    return router


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
