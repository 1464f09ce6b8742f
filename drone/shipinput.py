"""Owns how an AIS record, with what the register or the operator adds, becomes a ship to plan for: reference, geometry, pose.

Never looks a ship up and never guesses a heading: what is missing is said, class defaults are marked estimated.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from config import pack_path
from core.errors import InputError
from core.geo import LonLat
from core.hullform import shape_of
from core.ids import Imo, Mmsi
from core.ship import ShipGeometry, ShipPose, ShipRef


class AisRecord(BaseModel):
    """Keys of `yunjian ais decode` (pyais), and what AIS does not know. null = not available."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    mmsi: int | None = None
    imo: int | None = None
    shipname: str = "-"
    ship_type: int | None = None
    to_bow: float = 0.0
    to_stern: float = 0.0
    to_port: float = 0.0
    to_starboard: float = 0.0
    draught: float | None = None
    lon: float | None = None
    lat: float | None = None
    heading: float | None = None
    course: float | None = None
    speed: float | None = None
    status: int | None = None
    accuracy: bool | None = None
    depth_m: float | None = None
    freeboard_m: float | None = None
    air_draught_m: float | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class ShipInput:
    """`pose` None = no position, no heading, or no reference point of the antenna."""

    ship: ShipRef
    geometry: ShipGeometry
    pose: ShipPose | None
    air_draught_m: float | None
    at_anchor: bool


def ship_from_record(document: dict[str, Any], at: datetime) -> ShipInput:
    """Raises InputError `drone.ship_input`: not a record, no identity, no dimensions, no reference point, an impossible ship."""
    try:
        record = AisRecord.model_validate(document)
        imo = Imo.parse(str(record.imo)) if record.imo else None
        mmsi = Mmsi.parse(f"{record.mmsi:09d}") if record.mmsi else None
        ship = ShipRef(record.shipname.strip() or "-", imo, mmsi)
        geometry = _geometry(record)
    except (ValidationError, ValueError) as error:
        raise InputError("drone.ship_input", reason=str(error).splitlines()[0]) from error
    rules = _pack()
    return ShipInput(
        ship, geometry, _pose(record, geometry, at), record.air_draught_m, record.status == rules["at_anchor_status"]
    )


def _geometry(record: AisRecord) -> ShipGeometry:
    loa, beam = record.to_bow + record.to_stern, record.to_port + record.to_starboard
    if loa <= 0.0 or beam <= 0.0:
        raise ValueError("AIS gives no length or beam")
    rules = _pack()
    form = record.form or rules["form_of_type_tens"].get(str((record.ship_type or 0) // 10), rules["form_else"])
    shape = shape_of(form)
    estimated: set[str] = set()
    depth, draught = record.depth_m, record.draught or None
    if depth is None and draught is not None and record.freeboard_m is not None:
        depth = draught + record.freeboard_m
    if depth is None:
        depth = round(loa * shape.depth_per_loa, 1)
        if draught is not None:
            depth = max(depth, round(draught / (1.0 - shape.freeboard_per_depth / 2.0), 1))
        estimated.add("depth_m")
    if draught is None:
        draught = (
            round(depth * (1.0 - shape.freeboard_per_depth), 1) if record.freeboard_m is None else depth - record.freeboard_m
        )
        estimated.add("draught_m")
    return ShipGeometry(loa, beam, depth, draught, "stern_end", frozenset(estimated), form)


def _pose(record: AisRecord, geometry: ShipGeometry, at: datetime) -> ShipPose | None:
    if record.to_bow <= 0.0 or record.lon is None or record.lat is None:
        return None
    heading = record.heading if record.heading is not None and record.heading < 360.0 else None
    if heading is None and (record.speed or 0.0) > _pack()["least_sog_for_course_kn"]:
        heading = record.course
    if heading is None:
        return None
    pose = ShipPose.from_ais(LonLat(record.lon, record.lat), heading, record.to_stern, record.to_port, geometry.beam_m, at)
    return pose if record.accuracy else ShipPose(pose.origin, heading, at, "ais_low" if record.accuracy is False else "ais")


@cache
def _pack() -> dict[str, Any]:
    return tomllib.loads(pack_path("drone", "ship_input.toml").read_text(encoding="utf-8"))
