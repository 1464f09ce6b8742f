"""Owns the hull of a ship as AIS and the register give it: main dimensions, place and heading in core's value types.

Never fills a heading or an antenna place that was not sent: it refuses with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ais.codes import hull_defaults
from ais.port import AtBerth, Port, berth_of
from ais.ranking import KnownShip, ShipSheet
from core.errors import Refused
from core.ship import ShipGeometry, ShipPose


@dataclass(frozen=True, slots=True)
class HullAtPlace:
    """Geometry, pose and berth. `sheet` repeats the ship's particulars with the estimated dimensions filled in."""

    geometry: ShipGeometry
    pose: ShipPose
    berth: AtBerth | None
    sheet: ShipSheet


def geometry_of(ship: KnownShip) -> ShipGeometry:
    """Length and beam as sent (else register), draught as sent (else register, else class default), depth from the register.

    Class defaults are named in `estimated`.

    Raises:
        Refused: length or beam is unknown, or draught and depth do not fit together.
    """
    sheet, sides = ship.sheet, ship.live.dimensions
    loa = float(sides.length_m) if sides is not None and sides.length_m else sheet.loa_m
    beam = float(sides.beam_m) if sides is not None and sides.beam_m else sheet.beam_m
    if not loa or not beam:
        raise Refused("ais.no_dimensions", ship=sheet.name)
    proportions = hull_defaults().of(sheet.ship_type)
    estimated: set[str] = set()
    depth = sheet.depth_m
    if depth is None:
        depth = round(beam * proportions.depth_per_beam, 1)
        estimated.add("depth_m")
    draught = sheet.draught_m
    if draught is None:
        draught = round(depth * proportions.draught_per_depth, 1)
        estimated.add("draught_m")
    if draught >= depth:
        raise Refused("ais.geometry_impossible", ship=sheet.name, draught=draught, depth=depth)
    return ShipGeometry(loa, beam, depth, draught, "stern_end", frozenset(estimated))


def pose_of(ship: KnownShip, geometry: ShipGeometry) -> ShipPose:
    """Where the stern end is and where the bow points.

    Raises:
        Refused: no position, no heading (511), or the antenna's place on the ship is not known.
    """
    position, sides = ship.live.position, ship.live.dimensions
    if position is None:
        raise Refused("ais.no_position", ship=ship.sheet.name)
    if position.heading_deg_true is None:
        raise Refused("ais.heading_unknown", ship=ship.sheet.name)
    if sides is None or not sides.reference_known:
        raise Refused("ais.reference_unknown", ship=ship.sheet.name)
    return ShipPose.from_ais(
        antenna=position.lonlat,
        heading_deg_true=float(position.heading_deg_true),
        to_stern_m=float(sides.stern_m),
        to_port_m=float(sides.port_m),
        beam_m=geometry.beam_m,
        at_utc=position.at_utc,
    )


def geometry_and_pose(ship: KnownShip, port: Port) -> HullAtPlace:
    """Everything a survey planner needs of the ship.

    Raises:
        Refused: see `geometry_of` and `pose_of`.
    """
    geometry = geometry_of(ship)
    pose = pose_of(ship, geometry)
    sheet = replace(
        ship.sheet,
        loa_m=geometry.loa_m,
        beam_m=geometry.beam_m,
        depth_m=geometry.depth_m,
        draught_m=geometry.draught_m,
        estimated=sorted(geometry.estimated),
    )
    return HullAtPlace(geometry, pose, berth_of(port, pose, geometry), sheet)
