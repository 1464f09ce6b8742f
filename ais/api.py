"""Owns the HTTP side of the live picture: stations as GeoJSON, one ship with track, identities and arrival.

Never changes anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from pydantic_core import to_json

from ais import service
from ais.archive import track_of
from ais.codes import flag_of
from ais.eta import Arrival
from ais.event_store import Identity, identities
from ais.live import LiveShip
from ais.store import Box
from core.clock import rfc3339
from core.context import Services
from core.errors import InputError

_MAX_POINTS = 5_000


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


class IdentityOut(BaseModel):
    """A value the station used. `confirmed`: seen often enough to count."""

    field: str
    value: str
    first_at: str
    last_at: str
    count: int
    confirmed: bool


class ArrivalOut(BaseModel):
    """Of a ship near the fairway: two estimates and what lies between them; how well its typed destination names this port, 0 to 1."""

    by_fairway: str | None
    by_crew: str | None
    spread_hours: float | None
    distance_nm: float
    sog_kn: float
    destination_match: float | None


class ShipDetailOut(BaseModel):
    """One station with its stored track (oldest point first), identity history and estimated arrival."""

    ship: FeatureOut
    track: list[TrackPointOut]
    identities: list[IdentityOut]
    arrival: ArrivalOut | None


def build_router(services: Services) -> APIRouter:
    """Routes under /api/v1/ais; who may call them is ``config/access/ais.toml``."""
    router = APIRouter(prefix="/api/v1/ais", tags=["ais"])

    @router.get("/ships", response_model=FeaturesOut)
    def ships(kind: Literal["ship", "all"] = "ship", bbox: str | None = None) -> Response:
        """The live picture; `bbox` = west,south,east,north keeps the stations inside."""
        found = service.live_ships(services, None if bbox is None else _box(bbox), ships_only=kind == "ship")
        made = {"type": "FeatureCollection", "features": [_feature(ship) for ship in found]}
        return Response(to_json(made), media_type="application/json")  # `tests/contract/ais` holds it to the model

    @router.get("/ships/{mmsi}")
    def ship(mmsi: int, since: datetime | None = None) -> ShipDetailOut:
        """One station: its track, the identities it used, when it will be here."""
        if not 0 < mmsi <= 999_999_999:
            raise InputError("id.mmsi", value=mmsi)
        found = service.live_ship(services, mmsi)
        with services.db.ais_read() as session:
            used = identities(session, mmsi)
        due = service.arrival_of(services, found)
        return ShipDetailOut(
            ship=FeatureOut.model_validate(_feature(found)),
            track=[
                TrackPointOut(
                    lonlat=(point.lonlat.lon, point.lonlat.lat),
                    at_utc=rfc3339(point.at_utc),
                    sog_kn=point.sog_kn,
                    cog_deg_true=point.cog_deg_true,
                )
                for point in track_of(services, mmsi, since, _MAX_POINTS)
            ],
            identities=[_identity(one) for one in used],
            arrival=None if due is None else _arrival(due),
        )

    return router


def _box(text: str) -> Box:
    """West, south, east and north in degrees; across the date line west is larger than east."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError("ais.box", box=text) from error
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise InputError("ais.box", box=text)
    return Box(west, south, east, north)


def _identity(one: Identity) -> IdentityOut:
    return IdentityOut(
        field=one.field,
        value=one.value,
        first_at=rfc3339(one.first_at),
        last_at=rfc3339(one.last_at),
        count=one.count,
        confirmed=one.confirmed,
    )


def _arrival(due: Arrival) -> ArrivalOut:
    return ArrivalOut(
        by_fairway=None if due.by_fairway is None else rfc3339(due.by_fairway),
        by_crew=None if due.by_crew is None else rfc3339(due.by_crew),
        spread_hours=due.spread_hours,
        distance_nm=due.distance_nm,
        sog_kn=due.sog_kn,
        destination_match=due.destination_match,
    )


def _feature(ship: LiveShip) -> dict[str, Any]:
    """A `FeatureOut` as plain values: every one comes from a checked one, and the map asks for thousands."""
    position, sides, imo = ship.position, ship.dimensions, ship.imo
    mmsi = f"{ship.mmsi:09d}"
    return {
        "type": "Feature",
        "id": mmsi,
        "geometry": position and {"type": "Point", "coordinates": (position.lonlat.lon, position.lonlat.lat)},
        "properties": {
            "mmsi": mmsi,
            "station_class": ship.station_class,
            "is_ship": ship.is_ship,
            "name": ship.name,
            "imo": None if imo is None else str(imo),
            "imo_valid": None if imo is None else ship.valid_imo is not None,
            "call_sign": ship.call_sign,
            "flag": flag_of(ship.mmsi),
            "ship_type_code": ship.ship_type,
            "sog_kn": position and position.sog_kn,
            "cog_deg_true": position and position.cog_deg_true,
            "heading_deg_true": position and position.heading_deg_true,
            "nav_status": position and position.nav_status,
            "dimensions": sides and {
                "bow_m": sides.bow_m, "stern_m": sides.stern_m, "port_m": sides.port_m, "starboard_m": sides.starboard_m
            },
            "draught_m": ship.draught_m,
            "destination": ship.destination,
            "at_utc": rfc3339(ship.at_utc),
            "time_source": ship.time_source,
            "unconfirmed": sorted(ship.unconfirmed),
            "stations": ship.stations,
        },
    }  # fmt: skip
