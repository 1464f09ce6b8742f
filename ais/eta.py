"""Owns when an inbound ship will be here: along the fairway at its own speed, against what its crew typed.

Never guesses a year wrongly by more than half of one: AIS has none, so the nearest is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from ais.behaviour import EtaRule
from ais.live import Eta, Position
from ais.motion import NM_M
from ais.port import Port, along_fairway_m
from ais.voyage import destination_match


@dataclass(frozen=True, slots=True)
class Arrival:
    """Both estimates; `spread_hours` = typed minus computed, None where one is missing. `sog_kn`: the speed it was computed with;
    `destination_match`: how well the typed destination names this port (`ais.voyage`).
    """

    by_fairway: datetime | None
    by_crew: datetime | None
    distance_nm: float
    sog_kn: float
    destination_match: float | None = None

    @property
    def spread_hours(self) -> float | None:
        if self.by_fairway is None or self.by_crew is None:
            return None
        return round((self.by_crew - self.by_fairway).total_seconds() / 3600, 1)


def crew_eta(eta: Eta | None, now: datetime) -> datetime | None:
    """The typed time in the year that brings it nearest to `now`."""
    if eta is None or eta.month is None or eta.day is None:
        return None
    found: list[datetime] = []
    for year in (now.year - 1, now.year, now.year + 1):
        try:
            found.append(datetime(year, eta.month, eta.day, eta.hour or 0, eta.minute or 0, tzinfo=UTC))
        except ValueError:
            continue  # 29 February of another year, or no such day
    return min(found, key=lambda one: abs(one - now), default=None)


def steady_sog_kn(points: Iterable[Position], until_ms: int, rule: EtaRule) -> float | None:
    """Median speed of the last minutes: one report of a ship that yields or turns is not how it comes."""
    since_ms = until_ms - rule.median_minutes * 60_000
    speeds = [point.sog_kn for point in points if point.sog_kn is not None and since_ms <= point.at_ms <= until_ms]
    return median(speeds) if speeds else None


def arrival(
    port: Port, position: Position, sog_kn: float, eta: Eta | None, rule: EtaRule, destination: str | None = None
) -> Arrival | None:
    """For a ship near the fairway; None for one that is elsewhere."""
    left_m, off_m = along_fairway_m(port, position.lonlat)
    if off_m > rule.fairway_nm * NM_M:
        return None
    by_fairway = position.at_utc + timedelta(hours=left_m / NM_M / sog_kn) if sog_kn >= rule.min_sog_kn else None
    return Arrival(
        by_fairway,
        crew_eta(eta, position.at_utc),
        round(left_m / NM_M, 1),
        round(sog_kn, 1),
        destination_match(port, destination),
    )
