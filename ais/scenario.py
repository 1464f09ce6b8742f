"""Owns the fleet of the embedded scenario (`config/scenarios/*.toml`) and the register files that go with it. All SIMULATED.

Never makes a radio message: `ais.generate` does.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ais.rules import RulePack, add_months
from config import pack_path

HistoryKind = Literal["full", "short", "none"]


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FleetShip(_Pack):
    """One simulated ship. `place`: a berth id, anchor, inbound, outbound or harbour."""

    name: str
    imo: int
    mmsi: int
    flag: str = ""
    ship_type: str = ""
    ais_type: int
    loa_m: int
    beam_m: int
    draught_m: float
    depth_m: float | None = None
    place: str
    built: str = ""
    ro: str = ""
    company: str = ""
    history: HistoryKind = "full"
    inspections: tuple[tuple[int, int, bool], ...] = ()
    registered: bool = True
    detained: str = ""
    under_investigation: str = ""
    trigger: str = ""
    network_ok: str = ""
    crew_skilled: str = ""
    accepts_remote_risk: str = ""
    overriding_factor: str = ""
    demo_target: bool = False
    ais_name: str = ""
    ais_imo: int | None = None
    behaviour: Literal["", "gap", "identity_swap", "jump", "drag", "circle"] = ""
    swapped_name: str = ""
    swapped_imo: int = 0

    @property
    def call_sign(self) -> str:
        return f"SIM{self.mmsi % 1000:03d}"


class Fleet(_Pack):
    """Ships, lists and what the generator needs."""

    version: str
    source: str
    licence: str
    port_pack: str
    class_b: int
    minutes: int
    ratings: tuple[tuple[str, str, str, bool | str], ...]
    ships: tuple[FleetShip, ...]


@cache
def load_fleet(name: str) -> Fleet:
    """A fleet by its path inside ``config/``."""
    return Fleet.model_validate(tomllib.loads(pack_path(*name.split("/")).read_text(encoding="utf-8")))


SHIP_COLUMNS = (
    "imo_number", "mmsi", "ship_name", "call_sign", "flag", "ship_type", "build_date", "gross_tonnage", "loa_m", "beam_m",
    "depth_m", "draught_max_m", "ro_code", "company_imo", "company_name", "psc_history_from", "psc_history_to",
    "overriding_factor", "detained", "under_investigation", "trigger", "network_ok", "crew_skilled", "accepts_remote_risk",
    "simulated", "source", "as_of", "licence",
)  # fmt: skip
INSPECTION_COLUMNS = (
    "imo_number", "inspected_on", "authority", "region", "deficiencies", "detained", "source", "as_of", "licence",
)  # fmt: skip
RATING_COLUMNS = ("kind", "regime", "key", "rating", "attested", "valid_from", "valid_to", "source", "as_of", "licence")

Row = Sequence[str | int | float | None]


def write_register(fleet: Fleet, directory: Path, pack: RulePack, on: date) -> tuple[Path, Path, Path]:
    """Write ships, past inspections and lists as CSV in our own layouts; returns their paths."""
    return (
        _write(directory / "simulated_ships.csv", SHIP_COLUMNS, _ship_rows(fleet, pack, on)),
        _write(directory / "simulated_inspections.csv", INSPECTION_COLUMNS, _inspection_rows(fleet, pack, on)),
        _write(directory / "simulated_ratings.csv", RATING_COLUMNS, _rating_rows(fleet, pack, on)),
    )


def _ship_rows(fleet: Fleet, pack: RulePack, on: date) -> Iterable[Row]:
    for ship in fleet.ships:
        if not ship.registered:
            continue
        first, last = _history_days(ship, pack, on)
        volume = ship.loa_m * ship.beam_m * (ship.depth_m or 0.0)
        yield (
            f"{ship.imo:07d}", f"{ship.mmsi:09d}", ship.name, ship.call_sign, ship.flag, ship.ship_type, ship.built,
            round(0.22 * volume), ship.loa_m, ship.beam_m, ship.depth_m, round(ship.draught_m + 0.4, 1), ship.ro, ship.company,
            f"{ship.company} SHIPPING (SIMULATED)", first, last, ship.overriding_factor, ship.detained, ship.under_investigation,
            ship.trigger, ship.network_ok, ship.crew_skilled, ship.accepts_remote_risk, "yes", fleet.source, on.isoformat(),
            fleet.licence,
        )  # fmt: skip


def _history_days(ship: FleetShip, pack: RulePack, on: date) -> tuple[str, str]:
    if ship.history == "none":
        return "", ""
    months = pack.history_months if ship.history == "full" else pack.history_months // 3
    return add_months(on, -months).isoformat(), on.isoformat()


def _inspection_rows(fleet: Fleet, pack: RulePack, on: date) -> Iterable[Row]:
    for ship in fleet.ships:
        for days, deficiencies, detained in ship.inspections:
            yield (
                f"{ship.imo:07d}", (on - timedelta(days=days)).isoformat(), "SIMULATED AUTHORITY", pack.region, deficiencies,
                "yes" if detained else "no", fleet.source, on.isoformat(), fleet.licence,
            )  # fmt: skip


def _rating_rows(fleet: Fleet, pack: RulePack, on: date) -> Iterable[Row]:
    start = date(on.year if on.month >= 7 else on.year - 1, 7, 1)  # lists run from 1 July to 30 June
    end = date(start.year + 1, 6, 30)
    for kind, key, rating, attested in fleet.ratings:
        yield (
            kind, pack.regime, key, rating, "" if attested == "" else "yes" if attested else "no", start.isoformat(),
            end.isoformat(), fleet.source, on.isoformat(), fleet.licence,
        )  # fmt: skip


def _write(path: Path, header: Sequence[str], rows: Iterable[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(header)
        writer.writerows(rows)
    return path
