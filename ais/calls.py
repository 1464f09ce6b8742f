"""Owns visits to the watched port: arrival and departure by its limits with a dwell time, berths in between.

Never stores anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ais.event_store import BerthStay, PortCall
from ais.live import Position
from ais.motion import evidence
from ais.port import Port, is_inside
from ais.signals import Event, at_utc


@dataclass(slots=True)
class Visit:
    """Of one ship: since when it has been on this side of the limits, and its call once the dwell time has passed."""

    inside: bool | None = None
    crossed: Position | None = None
    call: PortCall | None = None
    seen_outside: bool = False

    def step(self, mmsi: int, point: Position, port: Port, dwell_ms: float, draught_m: float | None) -> Event | None:
        """Take a point; returns an arrival or a departure.

        A ship that is already here when first heard begins a call at that time, without an arrival event.
        """
        inside = is_inside(port.limits, point.lonlat)
        if inside != self.inside:
            self.inside, self.crossed = inside, point
        if self.crossed is None or point.at_ms - self.crossed.at_ms < dwell_ms:
            self.seen_outside |= not inside
            return None
        at = at_utc(self.crossed.at_ms)
        rows = (evidence(self.crossed), evidence(point))
        if inside and self.call is None:
            self.call = PortCall(port.id, mmsi, at, draught_in_m=draught_m)
            return Event("arrival", mmsi, at, at, port.id, 0.9, rows) if self.seen_outside else None
        if not inside and self.call is not None:
            self.call = replace(self.call, departed_at=at, draught_out_m=draught_m)
            return Event("departure", mmsi, at, at, port.id, 0.9, rows)
        self.seen_outside |= not inside
        return None

    def berth(self, stay: Event) -> None:
        """A stay at a berth began, or ended."""
        if self.call is None or stay.place is None:
            return
        others = tuple(one for one in self.call.berths if one.from_at != stay.began_at)
        self.call = replace(self.call, berths=(*others, BerthStay(stay.place, stay.began_at, stay.ended_at)))
